/*
 * lab.js: nat.sh and turn.sh as objects. Root is needed, and iproute2, nftables, conntrack and coturn.
 *
 * The namespaces of a run begin with parley-lab-PID-, so that runs do not meet, and what a killed run left is known and removed.
 */
'use strict';

const { execFile, execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { promisify } = require('util');

const { temporaryFolder, removeFolder } = require('../../interop/lib/paths.js');
const { Program } = require('../../interop/lib/process.js');
const { deadline } = require('../../interop/lib/runner.js');

const NAT = path.join(__dirname, 'nat.sh');
const TURN = path.join(__dirname, 'turn.sh');
const PREFIX = 'parley-lab-';
const START_MS = 20_000;
const run = promisify(execFile);

let made = 0;
const standing = new Set();

function removeNow(prefix) {
	execFileSync(NAT, ['down'], { env: { ...process.env, LAB: prefix }, stdio: 'ignore' });
}

/* What runs left that cannot have removed it themselves. */
function sweep() {
	const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n');
	const prefixes = new Set(names.map((name) => /^parley-lab-(\d+)-\d+-/.exec(name)).filter((found) => found && !fs.existsSync(`/proc/${found[1]}`)).map((found) => found[0]));
	for (const prefix of prefixes) removeNow(prefix);
}

process.on('exit', () => {
	for (const lab of standing) removeNow(lab.prefix);
});

class Lab {
	/* a, b: {kind, ipv6} of the two sites, as nat.sh knows them. */
	static async up(a = { kind: 'open' }, b = { kind: 'open' }) {
		if (made === 0) sweep();
		const lab = new Lab();
		lab.prefix = `${PREFIX}${process.pid}-${++made}-`;
		standing.add(lab);
		await lab.#nat('up', a.kind, b.kind, a.ipv6 ?? 'none', b.ipv6 ?? 'none');
		return lab;
	}

	/* One that another process has made and will remove. */
	static adopt(prefix) {
		const lab = new Lab();
		lab.prefix = prefix;
		return lab;
	}

	async #nat(...args) {
		try {
			await run(NAT, args, { env: { ...process.env, LAB: this.prefix } });
		} catch (error) {
			throw new Error(`nat.sh ${args.join(' ')}: ${error.stderr || error.message}`);
		}
	}

	/* Makes a site another one; its flows are forgotten, and what was cut is not any more. */
	async set(side, site) {
		await this.#nat('set', side, site.kind, site.ipv6 ?? 'none');
	}

	cut(side, what = 'all') {
		return this.#nat('cut', side, what);
	}

	mend(side) {
		return this.#nat('mend', side);
	}

	/* A command and arguments to run what follows in a namespace: 'hostA', 'natB', 'srv', ... */
	inside(where) {
		return ['ip', 'netns', 'exec', `${this.prefix}${where}`];
	}

	/* coturn in srv, as turn.sh starts it; secret: users are known by time-limited credentials. */
	async startTurn({ options = [], secret = null } = {}) {
		const folder = this.folder ?? (this.folder = temporaryFolder('lab'));
		const env = { ...process.env, LAB: this.prefix, ...(secret ? { TURN_SECRET: secret } : {}) };
		this.turn = new Program(TURN, [folder, ...options], { env });
		await deadline(this.#turnListens(), START_MS, 'coturn does not listen');
	}

	/* What a TURN server's certificate is checked with. */
	get certificate() {
		return path.join(this.folder, 'cert.pem');
	}

	async #turnListens() {
		for (;;) {
			if (this.turn.ended) throw new Error(`coturn ended: ${this.turn.stderr}`);
			const { stdout } = await run('ip', ['netns', 'exec', `${this.prefix}srv`, 'ss', '-Hltun']);
			if ([':443 ', ':3478 ', ':19302 '].every((port) => stdout.includes(port))) return;
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	async stopTurn() {
		await this.turn?.stop();
		this.turn = null;
	}

	/* Ends what this object has started. */
	async leave() {
		await this.stopTurn();
		if (this.folder) removeFolder(this.folder);
		this.folder = null;
	}

	async down() {
		await this.leave();
		await this.#nat('down');
		standing.delete(this);
	}
}

module.exports = { Lab };
