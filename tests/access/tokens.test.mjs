// Who gets in by a token: every row of the table of authentication, by every official client.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accounts, outcome, refused, skip } from '../lib/access.mjs';
import { variants } from '../lib/clients.mjs';
import { sharedRelay, startRelay } from '../lib/relay.mjs';
import { claimsOf, hsIssuer, hsKeyOf, keyPair, now, secret, secretEnv, sha256, signed, token } from '../lib/tokens.mjs';

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
