/* process.js: a child program whose lines are read as they come and which is ended by its own process id. */
'use strict';

const { spawn } = require('child_process');
const { EventEmitter } = require('events');
const readline = require('readline');
const { deadline } = require('./runner.js');

const KILL_AFTER_MS = 5000;
const running = new Set();

/* Events: line (text of stdout), exit. stderr is kept as text. */
class Program extends EventEmitter {
	constructor(command, args, options = {}) {
		super();
		this.setMaxListeners(0);
		this.stderr = '';
		this.ended = null; /* {code, signal} */
		this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
		running.add(this.child);
		this.child.stdin.on('error', () => {}); /* it may be gone before all is written */
		this.child.stderr.on('data', (data) => (this.stderr += data));
		readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.emit('line', line));
		this.exited = new Promise((resolve) => {
			this.child.on('error', (error) => {
				this.stderr += error.message;
				finish({ code: -1, signal: null });
			});
			this.child.on('close', (code, signal) => finish({ code, signal }));
			const finish = (ended) => {
				running.delete(this.child);
				this.ended ??= ended;
				this.emit('exit', this.ended);
				resolve(this.ended);
			};
		});
	}

	write(text) {
		this.child.stdin.write(text);
	}

	signal(name) {
		if (!this.ended) this.child.kill(name);
	}

	/* Asks it to end, then insists. */
	async stop() {
		this.signal('SIGTERM');
		const timer = setTimeout(() => this.signal('SIGKILL'), KILL_AFTER_MS);
		await this.exited;
		clearTimeout(timer);
	}

	/* The exit status, or an error when it goes on for longer than ms. */
	exit(ms, what = 'the program goes on') {
		return deadline(this.exited, ms, what);
	}
}

/* Nothing outlives the tests, even when they end early. */
process.on('exit', () => {
	for (const child of running) child.kill('SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(1));

module.exports = { Program };
