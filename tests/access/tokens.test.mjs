// Who gets in: every row of the table of authentication, by every official client; and what happens to them while those
// that a relay asks (a server of keys, the application's webhook) are away or mad.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accounts, again, asked, finals, outcome, refused, skip } from '../lib/access.mjs';
import { allWays, jwksServer, webhookServer } from '../lib/backends.mjs';
import { clientsOf, connected, received, variants } from '../lib/clients.mjs';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { sharedRelay, startRelay } from '../lib/relay.mjs';
import { claimsOf, hsIssuer, hsKeyOf, issuer, keyPair, now, secret, secretEnv, sha256, signed, token } from '../lib/tokens.mjs';
import { stillWaits, until, within } from '../lib/within.mjs';

const python = fileURLToPath(new URL('../.cache/venv/bin/python', import.meta.url));
const script = fileURLToPath(new URL('../python/access.py', import.meta.url));
const [newest] = variants.filter(({ title }) => title === 'newest client, websocket only');

const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
const symmetric = ['HS256', 'HS384', 'HS512'];
/** An issuer for each algorithm: a key belongs to one. */
const issuers = Object.fromEntries(asymmetric.map((alg) => [alg, keyPair(alg)]));
const rs = issuers.RS256;
const stranger = keyPair('RS256', rs.kid);
const device = 'a device with a long secret of its own';

const everyKind = `
[auth]
token_from = ["auth.token", "header:authorization", "cookie:session", "query:access_token"]

${asymmetric.map((alg) => `[[auth.issuer]]
iss = "https://${alg}.test"
public_key_file = "${alg}.pem"
algorithms = ["${alg}"]
audience = ["fanfare", "others"]
leeway_s = 10
`).join('\n')}
[[auth.issuer]]
iss = "https://hs.test"
secret_file = "secret"
algorithms = ["HS256", "HS384", "HS512"]
audience = ["*"]

[[auth.token]]
sha256 = "${sha256(device)}"
claims = { sub = "sensor-1", account = "7" }

${accounts()}
[[namespace]]
name = "/optional"
auth = "optional"
[[namespace.rule]]
on = "hello"
to = "sender"

[[namespace]]
name = "/open"
[[namespace.rule]]
on = "hello"
to = "sender"
`;
const files = { secret, ...Object.fromEntries(asymmetric.map((alg) => [`${alg}.pem`, issuers[alg].pem])) };

const by = (alg, more, header, key = issuers[alg]) => signed(key, claimsOf({ iss: `https://${alg}.test`, ...more }), header);
const unsigned = (alg) => by('RS256', {}, { alg, kid: undefined }).replace(/[^.]+$/, '');

/** What is let in, as `auth`. */
const good = {
  ...Object.fromEntries(asymmetric.map((alg) => [alg, () => by(alg)])),
  ...Object.fromEntries(symmetric.map((alg) => [alg, () => signed(hsKeyOf(secret, alg), claimsOf({ iss: 'https://hs.test', aud: undefined }))])),
  'several audiences': () => by('RS256', { aud: ['somebody', 'others'] }),
  'an account by number': () => by('RS256', { account: 7 }),
  'expired within the leeway': () => by('RS256', { exp: now() - 2 }),
  'valid soon, within the leeway': () => by('RS256', { nbf: now() + 5 }),
  'a static token': () => device,
  'as long as 8 KiB allow': () => by('RS256', { more: 'x'.repeat(5000) }),
};

