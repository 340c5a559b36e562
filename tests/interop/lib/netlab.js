/*
 * netlab.js: a test in the network lab of tests/net/lab: the test itself and its browsers on hostA, parley-room on hostB, hub and TURN
 * server on srv. Root is needed; without it, the test program fails and says so.
 */
'use strict';

const { spawn } = require('child_process');
const { Lab } = require('../../net/lab/lab.js');

const INSIDE = 'PARLEY_LAB'; /* the lab's prefix, set for the program that runs inside */
const SERVER = '203.0.113.10';

async function makeAndEnter() {
	const lab = await Lab.up();
	const [command, ...prefix] = lab.inside('hostA');
	const child = spawn(command, [...prefix, process.execPath, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, [INSIDE]: lab.prefix } });
	process.on('exit', () => child.kill('SIGTERM'));
	child.on('close', (code) => process.exit(code ?? 1)); /* which removes the lab */
}

/* Runs the program anew on hostA, and body(lab) in that. */
function insideLab(body) {
	if (process.env[INSIDE]) {
		body(Lab.adopt(process.env[INSIDE]));
		return;
	}
	makeAndEnter().catch((error) => {
		console.log(`not ok - the network lab: it needs root: ${error.message}`);
		console.log('0 passed, 1 failed');
		process.exit(1);
	});
}

module.exports = { insideLab, SERVER };
