// What becomes of clients while those that a relay asks about them (a server of keys, the application's webhook) exchange
// what they know, are away, hang, or answer garbage: nobody who is in is lost, and nobody stays dead.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accounts, again, asked, finals, outcome, refused, skip } from '../lib/access.mjs';
import { allWays, jwksServer, webhookServer } from '../lib/backends.mjs';
import { clientsOf, received, variants } from '../lib/clients.mjs';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket, upgrade } from '../lib/raw-ws.mjs';
import { startRelay } from '../lib/relay.mjs';
import { claimsOf, hsKeyOf, issuer, keyPair, signed } from '../lib/tokens.mjs';
import { stillWaits, until } from '../lib/within.mjs';

const [newest] = variants.filter(({ title }) => title === 'newest client, websocket only');

/** A relay that has its keys from a server. */
const jwksIssuer = (server) => `[auth]\n[[auth.issuer]]\niss = "${issuer}"\njwks_url = "${server.origin}/keys"
algorithms = ["RS256", "ES256"]\naudience = ["fanfare"]\n${accounts()}`;
const hookSecret = 'between the relay and the application';
const webhook = (server, more = '') => `[auth.webhook]\nurl = "${server.origin}/socket-auth"\nsecret_env = "TEST_HOOK"
headers = ["cookie"]\ntimeout_ms = 500\n${more}\n${accounts()}`;
const hookEnv = { TEST_HOOK: hookSecret };

const gets = (t, url, auth) => outcome(t, newest, url, { auth });

describe('keys from a server', { skip, concurrency: 8 }, () => {
  // A fetch for a name that is not known comes at most 30 s after the one before.
  test('are exchanged without a restart: nobody is refused, and who is in stays', async (t) => {
    const [first, second] = [keyPair('RS256', 'one'), keyPair('ES256', 'two')];
    const server = await jwksServer(t, [first.jwk]);
    const relay = await startRelay({ toml: jwksIssuer(server) });
    t.after(() => relay.kill());
    const { start, connect } = clientsOf(t);
    const early = await connect(relay.url, { auth: { token: signed(first, claimsOf()) } });
    early.on('disconnect', (reason) => assert.fail(reason));
    server.keys = [second.jwk];
    const late = start(relay.url, { ...again, auth: { token: signed(second, claimsOf()) } });
    const final = finals(late);
    await received(late, 'connect', 45_000);
    assert.deepEqual(final, []);
    assert.equal((await asked(early, 'update', 1)).recipients, 2);
    assert.notEqual(await gets(t, relay.url, { token: signed(first, claimsOf()) }), 'in');
    early.off('disconnect');
  });

  test('are asked for once, whatever is named', async (t) => {
    const key = keyPair('RS256', 'known');
    const server = await jwksServer(t, [key.jwk]);
    const relay = await startRelay({ toml: jwksIssuer(server) });
    t.after(() => relay.kill());
    assert.equal(await gets(t, relay.url, { token: signed(key, claimsOf()) }), 'in');
    const before = server.requests;
    const evil = await jwksServer(t, []);
    const tokens = Array.from({ length: 200 }, (_, i) => signed(key, claimsOf(), { kid: `no ${i}`, jku: evil.origin, x5u: evil.origin }));
    const met = await Promise.all(tokens.map((token) => gets(t, relay.url, { token })));
    // Refused, or put off until the keys have been fetched anew: it may be one of these.
    for (const one of met) assert.ok(one.closed || one.data?.code === 'token_invalid', JSON.stringify(one));
    assert.ok(server.requests <= before + 1, `${server.requests - before} requests`);
    assert.equal(evil.requests, 0);
    assert.equal(await gets(t, relay.url, { token: signed(key, claimsOf()) }), 'in');
  });

  test('of unknown kinds do no harm, and those without a use are taken', async (t) => {
    const key = keyPair('ES256', 'known');
    const { alg, ...bare } = key.jwk;
    const odd = [{ kty: 'oct', k: 'AAAA', kid: 'known' }, { kty: 'OKP', crv: 'X25519', x: 'AAAA' }, { kty: 'RSA' }, { kty: 'new' }, 7, null];
    const server = await jwksServer(t, [...odd, { ...keyPair('ES256', 'known').jwk, use: 'enc' }, bare]);
    const relay = await startRelay({ toml: jwksIssuer(server) });
    t.after(() => relay.kill());
    assert.equal(await gets(t, relay.url, { token: signed(key, claimsOf()) }), 'in', alg);
    assert.deepEqual(await gets(t, relay.url, { token: signed({ ...hsKeyOf(Buffer.alloc(3)), kid: 'known' }, claimsOf()) }), refused('token_invalid'));
  });

  test('are kept while their server is away, and a new one is waited for', async (t) => {
    const [key, next] = [keyPair('RS256', 'one'), keyPair('RS256', 'two')];
    const server = await jwksServer(t, [key.jwk]);
    const relay = await startRelay({ toml: jwksIssuer(server) });
    t.after(() => relay.kill());
    assert.equal(await gets(t, relay.url, { token: signed(key, claimsOf()) }), 'in');
    await server.die();
    for (let i = 0; i < 5; i++) assert.equal(await gets(t, relay.url, { token: signed(key, claimsOf()) }), 'in');
    const client = clientsOf(t).start(relay.url, { ...again, auth: { token: signed(next, claimsOf()) } });
    const final = finals(client);
    assert.ok(await stillWaits(received(client, 'connect'), 1000));
    server.keys = [next.jwk];
    await server.rise();
    await received(client, 'connect', 45_000);
    assert.deepEqual(final, []);
  });
});

