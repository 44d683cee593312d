// Development mode: each client and a sample of events, as the reference tells them; and no more than there is room for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { skip } from '../lib/access.mjs';
import { adminToml, instrumented, loggedIn, told } from '../lib/admin.mjs';
import { clientsOf, received } from '../lib/clients.mjs';
import { scrape } from '../lib/metrics.mjs';
import { ops } from '../lib/reload.mjs';
import { startRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

const rules = `[[namespace]]
name = "/"
[[namespace.rule]]
on = "*"
to = "all"
[[namespace.rule]]
on = "enter"
join = "lobby"
[[namespace.rule]]
on = "exit"
leave = "lobby"
`;

async function started(t, more = 'mode = "development"', before = '') {
  const relay = await startRelay({ unlimited: true, toml: before + ops + adminToml(more) + rules });
  t.after(() => relay.kill());
  return relay;
}

describe('in development mode an administrator', { skip, concurrency: 4 }, () => {
  test('is told of a client what the reference tells', async (t) => {
    const reference = await instrumented(t, { mode: 'development' });
    reference.io.on('connection', (socket) => {
      socket.on('enter', () => socket.join('lobby'));
      socket.on('exit', () => socket.leave('lobby'));
    });
    const seen = {};
    for (const [name, url] of [['fanfare', (await started(t)).url], ['reference', reference.url]]) {
      const admin = await loggedIn(t, url);
      await told(admin, 'all_sockets');
      const client = await clientsOf(t).connect(`${url}/?token=secret`, {
        transports: ['websocket'], auth: { token: 'secret' }, extraHeaders: { 'user-agent': 'test' },
      });
      const { id } = client;
      const [socket, at] = await told(admin, 'socket_connected', (socket) => socket.id === id);
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, name);
      assert.ok(!JSON.stringify(socket).includes('secret') || name === 'reference');
      const emitted = received(client, 'x');
      client.emit('x', 1, { a: 'b' });
      await emitted;
      await told(admin, 'event_received', (nsp, socket, [event]) => nsp === '/' && socket === id && event === 'x');
      await told(admin, 'event_sent', (nsp, socket, [event]) => nsp === '/' && socket === id && event === 'x');
      client.emit('enter');
      await told(admin, 'room_joined', (nsp, room, socket) => nsp === '/' && room === 'lobby' && socket === id);
      client.emit('exit');
      await told(admin, 'room_left', (nsp, room, socket) => nsp === '/' && room === 'lobby' && socket === id);
      admin.emit('join', '/', 'moved', id);
      await told(admin, 'room_joined', (nsp, room, socket) => room === 'moved' && socket === id);
      admin.emit('_disconnect', '/', false, id);
      const [, , reason] = await told(admin, 'socket_disconnected', (nsp, socket) => nsp === '/' && socket === id);
      const polling = await clientsOf(t).connect(url);
      await told(admin, 'socket_updated', (update) => update.id === polling.id && update.transport === 'websocket');
      const event_ = (kind, event) => admin.told[kind].find(([, socket, args]) => socket === id && args[0] === event).slice(0, 3);
      const own = (text) => text.replaceAll(id, 'ID');
      seen[name] = {
        socket: { ...socket, id: 0, clientId: socket.clientId.length, rooms: 0, handshake: Object.keys(socket.handshake).sort(), data: Object.keys(socket.data) },
        agent: socket.handshake.headers['user-agent'], issued: typeof socket.handshake.issued, reason,
        received: own(JSON.stringify(event_('event_received', 'x'))), sent: own(JSON.stringify(event_('event_sent', 'x'))),
      };
    }
    assert.deepEqual(seen.fanfare, seen.reference);
    assert.deepEqual(JSON.parse(seen.fanfare.received), ['/', 'ID', ['x', 1, { a: 'b' }]]);
  });

  test('is shown all who are there: those of one connection together, on the transport they are on, in their rooms', async (t) => {
    const { url } = await started(t, 'mode = "development"');
    const clients = clientsOf(t);
    const [one, two] = [await clients.connect(url, { transports: ['polling'] }), await clients.connect(url)];
    await until('the upgrade', () => two.io.engine.transport.name === 'websocket');
    one.emit('enter');
    await received(two.emit('x'), 'x');
    await received(one.emit('y'), 'y');
    const admin = await loggedIn(t, url);
    const [sockets] = await told(admin, 'all_sockets');
    const of = (id) => sockets.find((socket) => socket.id === id);
    assert.deepEqual(of(one.id).rooms, [one.id, 'lobby']);
    assert.deepEqual([of(one.id).transport, of(two.id).transport], ['polling', 'websocket']);
    assert.notEqual(of(one.id).clientId, of(two.id).clientId);
    assert.equal(of(admin.id).nsp, '/admin');
    assert.ok(sockets.every(({ clientId }) => /^[0-9a-f]{12}$/.test(clientId)));
    const again = await loggedIn(t, url);
    await told(admin, 'socket_connected', (socket) => socket.id === again.id && socket.nsp === '/admin');
    const [now] = await told(again, 'all_sockets');
    assert.equal(now.find(({ id }) => id === one.id).clientId, of(one.id).clientId);
  });

  test('is shown a crowd in turns', async (t) => {
    const { url } = await started(t);
    const clients = await clientsOf(t).connectMany(700, url, { transports: ['websocket'] });
    const admin = await loggedIn(t, url);
    const [first] = await told(admin, 'all_sockets');
    assert.equal(first.length, 500);
    const ids = () => new Set([...first, ...(admin.told.socket_connected ?? []).map(([socket]) => socket)].map(({ id }) => id));
    await until('the rest of them', () => clients.every(({ id }) => ids().has(id)), { ms: 10_000 });
  });

  test('does not wait for the turns of pages that are gone', async (t) => {
    const relay = await started(t);
    await clientsOf(t).connectMany(800, relay.url, { transports: ['websocket'] });
    const first = await loggedIn(t, relay.url, undefined, { transports: ['websocket'] });
    const [sessionId] = await told(first, 'session');
    // Each is shown all in the third part of a second; and loaded again before that is done.
    for (let load = 0; load < 80; load++) (await loggedIn(t, relay.url, { sessionId }, { transports: ['websocket'] })).disconnect();
    const last = await loggedIn(t, relay.url, { sessionId }, { transports: ['websocket'] });
    await told(last, 'all_sockets', (all) => all.length > 0, 9000);
  });

  test('is told a sample of a storm, and that it is one; and clients hear all of it as fast as ever', async (t) => {
    const relay = await started(t);
    const admin = await loggedIn(t, relay.url);
    const [from, to] = await clientsOf(t).connectMany(2, relay.url, { transports: ['websocket'] });
    let heard = 0;
    to.on('x', () => heard++);
    for (let count = 0; count < 20_000; count++) from.emit('x', count);
    await until('all events', () => heard === 20_000, { ms: 20_000 });
    await until('what was left out', async () => (await scrape(relay.opsPort)).value('fanfare_admin_left_out_total', 'of="event"') > 10_000);
    const events = admin.told.event_received.length + (admin.told.event_sent?.length ?? 0);
    assert.ok(events >= 50 && events < 2000, `${events} were told`);
    assert.match(relay.log, /administrators are not told everything/);
    assert.ok(admin.connected);
  });

  test('is shown all anew after a crowd came and went too fast to tell', async (t) => {
    const relay = await started(t);
    const admin = await loggedIn(t, relay.url);
    await told(admin, 'all_sockets');
    const many = await clientsOf(t).connectMany(400, relay.url, { transports: ['websocket'] });
    many.forEach((client) => client.emit('enter'));
    many.forEach((client) => client.emit('exit'));
    many.forEach((client) => client.disconnect());
    // 400 come, enter, exit and go: more than 500 in a second.
    await until('a second look', () => admin.told.all_sockets.length >= 2, { ms: 15_000 });
    const [last] = admin.told.all_sockets.at(-1);
    assert.ok(last.length < 400, `${last.length} are shown of those who went`);
  });

  test('is told of nobody in production', async (t) => {
    const relay = await started(t, '');
    const admin = await loggedIn(t, relay.url);
    const client = await clientsOf(t).connect(relay.url);
    await received(client.emit('x'), 'x');
    await told(admin, 'server_stats', (stats) => stats.clientsCount === 2);
    assert.deepEqual(Object.keys(admin.told).sort(), ['config', 'server_stats', 'session']);
  });
});
