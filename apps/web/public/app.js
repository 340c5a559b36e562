/*
 * app.js: binds a Room to the page. What the other side or the hub says is shown by textContent only.
 *
 * The page's address may name ICE servers: ?ice=stun:host:port (repeatable), or ?ice=none; for turn: and turns: also iceUser and
 * icePassword; and icePolicy=relay.
 * `window.room` is the Room, to look at from the console and from tests.
 */
import { Room } from './room.js';

const DEFAULT_ICE = 'stun:stun.l.google.com:19302';
const TOAST_MS = 8000;
const MESSAGES_SHOWN = 500;
const $ = (id) => document.getElementById(id);

const STATUS = {
	hub: 'Hub',
	room: 'Room',
	role: 'Role',
	signaling: 'Signaling',
	gathering: 'ICE gathering',
	ice: 'ICE connection',
	connection: 'Connection',
	channel: 'Data channel',
	path: 'Path',
	sending: 'Sending',
	receiving: 'Receiving',
};
const SUMMARY = {
	idle: 'Not in a room',
	camera: 'Asking for your camera',
	creating: 'Creating the room',
	joining: 'Joining the room',
	waiting: 'Waiting for somebody to join',
	calling: 'Connecting',
	connected: 'Connected',
};
const MOOD = {
	good: ['Connected', 'connected', 'completed', 'open', 'stable', 'complete'],
	bad: ['failed', 'disconnected', 'Disconnected', 'closed'],
	busy: ['Connecting', 'Reconnecting', 'connecting', 'checking', 'gathering', 'creating', 'joining', 'waiting', 'calling', 'camera'],
};
const TRANSFER = {
	hashing: 'reading',
	moving: '',
	verifying: 'verifying',
	done: 'SHA-256 verified',
};

function element(tag, properties = {}, ...children) {
	const made = Object.assign(document.createElement(tag), properties);
	made.append(...children);
	return made;
}

function toast(text, isError = false) {
	const close = element('button', { type: 'button', className: 'quiet', textContent: '×', ariaLabel: 'Dismiss' });
	const made = element('div', { className: isError ? 'toast error' : 'toast' }, element('p', { textContent: text }), close);
	if (isError) made.setAttribute('role', 'alert');
	close.addEventListener('click', () => made.remove());
	setTimeout(() => made.remove(), TOAST_MS);
	$('toasts').append(made);
}

/* RTCConfiguration */
function iceConfiguration(query) {
	const urls = query.getAll('ice');
	if (urls.length === 0) urls.push(DEFAULT_ICE);
	const user = { username: query.get('iceUser') ?? '', credential: query.get('icePassword') ?? '' };
	const servers = urls.filter((url) => url !== 'none').map((url) => ({ urls: url, ...(url.startsWith('turn') ? user : {}) }));
	return { iceServers: servers, iceTransportPolicy: query.get('icePolicy') ?? 'all' };
}

function formatBytes(bytes) {
	if (bytes < 1000) return `${bytes} bytes`;
	if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
	return `${(bytes / 1e6).toFixed(1)} MB`;
}

function moodOf(value) {
	return Object.keys(MOOD).find((mood) => MOOD[mood].includes(value)) ?? '';
}

function makeStatus() {
	for (const [key, label] of Object.entries(STATUS)) {
		$('status').append(element('div', {}, element('dt', { textContent: label }), element('dd', { id: `status-${key}` })));
	}
}

function showStatus(room) {
	const status = room.status;
	for (const key of Object.keys(STATUS)) {
		const shown = $(`status-${key}`);
		shown.textContent = status[key] ?? '–';
		shown.dataset.mood = moodOf(status[key]);
	}
	const inRoom = status.room !== 'idle';
	const hubReady = status.hub === 'Connected';
	const summary = !hubReady && !inRoom ? 'Connecting to the hub' : SUMMARY[status.room];
	if ($('summary').textContent !== summary) $('summary').textContent = summary;
	$('summary').dataset.mood = moodOf(hubReady || inRoom ? status.room : status.hub);
	$('leave').hidden = !inRoom;
	$('lobby').hidden = status.room === 'connected';
	for (const button of $('lobby').querySelectorAll('button')) button.disabled = inRoom || !hubReady;
}

function showDevices(room) {
	$('microphone').textContent = room.isSending('audio') ? 'Mute microphone' : 'Unmute microphone';
	$('camera').textContent = room.isSending('video') ? 'Turn camera off' : 'Turn camera on';
}

/* The talk stays readable after the call; only its controls go. */
function showTalk(room, was) {
	const connected = room.state === 'connected';
	if (connected) $('talk').hidden = false;
	for (const control of $('talk').querySelectorAll('input, form button')) control.disabled = !connected;
	if (connected && was !== 'connected') {
		undrawn = [];
		$('messages').replaceChildren();
		$('transfers').replaceChildren();
		$('text').focus();
	}
	if (!connected && was === 'connected') $('room-name').focus();
	if (room.state === 'idle') $('remote').srcObject = null;
}

