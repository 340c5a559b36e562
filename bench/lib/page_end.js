/*
 * page_end.js: an end of a measured connection that is a page of Chromium. bench/ends/traffic.h says what an end is told and says, and what
 * the messages are; inPage() is the same as parley_end.c and traffic.c for a page.
 */
'use strict';

const { EventEmitter } = require('events');
const { startBrowser } = require('../../tests/interop/lib/browsers.js');

const DEFAULTS = { size: 65536, paced: 0, interval: 10_000, skip: 300, count: 2000 };

/* Runs in the page; window.benchSay(line) takes what it says, window.benchTell(line) is what it is told by. */
function inPage({ role, options }) {
	const HIGH = 256 * 1024;
	const LOW = 128 * 1024;
	const TICK_MS = 5;
	const say = (line) => window.benchSay(line);
	const pc = new RTCPeerConnection();
	const sizes = { bulk: options.size, paced: options.paced };

	function numbered(size) {
		const bytes = new Uint8Array(size);
		const view = new DataView(bytes.buffer);
		let next = 0;
		return (dueMs) => {
			view.setUint32(4, next++);
			view.setFloat64(8, dueMs);
			return bytes;
		};
	}

	function sendBulk(channel) {
		const fill = numbered(options.size);
		const pump = () => {
			while (channel.bufferedAmount < HIGH) channel.send(fill(0));
		};
		channel.bufferedAmountLowThreshold = LOW;
		channel.onbufferedamountlow = pump;
		pump();
	}

	function sendPaced(channel) {
		const fill = numbered(options.paced);
		let due = performance.timeOrigin + performance.now();
		setInterval(() => {
			for (const now = performance.timeOrigin + performance.now(); due <= now; due += options.interval / 1000) channel.send(fill(due));
		}, 1);
	}

	const meter = { phase: 'waiting', began: 0, latencies: [], bulk: { next: 0, bytes: 0, messages: 0, wrong: 0 }, paced: { next: 0, bytes: 0, messages: 0, wrong: 0 } };

	function take(name, data) {
		const stream = meter[name];
		const view = new DataView(data);
		if (meter.phase === 'waiting') Object.assign(meter, { phase: 'skipping', began: performance.now() });
		if (data.byteLength !== sizes[name] || view.getUint32(4) !== stream.next) stream.wrong++;
		stream.next++;
		if (meter.phase !== 'counting') return;
		stream.messages++;
		stream.bytes += data.byteLength;
		if (name === 'paced') meter.latencies.push(performance.timeOrigin + performance.now() - view.getFloat64(8));
	}

	function tick() {
		const passed = performance.now() - meter.began;
		if (meter.phase === 'skipping' && passed >= options.skip) {
			say('begin');
			Object.assign(meter, { phase: 'counting', began: performance.now() });
		} else if (meter.phase === 'counting' && passed >= options.count) {
			meter.phase = 'over';
			const sorted = meter.latencies.sort((a, b) => a - b);
			const at = (share) => Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 1000);
			say(`result ${JSON.stringify({
				seconds: passed / 1000, bytes: meter.bulk.bytes, messages: meter.bulk.messages, wrong: meter.bulk.wrong + meter.paced.wrong,
				paced: meter.paced.messages, gaps: 0, p50_us: at(0.5), p99_us: at(0.99), max_us: at(1),
			})}`);
		}
	}

	async function describe() {
		const complete = new Promise((resolve) => {
			pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
		});
		await pc.setLocalDescription();
		await complete;
		say(`signal ${pc.localDescription.sdp.replaceAll('\r\n', '|')}`);
	}

	const channels = {};
	async function offer() {
		const began = performance.now();
		const opened = Object.keys(sizes).filter((name) => sizes[name] > 0).map((name) => {
			channels[name] = pc.createDataChannel(name);
			return new Promise((resolve) => (channels[name].onopen = resolve));
		});
		await describe();
		await Promise.all(opened);
		say(`open ${(performance.now() - began).toFixed(3)}`);
	}

	function go() {
		if (channels.bulk) sendBulk(channels.bulk);
		if (channels.paced) sendPaced(channels.paced);
	}

	async function takeDescription(text) {
		await pc.setRemoteDescription({ type: role === 'send' ? 'answer' : 'offer', sdp: text.replaceAll('|', '\r\n') });
		if (role === 'receive') await describe();
	}

	pc.ondatachannel = ({ channel }) => {
		channel.binaryType = 'arraybuffer';
		channel.onmessage = ({ data }) => take(channel.label, data);
	};
	if (role === 'receive') setInterval(tick, TICK_MS);
	window.benchTell = (line) => {
		if (line === 'connect') offer();
		else if (line === 'go') go();
		else if (line.startsWith('signal ')) takeDescription(line.slice(7));
	};
	say('ready');
}

class PageEnd extends EventEmitter {
	/* browser: of startPages(). */
	constructor(browser, role, options) {
		super();
		this.browser = browser;
		this.told = this.#start(role, { ...DEFAULTS, ...options }).catch((error) => this.emit('gone', `chromium ${role}: ${error.message}`));
	}

	async #start(role, options) {
		for (const key of Object.keys(DEFAULTS)) options[key] = Number(options[key]);
		this.tab = await this.browser.open();
		await this.tab.page.exposeFunction('benchSay', (line) => {
			this.emit('line', line);
		});
		await this.tab.evaluate(inPage, { role, options });
	}

	say(line) {
		this.told = this.told.then(() => this.tab.evaluate((text) => window.benchTell(text), line)).catch((error) => this.emit('gone', error.message));
	}

	get processes() {
		return [this.browser.program.child.pid];
	}

	async stop() {
		await this.told;
		await this.tab?.close();
	}
}

/* A browser for PageEnds, whose pages tell each other and programs their loopback addresses. */
function startPages() {
	return startBrowser('chromium', { camera: true, flags: ['--allow-loopback-in-peer-connection'] });
}

module.exports = { PageEnd, startPages };
