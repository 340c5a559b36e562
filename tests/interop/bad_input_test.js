/*
 * bad_input_test.js: what parley-room does when the hub, the room or the other side is not what it should be: one clear line
 * on stderr and a non-zero exit status, within 15 s.
 */
'use strict';

const assert = require('assert');
const { execFileSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const https = require('https');
const net = require('net');
const path = require('path');
const signalR = require('@microsoft/signalr');
const { Hub } = require('./lib/hub.js');
const { Native } = require('./lib/native.js');
const { temporaryFolder, removeFolder } = require('./lib/paths.js');
const { test, run, deadline } = require('./lib/runner.js');

const LIMIT_MS = 15_000;

/* As people start it, or with events to wait for. */
function startNative(t, hub, args, json = false) {
	const native = new Native(hub, args, { json });
	t.after(() => native.stop());
	t.onFailure(() => native.describe());
	return native;
}

/* It ends by itself, says why in one line that matches, and its status tells. */
async function endsBadly(native, why) {
	const { code, signal } = await native.program.exit(LIMIT_MS, 'parley-room goes on');
	const events = native.events.filter(({ event }) => event === 'error').map(({ text }) => text);
	const lines = [...native.program.stderr.split('\n').filter((line) => line.trim()), ...events];
	assert.strictEqual(signal, null);
	assert.notStrictEqual(code, 0);
	assert.strictEqual(lines.length, 1, `not one line: ${lines.join(' | ')}`);
	assert.match(lines[0], why);
}

/* Listens on a free port of this machine and resolves with it. */
async function listen(t, server) {
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections?.();
		server.close();
	});
	return server.address().port;
}

async function startHub(t) {
	const hub = await Hub.start();
	t.after(() => hub.stop());
	return hub;
}

/* A member of rooms that says what it likes. */
async function connect(t, hub) {
	const connection = new signalR.HubConnectionBuilder().withUrl(hub.url).configureLogging(signalR.LogLevel.None).build();
	for (const name of ['updateRoom', 'joined', 'ready', 'bye', 'error', 'created', 'message']) connection.on(name, () => {});
	t.after(() => connection.stop());
	await connection.start();
	return connection;
}

function once(connection, name) {
	return deadline(new Promise((resolve) => connection.on(name, resolve)), LIMIT_MS, `no ${name}`);
}

async function createRoom(connection, name) {
	const created = once(connection, 'created');
	await connection.invoke('CreateRoom', name);
	return created;
}

test('bad input: nobody listens at the hub\'s address', async (t) => {
	const server = net.createServer();
	const port = await listen(t, server);
	await new Promise((resolve) => server.close(resolve));
	await endsBadly(startNative(t, { url: `http://127.0.0.1:${port}/connectionHub` }, ['list']), /refused/i);
});

test('bad input: the address is no hub, but a web server', async (t) => {
	const port = await listen(t, http.createServer((_, answer) => answer.writeHead(404).end('<h1>Not here</h1>')));
	await endsBadly(startNative(t, { url: `http://127.0.0.1:${port}/connectionHub` }, ['list']), /404|not a hub|no .*hub/i);
});

test('bad input: the address answers with something that is not JSON', async (t) => {
	const port = await listen(t, http.createServer((_, answer) => answer.end('<h1>Welcome</h1>')));
	await endsBadly(startNative(t, { url: `http://127.0.0.1:${port}/connectionHub` }, ['list']), /negotiat|hub|JSON/i);
});

test('bad input: the address speaks no HTTP', async (t) => {
	const port = await listen(t, net.createServer((socket) => socket.on('error', () => {}).end('220 ready\r\n')));
	await endsBadly(startNative(t, { url: `http://127.0.0.1:${port}/connectionHub` }, ['list']), /HTTP|hub/i);
});

test('bad input: the hub says nothing', async (t) => {
	const port = await listen(t, net.createServer((socket) => socket.on('error', () => {})));
	await endsBadly(startNative(t, { url: `http://127.0.0.1:${port}/connectionHub` }, ['list']), /time|answer/i);
});

test('bad input: the hub\'s certificate is signed by nobody we know', async (t) => {
	const folder = temporaryFolder('tls');
	t.after(() => removeFolder(folder));
	const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
		'-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
	const server = https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, (_, answer) => answer.end());
	server.on('tlsClientError', () => {});
	const port = await listen(t, server);
	await endsBadly(startNative(t, { url: `https://127.0.0.1:${port}/connectionHub` }, ['list']), /certificate/i);
});

test('bad input: the hub\'s address is no address', async (t) => {
	await endsBadly(startNative(t, { url: 'nonsense' }, ['list']), /nonsense|URL|address/i);
});

test('bad input: a room that does not exist', async (t) => {
	await endsBadly(startNative(t, await startHub(t), ['join', '999999']), /room/i);
});

test('bad input: a room that is full', async (t) => {
	const hub = await startHub(t);
	const [creator, joiner] = [await connect(t, hub), await connect(t, hub)];
	const id = await createRoom(creator, 'for two');
	const joined = once(joiner, 'joined');
	await joiner.invoke('Join', id);
	await joined;
	await endsBadly(startNative(t, hub, ['join', id]), /full/i);
});

for (const [what, sdp] of [
	['is garbage', 'garbage'],
	['is empty', ''],
	['is cut off', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-data'],
	['has no fingerprint', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n' +
		'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n' +
		'a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=sctp-port:5000\r\n'],
]) {
	test(`bad input: an offer whose SDP ${what}`, async (t) => {
		const hub = await startHub(t);
		const creator = await connect(t, hub);
		const id = await createRoom(creator, 'bad offers');
		const ready = once(creator, 'ready');
		const native = startNative(t, hub, ['join', id]);
		await ready;
		await creator.invoke('SendMessage', id, { type: 'offer', sdp });
		await endsBadly(native, /SDP|description|offer/i);
	});
}

/* Passes messages between two rooms, in each of which one native peer waits, and lets tamper change the descriptions. */
async function relay(t, hub, tamper) {
	const [left, right] = [await connect(t, hub), await connect(t, hub)];
	const creator = startNative(t, hub, ['create', 'left side'], true);
	const { id: leftId } = await creator.event('created');
	const rightId = await createRoom(right, 'right side');
	const joiner = startNative(t, hub, ['join', rightId], true);
	await joiner.event('joined');
	left.on('message', (message) => right.invoke('SendMessage', rightId, tamper(message)));
	right.on('message', (message) => left.invoke('SendMessage', String(leftId), message));
	await left.invoke('Join', String(leftId));
	return { creator, joiner };
}

test('bad input: a peer whose certificate is not the one its SDP names', async (t) => {
	const hub = await startHub(t);
	const { joiner } = await relay(t, hub, (message) => {
		if (!message.sdp) return message;
		const sdp = message.sdp.replace(/(a=fingerprint:\S+ )(..)/g, (_, start, byte) => start + (byte === '00' ? '01' : '00'));
		assert.notStrictEqual(sdp, message.sdp);
		return { ...message, sdp };
	});
	await endsBadly(joiner, /fingerprint/i);
});

test('bad input: the same relay without tampering connects', async (t) => {
	const hub = await startHub(t);
	const { creator, joiner } = await relay(t, hub, (message) => message);
	await Promise.all([creator, joiner].map((native) => native.event('channel', { state: 'open' })));
});

run();
