//! Keys made for a test, and tokens signed with them.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key pair with its name in a set.
pub(super) struct Signer {
    pub(super) kid: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn rsa(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(super) fn p256(kid: &'static str) -> Self {
        Self { kid, pair: Pair::P256(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub(super) fn p384(kid: &'static str) -> Self {
        Self { kid, pair: Pair::P384(EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()) }
    }

    pub(super) fn ed25519(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    /// A token, whose header names the key.
    pub(super) fn sign(&self, algorithm: &str, claims: &Value) -> String {
        self.sign_with_header(&json!({"alg": algorithm, "kid": self.kid}), claims)
    }

    pub(super) fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let rsa = |pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding, signed: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), signed, &mut signature).unwrap();
            signature
        };
        token(header, claims, |signed| match (&self.pair, header["alg"].as_str().unwrap()) {
            (Pair::Rsa(pair), "RS384") => rsa(pair, &signature::RSA_PKCS1_SHA384, signed),
            (Pair::Rsa(pair), "RS512") => rsa(pair, &signature::RSA_PKCS1_SHA512, signed),
            (Pair::Rsa(pair), "PS256") => rsa(pair, &signature::RSA_PSS_SHA256, signed),
            (Pair::Rsa(pair), "PS384") => rsa(pair, &signature::RSA_PSS_SHA384, signed),
            (Pair::Rsa(pair), "PS512") => rsa(pair, &signature::RSA_PSS_SHA512, signed),
            (Pair::Rsa(pair), _) => rsa(pair, &signature::RSA_PKCS1_SHA256, signed),
            (Pair::P256(pair) | Pair::P384(pair), _) => {
                pair.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec()
            }
            (Pair::Ed25519(pair), _) => pair.sign(signed).as_ref().to_vec(),
        })
    }

    /// The public key as a JWK.
    pub(super) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let ec = |pair: &EcdsaKeyPair, curve: &str| {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
        };
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref());
                json!({"kty": "RSA", "n": text(&n), "e": text(&e)})
            }
            Pair::P256(pair) => ec(pair, "P-256"),
            Pair::P384(pair) => ec(pair, "P-384"),
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
        };
        jwk["kid"] = json!(self.kid);
        jwk
    }

    /// The public key in PEM.
    pub(super) fn pem(&self) -> String {
        use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ed25519(pair) => pair.public_key().as_der().unwrap(),
        };
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }
}

/// A token signed with a secret.
pub(super) fn hs256(secret: &[u8], claims: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    token(&json!({"alg": "HS256"}), claims, |signed| hmac::sign(&key, signed).as_ref().to_vec())
}

fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())))
}

/// The two numbers of an `RSAPublicKey` of 2048 bits in DER: SEQUENCE, INTEGER of 257 bytes, INTEGER.
fn rsa_numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let modulus = &der[9..9 + 256];
    let exponent = &der[9 + 256 + 2..];
    (modulus.to_vec(), exponent.to_vec())
}
