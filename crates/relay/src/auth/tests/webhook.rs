//! The application is asked.

use bytes::Bytes;
use http::HeaderValue;

use super::*;

fn id(request: &Request<Bytes>) -> Value {
    question(request)["id"].clone()
}

fn question(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

fn asks(server: &Server, change: impl FnOnce(&mut WebhookConfig)) -> Authenticator {
    let mut webhook = WebhookConfig::new(server.url("/socket-auth"));
    change(&mut webhook);
    Authenticator::new(&AuthConfig { webhook: Some(webhook), ..AuthConfig::default() })
}

#[tokio::test]
async fn the_application_is_told_who_asks_and_its_word_counts() {
    let server = Server::start(|_, request| {
        Reply::ok(json!({
            "id": id(request), "allow": true, "subject": "u1", "claims": {"account": "7"}, "rooms": ["lobby"],
            "expires_at": 4_000_000_000u64, "else": 1
        }))
    })
    .await;
    let authenticator = asks(&server, |webhook| {
        webhook.secret = Some(Secret(b"secret".as_slice().into()));
        webhook.headers = vec!["cookie".parse().unwrap(), "x-absent".parse().unwrap()];
    });
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_static("sid=1"));
    headers.insert("authorization", HeaderValue::from_static("secret"));
    let handshake = handshake("/socket.io/?EIO=4&transport=websocket&room=a%20b", headers);
    let asking = Asking { handshake, reason: Reason::Refresh, ..with("opaque") };
    let Finding::Identity(identity) = found(&authenticator, asking).await else { panic!("it is refused") };
    assert_eq!((&*identity.voucher.issuer, identity.subject.as_deref()), ("[auth.webhook]", Some("u1")));
    assert_eq!(identity.claims.as_str(), r#"{"account":"7","sub":"u1"}"#);
    assert_eq!(identity.rooms.iter().map(Room::as_str).collect::<Vec<_>>(), ["lobby"]);
    assert_eq!(identity.expires_at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)));

    let request = server.requests().remove(0);
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/socket-auth"));
    let mut told = question(&request);
    assert_eq!(told["id"].as_str().unwrap().len(), 32);
    told["id"] = json!("");
    let expected = json!({
        "id": "", "reason": "refresh", "namespace": "/", "transport": "websocket", "address": "192.0.2.1",
        "auth": {"token": "opaque"}, "headers": {"cookie": "sid=1"}, "query": {"room": "a b"}
    });
    assert_eq!(told, expected);
    // As the application checks it.
    let signature = request.headers()["fanfare-signature"].to_str().unwrap();
    let (time, mac) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"secret");
    let signed = [format!("{time}.").as_bytes(), request.body()].concat();
    let expected = aws_lc_rs::hmac::sign(&key, &signed);
    assert_eq!(mac, expected.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert!(unix_now() - time.parse::<u64>().unwrap() < 60);
}

#[tokio::test]
async fn what_it_refuses_is_refused_in_its_words() {
    let server = Server::start(|_, request| {
        let id = id(request);
        Reply::ok(match question(request)["auth"]["token"].as_str() {
            Some("banned") => json!({"id": id, "allow": false, "message": "banned", "data": {"until": [1, 2]}}),
            Some("late") => json!({"id": id, "allow": true, "expires_at": 1}),
            _ => json!({"id": id, "allow": false, "claims": null}),
        })
    })
    .await;
    let authenticator = asks(&server, |_| {});
    assert_eq!(told(found(&authenticator, with("banned")).await), r#"banned {"until":[1,2]}"#);
    assert_eq!(told(found(&authenticator, with("else")).await), "unauthorized");
    assert_eq!(told(found(&authenticator, with("late")).await), EXPIRED);
    // Who has nothing is asked about as well: it may have a cookie.
    assert_eq!(told(found(&authenticator, asking(&json!(null))).await), "unauthorized");
}

#[tokio::test]
async fn tokens_that_we_know_are_no_question() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let signer = Signer::p256("k");
    let authenticator = Authenticator::new(&AuthConfig {
        issuers: vec![issuer("ours", &[Algorithm::ES256], known(&[&signer]))],
        tokens: vec![StaticToken { sha256: sha256(b"sensor"), subject: None, claims: Claims::default() }],
        webhook: Some(WebhookConfig::new(server.url("/"))),
        ..AuthConfig::default()
    });
    assert_eq!(told(at_once(&authenticator, with(&signer.sign("ES256", &claims("ours"))))), "1 of ours");
    assert_eq!(told(at_once(&authenticator, with("sensor"))), " of [[auth.token]]");
    // A wrong one of an issuer that we know is wrong, whatever the application would say.
    let forged = Signer::p256("k").sign("ES256", &claims("ours"));
    assert_eq!(told(at_once(&authenticator, with(&forged))), INVALID);
    assert!(matches!(authenticator.ask(with("opaque")), Answer::Later(_)));
}