/** What is refused as invalid. */
const bad = {
  'no token': undefined,
  'an empty one': () => '',
  'a number': () => 7,
  'an object': () => ({ toString: 'x' }),
  'a list': () => [by('RS256')],
  'no JWT': () => 'letmein',
  'three dots': () => '...',
  'no claims': () => signed(rs, 'null'),
  'claims that are no JSON': () => signed(rs, '{"iss":'),
  'a wrong signature': () => `${by('RS256').slice(0, -8)}AAAAAAAA`,
  'no signature': () => by('RS256').replace(/[^.]+$/, ''),
  'another key by the same name': () => by('RS256', {}, {}, stranger),
  'another issuer\'s key': () => by('RS256', {}, {}, issuers.RS512),
  'another audience': () => by('RS256', { aud: 'somebody' }),
  'no audience': () => by('RS256', { aud: undefined }),
  'the audience written *': () => by('RS256', { aud: '*' }),
  'another issuer': () => by('RS256', { iss: 'https://evil.test' }),
  'no issuer': () => by('RS256', { iss: undefined }),
  'not yet valid': () => by('RS256', { nbf: now() + 60 }),
  'a time that is none': () => by('RS256', { exp: 'tomorrow' }),
  'alg none': () => unsigned('none'),
  'alg nOnE': () => unsigned('nOnE'),
  'another algorithm of the same key': () => by('RS256', {}, {}, { ...rs, alg: 'RS384' }),
  'an algorithm that lies': () => by('RS256', {}, { alg: 'ES256' }),
  'HS256 by the public key': () => by('RS256', {}, {}, { ...hsKeyOf(rs.pem), kid: rs.kid }),
  'a key that it brings along': () => by('RS256', {}, { jwk: stranger.jwk, kid: undefined }, stranger),
  'critical words that nobody knows': () => by('RS256', {}, { crit: ['x'], x: 1 }),
  'more than 8 KiB': () => by('RS256', { more: 'x'.repeat(8192) }),
  'a static token\'s hash': () => sha256(device),
  'a static token and more': () => `${device} `,
};

const expired = {
  'long ago': () => by('RS256', { exp: 1_000_000_000 }),
  'just beyond the leeway': () => by('RS256', { exp: now() - 12 }),
};

describe('a token', { skip }, () => {
  const hub = sharedRelay({ before, after }, { toml: everyKind, files });
  const rows = [
    ...Object.entries(good).map(([what, make]) => [what, make, 'in']),
    ...Object.entries(bad).map(([what, make]) => [what, make, refused('token_invalid')]),
    ...Object.entries(expired).map(([what, make]) => [what, make, refused('token_expired')]),
  ];

  for (const variant of variants) {
    test(`is judged alike from ${variant.title}`, async (t) => {
      const met = await Promise.all(rows.map(async ([what, make]) => [what, await outcome(t, variant, hub.url, { auth: make ? { token: make() } : {} })]));
      assert.deepEqual(Object.fromEntries(met), Object.fromEntries(rows.map(([what, , expected]) => [what, expected])));
    });

    test(`is taken from where the configuration says, from ${variant.title}`, async (t) => {
      const places = (token) => [
        { extraHeaders: { authorization: `Bearer ${token}` } },
        { extraHeaders: { cookie: `a=b; session=${token}; c=d` } },
        { query: { access_token: token } },
      ];
      for (const [token, expected] of [[by('ES256'), 'in'], [by('ES256', { aud: 'x' }), refused('token_invalid')]]) {
        for (const options of places(token)) assert.deepEqual(await outcome(t, variant, hub.url, options), expected);
      }
      // The first place where there is one decides.
      const both = { auth: { token: 'x' }, extraHeaders: { authorization: `Bearer ${by('ES256')}` } };
      assert.deepEqual(await outcome(t, variant, hub.url, both), refused('token_invalid'));
    });
  }

  for (const transport of ['polling', 'websocket']) {
    test(`is judged alike from python-socketio over ${transport}`, async () => {
      const auths = rows.map(([, make]) => (make ? { token: make() } : null));
      const run = promisify(execFile)(python, [script, 'outcomes', hub.url, transport], { timeout: 60_000 });
      run.child.stdin.end(JSON.stringify(auths));
      const met = JSON.parse((await run).stdout);
      assert.deepEqual(met.map((one, i) => [rows[i][0], one]), rows.map(([what, , expected]) => [what, expected]));
    });
  }

  test('is asked for only where the configuration says', async (t) => {
    const optional = `${hub.url}/optional`;
    assert.equal(await outcome(t, newest, optional, {}), 'in');
    assert.equal(await outcome(t, newest, optional, { auth: { token: by('RS256') } }), 'in');
    assert.deepEqual(await outcome(t, newest, optional, { auth: { token: 'x' } }), refused('token_invalid'));
    assert.equal(await outcome(t, newest, `${hub.url}/open`, { auth: { token: 'x' } }), 'in');
  });

  test('does not appear in the log, nor why it was refused at info', async () => {
    assert.doesNotMatch(hub.relay.log, /eyJ|signature|audience/);
  });

  test('in a header, a cookie or a query counts for nothing unless that is written', async (t) => {
    const relay = await startRelay({ toml: `[auth]\nrequired = ["/"]\n${hsIssuer}` }, { env: secretEnv });
    t.after(() => relay.kill());
    for (const options of [
      { extraHeaders: { authorization: `Bearer ${token()}` } },
      { extraHeaders: { cookie: `token=${token()}` } },
      { query: { token: token(), 'auth.token': token() } },
    ]) {
      assert.deepEqual(await outcome(t, newest, relay.url, options), refused('token_invalid'));
    }
    assert.equal(await outcome(t, newest, relay.url, { auth: { token: token() } }), 'in');
  });
});

