//! Sessions that end some at a time, while others go on.

use engineio::proto::{CloseReason, Encoded, Recipient};

use crate::app::{PATH, WEBSOCKET, quick, served, tell};
use crate::support::{Http, bytes_until_end, eventually, send, text, upgrade_request};

#[tokio::test]
async fn an_engine_that_refuses_new_sessions_keeps_those_it_has_and_takes_new_ones_again() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    let mut ws = server.websocket().await;
    server.engine.refuse_new(true);
    for request in
        [format!("GET {PATH}?EIO=4&transport=polling HTTP/1.1\r\nhost: a\r\n\r\n"), upgrade_request(WEBSOCKET)]
    {
        let mut http = Http::connect(server.address).await;
        http.write(request.as_bytes()).await;
        let refused = http.answer().await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{request}");
    }
    tell(&link, &Encoded::text("hello"));
    assert_eq!(poller.poll().await, "4hello");
    send(&mut ws, "4still here").await;
    assert_eq!(text(&mut ws).await, "4still here");
    server.engine.refuse_new(false);
    server.websocket().await;
    assert_eq!(server.engine.session_count(), 3);
    assert_eq!(server.engine.refusal_counts()["unavailable"], 2);
}

#[tokio::test]
async fn whoever_is_at_rest_goes_first_and_as_many_as_asked_for() {
    let mut server = served(quick()).await;
    let poller = server.poller().await;
    let busy = server.opened().await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(server.websocket().await);
    }
    // Nobody fetches it.
    tell(&busy, &Encoded::text("waits"));
    server.engine.refuse_new(true);
    let mut departure = server.engine.departure();
    // Who is to go is looked at twice.
    departure.end(2);
    for left in [5, 3, 1] {
        departure.end(2);
        eventually("two have gone", || server.engine.session_count() == left).await;
    }
    for ws in sockets {
        assert!(bytes_until_end(ws).await.is_empty(), "connections just end");
    }
    for _ in 0..6 {
        assert_eq!(server.closed().await, CloseReason::Shutdown);
    }
    assert!(busy.backlog().bytes > 0, "it is there");
    departure.end(1);
    assert_eq!(server.closed().await, CloseReason::Shutdown);
    server.emptied().await;
    drop(poller);
    departure.end(1);
    // Who was between two polls comes to know it as those who were in one.
    let mut late = Http::connect(server.address).await;
    late.send("GET", &format!("{PATH}?EIO=4&transport=polling&sid=x"), &[], b"").await;
    assert!(late.end().await.is_empty());
}
