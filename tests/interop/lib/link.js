/*
 * link.js: a test in two network namespaces with an emulated link between them: the test itself, its hub and its browsers on the
 * near end, parley-room on the far end. Root is needed; without it, the test program fails and says so.
 */
'use strict';

const { execFileSync, spawn } = require('child_process');
const { deadline } = require('./runner.js');
const { program } = require('./paths.js');
const { Program } = require('./process.js');

const NEAR = '10.77.0.1';
const FAR = '10.77.0.2';
const START_MS = 5000;
const INSIDE = 'PARLEY_LINK_NAMESPACES'; /* "NEAR FAR", set for the program that runs inside */

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

function makeNamespaces(names) {
	for (const name of names) {
		ip('netns', 'add', name);
		ip('-n', name, 'link', 'set', 'lo', 'up');
		ip('netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
	}
}

function removeNamespaces(names) {
	for (const name of names) {
		try {
			ip('netns', 'del', name);
		} catch {
			/* was not made */
		}
	}
}

/* Runs the program anew in the near namespace and body() in that. */
function insideNamespaces(body) {
	if (process.env[INSIDE]) {
		body();
		return;
	}
	const names = ['near', 'far'].map((end) => `parley-${process.pid}-${end}`);
	process.on('exit', () => removeNamespaces(names));
	try {
		makeNamespaces(names);
	} catch (error) {
		console.log(`not ok - network namespaces: they need root (and ip): ${String(error.stderr || error.message).trim()}`);
		console.log('0 passed, 1 failed');
		process.exit(1);
	}
	const args = ['netns', 'exec', names[0], process.execPath, ...process.argv.slice(1)];
	const child = spawn('ip', args, { stdio: 'inherit', env: { ...process.env, [INSIDE]: names.join(' ') } });
	process.on('exit', () => child.kill('SIGTERM'));
	child.on('close', (code) => process.exit(code ?? 1));
}

class Link {
	/* settings: of linkem, such as {delay: 20, loss: 3}. */
	static async start(settings) {
		const link = new Link();
		const [near, far] = process.env[INSIDE].split(' ');
		link.program = new Program(program('tests/linkem'), [near, far, ...Object.entries(settings).flat().map(String)]);
		const ready = new Promise((resolve, reject) => {
			link.program.on('line', (line) => line === 'ready' && resolve());
			link.program.on('exit', () => reject(new Error(`linkem ended: ${link.program.stderr}`)));
		});
		await deadline(ready, START_MS, 'linkem is not ready');
		for (const [name, address] of [[near, NEAR], [far, FAR]]) {
			ip('-n', name, 'addr', 'add', `${address}/30`, 'dev', 'em0');
			ip('-n', name, 'link', 'set', 'em0', 'up');
			ip('-n', name, 'route', 'add', 'default', 'dev', 'em0');
		}
		link.prefix = ['ip', 'netns', 'exec', far];
		link.counters = [];
		link.program.on('line', (line) => link.counters.push(line));
		return link;
	}

	/* At once, while traffic flows. */
	set(settings) {
		for (const [key, value] of Object.entries(settings)) this.program.write(`${key} ${value}\n`);
	}

	/* The hub as seen from the far end. */
	hubFrom(hub) {
		return { url: hub.url.replace('127.0.0.1', NEAR) };
	}

	async stop() {
		await this.program.stop();
		return this.counters;
	}
}

module.exports = { Link, insideNamespaces, NEAR, FAR };
