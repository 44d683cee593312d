// `fanfare token` and what `fanfare check` says of a configuration of access.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { accounts, outcome, skip } from '../lib/access.mjs';
import { variants } from '../lib/clients.mjs';
import { fanfare, startRelay } from '../lib/relay.mjs';
import { claimsOf, hsIssuer, hsKeyOf, issuer, keyPair, now, secret, secretEnv, sha256, signed, token } from '../lib/tokens.mjs';

const rs = keyPair('RS256', 'rs');
const both = `[auth]\n${hsIssuer}
[[auth.issuer]]
iss = "https://rs.test"
public_key_file = "rs.pem"
algorithms = ["RS256"]
audience = ["fanfare"]

[[auth.token]]
sha256 = "${sha256('of a device')}"
claims = { sub = "sensor-1", account = "7" }

${accounts()}`;
const settings = { toml: both, files: { 'rs.pem': rs.pem } };
const run = (...command) => fanfare(command, settings, { env: secretEnv });

describe('fanfare token', { skip, concurrency: 2 }, () => {
  test('mints one that the relay takes', async (t) => {
    const { code, stdout, stderr } = await run('token', '--claims', '{"sub":"1","account":"7"}', '--ttl', '1h');
    assert.equal(code, 0, stderr);
    const minted = stdout.trim();
    const [head, body, signature] = minted.split('.');
    assert.equal(signature, createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url'));
    const { exp, ...claims } = JSON.parse(Buffer.from(body, 'base64url'));
    assert.deepEqual([claims.iss, claims.sub, claims.account, [claims.aud].flat()], [issuer, '1', '7', ['fanfare']]);
    assert.ok(Math.abs(exp - now() - 3600) < 30);
    const relay = await startRelay(settings, { env: secretEnv });
    t.after(() => relay.kill());
    assert.equal(await outcome(t, variants[0], relay.url, { auth: { token: minted } }), 'in');
    assert.match((await run('token', '--check', minted)).stdout, /https:\/\/idp\.test/);
  });

  const rows = {
    'a good one': [token(), 0, /https:\/\/idp\.test/],
    'a good one of another kind': [signed(rs, claimsOf({ iss: 'https://rs.test' })), 0, /https:\/\/rs\.test/],
    'a static one': ['of a device', 0, /static/],
    'an expired one': [token({}, -100), 1, /expired/],
    'one for another audience': [token({ aud: 'x' }), 1, /audience|aud/],
    'one of an unknown issuer': [token({ iss: 'https://evil.test' }), 1, /evil\.test/],
    'one with a wrong signature': [signed(hsKeyOf('another'), claimsOf()), 1, /signature/],
    'one with an algorithm that is not listed': [signed(hsKeyOf(secret, 'HS512'), claimsOf()), 1, /HS512/],
    'one that is not valid yet': [token({ nbf: now() + 1000 }), 1, /not (yet )?valid|nbf/],
    'none at all': ['letmein', 1, /./],
  };
  for (const [what, [text, code, said]] of Object.entries(rows)) {
    test(`says what it thinks of ${what}`, async () => {
      const answer = await run('token', '--check', text);
      const all = answer.stdout + answer.stderr;
      assert.match(all, said);
      assert.equal(answer.code === 0, code === 0, all);
      assert.ok(!all.includes(secret));
    });
  }

  test('mints none without a secret, nor with claims that are none', async () => {
    const keyed = { ...settings, toml: both.replace(hsIssuer, '') };
    const none = await fanfare(['token', '--claims', '{"sub":"1"}', '--ttl', '1h'], keyed, { env: secretEnv });
    assert.notEqual(none.code, 0);
    assert.match(none.stderr, /secret/);
    for (const args of [['--claims', '[1]', '--ttl', '1h'], ['--claims', '{"sub":', '--ttl', '1h'], ['--claims', '{}', '--ttl', 'soon']]) {
      const { code, stdout, stderr } = await run('token', ...args);
      assert.notEqual(code, 0, stdout);
      assert.ok(stderr.length > 10);
    }
  });
});

describe('fanfare check', { skip, concurrency: 2 }, () => {
  const hs = (more) => `[auth]\n${hsIssuer}${more}\n${accounts()}`;
  const issuerOf = (keys) => `[auth]\n[[auth.issuer]]\niss = "https://i.test"\naudience = ["a"]\n${keys}\n${accounts()}`;
  const namespace = (keys, rule = '') => `[auth]\n${hsIssuer}\n[[namespace]]\nname = "/"\n${keys}\n[[namespace.rule]]\non = "a"\n${rule}\n`;

  /** A mistake, and what its line says. */
  const mistakes = {
    'a namespace that nobody can get into': [accounts(), /nobody could be known/],
    'a namespace that is not there': [`[auth]\nrequired = ["/nope"]\n${hsIssuer}${accounts()}`, /\/nope/],
    'two sources of a key': [issuerOf('algorithms = ["RS256"]\npublic_key_file = "rs.pem"\njwks_url = "https://i.test/keys"'), /expected one/],
    'no source of a key': [issuerOf('algorithms = ["RS256"]'), /jwks_url/],
    'no audience': [hs('').replace(/audience.*/, ''), /audience/],
    'no algorithms': [issuerOf('public_key_file = "rs.pem"'), /algorithms/],
    'an unknown algorithm': [issuerOf('algorithms = ["none"]\npublic_key_file = "rs.pem"'), /none/],
    'a secret\'s algorithm with a public key': [issuerOf('algorithms = ["HS256"]\npublic_key_file = "rs.pem"'), /HS256/],
    'another key\'s algorithm': [issuerOf('algorithms = ["ES256"]\npublic_key_file = "rs.pem"'), /ES256|rs\.pem/],
    'a key that is none': [issuerOf('algorithms = ["RS256"]\npublic_key_file = "odd.pem"'), /odd\.pem/],
    'a key that is missing': [issuerOf('algorithms = ["RS256"]\npublic_key_file = "nope.pem"'), /nope\.pem/],
    'keys over plain HTTP': [issuerOf('algorithms = ["RS256"]\njwks_url = "http://i.test/keys"'), /https/],
    'a variable that is not set': [hs('').replace('TEST_SECRET', 'TEST_NOPE'), /TEST_NOPE/],
    'an issuer twice': [hs(hsIssuer), /idp\.test/],
    'a place of a token that is none': [hs('').replace('[auth]', '[auth]\ntoken_from = ["header"]'), /token_from/],
    'a hash that is none': [hs('[[auth.token]]\nsha256 = "abc"\nclaims = {}'), /sha256/],
    'a template that is all a value': [namespace('rooms = ["{claims.sub}"]'), /rooms/],
    'a template that could name a client': [namespace('rooms = ["a{claims.sub}"]'), /rooms/],
    'values that run together': [namespace('rooms = ["a:{claims.a}{claims.b}"]'), /rooms/],
    'a template with a path that is none': [namespace('rooms = ["a:{secrets.a}"]'), /secrets/],
    'an argument where there is none yet': [namespace('rooms = ["a:{args.0}"]'), /args/],
    'two templates for one name': [namespace('rooms = ["a:{claims.a}", "a:{claims.a}:b:{claims.b}", "a:{claims.b}%3Ab"]'), /a:\{claims/],
    'an empty list of rooms to join': [namespace('join = { on = "j", allow = [] }'), /allow/],
    'a way that is none': [`[limits.client]\nover = "fast"\n${accounts().replace('auth = "required"', '')}`, /slow/],
    'a network that is none': [`[limits.address]\ntrusted_proxies = ["10.0.0.0/99"]\n`, /10\.0\.0\.0\/99/],
    'a condition that no claim can meet': [namespace('', 'when = { claims.role = [] }'), /when/],
    'more arguments at least than at most': [namespace('', 'args_min = 3\nargs_max = 2'), /args_m/],
  };
  for (const [what, [toml, said]] of Object.entries(mistakes)) {
    test(`refuses ${what}`, async () => {
      const { code, stderr } = await fanfare(['check'], { toml, files: { 'rs.pem': rs.pem, 'odd.pem': 'no key' } }, { env: secretEnv });
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
      assert.match(stderr, /^fanfare: .*relay\.toml/m);
      assert.ok(!stderr.includes(secret));
    });
  }

  for (const to of ['all', 'others']) {
    test(`warns where an event goes to ${to} of a namespace that asks for a token`, async () => {
      const { code, stderr } = await fanfare(['check'], { toml: namespace('auth = "required"', `to = "${to}"`) }, { env: secretEnv });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /fanfare: warning: .*required.*everybody/);
    });
  }
});
