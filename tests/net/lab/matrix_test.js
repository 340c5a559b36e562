/*
 * matrix_test.js: peers at every kind of site with peers at every other, in network namespaces, with coturn as their STUN and
 * TURN server: each pair that can connect does, by the best way there is; those that cannot say why. Prints the tables.
 *
 * Without PARLEY_LONG=1 only some cells of each table.
 */
'use strict';

const { test, run } = require('../../interop/lib/runner.js');
const { Lab } = require('./lab.js');
const { KINDS, bestWay } = require('./sites.js');
const { call } = require('./call.js');

const LONG = process.env.PARLEY_LONG === '1';
const LABS = 3; /* cells that run at a time */
const LABS_OF_FAILURES = 9; /* the same, of those that cannot connect: they wait */
const LIMIT_MS = 1_800_000;
const ONLY = process.argv.slice(2); /* words of tables' titles, as for runner.js */
const COLUMN = 33;

const ICE_TCP = true; /* whether peers connect to each other by TCP */
const STUN = () => ['--ice-server', 'stun:stun.l.google.com:19302'];
const TURN = (lab) => [
	...STUN(),
	...['turn:turn.test', 'turn:turn.test?transport=tcp', 'turns:turn.test:443'].flatMap((url) => ['--ice-server', url]),
	...['--ice-user', 'u', '--ice-password', 'p', '--ca', lab.certificate],
];
const TALK = ['--count', '5', '--interval', '10'];

async function runCell(cell, lab) {
	try {
		await lab.set('A', cell.a);
		await lab.set('B', cell.b);
		cell.outcome = await call(lab, [...cell.servers(lab), ...TALK]);
	} catch (error) {
		cell.outcome = { way: 'error', reasons: [error.message] };
	}
	cell.done();
}

/* The labs go from cell to cell, whatever table it is of, until none is left. */
async function work(cells) {
	const lab = await Lab.up();
	try {
		await lab.startTurn();
		while (cells.length > 0) await runCell(cells.shift(), lab);
	} finally {
		await lab.down();
	}
}

/* What cannot connect takes long and does little: it has labs of its own. */
let labs = null;
const waiting = { hopeful: [], hopeless: [] };
function startLabs() {
	const some = (count, cells) => Array.from({ length: Math.min(count, cells.length) }, () => work(cells));
	labs ??= Promise.all([...some(LABS, waiting.hopeful), ...some(LABS_OF_FAILURES, waiting.hopeless)]);
	return labs;
}

/* What is wrong with a cell; null: nothing. */
function fault({ a, b, expected, outcome }) {
	const cell = `${a.kind} to ${b.kind}`;
	const { way, exact, reasons } = outcome;
	if (way !== expected) return `${cell}: ${way} instead of ${expected} ${reasons.filter(Boolean).join('; ')}`;
	if (expected !== 'none') return exact ? null : `${cell}: messages were lost, repeated or out of order`;
	return reasons.every(Boolean) ? null : `${cell}: no reason given`;
}

function textOf({ outcome }) {
	const { way, types, ms, checks } = outcome;
	if (way === 'none' || way === 'error') return way;
	return `${way.startsWith('relay') || way === 'tcp' ? `${way} ` : ''}${types} ${ms} ms ${checks}`;
}

function printTable(title, cells) {
	console.log(`\n${title}: way, types at A and B, ms from the answer to connected, checks sent by both`);
	console.log(`${'A \\ B'.padEnd(16)}${KINDS.map((kind) => kind.padEnd(COLUMN)).join('')}`);
	for (const a of KINDS) {
		const row = KINDS.map((b) => cells.find((cell) => cell.a.kind === a && cell.b.kind === b));
		if (row.some(Boolean)) console.log(`${a.padEnd(16)}${row.map((cell) => (cell ? textOf(cell) : '').padEnd(COLUMN)).join('')}`);
	}
	const failed = cells.find(({ outcome }) => outcome.way === 'none');
	if (failed) console.log(`${failed.a.kind} to ${failed.b.kind}: A says ${failed.outcome.reasons.join('; B says ')}`);
}

/* servers: STUN or TURN. ipv6: of A and B. few: the cells that are run where time is short, as "kindA kindB". */
function table(title, { servers, ipv6 = ['none', 'none'], few }) {
	if (ONLY.length > 0 && !ONLY.some((word) => title.includes(word))) return;
	const features = { turn: servers === TURN, iceTcp: ICE_TCP };
	const cells = [];
	for (const kindA of KINDS)
		for (const kindB of KINDS) {
			if (!LONG && !few.includes(`${kindA} ${kindB}`)) continue;
			const cell = { a: { kind: kindA, ipv6: ipv6[0] }, b: { kind: kindB, ipv6: ipv6[1] }, servers };
			cell.expected = bestWay(cell.a, cell.b, features);
			cell.finished = new Promise((resolve) => (cell.done = resolve));
			cells.push(cell);
			waiting[cell.expected === 'none' ? 'hopeless' : 'hopeful'].push(cell);
		}
	test(title, { limit: LIMIT_MS }, async () => {
		await Promise.race([Promise.all(cells.map((cell) => cell.finished)), startLabs().then(() => {})]);
		printTable(title, cells);
		const faults = cells.map(fault).filter(Boolean);
		if (faults.length > 0) throw new Error(`${faults.length} of ${cells.length} cells:\n${faults.join('\n')}`);
	});
}

table('IPv4, STUN only', {
	servers: STUN,
	few: ['open open', 'open symmetric', 'full-cone port-restricted', 'addr-restricted symmetric', 'port-restricted port-restricted', 'symmetric port-restricted', 'udp-blocked open'],
});
table('IPv4, TURN', {
	servers: TURN,
	few: ['open port-restricted', 'symmetric symmetric', 'port-restricted symmetric', 'full-cone udp-blocked', 'udp-blocked udp-blocked', 'tcp443-only open', 'tcp443-only udp-blocked', 'tcp443-only tcp443-only'],
});
table('IPv4, and IPv6 without filters', { servers: TURN, ipv6: ['open', 'open'], few: ['symmetric symmetric', 'udp-blocked open'] });
table('IPv4, and IPv6 behind stateful firewalls', { servers: TURN, ipv6: ['fw', 'fw'], few: ['symmetric symmetric', 'open full-cone', 'tcp443-only symmetric'] });
table('IPv4, and IPv6 behind NATs', { servers: TURN, ipv6: ['nat66', 'nat66'], few: ['port-restricted port-restricted', 'symmetric symmetric'] });
table('IPv4, and IPv6 at B only', { servers: TURN, ipv6: ['none', 'fw'], few: ['port-restricted addr-restricted', 'symmetric port-restricted'] });

run();