describe('a webhook', { skip, concurrency: 2 }, () => {
  test('is asked for everyone, with what it may know, and decides', async (t) => {
    const server = await webhookServer(t, hookSecret, ({ auth, headers }) => {
      if (/session=good/.test(headers.cookie)) return { allow: true, subject: '1', claims: { account: '7' }, rooms: ['extra'] };
      return { allow: false, message: 'go away', data: { code: 'banned', until: auth?.until } };
    });
    const toExtra = '[[namespace.rule]]\non = "extra"\nto = { room = "extra" }\n';
    const relay = await startRelay({ toml: webhook(server) + toExtra }, { env: hookEnv });
    t.after(() => relay.kill());
    await Promise.all(variants.map(async (variant) => {
      const extraHeaders = { cookie: 'session=good', authorization: 'Bearer not for the application' };
      const client = await clientsOf(t, variant).connect(relay.url, { extraHeaders, query: { lang: 'en' } });
      const { status, recipients } = await asked(client, 'extra', 1);
      assert.ok(status === 'ok' && recipients >= 1);
      const no = await outcome(t, variant, relay.url, { auth: { until: 3 } });
      assert.deepEqual(no, { message: 'go away', data: { code: 'banned', until: 3 } });
    }));
    assert.deepEqual(server.faults, []);
    assert.equal(new Set(server.asked.map(({ id }) => id)).size, server.asked.length);
    for (const { namespace, transport, address, headers, query } of server.asked) {
      assert.deepEqual([namespace, address], ['/', '127.0.0.1']);
      assert.ok(['polling', 'websocket'].includes(transport));
      assert.deepEqual(Object.keys(headers).filter((name) => name !== 'cookie'), []);
      assert.doesNotMatch(JSON.stringify(query), /"sid"/);
    }
    assert.ok(server.asked.some(({ query }) => JSON.stringify(query).includes('"en"')));
  });

  test('is not asked more at once than it wants, and all get in', async (t) => {
    let [now, most] = [0, 0];
    const server = await webhookServer(t, hookSecret, async () => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, 20)); // an application that takes its time
      now -= 1;
      return { allow: true, claims: { account: '7' } };
    });
    const relay = await startRelay({ toml: webhook(server, 'concurrency = 3') }, { env: hookEnv });
    t.after(() => relay.kill());
    await clientsOf(t, newest).connectMany(60, relay.url);
    assert.ok(most <= 3 && most > 1, `${most} at once`);
  });
});