function showRooms(room) {
	const rows = room.rooms.map(({ id, name }) => {
		const button = element('button', { type: 'button', textContent: 'Join', ariaLabel: `Join ${name}` });
		button.dataset.testid = `join-${id}`;
		button.addEventListener('click', () => room.join(id));
		return element('tr', {}, element('td', { textContent: name }), element('td', {}, button));
	});
	$('rooms').replaceChildren(...rows);
	$('no-rooms').hidden = rows.length > 0;
	showStatus(room);
}

function messageRow({ from, text }) {
	const who = element('span', { className: 'unseen', textContent: from === 'me' ? 'You: ' : 'They: ' });
	return element('li', { className: from }, who, element('span', { textContent: text }));
}

/* Messages wait here for the next frame: laid out one by one, a hundred a second would leave no time for anything else. */
let undrawn = [];

function drawMessages() {
	const list = $('messages');
	list.append(...undrawn.map(messageRow));
	undrawn = [];
	while (list.children.length > MESSAGES_SHOWN) list.firstElementChild.remove();
	list.scrollTop = list.scrollHeight;
}

/* A page in the background has no frames: it keeps what it will show. */
function showMessage(message) {
	if (undrawn.push(message) === 1) requestAnimationFrame(drawMessages);
	else if (undrawn.length > MESSAGES_SHOWN) undrawn.shift();
}

const transferRows = new WeakMap();

function showTransfer(transfer) {
	let row = transferRows.get(transfer);
	if (!row) {
		const arrow = transfer.direction === 'send' ? 'Sending' : 'Receiving';
		const progress = element('progress', { max: Math.max(transfer.size, 1), ariaLabel: `${arrow} ${transfer.name}` });
		row = { arrow, name: element('span', { className: 'name' }), note: element('span', { className: 'hint' }), progress };
		row.item = element('li', {}, row.name, row.note, progress);
		row.name.textContent = transfer.name;
		transferRows.set(transfer, row);
		$('transfers').append(row.item);
	}
	row.item.dataset.state = transfer.state;
	row.progress.value = transfer.moved;
	if (transfer.state === 'failed') row.note.textContent = `failed: ${transfer.error}`;
	else if (transfer.state === 'moving') row.note.textContent = `${row.arrow} ${formatBytes(transfer.moved)} of ${formatBytes(transfer.size)}`;
	else row.note.textContent = `${formatBytes(transfer.size)}, ${TRANSFER[transfer.state]}`;
	if (transfer.state === 'done' || transfer.state === 'failed') row.progress.remove();
	if (transfer.blob && !row.link) {
		row.link = element('a', { href: URL.createObjectURL(transfer.blob), download: transfer.name, textContent: transfer.name });
		row.name.replaceChildren(row.link);
		toast(`Received ${transfer.name}`);
	}
}

function listen(room) {
	let was = room.state;
	room.addEventListener('change', () => {
		showStatus(room);
		showTalk(room, was);
		showDevices(room);
		was = room.state;
	});
	room.addEventListener('rooms', () => showRooms(room));
	room.addEventListener('notice', ({ detail }) => toast(detail));
	room.addEventListener('failure', ({ detail }) => toast(detail, true));
	room.addEventListener('chat', ({ detail }) => showMessage(detail));
	room.addEventListener('transfer', ({ detail }) => showTransfer(detail));
	room.addEventListener('stream', ({ detail }) => {
		if ($(detail.side).srcObject !== detail.stream) $(detail.side).srcObject = detail.stream;
	});
}

function bindControls(room) {
	$('create').addEventListener('submit', (event) => {
		event.preventDefault();
		room.create($('room-name').value.trim());
	});
	$('chat').addEventListener('submit', (event) => {
		event.preventDefault();
		const text = $('text').value;
		if (!text) return;
		try {
			room.chat(text);
			$('text').value = '';
		} catch (error) {
			toast(error.message, true);
		}
	});
	$('file').addEventListener('change', () => {
		for (const file of $('file').files) room.sendFile(file);
		$('file').value = '';
	});
	$('microphone').addEventListener('click', () => room.setSending('audio', !room.isSending('audio')));
	$('camera').addEventListener('click', () => room.setSending('video', !room.isSending('video')));
	$('leave').addEventListener('click', () => room.leave());
	window.addEventListener('pagehide', () => room.leave());
}

makeStatus();
const room = new Room('connectionHub', iceConfiguration(new URLSearchParams(location.search)));
window.room = room;
listen(room);
bindControls(room);
showStatus(room);
showTalk(room, room.state);
showDevices(room);
