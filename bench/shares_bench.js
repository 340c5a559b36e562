/*
 * shares_bench.js: what a transfer leaves to others on a narrow path: how two share a bottleneck with a shallow queue, and how long what
 * comes by waits in a deep one. Needs root.
 *
 *     node bench/shares_bench.js [rounds=1] [count=12000] [skip=3000] [only=fair,delay]
 */
'use strict';

const { insideNamespaces } = require('../tests/interop/lib/link.js');
const { readArguments } = require('./lib/arguments.js');
const { Path } = require('./lib/path.js');
const { median } = require('./lib/statistics.js');
const { table, number } = require('./lib/table.js');

const NARROW = { rtt: 20, rate: 100 };
const SHALLOW_MS = 10;
const DEEP_MS = 300;
const MESSAGE = 16384;
const PROBE = { paced: 64, interval: 10_000 };
const TOGETHER = [
	['parley cubic', 'parley cubic'], ['parley cubic', 'tcp cubic'], ['tcp cubic', 'tcp cubic'],
	['parley bbr', 'parley bbr'], ['parley bbr', 'tcp bbr'], ['tcp bbr', 'tcp bbr'],
];
const ALONE = ['parley cubic', 'tcp cubic', 'parley bbr', 'tcp bbr'];

const settings = readArguments({ rounds: 1, count: 12_000, skip: 3000, only: ['fair', 'delay'] });
const bulk = { size: MESSAGE, skip: settings.skip, count: settings.count };

/* Runs pairs at the same time; make() is given the path. Resolves with their results. */
async function runTogether(queue, make) {
	const path = await Path.start({ ...NARROW, queue });
	const pairs = make(path);
	try {
		await Promise.all(pairs.map((pair) => pair.open()));
		return await Promise.all(pairs.map((pair) => pair.run(settings.skip + settings.count)));
	} finally {
		await Promise.all(pairs.map((pair) => pair.stop()));
		await path.stop();
	}
}

async function measureShares() {
	const rows = [[`together, queue of ${SHALLOW_MS} ms`, 'Mbit/s of the first', 'of the second', 'share of the first, %']];
	for (const names of TOGETHER) {
		const rounds = [];
		for (let round = 0; round < settings.rounds; round++) {
			const [first, second] = await runTogether(SHALLOW_MS, (path) => names.map((name) => path.flow(name, bulk)));
			rounds.push([first.mbit, second.mbit, (100 * first.mbit) / (first.mbit + second.mbit)]);
		}
		rows.push([names.join(' + '), ...[0, 1, 2].map((i) => number(median(rounds.map((each) => each[i]))))]);
	}
	console.log(`\n${table(rows)}`);
}

/* What a datagram takes that passes by, one way, ms. */
async function measureDelays() {
	const rows = [[`alone, queue of ${DEEP_MS} ms`, 'Mbit/s', 'delay of a datagram, ms: median', '99 %', 'most']];
	const row = (name, mbit, probe) => [name, number(mbit), ...['p50_us', 'p99_us', 'max_us'].map((key) => number(probe[key] / 1000))];
	const probe = (path) => path.flow('udp', { ...PROBE, size: 0, skip: settings.skip, count: settings.count });
	const [idle] = await runTogether(DEEP_MS, (path) => [probe(path)]);
	rows.push(row('nobody', 0, idle));
	for (const name of ALONE) {
		const [flow, passing] = await runTogether(DEEP_MS, (path) => [path.flow(name, bulk), probe(path)]);
		rows.push(row(name, flow.mbit, passing));
	}
	console.log(`\n${table(rows)}`);
}

async function main() {
	console.log(`A path of ${NARROW.rate} Mbit/s with a round trip of ${NARROW.rtt} ms`);
	if (settings.only.includes('fair')) await measureShares();
	if (settings.only.includes('delay')) await measureDelays();
}

insideNamespaces(() => main().then(() => process.exit(0), (error) => {
	console.error(error.message);
	process.exit(1);
}));