#[tokio::test]
async fn what_is_no_answer_is_asked_again_and_never_lets_anybody_in() {
    async fn asked(token: &'static str) {
        let server = Server::start(|number, request| {
            let id = id(request);
            match question(request)["auth"]["token"].as_str().unwrap() {
                _ if number > 1 => Reply::ok(json!({"id": id, "allow": true})),
                "id" => Reply::ok(json!({"id": "another", "allow": true})),
                "none" => Reply::ok(json!({"allow": true})),
                "allow" => Reply::ok(json!({"id": id, "allow": "yes"})),
                "garbage" => Reply::ok("<html>"),
                "long" => Reply::ok(json!({"id": id, "allow": true, "x": "x".repeat(65 * 1024)})),
                "room" => Reply::ok(json!({"id": id, "allow": true, "rooms": [""]})),
                "claims" => Reply::ok(json!({"id": id, "allow": true, "claims": {"x": "x".repeat(9000)}})),
                "500" => Reply::status(500),
                "404" => Reply::status(404),
                "204" => Reply::status(204),
                "302" => Reply::redirect("/else"),
                _ => Reply::Silence,
            }
        })
        .await;
        let authenticator = asks(&server, |webhook| webhook.timeout = Duration::from_millis(500));
        assert_eq!(told(found(&authenticator, with(token)).await), " of [auth.webhook]", "{token}");
        assert_eq!(server.requests().len(), 2, "{token}");
        assert_eq!(authenticator.is_down(), None, "one failure in a row is none");
    }
    let tokens = ["id", "none", "allow", "garbage", "long", "room", "claims", "500", "404", "204", "302", "silence"];
    for one in tokens.map(|token| tokio::spawn(asked(token))) {
        one.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn while_nobody_answers_everybody_is_held_and_after_five_failures_nobody_is_asked() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let authenticator = asks(&server, |_| {});
    let begun = tokio::time::Instant::now();
    let all: Vec<_> = (0..200)
        .map(|_| {
            tokio::spawn({
                let authenticator = authenticator.clone();
                async move { (found(&authenticator, with("x")).await, tokio::time::Instant::now()) }
            })
        })
        .collect();
    let mut ends = Vec::new();
    for one in all {
        let (finding, end) = one.await.unwrap();
        assert_eq!(finding, Finding::Unavailable);
        ends.push((end - begun).as_millis());
    }
    assert!(ends.iter().all(|end| (4_999..10_100).contains(end)), "{ends:?}");
    let (first, last) = (ends.iter().min().unwrap(), ends.iter().max().unwrap());
    assert!(last - first > 2_000, "they do not come back together");
    // 64 at once, once; afterwards one at a time.
    assert!(server.requests().len() <= 64 + 5, "{}", server.requests().len());
    assert!(authenticator.is_down().is_some());
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(authenticator.is_down(), None, "somebody may try");
}

#[tokio::test]
async fn an_answer_holds_for_the_same_question_if_it_may() {
    let server = Server::start(|_, request| Reply::ok(json!({"id": id(request), "allow": true}))).await;
    let authenticator = asks(&server, |webhook| webhook.cache = Duration::from_secs(60));
    for _ in 0..3 {
        found(&authenticator, with("x")).await;
    }
    at_once(&authenticator, with("x"));
    assert_eq!(server.requests().len(), 1);
    found(&authenticator, with("y")).await;
    found(&authenticator, Asking { reason: Reason::Refresh, ..with("x") }).await;
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn no_more_are_under_way_than_are_allowed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        Server::start(move |_, request| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let reply = Reply::ok(json!({"id": id(request), "allow": true}));
            now.fetch_sub(1, Ordering::SeqCst);
            reply
        })
        .await
    };
    let authenticator = asks(&server, |webhook| webhook.concurrency = 2);
    let all: Vec<_> = (0..100)
        .map(|number| {
            let authenticator = authenticator.clone();
            tokio::spawn(async move { told(found(&authenticator, with(&number.to_string())).await) })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), " of [auth.webhook]");
    }
    assert!(most.load(Ordering::SeqCst) <= 2);
    // And their connections are kept.
    assert_eq!(server.requests().len(), 100);
}
