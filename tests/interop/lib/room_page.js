/* room_page.js: the room page in a tab, used as a person uses it; what it knows is read from window.room. */
'use strict';

const fs = require('fs');
const path = require('path');

const WAIT_MS = 20_000;
const byId = (id) => `[data-testid="${id}"]`;

class RoomPage {
	/* query: of the page's address; by default without ICE servers, so that no test needs more than this machine. */
	static async open(tab, hub, query = 'ice=none') {
		const page = new RoomPage();
		page.tab = tab;
		await tab.goto(`${hub.origin}/?${query}`);
		await page.status('hub', 'Connected');
		return page;
	}

	/* Waits until a state of the status section has one of the values. */
	status(key, ...values) {
		return this.#wait(`${key} ${values.join(' or ')}`, ([name, wanted]) => wanted.includes(window.room?.status[name]), [key, values]);
	}

	/* The room's id. */
	async create(name) {
		await this.tab.fill(byId('room-name'), name);
		await this.tab.click(byId('create'));
		await this.status('room', 'waiting');
		return this.tab.evaluate(() => window.room.id);
	}

	async join(id) {
		await this.#wait(`room ${id} in the list`, (selector) => document.querySelector(selector) !== null, byId(`join-${id}`));
		await this.tab.click(byId(`join-${id}`));
	}

	async connected() {
		await this.status('room', 'connected');
		await this.status('connection', 'connected');
		await this.status('path', await this.#wait('path', () => window.room.path));
	}

	/* The buttons: kind is 'audio' or 'video'. */
	async toggle(kind) {
		await this.tab.click(byId(kind === 'audio' ? 'microphone' : 'camera'));
	}

	async leave() {
		await this.tab.click(byId('leave'));
		await this.status('room', 'idle');
	}

	/* Resolves with the milliseconds that it took to see it. */
	async seesLeaving(ms) {
		const began = Date.now();
		await this.#wait('end of the call', () => window.room.state === 'idle', null, ms);
		return Date.now() - began;
	}

	say(...texts) {
		return this.tab.evaluate((each) => {
			const input = document.getElementById('text');
			for (const text of each) {
				input.value = text;
				input.form.requestSubmit();
			}
		}, texts);
	}

	/* What the other side said, once there are that many. */
	heard(count) {
		return this.#wait(`${count} messages`, (wanted) => {
			const texts = window.room.messages.filter((each) => each.from === 'them').map((each) => each.text);
			return texts.length >= wanted && texts;
		}, count);
	}

	/* Resolves once the other side has verified it. */
	async sendFile(file, ms = 60_000) {
		await this.tab.setFiles(byId('file'), file);
		await this.#transfer('send', path.basename(file), ms);
	}

	/* The SHA-256 of a file that was received, by the browser's own hash. */
	async receivedFile(name, ms = 60_000) {
		await this.#transfer('receive', name, ms);
		return this.tab.evaluate(async (wanted) => {
			const { blob } = window.room.transfers.find((each) => each.name === wanted && each.blob);
			const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
			return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
		}, name);
	}

	async #transfer(direction, name, ms) {
		const state = await this.#wait(`end of ${direction} ${name}`, ([way, wanted]) => {
			const transfer = window.room.transfers.find((each) => each.direction === way && each.name === wanted);
			return ['done', 'failed'].includes(transfer?.state) && transfer.state;
		}, [direction, name], ms);
		if (state !== 'done') throw new Error(`${direction} ${name}: ${state}`);
	}

	#wait(what, body, argument, ms = WAIT_MS) {
		return this.tab.wait(what, body, argument, ms);
	}

	async describe() {
		const seen = await this.tab.evaluate(() => ({
			...window.room?.status,
			toasts: [...document.querySelectorAll('.toast p')].map((each) => each.textContent),
		}));
		return `${this.tab.browser.kind} ${JSON.stringify(seen)} ${this.tab.errors.join('; ')}`;
	}

	async screenshot(file) {
		await this.tab.screenshot(file);
		if (fs.statSync(file).size < 1000) throw new Error(`${file} is no picture`);
	}
}

module.exports = { RoomPage };
