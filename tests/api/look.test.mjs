// Looking and moving by HTTP: who is there, page by page, and where they go.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, emit, problem, started } from '../lib/api.mjs';
import { asked, skip } from '../lib/access.mjs';
import { clientsOf, recorded } from '../lib/clients.mjs';
import { event, until } from '../lib/within.mjs';

const move = (relay, id, body) => ask(relay, 'POST', `/api/sockets/${id}/rooms`, body);
const one = (relay, id) => ask(relay, 'GET', `/api/sockets/${id}`);

describe('looking', { skip, concurrency: 4 }, () => {
  test('says which namespaces and rooms there are, and who is in them', async (t) => {
    const relay = await started(t);
    const clients = clientsOf(t);
    const [a, b] = await clients.connectMany(2, relay.url);
    const c = await clients.connect(`${relay.url}/chat`);
    await move(relay, a.id, { join: ['news', 'a/b ü'] });
    await move(relay, b.id, { join: ['news'] });
    assert.deepEqual((await ask(relay, 'GET', '/api/namespaces')).body, {
      namespaces: [{ name: '/', sockets: 2, rooms: 2 }, { name: '/chat', sockets: 1, rooms: 0 }],
    });
    const get = async (path) => (await ask(relay, 'GET', path)).body;
    assert.deepEqual(await get('/api/rooms'), { rooms: [{ name: 'a/b ü', sockets: 1 }, { name: 'news', sockets: 2 }] });
    assert.deepEqual(await get('/api/rooms?prefix=n&namespace=/'), { rooms: [{ name: 'news', sockets: 2 }] });
    assert.deepEqual(await get('/api/rooms?namespace=%2Fchat'), { rooms: [] });
    assert.deepEqual(await get(`/api/rooms/${encodeURIComponent('a/b ü')}`), { name: 'a/b ü', sockets: 1 });
    assert.deepEqual(await get('/api/rooms/nobody?namespace=/chat'), { name: 'nobody', sockets: 0 });
    const { sockets } = await get('/api/sockets');
    assert.deepEqual(sockets.map(({ id }) => id), [a.id, b.id].sort());
    assert.deepEqual((await get('/api/sockets?room=a%2Fb+%C3%BC')).sockets.map(({ id }) => id), [a.id]);
    const { time, ...rest } = await get(`/api/sockets/${a.id}`);
    assert.deepEqual(rest, { id: a.id, namespace: '/', rooms: ['a/b ü', 'news'], address: '127.0.0.1' });
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000 && time.endsWith('Z'), time);
    assert.equal((await get(`/api/sockets/${c.id}`)).namespace, '/chat');
    for (const [path, expected] of [
      ['/api/sockets?namespace=/none', [404, 'unknown_namespace', 'namespace']],
      ['/api/rooms?namespace=', [404, 'unknown_namespace', 'namespace']],
      ['/api/sockets/none', [404, 'unknown_socket', 'id']],
      ['/api/sockets/AAAAAAAAAAAAAAAAAAAA', [404, 'unknown_socket', 'id']],
      ['/api/sockets/%ff', [400, 'invalid', 'id']],
      ['/api/sockets?limit=0', [400, 'invalid', 'limit']],
      ['/api/sockets?limit=1001', [400, 'invalid', 'limit']],
      ['/api/rooms?limit=ten', [400, 'invalid', 'limit']],
      ['/api/rooms?after=!', [400, 'invalid', 'after']],
      ['/api/sockets?room=', [400, 'invalid', 'room']],
      ['/api/sockets?rooms=a', [400, 'invalid', 'rooms']],
      ['/api/sockets?room=a&room=b', [400, 'invalid', 'room']],
      ['/api/namespaces?x=1', [400, 'invalid', 'x']],
      ['/api/rooms/', [404, 'not_found', undefined]],
    ]) {
      assert.deepEqual(problem(await ask(relay, 'GET', path)), expected, path);
    }
  });

  test('goes page by page, and misses nobody who stays while others come and go', async (t) => {
    const relay = await started(t);
    const clients = clientsOf(t);
    const staying = await clients.connectMany(60, relay.url, { transports: ['websocket'] });
    let churning = true;
    const churn = (async () => {
      while (churning) {
        const guest = await clients.connect(relay.url, { transports: ['websocket'] });
        await move(relay, guest.id, { join: [`guest:${guest.id}`] });
        guest.disconnect();
      }
    })();
    try {
      for (let round = 0; round < 3; round += 1) {
        const seen = [];
        let next = '';
        do {
          const { status, body } = await ask(relay, 'GET', `/api/sockets?limit=7${next && `&after=${next}`}`);
          assert.equal(status, 200);
          assert.ok(body.sockets.length <= 7);
          seen.push(...body.sockets.map(({ id }) => id));
          next = body.next;
        } while (next);
        assert.deepEqual(seen, [...seen].sort(), 'in order');
        assert.equal(new Set(seen).size, seen.length, 'nobody twice');
        assert.deepEqual(staying.filter(({ id }) => !seen.includes(id)), []);
      }
    } finally {
      churning = false;
      await churn;
    }
    await Promise.all(staying.map((client, n) => move(relay, client.id, { join: [`room:${String(n).padStart(2, '0')}`] })));
    const first = (await ask(relay, 'GET', '/api/rooms?limit=50&prefix=room:')).body;
    const second = (await ask(relay, 'GET', `/api/rooms?limit=50&prefix=room:&after=${first.next}`)).body;
    const names = [...first.rooms, ...second.rooms].map(({ name }) => name);
    assert.deepEqual(names, staying.map((_, n) => `room:${String(n).padStart(2, '0')}`));
    assert.equal(second.next, undefined);
  });
});

