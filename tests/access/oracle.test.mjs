// Another implementation as a judge: a token that the relay takes is one that jose takes too. Where the relay is stricter,
// that and why stands in the table.
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { outcome, skip } from '../lib/access.mjs';
import { variants } from '../lib/clients.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { base64url, claimsOf, hsKeyOf, issuer, keyPair, now, secret, signed } from '../lib/tokens.mjs';

const [newest] = variants.filter(({ title }) => title === 'newest client, websocket only');

const algorithms = ['RS256', 'PS384', 'ES256', 'ES384', 'EdDSA'];
const audience = ['fanfare', 'others'];
const leeway = 10;
const [rs, ps, es, es384, ed] = algorithms.map((alg) => keyPair(alg));
const keys = { keys: [rs, ps, es, es384, ed].map(({ jwk: { alg, ...jwk } }) => jwk) };
const stranger = keyPair('RS256', rs.kid);
const hsIssuer = 'https://hs.test';

const toml = `[auth]
required = ["/"]
${[[issuer, 'jwks_file = "keys.json"', algorithms], [hsIssuer, 'secret_file = "secret"', ['HS256', 'HS512']]].map(([iss, source, algorithms]) => `
[[auth.issuer]]
iss = "${iss}"
${source}
algorithms = ${JSON.stringify(algorithms)}
audience = ${JSON.stringify(audience)}
leeway_s = ${leeway}
`).join('')}`;

/** Whether jose takes a token, from either issuer. */
async function isTakenByJose(token) {
  const options = { audience, clockTolerance: leeway };
  const judgements = await Promise.allSettled([
    jwtVerify(token, createLocalJWKSet(keys), { ...options, issuer, algorithms }),
    jwtVerify(token, Buffer.from(secret), { ...options, issuer: hsIssuer, algorithms: ['HS256', 'HS512'] }),
  ]);
  return judgements.some(({ status }) => status === 'fulfilled');
}

const by = (more, header, key = rs) => signed(key, claimsOf(more), header);
const bySecret = (alg, by = secret, header) => signed(hsKeyOf(by, alg), claimsOf({ iss: hsIssuer }), header);
/** As `by`, but header and claims as they are written here; `part` may make of them what it likes. */
function raw(header, claims = JSON.stringify(claimsOf()), part = base64url) {
  const said = `${part(header)}.${part(claims)}`;
  return `${said}.${sign('sha256', Buffer.from(said), rs.privateKey).toString('base64url')}`;
}
const head = JSON.stringify({ alg: 'RS256', kid: rs.kid });
/** With a claim more, as JSON has it. */
const claiming = (json) => raw(head, `${JSON.stringify(claimsOf({ exp: undefined })).slice(0, -1)},${json}}`);
const parts = (change) => change(...by().split('.')).join('.');
const padded = (text) => Buffer.from(text).toString('base64url').padEnd(Math.ceil(Buffer.byteLength(text) * 4 / 12) * 4, '=');
/** Claims of a length that ends in a character with bits to spare. */
const spare = JSON.stringify(claimsOf({ x: 'x'.repeat([1, 0, 2][JSON.stringify(claimsOf({ x: '' })).length % 3]) }));
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** The same bytes, with other bits in the last character, which nobody needs. */
const otherBits = (text) => text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1)) ^ 1];

