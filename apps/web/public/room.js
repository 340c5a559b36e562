/*
 * room.js: who is in which room and why: it joins the hub, a call and the exchange on its channel. Knows nothing of the page.
 *
 * States: idle -> camera -> creating -> waiting -> calling -> connected -> idle for who creates, and
 * idle -> camera -> joining -> calling -> connected -> idle for who joins.
 * Events (CustomEvent, `detail`): change (anything of `status`), rooms, notice (text), failure (text), stream
 * ({side: 'local' | 'remote', stream}), chat ({from: 'me' | 'them', text}), transfer (see files.js).
 */
import { Call } from './call.js';
import { Exchange } from './files.js';
import { Hub } from './hub.js';

const CAMERA_MS = 10000; /* for a person to answer the browser's question */

function stop(stream) {
	for (const track of stream.getTracks()) track.stop();
}

export class Room extends EventTarget {
	state = 'idle';
	rooms = [];
	messages = []; /* {from, text} of the present or last call */
	transfers = []; /* of the present or last call, as files.js describes them */
	path = null; /* the selected candidate pair */
	wants = { audio: true, video: true }; /* what is sent, or will be: see setSending() */
	#hub;
	#ice;
	#call = null;
	#exchange = null;
	#id = null;
	#name = null;
	#role = null;
	#camera = null;
	#lostRoom = false; /* the hub was away, and has forgotten the room one waits in */

	/* ice: of RTCConfiguration. */
	constructor(hubUrl, ice) {
		super();
		this.#ice = ice;
		this.#hub = new Hub(hubUrl);
		this.#listen();
		this.#hub.start();
	}

	get id() {
		return this.#id;
	}

	get pc() {
		return this.#call?.pc ?? null;
	}

	/* Every state there is, by name, for people and for tests. */
	get status() {
		const pc = this.pc;
		return {
			hub: this.#hub.state,
			room: this.state,
			id: this.#id,
			role: this.#role,
			signaling: pc?.signalingState ?? null,
			gathering: pc?.iceGatheringState ?? null,
			ice: pc?.iceConnectionState ?? null,
			connection: pc?.connectionState ?? null,
			channel: this.#call?.channel?.readyState ?? null,
			path: this.path,
			sending: this.#call?.media.sending.map((kind) => (this.#isMuted(kind) ? `${kind} (muted)` : kind)).join(', ') || null,
			receiving: this.#call?.media.receiving.join(', ') || null,
		};
	}

	async create(name) {
		if (this.state !== 'idle') return;
		this.#name = name;
		await this.#enter('creating', () => this.#hub.createRoom(name));
	}

	async join(id) {
		if (this.state !== 'idle') return;
		await this.#enter('joining', () => this.#hub.join(id));
	}

	/* Ends the call, or the wait for one. */
	leave(why = null) {
		if (this.state === 'idle') return;
		const id = this.#id;
		const call = this.#call;
		this.#id = null;
		this.#call = null;
		this.#exchange = null;
		this.#role = null;
		this.path = null;
		this.#set('idle');
		call?.close();
		this.#useCamera(null);
		if (id !== null) this.#hub.leave(id).catch(() => {}); /* without the hub the room is gone anyway */
		if (why) this.#emit('notice', why);
	}

	/* Whether a kind is sent; outside of a call, whether it would be. */
	isSending(kind) {
		return this.#call ? this.#trackOf(kind)?.enabled === true : this.wants[kind];
	}

	/* kind: 'audio' or 'video'. In a call the microphone is muted and the camera let go of; before, neither is asked for. */
	async setSending(kind, on) {
		this.wants[kind] = on;
		this.#emit('change');
		const track = this.#trackOf(kind);
		if (kind === 'audio' && track) track.enabled = on;
		else if (on && !track && this.#call) await this.#addTrack(kind);
		else if (!on && track) this.#removeTrack(track);
		this.#emit('change');
	}

	chat(text) {
		if (!this.#exchange) throw new Error('nobody is connected');
		this.#exchange.chat(text);
		this.#say('me', text);
	}

	sendFile(file) {
		if (!this.#exchange) throw new Error('nobody is connected');
		return this.#exchange.sendFile(file);
	}

	#emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	#set(state) {
		this.state = state;
		this.#emit('change');
	}

	#say(from, text) {
		const message = { from, text };
		this.messages.push(message);
		this.#emit('chat', message);
	}

	async #enter(state, ask) {
		this.#set('camera');
		await this.#openCamera();
		if (this.state !== 'camera') return; /* left meanwhile */
		this.#set(state);
		try {
			await ask();
		} catch (error) {
			this.#refused(error.message);
		}
	}

