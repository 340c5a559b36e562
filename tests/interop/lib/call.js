/* call.js: a hub, a browser with a fake camera and parley-room, together in a room: what the media tests begin with. */
'use strict';

const path = require('path');
const { startBrowser } = require('./browsers.js');
const { Hub } = require('./hub.js');
const { Native } = require('./native.js');
const { temporaryFolder, removeFolder } = require('./paths.js');
const { RoomPage } = require('./room_page.js');

const PICTURE_MS = 15_000;
const WINDOW = { width: 1200, height: 740 }; /* that shows both columns of the page: what is not seen is not drawn */

class Call {
	/*
	 * args: what parley-room is told beyond its command. browserCreates: the page makes the room and so the offer. voices: the page
	 * comes without its camera. link: parley-room is on the far end of it.
	 */
	static async start(t, kind, { args = [], browserCreates = false, voices = false, link = null }) {
		const call = new Call();
		call.kind = kind;
		call.hub = await Hub.start([], link ? '0.0.0.0:0' : undefined);
		t.after(() => call.hub.stop());
		call.browser = await startBrowser(kind, { camera: true });
		t.after(() => call.browser.close());
		call.page = await RoomPage.open(await call.browser.open(), call.hub);
		t.onFailure(() => call.page.describe());
		await call.page.tab.setSize(WINDOW.width, WINDOW.height);
		call.folder = temporaryFolder('call');
		t.after(() => removeFolder(call.folder));
		if (voices) await call.page.toggle('video');

		const startNative = (...command) => {
			const hub = link ? link.hubFrom(call.hub) : call.hub;
			call.native = new Native(hub, [...command, '--ice-server', 'none', ...args.map((each) => each.replace('FOLDER', call.folder))], { prefix: link?.prefix });
			t.after(() => call.native.stop());
			t.onFailure(() => call.native.describe());
		};
		if (browserCreates) {
			startNative('join', await call.page.create('call'));
		} else {
			startNative('create', 'call');
			await call.page.join(String((await call.native.event('created')).id));
		}
		await Promise.all([call.page.connected(), call.native.event('connection', { state: 'connected' })]);
		call.began = Date.now();
		return call;
	}

	file(name) {
		return path.join(this.folder, name);
	}

	/* Waits until the page shows the other side. */
	picture() {
		return this.page.tab.wait('picture', () => document.getElementById('remote').videoWidth > 0, null, PICTURE_MS);
	}

	/* The native side leaves; resolves with the seconds that the call took. */
	async leave() {
		const seconds = (Date.now() - this.began) / 1000;
		const { code } = await this.native.leave();
		if (code !== 0) throw new Error(`parley-room ends with ${code}`);
		return seconds;
	}
}

module.exports = { Call };
