/* page_test.js: the page between two tabs of one browser, and between Chromium and Firefox, through our hub. */
'use strict';

const assert = require('assert');
const path = require('path');
const { startBrowser } = require('./lib/browsers.js');
const { randomFile } = require('./lib/files.js');
const { Hub } = require('./lib/hub.js');
const { screenshot, temporaryFolder, removeFolder } = require('./lib/paths.js');
const { RoomPage } = require('./lib/room_page.js');
const { test, run } = require('./lib/runner.js');

const LEAVING_MS = 5000;

/* Two pages on one hub; a kind given twice is two tabs of one browser. */
async function openPages(t, kinds, camera) {
	const hub = await Hub.start();
	t.after(() => hub.stop());
	const browsers = new Map();
	const pages = [];
	for (const kind of kinds) {
		if (!browsers.has(kind)) {
			browsers.set(kind, await startBrowser(kind, { camera }));
			t.after(() => browsers.get(kind).close());
		}
		const page = await RoomPage.open(await browsers.get(kind).open(), hub);
		t.onFailure(() => page.describe());
		pages.push(page);
	}
	return pages;
}

async function exchange(t, creator, joiner) {
	const numbered = (who) => Array.from({ length: 100 }, (_, i) => `${who} ${i} – ünïcode ✓`);
	await Promise.all([creator.say(...numbered('creator')), joiner.say(...numbered('joiner'))]);
	assert.deepStrictEqual(await joiner.heard(100), numbered('creator'));
	assert.deepStrictEqual(await creator.heard(100), numbered('joiner'));

	const special = ['{"parley":"file","id":1}', '<img src=x onerror="document.title=1">', 'x'.repeat(262144)];
	await creator.say(...special);
	assert.deepStrictEqual((await joiner.heard(103)).slice(100), special);

	const folder = temporaryFolder('files');
	t.after(() => removeFolder(folder));
	const file = randomFile(path.join(folder, 'ten megabytes.bin'), 10e6);
	await joiner.sendFile(file.path);
	assert.strictEqual(await creator.receivedFile('ten megabytes.bin'), file.sha256);
	const empty = randomFile(path.join(folder, 'empty.bin'), 0);
	await creator.sendFile(empty.path);
	assert.strictEqual(await joiner.receivedFile('empty.bin'), empty.sha256);
}

for (const [creatorKind, joinerKind, camera] of [
	['chromium', 'chromium', false],
	['firefox', 'firefox', false],
	['chromium', 'firefox', true],
	['firefox', 'chromium', false],
]) {
	test(`page: ${creatorKind} creates, ${joinerKind} joins, ${camera ? 'with' : 'without'} a camera`, async (t) => {
		const [creator, joiner] = await openPages(t, [creatorKind, joinerKind], camera);
		await joiner.join(await creator.create('<b>Über & "unter"</b>'));
		await Promise.all([creator.connected(), joiner.connected()]);
		await exchange(t, creator, joiner);
		if (camera) {
			for (const page of [creator, joiner]) {
				await page.tab.wait('picture', () => document.getElementById('remote').videoWidth > 0, null, 15_000);
			}
		}
		await creator.screenshot(screenshot(`page-${creatorKind}-${joinerKind}`));
		await creator.leave();
		await joiner.seesLeaving(LEAVING_MS);

		/* The other way round on the same pages; this time the tab goes without a word. */
		await creator.join(await joiner.create('again'));
		await Promise.all([creator.connected(), joiner.connected()]);
		await joiner.tab.close();
		await creator.seesLeaving(LEAVING_MS);
	});
}

for (const kinds of [['chromium', 'firefox'], ['firefox', 'chromium']]) {
	test(`page: ${kinds.join(' with ')}: a call of voices gets a picture, loses it and gets it back`, async (t) => {
		const pages = await openPages(t, kinds, true);
		const [creator, joiner] = pages;
		for (const page of pages) await page.toggle('video');
		await joiner.join(await creator.create('voices'));
		for (const page of pages) {
			await page.connected();
			await page.status('sending', 'audio');
			await page.status('receiving', 'audio');
		}
		for (const [page, other] of [[joiner, creator], [creator, joiner]]) {
			await page.toggle('video');
			await page.status('sending', 'audio, video');
			await other.status('receiving', 'audio, video');
			await other.tab.wait('picture', () => document.getElementById('remote').videoWidth > 0, null, 10_000);
		}
		await joiner.toggle('video');
		await joiner.status('sending', 'audio');
		await creator.status('receiving', 'audio');
		await creator.tab.wait('end of the picture', () => document.getElementById('remote').srcObject.getVideoTracks().length === 0, null, 5000);
		await joiner.toggle('audio');
		await joiner.status('sending', 'audio (muted)');
		await joiner.toggle('video');
		await creator.status('receiving', 'audio, video');
	});
}

test('page: shows a name from the hub as text, whatever it holds', async (t) => {
	const [creator, other] = await openPages(t, ['chromium', 'chromium'], false);
	const id = await creator.create('<img src=x onerror="window.attacked=true">');
	const cell = await other.tab.wait('row', (wanted) => {
		const button = document.querySelector(`[data-testid="join-${wanted}"]`);
		return button?.closest('tr').cells[0].textContent;
	}, id, 5000);
	assert.strictEqual(cell, '<img src=x onerror="window.attacked=true">');
	assert.strictEqual(await other.tab.evaluate(() => window.attacked), undefined);
});

test('page: every control has a name, and the page fits a phone, before and in a call', async (t) => {
	const [page, other] = await openPages(t, ['chromium', 'chromium'], false);
	const check = async () => {
		const found = await page.tab.evaluate(() => ({
			nameless: [...document.querySelectorAll('button, input, progress, figure, [role]:not(#toasts)')]
				.filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
				.map((each) => each.outerHTML),
			width: document.documentElement.scrollWidth,
		}));
		assert.deepStrictEqual(found.nameless, []);
		assert.ok(found.width <= 360, `${found.width} px wide`);
	};
	await page.tab.setSize(360, 740);
	const id = await page.create('A name that is wider than a phone, with-words-that-are-long-too');
	await check();
	await other.join(id);
	await page.connected();
	await other.say('word '.repeat(100), 'w'.repeat(1000));
	await page.heard(2);
	await check();
	await page.screenshot(screenshot('page-phone'));
});

test('page: its SHA-256 agrees with OpenSSL\'s for every length around a block', async () => {
	const { Sha256 } = await import('../../apps/web/public/sha256.js');
	const { createHash, randomBytes } = require('crypto');
	for (let length = 0; length <= 200; length++) {
		const bytes = randomBytes(length);
		const cut = length >> 1;
		const found = new Sha256().update(bytes.subarray(0, cut)).update(bytes.subarray(cut)).hex();
		assert.strictEqual(found, createHash('sha256').update(bytes).digest('hex'), `${length} bytes`);
	}
});

test('page: makes a plain name of whatever the other side calls its file', async () => {
	const { safeName } = await import('../../apps/web/public/files.js');
	for (const [given, wanted] of [
		['../../etc/passwd', 'passwd'],
		['C:\\windows\\x.exe', 'x.exe'],
		['.bashrc', 'bashrc'],
		['a\u0000b\u202ec.txt', 'a_b_c.txt'],
		['', 'file'],
		['..', 'file'],
		[undefined, 'undefined'],
		['x'.repeat(500), 'x'.repeat(150)],
	]) {
		assert.strictEqual(safeName(given), wanted);
	}
});

run();