describe('moving', { skip, concurrency: 4 }, () => {
  test('gives a client the rights of a room\'s members, and takes them', async (t) => {
    const relay = await started(t);
    const [a, b] = await clientsOf(t).connectMany(2, relay.url);
    assert.equal((await asked(a, 'say', 'no')).code, 'not_member');
    const moved = await move(relay, a.id, { join: ['news'] });
    assert.deepEqual([moved.status, moved.body.rooms], [200, ['news']]);
    await move(relay, b.id, { join: ['news', 'more'] });
    const heard = event(b, 'say');
    assert.equal((await asked(a, 'say', 'yes')).status, 'ok');
    assert.deepEqual((await heard)[0], 'yes');
    await move(relay, a.id, { leave: ['news'] });
    assert.equal((await asked(a, 'say', 'no')).code, 'not_member');
    assert.deepEqual((await one(relay, a.id)).body.rooms, []);
    // A room that it joined itself is its own before and after.
    await asked(a, 'enter', '1');
    await move(relay, a.id, { join: ['account:1', 'account:2'] });
    assert.deepEqual((await one(relay, a.id)).body.rooms, ['account:1', 'account:2']);
    await asked(a, 'leave', '1');
    await asked(a, 'leave', '2');
    assert.deepEqual((await one(relay, a.id)).body.rooms, []);
    for (const [body, field] of [
      [{}, 'join'], [{ join: [] }, 'join'], [{ join: 'a' }, 'join'], [{ leave: [''] }, 'leave[0]'],
      [{ join: ['a'], rooms: [] }, 'rooms'], [{ join: new Array(101).fill('a') }, 'join'],
    ]) {
      assert.deepEqual(problem(await move(relay, a.id, body)), [400, 'invalid', field]);
    }
    assert.deepEqual(problem(await move(relay, 'none', { join: ['a'] })), [404, 'unknown_socket', 'id']);
  });

  test('moves and disconnects all of a room', async (t) => {
    const relay = await started(t);
    const [a, b, c] = await clientsOf(t).connectMany(3, relay.url);
    for (const { id } of [a, b]) await move(relay, id, { join: ['old'] });
    const moved = await ask(relay, 'POST', '/api/rooms/old/sockets', { join: ['new', 'newer'], leave: ['old', 'none'] });
    assert.deepEqual([moved.status, moved.body], [200, { sockets: 2 }]);
    assert.deepEqual((await one(relay, a.id)).body.rooms, ['new', 'newer']);
    assert.deepEqual((await one(relay, c.id)).body.rooms, []);
    const left = [a, b].map((client) => event(client, 'disconnect'));
    const gone = await ask(relay, 'DELETE', '/api/rooms/new/sockets');
    assert.deepEqual([gone.status, gone.body], [200, { sockets: 2 }]);
    assert.deepEqual((await Promise.all(left)).map(([why]) => why), ['io server disconnect', 'io server disconnect']);
    assert.deepEqual((await ask(relay, 'DELETE', '/api/rooms/new/sockets?connection=true')).body, { sockets: 0 });
    assert.deepEqual(problem(await ask(relay, 'DELETE', '/api/rooms/new/sockets?connection=1')), [400, 'invalid', 'connection']);
    assert.equal((await emit(relay, { event: 'x' })).body.recipients, 1);
  });

  test('disconnects one from its namespace, or from everything', async (t) => {
    const relay = await started(t);
    const clients = clientsOf(t);
    const root = await clients.connect(relay.url);
    const chat = root.io.socket('/chat');
    await until('both', () => chat.connected);
    const ends = { root: [], chat: [] };
    root.on('disconnect', (why) => ends.root.push(why));
    chat.on('disconnect', (why) => ends.chat.push(why));
    assert.deepEqual((await ask(relay, 'DELETE', `/api/sockets/${chat.id}`)).body, { sockets: 1 });
    await until('its end', () => ends.chat.length === 1);
    assert.deepEqual(ends, { root: [], chat: ['io server disconnect'] });
    chat.connect();
    await until('both again', () => chat.connected);
    assert.deepEqual((await ask(relay, 'DELETE', `/api/sockets/${root.id}?connection=true`)).body, { sockets: 1 });
    await until('both ends', () => ends.root.length === 1 && ends.chat.length === 2);
    assert.deepEqual(problem(await ask(relay, 'DELETE', `/api/sockets/${chat.id}`)), [404, 'unknown_socket', 'id']);
  });
});
