/*
 * talk.js: numbered messages both ways between the page and parley-room, one every few milliseconds, whatever happens to the path
 * meanwhile; and what became of them: each arrives once and in order, and how long there was silence.
 */
'use strict';

const EVERY_MS = 20;
const ARRIVE_MS = 30_000; /* for the last ones */

/* In the page. */
function startInPage(every) {
	const talk = { sent: 0, heard: [] };
	window.talk = talk;
	window.room.addEventListener('chat', ({ detail }) => {
		if (detail.from === 'them') talk.heard.push({ text: detail.text, at: Date.now() });
	});
	talk.timer = setInterval(() => {
		window.room.chat(`page ${talk.sent}`);
		talk.sent++;
	}, every);
}

function stopInPage() {
	clearInterval(window.talk.timer);
	return window.talk.sent;
}

class Talk {
	static async start(page, native) {
		const talk = new Talk();
		Object.assign(talk, { page, native, sent: 0, heard: [] });
		native.program.on('line', (line) => {
			const event = JSON.parse(line);
			if (event.event === 'message') talk.heard.push({ text: event.text, at: Date.now() });
		});
		await page.tab.evaluate(startInPage, EVERY_MS);
		talk.timer = setInterval(() => native.say(`native ${talk.sent++}`), EVERY_MS);
		return talk;
	}

	heardByPage() {
		return this.page.tab.evaluate(() => window.talk.heard);
	}

	/* Resolves once both have heard something that was sent after this call. */
	async flows(ms) {
		const from = { page: await this.page.tab.evaluate(() => window.talk.sent), native: this.sent };
		await this.page.tab.wait('message from parley-room', (n) => window.talk.heard.some(({ text }) => Number(text.split(' ')[1]) >= n), from.native, ms);
		await this.native.wait('message from the page', () => this.heard.some(({ text }) => Number(text.split(' ')[1]) >= from.page), ms);
	}

	/* No more is sent. Resolves once all has arrived, with what there is to hold against it: '' if nothing. */
	async stop() {
		clearInterval(this.timer);
		const fromPage = await this.page.tab.evaluate(stopInPage);
		const faults = [];
		try {
			await this.page.tab.wait('last message', (n) => window.talk.heard.length >= n, this.sent, ARRIVE_MS);
			await this.native.wait('last message', () => this.heard.length >= fromPage, ARRIVE_MS);
		} catch (error) {
			faults.push(error.message);
		}
		this.arrived = { page: await this.heardByPage(), native: this.heard };
		const compare = (who, heard, name, count) => {
			const wrong = heard.findIndex(({ text }, i) => text !== `${name} ${i}`);
			if (wrong >= 0) faults.push(`${who}: "${heard[wrong].text}" came as number ${wrong}`);
			if (heard.length !== count) faults.push(`${who}: ${heard.length} of ${count} messages`);
		};
		compare('the page', this.arrived.page, 'native', this.sent);
		compare('parley-room', this.arrived.native, 'page', fromPage);
		return faults.join('; ');
	}

	/* After stop(): the longest silence at either end that began or went on after a moment, in ms. */
	silenceAfter(moment) {
		const longest = (heard) => {
			let silence = 0;
			for (let i = 1; i < heard.length; i++) if (heard[i].at > moment) silence = Math.max(silence, heard[i].at - Math.max(heard[i - 1].at, moment));
			return silence;
		};
		return Math.max(longest(this.arrived.page), longest(this.arrived.native));
	}

	get count() {
		return this.arrived.page.length + this.arrived.native.length;
	}
}

module.exports = { Talk };
