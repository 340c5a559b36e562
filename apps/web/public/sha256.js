/*
 * sha256.js: SHA-256 (FIPS 180-4) piece by piece. WebCrypto hashes only what is whole in memory, and only on pages of a
 * secure origin, which a hub in the local network is not.
 *
 *     new Sha256().update(bytes).update(bytes).hex()
 */

/* The first 32 bits of the fractional parts of the square or cube root of the first primes (FIPS 180-4 4.2.2, 5.3.3). */
function fractions(count, root) {
	const words = new Int32Array(count);
	for (let candidate = 2, found = 0; found < count; candidate++) {
		let prime = true;
		for (let divisor = 2; divisor * divisor <= candidate; divisor++) prime &&= candidate % divisor !== 0;
		if (prime) {
			const value = root(candidate);
			words[found++] = ((value - Math.floor(value)) * 2 ** 32) | 0;
		}
	}
	return words;
}

const K = fractions(64, Math.cbrt);
const INITIAL = fractions(8, Math.sqrt);
const BLOCK = 64; /* bytes */

export class Sha256 {
	#state = Int32Array.from(INITIAL);
	#words = new Int32Array(64);
	#block = new Uint8Array(BLOCK);
	#filled = 0; /* bytes waiting in #block */
	#length = 0; /* bytes in all */

	update(bytes) {
		let at = 0;
		this.#length += bytes.length;
		if (this.#filled > 0) {
			at = Math.min(BLOCK - this.#filled, bytes.length);
			this.#block.set(bytes.subarray(0, at), this.#filled);
			this.#filled += at;
			if (this.#filled < BLOCK) return this;
			this.#compress(this.#block, 0);
			this.#filled = 0;
		}
		for (; at + BLOCK <= bytes.length; at += BLOCK) this.#compress(bytes, at);
		this.#block.set(bytes.subarray(at));
		this.#filled = bytes.length - at;
		return this;
	}

	/* The digest, after which the object is spent. */
	hex() {
		const bits = this.#length * 8;
		const padding = new Uint8Array(BLOCK * 2);
		const zeros = (BLOCK * 2 - 9 - this.#filled) % BLOCK;
		padding[0] = 0x80;
		const view = new DataView(padding.buffer);
		view.setUint32(1 + zeros, Math.floor(bits / 2 ** 32));
		view.setUint32(5 + zeros, bits >>> 0);
		this.update(padding.subarray(0, 9 + zeros));
		return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
	}

	#compress(bytes, at) {
		const w = this.#words;
		for (let i = 0; i < 16; i++, at += 4) {
			w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
		}
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15];
			const y = w[i - 2];
			const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
			const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
			w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
		}
		let [a, b, c, d, e, f, g, h] = this.#state;
		for (let i = 0; i < 64; i++) {
			const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
			const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
			const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
			const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
			h = g;
			g = f;
			f = e;
			e = (d + t1) | 0;
			d = c;
			c = b;
			b = a;
			a = (t1 + t2) | 0;
		}
		const s = this.#state;
		s[0] += a;
		s[1] += b;
		s[2] += c;
		s[3] += d;
		s[4] += e;
		s[5] += f;
		s[6] += g;
		s[7] += h;
	}
}
