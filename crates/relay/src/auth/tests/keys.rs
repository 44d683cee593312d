//! Which key verifies what.

use jsonwebtoken::Validation;

use super::*;

fn judged(key: &Key, token: &str) -> Result<(), TokenFault> {
    let token = Token::parse(token)?;
    let mut validation = Validation::new(token.algorithm());
    validation.required_spec_claims.clear();
    key.verify(&token, &validation).map(drop)
}

#[test]
fn every_algorithm_is_verified_by_its_own_keys_and_by_no_other() {
    let signers = [Signer::rsa("r"), Signer::p256("2"), Signer::p384("3"), Signer::ed25519("e")];
    let algorithms: [&[&str]; 4] =
        [&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], &["ES256"], &["ES384"], &["EdDSA"]];
    for (index, signer) in signers.iter().enumerate() {
        let set = json!({ "keys": [signer.jwk()] }).to_string();
        let keys =
            [Key::all_of_jwks(set.as_bytes()).unwrap(), Key::all_of_pem(signer.pem().as_bytes()).unwrap()].concat();
        assert_eq!((keys[0].kid(), keys[1].kid()), (Some(signer.kid), None));
        for (other, names) in algorithms.iter().enumerate() {
            for name in *names {
                let token = signers[other].sign(name, &json!({}));
                for key in &keys {
                    let expected = if index == other { Ok(()) } else { Err(TokenFault::Algorithm) };
                    assert_eq!(judged(key, &token), expected, "{name} by key {}", signer.kid);
                }
                // A character that is another, and a signature that is another's.
                if index == other {
                    let changed = token.replacen("eyJ", "eyI", 1);
                    assert!(judged(&keys[0], &changed).is_err());
                    let another = signer.sign(name, &json!({"a": 1}));
                    let (signed, signature) = (token.rsplit_once('.').unwrap().0, another.rsplit_once('.').unwrap().1);
                    assert_eq!(judged(&keys[0], &format!("{signed}.{signature}")), Err(TokenFault::Signature));
                }
            }
        }
        let (public, token) = (signer.pem(), json!({}));
        for secret in [public.as_bytes(), signer.jwk().to_string().as_bytes()] {
            for key in &keys {
                assert_eq!(judged(key, &signer::hs256(secret, &token)), Err(TokenFault::Algorithm));
            }
        }
    }
}

#[test]
fn a_secret_verifies() {
    let key = Key::secret(&Secret(b"secret".as_slice().into()));
    assert_eq!(judged(&key, &signer::hs256(b"secret", &json!({}))), Ok(()));
    assert_eq!(judged(&key, &signer::hs256(b"other", &json!({}))), Err(TokenFault::Signature));
    assert_eq!(judged(&key, &Signer::p256("2").sign("ES256", &json!({}))), Err(TokenFault::Algorithm));
    assert!(!format!("{key:?}").contains("115"), "no secret is shown");
}

#[test]
fn of_a_set_only_keys_for_signatures_of_known_kinds_are_taken() {
    let signer = Signer::p256("2");
    let (jwk, rsa) = (signer.jwk(), Signer::rsa("r").jwk());
    let changed = |jwk: &Value, key: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[key] = value;
        jwk
    };
    let taken = |jwk: Value| Key::all_of_jwks(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap().len();
    for (jwk, count) in [
        (jwk.clone(), 1),
        (changed(&jwk, "use", json!("sig")), 1),
        (changed(&jwk, "key_ops", json!(["verify"])), 1),
        (changed(&jwk, "alg", json!("ES256")), 1),
        (changed(&jwk, "use", json!("enc")), 0),
        (changed(&jwk, "key_ops", json!(["sign"])), 0),
        (changed(&jwk, "alg", json!("HS256")), 0),
        (changed(&jwk, "alg", json!("ES384")), 0),
        (changed(&jwk, "alg", json!(1)), 0),
        (changed(&jwk, "crv", json!("P-521")), 0),
        (changed(&jwk, "x", json!("AAAA")), 0),
        // No point of the curve.
        (changed(&jwk, "x", jwk["y"].clone()), 0),
        (changed(&jwk, "kty", json!("oct")), 0),
        (json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}), 0),
        (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), 0),
        (changed(&rsa, "n", json!(format!("AAAA{}", rsa["n"].as_str().unwrap()))), 1),
        (json!({"kty": "new", "kid": [1]}), 0),
        (json!({}), 0),
        (json!("x"), 0),
    ] {
        assert_eq!(taken(jwk.clone()), count, "{jwk}");
    }
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert!(Key::all_of_jwks(text.as_bytes()).is_err(), "{text}");
    }
    let many = json!({ "keys": vec![jwk; 100] });
    assert_eq!(Key::all_of_jwks(many.to_string().as_bytes()).unwrap().len(), 64);
}

#[test]
fn a_pem_file_has_strong_public_keys_and_nothing_that_is_broken() {
    let (one, two) = (Signer::p256("1").pem(), Signer::ed25519("2").pem());
    assert_eq!(Key::all_of_pem(format!("comment\n{one}{two}").as_bytes()).unwrap().len(), 2);
    // Of 1024 bits: `openssl genrsa 1024 | openssl rsa -pubout`.
    let weak = concat!(
        "-----BEGIN PUBLIC KEY-----\n",
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCywDpi7ah6SLPjmS/1vpBnP88z\n",
        "MFkrrhaJBdpqaR/kdbKR+mWd1dN296na+HiBIn1409uSG1jm3OWl2di0Q8uuykah\n",
        "dfUYLnCu5Q9IfdxAPmky2qHZBD/BS2CzMZi/3+hP7vHNR8qCHOT1OyT731XVh9jm\n",
        "q2UeIAW7C2qBviN23wIDAQAB\n",
        "-----END PUBLIC KEY-----\n",
    );
    for text in ["", "x", &one.replace("PUBLIC", "PRIVATE"), &one.replace("MFk", "MFkA"), weak] {
        assert!(Key::all_of_pem(text.as_bytes()).is_err(), "{text}");
    }
}
