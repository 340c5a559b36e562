/* cpu.js: processor time of processes and of all that they started, by /proc. */
'use strict';

const fs = require('fs');

const TICKS_PER_SECOND = 100; /* USER_HZ, which is 100 on every Linux */
const PARENT = 1; /* fields of /proc/PID/stat after the name, from 0 */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/* Null: it has ended. */
function readStat(pid) {
	try {
		const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
		return text.slice(text.lastIndexOf(')') + 2).split(' ');
	} catch {
		return null;
	}
}

function allProcesses() {
	const found = new Map();
	for (const name of fs.readdirSync('/proc')) {
		const stat = /^\d+$/.test(name) && readStat(name);
		if (stat) found.set(Number(name), stat);
	}
	return found;
}

/* The processes with these ids and their descendants. */
function withDescendants(pids) {
	const all = allProcesses();
	const family = new Set(pids);
	for (let before = 0; before !== family.size;) {
		before = family.size;
		for (const [pid, stat] of all) if (family.has(Number(stat[PARENT]))) family.add(pid);
	}
	return [...family].filter((pid) => all.has(pid)).map((pid) => [pid, all.get(pid)]);
}

function cpuSeconds(pids) {
	const ticks = withDescendants(pids).map(([, stat]) => Number(stat[USER_TICKS]) + Number(stat[SYSTEM_TICKS]));
	return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

module.exports = { cpuSeconds, withDescendants };
