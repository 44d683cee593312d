// How much a client, an address and everyone together may do, and what becomes of the rest.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { again, asked, finals, skip } from '../lib/access.mjs';
import { bystander } from '../lib/bystander.mjs';
import { clientsOf, received, recorded, settled, variants } from '../lib/clients.mjs';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket, upgrade } from '../lib/raw-ws.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const root = '[[namespace]]\nname = "/"\n';
const mirror = `${root}[[namespace.rule]]\non = "*"\nto = "sender"\n`;
const transports = variants.filter(({ title }) => /newest.*only/.test(title));
const websocket = transports.find(({ options }) => options.transports[0] === 'websocket');
const polling = '/socket.io/?EIO=4&transport=polling';

async function relayWith(t, toml, settings) {
  const relay = await startRelay({ toml, ...settings });
  t.after(() => relay.kill());
  return relay;
}

/** Sends `count` at once, and says after how many ms the last one came back. */
async function mirrored(client, count, payload) {
  const seen = [];
  client.on('numbered', (number) => seen.push(number));
  const from = performance.now();
  for (let i = 0; i < count; i++) client.emit('numbered', i, payload);
  await until('return of all', () => seen.length === count, { ms: 20_000 });
  assert.deepEqual(seen, Array.from({ length: count }, (_, i) => i));
  return performance.now() - from;
}

