//! A key, and the algorithms that it is for.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::{Algorithm, Token, TokenFault};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};

use super::secret::Secret;

/// A key. What it verifies follows from what it is: a public key never is the secret of an HMAC.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<Box<str>>,
    /// What it was made of, by which two are the same.
    source: Box<[u8]>,
    verifiers: Vec<(Algorithm, Verifier)>,
}

#[derive(Clone)]
enum Verifier {
    // A kilobyte.
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Key {
    /// The key that a secret is.
    pub(crate) fn secret(secret: &Secret) -> Self {
        let hashes = [
            (Algorithm::Hs256, hmac::HMAC_SHA256),
            (Algorithm::Hs384, hmac::HMAC_SHA384),
            (Algorithm::Hs512, hmac::HMAC_SHA512),
        ];
        let key = |hash| Verifier::Secret(Box::new(hmac::Key::new(hash, &secret.0)));
        let verifiers = hashes.map(|(algorithm, hash)| (algorithm, key(hash))).into();
        Self { kid: None, source: secret.0.clone(), verifiers }
    }

    /// The public keys of a PEM text (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// There is none, or one of a kind that we do not know.
    pub(crate) fn all_of_pem(pem: &[u8]) -> Result<Vec<Self>, &'static str> {
        let expected =
            "public keys in PEM (-----BEGIN PUBLIC KEY-----), RSA from 2048 bits on, P-256, P-384 or Ed25519";
        let blocks = SubjectPublicKeyInfoDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let keys: Option<Vec<Self>> =
            blocks.map_err(|_| expected)?.iter().map(|der| Self::spki(der.as_ref())).collect();
        keys.filter(|keys| !keys.is_empty()).ok_or(expected)
    }

    fn spki(der: &[u8]) -> Option<Self> {
        let fitting = PUBLIC.iter().filter_map(|(algorithm, how)| {
            // A weak one would be refused with each signature; here it shows at once.
            let is_weak = matches!(how, How::Rsa(_)) && der.len() < MODULUS_MIN;
            let key = ParsedPublicKey::new(how.algorithm(), der).ok().filter(|_| !is_weak)?;
            Some((*algorithm, Verifier::Public(key)))
        });
        let verifiers: Vec<_> = fitting.collect();
        (!verifiers.is_empty()).then(|| Self { kid: None, source: der.into(), verifiers })
    }

    /// The keys of a JWK set (RFC 7517). What is no signature's key, or of a kind that we do not know, is left out.
    ///
    /// # Errors
    /// It is no such set.
    pub(crate) fn all_of_jwks(text: &[u8]) -> Result<Vec<Self>, &'static str> {
        let expected = "a JWK set, {\"keys\": […]}";
        let set: Map<String, Value> = serde_json::from_slice(text).map_err(|_| expected)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(expected)?;
        Ok(keys.iter().filter_map(Value::as_object).filter_map(Self::jwk).take(KEYS_MAX).collect())
    }

    fn jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let is_for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
        let verifies = match jwk.get("key_ops").and_then(Value::as_array) {
            Some(operations) => operations.iter().any(|operation| operation == "verify"),
            None => true,
        };
        if !is_for_signatures || !verifies {
            return None;
        }
        let kind = match (text("kty")?, text("crv")) {
            ("RSA", _) => Jwk::Rsa { n: number(bytes("n")?), e: number(bytes("e")?) },
            ("EC", Some("P-256")) => Jwk::Point(Algorithm::Es256, point(&bytes("x")?, &bytes("y")?, 32)?),
            ("EC", Some("P-384")) => Jwk::Point(Algorithm::Es384, point(&bytes("x")?, &bytes("y")?, 48)?),
            ("OKP", Some("Ed25519")) => Jwk::Point(Algorithm::EdDsa, bytes("x")?),
            // Secrets too: what anybody can fetch is none.
            _ => return None,
        };
        let only = jwk.get("alg").map(|alg| alg.as_str().and_then(Algorithm::parse));
        let fitting = PUBLIC.iter().filter(|(algorithm, _)| only.is_none_or(|only| only == Some(*algorithm)));
        let verifiers: Vec<_> = fitting
            .filter_map(|(algorithm, how)| Some((*algorithm, Verifier::Public(kind.parse(*algorithm, how)?))))
            .collect();
        let source = serde_json::to_vec(jwk).ok()?.into();
        (!verifiers.is_empty()).then(|| Self { kid: text("kid").map(Into::into), source, verifiers })
    }

    /// Its name in a JWK set.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it is for this algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.verifiers.iter().any(|(fitting, _)| *fitting == algorithm)
    }

    /// Whether the token was signed with it.
    ///
    /// # Errors
    /// [`TokenFault::Algorithm`] or [`TokenFault::Signature`].
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<(), TokenFault> {
        let mut verifiers = self.verifiers.iter();
        let (_, verifier) =
            verifiers.find(|(fitting, _)| *fitting == token.algorithm()).ok_or(TokenFault::Algorithm)?;
        let (signed, signature) = (token.signed().as_bytes(), token.signature());
        let verified = match verifier {
            Verifier::Secret(key) => hmac::verify(key, signed, signature),
            Verifier::Public(key) => key.verify_sig(signed, signature),
        };
        verified.map_err(|_| TokenFault::Signature)
    }

    /// A signature, where the key can sign.
    pub(crate) fn sign(&self, algorithm: Algorithm, signed: &str) -> Option<Vec<u8>> {
        self.verifiers.iter().find_map(|(fitting, verifier)| match verifier {
            Verifier::Secret(key) if *fitting == algorithm => {
                Some(hmac::sign(key, signed.as_bytes()).as_ref().to_vec())
            }
            Verifier::Secret(_) | Verifier::Public(_) => None,
        })
    }
}

