/*
 * call.js: one peer connection with its data channel `sendDataChannel`, by the perfect negotiation pattern of the W3C.
 *
 * The initiator makes the channel and offers audio, video and data; the other answers in the sections it was offered.
 * Tracks are added and removed at any time with send(); what the other side sends is one stream, whose tracks come and go with it.
 * The first description leaves once gathering ends, or after 2 s; later ones at once. Candidates found later follow one by one.
 * When the path breaks the initiator restarts ICE.
 * Events: state, channel (RTCDataChannel, open), stream (MediaStream), signal (object for the other side), error (text),
 * closed (why). After `closed` nothing follows.
 */

const CHANNEL = 'sendDataChannel';
const GATHERING_MS = 2000;

export class Call extends EventTarget {
	channel = null;
	#pc;
	#polite;
	#camera;
	#remote = new MediaStream();
	#makingOffer = false;
	#ignoreOffer = false;
	#described = false; /* our description is on its way: further candidates are sent one by one */
	#queue = Promise.resolve(); /* signals are handled one after the other */
	#closed = false;

	/* ice: of RTCConfiguration. camera: a MediaStream or null. */
	constructor({ initiator, ice, camera }) {
		super();
		this.#polite = !initiator;
		this.#camera = camera;
		this.#pc = new RTCPeerConnection(ice);
		this.#listen();
		if (initiator) {
			this.#attach(this.#pc.createDataChannel(CHANNEL));
			for (const kind of ['audio', 'video']) this.#offerMedia(kind);
		}
	}

	get pc() {
		return this.#pc;
	}

	/* Sends the track, which is of that kind, from now on, or with null nothing of that kind. stream: what it belongs to. */
	send(kind, track, stream) {
		const transceivers = this.#pc.getTransceivers().filter((each) => each.receiver.track.kind === kind && !each.stopped);
		const sending = transceivers.find((each) => each.sender.track);
		if (track && transceivers.length === 0) this.#pc.addTransceiver(track, { direction: 'sendrecv', streams: [stream] });
		else if (track) this.#fill(sending ?? transceivers[0], track, stream);
		else if (sending) this.#empty(sending);
	}

	/* Kinds by direction as negotiated: {sending: ['audio'], receiving: ['audio', 'video']}. */
	get media() {
		const kinds = (directions) => {
			const found = this.#pc.getTransceivers().filter((each) => directions.includes(each.currentDirection));
			return [...new Set(found.map((each) => each.receiver.track.kind))].sort();
		};
		return { sending: kinds(['sendrecv', 'sendonly']), receiving: kinds(['sendrecv', 'recvonly']) };
	}

	/* What another side said through the hub. */
	receive(signal) {
		this.#queue = this.#queue.then(() => this.#handle(signal)).catch((error) => this.#fail(error));
	}

