/*
 * video_test.js: a video call with each browser works, however slow the machine: pictures and sound arrive on both sides. How
 * well is for media_test.js and link_test.js to say (make test-calls), which measure time and want the machine for themselves.
 */
'use strict';

const assert = require('assert');
const { KINDS } = require('./lib/browsers.js');
const { Call } = require('./lib/call.js');
const { codecOf, find, statsOf } = require('./lib/media.js');
const { test, run } = require('./lib/runner.js');

const LIMIT_MS = 150_000;
const ENOUGH_MS = 60_000;
const FRAMES = 40;

async function until(what, check) {
	const end = Date.now() + ENOUGH_MS;
	for (;;) {
		if (await check()) return;
		assert.ok(Date.now() < end, `no ${what} after ${ENOUGH_MS / 1000} s`);
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
}

async function flows(page, native) {
	await until('pictures in the page', async () => (find(await statsOf(page), 'inbound-rtp', 'video')?.framesDecoded ?? 0) >= FRAMES);
	await until('sound in the page', async () => (find(await statsOf(page), 'inbound-rtp', 'audio')?.totalAudioEnergy ?? 0) > 0);
	await until('pictures here', async () => (find(await native.stats(), 'inbound-rtp', 'video')?.framesReceived ?? 0) >= FRAMES);
	await until('sound here', async () => (find(await native.stats(), 'inbound-rtp', 'audio')?.packetsReceived ?? 0) >= FRAMES);
}

for (const kind of KINDS) {
	test(`video: both ways, ${kind} joins`, { limit: LIMIT_MS }, async (t) => {
		const { page, native } = await Call.start(t, kind, { args: ['--send', 'test', '--codec', 'vp8', '--record', 'FOLDER/call.webm'] });
		await flows(page, native);
		assert.strictEqual(codecOf(await statsOf(page), 'inbound-rtp', 'video'), 'video/VP8');
	});
}

test('video: both ways, chromium creates, vp9', { limit: LIMIT_MS }, async (t) => {
	const { page, native } = await Call.start(t, 'chromium', { browserCreates: true, args: ['--send', 'test', '--codec', 'vp9'] });
	await flows(page, native);
});

run();
