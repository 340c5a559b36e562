/*
 * media.js: looks at audio and video: what a page plays, by the clock strip of parley-room's test picture and its tone, what its
 * getStats says, and what a recorded file holds, by ffprobe and ffmpeg.
 *
 * The strip (apps/parley-room/test_picture.h) is 32 blocks along the lower edge: the sender's milliseconds, the highest bit leftmost.
 */
'use strict';

const assert = require('assert');
const { execFile } = require('child_process');
const { randomBytes } = require('crypto');
const fs = require('fs');
const path = require('path');
const { promisify } = require('util');

const TONE_HZ = 440;
const BEEP_HZ = 880;
const TOOL_LIMIT_MS = 60_000;
const OUTPUT_MAX = 256 << 20;
const run = promisify(execFile);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* --- what a page plays --- */

/* In the page: notes each frame that #remote presents, and ten times a second how it sounds. */
function startWatching() {
	const video = document.getElementById('remote');
	const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 1 });
	const context = canvas.getContext('2d', { willReadFrequently: true });
	const watch = { frames: [], sounds: [], stopped: false };
	window.watch = watch;

	const readStrip = () => {
		context.drawImage(video, 0, video.videoHeight * 0.95, video.videoWidth, 1, 0, 0, canvas.width, 1);
		const { data } = context.getImageData(0, 0, canvas.width, 1);
		let value = 0;
		for (let block = 0; block < 32; block++) value = value * 2 + (data[4 * (block * 10 + 5) + 1] >= 128 ? 1 : 0);
		return value;
	};
	const onFrame = (now, metadata) => {
		if (watch.stopped) return;
		watch.frames.push({ at: now, strip: readStrip(), width: video.videoWidth, height: video.videoHeight, presented: metadata.presentedFrames });
		video.requestVideoFrameCallback(onFrame);
	};
	video.requestVideoFrameCallback(onFrame);

	const track = video.srcObject?.getAudioTracks()[0];
	if (!track) return;
	const audio = new AudioContext();
	const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
	audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
	const bins = new Float32Array(analyser.frequencyBinCount);
	const listen = () => {
		if (watch.stopped) {
			audio.close();
			return;
		}
		analyser.getFloatFrequencyData(bins);
		let peak = 0;
		for (let i = 1; i < bins.length; i++) if (bins[i] > bins[peak]) peak = i;
		watch.sounds.push({ at: performance.now(), hz: (peak * audio.sampleRate) / analyser.fftSize, db: bins[peak] });
		setTimeout(listen, 100);
	};
	audio.resume().then(listen);
}

function stopWatching() {
	window.watch.stopped = true;
	return { frames: window.watch.frames, sounds: window.watch.sounds };
}

/* Reads what a page plays for a while. */
class Watch {
	static async start(page) {
		const watch = new Watch();
		watch.page = page;
		await page.tab.page.bringToFront(); /* what is not seen is not drawn */
		await page.tab.evaluate(startWatching);
		watch.before = await statsOf(page);
		return watch;
	}

	async stop() {
		this.after = await statsOf(this.page);
		Object.assign(this, await this.page.tab.evaluate(stopWatching));
		return this;
	}

	/* The growth of a counter of the page's inbound-rtp. */
	grew(kind, counter) {
		const of = (stats) => find(stats, 'inbound-rtp', kind)?.[counter] ?? 0;
		return of(this.after) - of(this.before);
	}

	/* The longest time, ms, for which the picture's own clock stood still. */
	longestFreeze() {
		let longest = 0;
		let last = this.frames[0];
		for (const frame of this.frames) {
			if (frame.strip === last.strip) continue;
			longest = Math.max(longest, frame.at - last.at);
			last = frame;
		}
		return Math.max(longest, this.frames.at(-1).at - last.at);
	}

	/* Text for people. */
	summary() {
		const seconds = (this.frames.at(-1).at - this.frames[0].at) / 1000;
		const { width, height } = this.frames.at(-1);
		return `${this.frames.length} frames of ${width}x${height} in ${seconds.toFixed(1)} s, longest freeze ${this.longestFreeze().toFixed(0)} ms, ` +
			`${this.grew('video', 'framesDropped')} of ${this.grew('video', 'framesReceived')} dropped`;
	}
}

