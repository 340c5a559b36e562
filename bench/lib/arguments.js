/* arguments.js: KEY=VALUE words of the command line over defaults, each value of the kind of its default: a number or a list of words. */
'use strict';

function readArguments(defaults, words = process.argv.slice(2)) {
	const values = { ...defaults };
	for (const word of words) {
		const [key, value] = word.split(/=(.*)/s);
		if (!(key in defaults) || value === undefined) {
			const known = Object.entries(defaults).map(([name, each]) => `${name}=${each}`);
			console.error(`what is "${word}"? There are: ${known.join(' ')}`);
			process.exit(2);
		}
		values[key] = Array.isArray(defaults[key]) ? value.split(',') : Number(value);
	}
	return values;
}

module.exports = { readArguments };