/// How the signatures of an algorithm are verified.
enum How {
    Rsa(&'static RsaParameters),
    Other(&'static dyn VerificationAlgorithm),
}

impl How {
    fn algorithm(&self) -> &'static dyn VerificationAlgorithm {
        match *self {
            Self::Rsa(parameters) => parameters,
            Self::Other(algorithm) => algorithm,
        }
    }
}

/// The algorithms of public keys. (`Fixed`: JWTs have the two numbers of ECDSA side by side, not in ASN.1.)
const PUBLIC: [(Algorithm, How); 9] = [
    (Algorithm::Rs256, How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256)),
    (Algorithm::Rs384, How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384)),
    (Algorithm::Rs512, How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512)),
    (Algorithm::Ps256, How::Rsa(&signature::RSA_PSS_2048_8192_SHA256)),
    (Algorithm::Ps384, How::Rsa(&signature::RSA_PSS_2048_8192_SHA384)),
    (Algorithm::Ps512, How::Rsa(&signature::RSA_PSS_2048_8192_SHA512)),
    (Algorithm::Es256, How::Other(&signature::ECDSA_P256_SHA256_FIXED)),
    (Algorithm::Es384, How::Other(&signature::ECDSA_P384_SHA384_FIXED)),
    (Algorithm::EdDsa, How::Other(&signature::ED25519)),
];

/// The numbers of a JWK.
enum Jwk {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point of the only curve of an algorithm.
    Point(Algorithm, Vec<u8>),
}

impl Jwk {
    fn parse(&self, algorithm: Algorithm, how: &How) -> Option<ParsedPublicKey> {
        match (self, how) {
            (Self::Rsa { n, e }, How::Rsa(parameters)) => {
                let is_of_size = (MODULUS_MIN..=MODULUS_MAX).contains(&n.len());
                let components = PublicKeyComponents { n, e };
                is_of_size.then(|| components.to_parsed_public_key(parameters).ok()).flatten()
            }
            (Self::Point(only, point), How::Other(how)) if *only == algorithm => ParsedPublicKey::new(*how, point).ok(),
            _ => None,
        }
    }
}

/// A number without the zeros before it that some writers have.
fn number(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

/// A point, uncompressed.
fn point(x: &[u8], y: &[u8], size: usize) -> Option<Vec<u8>> {
    (x.len() == size && y.len() == size).then(|| [&[4], x, y].concat())
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, &self.source) == (&other.kid, &other.source)
    }
}

impl Eq for Key {}

/// Without what may be a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.verifiers.iter().map(|(algorithm, _)| algorithm.name()).collect();
        f.debug_struct("Key").field("kid", &self.kid).field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

/// How many keys of a set are taken: nobody publishes more, and each may have to be tried.
const KEYS_MAX: usize = 64;

/// 2048 to 8192 bits, in bytes.
const MODULUS_MIN: usize = 256;
const MODULUS_MAX: usize = 1024;
