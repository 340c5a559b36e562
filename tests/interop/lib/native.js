/* native.js: parley-room as a child; its JSON lines are events to wait for. */
'use strict';

const { deadline } = require('./runner.js');
const { program } = require('./paths.js');
const { Program } = require('./process.js');

const WAIT_MS = 20_000;

class Native {
	/*
	 * args: as on parley-room's command line, without --hub and --json. json false: as people see it, without events.
	 * prefix: a command and its arguments that run it.
	 */
	constructor(hub, args, { json = true, prefix = [] } = {}) {
		this.events = [];
		this.waiting = new Set();
		const command = [...prefix, program('parley-room'), ...args, '--hub', hub.url, ...(json ? ['--json'] : [])];
		this.program = new Program(command[0], command.slice(1));
		if (json) this.program.on('line', (line) => this.#take(line));
		this.program.on('exit', ({ code, signal }) => this.#push({ event: 'exit', code, signal }));
	}

	#take(line) {
		try {
			this.#push(JSON.parse(line));
		} catch {
			this.#push({ event: 'malformed', line });
		}
	}

	#push(event) {
		this.events.push(event);
		for (const look of [...this.waiting]) look();
	}

	/* Resolves with what find(events) returns once that is truthy; a late look sees earlier events too. */
	async wait(what, find, ms = WAIT_MS) {
		let look;
		const found = new Promise((resolve, reject) => {
			look = () => {
				const result = find(this.events);
				if (result) resolve(result);
				else if (this.program.ended) reject(new Error(`parley-room ended before: ${what}`));
			};
			this.waiting.add(look);
			look();
		});
		try {
			return await deadline(found, ms, `parley-room: no ${what}`);
		} finally {
			this.waiting.delete(look);
		}
	}

	/* The first event of that name that agrees with all the given fields, of those from the from-th on. */
	event(name, fields = {}, ms = WAIT_MS, from = 0) {
		const agrees = (each) => each.event === name && Object.entries(fields).every(([key, value]) => each[key] === value);
		return this.wait(`${name} ${JSON.stringify(fields)}`, (events) => events.slice(from).find(agrees), ms);
	}

	/* The first that is yet to come, whatever act() makes happen. */
	async eventAfter(act, name, fields = {}) {
		const from = this.events.length;
		await act();
		return this.event(name, fields, WAIT_MS, from);
	}

	texts() {
		return this.events.filter((each) => each.event === 'message' && typeof each.text === 'string').map((each) => each.text);
	}

	say(text) {
		this.program.write(`${text}\n`);
	}

	/* The W3C's dictionaries of this moment. */
	async stats() {
		const count = (events) => events.filter((each) => each.event === 'stats').length;
		const before = count(this.events);
		this.say('/stats');
		await this.wait('statistics', (events) => count(events) > before);
		return this.events.findLast((each) => each.event === 'stats').stats;
	}

	/* As Ctrl-C does. */
	leave() {
		this.program.signal('SIGINT');
		return this.program.exit(5000, 'parley-room does not leave');
	}

	stop() {
		return this.program.stop();
	}

	describe() {
		const shorten = (event) => JSON.stringify(event).slice(0, 200);
		const last = this.events.filter((each) => each.event !== 'message' && each.event !== 'file-progress' && each.event !== 'stats').slice(-40);
		return `parley-room ${this.program.child.spawnargs.slice(1).join(' ')}\n${last.map(shorten).join('\n')}\n${this.program.stderr}`;
	}
}

module.exports = { Native };
