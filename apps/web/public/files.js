/*
 * files.js: chat and files over one data channel, as docs/room-protocol.md has it. Knows nothing of the page.
 *
 * Events (CustomEvent, `detail`): chat (text), binary (byte count), transfer (a transfer object, whenever it changes).
 * A transfer: {direction: 'send' | 'receive', id, name, size, moved, state, blob}. Its state: 'hashing', 'moving',
 * 'verifying', then 'done' or 'failed'. blob is what was received and verified.
 */
import { Sha256 } from './sha256.js';

const RESERVED = '{"parley":';
const ID_BYTES = 4;
const MESSAGE_MAX = 65536; /* bytes of a binary message, id included, if the other side takes that many */
const BUFFERED_HIGH = 1 << 20; /* bytes handed to the channel and not yet sent */
const BUFFERED_LOW = 1 << 18;
const READ_SIZE = 1 << 20; /* bytes of a file in memory at once */
const FILE_MAX = 2 ** 31; /* a received file is kept in memory until it is saved */
const RECEIVING_MAX = 8; /* files at once */
const NAME_MAX = 150;

/* A name that is only a name, whatever the other side calls its file. */
export function safeName(name) {
	const plain = String(name)
		.replace(/^.*[/\\]/, '')
		.replace(/[\p{C}<>:"|?*]/gu, '_')
		.replace(/^[.\s]+|[.\s]+$/g, '')
		.slice(0, NAME_MAX);
	return plain || 'file';
}

async function* pieces(file) {
	for (let at = 0; at < file.size; at += READ_SIZE) {
		yield new Uint8Array(await file.slice(at, at + READ_SIZE).arrayBuffer());
	}
}

export class Exchange extends EventTarget {
	#channel;
	#messageMax;
	#nextId = 1;
	#sending = new Map(); /* id -> transfer, until the other side has answered */
	#receiving = new Map();
	#queue = Promise.resolve(); /* files leave one after the other */

	/* channel: open, binaryType arraybuffer. messageMax: bytes the other side takes at most (RTCSctpTransport.maxMessageSize). */
	constructor(channel, messageMax) {
		super();
		this.#channel = channel;
		this.#messageMax = messageMax || Infinity; /* 0: no limit (RFC 8841 6.1) */
		channel.bufferedAmountLowThreshold = BUFFERED_LOW;
		channel.addEventListener('message', ({ data }) => {
			if (typeof data === 'string') this.#receiveText(data);
			else this.#receiveBinary(new Uint8Array(data));
		});
		channel.addEventListener('close', () => this.#abandon());
	}

	/* Throws RangeError for a text that the other side does not take. */
	chat(text) {
		const message = text.startsWith(RESERVED) ? JSON.stringify({ parley: 'chat', text }) : text;
		const size = new TextEncoder().encode(message).length;
		if (size > this.#messageMax) throw new RangeError(`${size} bytes are more than the other side takes (${this.#messageMax})`);
		this.#channel.send(message);
	}

	/* file: a File. Resolves when all of it is on its way; the transfer tells how it ends. */
	sendFile(file) {
		const transfer = { direction: 'send', id: this.#nextId++, name: file.name, size: file.size, moved: 0, state: 'hashing' };
		this.#sending.set(transfer.id, transfer);
		this.#changed(transfer);
		this.#queue = this.#queue
			.then(() => this.#send(transfer, file))
			.catch((error) => this.#end(this.#sending, transfer, false, error.message));
		return this.#queue;
	}

	async #send(transfer, file) {
		const hash = new Sha256();
		for await (const piece of pieces(file)) hash.update(piece);
		const { id, name, size } = transfer;
		transfer.sha256 = hash.hex();
		this.#channel.send(JSON.stringify({ parley: 'file', id, name, size, sha256: transfer.sha256 }));
		this.#changed(transfer, 'moving');

		const payloadMax = Math.min(MESSAGE_MAX, this.#messageMax) - ID_BYTES;
		for await (const piece of pieces(file)) {
			for (let at = 0; at < piece.length; at += payloadMax) {
				const payload = piece.subarray(at, at + payloadMax);
				const message = new Uint8Array(ID_BYTES + payload.length);
				new DataView(message.buffer).setUint32(0, id);
				message.set(payload, ID_BYTES);
				await this.#roomInBuffer();
				if (transfer.state !== 'moving') return; /* refused, or the channel closed */
				this.#channel.send(message);
				transfer.moved += payload.length;
				this.#changed(transfer);
			}
		}
		if (transfer.state === 'moving') this.#changed(transfer, 'verifying');
	}

	#roomInBuffer() {
		if (this.#channel.bufferedAmount <= BUFFERED_HIGH) return undefined;
		return new Promise((resolve) => {
			const channel = this.#channel;
			const done = () => {
				channel.removeEventListener('bufferedamountlow', done);
				channel.removeEventListener('close', done);
				resolve();
			};
			channel.addEventListener('bufferedamountlow', done);
			channel.addEventListener('close', done);
		});
	}

	#receiveText(text) {
		if (!text.startsWith(RESERVED)) return this.#emit('chat', text);
		let message;
		try {
			message = JSON.parse(text);
		} catch {
			return undefined; /* reserved and malformed: nothing to show */
		}
		if (message.parley === 'chat') this.#emit('chat', String(message.text));
		else if (message.parley === 'file') this.#receiveHeader(message);
		else if (message.parley === 'file-received') this.#receiveAnswer(message);
		return undefined; /* other kinds are for later versions */
	}

	#receiveHeader({ id, name, size, sha256 }) {
		const valid =
			Number.isInteger(id) && id >= 0 && id < 2 ** 32 && Number.isSafeInteger(size) && size >= 0 &&
			/^[0-9a-f]{64}$/i.test(sha256) && !this.#receiving.has(id);
		if (!valid || size > FILE_MAX || this.#receiving.size >= RECEIVING_MAX) {
			this.#answer(id, false, '');
			return;
		}
		const transfer = { direction: 'receive', id, name: safeName(name), size, moved: 0, state: 'moving', sha256: sha256.toLowerCase() };
		transfer.hash = new Sha256();
		transfer.parts = [];
		this.#receiving.set(id, transfer);
		this.#changed(transfer);
		if (size === 0) this.#verify(transfer);
	}

	#receiveBinary(bytes) {
		const id = bytes.length >= ID_BYTES ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : -1;
		const transfer = this.#receiving.get(id);
		if (!transfer) return this.#emit('binary', bytes.length);
		const payload = bytes.subarray(ID_BYTES);
		transfer.moved += payload.length;
		transfer.hash.update(payload);
		transfer.parts.push(payload);
		if (transfer.moved >= transfer.size) this.#verify(transfer);
		else this.#changed(transfer);
		return undefined;
	}

	#verify(transfer) {
		const sha256 = transfer.hash.hex();
		const ok = transfer.moved === transfer.size && sha256 === transfer.sha256;
		if (ok) transfer.blob = new Blob(transfer.parts, { type: 'application/octet-stream' });
		this.#answer(transfer.id, ok, sha256);
		this.#end(this.#receiving, transfer, ok, 'its SHA-256 is another');
	}

	#answer(id, ok, sha256) {
		this.#channel.send(JSON.stringify({ parley: 'file-received', id, ok, sha256 }));
	}

	#receiveAnswer({ id, ok, sha256 }) {
		const transfer = this.#sending.get(id);
		if (transfer) this.#end(this.#sending, transfer, ok === true && sha256 === transfer.sha256, 'the other side did not get it whole');
	}

	#end(transfers, transfer, ok, why) {
		transfers.delete(transfer.id);
		delete transfer.parts;
		delete transfer.hash;
		if (!ok) transfer.error = why;
		this.#changed(transfer, ok ? 'done' : 'failed');
	}

	#abandon() {
		for (const transfers of [this.#sending, this.#receiving]) {
			for (const transfer of [...transfers.values()]) this.#end(transfers, transfer, false, 'the other side left');
		}
	}

	#changed(transfer, state = transfer.state) {
		transfer.state = state;
		this.#emit('transfer', transfer);
	}

	#emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}
}
