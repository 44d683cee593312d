//! One authenticator in the place of another.

use super::*;

fn config(issuers: Vec<IssuerConfig>, tokens: &[&str], webhook: Option<WebhookConfig>) -> AuthConfig {
    let token = |text: &&str| StaticToken {
        sha256: sha256(text.as_bytes()),
        subject: Some("s".into()),
        claims: Claims::default(),
    };
    AuthConfig { issuers, tokens: tokens.iter().map(token).collect(), webhook, ..AuthConfig::default() }
}

fn voucher(finding: Finding) -> Voucher {
    match finding {
        Finding::Identity(identity) => identity.voucher,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_is_gone_vouches_no_more_and_who_stays_does() {
    let signer = Signer::p256("k");
    let two = || ["one", "two"].map(|name| issuer(name, &[Algorithm::ES256], known(&[&signer])));
    let old = Authenticator::new(&config(two().into(), &["t1", "t2"], None));
    let of = |token: String| voucher(at_once(&old, with(&token)));
    let [one, two_] = ["one", "two"].map(|name| of(signer.sign("ES256", &claims(name))));
    let [t1, t2] = ["t1", "t2"].map(|token| of(token.to_owned()));
    assert_eq!(t1.issuer, t2.issuer);
    let [_, kept] = two();
    let new = old.succeed(&config(vec![kept], &["t2"], None));
    let vouches = [&one, &two_, &t1, &t2].map(|voucher| new.still_vouches(voucher));
    assert_eq!(vouches, [false, true, false, true]);
    let hook = Voucher { issuer: WEBHOOK.into(), static_token: None };
    assert!(!new.still_vouches(&hook));
    let again =
        new.succeed(&config(two().into(), &[], Some(WebhookConfig::new("http://127.0.0.1:1/".parse().unwrap()))));
    let vouches = [&one, &two_, &t1, &t2, &hook].map(|voucher| again.still_vouches(voucher));
    assert_eq!(vouches, [true, true, false, false, true]);
}

#[tokio::test]
async fn keys_that_were_fetched_are_not_fetched_again_and_failures_are_counted_on() {
    let signer = Signer::p256("k");
    let set = json!({ "keys": [signer.jwk()] }).to_string();
    let server = Server::start(move |_, _| Reply::ok(&set)).await;
    let by_url = |name| issuer(name, &[Algorithm::ES256], KeySource::Url(server.url("/keys")));
    let old = Authenticator::new(&config(vec![by_url("one")], &[], None));
    assert_eq!(told(found(&old, with(&signer.sign("ES256", &claims("one")))).await), "1 of one");
    assert!(matches!(at_once(&old, with("nonsense")), Finding::Refused { .. }));
    let new = old.succeed(&config(vec![by_url("one"), by_url("two")], &[], None));
    for name in ["one", "two"] {
        assert_eq!(told(at_once(&new, with(&signer.sign("ES256", &claims(name))))), format!("1 of {name}"));
    }
    assert!(matches!(at_once(&new, with("nonsense")), Finding::Refused { .. }));
    assert_eq!((server.requests().len(), new.failures().values().sum::<u64>()), (1, 2));
    // The old one still answers what it was asked.
    assert_eq!(told(at_once(&old, with(&signer.sign("ES256", &claims("one"))))), "1 of one");
}

#[tokio::test]
async fn a_webhook_is_kept_with_what_it_has_answered_while_it_is_the_same() {
    let server = Server::start(|_, request| {
        let question: Value = serde_json::from_slice(request.body()).unwrap();
        Reply::ok(json!({"id": question["id"], "allow": true, "subject": "s"}))
    })
    .await;
    let hook = |cache| WebhookConfig { cache: Duration::from_secs(cache), ..WebhookConfig::new(server.url("/auth")) };
    let old = Authenticator::new(&config(vec![], &[], Some(hook(60))));
    assert_eq!(told(found(&old, with("x")).await), "s of [auth.webhook]");
    let same = old.succeed(&config(vec![], &["t"], Some(hook(60))));
    assert_eq!(told(at_once(&same, with("x"))), "s of [auth.webhook]", "it knows already");
    let other = same.succeed(&config(vec![], &["t"], Some(hook(61))));
    assert_eq!(told(found(&other, with("x")).await), "s of [auth.webhook]");
    assert_eq!(server.requests().len(), 2);
}
