/* hub_test.js: the official SignalR client completes every method of our hub, also after the hub was restarted under it. */
'use strict';

const assert = require('assert');
const signalR = require('@microsoft/signalr');
const { Hub } = require('./lib/hub.js');
const { test, run, deadline } = require('./lib/runner.js');

const WAIT_MS = 10_000;
const CALLS = ['updateRoom', 'created', 'joined', 'ready', 'message', 'bye', 'error'];

/* A connection whose incoming calls are kept until they are asked for. */
class Client {
	static async connect(t, hub, retries = [0, 200, 500, 1000, 2000]) {
		const client = new Client();
		client.calls = [];
		client.waiting = [];
		client.connection = new signalR.HubConnectionBuilder()
			.withUrl(hub.url)
			.withAutomaticReconnect(retries)
			.configureLogging(signalR.LogLevel.None)
			.build();
		for (const name of CALLS) client.connection.on(name, (...args) => client.#take({ name, args }));
		t.after(() => client.connection.stop());
		await client.connection.start();
		return client;
	}

	#take(call) {
		this.calls.push(call);
		for (const look of [...this.waiting]) look();
	}

	invoke(...args) {
		return this.connection.invoke(...args);
	}

	/* The arguments of the next call of that name whose arguments please; what came before it is forgotten. */
	next(name, please = () => true) {
		const found = new Promise((resolve) => {
			const look = () => {
				const at = this.calls.findIndex((call) => call.name === name && please(...call.args));
				if (at < 0) return;
				this.waiting = this.waiting.filter((each) => each !== look);
				resolve(this.calls.splice(0, at + 1)[at].args);
			};
			this.waiting.push(look);
			look();
		});
		return deadline(found, WAIT_MS, `no ${name}`);
	}

	/* The list of rooms, once it pleases. */
	async rooms(please) {
		const [json] = await this.next('updateRoom', (text) => please(JSON.parse(text)));
		return JSON.parse(json);
	}
}

const lists = (id) => (rooms) => rooms.some((room) => room.RoomId === id);
const lacks = (id) => (rooms) => !lists(id)(rooms);

async function startHub(t) {
	const hub = await Hub.start();
	t.after(() => hub.stop());
	return hub;
}

/* Every method of the table, by two members and one who only looks. */
async function wholeTable(creator, joiner, looker) {
	await looker.invoke('GetRoomInfo');
	await looker.rooms(() => true);

	await creator.invoke('CreateRoom', 'Tea & <biscuits>');
	const [id] = await creator.next('created');
	assert.match(id, /^[0-9]+$/);
	const entry = (await looker.rooms(lists(id))).find((room) => room.RoomId === id);
	assert.deepStrictEqual(Object.keys(entry).sort(), ['Button', 'Name', 'RoomId']);
	assert.match(entry.Button, /<button/i);

	await joiner.invoke('Join', id);
	assert.deepStrictEqual(await joiner.next('joined'), [id]);
	await Promise.all([joiner.next('ready'), creator.next('ready')]);
	await looker.rooms(lacks(id));

	const offer = { type: 'offer', sdp: 'v=0\r\nünïcode 🜂 \u0001 "quoted" \\ </script>', nested: { list: [1, 2.5, null, true] } };
	await creator.invoke('SendMessage', id, offer);
	assert.deepStrictEqual(await joiner.next('message'), [offer]);
	await joiner.invoke('SendMessage', id, { type: 'answer', sdp: 'x'.repeat(20_000) });
	const [answer] = await creator.next('message');
	assert.strictEqual(answer.sdp.length, 20_000);

	await joiner.invoke('LeaveRoom', id);
	await creator.next('bye');
	await creator.invoke('LeaveRoom', id);
	await looker.rooms(lacks(id));
}

test('hub: the official client completes every method', async (t) => {
	const hub = await startHub(t);
	const clients = await Promise.all([1, 2, 3].map(() => Client.connect(t, hub)));
	await wholeTable(...clients);
	await wholeTable(clients[1], clients[0], clients[2]);
});

test('hub: and again after it was restarted under it', async (t) => {
	const hub = await startHub(t);
	const clients = await Promise.all([1, 2, 3].map(() => Client.connect(t, hub)));
	await wholeTable(...clients);
	const back = clients.map((client) => new Promise((resolve) => client.connection.onreconnected(resolve)));
	await hub.restart();
	await deadline(Promise.all(back), WAIT_MS, 'not reconnected');
	for (const client of clients) client.calls.length = 0;
	await wholeTable(...clients);
});

test('hub: a room goes with the connection that made it', async (t) => {
	const hub = await startHub(t);
	const [creator, looker] = await Promise.all([1, 2].map(() => Client.connect(t, hub)));
	await creator.invoke('CreateRoom', 'short-lived');
	const [id] = await creator.next('created');
	await looker.rooms(lists(id));
	await creator.connection.stop();
	await looker.rooms(lacks(id));
	await looker.invoke('Join', id);
	await looker.next('error');
});

test('hub: two members see each other go', async (t) => {
	const hub = await startHub(t);
	const [creator, joiner] = await Promise.all([1, 2].map(() => Client.connect(t, hub)));
	await creator.invoke('CreateRoom', 'x');
	const [id] = await creator.next('created');
	await joiner.invoke('Join', id);
	await creator.next('ready');
	await joiner.connection.stop();
	await creator.next('bye');
});

test('hub: refuses what it must and goes on', async (t) => {
	const hub = await startHub(t);
	const [creator, joiner, third] = await Promise.all([1, 2, 3].map(() => Client.connect(t, hub)));
	await assert.rejects(creator.invoke('NoSuchMethod'), signalR.HubException ?? Error);
	await assert.rejects(creator.invoke('CreateRoom'));
	await creator.invoke('Join', '999999');
	await creator.next('error');

	await creator.invoke('CreateRoom', 'for two');
	const [id] = await creator.next('created');
	await joiner.invoke('Join', id);
	await joiner.next('ready');
	await third.invoke('Join', id);
	await third.next('error');

	/* Who is not a member says nothing into a room. */
	await third.invoke('SendMessage', id, { type: 'offer', sdp: 'forged' }).catch(() => {});
	await joiner.invoke('SendMessage', id, { type: 'real' });
	assert.deepStrictEqual(await creator.next('message'), [{ type: 'real' }]);
});

test('hub: serves the page and its script, and nothing outside its folder', async (t) => {
	const hub = await startHub(t);
	const get = (path) => fetch(hub.origin + path);
	const page = await get('/');
	assert.strictEqual(page.status, 200);
	assert.match(page.headers.get('content-type'), /text\/html/);
	assert.match(await page.text(), /Your connection status/);
	const script = await get('/app.js');
	assert.match(script.headers.get('content-type'), /javascript/);
	const client = await get('/lib/signalr.min.js');
	assert.strictEqual(client.status, 200);
	for (const path of ['/nothing', '/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json']) {
		assert.strictEqual((await get(path)).status, 404, path);
	}
});

run();