/** A relay that has its keys from a server. */
const jwksIssuer = (server) => `[auth]\n[[auth.issuer]]\niss = "${issuer}"\njwks_url = "${server.origin}/keys"
algorithms = ["RS256", "ES256"]\naudience = ["fanfare"]\n${accounts()}`;
const hookSecret = 'between the relay and the application';
const webhook = (server, more = '') => `[auth.webhook]\nurl = "${server.origin}/socket-auth"\nsecret_env = "TEST_HOOK"
headers = ["cookie"]\ntimeout_ms = 500\n${more}\n${accounts()}`;
const hookEnv = { TEST_HOOK: hookSecret };

const gets = (t, url, auth) => outcome(t, newest, url, { auth });

describe('keys from a server', { skip, concurrency: 4 }, () => {
  test('are exchanged without a restart', async (t) => {
    const [first, second] = [keyPair('RS256', 'one'), keyPair('ES256', 'two')];
    const server = await jwksServer(t, [first.jwk]);
    const relay = await startRelay({ toml: jwksIssuer(server) });
    t.after(() => relay.kill());
    const early = await clientsOf(t).connect(relay.url, { auth: { token: signed(first, claimsOf()) } });
    early.on('disconnect', (reason) => assert.fail(reason));
    server.keys = [second.jwk];
    assert.equal(await gets(t, relay.url, { token: signed(second, claimsOf()) }), 'in');
    assert.deepEqual(await gets(t, relay.url, { token: signed(first, claimsOf()) }), refused('token_invalid'));
    assert.equal((await asked(early, 'update', 1)).status, 'ok');
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
    for (const one of met) assert.deepEqual(one, refused('token_invalid'));
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

describe('a webhook', { skip, concurrency: 4 }, () => {
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

describe('while what it asks is away', { skip, concurrency: 6 }, () => {
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
    for (const mode of modes) {
      test(`(${what}: ${mode}) nobody is refused, and all come in when it is back`, async (t) => {
        const server = await start(t);
        const relay = await startRelay({ toml: settings(server) }, { env: hookEnv });
        t.after(() => relay.kill());
        // Who is in already stays, whatever becomes of whom the relay asked.
        const early = what === 'the webhook' ? [await clientsOf(t).connect(relay.url, { auth: auth() })] : [];
        const final = [];
        early.forEach((client) => client.on('disconnect', (reason) => final.push(reason)));
        await server.become(mode);
        const before = server.requests;
        const clients = variants.map((variant) => clientsOf(t, variant).start(relay.url, { ...again, auth: auth() }));
        clients.forEach((client) => finals(client, final));
        if (mode !== 'dead') await until('a question', () => server.requests > before);
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
      const ends = await Promise.all(Array.from({ length: 8 }, async () => {
        const ws = await openWebSocket(relay.port, '/socket.io/?EIO=4&transport=websocket');
        ws.send(`40${JSON.stringify(auth())}`);
        const said = [];
        for (;;) {
          const got = await ws.next(15_000);
          if (got.closed) return { said, code: got.code, after: performance.now() - from };
          said.push(got.payload.toString()[0]);
        }
      }));
      for (const { said, code, after } of ends) {
        assert.deepEqual([said, code], [['0'], undefined]); // the open packet, and no word of an end
        assert.ok(after > 4900 && after < 11_500, `${after | 0} ms`);
      }
      const spread = Math.max(...ends.map(({ after }) => after)) - Math.min(...ends.map(({ after }) => after));
      assert.ok(spread > 500, `all within ${spread | 0} ms`);
      for (const transport of ['polling', 'websocket']) {
        const { status, headers } = await request(relay.port, `/socket.io/?EIO=4&transport=${transport}`);
        assert.equal(status, 503);
        assert.match(headers['retry-after'], /^[1-9]$/);
      }
      await server.rise();
      const client = clientsOf(t, newest).start(relay.url, { ...again, auth: auth() });
      await within(10_000, 'connection', connected(client).catch(() => received(client, 'connect', 10_000)));
    });
  }
});
