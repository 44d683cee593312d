//! Keys that are fetched.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn set(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

fn by_url(url: Uri) -> Authenticator {
    of_issuers(vec![issuer("ours", &[Algorithm::ES256], KeySource::Url(url))])
}

#[tokio::test]
async fn who_comes_before_the_keys_waits_for_them_and_the_next_does_not() {
    let signer = Signer::p256("k");
    let keys = set(&[&signer]);
    let server = Server::start(move |_, _| Reply::ok(&keys)).await;
    let authenticator = by_url(server.url("/keys"));
    let token = signer.sign("ES256", &claims("ours"));
    assert!(matches!(authenticator.ask(with(&token)), Answer::Later(_)));
    assert_eq!(told(found(&authenticator, with(&token)).await), "1 of ours");
    assert_eq!(told(at_once(&authenticator, with(&token))), "1 of ours");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(authenticator.took().count(), 2, "that of nobody who went meanwhile");
    assert!(authenticator.key_ages()["ours"] < Duration::from_secs(60));
}

#[tokio::test]
async fn a_set_that_fails_at_first_is_fetched_again() {
    let signer = Signer::p256("k");
    let keys = set(&[&signer]);
    let server = Server::start(move |number, _| match number {
        1 => Reply::status(503),
        2 => Reply::ok("<html>"),
        _ => Reply::ok(&keys),
    })
    .await;
    let authenticator = by_url(server.url("/keys"));
    assert_eq!(told(found(&authenticator, with(&signer.sign("ES256", &claims("ours")))).await), "1 of ours");
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_host_only() {
    let signer = Signer::p256("k");
    let keys = set(&[&signer]);
    let elsewhere = {
        let keys = keys.clone();
        Server::start(move |_, _| Reply::ok(&keys)).await
    };
    let away = elsewhere.url("/keys").to_string();
    let server = Server::start(move |_, request| match request.uri().path() {
        "/once" => Reply::redirect("/keys"),
        "/away" => Reply::redirect(&away),
        "/scheme" => Reply::redirect("//evil.example/keys"),
        "/keys" => Reply::ok(&keys),
        _ => Reply::redirect("/ever"),
    })
    .await;
    let client = HttpClient::new([].into_iter());
    let get =
        async |path: &str| client.get(&server.url(path), JWKS_BOUNDS).await.map_err(|failure| failure.to_string());
    assert!(get("/once").await.is_ok());
    for path in ["/away", "/scheme", "/ever"] {
        assert_eq!(get(path).await.unwrap_err(), "redirected to another host, or too often", "{path}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_time() {
    let server = Server::start(|_, request| match request.uri().path() {
        "/long" => Reply::ok("x".repeat(257 * 1024)),
        "/endless" => Reply::Endless,
        "/absent" => Reply::status(404),
        _ => Reply::Silence,
    })
    .await;
    let client = HttpClient::new([].into_iter());
    let soon = Bounds { time: Duration::from_millis(50), ..JWKS_BOUNDS };
    for (path, bounds, expected) in [
        ("/long", JWKS_BOUNDS, "the answer is too long"),
        ("/endless", JWKS_BOUNDS, "the answer is too long"),
        ("/absent", JWKS_BOUNDS, "status 404"),
        ("/silent", soon, "no answer in time"),
    ] {
        let failure = client.get(&server.url(path), bounds).await.unwrap_err();
        assert_eq!(failure.to_string(), expected, "{path}");
    }
}

/// Nothing that is heard here comes from a socket, so time may pass as fast as it can.
#[tokio::test(start_paused = true)]
async fn while_keys_cannot_be_fetched_everybody_is_held_and_then_let_go() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let authenticator = by_url(server.url("/keys"));
    let token = Signer::p256("k").sign("ES256", &claims("ours"));
    assert_eq!(authenticator.is_down(), None);
    let begun = tokio::time::Instant::now();
    assert_eq!(told(found(&authenticator, with(&token)).await), "unavailable");
    let held = begun.elapsed().as_millis();
    assert!((4_999..10_100).contains(&held), "{held}");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(authenticator.is_down(), Some(Duration::from_secs(5)));
    assert!(authenticator.failures().is_empty(), "that is nobody's fault");
}

/// The clock of the cache is its own (`jwks::Jwks`); here it is what a client with a new key meets.
#[tokio::test]
async fn a_key_that_is_new_is_found_by_one_more_fetch() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let (before, after) = (set(&[&old]), set(&[&old, &new]));
    let is_rotated = Arc::new(AtomicBool::new(false));
    let rotated = Arc::clone(&is_rotated);
    let jwks = Jwks::start("test".to_owned(), move || {
        let keys = if rotated.load(Ordering::Relaxed) { &after } else { &before };
        let keys = Key::all_of_jwks(keys.to_string().as_bytes()).map_err(str::to_owned);
        async { keys }
    });
    tokio::time::pause();
    let rules = issuer("ours", &[Algorithm::ES256], KeySource::Known([].into())).rules;
    let issuer = Issuer::new(rules, Keys::Fetched(Arc::new(jwks)));
    let soon = || tokio::time::Instant::now() + Duration::from_secs(5);
    let text = new.sign("ES256", &claims("ours"));
    let token = Token::parse(&text).unwrap();
    assert!(issuer.judge(&token).is_none(), "there are no keys yet");
    assert_eq!(issuer.judge_until(&token, soon()).await.unwrap().unwrap_err(), TokenFault::Key);
    is_rotated.store(true, Ordering::Relaxed);
    // Too soon after that: nobody can say, and that is not final.
    assert!(issuer.judge_until(&token, soon()).await.is_none());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(issuer.judge_until(&token, tokio::time::Instant::now() + Duration::from_secs(10)).await.unwrap().is_ok());
    assert!(issuer.judge(&token).unwrap().is_ok());
    // A token without a name of its key, too.
    let text = new.sign_with_header(&json!({"alg": "ES256"}), &claims("ours"));
    assert!(issuer.judge(&Token::parse(&text).unwrap()).unwrap().is_ok());
}
