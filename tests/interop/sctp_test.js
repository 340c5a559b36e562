/*
 * sctp_test.js: what SCTP agrees on with browsers as they are and with what they keep behind field trials, and that data goes both
 * ways with it: I-DATA (RFC 8260), SNAP.
 */
'use strict';

const assert = require('assert');
const path = require('path');
const { startBrowser } = require('./lib/browsers.js');
const { randomFile, sha256OfFile } = require('./lib/files.js');
const { Hub } = require('./lib/hub.js');
const { Native } = require('./lib/native.js');
const { temporaryFolder, removeFolder } = require('./lib/paths.js');
const { RoomPage } = require('./lib/room_page.js');
const { test, run } = require('./lib/runner.js');

const FILE_SIZE = 3e6;
const MESSAGE_MAX = 262144;

const CASES = [
	{ kind: 'firefox', chunks: 'I-DATA' },
	{ kind: 'chromium', chunks: 'DATA' },
	{ kind: 'chromium', chunks: 'I-DATA', trial: 'WebRTC-DataChannelMessageInterleaving/Enabled/' },
	{ kind: 'chromium', chunks: 'DATA', trial: 'WebRTC-Sctp-Snap/Enabled/', snap: true },
];

function said(native, pattern) {
	return native.events.filter(({ event, layer, text }) => event === 'log' && layer === 'sctp' && pattern.test(text));
}

async function meet(t, { kind, trial, snap, browserCreates }) {
	const hub = await Hub.start();
	t.after(() => hub.stop());
	const browser = await startBrowser(kind, { flags: trial ? [`--force-fieldtrials=${trial}`] : [] });
	t.after(() => browser.close());
	const page = await RoomPage.open(await browser.open(), hub);
	t.onFailure(() => page.describe());
	const folder = temporaryFolder('sctp');
	t.after(() => removeFolder(folder));
	const sent = randomFile(path.join(folder, 'from native.bin'), FILE_SIZE);
	const options = ['-v', '--ice-server', 'none', '--send-file', sent.path, '--receive-dir', folder, ...(snap ? ['--snap'] : [])];
	const create = () => {
		const native = new Native(hub, [...(browserCreates ? ['join', room] : ['create', 'sctp']), ...options]);
		t.after(() => native.stop());
		t.onFailure(() => native.describe());
		return native;
	};
	const room = browserCreates ? await page.create('sctp') : null;
	const native = create();
	if (!browserCreates) await page.join(String((await native.event('created')).id));
	await Promise.all([page.connected(), native.event('channel', { state: 'open' })]);
	return { page, native, folder, sent };
}

for (const each of CASES) {
	for (const browserCreates of [true, false]) {
		const who = `${each.kind}${each.trial ? `, ${each.trial.split('/')[0]}` : ''}, ${browserCreates ? 'creates' : 'joins'}`;
		test(`sctp: ${who}: ${each.chunks}`, { limit: 120_000 }, async (t) => {
			const { page, native, folder, sent } = await meet(t, { ...each, browserCreates });
			assert.strictEqual(said(native, new RegExp(`^agreed: ${each.chunks},`)).length, 1);
			assert.strictEqual(said(native, /cookie/).length > 0, !each.snap);

			const texts = Array.from({ length: 20 }, (_, i) => 'x'.repeat(1 + (i * MESSAGE_MAX) / 20)).concat('y'.repeat(MESSAGE_MAX));
			await page.say(...texts);
			for (const text of texts) native.say(text);
			await native.wait('the messages', () => native.texts().length >= texts.length);
			assert.deepStrictEqual(native.texts(), texts);
			assert.deepStrictEqual(await page.heard(texts.length), texts);

			assert.strictEqual(await page.receivedFile(path.basename(sent.path)), sent.sha256);
			const back = randomFile(path.join(folder, 'from page.bin'), FILE_SIZE);
			await page.sendFile(back.path);
			const event = await native.event('file-received', { ok: true });
			assert.strictEqual(sha256OfFile(event.path), back.sha256);
			assert.strictEqual(said(native, /aborted|violation/).length, 0);
		});
	}
}

run();
