/*
 * path.js: connections through the link emulator (tests/support/linkem), from one network namespace to another: who can be measured
 * there, and how. Needs root. TCP may use as large buffers as it likes, and remembers nothing from one connection to the next.
 */
'use strict';

const { execFileSync } = require('child_process');
const { Link, NEAR, FAR } = require('../../tests/interop/lib/link.js');
const { ProgramEnd, Pair } = require('./ends.js');

const TUN_QUEUE = '10000'; /* packets; the emulator's own queue is the path's: before it, nothing may be lost */
const TCP_SETTINGS = ['net.ipv4.tcp_rmem=4096 1048576 67108864', 'net.ipv4.tcp_wmem=4096 1048576 67108864', 'net.ipv4.tcp_no_metrics_save=1'];
const PATH_MTU_MAX = 16421; /* as parley_configuration_default() has it: the path's is found */

const FLOWS = {
	'parley cubic': { kind: 'parley', options: { congestion: 'cubic', mtu_max: PATH_MTU_MAX } },
	'parley bbr': { kind: 'parley', options: { congestion: 'bbr', mtu_max: PATH_MTU_MAX } },
	'tcp cubic': { kind: 'kernel', options: { transport: 'tcp', congestion: 'cubic' } },
	'tcp bbr': { kind: 'kernel', options: { transport: 'tcp', congestion: 'bbr' } },
	pion: { kind: 'pion', options: {} },
	udp: { kind: 'kernel', options: { transport: 'udp' } },
};

function inBothNamespaces(link, command, ...args) {
	execFileSync(command, args);
	const [first, ...rest] = [...link.prefix, command, ...args];
	execFileSync(first, rest);
}

class Path {
	/* rtt, queue: milliseconds; rate: Mbit/s, 0: no limit; loss: percent, of each direction. */
	static async start({ rtt, loss = 0, rate = 0, queue = 25, seed = 1 }) {
		const path = new Path();
		path.link = await Link.start({ delay: rtt / 2, loss, rate: rate * 1000, queue, seed });
		inBothNamespaces(path.link, 'ip', 'link', 'set', 'em0', 'txqueuelen', TUN_QUEUE);
		for (const setting of TCP_SETTINGS) inBothNamespaces(path.link, 'sysctl', '-qw', setting);
		return path;
	}

	/* name: of FLOWS. options: of bench/ends/traffic.h. */
	flow(name, options) {
		const { kind, options: own } = FLOWS[name];
		const all = { ...options, ...own };
		const receiver = new ProgramEnd(kind, 'receive', { ...all, address: FAR }, this.link.prefix);
		return new Pair(new ProgramEnd(kind, 'send', { ...all, address: NEAR }), receiver);
	}

	/* Resolves with the emulator's counters. */
	stop() {
		return this.link.stop();
	}
}

module.exports = { FLOWS, Path };
