/*
 * ends.js: the two ends of a measured connection, whatever they are: programs of bench/ends (traffic.h there says what they say) or pages
 * of a browser (page_end.js). This brings them together, has one send to the other, and counts what processors spend on it.
 */
'use strict';

const { EventEmitter } = require('events');
const { program } = require('../../tests/interop/lib/paths.js');
const { Program } = require('../../tests/interop/lib/process.js');
const { deadline } = require('../../tests/interop/lib/runner.js');
const { cpuSeconds } = require('./cpu.js');

const START_MS = 20_000;
const OPEN_MS = 30_000;
const GRACE_MS = 20_000; /* beyond the time that is measured */

/* Events: line; gone (why). */
class ProgramEnd extends EventEmitter {
	/* kind: NAME of bench/ends/NAME_end. prefix: a command and its arguments that run it. */
	constructor(kind, role, options, prefix = []) {
		super();
		const words = Object.entries(options).map(([key, value]) => `${key}=${value}`);
		const command = [...prefix, program(`bench/ends/${kind}_end`), role, ...words];
		this.program = new Program(command[0], command.slice(1));
		this.program.on('line', (line) => this.emit('line', line));
		this.program.on('exit', ({ code, signal }) => this.emit('gone', `${kind} ${role} ended (${signal ?? code}): ${this.program.stderr}`));
	}

	say(line) {
		this.program.write(`${line}\n`);
	}

	get processes() {
		return [this.program.child.pid];
	}

	/* It holds nothing that would need an orderly end. */
	stop() {
		this.program.signal('SIGKILL');
		return this.program.exited;
	}
}

class Pair {
	/* Both ends, just made; who sends offers. */
	constructor(sender, receiver) {
		this.sender = sender;
		this.receiver = receiver;
		this.gone = new Promise((_, reject) => {
			for (const end of [sender, receiver]) end.on('gone', (why) => reject(new Error(why)));
		});
		this.gone.catch(() => {}); /* also after the end of all waiting */
		this.ready = Promise.all([this.#line(sender, 'ready'), this.#line(receiver, 'ready')]);
		this.#relay(sender, receiver);
		this.#relay(receiver, sender);
	}

	#line(end, word) {
		const found = new Promise((resolve) => {
			const look = (line) => {
				if (line !== word && !line.startsWith(`${word} `)) return;
				end.off('line', look);
				resolve(line.slice(word.length + 1));
			};
			end.on('line', look);
		});
		return Promise.race([found, this.gone]);
	}

	#relay(from, to) {
		from.on('line', (line) => line.startsWith('signal ') && to.say(line));
	}

	/* Resolves with the milliseconds it took. */
	async open() {
		await deadline(this.ready, START_MS, 'the ends do not start');
		const open = this.#line(this.sender, 'open');
		this.sender.say('connect');
		this.openMs = Number(await deadline(open, OPEN_MS, 'not connected'));
		return this.openMs;
	}

	#cpu() {
		return cpuSeconds([...new Set([...this.sender.processes, ...this.receiver.processes])]);
	}

	/* Sends for as long as the ends were told to, ms in all; resolves with the receiver's result, and rates of it. */
	async run(ms) {
		const begin = this.#line(this.receiver, 'begin');
		const end = this.#line(this.receiver, 'result');
		this.sender.say('go');
		await deadline(begin, ms + GRACE_MS, 'nothing is received');
		const before = this.#cpu();
		const result = JSON.parse(await deadline(end, ms + GRACE_MS, 'the receiver has no result'));
		const cpu = this.#cpu() - before;
		if (result.wrong > 0) throw new Error(`${result.wrong} messages were lost, repeated, damaged or out of order`);
		const mbit = (result.bytes * 8) / result.seconds / 1e6;
		return { ...result, mbit, cpu, cpuPerGb: (cpu / result.bytes) * 1e9, openMs: this.openMs };
	}

	stop() {
		return Promise.all([this.sender.stop(), this.receiver.stop()]);
	}
}

/* Opens, runs and ends a pair. */
async function measure(pair, ms) {
	try {
		await pair.open();
		return await pair.run(ms);
	} finally {
		await pair.stop();
	}
}

module.exports = { ProgramEnd, Pair, measure };