/* size: {width, height} as sent. dropped: the share that may be. freeze: ms */
function assertMovingPicture(watch, { size, dropped = 0.02, freeze = 1000 }) {
	const { frames } = watch;
	assert.ok(frames.length > 20, `${frames.length} frames presented`);
	const last = frames.at(-1);
	assert.deepStrictEqual({ width: last.width, height: last.height }, size);
	const received = watch.grew('video', 'framesReceived');
	assert.ok(watch.grew('video', 'framesDropped') < dropped * received, `too many dropped: ${watch.summary()}`);

	const backwards = frames.filter((frame, i) => i > 0 && frame.strip < frames[i - 1].strip);
	assert.deepStrictEqual(backwards, [], 'the clock in the picture goes backwards');
	const shown = last.strip - frames[0].strip;
	const passed = last.at - frames[0].at;
	assert.ok(Math.abs(shown - passed) < 0.1 * passed + 200, `the picture's clock went ${shown} ms in ${passed.toFixed(0)} ms`);
	assert.ok(watch.longestFreeze() < freeze, watch.summary());
}

/* What getStats calls energy, per second; a browser without any audio device (Firefox) runs no AudioContext to look at frequencies. */
function powerOf(watch) {
	return watch.grew('audio', 'totalAudioEnergy') / watch.grew('audio', 'totalSamplesDuration');
}

/* power: [least, most] of the sound sent */
function assertTone(watch, power) {
	const found = powerOf(watch);
	assert.ok(found > power[0] && found < power[1], `audio energy ${found} a second, not within ${power.join(' .. ')}`);
	if (watch.sounds.length === 0 && watch.page.tab.browser.kind === 'firefox') return;
	const loud = watch.sounds.filter((sound) => sound.db > -60);
	assert.ok(loud.length > 0.8 * watch.sounds.length, `${loud.length} of ${watch.sounds.length} looks found a sound`);
	const near = (sound, hz) => Math.abs(sound.hz - hz) < 12;
	const tone = loud.filter((sound) => near(sound, TONE_HZ) || near(sound, BEEP_HZ));
	assert.ok(tone.length > 0.9 * loud.length, `other sounds than the tone: ${loud.map((sound) => sound.hz.toFixed(0)).join(' ')}`);
	assert.ok(tone.some((sound) => near(sound, TONE_HZ)), 'never 440 Hz');
}

/* --- getStats --- */

/* A page's stats as an array of the W3C's dictionaries. */
function statsOf(page) {
	return page.tab.evaluate(async () => [...(await window.room.pc.getStats()).values()]);
}

/* The busiest of that type and kind: browsers keep those of streams that have gone. */
function find(stats, type, kind) {
	const found = stats.filter((each) => each.type === type && (!kind || each.kind === kind));
	const busy = (each) => each.packetsReceived ?? each.packetsSent ?? 0;
	return found.reduce((best, each) => (!best || busy(each) > busy(best) ? each : best), null);
}

/* "video/VP8" */
function codecOf(stats, type, kind) {
	const stream = find(stats, type, kind);
	return stats.find((each) => each.id === stream?.codecId)?.mimeType ?? null;
}

/* --- files --- */

async function tool(name, args, options = {}) {
	return run(name, args, { timeout: TOOL_LIMIT_MS, maxBuffer: OUTPUT_MAX, ...options });
}

async function probe(file) {
	const args = ['-v', 'error', '-count_packets', '-show_streams', '-show_format', '-of', 'json', file];
	const { format, streams } = JSON.parse((await tool('ffprobe', args)).stdout);
	return { seconds: Number(format.duration), streams };
}

/* The duration of each stream by its packets' times: containers that are written as they go do not name it. */
async function lengthOf(file, stream) {
	const args = ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file];
	const times = (await tool('ffprobe', args)).stdout.split('\n').map(parseFloat).filter((time) => !Number.isNaN(time));
	return times.length ? Math.max(...times) - Math.min(...times) : 0;
}

/* Small grey pictures, ten a second. */
async function greyFrames(file, width = 64, height = 36) {
	const filter = `fps=10,scale=${width}:${height}`;
	const args = ['-v', 'error', '-i', file, '-map', '0:v:0', '-vf', filter, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
	const { stdout } = await tool('ffmpeg', args, { encoding: 'buffer' });
	const size = width * height;
	return Array.from({ length: Math.floor(stdout.length / size) }, (_, i) => stdout.subarray(i * size, (i + 1) * size));
}

/* The sound's effective value, of full scale, in each tenth of a second. */
async function loudness(file) {
	const { stdout } = await tool('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:a:0', '-ac', '1', '-ar', '8000', '-f', 's16le', '-'], { encoding: 'buffer' });
	const piece = 1600; /* bytes: 0.1 s */
	return Array.from({ length: Math.floor(stdout.length / piece) }, (_, i) => {
		let sum = 0;
		for (let at = i * piece; at < (i + 1) * piece; at += 2) sum += (stdout.readInt16LE(at) / 32768) ** 2;
		return Math.sqrt(sum / (piece / 2));
	});
}

