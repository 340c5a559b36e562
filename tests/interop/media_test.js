/*
 * media_test.js: calls between parley-room and the page in Chromium and Firefox ESR, with fake cameras and microphones there and the
 * test picture and tone here: each codec both ways, and what changes in the middle of a call.
 *
 * A call takes 10 s, with PARLEY_LONG=1 30 s.
 */
'use strict';

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { Call } = require('./lib/call.js');
const { Watch, assertMovingPicture, assertRecording, assertTone, codecOf, find, loudness, sleep, statsOf, tool, writeClockFile } = require('./lib/media.js');
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

/* --- what changes in the middle of a call --- */

/* A file with nothing but a tone. */
async function writeVoice(folder) {
	const file = path.join(folder, 'voice.webm');
	await tool('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=60', '-c:a', 'libopus', '-ac', '2', file]);
	return file;
}

/* Waits until parley-room has got that many more frames of the browser's. */
async function framesArrive(native, count) {
	const framesNow = async () => find(await native.stats(), 'inbound-rtp', 'video')?.framesReceived ?? 0;
	const before = await framesNow();
	for (let tries = 0; (await framesNow()) < before + count; tries++) {
		assert.ok(tries < 50, 'no frames of the browser arrive');
		await sleep(100);
	}
}

/* The power of what the page hears within a second. */
async function powerNow(page) {
	await page.tab.wait('sound', async () => [...(await window.room.pc.getStats()).values()].some((each) => each.type === 'inbound-rtp' && each.kind === 'audio'), null, 5000);
	const before = find(await statsOf(page), 'inbound-rtp', 'audio');
	await sleep(1000);
	const after = find(await statsOf(page), 'inbound-rtp', 'audio');
	return (after.totalAudioEnergy - before.totalAudioEnergy) / (after.totalSamplesDuration - before.totalSamplesDuration);
}

async function seesClock(page) {
	await page.status('receiving', 'audio, video');
	await page.tab.wait('picture', () => document.getElementById('remote').videoWidth > 0, null, 10_000);
	const watch = await Watch.start(page);
	await sleep(1500);
	await watch.stop();
	assert.ok(watch.frames.length > 10, `${watch.frames.length} frames presented`);
	assert.ok(watch.frames.at(-1).strip > watch.frames[0].strip, 'the clock stands still');
}

async function seesNoPicture(page) {
	await page.status('receiving', 'audio');
	await page.tab.wait('end of the picture', () => document.getElementById('remote').srcObject.getVideoTracks().length === 0, null, 5000);
}

for (const [kind, browserCreates] of [['chromium', false], ['chromium', true], ['firefox', false], ['firefox', true]]) {
	test(`media: added, muted and removed in a call, ${kind} ${browserCreates ? 'creates' : 'joins'}`, { limit: 120_000 }, async (t) => {
		const folder = temporaryFolder('voice');
		t.after(() => removeFolder(folder));
		const args = ['--send', await writeVoice(folder), '--record', 'FOLDER/call.webm'];
		const { page, native, ...call } = await Call.start(t, kind, { browserCreates, voices: true, args });
		await page.status('sending', 'audio');
		await page.status('receiving', 'audio');
		assert.ok((await powerNow(page)) > 0.003, 'no voice');

		/* Pictures, from the browser and then from here. */
		await native.eventAfter(() => page.toggle('video'), 'track', { kind: 'video', direction: 'recvonly' });
		await page.status('sending', 'audio, video');
		await framesArrive(native, 20);
		await native.eventAfter(() => native.say('/send test'), 'track', { kind: 'video', direction: 'sendrecv' });
		await seesClock(page);

		/* Muted here, while the other side goes on negotiating. */
		native.say('/mute video');
		await seesNoPicture(page);
		await native.eventAfter(() => page.toggle('video'), 'track', { kind: 'video', direction: 'inactive' });
		await native.eventAfter(() => page.toggle('video'), 'track', { kind: 'video', direction: 'recvonly' });
		native.say('/unmute video');
		await seesClock(page);
		native.say('/mute audio');
		await page.status('receiving', 'video');
		native.say('/unmute audio');
		await page.status('receiving', 'audio, video');
		assert.ok((await powerNow(page)) > 0.003, 'no voice after the mute');

		/* Muted there: its silence is sent. Then the camera is taken away, and at last ours. */
		await page.toggle('audio');
		await page.status('sending', 'audio (muted), video');
		await native.eventAfter(() => page.toggle('video'), 'track', { kind: 'video', direction: 'sendonly' });
		await page.status('sending', 'audio (muted)');
		await sleep(2500);
		await native.eventAfter(() => native.say('/send none'), 'track', { kind: 'video', direction: 'inactive' });
		await page.status('receiving', null);

		await page.leave();
		await native.event('end');
		/* Each kind that comes later begins a further file. */
		const files = fs.readdirSync(call.folder).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
		const sounds = (await Promise.all(files.map((file) => loudness(path.join(call.folder, file))))).flat();
		assert.ok(Math.max(...sounds.slice(0, 50)) > 0.01, 'the browser was not heard');
		assert.ok(Math.max(...sounds.slice(-20)) < 0.003, `the browser was heard when muted: ${sounds.slice(-20).map((each) => each.toFixed(4))}`);
	});
}

run();