/** Both take these. */
const taken = {
  RS256: () => by(),
  'PS384': () => by({}, {}, ps),
  'PS384 by the key for RS256': () => by({}, {}, { ...rs, alg: 'PS384' }),
  ES256: () => by({}, {}, es),
  ES384: () => by({}, {}, es384),
  EdDSA: () => by({}, {}, ed),
  HS256: () => bySecret('HS256'),
  HS512: () => bySecret('HS512'),
  'no kid, and one key of its kind': () => by({}, { kid: undefined }, es),
  'no typ': () => by({}, { typ: undefined }),
  'another typ': () => by({}, { typ: 'at+jwt' }),
  'a typ that is null': () => by({}, { typ: null }),
  'blanks in the header': () => raw(` {\n"alg" : "RS256" , "kid":"${rs.kid}"}\t`),
  'a header with escapes': () => raw(`{"\\u0061lg":"R\\u0053256","kid":"${rs.kid}"}`),
  'somebody\'s key in the header': () => by({}, { jwk: stranger.jwk }),
  'an address of keys in the header': () => by({}, { jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/' }),
  'b64 that is not critical': () => by({}, { b64: false }),
  'zip, which is for encryption': () => by({}, { zip: 'DEF' }),
  'one audience of several': () => by({ aud: ['x', 'others'] }),
  'no end': () => by({ exp: undefined }),
  'an end within the leeway': () => by({ exp: now() - leeway + 5 }),
  'a beginning within the leeway': () => by({ nbf: now() + leeway - 5 }),
  'fractions of seconds': () => claiming(`"exp":${now() + 60}.25,"nbf":1.5,"iat":1.75`),
  'an end by exponent': () => claiming('"exp":1e10'),
  'an end in a far future': () => claiming('"exp":9007199254740991'),
  'unicode': () => by({ name: 'Ünïcödé 🎺 \u0000 \u2028', '名': 1 }),
  'a prototype': () => claiming('"__proto__":{"admin":true},"constructor":1'),
  'claims inside claims': () => by({ a: { b: [{ c: [1, { d: null }] }] } }),
  'a claim of its own twice': () => claiming('"role":"a","role":"b"'),
  'a subject by number': () => by({ sub: 7 }),
  'almost 8 KiB': () => by({ x: 'x'.repeat(5400) }),
};

/** jose takes these, and the relay does not. */
const stricter = {
  'over 8 KiB: it is read before anything is known of the client': () => by({ x: 'x'.repeat(8192) }),
  'a date beyond what fits in 64 bits': () => claiming('"exp":1e300'),
  'issued in the future: a clock is wrong': () => by({ iat: now() + 60 }),
  'an audience that is no text beside ours: RFC 7519 has texts': () => by({ aud: [7, 'fanfare'] }),
  'a subject that is an object: it names nobody': () => by({ sub: { id: 1 } }),
  'a subject with a fraction: it names nobody': () => by({ sub: 1.5 }),
  'an algorithm twice: readers disagree on which counts': () => raw(`{"alg":"none","alg":"RS256","kid":"${rs.kid}"}`),
  'a kid twice: readers disagree on which counts': () => raw(`{"alg":"RS256","kid":"x","kid":"${rs.kid}"}`),
  'an end twice: readers disagree on which counts': () => claiming('"exp":1,"exp":9999999999'),
  'an issuer twice: readers disagree on which counts': () => claiming(`"iss":"${issuer}","exp":9999999999`),
  'a typ that is no text': () => by({}, { typ: 7 }),
  'critical words that jose knows, and we do not': () => by({}, { crit: ['b64'], b64: true }),
  'half a character': () => claiming('"x":"\\ud800"'),
  'nested beyond 128': () => claiming(`"x":${'['.repeat(200)}${']'.repeat(200)}`),
};

/** Nobody takes these. */
const refused = {
  'an end a second ago, beyond the leeway': () => by({ exp: now() - leeway - 1 }),
  'an end at the very second, with the leeway': () => by({ exp: now() - leeway }),
  'an end at 0': () => by({ exp: 0 }),
  'an end before 1970': () => by({ exp: -1 }),
  'an end as text': () => by({ exp: '9999999999' }),
  'an end that is null': () => by({ exp: null }),
  'an end in a list': () => by({ exp: [9999999999] }),
  'an end that is true': () => by({ exp: true }),
  'a beginning to come': () => by({ nbf: now() + leeway + 5 }),
  'a beginning as text': () => by({ nbf: '0' }),
  'a beginning that is null': () => by({ nbf: null }),
  'an issue as text': () => by({ iat: '0' }),
  'no audience': () => by({ aud: undefined }),
  'no audience in a list': () => by({ aud: [] }),
  'another audience': () => by({ aud: 'else' }),
  'an audience in capitals': () => by({ aud: 'FANFARE' }),
  'an audience with a blank': () => by({ aud: 'fanfare ' }),
  'an audience in a list of lists': () => by({ aud: [['fanfare']] }),
  'all audiences': () => by({ aud: '*' }),
  'no issuer': () => by({ iss: undefined }),
  'another issuer': () => by({ iss: hsIssuer }),
  'an issuer with a slash more': () => by({ iss: `${issuer}/` }),
  'an issuer in a list': () => by({ iss: [issuer] }),
  'alg none': () => by({}, { alg: 'none' }),
  'alg none, and no signature': () => parts((_, claims) => [base64url('{"alg":"none"}'), claims, '']),
  'alg NONE, and no signature': () => parts((_, claims) => [base64url('{"alg":"NONE"}'), claims, '']),
  'alg in small letters': () => by({}, { alg: 'rs256' }),
  'alg in a list': () => by({}, { alg: ['RS256'] }),
  'no alg': () => by({}, { alg: undefined }),
  'an alg that lies': () => by({}, { alg: 'ES256' }),
  'an alg of the key that the issuer does not use': () => by({}, {}, { ...rs, alg: 'RS512' }),
  'an alg of the secret that the issuer does not use': () => bySecret('HS384'),
  'HS256 by a public key in PEM': () => by({}, {}, { ...hsKeyOf(rs.pem), kid: rs.kid }),
  'HS256 by a public key as JWK': () => by({}, {}, { ...hsKeyOf(JSON.stringify(rs.jwk)), kid: rs.kid }),
  'HS256 by a modulus': () => by({}, {}, { ...hsKeyOf(Buffer.from(rs.jwk.n, 'base64url')), kid: rs.kid }),
  'HS256 by nothing': () => bySecret('HS256', ''),
  'HS256 by a secret in capitals': () => bySecret('HS256', secret.toUpperCase()),
  'another key by the same name': () => by({}, {}, stranger),
  'a key that it brings along': () => by({}, { jwk: stranger.jwk, kid: undefined }, stranger),
  'a kid of another key': () => by({}, { kid: es.kid }),
  'a kid that nobody has': () => by({}, { kid: 'x' }),
  'a kid that is no text': () => by({}, { kid: 7 }, es),
  'a kid that is null': () => by({}, { kid: null }, es),
  'an empty kid': () => by({}, { kid: '' }),
  'a kid that is a path': () => by({}, { kid: '../../../../dev/null' }),
  'a kid that is a prototype': () => by({}, { kid: '__proto__' }),
  'critical words that nobody knows': () => by({}, { crit: ['x'], x: 1 }),
  'critical words: none': () => by({}, { crit: [] }),
  'critical words: null': () => by({}, { crit: null }),
  'critical exp': () => by({}, { crit: ['exp'], exp: 9999999999 }),
  'b64 false': () => by({}, { crit: ['b64'], b64: false }),
  'a changed claim': () => parts((header, claims, signature) => [header, base64url(JSON.stringify(claimsOf({ account: '8' }))), signature]),
  'a signature of another token': () => parts((header, claims) => [header, claims, by({ account: '8' }).split('.')[2]]),
  'a signature cut short': () => by().slice(0, -4),
  'no signature': () => parts((header, claims) => [header, claims, '']),
  'ECDSA in ASN.1': () => by({}, {}, es).replace(/[^.]+$/, base64url(sign('sha256', Buffer.from('x'), es.privateKey))),
  'ECDSA of zeros': () => by({}, {}, es).replace(/[^.]+$/, base64url(Buffer.alloc(64))),
  'EdDSA of zeros': () => by({}, {}, ed).replace(/[^.]+$/, base64url(Buffer.alloc(64))),
  'two parts': () => by().replace(/\.[^.]+$/, ''),
  'four parts': () => `${by()}.x`,
  'a dot at the end': () => `${by()}.`,
  'a dot before': () => `.${by()}`,
  'five parts, as when encrypted': () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA',
  'JSON in place of base64': () => `${head}.${JSON.stringify(claimsOf())}.x`,
  'a header that is a list': () => raw('["RS256"]'),
  'an empty header': () => raw('{}'),
  'claims that are null': () => raw(head, 'null'),
  'claims that are a list': () => raw(head, `[${JSON.stringify(claimsOf())}]`),
  'claims that are a token': () => raw(head, by()),
  'claims with something behind them': () => raw(head, `${JSON.stringify(claimsOf())}x`),
  'claims that are no UTF-8': () => raw(head, Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff]), Buffer.from('"}')])),
};

