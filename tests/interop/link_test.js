/*
 * link_test.js: calls over an emulated link (tests/support/linkem) between two network namespaces: packets that are lost, and a rate
 * that drops and comes back. Needs root, for the namespaces.
 */
'use strict';

const assert = require('assert');
const path = require('path');
const { Call } = require('./lib/call.js');
const { Link, insideNamespaces } = require('./lib/link.js');
const { Watch, assertMovingPicture, find, sleep, writeClockFile } = require('./lib/media.js');
const { BUILD, temporaryFolder, removeFolder } = require('./lib/paths.js');
const { plot } = require('./lib/plot.js');
const { test, run } = require('./lib/runner.js');

const CALL_MS = process.env.PARLEY_LONG ? 30_000 : 12_000;
const SIZE = { width: 640, height: 360 };
const DELAY_MS = 20;
const LOSS_PERCENT = 3;
const SAMPLE_MS = 250;

async function startLink(t, settings) {
	const link = await Link.start(settings);
	t.after(() => link.stop());
	return link;
}

/* Of a counter; null: it is not counted. */
const growth = (kind, type, after, before) => (counter) => {
	const found = find(after, type, kind)?.[counter];
	return found === undefined ? null : found - (find(before, type, kind)?.[counter] ?? 0);
};

function assertNear(what, found, wanted, share) {
	assert.ok(Math.abs(found - wanted) <= share * wanted + 30, `${what}: ${found}, not about ${wanted}`);
}

/*
 * What one side sent against what the other received, in the same stretch of time. frames: the receiver's counter of whole frames;
 * Chromium's framesReceived counts those once that become whole by one retransmission.
 */
function compareCounters(way, sent, received, frames) {
	const arrives = 1 - LOSS_PERCENT / 100;
	const lost = received('packetsLost');
	const asked = sent('retransmittedPacketsSent');
	const recovered = received('retransmittedPacketsReceived'); /* with probes; Firefox does not count them */
	console.log(`    # ${way}: packets ${sent('packetsSent')} sent, ${received('packetsReceived')} received, ${lost} lost, ${asked} sent again,` +
		` ${recovered ?? '?'} retransmissions received; frames ${sent('framesSent')} sent, ${received(frames)} whole`);
	if (recovered !== null) {
		assertNear(`${way}: packets`, received('packetsReceived'), sent('packetsSent') * arrives, 0.04);
		assertNear(`${way}: kilobytes`, received('bytesReceived') / 1000, (sent('bytesSent') * arrives) / 1000, 0.06);
	}
	assert.ok(lost > 0, `${way}: nothing was lost`);
	assert.ok(asked > 0.9 * lost, `${way}: ${asked} of ${lost} sent again`);
	assert.ok((recovered ?? asked) > 0.9 * lost, `${way}: ${recovered} of ${lost} recovered`);
	assert.ok(received(frames) > 0.97 * sent('framesSent') - 10, `${way}: ${received(frames)} of ${sent('framesSent')} frames became whole`);
}

for (const kind of ['chromium', 'firefox']) {
	test(`link: 3 % of the packets are lost each way, ${kind}`, { limit: CALL_MS + 90_000 }, async (t) => {
		const link = await startLink(t, { delay: DELAY_MS, loss: LOSS_PERCENT, seed: 7 });
		const call = await Call.start(t, kind, { link, args: ['--send', 'test', '--record', 'FOLDER/loss.webm'] });
		await call.picture();
		await sleep(2000); /* the first key frames */
		const watch = await Watch.start(call.page);
		const before = await call.native.stats();
		await sleep(CALL_MS);
		await watch.stop();
		const after = await call.native.stats();
		console.log(`    # ${watch.summary()}`);
		const ours = (type) => growth('video', type, after, before);
		const theirs = (type) => growth('video', type, watch.after, watch.before);
		compareCounters('parley to browser', ours('outbound-rtp'), theirs('inbound-rtp'), 'framesDecoded');
		compareCounters('browser to parley', theirs('outbound-rtp'), ours('inbound-rtp'), 'framesReceived');
		assertMovingPicture(watch, { size: SIZE, dropped: 0.05, freeze: 1000 });
		await call.leave();
	});
}

/* --- bandwidth --- */

const WIDE_KBIT = 4000;
const NARROW_KBIT = 600;
const RISE_MS = 40_000; /* to the link's rate, at the beginning */
const NARROW_MS = 15_000;
const BACK_MS = 15_000;
const DOWN_MS = 3000;
const QUEUE_MS = 400;
const ENOUGH_KBIT = 2000; /* of what the picture needs on the wide link */

