/*
 * paths_bench.js: goodput across distance and loss, beside the kernel's TCP with the same congestion control and Pion. Needs root.
 *
 *     node bench/paths_bench.js [rtts=0,20,50,100,200] [losses=0,0.1,1] [flows=parley cubic,...] [rounds=1] [count=6000] [rate=500]
 *
 * Each cell is one transfer after another over a path of its own. What was measured before of other cells stays in build/bench-paths.json,
 * of which the table and the plot (build/goodput.svg; docs/goodput.svg is a copy) are made.
 */
'use strict';

const fs = require('fs');
const path = require('path');
const { insideNamespaces } = require('../tests/interop/lib/link.js');
const { BUILD } = require('../tests/interop/lib/paths.js');
const { readArguments } = require('./lib/arguments.js');
const { measure } = require('./lib/ends.js');
const { FLOWS, Path } = require('./lib/path.js');
const { plotGoodput } = require('./lib/plot.js');
const { median } = require('./lib/statistics.js');
const { table, number } = require('./lib/table.js');

const RESULTS = path.join(BUILD, 'bench-paths.json');
const PICTURE = path.join(BUILD, 'goodput.svg');
const MESSAGE = 16384; /* bytes */
const SKIP_MS = 1000;
const QUEUE_MS = 25;
const MEASURED = Object.keys(FLOWS).filter((name) => name !== 'udp');

const settings = readArguments({ rtts: ['0', '20', '50', '100', '200'], losses: ['0', '0.1', '1'], flows: MEASURED, rounds: 1, count: 6000, rate: 500 });

function readResults() {
	try {
		return JSON.parse(fs.readFileSync(RESULTS, 'utf8'));
	} catch {
		return {};
	}
}

async function measureOne(name, rtt, loss, seed) {
	const way = await Path.start({ rtt, loss, rate: settings.rate, queue: QUEUE_MS, seed });
	try {
		const { mbit } = await measure(way.flow(name, { size: MESSAGE, skip: SKIP_MS, count: settings.count }), SKIP_MS + settings.count);
		return mbit;
	} catch (error) {
		console.error(`${name}, ${rtt} ms, ${loss} %: ${error.message}`);
		return 0;
	} finally {
		await way.stop();
	}
}

const cellName = (rtt, loss) => `${rtt} ms, ${loss} %`;

async function measureCell(results, rtt, loss) {
	const cell = (results[cellName(rtt, loss)] ??= { rtt: Number(rtt), loss: Number(loss), flows: {} });
	for (const name of settings.flows) cell.flows[name] = [];
	for (let round = 1; round <= settings.rounds; round++)
		for (const name of settings.flows) cell.flows[name].push(await measureOne(name, Number(rtt), Number(loss), round));
	fs.writeFileSync(RESULTS, JSON.stringify(results, null, '\t'));
}

/* {rtt, loss, flows: {name: Mbit/s}}, in the order of a table. */
function cells(results) {
	const middle = (flows) => Object.fromEntries(Object.entries(flows).map(([name, samples]) => [name, median(samples)]));
	return Object.values(results).map((cell) => ({ ...cell, flows: middle(cell.flows) })).sort((a, b) => a.loss - b.loss || a.rtt - b.rtt);
}

function printTable(all) {
	const rows = [['round trip, loss', ...MEASURED.map((name) => `${name}`), 'cubic: to tcp', 'bbr: to tcp', 'cubic: to pion', 'bbr: to pion']];
	for (const { rtt, loss, flows } of all) {
		const share = (name, other) => number(flows[name] / flows[other]);
		rows.push([cellName(rtt, loss), ...MEASURED.map((name) => number(flows[name])), share('parley cubic', 'tcp cubic'), share('parley bbr', 'tcp bbr'),
			share('parley cubic', 'pion'), share('parley bbr', 'pion')]);
	}
	console.log(`Goodput through an emulated link of ${settings.rate} Mbit/s with a queue of ${QUEUE_MS} ms, Mbit/s\n\n${table(rows)}`);
}

async function main() {
	const results = readResults();
	for (const loss of settings.losses)
		for (const rtt of settings.rtts) await measureCell(results, rtt, loss);
	printTable(cells(results));
	plotGoodput(PICTURE, cells(results), MEASURED);
}

insideNamespaces(() => main().then(() => process.exit(0), (error) => {
	console.error(error.message);
	process.exit(1);
}));
