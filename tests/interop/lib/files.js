/* files.js: files to send, and what they hash to. */
'use strict';

const { createHash, randomBytes } = require('crypto');
const fs = require('fs');

function sha256(bytes) {
	return createHash('sha256').update(bytes).digest('hex');
}

function randomFile(path, size) {
	const bytes = randomBytes(size);
	fs.writeFileSync(path, bytes);
	return { path, size, sha256: sha256(bytes) };
}

module.exports = { randomFile, sha256, sha256OfFile: (path) => sha256(fs.readFileSync(path)) };