/* Notes, a few times a second, what parley-room sends and thinks it may send, and what the link's rate is. */
class Rates {
	constructor(native) {
		this.native = native;
		this.began = Date.now();
		this.samples = []; /* {s, link, estimate, sent}, kbit/s */
		this.link = WIDE_KBIT;
		this.stopped = false;
		this.done = this.#sample();
	}

	async #sample() {
		let last = null;
		while (!this.stopped) {
			const stats = await this.native.stats();
			const at = Date.now();
			const bytes = stats.filter((each) => each.type === 'outbound-rtp').reduce((sum, each) => sum + each.bytesSent + (each.headerBytesSent ?? 0), 0);
			const pair = stats.find((each) => each.type === 'candidate-pair' && each.availableOutgoingBitrate);
			if (last) {
				const sent = ((bytes - last.bytes) * 8) / (at - last.at);
				this.samples.push({ s: (at - this.began) / 1000, link: this.link, estimate: (pair?.availableOutgoingBitrate ?? 0) / 1000, sent });
			}
			last = { at, bytes };
			await sleep(SAMPLE_MS);
		}
	}

	now() {
		return (Date.now() - this.began) / 1000;
	}

	/* Of about the last second. */
	recent() {
		const last = this.samples.slice(-4);
		return last.reduce((sum, each) => sum + each.sent, 0) / Math.max(last.length, 1);
	}

	/* Seconds until the rate of the last second fulfils it, or null after ms. */
	async until(condition, ms) {
		const began = Date.now();
		while (Date.now() - began < ms) {
			if (condition(this.recent())) return (Date.now() - began) / 1000;
			await sleep(SAMPLE_MS / 2);
		}
		return null;
	}

	async stop() {
		this.stopped = true;
		await this.done;
		return this.samples;
	}
}

test('link: the rate drops from 4 Mbit/s to 600 kbit/s and comes back', { limit: 180_000 }, async (t) => {
	const folder = temporaryFolder('noise');
	t.after(() => removeFolder(folder));
	const noise = path.join(folder, 'noise.mkv'); /* the test picture is too simple to need what the wide link gives */
	await writeClockFile(noise, { seconds: 8, width: 640, height: 360, fps: 25, noise: 40, encoder: ['-c:v', 'mjpeg', '-q:v', '8'] });
	const link = await startLink(t, { delay: DELAY_MS, rate: WIDE_KBIT, queue: QUEUE_MS });
	const call = await Call.start(t, 'chromium', { link, args: ['--send', noise, '--codec', 'vp8'] });
	await call.picture();
	const rates = new Rates(call.native);
	const rose = await rates.until((kbit) => kbit > ENOUGH_KBIT, RISE_MS);
	await sleep(3000);
	const before = rates.recent();
	const watch = await Watch.start(call.page);

	const change = (kbit) => {
		link.set({ rate: kbit });
		rates.link = kbit;
	};
	change(NARROW_KBIT);
	const narrowed = Date.now();
	const down = await rates.until((kbit) => kbit < NARROW_KBIT, NARROW_MS);
	await sleep(Math.max(0, NARROW_MS - (Date.now() - narrowed)));
	change(WIDE_KBIT);
	const up = await rates.until((kbit) => kbit > 0.8 * before, BACK_MS + 10_000);
	await sleep(3000);
	await watch.stop();
	const samples = await rates.stop();
	const series = (key) => samples.map((each) => [each.s, each[key]]);
	await plot(call.browser, path.join(BUILD, 'bandwidth.png'), 'A link that narrows for 15 s and widens again', 'kbit/s', [
		{ name: 'link', points: series('link'), steps: true },
		{ name: 'estimate', points: series('estimate') },
		{ name: 'sent', points: series('sent') },
	]);
	const say = (seconds) => (seconds === null ? 'never' : `${seconds.toFixed(1)} s`);
	const summary = `${before.toFixed(0)} kbit/s after ${say(rose)}; down ${say(down)} after the drop, up ${say(up)} after its end; ${watch.summary()}`;
	console.log(`    # ${summary}`);
	assert.ok(rose !== null, `never over ${ENOUGH_KBIT} kbit/s: ${summary}`);
	assert.ok(down !== null && down * 1000 <= DOWN_MS, summary);
	assert.ok(up !== null && up * 1000 <= BACK_MS, summary);
	assert.ok(watch.longestFreeze() < 2000, summary);
	await call.leave();
});

insideNamespaces(run);
