// Emitting by HTTP: to whom it goes, what it says, and every mistake by its field.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ALL, ask, emit, key, listen, namespaces, ops, problem, started } from '../lib/api.mjs';
import { skip } from '../lib/access.mjs';
import { clientsOf, received, recorded, settled, variants } from '../lib/clients.mjs';
import { scrape } from '../lib/metrics.mjs';
import { until } from '../lib/within.mjs';

const rooms = async (relay, id, count) =>
  until(`${count} rooms`, async () => (await ask(relay, 'GET', `/api/sockets/${id}`)).body.rooms?.length === count);

async function inRoom(relay, client, room, count = 1) {
  client.emit('enter', room);
  await rooms(relay, client.id, count);
}

describe('POST /api/emit', { skip, concurrency: 4 }, () => {
  for (const variant of variants) {
    test(`reaches everybody, a room, and all but a room: ${variant.title}`, async (t) => {
      const relay = await started(t);
      const [a, b, c] = await clientsOf(t, variant).connectMany(3, relay.url);
      await inRoom(relay, a, '42');
      await inRoom(relay, b, '43');
      const seen = [a, b, c].map(recorded);
      const args = [{ id: 1, deep: [null, true, 'ü 💥', 1.5e300] }, 'two', 12345678901234567890n];
      const body = `{"event":"update","args":[{"id":1,"deep":[null,true,"ü 💥",1.5e300]},"two",12345678901234567890]}`;
      assert.deepEqual((await emit(relay, body)).body, { recipients: 3 });
      assert.deepEqual((await emit(relay, { event: 'one', rooms: ['account:42'] })).body, { recipients: 1 });
      assert.deepEqual((await emit(relay, { event: 'two', args: [], rooms: ['account:42', 'account:43', 'none'] })).body, { recipients: 2 });
      assert.deepEqual((await emit(relay, { event: 'three', except: ['account:42'], volatile: false, local: true })).body, { recipients: 2 });
      assert.deepEqual((await emit(relay, { event: 'four', rooms: [c.id] })).body, { recipients: 1 });
      assert.deepEqual((await emit(relay, { event: 'five', rooms: ['nobody'] })).body, { recipients: 0 });
      assert.deepEqual((await emit(relay, { namespace: '/chat', event: 'six' })).body, { recipients: 0 });
      for (const client of [a, b, c]) await settled(client, 'mark');
      const first = ['update', args[0], 'two', Number(args[2])];
      const events = seen.map((all) => all.filter(([name]) => name !== 'mark'));
      assert.deepEqual(events, [
        [first, ['one'], ['two']],
        [first, ['two'], ['three']],
        [first, ['three'], ['four']],
      ]);
    });
  }

  test('carries binary both ways', async (t) => {
    const relay = await started(t);
    const client = await clientsOf(t).connect(relay.url);
    client.on('image', (bytes, name, ack) => ack(Buffer.concat([bytes, bytes]), { name }));
    const body = { event: 'image', binary: true, args: [{ $base64: 'AAH/' }, 'cat'], ack: { timeout_ms: 5000 } };
    assert.deepEqual((await emit(relay, body)).body, {
      recipients: 1,
      acks: [{ socket: client.id, args: [{ $base64: 'AAH/AAH/' }, { name: 'cat' }] }],
      missing: [],
    });
    const heard = received(client, 'plain');
    await emit(relay, { event: 'plain', args: [{ $base64: 'AAH/' }] });
    assert.deepEqual(await heard, [{ $base64: 'AAH/' }]);
  });

  test('waits for acknowledgements, and says who gave none', async (t) => {
    const relay = await started(t);
    const clients = clientsOf(t);
    const [a, b, silent] = [await clients.connect(relay.url), await clients.connect(relay.url), await clients.connect(relay.url)];
    a.on('ask', (n, ack) => ack(n + 1, 'a'));
    b.on('ask', (n, ack) => ack());
    silent.on('ask', () => {});
    const { status, body } = await emit(relay, { event: 'ask', args: [1], ack: { timeout_ms: 300 } });
    assert.equal(status, 200);
    const expected = [{ socket: a.id, args: [2, 'a'] }, { socket: b.id, args: [] }];
    expected.sort((one, other) => (one.socket < other.socket ? -1 : 1));
    assert.deepEqual(body, { recipients: 3, acks: expected, missing: [silent.id] });
    const none = await emit(relay, { event: 'ask', args: [1], rooms: ['nobody'], ack: { timeout_ms: 60_000 } });
    assert.deepEqual(none.body, { recipients: 0, acks: [], missing: [] });
  });

  test('names the field that is wrong', async (t) => {
    const relay = await started(t, { maxPayloadBytes: 10_000 });
    const deep = (depth) => `{"event":"x","args":[${'['.repeat(depth)}${']'.repeat(depth)}]}`;
    for (const [body, expected] of [
      ['', [400, 'invalid', undefined]],
      ['[]', [400, 'invalid', undefined]],
      ['{"event":"x"', [400, 'invalid', undefined]],
      ['{}', [400, 'invalid', 'event']],
      [{ event: 1 }, [400, 'invalid', 'event']],
      [{ event: null }, [400, 'invalid', 'event']],
      ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']
        .map((event) => [{ event }, [400, 'invalid', 'event']]),
      [{ event: 'x', args: {} }, [400, 'invalid', 'args']],
      [{ event: 'x', args: 'text' }, [400, 'invalid', 'args']],
      [{ event: 'x', args: null }, [400, 'invalid', 'args']],
      [deep(127), [400, 'invalid', 'args']],
      [{ event: 'x', args: new Array(10_000).fill(1).slice(0, 4999) }, 200],
      [{ event: 'x', args: ['x'.repeat(10_000)] }, [413, 'too_large', 'args']],
      [{ event: 'x', args: ['x'.repeat(200_000)] }, [413, 'too_large', undefined]],
      [{ event: 'x', rooms: [] }, [400, 'invalid', 'rooms']],
      [{ event: 'x', rooms: null }, [400, 'invalid', 'rooms']],
      [{ event: 'x', rooms: 'news' }, [400, 'invalid', 'rooms']],
      [{ event: 'x', rooms: ['a', ''] }, [400, 'invalid', 'rooms[1]']],
      [{ event: 'x', rooms: ['x'.repeat(1025)] }, [400, 'invalid', 'rooms[0]']],
      [{ event: 'x', rooms: new Array(101).fill('a') }, [400, 'invalid', 'rooms']],
      [{ event: 'x', except: [1] }, [400, 'invalid', 'except']],
      [{ event: 'x', volatile: 'yes' }, [400, 'invalid', 'volatile']],
      [{ event: 'x', local: 1 }, [400, 'invalid', 'local']],
      [{ event: 'x', binary: {} }, [400, 'invalid', 'binary']],
      [{ event: 'x', binary: true, args: [{ $base64: '?' }] }, [400, 'invalid', 'args']],
      [{ event: 'x', binary: true, args: [{ $base64: 'AA==', more: 1 }] }, [400, 'invalid', 'args']],
      [{ event: 'x', binary: true, args: new Array(11).fill({ $base64: '' }) }, [400, 'invalid', 'args']],
      [{ event: 'x', binary: true, args: [{ $base64: '' }, { _placeholder: true, num: 0 }] }, [400, 'invalid', 'args']],
      [{ event: 'x', binary: true, args: [{ $base64: 'A'.repeat(16_000) }] }, [413, 'too_large', 'args']],
      [{ event: 'x', ack: true }, [400, 'invalid', 'ack']],
      [{ event: 'x', ack: {} }, [400, 'invalid', 'ack.timeout_ms']],
      [{ event: 'x', ack: { timeout_ms: 0 } }, [400, 'invalid', 'ack.timeout_ms']],
      [{ event: 'x', ack: { timeout_ms: 1.5 } }, [400, 'invalid', 'ack.timeout_ms']],
      [{ event: 'x', ack: { timeout_ms: 1, more: 1 } }, [400, 'invalid', 'ack.more']],
      [{ event: 'x', arg: [1] }, [400, 'invalid', 'arg']],
      ['{"event":"x","rooms":["a"],"rooms":["b"]}', [400, 'invalid', undefined]],
      ['{"event":"x","ack":{"timeout_ms":1,"timeout_ms":1}}', [400, 'invalid', 'ack']],
      [Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`f${n}`, 1])), [400, 'invalid', undefined]],
      [{ event: 'x', namespace: '/none' }, [404, 'unknown_namespace', 'namespace']],
      [{ event: 'x', namespace: 'none' }, [404, 'unknown_namespace', 'namespace']],
      [{ event: '' }, 200],
      [deep(124), 200],
    ]) {
      const answer = await emit(relay, body);
      const found = answer.status === 200 ? 200 : problem(answer);
      assert.deepEqual(found, expected, `${JSON.stringify(body).slice(0, 100)}: ${JSON.stringify(answer.body)}`);
    }
    for (const header of ['', 'a b', 'x'.repeat(256)]) {
      const answer = await emit(relay, { event: 'x' }, { headers: { 'idempotency-key': header } });
      assert.deepEqual(problem(answer), [400, 'invalid', 'Idempotency-Key'], header);
    }
  });

  test('knows nobody without a key, wherever else one stands', async (t) => {
    const relay = await started(t);
    for (const [path, options] of [
      ['/api/emit', { key: null }],
      ['/api/emit', { key: 'another' }],
      [`/api/emit?key=${ALL}`, { key: null }],
      ['/api/emit', { key: null, headers: { authorization: `Basic ${ALL}` } }],
      ['/api/none', { key: null }],
    ]) {
      const answer = await ask(relay, 'POST', path, { event: 'x' }, options);
      assert.deepEqual(problem(answer), [401, 'unauthorized', undefined], path);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    }
    assert.deepEqual(problem(await ask(relay, 'GET', `/api/rooms?key=${ALL}`)), [400, 'invalid', 'key']);
    assert.deepEqual(problem(await ask(relay, 'GET', '/api/none')), [404, 'not_found', undefined]);
    assert.deepEqual(problem(await ask(relay, 'GET', '/api/emit')), [405, 'method_not_allowed', undefined]);
    assert.equal((await ask(relay, 'GET', '/metrics')).status, 404, 'that is for operators');
    assert.doesNotMatch(relay.log, new RegExp(ALL));
    const page = await scrape(relay.opsPort);
    assert.deepEqual(page.by('fanfare_refusals_total', /stage="api"/), { unauthorized: 5, invalid: 1, not_found: 1, method_not_allowed: 1 });
    assert.equal(page.value('fanfare_api_requests_total', 'route="/api/emit",code="401"'), 4);
  });

  test('keeps each key to what it is for', async (t) => {
    const keys = key('emits', 'emits', ['emit'], 'namespaces = ["/"]\nevents = ["update", "log:*"]\nrooms = ["account:*"]')
      + key('reads', 'reads', ['read'], 'rooms = ["account:*"]') + key('all', ALL);
    const relay = await started(t, { toml: ops + listen + keys + namespaces });
    const client = await clientsOf(t).connect(relay.url);
    const by = (key) => ({ key });
    for (const [body, expected] of [
      [{ event: 'update', rooms: ['account:1'] }, 200],
      [{ event: 'log:a', rooms: ['account:1'], except: ['anybody'] }, 200],
      [{ event: 'logs', rooms: ['account:1'] }, [403, 'key_scope', 'event']],
      [{ event: 'update' }, [403, 'key_scope', 'rooms']],
      [{ event: 'update', rooms: ['account:1', 'news'] }, [403, 'key_scope', 'rooms[1]']],
      [{ event: 'update', namespace: '/chat', rooms: ['account:1'] }, [403, 'key_scope', 'namespace']],
      [{ event: 'update', namespace: '/none', rooms: ['account:1'] }, [403, 'key_scope', 'namespace']],
    ]) {
      const answer = await emit(relay, body, by('emits'));
      assert.deepEqual(answer.status === 200 ? 200 : problem(answer), expected, JSON.stringify(body));
    }
    for (const [method, path, body] of [
      ['GET', '/api/rooms'], ['GET', '/api/namespaces'], ['GET', '/api/sockets'], ['GET', `/api/sockets/${client.id}`],
      ['GET', '/api/rooms/account:1'], ['POST', `/api/sockets/${client.id}/rooms`, { join: ['account:1'] }],
      ['POST', '/api/rooms/account:1/sockets', { join: ['account:1'] }],
      ['DELETE', `/api/sockets/${client.id}`], ['DELETE', '/api/rooms/account:1/sockets'],
    ]) {
      assert.deepEqual(problem(await ask(relay, method, path, body, by('emits'))), [403, 'key_scope', undefined], path);
    }
    assert.deepEqual(problem(await emit(relay, { event: 'x' }, by('reads'))), [403, 'key_scope', undefined]);
    // A key for some rooms sees these, and who is in them.
    assert.deepEqual(problem(await ask(relay, 'GET', '/api/sockets', undefined, by('reads'))), [403, 'key_scope', 'room']);
    assert.deepEqual(problem(await ask(relay, 'GET', `/api/sockets/${client.id}`, undefined, by('reads'))), [404, 'unknown_socket', 'id']);
    await ask(relay, 'POST', `/api/sockets/${client.id}/rooms`, { join: ['account:1', 'news'] });
    const seen = await ask(relay, 'GET', `/api/sockets/${client.id}`, undefined, by('reads'));
    assert.deepEqual(seen.body.rooms, ['account:1']);
    const rooms = await ask(relay, 'GET', '/api/rooms', undefined, by('reads'));
    assert.deepEqual(rooms.body, { rooms: [{ name: 'account:1', sockets: 1 }] });
  });

  test('sends a batch in order, each item by itself', async (t) => {
    const relay = await started(t);
    const client = await clientsOf(t).connect(relay.url);
    client.on('ask', (ack) => ack('yes'));
    const seen = recorded(client);
    const items = [
      { event: 'a', args: [1] }, { event: 'connect' }, { event: 'b', rooms: ['nobody'] }, 7,
      { event: 'ask', ack: { timeout_ms: 5000 } }, { event: 'c' },
    ];
    const { status, body } = await ask(relay, 'POST', '/api/emit/batch', { items });
    assert.equal(status, 200);
    const told = body.results.map(({ error, ...rest }) => (error ? [error.status, error.code, error.field] : rest));
    assert.deepEqual(told, [
      { recipients: 1 }, [400, 'invalid', 'items[1].event'], { recipients: 0 }, [400, 'invalid', 'items[3]'],
      { recipients: 1, acks: [{ socket: client.id, args: ['yes'] }], missing: [] }, { recipients: 1 },
    ]);
    await settled(client, 'mark');
    assert.deepEqual(seen.map(([name]) => name), ['a', 'ask', 'c', 'mark']);
    for (const [items, field] of [[[], 'items'], [new Array(101).fill({ event: 'x' }), 'items'], ['x', 'items'], [undefined, 'items']]) {
      assert.deepEqual(problem(await ask(relay, 'POST', '/api/emit/batch', { items })), [400, 'invalid', field]);
    }
    const most = await ask(relay, 'POST', '/api/emit/batch', { items: new Array(100).fill({ event: 'x' }) });
    assert.deepEqual(most.body.results, new Array(100).fill({ recipients: 1 }));
  });

  test('does what is asked twice once', async (t) => {
    const relay = await started(t, { toml: ops + listen + key('all', ALL) + key('other', 'other') + namespaces });
    const client = await clientsOf(t).connect(relay.url);
    const seen = recorded(client);
    const once = (name, body, options = {}) => emit(relay, body, { ...options, headers: { 'idempotency-key': name } });
    const first = await once('a', { event: 'x', args: [1] });
    const again = await once('a', { event: 'x', args: [1] });
    assert.deepEqual([first.body, again.body], [{ recipients: 1 }, { recipients: 1 }]);
    assert.deepEqual([first, again].map(({ headers }) => headers.get('idempotency-replayed')), [null, 'true']);
    assert.deepEqual(problem(await once('a', { event: 'x', args: [2] })), [422, 'idempotency_key_reused', 'Idempotency-Key']);
    await once('a', { event: 'x', args: [2] }, { key: 'other' });
    // What did nothing is no answer to keep.
    assert.equal((await once('b', { event: 'connect' })).status, 400);
    await once('b', { event: 'x', args: [3] });
    // The second waits for the first, whose client acknowledges late.
    let release;
    client.on('ask', (ack) => (release = ack));
    const slow = { event: 'ask', ack: { timeout_ms: 20_000 } };
    const both = [once('c', slow)];
    await until('the question', () => release);
    both.push(...Array.from({ length: 5 }, () => once('c', slow)));
    assert.equal((await once('c', { event: 'other' })).status, 422);
    release('late');
    for (const { status, body } of await Promise.all(both)) {
      assert.deepEqual([status, body.acks], [200, [{ socket: client.id, args: ['late'] }]]);
    }
    const race = await Promise.all(Array.from({ length: 20 }, () => once('d', { event: 'x', args: [4] })));
    assert.deepEqual(race.map(({ status }) => status), new Array(20).fill(200));
    // Whoever asked may have gone: it is done all the same, and who asks again is told.
    const leaving = new AbortController();
    const left = fetch(`${/^api on (\S+)/m.exec(relay.log)[1]}/api/emit`, {
      method: 'POST', signal: leaving.signal, body: JSON.stringify(slow),
      headers: { authorization: `Bearer ${ALL}`, 'idempotency-key': 'e' },
    });
    release = undefined;
    await until('the question', () => release);
    leaving.abort();
    await assert.rejects(left);
    release('kept');
    assert.deepEqual((await once('e', slow)).body.acks, [{ socket: client.id, args: ['kept'] }]);
    await settled(client, 'mark');
    assert.deepEqual(seen.map(([name, n]) => (name === 'x' ? n : name)), [1, 2, 3, 'ask', 4, 'ask', 'mark']);
  });

  test('is refused once clients are sent away, and looking is not', async (t) => {
    const relay = await started(t, { drain: { waitS: 0, spreadS: 60, deadlineS: 90 } });
    const clients = await clientsOf(t).connectMany(3, relay.url);
    await fetch(`http://127.0.0.1:${relay.opsPort}/drain`, { method: 'POST' });
    const answer = await until('a refusal', async () => {
      const answer = await emit(relay, { event: 'x' });
      return answer.status !== 200 && answer;
    });
    assert.deepEqual(problem(answer), [503, 'draining', undefined]);
    assert.match(answer.headers.get('retry-after'), /^\d+$/);
    assert.deepEqual(problem(await ask(relay, 'DELETE', `/api/sockets/${clients[0].id}`)), [503, 'draining', undefined]);
    assert.equal((await ask(relay, 'GET', '/api/namespaces')).status, 200);
    await fetch(`http://127.0.0.1:${relay.opsPort}/drain`, { method: 'DELETE' });
    assert.equal((await emit(relay, { event: 'x' })).status, 200);
  });
});