	close(why = 'left') {
		if (this.#closed) return;
		this.#closed = true;
		this.channel?.close();
		this.#pc.close();
		this.#emit('state');
		this.#emit('closed', why);
	}

	/* "host udp 192.0.2.1:5000 → srflx udp 192.0.2.2:6000", or null while no pair is selected. */
	async path() {
		const stats = await this.#pc.getStats();
		const reports = [...stats.values()];
		const transport = reports.find((report) => report.type === 'transport' && report.selectedCandidatePairId);
		const pair = transport
			? stats.get(transport.selectedCandidatePairId)
			: reports.find((report) => report.type === 'candidate-pair' && report.selected);
		if (!pair) return null;
		return [pair.localCandidateId, pair.remoteCandidateId]
			.map((id) => stats.get(id))
			.map((end) => (end ? `${end.candidateType} ${end.protocol} ${end.address || '(hidden)'}:${end.port}` : 'unknown'))
			.join(' → ');
	}

	#emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	#fail(error) {
		if (!this.#closed) this.#emit('error', error.message);
	}

	#listen() {
		const pc = this.#pc;
		for (const what of ['signalingstate', 'icegatheringstate', 'iceconnectionstate', 'connectionstate']) {
			pc.addEventListener(`${what}change`, () => this.#emit('state'));
		}
		pc.addEventListener('connectionstatechange', () => {
			if (pc.connectionState === 'failed') this.close('no path to the other side');
		});
		pc.addEventListener('iceconnectionstatechange', () => {
			if (pc.iceConnectionState === 'disconnected' && !this.#polite) pc.restartIce();
		});
		pc.addEventListener('negotiationneeded', () => this.#offer().catch((error) => this.#fail(error)));
		pc.addEventListener('icecandidate', ({ candidate }) => {
			if (!candidate?.candidate || !this.#described) return;
			const { candidate: line, sdpMid, sdpMLineIndex } = candidate;
			this.#emit('signal', { type: 'candidate', candidate: line, sdpMid, sdpMLineIndex });
		});
		pc.addEventListener('datachannel', ({ channel }) => this.#attach(channel));
		pc.addEventListener('track', ({ track }) => this.#receiveTrack(track));
	}

	/*
	 * A track is muted while the other side does not send it: shown then, it would be a picture that stands still.
	 * The stream is a new one each time: Chromium shows no more frames of a track that leaves a stream and comes back.
	 */
	#receiveTrack(track) {
		const show = (shown) => {
			const tracks = this.#remote.getTracks();
			if (tracks.includes(track) === shown) return;
			this.#remote = new MediaStream(shown ? [...tracks, track] : tracks.filter((each) => each !== track));
			this.#emit('stream', this.#remote);
		};
		track.addEventListener('mute', () => show(false));
		track.addEventListener('unmute', () => show(true));
		track.addEventListener('ended', () => show(false));
		show(true);
	}

	#attach(channel) {
		channel.binaryType = 'arraybuffer';
		this.channel = channel;
		const opened = () => {
			this.#emit('state');
			this.#emit('channel', channel);
		};
		if (channel.readyState === 'open') queueMicrotask(opened);
		else channel.addEventListener('open', opened);
		channel.addEventListener('closing', () => this.#emit('state'));
		channel.addEventListener('close', () => this.close('the other side left'));
	}

	#offerMedia(kind) {
		const track = this.#camera?.getTracks().find((each) => each.kind === kind);
		if (track) this.#pc.addTransceiver(track, { direction: 'sendrecv', streams: [this.#camera] });
		else this.#pc.addTransceiver(kind, { direction: 'recvonly' });
	}

	/* Into the sections that the other side offered; a side that offers none gets none. */
	#answerMedia() {
		for (const track of this.#camera?.getTracks() ?? []) {
			const transceiver = this.#pc
				.getTransceivers()
				.find((each) => each.receiver.track.kind === track.kind && !each.sender.track && !each.stopped);
			if (transceiver) this.#fill(transceiver, track, this.#camera);
		}
	}

	#fill(transceiver, track, stream) {
		transceiver.direction = transceiver.direction === 'inactive' ? 'sendonly' : transceiver.direction.replace('recvonly', 'sendrecv');
		transceiver.sender.setStreams?.(stream);
		transceiver.sender.replaceTrack(track).catch((error) => this.#fail(error));
	}

	#empty(transceiver) {
		transceiver.direction = transceiver.direction === 'sendrecv' ? 'recvonly' : 'inactive';
		transceiver.sender.replaceTrack(null).catch((error) => this.#fail(error));
	}

	async #offer() {
		try {
			this.#makingOffer = true;
			await this.#pc.setLocalDescription();
		} finally {
			this.#makingOffer = false;
		}
		await this.#sendDescription();
	}

	async #handle(signal) {
		if (this.#closed) return;
		if (signal?.type === 'offer' || signal?.type === 'answer') await this.#handleDescription(signal);
		else if (signal?.type === 'candidate') await this.#handleCandidate(signal);
	}

	async #handleDescription({ type, sdp }) {
		const pc = this.#pc;
		const collision = type === 'offer' && (this.#makingOffer || pc.signalingState !== 'stable');
		this.#ignoreOffer = !this.#polite && collision;
		if (this.#ignoreOffer) return;
		await pc.setRemoteDescription({ type, sdp });
		if (type !== 'offer') return;
		this.#answerMedia();
		await pc.setLocalDescription();
		this.#sendDescription(); /* not awaited: candidates that arrive meanwhile are handled at once */
	}

	/* Some clients send the line alone, some the whole RTCIceCandidate. */
	async #handleCandidate({ candidate, sdpMid, sdpMLineIndex }) {
		const init = candidate && typeof candidate === 'object' ? candidate : { candidate, sdpMid, sdpMLineIndex };
		if (!init.candidate) return; /* the end of them */
		try {
			await this.#pc.addIceCandidate({ ...init, sdpMLineIndex: init.sdpMLineIndex ?? (init.sdpMid == null ? 0 : null) });
		} catch (error) {
			if (!this.#ignoreOffer) throw error;
		}
	}

	async #sendDescription() {
		if (!this.#described) await this.#gathered(); /* some clients take candidates in the first description only */
		if (this.#closed) return;
		this.#described = true;
		const { type, sdp } = this.#pc.localDescription;
		this.#emit('signal', { type, sdp });
	}

	#gathered() {
		const pc = this.#pc;
		if (pc.iceGatheringState === 'complete') return Promise.resolve();
		return new Promise((resolve) => {
			const timer = setTimeout(done, GATHERING_MS);
			const changed = () => pc.iceGatheringState === 'complete' && done();
			function done() {
				clearTimeout(timer);
				pc.removeEventListener('icegatheringstatechange', changed);
				resolve();
			}
			pc.addEventListener('icegatheringstatechange', changed);
		});
	}
}
