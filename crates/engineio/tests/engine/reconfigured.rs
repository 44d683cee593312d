//! Settings that change while there are sessions.

use std::time::Duration;

use engineio::proto::{CloseReason, Encoded, Transport};
use engineio::{CookieConfig, CorsConfig, CorsOrigins, EngineConfig, NoPeerAddr};
use http::{Request, Response};

use crate::app::{PATH, Served, WEBSOCKET, quick, quick_with, served, served_narrowly, tell};
use crate::support::{Http, Poller, connect, is_ended, send, text, within};

const HANDSHAKE: &str = "/engine.io/?EIO=4&transport=polling";

fn cors(origin: &str) -> Option<CorsConfig> {
    Some(CorsConfig::new(CorsOrigins::List(vec![origin.to_owned()])))
}

impl Served {
    fn becomes(&self, set: impl FnOnce(&mut EngineConfig)) {
        self.engine.reconfigure(quick_with(set)).unwrap();
    }

    /// The status of a handshake that polls, and its session's first answer.
    async fn handshake(&self) -> (u16, String) {
        let answer = Http::connect(self.address).await.get(HANDSHAKE).await;
        (answer.status, answer.text().to_owned())
    }
}

fn allowed<B>(response: &Response<B>) -> Option<&str> {
    response.headers().get("access-control-allow-origin").and_then(|origin| origin.to_str().ok())
}

#[tokio::test]
async fn each_request_is_answered_by_the_settings_that_held_when_it_came() {
    let mut server = served(quick_with(|config| config.cors = cors("http://a.example"))).await;
    let mut ws = server.websocket().await;
    server.opened().await;
    let poller = server.poller().await;
    let link = server.opened().await;
    let asked = |target: &str, origin: &str| {
        let request = Request::get(target).extension(NoPeerAddr);
        let request = request.header("origin", origin).header("accept-encoding", "gzip");
        server.engine.call(request.body(String::new()).unwrap())
    };
    let waiting = asked(&poller.target(), "http://a.example");

    server.becomes(|config| {
        config.cors = cors("http://b.example");
        config.compression_threshold_bytes = Some(1);
        config.cookie = Some(CookieConfig::default());
    });
    let opened = asked(HANDSHAKE, "http://b.example").await;
    assert_eq!((opened.status().as_u16(), allowed(&opened)), (200, Some("http://b.example")));
    assert!(opened.headers().contains_key("set-cookie"));
    let stranger = asked(HANDSHAKE, "http://a.example").await;
    assert_eq!((stranger.status().as_u16(), allowed(&stranger)), (403, None));

    // The poll waited meanwhile, and its answer is as it would have been.
    tell(&link, &Encoded::text("so short that it would be compressed only now"));
    let answer = within(waiting).await;
    assert_eq!((answer.status().as_u16(), allowed(&answer)), (200, Some("http://a.example")));
    assert!(!answer.headers().contains_key("content-encoding"));
    tell(&link, &Encoded::text("so short that it would be compressed only now"));
    let answer = within(asked(&poller.target(), "http://b.example")).await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");

    send(&mut ws, "4still here").await;
    assert_eq!(text(&mut ws).await, "4still here");
    assert_eq!(server.engine.config().cors, cors("http://b.example"));
}

#[tokio::test]
async fn fewer_sessions_than_there_are_close_nobody_and_let_nobody_in() {
    let server = served(quick()).await;
    let mut sessions = [server.websocket().await, server.websocket().await, server.websocket().await];
    server.becomes(|config| config.sessions_max = 2);
    for ws in &mut sessions {
        send(ws, "4here").await;
        assert_eq!(text(ws).await, "4here");
    }
    assert_eq!((server.handshake().await.0, server.engine.session_count()), (503, 3));
    let [first, second, _third] = sessions;
    drop(first);
    crate::support::eventually("one has gone", || server.engine.session_count() == 2).await;
    assert_eq!(server.handshake().await.0, 503, "there are as many as may be");
    drop(second);
    crate::support::eventually("two have gone", || server.engine.session_count() == 1).await;
    let (status, opening) = within(async {
        loop {
            // A seat is free when its task has ended, a little later.
            let (status, opening) = server.handshake().await;
            if status == 200 {
                return (status, opening);
            }
        }
    })
    .await;
    assert!(status == 200 && opening.starts_with("0{"), "{opening}");
    server.becomes(|config| config.sessions_max = 3);
    assert_eq!(server.handshake().await.0, 200);
}