	/* Whoever answers too late goes without in this call. */
	async #openCamera() {
		let late = false;
		const asked = this.#askForCamera().then((stream) => {
			if (stream && (late || this.state !== 'camera')) stop(stream);
			else this.#useCamera(stream);
		});
		try {
			await Promise.race([
				asked,
				new Promise((_, reject) => setTimeout(() => reject(new Error('no answer yet')), CAMERA_MS)),
			]);
		} catch (error) {
			late = true;
			asked.catch(() => {});
			this.#emit('notice', `Going on without camera and microphone (${error.message}).`);
		}
	}

	/* The hub would not, or could not; a room one is in is not touched by that. */
	#refused(text) {
		if (this.state === 'creating' || this.state === 'joining') this.leave();
		this.#emit('failure', text);
	}

	#useCamera(stream) {
		if (this.#camera) stop(this.#camera);
		this.#camera = stream;
		this.#emit('stream', { side: 'local', stream });
	}

	async #askForCamera({ audio, video } = this.wants) {
		if (!audio && !video) return null;
		if (!navigator.mediaDevices) throw new Error('this page is not on a secure origin');
		return navigator.mediaDevices.getUserMedia({ audio, video });
	}

	#trackOf(kind) {
		return this.#camera?.getTracks().find((each) => each.kind === kind) ?? null;
	}

	#isMuted(kind) {
		return this.#trackOf(kind)?.enabled === false;
	}

	/* To the call that runs. */
	async #addTrack(kind) {
		const call = this.#call;
		let found;
		try {
			found = await this.#askForCamera({ audio: kind === 'audio', video: kind === 'video' });
		} catch (error) {
			this.wants[kind] = false;
			this.#emit('failure', `No ${kind === 'audio' ? 'microphone' : 'camera'}: ${error.message}`);
			return;
		}
		if (this.#call !== call || !this.wants[kind] || this.#trackOf(kind)) {
			stop(found); /* left, or changed one's mind meanwhile */
			return;
		}
		const [track] = found.getTracks();
		if (this.#camera) this.#camera.addTrack(track);
		else this.#useCamera(found);
		call.send(kind, track, this.#camera);
	}

	#removeTrack(track) {
		track.stop();
		this.#camera.removeTrack(track);
		this.#call?.send(track.kind, null);
	}

	#listen() {
		const hub = this.#hub;
		hub.addEventListener('state', () => this.#hubChanged());
		hub.addEventListener('rooms', ({ detail }) => {
			this.rooms = detail;
			this.#emit('rooms', detail);
		});
		hub.addEventListener('created', ({ detail: id }) => this.#entered('creating', id, 'initiator', 'waiting'));
		hub.addEventListener('joined', ({ detail: id }) => this.#entered('joining', id, 'joiner', 'calling'));
		hub.addEventListener('ready', () => {
			if (this.state === 'waiting') this.#startCall();
		});
		hub.addEventListener('message', ({ detail }) => {
			this.#call?.receive(typeof detail === 'string' ? JSON.parse(detail) : detail);
		});
		hub.addEventListener('bye', () => {
			if (this.#id !== null) this.leave('The other side left the room.');
		});
		hub.addEventListener('error', ({ detail }) => {
			this.#refused(detail);
		});
	}

	/* A room one waits in is created again when the hub is back; a call that runs does not need the hub. */
	#hubChanged() {
		if (this.#hub.state === 'Connected' && this.#lostRoom) {
			this.#lostRoom = false;
			if (this.state === 'waiting') {
				this.#set('creating');
				this.#hub.createRoom(this.#name).catch((error) => this.#refused(error.message));
			}
		} else if (this.#hub.state === 'Reconnecting' || this.#hub.state === 'Disconnected') {
			this.#lostRoom = true;
		}
		this.#emit('change');
	}

	#entered(from, id, role, to) {
		if (this.state !== from) {
			this.#hub.leave(id).catch(() => {}); /* left before the hub answered */
			return;
		}
		this.#id = id;
		this.#role = role;
		this.messages = [];
		this.transfers = [];
		if (to === 'calling') this.#startCall();
		else this.#set(to);
	}

	#startCall() {
		const id = this.#id;
		const call = new Call({ initiator: this.#role === 'initiator', ice: this.#ice, camera: this.#camera });
		this.#call = call;
		call.addEventListener('state', () => this.#callChanged());
		call.addEventListener('signal', ({ detail }) => {
			this.#hub.send(id, detail).catch((error) => this.#emit('failure', error.message));
		});
		call.addEventListener('stream', ({ detail }) => {
			this.#emit('stream', { side: 'remote', stream: detail });
			this.#emit('change');
		});
		call.addEventListener('channel', ({ detail }) => this.#connected(detail));
		call.addEventListener('error', ({ detail }) => this.#emit('failure', detail));
		call.addEventListener('closed', ({ detail }) => {
			if (this.#call === call) this.leave(`The call has ended: ${detail}.`);
		});
		this.#set('calling');
	}

	#connected(channel) {
		this.#exchange = new Exchange(channel, this.pc.sctp?.maxMessageSize);
		this.#exchange.addEventListener('chat', ({ detail }) => this.#say('them', detail));
		this.#exchange.addEventListener('binary', ({ detail }) => this.#say('them', `(${detail} bytes)`));
		this.#exchange.addEventListener('transfer', ({ detail }) => {
			if (!this.transfers.includes(detail)) this.transfers.push(detail);
			this.#emit('transfer', detail);
		});
		this.#set('connected');
		this.#callChanged();
	}

	async #callChanged() {
		this.#emit('change');
		const call = this.#call;
		if (!call || call.pc.connectionState !== 'connected') return;
		const path = await call.path();
		if (this.#call !== call || path === this.path) return;
		this.path = path;
		this.#emit('change');
	}
}
