/* paths.js: where things are: the build (PARLEY_BUILD, else build/) and folders for a run's own files. */
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');

const ROOT = path.resolve(__dirname, '../../..');
const BUILD = path.resolve(process.cwd(), process.env.PARLEY_BUILD || path.join(ROOT, 'build'));
const SCREENSHOTS = path.join(BUILD, 'screenshots');
fs.mkdirSync(SCREENSHOTS, { recursive: true });

function temporaryFolder(name) {
	return fs.mkdtempSync(path.join(os.tmpdir(), `parley-${name}-`));
}

function removeFolder(folder) {
	fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

module.exports = {
	BUILD,
	program: (name) => path.join(BUILD, name),
	screenshot: (name) => path.join(SCREENSHOTS, `${name}.png`),
	temporaryFolder,
	removeFolder,
};