#[tokio::test]
async fn a_session_keeps_what_its_client_was_told() {
    let mut server = served(quick()).await;
    let mut polling = server.poller().await;
    let upgrading = server.poller().await;
    let long = format!("4{}", "x".repeat(2_000));
    server.becomes(|config| {
        config.session.max_payload_bytes = 1_000;
        config.session.ping_interval = Duration::from_secs(7);
    });
    let mut new = server.poller().await;
    assert!(polling.opening.contains(r#""pingInterval":25000"#) && polling.opening.contains(r#""maxPayload":1000000"#));
    assert!(new.opening.contains(r#""pingInterval":7000"#) && new.opening.contains(r#""maxPayload":1000}"#));
    assert_eq!(new.post(&long).await.status, 413);
    assert_eq!(polling.post(&long).await.status, 200);
    assert_eq!(polling.poll().await, long);

    let mut upgraded = connect(server.address, &upgrading.websocket_target()).await;
    send(&mut upgraded, "2probe").await;
    assert_eq!(text(&mut upgraded).await, "3probe");
    send(&mut upgraded, "5").await;
    send(&mut upgraded, long.as_str()).await;
    assert_eq!(text(&mut upgraded).await, long);
    let mut ws = server.websocket().await;
    server.told_so_far();
    send(&mut ws, long.as_str()).await;
    assert!(is_ended(&mut ws).await);
    assert!(matches!(server.closed().await, CloseReason::TransportError | CloseReason::TooLarge));
}

#[tokio::test]
async fn a_transport_that_went_is_there_for_those_who_began_on_it() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    let upgrading = server.poller().await;
    server.becomes(|config| config.transports = vec![Transport::WebSocket]);
    assert_eq!(server.handshake().await, (400, r#"{"code":0,"message":"Transport unknown"}"#.to_owned()));
    assert_eq!(poller.post("4hello").await.status, 200);
    assert_eq!(poller.poll().await, "4hello");
    let mut upgraded = connect(server.address, &upgrading.websocket_target()).await;
    send(&mut upgraded, "2probe").await;
    assert_eq!(text(&mut upgraded).await, "3probe");

    server.becomes(|config| config.allow_upgrades = false);
    let opened = Poller::open(server.address, PATH).await;
    assert!(opened.opening.contains(r#""upgrades":[]"#));
    let mut http = Http::connect(server.address).await;
    let upgrade = crate::support::upgrade_request(&poller.websocket_target());
    http.write(upgrade.as_bytes()).await;
    assert_eq!(http.answer().await.status, 400);
    server.becomes(|config| config.transports = vec![Transport::Polling]);
    http = Http::connect(server.address).await;
    http.write(crate::support::upgrade_request(WEBSOCKET).as_bytes()).await;
    assert_eq!(http.answer().await.status, 400);
}

#[tokio::test]
async fn what_cannot_change_is_named_and_then_nothing_does() {
    let server = served(quick()).await;
    let mut config = quick();
    config.sessions_max = 0;
    config.path = "/other/".into();
    config.compressions_max = config.compressions_max.saturating_add(1);
    let refused = server.engine.reconfigure(config).unwrap_err();
    assert_eq!(refused.names(), ["path", "compressions_max"]);
    assert_eq!(refused.to_string(), "cannot change while it runs: path, compressions_max");
    assert_eq!((server.handshake().await.0, server.engine.config().sessions_max), (200, quick().sessions_max));
}

#[tokio::test]
async fn less_room_for_all_closes_at_once_who_takes_most_of_it() {
    let mut server = served_narrowly(quick()).await;
    let mut other = server.websocket().await;
    server.opened().await;
    let _slow = server.slow_websocket().await;
    let link = server.opened().await;
    assert!(tell(&link, &Encoded::text(&"x".repeat(8 << 20))).is_queued());
    server.becomes(|config| config.outbox_bytes_total_max = 64 * 1024);
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    send(&mut other, "4here").await;
    assert_eq!(text(&mut other).await, "4here");
}

#[tokio::test]
async fn who_stalls_later_is_judged_by_the_new_time() {
    let mut server = served_narrowly(quick_with(|config| config.outbox_stall_max = Duration::MAX)).await;
    let _slow = server.slow_websocket().await;
    let link = server.opened().await;
    server.becomes(|config| config.outbox_stall_max = Duration::from_millis(100));
    assert!(tell(&link, &Encoded::text(&"x".repeat(8 << 20))).is_queued());
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
}
