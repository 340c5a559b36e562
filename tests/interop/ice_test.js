/*
 * ice_test.js: calls between the page in Chromium and parley-room whose path breaks, or leads through coturn, in the network lab
 * (tests/net/lab): whatever happens, each message arrives once and in order. Needs root.
 *
 * With PARLEY_LONG=1 (make test-ice; wants an idle machine) the calls through coturn last five minutes, and silence 3 s at most.
 */
'use strict';

const assert = require('assert');
const { startBrowser } = require('./lib/browsers.js');
const { Hub } = require('./lib/hub.js');
const { Native } = require('./lib/native.js');
const { insideLab, SERVER } = require('./lib/netlab.js');
const { RoomPage } = require('./lib/room_page.js');
const { test, run } = require('./lib/runner.js');
const { Talk } = require('./lib/talk.js');

const LONG = process.env.PARLEY_LONG === '1';
const CONNECT_MS = 30_000;
const FLOW_MS = 10_000; /* for messages to come through */
const SETTLE_MS = 2000; /* for ICE to come to rest */
const RESUME_MS = LONG ? 3000 : 8000; /* traffic goes on after this at the latest: 3 s, and more on a busy machine */
const RECOVER_MS = 60_000; /* the same, when all relays are gone */
const RELAYED_MS = LONG ? { udp: 300_000, tcp: 300_000, tls: 300_000 } : { udp: 20_000, tcp: 6000, tls: 6000 };
/* Seconds. Chromium renews permissions and channels after four minutes, whatever the server says. */
const SHORT_LIVES = ['--max-allocate-lifetime=20', '--stale-nonce=15'];
const STUN = ['stun:stun.l.google.com:19302'];
const TURN = { udp: 'turn:turn.test', tcp: 'turn:turn.test?transport=tcp', tls: 'turns:turn.test:443' };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* A call in the lab. sites: of A, where the page is, and B. servers: URLs. relayOnly: for both. turn: how coturn is started. browser: which. */
class Call {
	static async start(t, lab, { sites, servers, relayOnly = false, browserCreates = false, turn = {}, browser = 'chromium' }) {
		const call = new Call();
		await lab.set('A', sites[0]);
		await lab.set('B', sites[1]);
		t.after(() => lab.leave());
		await lab.startTurn(turn);
		call.hub = await Hub.start([], `${SERVER}:0`, { prefix: lab.inside('srv') });
		t.after(() => call.hub.stop());
		call.browser = await startBrowser(browser, { flags: ['--ignore-certificate-errors'] });
		t.after(() => call.browser.close());
		call.page = await RoomPage.open(await call.browser.open(), call.hub, Call.#query(servers, relayOnly));
		t.onFailure(() => call.page.describe());
		await call.#meet(t, lab, browserCreates, Call.#options(lab, servers, relayOnly));
		return call;
	}

	static #query(servers, relayOnly) {
		const query = new URLSearchParams(servers.map((url) => ['ice', url]));
		if (servers.some((url) => url.startsWith('turn'))) for (const [name, value] of [['iceUser', 'u'], ['icePassword', 'p']]) query.set(name, value);
		if (relayOnly) query.set('icePolicy', 'relay');
		return query;
	}

	static #options(lab, servers, relayOnly) {
		const options = servers.flatMap((url) => ['--ice-server', url]);
		return [...options, '--ice-user', 'u', '--ice-password', 'p', '--ca', lab.certificate, ...(relayOnly ? ['--ice-policy', 'relay'] : [])];
	}

	async #meet(t, lab, browserCreates, options) {
		const startNative = (...command) => {
			this.native = new Native(this.hub, [...command, ...options], { prefix: lab.inside('hostB') });
			t.after(() => this.native.stop());
			t.onFailure(() => this.native.describe());
		};
		if (browserCreates) {
			startNative('join', await this.page.create('call'));
		} else {
			startNative('create', 'call');
			await this.page.join(String((await this.native.event('created')).id));
		}
		await Promise.all([this.page.connected(), this.native.event('channel', { state: 'open' }, CONNECT_MS)]);
	}

	/* The path that parley-room uses now: {local, localType, remote, remoteType}. */
	path() {
		return this.native.events.findLast((each) => each.event === 'pair');
	}

	ufrags() {
		return this.page.tab.evaluate(() => ['localDescription', 'remoteDescription'].map((which) => /a=ice-ufrag:(\S+)/.exec(window.room.pc[which].sdp)[1]));
	}
}

const isIpv6 = ({ remote }) => remote.startsWith('[');
const isRelayed = ({ localType, remoteType, remote }) => localType === 'relay' || remoteType === 'relay' || remote.startsWith(SERVER);
const describe = ({ local, localType, remote, remoteType }) => `${localType} ${local} - ${remoteType} ${remote}`;

/* Cuts what the call uses, while it talks, and holds what comes of it against what ought to. cut(path): what nat.sh cuts. */
async function cutMeanwhile(lab, call, cut, isGood) {
	const talk = await Talk.start(call.page, call.native);
	await talk.flows(FLOW_MS);
	await sleep(SETTLE_MS);
	const before = { path: call.path(), ufrags: await call.ufrags() };
	await lab.cut('A', cut(before.path));
	const cutAt = Date.now();
	await talk.flows(FLOW_MS);
	await sleep(SETTLE_MS); /* whatever else comes of it */
	assert.strictEqual(await talk.stop(), '');
	const after = { path: call.path(), ufrags: await call.ufrags() };
	console.log(`    # ${talk.silenceAfter(cutAt)} ms of silence, ${talk.count} messages; ${describe(before.path)}, then ${describe(after.path)}`);
	assert.ok(isGood(before.path, after.path), 'by another path than expected');
	assert.ok(after.ufrags.every((each, i) => each !== before.ufrags[i]), 'ICE was not restarted');
	assert.ok(talk.silenceAfter(cutAt) < RESUME_MS, `${talk.silenceAfter(cutAt)} ms of silence`);
}