describe('a client over its limits', { skip, concurrency: 4 }, () => {
  for (const variant of transports) {
    const floods = {
      events: ['events_per_s = 300\nevents_burst = 300', 1500, ''],
      bytes: ['bytes_per_s = 200_000', 25, 'x'.repeat(50_000)],
    };
    for (const [what, [limits, count, payload]] of Object.entries(floods)) {
      test(`of ${what} is slowed down and loses nothing (${variant.title})`, async (t) => {
        const relay = await relayWith(t, `[limits.client]\n${limits}\n${mirror}`);
        const client = await clientsOf(t, variant).connect(relay.url);
        const watcher = await bystander(t, relay);
        const ms = await mirrored(client, count, payload);
        assert.ok(ms > 3500 && ms < 8000, `${ms | 0} ms`); // 4 s by the configuration
        await watcher.isUnharmed();
      });
    }

    // Its pongs are behind its events: neither the relay nor the client itself may take that for silence.
    test(`is not taken for dead however long it is held (${variant.title})`, async (t) => {
      const relay = await relayWith(t, `[limits.client]\nevents_per_s = 100\n${mirror}`, { pingIntervalMs: 500, pingTimeoutMs: 1000 });
      const client = await clientsOf(t, variant).connect(relay.url);
      const disconnected = received(client, 'disconnect', 20_000).then(([reason]) => assert.fail(reason));
      await Promise.race([mirrored(client, 600, ''), disconnected]);
      disconnected.catch(() => {});
    });
  }

  test('is told so by the ack, and when to come back, if over = "refuse"', async (t) => {
    const relay = await relayWith(t, `[limits.client]\nevents_per_s = 5\nover = "refuse"\nrefusals_per_s = 0\n${mirror}`);
    for (const variant of variants) {
      const client = await clientsOf(t, variant).connect(relay.url);
      const answers = await Promise.all(Array.from({ length: 30 }, () => asked(client, 'a')));
      const ok = answers.filter(({ status }) => status === 'ok').length;
      assert.ok(ok >= 10 && ok <= 14, `${ok} of 30, with a burst of twice five`);
      const [{ status, code, message, retry_after_ms: wait }] = answers.slice(-1);
      assert.deepEqual([status, code, typeof message], ['error', 'rate_limited', 'string']);
      assert.ok(Number.isInteger(wait) && wait > 0 && wait <= 1000, `${wait}`);
      await delay(wait + 20);
      assert.equal((await asked(client, 'a')).status, 'ok');
    }
  });

  test('has them dropped, if over = "drop"', async (t) => {
    const relay = await relayWith(t, `[limits.client]\nevents_per_s = 2\nevents_burst = 10\nover = "drop"\nrefusals_per_s = 0\n${mirror}`);
    const client = await clientsOf(t, websocket).connect(relay.url);
    const heard = recorded(client);
    for (let i = 0; i < 50; i++) client.emit('numbered', i);
    const answer = await asked(client, 'last');
    assert.deepEqual([answer.status, answer.code], ['error', 'rate_limited']); // an ack that was asked for is given
    assert.ok(heard.length >= 10 && heard.length <= 12, `${heard.length} of 50`);
    assert.ok(client.connected);
  });

  test('is closed, and may come back, if over = "close"', async (t) => {
    const relay = await relayWith(t, `[limits.client]\nevents_per_s = 10\nover = "close"\n${mirror}`);
    for (const variant of variants) {
      const client = await clientsOf(t, variant).connect(relay.url, again);
      const final = finals(client);
      const back = received(client, 'disconnect').then(() => received(client, 'connect'));
      for (let i = 0; i < 50; i++) client.emit('a');
      await back;
      assert.deepEqual(final, []);
    }
  });

  test('of refusals is closed', async (t) => {
    const relay = await relayWith(t, `[limits.client]\nrefusals_per_s = 5\n${root}[[namespace.rule]]\non = "ok"\nto = "sender"\n`);
    const [bad, good] = await clientsOf(t, websocket).connectMany(2, relay.url);
    const gone = received(bad, 'disconnect');
    for (let i = 0; i < 100; i++) bad.emit('nonsense');
    assert.notEqual((await gone)[0], 'io server disconnect');
    for (let i = 0; i < 5; i++) good.emit('nonsense');
    assert.equal((await asked(good, 'ok')).status, 'ok');
  });

  test('of rooms is refused another until it leaves one', async (t) => {
    const relay = await relayWith(t, `[limits.client]\nrooms_max = 3\n${root}join = { on = "join", allow = ["doc:*"] }\nleave = { on = "leave" }\n` +
      '[[namespace.rule]]\non = "enter"\njoin = "topic:{args.0}"\n');
    const client = await clientsOf(t, websocket).connect(relay.url);
    const codes = async (...events) => {
      const met = [];
      for (const [event, name] of events) {
        const { status, code } = await asked(client, event, name);
        met.push(code ?? status);
      }
      return met;
    };
    assert.deepEqual(
      await codes(['join', 'doc:1'], ['enter', '2'], ['join', 'doc:3'], ['join', 'doc:3'], ['join', 'doc:4'], ['enter', '4'], ['leave', 'doc:1'], ['enter', '4'], ['join', 'doc:1']),
      ['ok', 'ok', 'ok', 'ok', 'too_many_rooms', 'too_many_rooms', 'ok', 'ok', 'too_many_rooms'],
    );
  });

  test('of one rule still says what other rules let it say', async (t) => {
    const relay = await relayWith(t, `${mirror}[[namespace.rule]]\non = "cursor"\nto = "sender"\nrate = { per_s = 2, burst = 5, over = "drop" }\n`);
    const client = await clientsOf(t, websocket).connect(relay.url);
    const heard = recorded(client);
    for (let i = 0; i < 60; i++) {
      client.emit('cursor', i);
      client.emit('text', i);
    }
    await settled(client, 'mark');
    const count = (event) => heard.filter(([name]) => name === event).length;
    assert.equal(count('text'), 60);
    assert.ok(count('cursor') >= 5 && count('cursor') <= 7, `${count('cursor')}`);
  });

  test('hears of it without an ack at most once a second, and only if that is configured', async (t) => {
    const limited = `[limits.client]\nevents_per_s = 1\nover = "refuse"\nrefusals_per_s = 0\n${mirror}`;
    for (const [toml, atLeast] of [[`[errors]\nevent = "relay_error"\n${limited}`, 1], [limited, 0]]) {
      const relay = await relayWith(t, toml);
      const client = await clientsOf(t, websocket).connect(relay.url);
      const errors = [];
      client.on('relay_error', (error) => errors.push(error));
      const from = performance.now();
      for (let i = 0; i < 150; i++) {
        client.emit('a', i);
        if (i % 30 === 29) await asked(client, 'b'); // each in a turn of its own
      }
      const seconds = (performance.now() - from) / 1000;
      assert.ok(errors.length >= atLeast && errors.length <= atLeast * (1 + seconds), `${errors.length} in ${seconds} s`);
      for (const { code } of errors) assert.equal(code, 'rate_limited');
    }
  });
});

/** A handshake from an address, as a proxy hands it on. */
const from = async (relay, address, header = 'x-forwarded-for') => {
  const { status, headers } = await request(relay.port, polling, { headers: { [header]: address } });
  if (status !== 200) assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/, `${status} without Retry-After`);
  return status;
};
const behindProxy = '[limits.address]\ntrusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]\n';

