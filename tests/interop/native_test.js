/*
 * native_test.js: parley-room and the page in Chromium and in Firefox ESR, each as the one who creates and the one who
 * joins, without a camera and with a fake one.
 */
'use strict';

const assert = require('assert');
const path = require('path');
const { KINDS, startBrowser } = require('./lib/browsers.js');
const { randomFile, sha256OfFile } = require('./lib/files.js');
const { Hub } = require('./lib/hub.js');
const { Native } = require('./lib/native.js');
const { screenshot, temporaryFolder, removeFolder } = require('./lib/paths.js');
const { RoomPage } = require('./lib/room_page.js');
const { test, run } = require('./lib/runner.js');

const LEAVING_MS = 5000;
const FILE_SIZE = 10e6;
const MESSAGE_MAX = 262144; /* what Chromium takes (max-message-size) */

function startNative(t, hub, args) {
	const native = new Native(hub, args);
	t.after(() => native.stop());
	t.onFailure(() => native.describe());
	return native;
}

/* Both in one room. nativeArgs: what parley-room is told beyond its command. */
async function meet(t, { hub, page, browserCreates, name, nativeArgs = [] }) {
	let native;
	if (browserCreates) {
		native = startNative(t, hub, ['join', await page.create(name), ...nativeArgs]);
	} else {
		native = startNative(t, hub, ['create', name, ...nativeArgs]);
		const { id } = await native.event('created');
		await page.join(String(id));
	}
	await Promise.all([page.connected(), native.event('connection', { state: 'connected' }), native.event('channel', { state: 'open' })]);
	return native;
}

async function exchangeChat(page, native) {
	const fromPage = Array.from({ length: 100 }, (_, i) => `page ${i} – ünïcode 🜂`);
	const fromNative = Array.from({ length: 100 }, (_, i) => `native ${i} – ünïcode 🜂 "quoted" \\`);
	await page.say(...fromPage);
	for (const text of fromNative) native.say(text);
	assert.deepStrictEqual(await page.heard(100), fromNative);
	await native.wait('100 messages', () => native.texts().length >= 100);
	assert.deepStrictEqual(native.texts(), fromPage);

	const large = 'L'.repeat(MESSAGE_MAX);
	const reserved = '{"parley":"file","id":1,"size":9}';
	await page.say(large, reserved);
	await native.wait('large message', () => native.texts().length >= 102);
	assert.deepStrictEqual(native.texts().slice(100), [large, reserved]);
	native.say(large);
	native.say(reserved);
	assert.deepStrictEqual((await page.heard(102)).slice(100), [large, reserved]);
}

async function exchangeFiles(page, native, sent, received) {
	assert.strictEqual(await page.receivedFile(path.basename(sent.path)), sent.sha256);
	await native.event('file-sent', { ok: true });

	await page.sendFile(received.path);
	const event = await native.event('file-received', { ok: true });
	assert.strictEqual(event.size, received.size);
	assert.strictEqual(sha256OfFile(event.path), received.sha256);
}

for (const kind of KINDS) {
	for (const browserCreates of [true, false]) {
		for (const camera of [false, true]) {
			const who = browserCreates ? `${kind} creates, native joins` : `native creates, ${kind} joins`;
			test(`native: ${who}, ${camera ? 'with' : 'without'} a camera`, { limit: 180_000 }, async (t) => {
				const hub = await Hub.start();
				t.after(() => hub.stop());
				const browser = await startBrowser(kind, { camera });
				t.after(() => browser.close());
				const page = await RoomPage.open(await browser.open(), hub);
				t.onFailure(() => page.describe());

				const folder = temporaryFolder('native');
				t.after(() => removeFolder(folder));
				const sent = randomFile(path.join(folder, 'from native.bin'), FILE_SIZE);
				const received = randomFile(path.join(folder, 'from page.bin'), FILE_SIZE);
				const inbox = temporaryFolder('inbox');
				t.after(() => removeFolder(inbox));

				const nativeArgs = ['--send-file', sent.path, '--receive-dir', inbox];
				const first = await meet(t, { hub, page, browserCreates, name: 'first', nativeArgs });
				await exchangeChat(page, first);
				await exchangeFiles(page, first, sent, received);
				await page.screenshot(screenshot(`native-${kind}-${browserCreates ? 'creates' : 'joins'}${camera ? '-camera' : ''}`));
				await page.leave();
				await first.wait('end', (events) => events.some(({ event }) => event === 'bye' || event === 'end'), LEAVING_MS);
				await first.program.exit(LEAVING_MS, 'parley-room goes on alone');

				const second = await meet(t, { hub, page, browserCreates, name: 'second', nativeArgs: ['--echo'] });
				await page.say('are you there?');
				assert.deepStrictEqual(await page.heard(1), ['are you there?']);
				const [{ code }] = await Promise.all([second.leave(), page.seesLeaving(LEAVING_MS)]);
				assert.strictEqual(code, 0);
			});
		}
	}
}

/* In the page: its candidates are told to nobody. */
function hideCandidates() {
	const { prototype } = RTCPeerConnection;
	const { get } = Object.getOwnPropertyDescriptor(prototype, 'localDescription');
	const localDescription = function () {
		const { type, sdp } = get.call(this);
		return { type, sdp: sdp.replace(/^a=candidate:.*\r\n/gm, '') };
	};
	Object.defineProperty(prototype, 'localDescription', { get: localDescription });
	Object.defineProperty(RTCPeerConnectionIceEvent.prototype, 'candidate', { value: null });
}

/* draft-ietf-rtcweb-mdns-ice-candidates: the browser has to ask for our names, as only it knows of somebody to send a check to. */
for (const kind of KINDS) {
	test(`native: ${kind} finds what is behind its names`, async (t) => {
		const hub = await Hub.start();
		t.after(() => hub.stop());
		const browser = await startBrowser(kind);
		t.after(() => browser.close());
		const page = await RoomPage.open(await browser.open(), hub);
		t.onFailure(() => page.describe());
		await page.tab.evaluate(hideCandidates);
		const native = await meet(t, { hub, page, name: 'names', nativeArgs: ['--ice-server', 'none', '--ice-mdns'] });
		const told = native.events.filter(({ event, candidate }) => event === 'candidate' && candidate);
		assert.ok(told.length > 0);
		for (const { candidate } of told) assert.match(candidate, /^candidate:\d+ 1 \w+ \d+ [-0-9a-f]{36}\.local \d+ typ host /);
		assert.strictEqual((await native.event('pair', {})).remoteType, 'prflx');
	});
}

test('native: two of them meet; one that is killed is missed', async (t) => {
	const hub = await Hub.start();
	t.after(() => hub.stop());
	const creator = startNative(t, hub, ['create', 'two', '--echo']);
	const { id } = await creator.event('created');
	const joiner = startNative(t, hub, ['join', String(id)]);
	await Promise.all([creator, joiner].map((native) => native.event('channel', { state: 'open' })));
	joiner.say('hello');
	await joiner.event('message', { text: 'hello' });
	joiner.program.signal('SIGKILL');
	await creator.wait('end', (events) => events.some(({ event }) => event === 'bye' || event === 'end'), LEAVING_MS);
});

run();
