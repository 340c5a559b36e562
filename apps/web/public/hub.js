/*
 * hub.js: the room hub over SignalR: its methods as functions, its calls as events. Knows nothing of WebRTC.
 *
 * Events (CustomEvent, `detail`): state (string), rooms ([{id, name}]), created (id), joined (id), ready, message (object),
 * bye, error (text). Starts again for ever: the first time every 5 s, later by SignalR's own back-off and then every 5 s.
 */

const RETRY_MS = 5000;

/* Hubs escape these in names, for pages that paste them into HTML. */
const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };

/* updateRoom carries a JSON string; only ids and names are taken from it, as plain text, never its HTML. */
function parseRooms(json) {
	const list = typeof json === 'string' ? JSON.parse(json) : json;
	const plain = (text) => String(text ?? '').replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]);
	return Array.from(list, (entry) => ({ id: String(entry.RoomId), name: plain(entry.Name) }));
}

export class Hub extends EventTarget {
	#connection;

	constructor(url) {
		super();
		const { HubConnectionBuilder, LogLevel } = globalThis.signalR;
		this.#connection = new HubConnectionBuilder()
			.withUrl(url)
			.withAutomaticReconnect()
			.configureLogging(LogLevel.Warning)
			.build();
		this.#listen();
	}

	get state() {
		return this.#connection.state;
	}

	/* Resolves once the hub answers. */
	async start() {
		for (;;) {
			const attempt = this.#connection.start();
			this.#emit('state', this.state);
			try {
				await attempt;
				break;
			} catch (error) {
				this.#emit('state', this.state);
				this.#emit('error', `The hub does not answer; trying again in ${RETRY_MS / 1000} s. (${error.message})`);
				await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
			}
		}
		this.#emit('state', this.state);
		await this.getRooms();
	}

	getRooms() {
		return this.#connection.invoke('GetRoomInfo');
	}

	createRoom(name) {
		return this.#connection.invoke('CreateRoom', name);
	}

	join(id) {
		return this.#connection.invoke('Join', id);
	}

	send(id, message) {
		return this.#connection.invoke('SendMessage', id, message);
	}

	leave(id) {
		return this.#connection.invoke('LeaveRoom', id);
	}

	#emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	#listen() {
		const hub = this.#connection;
		hub.on('updateRoom', (json) => this.#emit('rooms', parseRooms(json)));
		hub.on('created', (id) => this.#emit('created', String(id)));
		hub.on('joined', (id) => this.#emit('joined', String(id)));
		hub.on('ready', () => this.#emit('ready'));
		hub.on('message', (message) => this.#emit('message', message));
		hub.on('bye', () => this.#emit('bye'));
		hub.on('error', (text) => this.#emit('error', String(text)));
		hub.onreconnecting(() => this.#emit('state', this.state));
		hub.onreconnected(() => {
			this.#emit('state', this.state);
			this.getRooms().catch(() => {}); /* lost again: the next reconnection asks again */
		});
		hub.onclose(() => {
			this.#emit('state', this.state);
			this.start();
		});
	}
}
