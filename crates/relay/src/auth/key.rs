//! A key, and the algorithms that it is for.

use std::fmt;
use std::ops::RangeInclusive;

use aws_lc_rs::rsa::{PublicEncryptingKey, PublicKey, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, Validation, decode};
use policy::{Token, TokenFault};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};

use super::secret::Secret;

/// A key. What it verifies follows from what it is: a public key never is the secret of an HMAC.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<Box<str>>,
    algorithms: Vec<Algorithm>,
    verifier: DecodingKey,
}

impl Key {
    /// The key that a secret is.
    pub(crate) fn secret(secret: &Secret) -> Self {
        let algorithms = AlgorithmFamily::Hmac.algorithms().to_vec();
        Self { kid: None, algorithms, verifier: DecodingKey::from_secret(&secret.0) }
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
        if let Ok(key) = PublicKey::from_der(der) {
            let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(&key);
            return Self::rsa(&n, &e);
        }
        // aws-lc takes the points of curves in this form too.
        let either = [DecodingKey::from_ec_der(der), DecodingKey::from_ed_der(der)];
        either.into_iter().find_map(|key| Self::point(key, None))
    }

    /// The keys of a JWK set (RFC 7517). What is no signature's key, or of a kind that we do not know, is left out.
    ///
    /// # Errors
    /// It is no such set.
    pub(crate) fn all_of_jwks(text: &[u8]) -> Result<Vec<Self>, &'static str> {
        let expected = "a JWK set, {\"keys\": […]}";
        let mut set: Map<String, Value> = serde_json::from_slice(text).map_err(|_| expected)?;
        let Some(Value::Array(keys)) = set.remove("keys") else { return Err(expected) };
        let known = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(known.filter_map(|jwk| Self::jwk(&jwk)).take(KEYS_MAX).collect())
    }

    fn jwk(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let is_for_signatures = common.public_key_use.as_ref().is_none_or(|to| *to == PublicKeyUse::Signature);
        let verifies = common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
        if !is_for_signatures || !verifies {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let mut key = match (&jwk.algorithm, key.kind()) {
            (AlgorithmParameters::RSA(_), DecodingKeyKind::RsaModulusExponent { n, e }) => Self::rsa(n, e),
            (AlgorithmParameters::EllipticCurve(point), _) => Self::point(key, Some(&point.curve)),
            (AlgorithmParameters::OctetKeyPair(point), _) => Self::point(key, Some(&point.curve)),
            // Secrets too: what anybody can fetch is none.
            _ => None,
        }?;
        if let Some(only) = common.key_algorithm {
            key.algorithms.retain(|algorithm| KeyAlgorithm::from(*algorithm) == only);
        }
        key.kid = common.key_id.as_deref().map(Into::into);
        (!key.algorithms.is_empty()).then_some(key)
    }

    /// An RSA key, if it is strong. A weak one would be refused with each signature; here it shows at once.
    fn rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (number(n), number(e));
        let key: PublicEncryptingKey = PublicKeyComponents { n, e }.try_into().ok()?;
        RSA_BITS.contains(&key.key_size_bits()).then(|| {
            let algorithms = AlgorithmFamily::Rsa.algorithms().to_vec();
            Self { kid: None, algorithms, verifier: DecodingKey::from_rsa_raw_components(n, e) }
        })
    }

    /// A point of a curve, of any that fits unless it is known which.
    fn point(verifier: DecodingKey, curve: Option<&EllipticCurve>) -> Option<Self> {
        let bytes = verifier.try_get_as_bytes().ok()?;
        let (algorithm, ..) = CURVES.iter().find(|(algorithm, its_curve, how)| {
            let may_be = algorithm.family() == verifier.family() && curve.is_none_or(|curve| curve == its_curve);
            may_be && ParsedPublicKey::new(*how, bytes).is_ok()
        })?;
        Some(Self { kid: None, algorithms: vec![*algorithm], verifier })
    }

    /// Its name in a JWK set.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it is for this algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// The claims of a token that was signed with it and is as `validation` has it, which names only the token's algorithm.
    ///
    /// # Errors
    /// [`TokenFault::Algorithm`] or [`TokenFault::Signature`]; or what is wrong with it whatever key verifies it.
    pub(crate) fn verify(&self, token: &Token<'_>, validation: &Validation) -> Result<Map<String, Value>, TokenFault> {
        if !self.fits(token.algorithm()) {
            return Err(TokenFault::Algorithm);
        }
        let decoded = decode(token.text(), &self.verifier, validation);
        decoded.map(|token| token.claims).map_err(|error| match error.kind() {
            ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
            ErrorKind::InvalidSignature => TokenFault::Signature,
            // A token without an audience has none of ours.
            ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => TokenFault::Audience,
            ErrorKind::InvalidIssuer => TokenFault::Issuer,
            ErrorKind::ImmatureSignature => TokenFault::NotYetValid,
            // The latter is an end in the very second 0: its form was looked at.
            ErrorKind::ExpiredSignature | ErrorKind::InvalidToken => TokenFault::Expired,
            _ => TokenFault::Malformed,
        })
    }

    fn bytes(&self) -> (&[u8], &[u8]) {
        match self.verifier.kind() {
            DecodingKeyKind::SecretOrDer(bytes) => (bytes, &[]),
            DecodingKeyKind::RsaModulusExponent { n, e } => (n, e),
        }
    }
}

/// The curves, each with its only algorithm. (`FIXED`: JWTs have the two numbers of ECDSA side by side, not in ASN.1.)
const CURVES: [(Algorithm, EllipticCurve, &dyn VerificationAlgorithm); 3] = [
    (Algorithm::ES256, EllipticCurve::P256, &ECDSA_P256_SHA256_FIXED),
    (Algorithm::ES384, EllipticCurve::P384, &ECDSA_P384_SHA384_FIXED),
    (Algorithm::EdDSA, EllipticCurve::Ed25519, &ED25519),
];

/// A number without the zeros before it that some writers have.
fn number(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, &self.algorithms, self.bytes()) == (&other.kid, &other.algorithms, other.bytes())
    }
}

impl Eq for Key {}

/// Without what may be a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

/// How many keys of a set are taken: nobody publishes more, and each may have to be tried.
const KEYS_MAX: usize = 64;

/// How large the modulus of an RSA key may be.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;
