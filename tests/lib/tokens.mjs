// JSON Web Tokens made by hand, so that each part of one may also be wrong.
import { constants, createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';

export const issuer = 'https://idp.test';

/** A secret for HS256, and the configuration of an issuer that has it, from the environment. */
export const secret = 'a secret of thirty-two characters';
export const secretEnv = { TEST_SECRET: secret };
export const hsIssuer = `[[auth.issuer]]
iss = "${issuer}"
secret_env = "TEST_SECRET"
algorithms = ["HS256"]
audience = ["fanfare"]
leeway_s = 0
`;

export const now = () => Math.floor(Date.now() / 1000);

/** What an issuer of these tests says by default, `ttl` seconds long; `more` overrides it, undefined takes away. */
export const claimsOf = (more = {}, ttl = 600) => ({ iss: issuer, aud: 'fanfare', sub: '1', account: '7', exp: now() + ttl, ...more });

/** A token by the shared secret. */
export const token = (more, ttl) => signed(hsKey, claimsOf(more, ttl));

const kinds = {
  RS: ['rsa', { modulusLength: 2048 }],
  PS: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  ES384: ['ec', { namedCurve: 'P-384' }],
  EdDSA: ['ed25519'],
};

/** A key pair for an algorithm that is not HS: { alg, kid, jwk, pem }, the last two of the public key. */
export function keyPair(alg, kid = `${alg}-${Math.random()}`) {
  const { publicKey, privateKey } = generateKeyPairSync(...(kinds[alg] ?? kinds[alg.slice(0, 2)]));
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg };
  return { alg, kid, privateKey, jwk, pem: publicKey.export({ format: 'pem', type: 'spki' }) };
}

export const hsKeyOf = (secret, alg = 'HS256') => ({ alg, secret });
export const hsKey = hsKeyOf(secret);

/** Signs claims with a key. `header` overrides what it says about itself. */
export function signed(key, claims, header = {}) {
  const head = base64url(JSON.stringify({ alg: key.alg, typ: 'JWT', kid: key.kid, ...header }));
  const said = `${head}.${base64url(typeof claims === 'string' ? claims : JSON.stringify(claims))}`;
  return `${said}.${base64url(signature(key, said))}`;
}

function signature({ alg, secret, privateKey }, said) {
  const hash = `sha${alg.slice(2)}`;
  if (secret !== undefined) return createHmac(hash, secret).update(said).digest();
  if (alg === 'EdDSA') return sign(null, Buffer.from(said), privateKey);
  const padding = alg.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  return sign(hash, Buffer.from(said), { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding });
}

export const base64url = (value) => Buffer.from(value).toString('base64url');
export const sha256 = (text) => createHash('sha256').update(text).digest('hex');
