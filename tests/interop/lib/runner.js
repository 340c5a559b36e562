/*
 * runner.js: runs tests one after the other, each with its own deadline, and ends with the line "N passed, N failed".
 *
 *     test('what it shows', async (t) => { const hub = await Hub.start(); t.after(() => hub.stop()); ... });
 *     run();
 *
 * Words on the command line pick the tests whose names hold one of them.
 */
'use strict';

const DEFAULT_LIMIT_MS = 120_000;
const CLEANUP_LIMIT_MS = 15_000;
const tests = [];

/* options: {limit} in ms. */
function test(name, options, body) {
	if (typeof options === 'function') [options, body] = [{}, options];
	tests.push({ name, body, limit: options.limit ?? DEFAULT_LIMIT_MS });
}

function deadline(promise, ms, what) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what} after ${ms / 1000} s`)), ms);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Context {
	constructor(name) {
		this.name = name;
		this.cleanups = [];
		this.reports = [];
	}

	/* Run at the end, last first, whatever happened. */
	after(cleanup) {
		this.cleanups.push(cleanup);
	}

	/* What to say about a thing when the test fails: a function that returns text, or a promise of it. */
	onFailure(report) {
		this.reports.push(report);
	}
}

async function settle(functions, handle) {
	for (const each of functions) {
		try {
			handle(await deadline(Promise.resolve(each()), CLEANUP_LIMIT_MS, 'no end'));
		} catch (error) {
			console.log(`    # ${error.message}`);
		}
	}
}

async function runOne({ name, body, limit }) {
	const context = new Context(name);
	const began = Date.now();
	let failure = null;
	try {
		await deadline(body(context), limit, 'not finished');
	} catch (error) {
		failure = error;
		await settle(context.reports, (text) => text && console.log(String(text).replace(/^/gm, '    # ')));
	}
	await settle(context.cleanups.reverse(), () => {});
	console.log(`${failure ? 'not ok' : 'ok'} - ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
	if (failure) console.log(String(failure.stack ?? failure).replace(/^/gm, '    '));
	return !failure;
}

async function run() {
	const words = process.argv.slice(2);
	let passed = 0;
	let failed = 0;
	for (const each of tests) {
		if (words.length > 0 && !words.some((word) => each.name.includes(word))) continue;
		if (await runOne(each)) passed++;
		else failed++;
	}
	console.log(`${passed} passed, ${failed} failed`);
	process.exit(failed > 0 ? 1 : 0);
}

module.exports = { test, run, deadline };
