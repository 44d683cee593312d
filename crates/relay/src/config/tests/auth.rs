//! Who may come in, as a file says it.

use http::header::{AUTHORIZATION, COOKIE};
use jsonwebtoken::Algorithm;
use socketio::engineio::HeadersKept;

use super::*;
use crate::auth::config::KeySource;
use crate::auth::secret::Secret;
use crate::auth::token_source::TokenSource;

/// The first 32 bytes of somebody's secret.
const SECRET: (&str, &str) = ("FANFARE_TEST_SECRET", "0123456789abcdef0123456789abcdef");

#[test]
fn issuers_tokens_and_the_webhook_are_read() {
    let file = Scratch::new(
        "[auth]\nrequired = ['/']\ntoken_from = ['header:authorization', 'cookie:sid']\n\
         [[auth.issuer]]\niss = 'one'\nsecret_env = 'FANFARE_TEST_SECRET'\nalgorithms = ['HS256']\naudience = ['a', 'b']\n\
         [[auth.issuer]]\niss = 'two'\njwks_url = 'http://127.0.0.1:1/jwks'\nalgorithms = ['ES256', 'RS256']\n\
         audience = ['*']\nleeway_s = 0\n\
         [[auth.token]]\nsha256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'\n\
         claims = { sub = 'sensor-1', n = 0x10, list = [true, 1.5], at = 2026-01-31 }\n\
         [auth.webhook]\nurl = 'http://app:8080/auth'\nsecret_env = 'FANFARE_TEST_SECRET'\nheaders = ['Cookie', 'x-a']",
    );
    let Loaded { config, warnings, .. } = load(Some(&file.path), os(&[SECRET]), &[]).unwrap();
    assert!(warnings[0].message.contains("sends to everybody") && warnings.len() == 1, "{warnings:?}");
    let AuthConfig { token_from, issuers, tokens, webhook, .. } = &config.auth;
    assert_eq!(token_from, &[TokenSource::Header(AUTHORIZATION), TokenSource::Cookie("sid".into())]);
    let secret = Secret(SECRET.1.as_bytes().into());
    let one = &issuers[0];
    assert_eq!(one.keys, KeySource::Secret(secret.clone()));
    assert_eq!(one.rules.algorithms, [Algorithm::HS256]);
    assert_eq!(one.rules.audience, Some(vec!["a".into(), "b".into()]));
    assert_eq!(one.rules.leeway, Duration::from_secs(30));
    let two = &issuers[1];
    assert_eq!(two.keys, KeySource::Url("http://127.0.0.1:1/jwks".parse().unwrap()));
    assert_eq!((&two.rules.audience, two.rules.leeway), (&None, Duration::ZERO));
    assert_eq!(tokens[0].claims.as_str(), r#"{"at":"2026-01-31","list":[true,1.5],"n":16,"sub":"sensor-1"}"#);
    assert_eq!((tokens[0].subject.as_deref(), tokens[0].sha256[0]), (Some("sensor-1"), 0x2b));
    let webhook = webhook.as_ref().unwrap();
    assert_eq!((&webhook.secret, webhook.timeout), (&Some(secret), Duration::from_secs(2)));
    // What is read when a client connects is kept until then.
    let engine = &config.server.engine;
    assert!(engine.is_uri_kept);
    let kept = [AUTHORIZATION, COOKIE, "x-a".parse().unwrap()];
    assert_eq!(engine.headers_kept, HeadersKept::Only(kept.into()));
}

#[test]
fn a_variable_that_is_named_is_no_misspelt_setting() {
    let file = Scratch::new("auth.webhook = { url = 'http://a/', secret_env = 'FANFARE_AUTH_WEBHOOK_SECRET' }");
    let load = |variable: &str| load(Some(&file.path), os(&[(variable, "x")]), &[]);
    assert!(load("FANFARE_AUTH_WEBHOOK_SECRET").is_ok());
    assert!(load("FANFARE_AUTH_WEBHOOK_SECRETS").is_err());
}

#[test]
fn a_secret_that_can_be_guessed_is_a_warning() {
    let file = Scratch::new(
        "[[auth.issuer]]\niss = 'one'\nsecret_env = 'FANFARE_TEST_SECRET'\nalgorithms = ['HS256', 'HS512']\naudience = ['*']",
    );
    let warnings = load(Some(&file.path), os(&[SECRET]), &[]).unwrap().warnings;
    let prefix = format!("{}:", file.path.display());
    assert_eq!(
        warnings[0].to_string().replace(&prefix, ""),
        "3:1: auth.issuer.secret_env: is a secret of 32 bytes: with less than 64 it can be guessed"
    );
}

#[test]
fn keys_and_secrets_are_read_from_files_beside_the_configuration() {
    let secret = Scratch::new("0123456789abcdef0123456789abcdef\r\n");
    let keys = Scratch::new(concat!(
        "-----BEGIN PUBLIC KEY-----\n",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n",
        "q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n",
        "-----END PUBLIC KEY-----\n"
    ));
    let issuer = |name: &str, file: &Scratch, algorithm: &str| {
        let file = file.path.file_name().unwrap().to_str().unwrap().to_owned();
        format!("[[auth.issuer]]\niss = '{name}'\n{name} = '{file}'\nalgorithms = ['{algorithm}']\naudience = ['*']\n")
    };
    let load = |secret_for: &str, keys_for: &str| {
        from_file(&(issuer("secret_file", &secret, secret_for) + &issuer("public_key_file", &keys, keys_for)))
    };
    let issuers = load("HS256", "ES256").unwrap().config.auth.issuers;
    assert_eq!(issuers[0].keys, KeySource::Secret(Secret(SECRET.1.as_bytes().into())));
    let KeySource::Known(keys) = &issuers[1].keys else { panic!("{:?}", issuers[1].keys) };
    assert!(keys[0].fits(Algorithm::ES256) && !keys[0].fits(Algorithm::ES384) && !keys[0].fits(Algorithm::HS256));
    // A public key is nobody's secret, and a secret no public key.
    for (secret_for, keys_for, found) in
        [("HS256", "HS256", "HS256"), ("ES256", "ES256", "ES256"), ("HS256", "RS256", "RS256")]
    {
        let problem = load(secret_for, keys_for).unwrap_err()[0].to_string();
        assert!(problem.ends_with(&format!(", found \"{found}\"")), "{problem}");
    }
}
