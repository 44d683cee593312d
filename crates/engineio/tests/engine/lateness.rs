//! What is late is not dead: the server itself was suspended, or starved.

use std::thread;
use std::time::Duration;

use engineio::proto::{CloseReason, Message};

use crate::app::{Told, quick_heartbeat, served};
use crate::support::{send, text, within};

/// On one thread, so that to block it is to suspend the whole server.
#[tokio::test]
async fn who_answered_in_time_stays_although_the_server_reads_it_late() {
    let mut server = served(quick_heartbeat()).await;
    let mut ws = server.websocket().await;
    server.opened().await;
    let mut poller = server.poller().await;
    server.opened().await;
    assert_eq!(text(&mut ws).await, "2");
    assert_eq!(poller.poll().await, "2");
    // Their answers lie in the kernel when the server comes back, long after they were due.
    send(&mut ws, "3").await;
    poller.posts.send("POST", &poller.target(), &[], b"3").await;
    thread::sleep(Duration::from_millis(800));
    assert_eq!(poller.posts.answer().await.text(), "ok");
    assert_eq!(text(&mut ws).await, "2", "it is pinged again");
    assert_eq!(poller.poll().await, "2");
    assert!(server.told_so_far().iter().all(|told| !matches!(told, Told::Closed(_))));
    // And from here on it counts again.
    assert_eq!(within(server.closed()).await, CloseReason::PingTimeout);
    assert_eq!(within(server.closed()).await, CloseReason::PingTimeout);
}

/// What a client sent before it was to be gone is heard, too.
#[tokio::test]
async fn a_message_that_came_in_time_is_heard() {
    let mut server = served(quick_heartbeat()).await;
    let mut ws = server.websocket().await;
    server.opened().await;
    assert_eq!(text(&mut ws).await, "2");
    send(&mut ws, "4last").await;
    thread::sleep(Duration::from_millis(800));
    assert_eq!(server.message().await, Message::Text("last".into()));
}

/// The official protocol suites wait exactly so long and then expect the session to be gone.
#[tokio::test]
async fn a_silent_client_is_gone_when_both_times_are_over_on_either_transport() {
    for _ in 0..5 {
        let mut server = served(quick_heartbeat()).await;
        let opened = tokio::time::Instant::now();
        let _ws = server.websocket().await;
        server.opened().await;
        let mut poller = server.poller().await;
        server.opened().await;
        for _ in 0..2 {
            assert_eq!(within(server.closed()).await, CloseReason::PingTimeout);
        }
        let took = opened.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?}");
        // A busy machine, not more: 500 ms are what was told.
        assert!(took < Duration::from_millis(900), "{took:?}");
        assert_eq!(poller.poll_answer().await.status, 400);
    }
}