describe('an address', { skip, concurrency: 4 }, () => {
  const rated = (more = '') => `${behindProxy}handshakes_per_s = 2\n${more}${mirror}`;
  const statuses = async (relay, count, address, header) => {
    const met = [];
    for (let i = 0; i < count; i++) met.push(await from(relay, address(i), header));
    return met;
  };

  const same = {
    'by itself': () => '203.0.113.1',
    'whatever it writes before': (i) => `198.51.100.${i}, 203.0.113.2`,
    'through two proxies': (i) => `${i}.1.1.1, 203.0.113.3, 10.0.0.${i}`,
    'with a port': (i) => `203.0.113.4:${1000 + i}`,
    'of one IPv6 network': (i) => `2001:db8::${i}:1`,
    'of one IPv6 network, in brackets': (i) => `[2001:db8:1::${i}]:${1000 + i}`,
  };
  test('has so many handshakes a second, and others have their own', async (t) => {
    const relay = await relayWith(t, rated());
    for (const [what, address] of Object.entries(same)) {
      const met = await statuses(relay, 12, address);
      assert.deepEqual([met[0], met[11]], [200, 429], `${what}: ${met}`);
    }
    assert.deepEqual(await statuses(relay, 12, (i) => `for=203.0.113.5;proto=http, for="[2001:db8:${i + 7}::1]"`, 'forwarded'), Array(12).fill(200));
    assert.deepEqual(await statuses(relay, 12, (i) => `192.0.2.${i}`), Array(12).fill(200));
    assert.deepEqual(await statuses(relay, 12, (i) => `2001:db8:0:${i + 1}::1`), Array(12).fill(200));
    // It has one more for each half of a second that the others took.
    await statuses(relay, 12, () => '203.0.113.1');
    const { answer } = await upgrade(relay.port, polling.replace('polling', 'websocket'), { headers: { 'x-forwarded-for': '203.0.113.1' } });
    assert.equal(answer.status, 429);
    assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
  });

  test('is the peer\'s own where no proxy is trusted', async (t) => {
    const relay = await relayWith(t, `[limits.address]\nhandshakes_per_s = 2\n${mirror}`);
    const met = await statuses(relay, 12, (i) => `192.0.2.${i}`);
    assert.equal(met.at(-1), 429, `${met}`);
  });

  test('has so many connections, and another when one ends', async (t) => {
    const relay = await relayWith(t, `${behindProxy}connections_max = 3\n${mirror}`);
    const options = { headers: { 'x-forwarded-for': '203.0.113.1' } };
    const target = polling.replace('polling', 'websocket');
    const sockets = [];
    for (let i = 0; i < 3; i++) sockets.push(await openWebSocket(relay.port, target, options));
    t.after(() => sockets.forEach((ws) => ws.destroy()));
    assert.equal(await from(relay, '203.0.113.1'), 429);
    assert.equal((await upgrade(relay.port, target, options)).answer.status, 429);
    assert.equal(await from(relay, '203.0.113.2'), 200);
    sockets[0].destroy();
    await until('room for another', async () => (await from(relay, '203.0.113.1')) === 200);
  });
});

describe('everyone together', { skip }, () => {
  test('who comes too fast is put off and comes in by itself, and nobody who is in notices', async (t) => {
    const relay = await relayWith(t, `[limits.node]\nhandshakes_per_s = 25\n${mirror}`);
    const watcher = await bystander(t, relay);
    const met = new Set();
    const clients = Array.from({ length: 120 }, (_, i) => {
      const client = clientsOf(t, variants[i % variants.length]).start(relay.url, again);
      client.on('connect_error', ({ message, data }) => met.add(data === undefined ? 'put off' : message));
      return client;
    });
    const all = performance.now();
    await until('all to be in', () => clients.every((client) => client.connected), { ms: 25_000, every: 50 });
    t.diagnostic(`${(performance.now() - all) | 0} ms`);
    assert.deepEqual([...met], ['put off']);
    assert.ok(performance.now() - all > 1500);
    await watcher.isUnharmed();
  });

  test('a full node says when to try again', async (t) => {
    const relay = await relayWith(t, `[limits]\nsessions_max = 2\n${mirror}`);
    await clientsOf(t, websocket).connectMany(2, relay.url);
    assert.equal(await from(relay, '192.0.2.1'), 503);
    const { answer } = await upgrade(relay.port, polling.replace('polling', 'websocket'));
    assert.equal(answer.status, 503);
    assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
  });
});