async function restartInPage(call) {
	const before = await call.ufrags();
	await call.page.tab.evaluate(() => window.room.pc.restartIce());
	await call.page.tab.wait('end of the restart', ([local, remote]) => {
		const { pc } = window.room;
		const ufrag = (which) => /a=ice-ufrag:(\S+)/.exec(pc[which].sdp)[1];
		return pc.signalingState === 'stable' && ufrag('localDescription') !== local && ufrag('remoteDescription') !== remote;
	}, before, FLOW_MS);
}

insideLab((lab) => {
	for (const browserCreates of [true, false]) {
		const who = browserCreates ? 'Chromium offers' : 'parley-room offers';

		test(`ice: the path is cut, the other address family has one, ${who}`, async (t) => {
			const site = { kind: 'open', ipv6: 'fw' };
			const call = await Call.start(t, lab, { sites: [site, site], servers: STUN, browserCreates });
			await cutMeanwhile(lab, call, (path) => (isIpv6(path) ? 'direct6' : 'direct4'), (before, after) => isIpv6(before) !== isIpv6(after));
		});

		test(`ice: the path is cut, a relay has one, ${who}`, async (t) => {
			const site = { kind: 'port-restricted' };
			const call = await Call.start(t, lab, { sites: [site, site], servers: [...STUN, TURN.udp], browserCreates });
			await cutMeanwhile(lab, call, () => 'direct', (before, after) => !isRelayed(before) && isRelayed(after));
		});

		test(`ice: Chromium restarts, ${who}`, async (t) => {
			const site = { kind: 'port-restricted', ipv6: 'fw' };
			const call = await Call.start(t, lab, { sites: [site, site], servers: [...STUN, ...Object.values(TURN)], browserCreates });
			const talk = await Talk.start(call.page, call.native);
			const began = Date.now();
			for (let i = 0; i < 3; i++) {
				await talk.flows(FLOW_MS);
				await restartInPage(call);
			}
			await talk.flows(FLOW_MS);
			assert.strictEqual(await talk.stop(), '');
			console.log(`    # ${talk.silenceAfter(began)} ms of silence at most, ${talk.count} messages`);
			assert.ok(talk.silenceAfter(began) < RESUME_MS);
		});
	}

	for (const [over, url] of Object.entries(TURN)) {
		test(`ice: only through coturn, over ${over.toUpperCase()}`, { limit: RELAYED_MS[over] + 120_000 }, async (t) => {
			const site = { kind: 'symmetric' };
			const call = await Call.start(t, lab, { sites: [site, site], servers: [url], relayOnly: true, browserCreates: true, turn: { options: SHORT_LIVES } });
			const talk = await Talk.start(call.page, call.native);
			const began = Date.now();
			await sleep(RELAYED_MS[over]);
			await talk.flows(FLOW_MS);
			assert.strictEqual(await talk.stop(), '');
			const path = call.path();
			console.log(`    # ${Math.round((Date.now() - began) / 1000)} s, ${talk.count} messages, ${talk.silenceAfter(began)} ms of silence at most; ${describe(path)}`);
			assert.deepStrictEqual([path.localType, path.remoteType], ['relay', 'relay']);
			assert.ok(talk.silenceAfter(began) < RESUME_MS);
		});
	}

	/* Not over TLS: it trusts no certificate that is made for a test. */
	for (const over of ['udp', 'tcp']) {
		test(`ice: Firefox, only through coturn, over ${over.toUpperCase()}`, async (t) => {
			const site = { kind: 'symmetric' };
			const call = await Call.start(t, lab, { sites: [site, site], servers: [TURN[over]], relayOnly: true, browser: 'firefox' });
			const talk = await Talk.start(call.page, call.native);
			await talk.flows(FLOW_MS);
			assert.strictEqual(await talk.stop(), '');
			const path = call.path();
			console.log(`    # ${talk.count} messages; ${describe(path)}`);
			assert.deepStrictEqual([path.localType, path.remoteType], ['relay', 'relay']);
		});
	}

	test('ice: coturn is restarted under a call', async (t) => {
		const site = { kind: 'symmetric' };
		const call = await Call.start(t, lab, { sites: [site, site], servers: [TURN.udp], relayOnly: true });
		const talk = await Talk.start(call.page, call.native);
		await talk.flows(FLOW_MS);
		const stoppedAt = Date.now();
		await lab.stopTurn();
		await lab.startTurn();
		const startedAt = Date.now();
		await talk.flows(RECOVER_MS);
		await sleep(SETTLE_MS);
		assert.strictEqual(await talk.stop(), '');
		console.log(`    # coturn away for ${startedAt - stoppedAt} ms; ${talk.silenceAfter(stoppedAt)} ms of silence, ${talk.count} messages`);
		assert.strictEqual(await call.page.tab.evaluate(() => window.room.pc.connectionState), 'connected');
		const path = call.path();
		assert.deepStrictEqual([path.localType, path.remoteType], ['relay', 'relay']);
		assert.ok(!call.native.events.some((each) => each.event === 'connection' && each.state === 'failed'), 'the connection failed in between');
	});

	run();
});
