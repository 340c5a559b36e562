/*
 * media_test.js: calls between parley-room and the page in Chromium and Firefox ESR, with fake cameras and microphones there and the
 * test picture and tone here: each codec both ways, and what changes in the middle of a call.
 *
 * A call takes 10 s, with PARLEY_LONG=1 30 s.
 */
'use strict';

const assert = require('assert');
const path = require('path');
const { Call } = require('./lib/call.js');
const { Watch, assertMovingPicture, assertRecording, assertTone, codecOf, sleep, writeClockFile } = require('./lib/media.js');
const { screenshot, temporaryFolder, removeFolder } = require('./lib/paths.js');
const { test, run } = require('./lib/runner.js');

const CALL_MS = process.env.PARLEY_LONG ? 30_000 : 10_000;
const LIMIT_MS = CALL_MS + 80_000;
const LEAVING_MS = 5000;
const SIZE = { width: 640, height: 360 };
const FFMPEG_NAMES = { vp8: 'vp8', vp9: 'vp9', h264: 'h264', av1: 'av1' };
/* Of the tone and its beep, 10 % of the time, by the way browsers measure it. */
const TONE_POWER = [0.02, 0.06];
const MIME = { vp8: 'video/VP8', vp9: 'video/VP9', h264: 'video/H264', av1: 'video/AV1' };

/* The whole of a call in one codec. size: of what parley-room sends. */
async function talk(t, kind, codec, { args, browserCreates = false, size = SIZE, power = TONE_POWER }) {
	const container = codec === 'h264' ? 'mkv' : 'webm';
	const record = `${codec}.${container}`;
	const call = await Call.start(t, kind, { browserCreates, args: [...args, '--codec', codec, '--record', `FOLDER/${record}`] });
	await call.picture();
	const watch = await Watch.start(call.page);
	await sleep(CALL_MS / 2);
	await call.page.say('Hello! I see your clock.');
	call.native.say('Hello! I hear you beep.');
	await sleep(CALL_MS / 2);
	await watch.stop();
	assert.deepStrictEqual(await call.page.heard(1), ['Hello! I hear you beep.']);
	await call.page.screenshot(screenshot(`media-${kind}-${codec}`));
	const seconds = await call.leave();
	await call.page.seesLeaving(LEAVING_MS);

	assert.strictEqual(codecOf(watch.after, 'inbound-rtp', 'video'), MIME[codec]);
	assert.strictEqual(codecOf(watch.after, 'inbound-rtp', 'audio'), 'audio/opus');
	assert.strictEqual(codecOf(watch.after, 'outbound-rtp', 'video'), MIME[codec]);
	assertMovingPicture(watch, { size });
	assertTone(watch, power);
	const recorded = await assertRecording(call.file(record), { codec: FFMPEG_NAMES[codec], seconds });
	console.log(`    # ${watch.summary()}; recorded ${recorded}`);
}

for (const [kind, codec, browserCreates] of [
	['chromium', 'vp8', false],
	['chromium', 'vp8', true],
	['firefox', 'vp8', false],
	['firefox', 'vp8', true],
	['chromium', 'h264', false],
	['chromium', 'vp9', false],
	['firefox', 'vp9', false],
]) {
	const who = browserCreates ? `${kind} creates` : `${kind} joins`;
	test(`media: ${codec} and opus both ways, ${who}`, { limit: LIMIT_MS }, (t) => talk(t, kind, codec, { browserCreates, args: ['--send', 'test'] }));
}

/* Encoding AV1 as it goes would ask too much of a small machine: a file in that codec is passed on as it is. */
test('media: av1 from a file and opus both ways, chromium joins', { limit: LIMIT_MS }, async (t) => {
	const folder = temporaryFolder('av1');
	t.after(() => removeFolder(folder));
	const file = path.join(folder, 'clock.webm');
	const encoder = ['-c:v', 'libsvtav1', '-preset', '10', '-g', '40', '-svtav1-params', 'pred-struct=1:lookahead=0', '-b:v', '300k'];
	await writeClockFile(file, { seconds: CALL_MS / 1000 + 15, width: 320, height: 180, fps: 20, encoder });
	await talk(t, 'chromium', 'av1', { args: ['--send', file], size: { width: 320, height: 180 }, power: [0.005, 0.015] });
});

run();
