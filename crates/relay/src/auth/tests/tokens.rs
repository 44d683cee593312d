//! What becomes of which token.

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn authenticator(ours: &Signer, others: &Signer) -> Authenticator {
    Authenticator::new(&AuthConfig {
        issuers: vec![
            issuer("ours", &[Algorithm::ES256], known(&[ours])),
            issuer("others", &[Algorithm::ES256], known(&[others])),
            issuer("secret", &[Algorithm::HS256], KeySource::Secret(Secret(SECRET.into()))),
        ],
        tokens: vec![StaticToken { sha256: sha256(b"sensor"), subject: Some("s1".into()), claims: Claims::default() }],
        ..AuthConfig::default()
    })
}

#[tokio::test]
async fn a_token_is_judged_by_its_issuers_keys_and_by_nothing_else() {
    let (ours, others) = (Signer::p256("k"), Signer::p256("k"));
    let authenticator = authenticator(&ours, &others);
    let changed = |key: &str, value: Value| {
        let mut claims = claims("ours");
        claims[key] = value;
        claims
    };
    let valid = ours.sign("ES256", &claims("ours"));
    let header = |header: Value| ours.sign_with_header(&header, &claims("ours"));
    for (token, expected, reason) in [
        (valid.clone(), "1 of ours", None),
        (header(json!({"alg": "ES256"})), "1 of ours", None),
        (signer::hs256(SECRET, &claims("secret")), "1 of secret", None),
        ("sensor".to_owned(), "s1 of [[auth.token]]", None),
        // Another issuer's key, and the other way round.
        (others.sign("ES256", &claims("ours")), INVALID, Some(("ours", "signature"))),
        (ours.sign("ES256", &claims("others")), INVALID, Some(("others", "signature"))),
        (signer::hs256(ours.pem().as_bytes(), &claims("ours")), INVALID, Some(("ours", "algorithm"))),
        (format!("{}x", &valid[..valid.len() - 1]), INVALID, None),
        (header(json!({"alg": "ES256", "kid": "../../etc/passwd"})), INVALID, Some(("ours", "key"))),
        (header(json!({"alg": "ES256", "kid": "http://evil.example/"})), INVALID, Some(("ours", "key"))),
        (header(json!({"alg": "ES256", "kid": "k", "crit": ["x"]})), INVALID, Some(("", "critical"))),
        (header(json!({"alg": "none"})), INVALID, Some(("", "algorithm"))),
        (ours.sign("ES256", &changed("aud", json!("else"))), INVALID, Some(("ours", "audience"))),
        (ours.sign("ES256", &changed("iss", json!("nobody"))), INVALID, Some(("", "issuer"))),
        (ours.sign("ES256", &changed("nbf", json!(unix_now() + 60))), INVALID, Some(("ours", "not_yet_valid"))),
        (ours.sign("ES256", &changed("iat", json!(unix_now() + 60))), INVALID, Some(("ours", "issued_later"))),
        (ours.sign("ES256", &changed("exp", json!(unix_now() - 31))), EXPIRED, Some(("ours", "expired"))),
        (ours.sign("ES256", &changed("exp", json!(unix_now() - 30))), EXPIRED, Some(("ours", "expired"))),
        (ours.sign("ES256", &changed("exp", json!(0))), EXPIRED, Some(("ours", "expired"))),
        (ours.sign("ES256", &changed("exp", json!(-1))), INVALID, Some(("ours", "malformed"))),
        (ours.sign("ES256", &changed("exp", json!("9999999999"))), INVALID, Some(("ours", "malformed"))),
        (ours.sign("ES256", &changed("nbf", json!(null))), INVALID, Some(("ours", "malformed"))),
        (ours.sign("ES256", &changed("aud", json!(null))), INVALID, Some(("ours", "audience"))),
        (ours.sign("ES256", &changed("aud", json!(["x", "fanfare"]))), "1 of ours", None),
        (ours.sign("ES256", &changed("sub", json!({}))), INVALID, None),
        (header(json!({"alg": "ES256", "kid": 1})), INVALID, Some(("", "malformed"))),
        (format!("{valid}="), INVALID, Some(("ours", "malformed"))),
        (format!("{valid}.x"), INVALID, Some(("ours", "malformed"))),
        // That a forged one has expired is no news.
        (others.sign("ES256", &changed("exp", json!(1))), INVALID, Some(("ours", "signature"))),
        (ours.sign("ES256", &changed("x", json!("x".repeat(8000)))), INVALID, Some(("", "too_long"))),
        ("not.a.token".to_owned(), INVALID, Some(("", "malformed"))),
        ("x".repeat(1_000_000), INVALID, Some(("", "too_long"))),
    ] {
        let before = authenticator.failures();
        assert_eq!(told(at_once(&authenticator, with(&token))), expected, "{token}");
        let after = authenticator.failures();
        let counted = after.iter().find(|(key, count)| before.get(*key).unwrap_or(&0) < *count);
        if let Some((issuer, reason)) = reason {
            assert_eq!(counted, Some((&(issuer.into(), reason), &after[&(issuer.into(), reason)])), "{token}");
        }
    }
    assert_eq!(authenticator.is_down(), None);
}

