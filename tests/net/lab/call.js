/* call.js: two parley-ice in two hosts of a lab that find a path to each other; what each prints goes to the other's stdin. */
'use strict';

const { program } = require('../../interop/lib/paths.js');
const { Program } = require('../../interop/lib/process.js');
const { deadline } = require('../../interop/lib/runner.js');

const LIMIT_MS = 90_000; /* ICE gives up 39.5 s after its first pair (RFC 8863), and the checks that go on then have to end */

/* One parley-ice; its events, and its result once it has ended. */
class Side {
	constructor(lab, host, args) {
		const command = [...lab.inside(host), program('parley-ice'), ...args, '--json'];
		this.events = [];
		this.program = new Program(command[0], command.slice(1));
		this.program.on('line', (line) => this.events.push(JSON.parse(line)));
	}

	find(name) {
		return this.events.findLast((each) => each.event === name);
	}

	async result() {
		await deadline(this.program.exited, LIMIT_MS, 'parley-ice goes on');
		const result = this.find('result');
		if (!result) throw new Error(`parley-ice: ${this.program.stderr || JSON.stringify(this.find('error'))}`);
		return result;
	}
}

/* By which way, of those in sites.js, as the two sides see it: each knows how it reaches its own relay. */
function wayOf(a, b) {
	if (!a.connected || !b.connected) return 'none';
	const relays = [a, b].filter((side) => side.localType === 'relay').map((side) => side.relayProtocol);
	for (const over of ['tls', 'tcp', 'udp']) if (relays.includes(over)) return `relay/${over}`;
	if (a.protocol === 'tcp') return 'tcp';
	return a.localType === 'host' && a.remoteType === 'host' ? 'host' : 'reflexive';
}

/* Runs a call to its end. args: for both. Resolves with {way, types, ms, checks, reason, exact}. */
async function call(lab, args) {
	const sides = [new Side(lab, 'hostA', ['pair', '--trickle', ...args]), new Side(lab, 'hostB', ['pair', '-', '--trickle', ...args])];
	const pass = (from, to) =>
		from.program.on('line', (line) => {
			const event = JSON.parse(line);
			if (event.event === 'signal') to.program.write(`${event.line}\n`);
		});
	pass(sides[0], sides[1]);
	pass(sides[1], sides[0]);
	try {
		const [a, b] = await Promise.all(sides.map((side) => side.result()));
		return {
			way: wayOf(a, b),
			types: a.connected ? `${a.localType}-${b.localType ?? '?'}` : '',
			ms: a.ms,
			checks: a.checksSent + b.checksSent,
			reasons: [a.reason, b.reason],
			exact: [a, b].every((side) => side.connected && side.answered === side.sent && side.wrong === 0 && side.sent > 0),
			sides,
		};
	} finally {
		await Promise.all(sides.map((side) => side.program.stop()));
	}
}

module.exports = { Side, call };
