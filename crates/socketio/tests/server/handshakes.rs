//! What a program says to a handshake.

use std::time::Duration;

use fanfare_socketio::Verdict;
use fanfare_socketio::engineio::proto::Transport;

use crate::app::{building, listening, quick, served_with};
use crate::client::{Client, PATH, TARGET};
use crate::support::{Http, connect};

#[tokio::test]
async fn a_program_decides_about_handshakes_before_there_is_a_session() {
    let (builder, _told, _) = building(quick());
    let builder = builder.on_handshake(|handshake| match handshake.headers.get("x-say").map(|say| say.as_bytes()) {
        Some(b"forbid") => Verdict::forbid("not you"),
        Some(b"later") => Verdict::pending(async {
            tokio::task::yield_now().await;
            Verdict::unavailable(Duration::from_secs(7))
        }),
        Some(b"panic") => panic!("as asked"),
        Some(b"panic later") => Verdict::pending(async { panic!("as asked") }),
        _ => Verdict::accept(),
    });
    let server = builder.build();
    let address = listening(&server).await;
    let target = format!("{PATH}?EIO=4&transport=polling");
    for (say, status, retry_after) in [
        ("forbid", 403, None),
        ("later", 503, Some("7")),
        ("panic", 503, Some("5")),
        ("panic later", 503, Some("5")),
        ("yes", 200, None),
    ] {
        let answer = Http::connect(address).await.request("GET", &target, &[("x-say", say)], b"").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry_after), "{say}");
    }
    assert_eq!(server.connection_count(), 1);
    Client::join(address).await.0.has_got_nothing().await;
}

#[tokio::test]
async fn a_handshake_names_its_transport_and_the_client_behind_trusted_proxies() {
    for (is_trusted, expected) in [(false, "127.0.0.1"), (true, "203.0.113.9")] {
        let mut config = quick();
        if is_trusted {
            config.engine.trusted_proxies = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        }
        let mut server = served_with(config).await;
        let mut http = Http::connect(server.address).await;
        let forwarded = [("x-forwarded-for", "6.6.6.6, 203.0.113.9")];
        let opened = http.request("GET", &format!("{PATH}?EIO=4&transport=polling"), &forwarded, b"").await;
        let sid = opened.text().get(9..29).unwrap().to_owned();
        http.request("POST", &format!("{PATH}?EIO=4&transport=polling&sid={sid}"), &[], b"40").await;
        let handshake = server.asked().await.0.handshake;
        assert_eq!(handshake.address.unwrap().to_string(), expected);
        assert!(handshake.peer.unwrap().ip().is_loopback());
        assert_eq!(handshake.transport, Transport::Polling);

        let mut ws = connect(server.address, TARGET).await;
        crate::support::send(&mut ws, "40").await;
        let handshake = server.asked().await.0.handshake;
        assert_eq!(handshake.address.unwrap().to_string(), "127.0.0.1", "the proxy itself");
        assert_eq!(handshake.transport, Transport::WebSocket);
    }
}