#[tokio::test]
async fn every_reason_of_every_issuer_is_there_before_the_first_and_every_answer_is_timed() {
    let signer = Signer::p256("k");
    let authenticator = of_issuers(vec![issuer("ours", &[Algorithm::ES256], known(&[&signer]))]);
    let all = authenticator.all_failures();
    assert_eq!(all.len(), 2 * TokenFault::LABELS.len());
    assert!(all.keys().all(|(issuer, _)| matches!(&**issuer, "ours" | "")) && all.values().all(|count| *count == 0));
    found(&authenticator, with(&signer.sign("ES256", &claims("ours")))).await;
    for (token, key) in [("x".to_owned(), ("", "malformed")), (signer.sign("ES256", &claims("else")), ("", "issuer"))] {
        found(&authenticator, with(&token)).await;
        assert_eq!(authenticator.all_failures()[&(key.0.into(), key.1)], 1);
    }
    found(&authenticator, asking(&json!({}))).await;
    assert_eq!(authenticator.took().count(), 3, "but for who gave none");
    assert!(authenticator.key_ages().is_empty(), "they are in the configuration");
}

#[tokio::test]
async fn no_credentials_are_nobody_and_odd_ones_are_refused() {
    let authenticator = authenticator(&Signer::p256("k"), &Signer::p256("k"));
    for (auth, expected) in [
        (json!(null), "nobody"),
        (json!({}), "nobody"),
        (json!({"token": null}), "nobody"),
        (json!({"token": ""}), "nobody"),
        (json!({"other": "x"}), "nobody"),
        (json!({"token": 1}), INVALID),
        (json!({"token": ["sensor"]}), INVALID),
        (json!({"token": "sensor"}), "s1 of [[auth.token]]"),
    ] {
        assert_eq!(told(at_once(&authenticator, asking(&auth))), expected, "{auth}");
    }
}

#[tokio::test]
async fn a_renewal_is_by_what_is_given_then_and_not_by_what_the_connection_came_with() {
    let cookie = HeaderMap::from_iter([(http::header::COOKIE, "sid=sensor".parse().unwrap())]);
    let token_from = ["cookie:sid", "auth.token"].map(|source| TokenSource::parse(source).unwrap()).to_vec();
    let tokens = ["sensor", "other"].map(|name| StaticToken {
        sha256: sha256(name.as_bytes()),
        subject: Some(name.into()),
        claims: Claims::default(),
    });
    let authenticator =
        Authenticator::new(&AuthConfig { token_from, tokens: tokens.to_vec(), ..AuthConfig::default() });
    for (auth, reason, expected) in [
        (json!({"token": "other"}), Reason::Connect, "sensor of [[auth.token]]"),
        (json!({"token": "other"}), Reason::Refresh, "other of [[auth.token]]"),
        (json!({}), Reason::Refresh, "nobody"),
    ] {
        let asking = Asking { handshake: handshake("/", cookie.clone()), reason, ..asking(&auth) };
        assert_eq!(told(at_once(&authenticator, asking)), expected, "{auth} {reason:?}");
    }
}

#[tokio::test]
async fn an_identity_has_its_claims_and_its_end() {
    let ours = Signer::p256("k");
    let Finding::Identity(identity) =
        at_once(&authenticator(&ours, &Signer::p256("k")), with(&ours.sign("ES256", &claims("ours"))))
    else {
        panic!("it is refused")
    };
    let known: Value = serde_json::from_str(identity.claims.as_str()).unwrap();
    assert_eq!(known["account"], "7");
    let left = identity.expires_at.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((58..=60).contains(&left.as_secs()), "{left:?}");
    let mut endless = claims("ours");
    endless.as_object_mut().unwrap().remove("exp");
    let finding = at_once(&authenticator(&ours, &Signer::p256("k")), with(&ours.sign("ES256", &endless)));
    assert!(matches!(finding, Finding::Identity(Identity { expires_at: None, .. })), "{finding:?}");
}

#[tokio::test]
async fn with_nobody_configured_nobody_is_known_and_nothing_is_down() {
    let authenticator = Authenticator::new(&AuthConfig::default());
    assert_eq!(at_once(&authenticator, asking(&json!({}))), Finding::Nobody);
    assert_eq!(told(at_once(&authenticator, with("x"))), INVALID);
    assert_eq!(authenticator.is_down(), None);
}