/** The same bytes in another text: the relay takes one text for a token only, whatever jose does. */
const otherTexts = {
  'padding in the signature': () => `${by()}==`,
  'padding in all parts': () => raw(head, spare, padded),
  'other bits in the last character of the signature': () => otherBits(by()),
  'other bits in the last character of the claims': () => raw(head, spare, (text) => (text === spare ? otherBits(base64url(text)) : base64url(text))),
  'the other alphabet': () => raw(head, JSON.stringify(claimsOf({ x: '???>>>~~~' })), (text) => Buffer.from(text).toString('base64').replaceAll('=', '')),
  'a line in the middle': () => parts((header, claims, signature) => [header, claims, `${signature.slice(0, 8)}\n${signature.slice(8)}`]),
  'a blank before': () => ` ${by()}`,
  'a blank behind': () => `${by()} `,
  'a line end behind': () => `${by()}\n`,
  'Bearer before': () => `Bearer ${by()}`,
  'a mark of the byte order': () => raw(head, `\ufeff${JSON.stringify(claimsOf())}`),
};

describe('a token', { skip }, () => {
  const hub = sharedRelay({ before, after }, { toml, files: { 'keys.json': JSON.stringify(keys), secret } });
  const rows = (table, jose, relay) => Object.entries(table).map(([what, make]) => [what, make, { jose, relay }]);
  const all = [
    ...rows(taken, true, true),
    ...rows(stricter, true, false),
    ...rows(refused, false, false),
    ...rows(otherTexts, undefined, false),
  ];

  test('that the relay takes is taken by jose too', async (t) => {
    const judged = await Promise.all(all.map(async ([what, make, { jose }]) => {
      const token = make();
      const [isTaken, met] = await Promise.all([isTakenByJose(token), outcome(t, newest, hub.url, { auth: { token } })]);
      assert.ok(met === 'in' || met.message === 'unauthorized', `${what}: ${JSON.stringify(met)}`);
      return [what, { jose: jose === undefined ? jose : isTaken, relay: met === 'in' }];
    }));
    assert.deepEqual(Object.fromEntries(judged), Object.fromEntries(all.map(([what, , expected]) => [what, expected])));
  });
});
