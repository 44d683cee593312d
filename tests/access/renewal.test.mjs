// What becomes of a client whose token ends, and of one that brings another in time.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accounts, again, asked, finals, skip } from '../lib/access.mjs';
import { clientsOf, received, recorded, settled, variants } from '../lib/clients.mjs';
import { expiring } from '../lib/expiring.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { sharedRelay, startRelay } from '../lib/relay.mjs';
import { claimsOf, hsIssuer, hsKey, now, secretEnv, signed, token } from '../lib/tokens.mjs';
import { event, until } from '../lib/within.mjs';

const python = fileURLToPath(new URL('../.cache/venv/bin/python', import.meta.url));
const script = fileURLToPath(new URL('../python/access.py', import.meta.url));

const relayRules = `
${accounts('join = { on = "join", allow = ["doc:{claims.account}:*", "lobby"] }')}
[[namespace.rule]]
on = "doc"
to = { room = "doc:{claims.account}:{args.0}" }
[[namespace.rule]]
on = "lobby"
to = { room = "lobby" }
[[namespace.rule]]
on = "mark"
to = "all"

[[namespace]]
name = "/second"
auth = "required"
[[namespace.rule]]
on = "mark"
to = "all"
`;
const auth = (more) => `[auth]
renew_event = "auth:renew"
warn_event = "auth:expiring"
${more}
${hsIssuer}
[[auth.issuer]]
iss = "https://other.test"
secret_env = "TEST_OTHER"
algorithms = ["HS256"]
audience = ["*"]
`;
const env = { ...secretEnv, TEST_OTHER: 'another secret of thirty-two letters' };
const renewed = (client, token) => asked(client, 'auth:renew', { token });

describe('a renewal', { skip }, () => {
  const hub = sharedRelay({ before, after }, { toml: auth('warn_before_s = 30\ngrace_s = 2') + relayRules }, { env });

  for (const variant of variants) {
    describe(variant.title, () => {
      test('by the same subject is acknowledged with its end, and moves the client to its new rooms', async (t) => {
        const { connect } = clientsOf(t, variant);
        const [client, seven, eight] = await Promise.all(['7', '7', '8'].map((account) => connect(hub.url, { auth: { token: token({ account }) } })));
        for (const room of ['doc:7:x', 'lobby']) assert.equal((await asked(client, 'join', room)).status, 'ok');
        const claims = claimsOf({ account: '8' }, 900);
        assert.deepEqual(await renewed(client, signed(hsKey, claims)), { status: 'ok', expires_at: claims.exp });
        const heard = recorded(client);
        await asked(seven, 'update', 'of seven');
        await asked(seven, 'doc', 'x', 'of a document of seven');
        await asked(eight, 'update', 'of eight');
        await asked(eight, 'lobby', 'of the lobby'); // a room that no claim names
        await settled(client, 'mark');
        assert.deepEqual(heard.filter(([name]) => name !== 'mark'), [['update', 'of eight'], ['lobby', 'of the lobby']]);
        assert.equal((await asked(client, 'join', 'doc:7:x')).code, 'forbidden');
      });

      test('that is none is refused, and changes nothing', async (t) => {
        const client = await clientsOf(t, variant).connect(hub.url, { auth: { token: token() } });
        const rows = {
          'another subject': [token({ sub: '2' }), 'identity_changed'],
          'no subject': [token({ sub: undefined }), 'identity_changed'],
          'another issuer': [signed({ alg: 'HS256', secret: env.TEST_OTHER }, claimsOf({ iss: 'https://other.test' })), 'identity_changed'],
          'another signature': [`${token().slice(0, -6)}AAAAAA`, 'token_invalid'],
          'an expired token': [token({}, -5), 'token_expired'],
          'no account for its room': [token({ account: { id: 7 } }), 'no_value'],
          'no token': [undefined, 'token_invalid'],
        };
        const met = {};
        for (const [what, [token]] of Object.entries(rows)) {
          const { status, code, message } = await renewed(client, token);
          assert.deepEqual([status, typeof message], ['error', 'string']);
          met[what] = code;
        }
        assert.deepEqual(met, Object.fromEntries(Object.entries(rows).map(([what, [, code]]) => [what, code])));
        assert.equal((await asked(client, 'update', 1)).status, 'ok');
      });
    });
  }
});

test('of somebody who is not known is refused, and its token goes to nobody', { skip }, async (t) => {
  const everything = '[[namespace.rule]]\non = "*"\nto = "all"\n';
  const namespaces = ['optional', 'none'].map((auth) => `[[namespace]]\nname = "/${auth}"\nauth = "${auth}"\n${everything}`);
  const relay = await startRelay({ toml: auth('') + namespaces.join('') }, { env });
  t.after(() => relay.kill());
  const { connect } = clientsOf(t);
  for (const name of ['optional', 'none']) {
    const [client, listener] = await Promise.all([1, 2].map(() => connect(`${relay.url}/${name}`)));
    const heard = recorded(listener);
    assert.equal((await renewed(client, token())).code, 'identity_changed');
    assert.equal((await asked(client, 'other', 1)).recipients, 2);
    await settled(listener, 'mark');
    assert.deepEqual(heard.map(([event]) => event).filter((event) => event !== 'mark'), ['other']);
  }
});