describe('while what it asks is away', { skip, concurrency: 12 }, () => {
  const key = keyPair('RS256', 'one');
  const auth = () => ({ token: signed(key, claimsOf()) });
  const kinds = {
    'the server of keys': {
      start: (t) => jwksServer(t, [key.jwk]),
      settings: jwksIssuer,
      modes: allWays,
    },
    'the webhook': {
      start: (t) => webhookServer(t, hookSecret, () => ({ allow: true, claims: { account: '7' } })),
      settings: webhook,
      modes: [...allWays, 'mistaken'],
    },
  };

  for (const [what, { start, settings, modes }] of Object.entries(kinds)) {
    const isOfKeys = settings === jwksIssuer;
    for (const mode of modes) {
      test(`(${what}: ${mode}) nobody is refused, and all come in when it is back`, async (t) => {
        const server = await start(t);
        // Keys are away from the start: later, those that are known would do.
        if (isOfKeys) await server.become(mode);
        const before = server.requests;
        const relay = await startRelay({ toml: settings(server) }, { env: hookEnv });
        t.after(() => relay.kill());
        // Who is in already stays, whatever becomes of whom the relay asked.
        const early = isOfKeys ? [] : [await clientsOf(t).connect(relay.url, { auth: auth() })];
        const final = [];
        early.forEach((client) => client.on('disconnect', (reason) => final.push(reason)));
        if (!isOfKeys) await server.become(mode);
        const clients = variants.map((variant) => clientsOf(t, variant).start(relay.url, { ...again, auth: auth() }));
        clients.forEach((client) => finals(client, final));
        if (mode !== 'dead') await until('a question', () => server.requests > before + early.length);
        const some = Promise.race(clients.map((client) => received(client, 'connect', 30_000)));
        some.catch(() => {});
        assert.ok(await stillWaits(some, 700));
        await server.become('well');
        await Promise.all(clients.map((client) => client.connected || received(client, 'connect', 25_000)));
        for (const client of [...early, ...clients]) assert.equal((await asked(client, 'update', 1)).status, 'ok');
        assert.deepEqual(final, []);
        early.forEach((client) => client.off('disconnect'));
      });
    }

    test(`(${what}) a CONNECT waits, then the transport ends and the next handshakes are put off`, async (t) => {
      const server = await start(t);
      await server.die();
      const relay = await startRelay({ toml: settings(server) }, { env: hookEnv });
      t.after(() => relay.kill());
      const from = performance.now();
      const ends = Promise.all(Array.from({ length: 8 }, async () => {
        const ws = await openWebSocket(relay.port, '/socket.io/?EIO=4&transport=websocket');
        ws.send(`40${JSON.stringify(auth())}`);
        const said = [];
        for (;;) {
          const got = await ws.next(15_000);
          if (got.closed) return { said, code: got.code, after: performance.now() - from };
          said.push(got.payload.toString()[0]);
        }
      }));
      for (const transport of ['polling', 'websocket']) {
        const target = `/socket.io/?EIO=4&transport=${transport}`;
        const answer = await until('503', async () => {
          const { answer, ws } = transport === 'polling' ? { answer: await request(relay.port, target) } : await upgrade(relay.port, target);
          ws?.destroy();
          return answer.status === 503 && answer;
        }, { ms: 9000, every: 100 });
        assert.match(answer.headers['retry-after'], /^[1-9]$/);
      }
      const ended = await ends;
      for (const { said, code, after } of ended) {
        assert.deepEqual([said, code], [['0'], undefined]); // the open packet, and no word of an end
        assert.ok(after > 4900 && after < 11_500, `${after | 0} ms`);
      }
      const spread = Math.max(...ended.map(({ after }) => after)) - Math.min(...ended.map(({ after }) => after));
      assert.ok(spread > 500, `all within ${spread | 0} ms`);
      await server.rise();
      const client = clientsOf(t, newest).start(relay.url, { ...again, auth: auth() });
      await received(client, 'connect', 15_000);
    });
  }
});
