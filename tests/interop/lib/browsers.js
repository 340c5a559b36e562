/*
 * browsers.js: headless Chromium and Firefox ESR, as Debian ships them, each with a fresh profile and the same small face.
 *
 * No flag or preference given here changes WebRTC; `camera` gives the page a fake camera and answers its question with yes.
 * Chromium is started by us with exactly the flags named (playwright's own launcher adds many) and driven over CDP;
 * Firefox is driven over WebDriver BiDi.
 */
'use strict';

const { deadline } = require('./runner.js');
const { temporaryFolder, removeFolder } = require('./paths.js');
const { Program } = require('./process.js');

const START_MS = 60_000;
const POLL_MS = 50;
const KINDS = ['chromium', 'firefox'];

const CHROMIUM_FLAGS = [
	'--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync',
	'--disable-component-update', '--remote-debugging-port=0', '--disable-background-timer-throttling',
	'--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
];
const CHROMIUM_CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
const FIREFOX_CAMERA = { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true };

/* One tab; `page` is playwright's or puppeteer's. */
class Tab {
	constructor(browser, page) {
		this.browser = browser;
		this.page = page;
		this.errors = [];
		page.on('pageerror', (error) => this.errors.push(error.message));
	}

	goto(url) {
		return this.page.goto(url);
	}

	evaluate(body, argument) {
		return this.page.evaluate(body, argument);
	}

	/* Resolves with what body(argument) returns in the page once that is truthy. */
	async wait(what, body, argument, ms) {
		const until = Date.now() + ms;
		for (;;) {
			const result = await this.evaluate(body, argument);
			if (result) return result;
			if (Date.now() > until) throw new Error(`${this.browser.kind}: no ${what} after ${ms / 1000} s`);
			await new Promise((resolve) => setTimeout(resolve, POLL_MS));
		}
	}

	/* A tab in the background is drawn seldom or never, and both drivers wait for a drawing before they touch a control. */
	async click(selector) {
		await this.page.bringToFront();
		await this.page.click(selector);
	}

	async fill(selector, text) {
		await this.page.bringToFront();
		if (this.page.fill) await this.page.fill(selector, text);
		else await this.page.locator(selector).fill(text);
	}

	async setFiles(selector, ...files) {
		const input = await this.page.$(selector);
		if (input.uploadFile) await input.uploadFile(...files);
		else await this.#setFilesByName(selector, files);
	}

	/* playwright would send the contents through the debugger: seconds for megabytes, and the browser can read them itself. */
	async #setFilesByName(selector, files) {
		const session = await this.page.context().newCDPSession(this.page);
		const { root } = await session.send('DOM.getDocument');
		const { nodeId } = await session.send('DOM.querySelector', { nodeId: root.nodeId, selector });
		await session.send('DOM.setFileInputFiles', { nodeId, files });
		await session.detach();
	}

	async setSize(width, height) {
		if (this.page.setViewportSize) await this.page.setViewportSize({ width, height });
		else await this.page.setViewport({ width, height });
	}

	async screenshot(path) {
		await this.page.bringToFront();
		return this.page.screenshot({ path });
	}

	close() {
		return this.page.close();
	}
}

class Chromium {
	kind = 'chromium';

	static async start({ camera, flags = [] }) {
		const { chromium } = require('playwright-core');
		const self = new Chromium();
		self.profile = temporaryFolder('chromium');
		const args = [...CHROMIUM_FLAGS, ...(camera ? CHROMIUM_CAMERA : []), ...flags, `--user-data-dir=${self.profile}`, 'about:blank'];
		self.program = new Program('/usr/bin/chromium', args);
		const address = new Promise((resolve, reject) => {
			const look = () => {
				const found = /DevTools listening on (ws:\S+)/.exec(self.program.stderr);
				if (found) resolve(found[1]);
			};
			self.program.child.stderr.on('data', look);
			self.program.on('exit', () => reject(new Error(`chromium ended: ${self.program.stderr.slice(-1000)}`)));
		});
		const endpoint = await deadline(address, START_MS, 'chromium does not start');
		self.driver = await chromium.connectOverCDP(endpoint, { timeout: START_MS });
		self.version = self.driver.version();
		return self;
	}

	async open() {
		return new Tab(this, await this.driver.contexts()[0].newPage());
	}

	async close() {
		await this.program.stop();
		removeFolder(this.profile);
	}
}

class Firefox {
	kind = 'firefox';

	static async start({ camera }) {
		const puppeteer = require('puppeteer-core');
		const self = new Firefox();
		self.profile = temporaryFolder('firefox');
		self.driver = await puppeteer.launch({
			browser: 'firefox',
			executablePath: '/usr/bin/firefox-esr',
			headless: true,
			userDataDir: self.profile,
			extraPrefsFirefox: camera ? FIREFOX_CAMERA : {},
			env: { ...process.env, HOME: self.profile },
			timeout: START_MS,
			protocolTimeout: START_MS,
		});
		self.version = await self.driver.version();
		return self;
	}

	async open() {
		return new Tab(this, await this.driver.newPage());
	}

	async close() {
		await this.driver.close();
		removeFolder(this.profile);
	}
}

/* kind: 'chromium' or 'firefox'; options: {camera}, and for Chromium {flags}. */
function startBrowser(kind, options = {}) {
	return { chromium: Chromium, firefox: Firefox }[kind].start(options);
}

module.exports = { KINDS, startBrowser };
