//! What the protocol's own test suite expects of a server, with its short heartbeat: pings every 300 ms, to be
//! answered within 200.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::{PATH, WEBSOCKET, quick_heartbeat, served};
use crate::support::{Http, connect, is_ended, send, text, within};

#[tokio::test]
async fn the_open_packet_says_what_the_client_needs() {
    let server = served(quick_heartbeat()).await;
    let poller = server.poller().await;
    let expected = format!(
        r#"0{{"sid":"{}","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}}"#,
        poller.sid
    );
    assert_eq!(poller.opening, expected);
    let mut ws = connect(server.address, WEBSOCKET).await;
    assert!(text(&mut ws).await.contains(r#""upgrades":[],"pingInterval":300"#));
}

#[tokio::test]
async fn requests_without_a_valid_version_or_transport_are_refused() {
    let server = served(quick_heartbeat()).await;
    let mut http = Http::connect(server.address).await;
    for query in ["?transport=polling", "?EIO=abc&transport=polling", "?EIO=4", "?EIO=4&transport=abc"] {
        assert_eq!(http.get(&format!("{PATH}{query}")).await.status, 400, "{query}");
    }
    for method in ["POST", "PUT"] {
        let answer = http.request(method, &format!("{PATH}?EIO=4&transport=polling"), &[], b"").await;
        assert_eq!(answer.status, 400, "{method}");
    }
}

#[tokio::test]
async fn a_polling_client_that_answers_its_pings_stays() {
    let server = served(quick_heartbeat()).await;
    let mut poller = server.poller().await;
    for _ in 0..3 {
        let asked = Instant::now();
        assert_eq!(poller.poll().await, "2");
        assert!(asked.elapsed() > Duration::from_millis(200), "the first ping comes after an interval, too");
        assert_eq!(poller.post("3").await.text(), "ok");
    }
    assert_eq!(server.engine.session_count(), 1);
}

#[tokio::test]
async fn a_websocket_client_that_answers_its_pings_stays() {
    let server = served(quick_heartbeat()).await;
    let mut ws = server.websocket().await;
    for _ in 0..3 {
        assert_eq!(text(&mut ws).await, "2");
        send(&mut ws, "3").await;
    }
    assert_eq!(server.engine.session_count(), 1);
}

#[tokio::test]
async fn clients_that_do_not_answer_are_closed_in_time() {
    let server = served(quick_heartbeat()).await;
    let opened = Instant::now();
    let mut poller = server.poller().await;
    let mut ws = server.websocket().await;
    assert_eq!(text(&mut ws).await, "2");
    assert!(is_ended(&mut ws).await);
    let took = opened.elapsed();
    assert!(Duration::from_millis(450) < took && took < Duration::from_secs(2), "{took:?}");
    tokio::time::sleep_until(opened + Duration::from_millis(700)).await;
    assert_eq!(poller.poll_answer().await.status, 400);
}

#[tokio::test]
async fn an_upgraded_client_gets_pings_by_websocket() {
    let server = served(quick_heartbeat()).await;
    let poller = server.poller().await;
    let mut ws = connect(server.address, &poller.websocket_target()).await;
    send(&mut ws, "2probe").await;
    assert_eq!(text(&mut ws).await, "3probe");
    send(&mut ws, "5").await;
    for _ in 0..2 {
        assert_eq!(within(text(&mut ws)).await, "2");
        send(&mut ws, "3").await;
    }
}
