/*
 * channels_test.js: data channels with Chromium in size and number: messages as large as it takes, 1,000 channels at once, every stream
 * id opened and closed, and what bufferedAmount says.
 *
 * Chromium takes the lowest free ids of its parity, which is its DTLS role's: even where it joins, odd where it creates. With PARLEY_LONG
 * it has all of them open at once, 65,535 in both calls together.
 */
'use strict';

const assert = require('assert');
const { startBrowser } = require('./lib/browsers.js');
const { Hub } = require('./lib/hub.js');
const { Native } = require('./lib/native.js');
const { RoomPage } = require('./lib/room_page.js');
const { test, run } = require('./lib/runner.js');

const LONG = Boolean(process.env.PARLEY_LONG);
const MESSAGE_MAX = 262_144; /* what Chromium takes (max-message-size) */
const IDS = LONG ? 65_535 : 4095;
const AT_ONCE = 1000;
const STEP = 1000; /* channels that are opened in one task: with more the page is busy so long that the hub gives it up */
const CLOSE_STEP = 100; /* ... that are closed: of 1,000, when there are ten times as many, Chromium at times never asks to reset some */
const BUFFERED_SIZES = [1, 1000, 65_536, ...Array(8).fill(MESSAGE_MAX), 3];
const BUFFERED_LOW = 100_000;

/* In one room, where parley-room answers each message, on whatever channel, with itself. */
async function meet(t, { browserCreates = false } = {}) {
	const hub = await Hub.start();
	t.after(() => hub.stop());
	const browser = await startBrowser('chromium');
	t.after(() => browser.close());
	const page = await RoomPage.open(await browser.open(), hub);
	t.onFailure(() => page.describe());
	const create = (...args) => {
		const native = new Native(hub, [...args, '--ice-server', 'none', '--echo']);
		t.after(() => native.stop());
		t.onFailure(() => native.describe());
		return native;
	};
	let native;
	if (browserCreates) {
		native = create('join', await page.create('channels'));
	} else {
		native = create('create', 'channels');
		await page.join(String((await native.event('created')).id));
	}
	await Promise.all([page.connected(), native.event('channel', { state: 'open' })]);
	return { page, native };
}

/* Opens so many channels and keeps them; each sends its label and waits for the echo. Resolves with their ids, in order. */
async function open(page, count) {
	return page.tab.evaluate(async ({ wanted, step }) => {
		const talk = (i) => new Promise((resolve, reject) => {
			const channel = window.room.pc.createDataChannel(`channel ${i}`);
			channel.onopen = () => channel.send(channel.label);
			channel.onmessage = ({ data }) => (data === channel.label ? resolve(channel) : reject(new Error(`${channel.label} got ${data}`)));
			channel.onclose = () => reject(new Error(`${channel.label} was closed`));
		});
		window.opened = [];
		for (let n; (n = Math.min(step, wanted - window.opened.length)) > 0; ) {
			const first = window.opened.length;
			window.opened.push(...(await Promise.all(Array.from({ length: n }, (_, i) => talk(first + i)))));
		}
		return window.opened.map(({ id }) => id).sort((a, b) => a - b);
	}, { wanted: count, step: STEP });
}

async function close(page) {
	await page.tab.evaluate(async (step) => {
		const end = (channel) => new Promise((resolve) => {
			channel.onclose = resolve;
			channel.close();
		});
		while (window.opened.length) await Promise.all(window.opened.splice(-step).map(end));
	}, CLOSE_STEP);
}

/* Those of parley-room, with that of the room. */
async function channelsOf(native) {
	const { dataChannelsOpened, dataChannelsClosed } = (await native.stats()).find(({ type }) => type === 'peer-connection');
	return dataChannelsOpened - dataChannelsClosed;
}

for (const browserCreates of [false, true]) {
	const first = browserCreates ? 1 : 0;
	const all = Array.from({ length: Math.floor((IDS + 1 - first) / 2) }, (_, i) => first + 2 * i);
	test(`channels: ids ${first}, ${first + 2} to ${all.at(-1)} open at once, and again`, { limit: LONG ? 900_000 : 120_000 }, async (t) => {
		const { page, native } = await meet(t, { browserCreates });
		const ids = browserCreates ? all.slice(1) : all; /* the room's channel has the first */
		for (let round = 0; round < 2; round++) {
			assert.deepStrictEqual(await open(page, ids.length), ids);
			assert.strictEqual(await channelsOf(native), ids.length + 1);
			await close(page);
		}
		assert.strictEqual(await channelsOf(native), 1);
	});
}

test(`channels: ${AT_ONCE} at once, each with messages of its own`, async (t) => {
	const { page, native } = await meet(t);
	await open(page, AT_ONCE);
	const wrong = await page.tab.evaluate(async (rounds) => {
		const texts = (channel) => Array.from({ length: rounds }, (_, i) => `${i} of ${channel.label}`);
		const talk = (channel) => new Promise((resolve) => {
			const got = [];
			channel.onmessage = ({ data }) => got.push(data) === rounds && resolve(got.some((text, i) => text !== texts(channel)[i]));
			for (const text of texts(channel)) channel.send(text);
		});
		return (await Promise.all(window.opened.map(talk))).filter(Boolean).length;
	}, 20);
	assert.strictEqual(wrong, 0);
	assert.strictEqual(await channelsOf(native), AT_ONCE + 1);
});

test('channels: messages of 256 KiB, there and back', async (t) => {
	const { page } = await meet(t);
	const wrong = await page.tab.evaluate(async ({ size, count }) => {
		const message = (i) => Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8) * 7 + i) & 255);
		const channel = window.room.pc.createDataChannel('large');
		channel.binaryType = 'arraybuffer';
		const got = [];
		const all = new Promise((resolve) => {
			channel.onmessage = ({ data }) => got.push(new Uint8Array(data)) === count && resolve();
		});
		await new Promise((resolve) => { channel.onopen = resolve; });
		for (let i = 0; i < count; i++) channel.send(message(i));
		await all;
		return got.filter((bytes, i) => bytes.length !== size || message(i).some((byte, at) => byte !== bytes[at])).length;
	}, { size: MESSAGE_MAX, count: 20 });
	assert.strictEqual(wrong, 0);
});

/* W3C webrtc-pc 6.2: what was sent in this task all counts; the event comes once, when the amount falls to the threshold or below. */
test("channels: Chromium's bufferedAmount", async (t) => {
	const { page } = await meet(t);
	const seen = await page.tab.evaluate(async ({ sizes, threshold }) => {
		const channel = window.room.pc.createDataChannel('buffered');
		const lows = [];
		let echoed = 0;
		const all = new Promise((resolve) => {
			channel.onmessage = ({ data }) => (echoed += data.length) === sizes.reduce((sum, size) => sum + size) && resolve();
		});
		await new Promise((resolve) => { channel.onopen = resolve; });
		channel.bufferedAmountLowThreshold = threshold;
		channel.onbufferedamountlow = () => lows.push(channel.bufferedAmount);
		const amounts = sizes.map((size) => {
			channel.send('x'.repeat(size));
			return channel.bufferedAmount;
		});
		await all;
		return { amounts, lows, last: channel.bufferedAmount };
	}, { sizes: BUFFERED_SIZES, threshold: BUFFERED_LOW });
	let sum = 0;
	assert.deepStrictEqual(seen.amounts, BUFFERED_SIZES.map((size) => (sum += size)));
	assert.strictEqual(seen.lows.length, 1);
	assert.ok(seen.lows[0] <= BUFFERED_LOW);
	assert.strictEqual(seen.last, 0);
});

run();
