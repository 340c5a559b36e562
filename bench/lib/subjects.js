/* subjects.js: who is measured: by name, how a pair of ends is made. */
'use strict';

const { ProgramEnd, Pair } = require('./ends.js');
const { PageEnd, startPages } = require('./page_end.js');

const PATH_MTU_MAX = 16421; /* of parley/core.h: as large as a DTLS record */

/* Of ends by kind; options: of all that it measures, beside those of one measurement. */
const SUBJECTS = {
	parley: { from: 'parley', to: 'parley' },
	'parley + pmtud': { from: 'parley', to: 'parley', options: { mtu_max: PATH_MTU_MAX } },
	pion: { from: 'pion', to: 'pion' },
	chromium: { from: 'page', to: 'page' },
	'parley to chromium': { from: 'parley', to: 'page' },
	'chromium to parley': { from: 'page', to: 'parley' },
	'tcp + tls': { from: 'kernel', to: 'kernel', options: { transport: 'tls' } },
	ceiling: { from: 'ceiling', to: 'ceiling' },
};
const PION_MESSAGE_MAX = 65535; /* one more, and it fails to send */

class Subjects {
	/* Makes pairs of these; a browser is started with the first one that needs it. */
	constructor(names) {
		for (const name of names) if (!SUBJECTS[name]) throw new Error(`no "${name}"; there are: ${Object.keys(SUBJECTS).join(', ')}`);
		this.names = names;
	}

	async #end(kind, role, options, prefix) {
		if (kind !== 'page') return new ProgramEnd(kind, role, options, prefix);
		this.browser ??= await startPages();
		return new PageEnd(this.browser, role, options);
	}

	async pair(name, options) {
		const { from, to, options: own } = SUBJECTS[name];
		const all = { ...options, ...own };
		if (name === 'pion') all.size = Math.min(all.size, PION_MESSAGE_MAX);
		const receiver = await this.#end(to, 'receive', all);
		return new Pair(await this.#end(from, 'send', all), receiver);
	}

	async stop() {
		await this.browser?.close();
	}
}

module.exports = { SUBJECTS, Subjects };