const meanOf = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;

/*
 * What a native peer recorded of a browser's fake camera and microphone: of the right codecs and length, decodable, moving, audible.
 * codec: ffmpeg's name of the video's. Gives what there is to tell of it.
 */
async function assertRecording(file, { codec, seconds }) {
	assert.ok(fs.existsSync(file), `${path.basename(file)} was not written: ${fs.readdirSync(path.dirname(file))}`);
	const { streams } = await probe(file);
	const names = streams.map((each) => `${each.codec_type} ${each.codec_name}`).sort();
	assert.deepStrictEqual(names, ['audio opus', `video ${codec}`]);
	const [video, audio] = [await lengthOf(file, 'v:0'), await lengthOf(file, 'a:0')];
	for (const [kind, length] of [['video', video], ['audio', audio]]) {
		assert.ok(Math.abs(length - seconds) < 0.1 * seconds + 1.5, `${length.toFixed(1)} s of ${kind} in a call of ${seconds.toFixed(1)} s`);
	}

	const { stderr } = await tool('ffmpeg', ['-v', 'error', '-i', file, '-fps_mode', 'passthrough', '-enc_time_base:v', '-1', '-f', 'null', '-']);
	assert.strictEqual(stderr, '', 'it does not decode without errors');

	const frames = await greyFrames(file);
	const changes = frames.slice(1).map((frame, i) => meanOf(frame.map((value, at) => Math.abs(value - frames[i][at]))));
	const moving = changes.filter((change) => change > 0.1).length;
	assert.ok(moving > 0.5 * changes.length, `${moving} of ${changes.length} pictures differ from the one before`);
	const luma = meanOf(frames.map(meanOf));
	assert.ok(luma > 16 && luma < 235, `mean luma ${luma.toFixed(0)}`);
	const sounds = await loudness(file);
	assert.ok(Math.max(...sounds) > 0.01, 'no sound in it');
	const { width, height } = streams.find((each) => each.codec_type === 'video');
	return `${path.extname(file)} with ${video.toFixed(1)} s of ${codec} ${width}x${height} and ${audio.toFixed(1)} s of opus`;
}

/*
 * A file as of another sender: its picture has the clock strip, too, and it sounds 440 Hz. encoder: ffmpeg's arguments.
 * noise: of an amplitude, in the upper half, so that an encoder can spend whatever it is given.
 */
async function writeClockFile(file, { seconds, width = 320, height = 180, fps = 20, encoder, noise = 0 }) {
	const raw = `${file}.yuv`;
	const out = fs.openSync(raw, 'w');
	const picture = Buffer.alloc((width * height * 3) / 2, 128);
	const stripTop = Math.floor(height * 0.9);
	const grain = Buffer.from(randomBytes(noise ? width * height : 0).map((byte) => 110 + ((byte - 128) * noise) / 128));
	for (let i = 0; i < seconds * fps; i++) {
		picture.fill(90, 0, width * stripTop);
		if (noise) grain.copy(picture, 0, Math.floor(Math.random() * grain.length / 2), undefined);
		picture.fill(90, width * Math.floor(height / 2), width * stripTop);
		const square = (i * 7) % (width - 40); /* something that moves */
		for (let y = 40; y < 80; y++) picture.fill(200, y * width + square, y * width + square + 40);
		const ms = Math.round((i * 1000) / fps);
		for (let x = 0; x < width; x++) picture[stripTop * width + x] = (ms >>> (31 - Math.floor((x * 32) / width))) & 1 ? 235 : 16;
		for (let y = stripTop + 1; y < height; y++) picture.copyWithin(y * width, stripTop * width, (stripTop + 1) * width);
		fs.writeSync(out, picture);
	}
	fs.closeSync(out);
	await tool('ffmpeg', [
		'-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', String(fps), '-i', raw,
		'-f', 'lavfi', '-i', `sine=frequency=${TONE_HZ}:sample_rate=48000:duration=${seconds}`,
		...encoder, '-c:a', 'libopus', '-b:a', '48k', '-ac', '2', '-shortest', file,
	]);
	fs.unlinkSync(raw);
}

module.exports = {
	Watch, assertMovingPicture, assertRecording, assertTone, codecOf, find, greyFrames, loudness, powerOf, sleep, statsOf, tool, writeClockFile,
};
