//! What a black box cannot be brought to.

use std::time::{Instant, SystemTime};

use axum::Router;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use socketio::ServerConfig;

use super::*;
use crate::auth::config::{AuthConfig, Renewal};
use crate::auth::{Authenticator, sha256};
use crate::config::Limits;
use crate::drain::DrainConfig;
use crate::gate::Gate;
use crate::readiness::Readiness;
use crate::relay::{Common, Entrance, Generation};

fn live(config: &Config) -> Arc<Live> {
    let common = Common {
        authenticator: Authenticator::new(&AuthConfig::default()),
        renewal: Renewal::default(),
        auth_bytes_max: 1000,
        errors_event: None,
        counts: Arc::default(),
        kept_since: SystemTime::UNIX_EPOCH,
    };
    let gate = Gate::new(&Limits::default(), &ServerConfig::default().engine, Instant::now());
    Live::new(Generation::first(&config.policy, common, gate))
}

/// A server with the namespace `/`, and its API.
fn world() -> (Server, Router) {
    let mut config = crate::config::load(None, [], &[]).unwrap().config;
    config.api.keys.push(KeyConfig {
        name: "all".into(),
        sha256: sha256(b"all"),
        may: Deed::WORDS.map(|(_, deed)| deed).into(),
        namespaces: None,
        events: None,
        rooms: None,
    });
    let live = live(&config);
    let entrance = Entrance { live: Arc::clone(&live), development: crate::admin::development() };
    let server = Server::builder(ServerConfig::default()).namespace("/", entrance).unwrap().build();
    let drain = Drain::new(server.clone(), Arc::<Readiness>::default(), DrainConfig::default());
    let api = Api::new(server.clone(), live, drain, TermsNow::new(&config), Arc::default(), None);
    (server, router(api))
}

async fn emit(router: &Router, body: &str) -> (u16, Option<String>, String) {
    let request = Request::post("/api/emit").header(header::AUTHORIZATION, "Bearer all");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response: Response<Body> = router.clone().call(request).await.unwrap();
    let status = response.status().as_u16();
    let retry_after = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, retry_after, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn whoever_emits_more_than_can_be_delivered_is_told_to_come_back() {
    let (server, router) = world();
    assert_eq!(emit(&router, r#"{"event":"x"}"#).await, (200, None, "{\"recipients\":0}\n".to_owned()));
    // The lanes do nothing meanwhile: this test is on their thread, and waits for nothing.
    for _ in 0..100_000 {
        server.of("/").unwrap().emit("x", "y").unwrap();
    }
    let (status, retry_after, body) = emit(&router, r#"{"event":"x"}"#).await;
    assert_eq!((status, retry_after.as_deref()), (429, Some("1")), "{body}");
    assert!(body.contains("\"code\":\"congested\""), "{body}");
    server.of("/").unwrap().ready().await;
    assert_eq!(emit(&router, r#"{"event":"x"}"#).await.0, 200);
}

#[test]
fn the_documentation_has_every_code() {
    let page = include_str!("../../docs/api.md");
    for code in problem::CODES {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}
