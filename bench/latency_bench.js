/*
 * latency_bench.js: 64-byte messages, 10,000 a second, over a path with a round trip of 20 ms: how much longer they take than the path
 * itself, alone and while a large transfer of lower priority goes over another channel of the same connection. Needs root.
 *
 *     node bench/latency_bench.js [rounds=3] [count=5000] [rate=500] [queue=25]
 *
 * The path's own latency is that of UDP datagrams sent at the same times. All is one way, from when a message was due to be sent.
 */
'use strict';

const { insideNamespaces } = require('../tests/interop/lib/link.js');
const { readArguments } = require('./lib/arguments.js');
const { measure } = require('./lib/ends.js');
const { Path } = require('./lib/path.js');
const { median } = require('./lib/statistics.js');
const { table, number } = require('./lib/table.js');

const RTT_MS = 20;
const SKIP_MS = 1500;
const PACED = { paced: 64, interval: 100 };
const NO_BULK = { size: 0 };
const BULK = { size: 65536, paced_first: 1 };
const CASES = [
	{ name: 'the path: UDP', flow: 'udp', options: NO_BULK },
	{ name: 'parley cubic', flow: 'parley cubic', options: NO_BULK },
	{ name: 'parley bbr', flow: 'parley bbr', options: NO_BULK },
	{ name: 'parley cubic, with a transfer', flow: 'parley cubic', options: BULK },
	{ name: 'parley bbr, with a transfer', flow: 'parley bbr', options: BULK },
];

const settings = readArguments({ rounds: 3, count: 5000, rate: 500, queue: 25 });

async function measureOne({ flow, options }) {
	const path = await Path.start({ rtt: RTT_MS, rate: settings.rate, queue: settings.queue });
	try {
		const times = { skip: SKIP_MS, count: settings.count };
		return await measure(path.flow(flow, { ...PACED, ...options, ...times }), SKIP_MS + settings.count);
	} finally {
		await path.stop();
	}
}

async function main() {
	const samples = CASES.map(() => []);
	for (let round = 0; round < settings.rounds; round++)
		for (const [i, each] of CASES.entries()) samples[i].push(await measureOne(each));

	const rows = [['', 'messages/s', 'ms: median', '99 %', 'most', '99 % beyond the path', 'transfer, Mbit/s']];
	for (const [i, { name }] of CASES.entries()) {
		const ms = (key) => number(median(samples[i].map((each) => each[key])) / 1000);
		const beyond = median(samples[i].map((each, round) => each.p99_us - samples[0][round].p99_us)) / 1000;
		rows.push([name, number(median(samples[i].map((each) => each.paced / each.seconds))), ms('p50_us'), ms('p99_us'), ms('max_us'), beyond.toFixed(2),
			number(median(samples[i].map((each) => each.mbit)))]);
	}
	const limit = settings.rate > 0 ? `${settings.rate} Mbit/s with a queue of ${settings.queue} ms` : 'without a limit to its rate';
	console.log(`64-byte messages, 10,000 a second, over a path of ${RTT_MS} ms, ${limit}; medians of ${settings.rounds} rounds\n\n${table(rows)}`);
}

insideNamespaces(() => main().then(() => process.exit(0), (error) => {
	console.error(error.message);
	process.exit(1);
}));
