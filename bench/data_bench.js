/*
 * data_bench.js: data channels over loopback beside what else there is: Pion, Chromium's pages, TCP with TLS, and a ceiling that
 * only seals, sends, receives and opens datagrams (bench/ends/ceiling_end.c).
 *
 *     node bench/data_bench.js [rounds=5] [count=2000] [skip=1000] [sizes=65536,1024,64] [subjects=parley,pion,...] [memory=1]
 *
 * Two processes each. In a round everybody is measured once, one soon after the other, and what is compared is compared within rounds: times
 * alone say more of the machine. Receivers check that all arrives, once and in order. Datagrams are of 1,200 bytes, but for Parley's with the path's MTU found.
 */
'use strict';

const fs = require('fs');
const path = require('path');
const { BUILD } = require('../tests/interop/lib/paths.js');
const { readArguments } = require('./lib/arguments.js');
const { CROWDS } = require('./lib/crowd.js');
const { measure } = require('./lib/ends.js');
const { SUBJECTS, Subjects } = require('./lib/subjects.js');
const { median, ratio } = require('./lib/statistics.js');
const { table, number } = require('./lib/table.js');

const BULK = 65536; /* what is sent meanwhile where the latency of a small message is measured */
const PACED = { paced: 64, interval: 5000 };
const NO_LATENCY = ['tcp + tls', 'ceiling', 'parley to chromium', 'chromium to parley']; /* one stream only; clocks that differ */
const SIZELESS = ['ceiling'];

const settings = readArguments({ rounds: 5, count: 2000, skip: 1000, memory: 1, sizes: ['65536', '1024', '64'], subjects: Object.keys(SUBJECTS) });

/* samples[load][subject]: results, one a round. */
const loads = settings.sizes.map((size) => ({ name: size, options: { size: Number(size) } }));
loads.push({ name: 'latency', options: { size: BULK, ...PACED } });
const samples = Object.fromEntries(loads.map(({ name }) => [name, Object.fromEntries(settings.subjects.map((each) => [each, []]))]));

const isMeasured = (load, subject) => (load === 'latency' ? !NO_LATENCY.includes(subject) : load === loads[0].name || !SIZELESS.includes(subject));

async function measureOne(subjects, name, load) {
	const { skip, count } = settings;
	const pair = await subjects.pair(name, { ...load.options, skip, count });
	try {
		samples[load.name][name].push(await measure(pair, skip + count));
	} catch (error) {
		throw new Error(`${name}, ${load.name}: ${error.message}`);
	}
}

const values = (load, subject, key) => samples[load]?.[subject]?.map((each) => each[key]) ?? [];

function middle(load, subject, key) {
	const all = values(load, subject, key);
	return all.length === 0 ? '-' : number(median(all));
}

/* How many times as fast as another. */
function times(load, subject, other, key = 'mbit') {
	const [mine, theirs] = [values(load, subject, key), values(load, other, key)];
	if (mine.length === 0 || theirs.length === 0) return '-';
	const { low, median: between, high } = ratio(mine, theirs);
	return `${number(between)} (${number(low)}-${number(high)})`;
}

function nameOf(size) {
	return Number(size) % 1024 === 0 ? `${Number(size) / 1024} KiB` : `${size} B`;
}

function printTables(crowds) {
	const rows = [['', ...settings.sizes.flatMap((size) => [`${nameOf(size)}: Mbit/s`, 'CPU s/GB'])]];
	for (const name of settings.subjects) rows.push([name, ...settings.sizes.flatMap((size) => [middle(size, name, 'mbit'), middle(size, name, 'cpuPerGb')])]);
	console.log(`Messages over loopback, two processes; medians of ${settings.rounds} rounds of ${settings.count / 1000} s\n`);
	console.log(table(rows));

	const ratios = [['times as fast as', ...settings.sizes.map((size) => `${nameOf(size)}: pion`), `${nameOf(settings.sizes[0])}: chromium`, 'tcp + tls', 'ceiling', "pion's CPU/GB"]];
	const first = settings.sizes[0];
	for (const name of settings.subjects) {
		const beside = ['chromium', 'tcp + tls', 'ceiling'].map((other) => times(first, name, other));
		ratios.push([name, ...settings.sizes.map((size) => times(size, name, 'pion')), ...beside, times(first, 'pion', name, 'cpuPerGb')]);
	}
	console.log(`\nWithin a round; median (least-most)\n\n${table(ratios)}`);

	const rest = [['ms', 'channel open after', '64 B under load: median', '99 %', 'most', 'KiB of a pair']];
	const milliseconds = (name, key) => {
		const all = values('latency', name, key);
		return all.length > 0 ? number(median(all) / 1000) : '-';
	};
	for (const name of settings.subjects) rest.push([name, middle(first, name, 'openMs'), ...['p50_us', 'p99_us', 'max_us'].map((key) => milliseconds(name, key)), number(crowds[name])]);
	console.log(`\nSet-up by pipes; a small message on a channel of its own while ${nameOf(BULK)} messages are sent on another of the same priority;\nmemory of a connected pair in one process\n\n${table(rest)}`);
}

async function main() {
	const subjects = new Subjects(settings.subjects);
	try {
		for (let round = 0; round < settings.rounds; round++)
			for (const load of loads)
				for (const name of settings.subjects) if (isMeasured(load.name, name)) await measureOne(subjects, name, load);
	} finally {
		await subjects.stop();
	}
	const crowds = {};
	for (const name of settings.subjects) if (settings.memory && CROWDS[name]) crowds[name] = await CROWDS[name]();
	printTables(crowds);
	fs.writeFileSync(path.join(BUILD, 'bench-data.json'), JSON.stringify({ settings, samples }, null, '\t'));
}

main().then(() => process.exit(0), (error) => {
	console.error(error.message);
	process.exit(1);
});
