// The chat of crates/socketio/examples/chat.rs, with the official client: what a program made of the library does, seen from outside.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { event, until, within } from '../lib/within.mjs';

const CHAT = process.env.CHAT_BIN ?? fileURLToPath(new URL('../../target/debug/examples/chat', import.meta.url));
if (!existsSync(CHAT)) throw new Error(`no chat at ${CHAT}: cargo build -p fanfare-socketio --example chat`);

let chat;
before(async () => (chat = await started()));
after(() => chat.child.kill('SIGKILL'));

/** The program, listening, with the lines that it says. */
async function started() {
  const child = spawn(CHAT, { env: { ...process.env, PORT: '0', ADMIN_PASSWORD: 'open' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = [];
  child.stderr.on('data', (data) => lines.push(`${data}`));
  const said = createInterface({ input: child.stdout });
  said.on('line', (line) => lines.push(line));
  const [first] = await within(10_000, 'line from the chat', once(said, 'line'));
  return { child, lines, url: first.replace('listening on ', '') };
}

const sockets = new Set();
after(() => sockets.forEach((socket) => socket.close()));

function open(namespace, auth, options = {}) {
  const socket = io(chat.url + namespace, { auth, forceNew: true, transports: ['websocket'], reconnectionDelay: 50, ...options });
  sockets.add(socket);
  return socket;
}

async function joined(name, options) {
  const socket = open('/', { name }, options);
  await event(socket, 'connect');
  return socket;
}

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
  test(`a chat over ${transports}: rooms, exceptions, answers`, async () => {
    const [a, b, c] = [await joined('a', { transports }), await joined('b', { transports }), await joined('c', { transports })];
    const all = [a, b, c];
    for (const socket of all) {
      assert.deepEqual(await socket.emitWithAck('join', ['tea', 'cake']), ['cake', 'lobby', 'tea']);
    }
    await c.emitWithAck('leave', ['cake']);
    const heard = [];
    for (const [index, socket] of all.entries()) socket.on('said', (...args) => heard.push([index, ...args]));
    assert.equal(await a.emitWithAck('say', 'tea', 'with milk?'), undefined);
    assert.equal(await a.emitWithAck('say', 'cake', 'which?'), undefined);
    assert.equal(await a.emitWithAck('say', 'tea', 'not for b', [b.id]), undefined);
    await until('all is heard', () => heard.length === 4);
    heard.sort();
    assert.deepEqual(heard, [
      [1, 'cake', 'a', 'which?'],
      [1, 'tea', 'a', 'with milk?'],
      [2, 'tea', 'a', 'not for b'],
      [2, 'tea', 'a', 'with milk?'],
    ]);
    // An answer of two arguments: `emitWithAck` gives the first alone.
    const refused = new Promise((resolve) => c.emit('say', 'cake', 'still?', (...answer) => resolve(answer)));
    assert.deepEqual(await refused, ['not in that room', 'cake']);
    assert.equal(await a.emitWithAck('say', 'tea'), 'not understood');
    assert.deepEqual((await a.emitWithAck('who', 'tea')).sort(), all.map((socket) => socket.id).sort());
    assert.deepEqual((await a.emitWithAck('who', 'cake')).sort(), [a.id, b.id].sort());
    const typing = event(b, 'typing');
    a.emit('typing', 'tea');
    assert.deepEqual(await typing, ['tea', 'a']);
    all.forEach((socket) => socket.close());
  });
}

test('acknowledgements go both ways, and a question that nobody answers says so', async () => {
  const [a, b] = [await joined('a'), await joined('b')];
  b.on('asked', (name, question, answer) => answer(`${name} asked ${question}`));
  assert.equal(await a.emitWithAck('ask', b.id, 'when'), 'a asked when');
  // By itself: its own answer comes in while its handler waits for it.
  a.on('asked', (_name, _question, answer) => answer('myself'));
  assert.equal(await a.emitWithAck('ask', a.id, 'when'), 'myself');
  assert.equal(await a.emitWithAck('ask', 'nobody', 'when'), 'no answer');
  a.close();
  b.close();
});

test('who may not join is told why with data, and is not in', async () => {
  for (const [namespace, auth, message, code] of [
    ['/', undefined, 'who are you?', 'name_missing'],
    ['/', { name: '' }, 'who are you?', 'name_missing'],
    ['/', { name: 7 }, 'who are you?', 'name_missing'],
    ['/admin', { password: 'guessed' }, 'not you', 'password'],
    ['/admin', undefined, 'not you', 'password'],
  ]) {
    const socket = open(namespace, auth);
    const [error] = await event(socket, 'connect_error');
    assert.deepEqual([error.message, error.data], [message, { code }]);
    socket.close();
  }
});

test('a namespace acts on another, and so does a route beside it', async () => {
  const a = await joined('a');
  const admin = open('/admin', { password: 'open' });
  await event(admin, 'connect');
  let announced = event(a, 'announced');
  assert.equal(await admin.emitWithAck('announce', 'hear'), true);
  assert.deepEqual(await announced, ['hear']);
  announced = event(a, 'announced');
  assert.equal((await fetch(`${chat.url}/announce`, { method: 'POST', body: 'by HTTP' })).status, 202);
  assert.deepEqual(await announced, ['by HTTP']);
  assert.equal(await (await fetch(`${chat.url}/healthz`)).text(), 'ok');
  const left = event(a, 'disconnect');
  admin.emit('kick', a.id);
  assert.equal((await left)[0], 'io server disconnect');
  admin.close();
});

test('who left is told to those who were in the same rooms, with the reason', async () => {
  const witness = await joined('witness');
  const left = () => event(witness, 'left');
  let told = left();
  (await joined('closes')).close();
  assert.deepEqual(await told, ['closes', 'client namespace disconnect']);
  told = left();
  const quits = await joined('quits');
  const reason = event(quits, 'disconnect');
  quits.emit('quit');
  assert.deepEqual([(await reason)[0], await told], ['io server disconnect', ['quits', 'server namespace disconnect']]);
  told = left();
  const breaks = await joined('breaks', { reconnection: false });
  breaks.io.engine.transport.ws.terminate?.();
  assert.match((await told)[1], /^transport (close|error)$/);
  witness.close();
});

test('a handler that panics closes its own connection, which comes back, and no other', async () => {
  const witness = await joined('witness');
  const admin = open('/admin', { password: 'open' });
  await event(admin, 'connect');
  const first = admin.id;
  const [reason, back] = [event(admin, 'disconnect'), new Promise((resolve) => admin.once('disconnect', () => admin.once('connect', resolve)))];
  admin.emit('break');
  assert.match((await reason)[0], /^transport (close|error)$/);
  await within(5000, 'return', back);
  assert.notEqual(admin.id, first);
  assert.equal(await admin.emitWithAck('announce', 'still here'), true);
  assert.ok(witness.connected);
  admin.close();
  witness.close();
});

test('at its end every client is let go so that it comes back, and the program ends by itself', async () => {
  const [websocket, polling] = [await joined('a'), await joined('b', { transports: ['polling'] })];
  const reasons = [event(websocket, 'disconnect'), event(polling, 'disconnect')];
  // While a handler waits for another client, which does not answer any more.
  const unanswered = polling.emitWithAck('ask', websocket.id, 'when').catch(() => 'left');
  const exited = once(chat.child, 'exit');
  chat.child.kill('SIGINT');
  for (const [reason] of await Promise.all(reasons)) assert.match(reason, /^transport (close|error)$/);
  assert.ok(websocket.active && polling.active, 'both try to come back');
  assert.deepEqual(await within(10_000, 'end', exited), [0, null]);
  assert.ok(chat.lines.includes('ended'), chat.lines.join('\n'));
  assert.equal(await unanswered, 'left');
});