describe('an end', { skip, concurrency: 4 }, () => {
  const hub = sharedRelay({ before, after }, { toml: auth('warn_before_s = 1\ngrace_s = 2') + relayRules }, { env });

  for (const variant of variants) {
    test(`makes a client come back with what its auth function gives it then (${variant.title})`, async (t) => {
      const { start } = clientsOf(t, variant);
      let times = 0;
      const client = start(hub.url, { ...again, auth: (give) => give({ token: token({}, (times += 1) < 3 ? 2 : 600) }) });
      const final = finals(client);
      await until('a third connection', () => times === 3 && client.connected, { ms: 20_000 });
      assert.equal((await asked(client, 'update', 1)).status, 'ok');
      assert.deepEqual(final, []);
    });

    test(`is told before, and a renewal puts it off (${variant.title})`, async (t) => {
      const client = await clientsOf(t, variant).connect(hub.url, { auth: { token: token({}, 2) } });
      client.on('disconnect', (reason) => assert.fail(reason));
      const [{ expires_in_s: left }] = await received(client, 'auth:expiring');
      assert.ok(left >= 0 && left <= 2, `${left}`);
      const exp = now() + 8;
      assert.equal((await renewed(client, token({ exp }))).status, 'ok');
      await received(client, 'auth:expiring', 9000); // of the renewed one: the first one's grace is over
      assert.ok(now() >= exp - 2);
      assert.equal((await renewed(client, token())).status, 'ok');
      client.off('disconnect');
    });
  }

  test('is an end of the transport, within the grace, and no word of it', async () => {
    const exp = now() + 2;
    const ws = await openWebSocket(hub.port, '/socket.io/?EIO=4&transport=websocket');
    ws.send(`40${JSON.stringify({ token: token({ exp }) })}`);
    const texts = [];
    for (let got; !(got = await ws.next(8000)).closed; ) texts.push(got.payload.toString());
    assert.equal(ws.closeCode, undefined);
    assert.match(texts.map((text) => text.slice(0, 20)).join(), /^0\{[^,]*,40\{[^,]*,42\["auth:expiring",\{?/);
    const late = Date.now() / 1000 - exp;
    assert.ok(late >= -0.1 && late < 3, `${late} s after it`);

    const session = await PollingSession.joined(hub.port, { connect: `40${JSON.stringify({ token: token({}, 2) })}` });
    for (;;) {
      const { status, body } = await session.poll({}).catch(() => ({ status: 0, body: '' }));
      assert.doesNotMatch(body.toString(), /(^|\x1e)(41|1$)/);
      if (status !== 200) break;
    }
  });

  test('in one namespace ends the connection, and all of them are back', async (t) => {
    const { connect } = clientsOf(t);
    let ttl = 2;
    const root = await connect(hub.url, { ...again, auth: { token: token() } });
    const second = root.io.socket('/second', { auth: (give) => give({ token: token({}, ttl) }) });
    t.after(() => second.disconnect());
    if (!second.connected) await received(second, 'connect');
    ttl = 600;
    const gone = received(root, 'disconnect');
    const back = [root, second].map((socket) => new Promise((resolve) => socket.on('connect', resolve)));
    assert.notEqual((await gone)[0], 'io server disconnect');
    await Promise.all(back);
    assert.equal((await asked(root, 'update', 1)).status, 'ok');
  });

  for (const transport of ['polling', 'websocket']) {
    test(`makes python-socketio come back, over ${transport}`, async () => {
      const { stdout } = await promisify(execFile)(python, [script, 'renews', hub.url, transport], { timeout: 30_000 });
      const met = JSON.parse(stdout);
      assert.deepEqual(met.map((word, i) => (i % 2 ? 'lost' : word)), ['connect', 'lost', 'connect', 'lost', 'connect']);
      for (const reason of [met[1], met[3]]) assert.match(reason, /^transport /);
    });
  }
});

test('ten thousand tokens that end together end spread over the grace', { skip }, async (t) => {
  const grace = 10;
  const relay = await startRelay({ toml: auth(`grace_s = ${grace}`) + relayRules }, { env });
  t.after(() => relay.kill());
  const count = 10_000;
  const from = now();
  const halves = await Promise.all([1, 2].map(() => expiring(t, relay, count / 2)));
  // A machine that is slow to let them in is slow to renew them.
  const exp = now() + Math.max(6, now() - from);
  const ends = (await Promise.all(halves.map((half) => half.renewed(exp)))).flat();
  assert.equal(ends.length, count);
  const tenths = Array(10).fill(0);
  for (const { at, said } of ends) {
    assert.equal(said, undefined, `told ${said}`);
    const late = at / 1000 - exp;
    assert.ok(late > -0.1 && late < grace + 2, `${late} s after it`);
    tenths[Math.max(0, Math.min(9, Math.floor((late / grace) * 10)))] += 1;
  }
  t.diagnostic(`by tenths of the grace: ${tenths.join(' ')}`);
  for (const tenth of tenths) assert.ok(tenth > 0.02 * count && tenth < 0.2 * count, tenths.join(' '));
});
