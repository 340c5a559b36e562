/*
 * behaviour_test.js: parley-ice gather and ping behind each kind of NAT: RFC 5780's tests find the NAT to be what nftables was told.
 */
'use strict';

const assert = require('assert');
const { test, run } = require('../../interop/lib/runner.js');
const { Side } = require('./call.js');
const { Lab } = require('./lab.js');

const HOSTS = 3; /* candidates at an address: UDP, TCP active and TCP passive */
const LABS = 3; /* that are asked at a time: most of it is waiting for answers that filters keep out */
const SERVER = 'stun:turn.test'; /* port 3478, where coturn has its second address */
const INDEPENDENT = 'endpoint-independent';
const STRICT = 'address-and-port-dependent';

/* {mapping, filtering, portKept} by kind of site; null: UDP is blocked. */
const BEHAVIOUR = {
	open: { translated: false, mapping: INDEPENDENT, filtering: INDEPENDENT },
	'full-cone': { translated: true, mapping: INDEPENDENT, filtering: INDEPENDENT, portKept: true, hairpinning: 'no' },
	'addr-restricted': { translated: true, mapping: INDEPENDENT, filtering: 'address-dependent', portKept: true, hairpinning: 'no' },
	'port-restricted': { translated: true, mapping: INDEPENDENT, filtering: STRICT, portKept: true, hairpinning: 'no' },
	symmetric: { translated: true, mapping: STRICT, filtering: STRICT, portKept: false, hairpinning: 'no' },
	'udp-blocked': null,
};
const IPV6 = {
	open: { translated: false, filtering: INDEPENDENT },
	fw: { translated: false, filtering: STRICT },
	nat66: { translated: true, filtering: STRICT },
};

async function gather(lab, side) {
	const gathering = new Side(lab, `host${side}`, ['gather', '--ice-server', SERVER]);
	const result = await gathering.result();
	return { result, events: gathering.events };
}

function check(name, expected, nat) {
	assert.ok(nat, `${name}: nothing said of the NAT`);
	if (!expected) {
		assert.strictEqual(nat.reachable, false, name);
		return;
	}
	assert.ok(nat.reachable && nat.supported && !nat.rewritten, `${name}: ${JSON.stringify(nat)}`);
	for (const [key, value] of Object.entries(expected)) assert.strictEqual(nat[key], value, `${name}: ${key}`);
}

function checkCandidates(site, { events }) {
	const types = events.filter((each) => each.event === 'candidate').map((each) => each.type);
	const expected = Array(site.ipv6 === 'none' ? HOSTS : 2 * HOSTS).fill('host');
	if (BEHAVIOUR[site.kind]?.translated) expected.push('srflx');
	if (site.ipv6 === 'nat66' && BEHAVIOUR[site.kind]?.translated) expected.push('srflx');
	assert.deepStrictEqual(types.sort(), expected.sort(), `${site.kind}, IPv6 ${site.ipv6}`);
}

async function checkPair(lab, side) {
	const used = ['A', 'B'].filter((each) => side[each]);
	for (const each of used) await lab.set(each, side[each]);
	const found = await Promise.all(used.map((each) => gather(lab, each)));
	used.forEach((each, i) => {
		const { kind, ipv6 } = side[each];
		const nats = found[i].events.filter((event) => event.event === 'nat');
		check(kind, BEHAVIOUR[kind], nats.find((nat) => !nat.local.includes(':')));
		if (ipv6 !== 'none') check(`IPv6 ${ipv6}`, IPV6[ipv6], nats.find((nat) => nat.local.includes(':')));
		checkCandidates(side[each], found[i]);
	});
}

test('NATs are found to be what they are', async (t) => {
	const sites = Object.keys(BEHAVIOUR).map((kind) => ({ kind, ipv6: 'none' }));
	for (const ipv6 of Object.keys(IPV6)) sites.push({ kind: 'port-restricted', ipv6 });
	const work = async () => {
		const lab = await Lab.up();
		t.after(() => lab.down());
		await lab.startTurn();
		while (sites.length > 0) await checkPair(lab, { A: sites.shift(), B: sites.shift() });
	};
	await Promise.all(Array.from({ length: LABS }, work));
});

test('round trips are measured, and their absence', async (t) => {
	const lab = await Lab.up({ kind: 'port-restricted' }, { kind: 'udp-blocked' });
	t.after(() => lab.down());
	await lab.startTurn();
	const ping = (host) => new Side(lab, host, ['ping', 'stun:stun.l.google.com:19302', '--count', '3', '--interval', '10']);
	const [a, b] = await Promise.all(['hostA', 'hostB'].map((host) => ping(host).result()));
	assert.deepStrictEqual([a.sent, a.answered], [3, 3]);
	assert.match(a.mapped, /^203\.0\.113\.1:\d+$/);
	assert.ok(a.leastUs <= a.meanUs && a.meanUs <= a.mostUs);
	assert.deepStrictEqual([b.sent, b.answered, b.mapped], [3, 0, '']);
});

run();
