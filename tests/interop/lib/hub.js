/* hub.js: parley-hub as a child, on a port of its own choosing. */
'use strict';

const { deadline } = require('./runner.js');
const { program } = require('./paths.js');
const { Program } = require('./process.js');

const START_MS = 10_000;

class Hub {
	/* prefix: a command and its arguments that run it. */
	static async start(args = [], listen = '127.0.0.1:0', { prefix = [] } = {}) {
		const hub = new Hub();
		hub.args = args;
		hub.prefix = prefix;
		await hub.spawn(listen);
		return hub;
	}

	/* The page's address; rooms are below it. */
	get url() {
		return `${this.origin}/connectionHub`;
	}

	async spawn(listen) {
		const [command, ...args] = [...this.prefix, program('parley-hub'), '--listen', listen, ...this.args];
		this.program = new Program(command, args);
		const address = new Promise((resolve, reject) => {
			this.program.on('line', (line) => {
				const found = /https?:\/\/[^\s/]+/.exec(line);
				if (found) resolve(found[0].replace('0.0.0.0', '127.0.0.1'));
			});
			this.program.on('exit', () => reject(new Error(`parley-hub ended: ${this.program.stderr}`)));
		});
		this.origin = await deadline(address, START_MS, 'parley-hub names no address');
	}

	/* Ends it and starts it again at the same address. */
	async restart() {
		const listen = new URL(this.origin).host;
		await this.stop();
		await this.spawn(listen);
	}

	stop() {
		return this.program.stop();
	}
}

module.exports = { Hub };
