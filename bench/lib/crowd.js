/* crowd.js: what a connected pair with an idle data channel adds to the memory of the process, or the browser, that holds both; KiB. */
'use strict';

const { execFileSync } = require('child_process');
const fs = require('fs');
const { program } = require('../../tests/interop/lib/paths.js');
const { withDescendants } = require('./cpu.js');
const { startPages } = require('./page_end.js');

const PAIRS = 100;
const PAGE_PAIRS = 50;
const WARM_UP = 10;
const REST_MS = 2000;
const LIMIT_MS = 60_000;

function ofProgram(name, ...args) {
	const said = execFileSync(program(`bench/ends/${name}`), [...args, PAIRS], { timeout: LIMIT_MS, encoding: 'utf8' });
	return Number(/resident (\d+)/.exec(said)[1]);
}

/* Runs in the page. */
async function connectPairs(count) {
	window.held ??= [];
	for (let i = 0; i < count; i++) {
		const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
		a.onicecandidate = ({ candidate }) => b.addIceCandidate(candidate);
		b.onicecandidate = ({ candidate }) => a.addIceCandidate(candidate);
		const channel = a.createDataChannel('crowd');
		const opened = new Promise((resolve) => (channel.onopen = resolve));
		await a.setLocalDescription();
		await b.setRemoteDescription(a.localDescription);
		await b.setLocalDescription();
		await a.setRemoteDescription(b.localDescription);
		await opened;
		window.held.push(a, b);
	}
}

/* Of all its processes, shared pages in parts. */
function browserKib(browser) {
	const sizes = withDescendants([browser.program.child.pid]).map(([pid]) => {
		try {
			return Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
		} catch {
			return 0; /* it has just ended */
		}
	});
	return sizes.reduce((sum, each) => sum + each, 0);
}

async function ofPage() {
	const browser = await startPages();
	try {
		const tab = await browser.open();
		const rest = () => new Promise((resolve) => setTimeout(resolve, REST_MS));
		await tab.evaluate(connectPairs, WARM_UP);
		await rest();
		const before = browserKib(browser);
		await tab.evaluate(connectPairs, PAGE_PAIRS);
		await rest();
		return (browserKib(browser) - before) / PAGE_PAIRS;
	} finally {
		await browser.close();
	}
}

/* By subject; those that are not here cannot be measured so. */
const CROWDS = {
	parley: () => ofProgram('parley_crowd_end'),
	pion: () => ofProgram('pion_end', 'crowd'),
	chromium: ofPage,
};

module.exports = { CROWDS };
