/*
 * capture_rtp.js: the first packets that a browser's fake camera and microphone send, as tests/data/media/NAME.rtpdump.
 *
 *   node capture_rtp.js FOLDER BROWSER CODEC...    with a codec of vp8, vp9, h264, av1; Opus comes with the first of them
 *
 * A real call with the page, in which parley-room passes the decrypted packets on to this program (--rtp-out). The page's
 * own preference among codecs is overruled in the tab; nothing else of the browser is changed.
 */
'use strict';

const dgram = require('dgram');
const fs = require('fs');
const path = require('path');

const { startBrowser } = require('./browsers.js');
const { Hub } = require('./hub.js');
const { Native } = require('./native.js');
const { RoomPage } = require('./room_page.js');
const { deadline } = require('./runner.js');

const CAPTURE_MS = 20_000; /* at most */
const VIDEO = { packets: 120, bytes: 85_000, ms: 2000 };
const AUDIO = { packets: 50, bytes: 20_000, ms: 2000 };

/* Keeps what one port receives. */
class Capture {
	static async start(port, limits) {
		const self = new Capture();
		self.limits = limits;
		self.packets = []; /* {at, bytes} */
		self.socket = dgram.createSocket('udp4');
		self.complete = new Promise((resolve) => {
			self.socket.on('message', (bytes) => {
				self.packets.push({ at: performance.now(), bytes });
				if (performance.now() - self.packets[0].at > limits.ms) resolve();
			});
		});
		await new Promise((resolve, reject) => {
			self.socket.on('error', reject);
			self.socket.bind(port, '127.0.0.1', resolve);
		});
		self.port = self.socket.address().port;
		return self;
	}

	/* rtpdump of whole frames from the first packet on, within the limits. */
	dump() {
		const first = this.packets[0].at;
		const records = [];
		let size = 0;
		let whole = 0; /* records that end with the end of a frame */
		for (const { at, bytes } of this.packets) {
			size += 8 + bytes.length;
			if (size > this.limits.bytes || records.length >= this.limits.packets || at - first > this.limits.ms) break;
			const head = Buffer.alloc(8);
			head.writeUInt16BE(8 + bytes.length, 0);
			head.writeUInt16BE(bytes.length, 2);
			head.writeUInt32BE(Math.round(at - first), 4);
			records.push(Buffer.concat([head, bytes]));
			if (bytes[1] & 0x80 || this.limits === AUDIO) whole = records.length;
		}
		const header = Buffer.alloc(16);
		header.writeUInt32BE(0x7f000001, 8);
		header.writeUInt16BE(5004, 12);
		return Buffer.concat([Buffer.from('#!rtpplay1.0 127.0.0.1/5004\n'), header, ...records.slice(0, whole)]);
	}

	save(file) {
		const bytes = this.dump();
		fs.writeFileSync(file, bytes);
		console.log(`${file}: ${bytes.length} bytes; ${this.packets.length} packets came`);
	}
}

/* In the page: the codec comes first on every video transceiver, before each description of ours. */
function prefer(mime) {
	const reorder = (pc) => {
		const all = RTCRtpReceiver.getCapabilities('video').codecs;
		const isWanted = (codec) => codec.mimeType.toLowerCase() === mime;
		for (const each of pc.getTransceivers())
			if (each.receiver.track.kind === 'video') each.setCodecPreferences([...all.filter(isWanted), ...all.filter((c) => !isWanted(c))]);
	};
	for (const name of ['createOffer', 'createAnswer', 'setLocalDescription']) {
		const original = RTCPeerConnection.prototype[name];
		RTCPeerConnection.prototype[name] = function (...args) {
			reorder(this);
			return original.apply(this, args);
		};
	}
}

async function capture(folder, kind, codec, withAudio) {
	const hub = await Hub.start();
	const video = await Capture.start(0, VIDEO);
	const audio = await Capture.start(video.port + 2, AUDIO);
	const native = new Native(hub, ['create', 'capture', '--send', 'test', '--codec', codec, '--rtp-out', `udp://127.0.0.1:${video.port}`]);
	const browser = await startBrowser(kind, { camera: true });
	try {
		const page = await RoomPage.open(await browser.open(), hub);
		await page.tab.evaluate(prefer, `video/${codec}`);
		const room = await page.tab.wait('room', () => document.querySelector('[data-testid^="join-"]')?.dataset.testid.slice(5), null, 10_000);
		await page.join(room);
		await page.connected();
		await deadline(Promise.all([video.complete, audio.complete]), CAPTURE_MS, 'too few packets');
		const { sdp } = native.events.filter((each) => each.event === 'rtp-out').pop();
		console.log(kind, browser.version, sdp);
		if (!new RegExp(` ${codec}/90000`, 'i').test(sdp)) throw new Error(`${kind} does not send ${codec}`);
		video.save(path.join(folder, `${kind}-${codec}.rtpdump`));
		if (withAudio) audio.save(path.join(folder, `${kind}-opus.rtpdump`));
	} finally {
		await browser.close();
		await native.stop();
		await hub.stop();
		video.socket.close();
		audio.socket.close();
	}
}

(async () => {
	const [folder, kind, ...codecs] = process.argv.slice(2);
	for (const codec of codecs) await capture(folder, kind, codec, codec === codecs[0]);
})().catch((error) => {
	console.error(error);
	process.exit(1);
});
