//! Clients that do not read, on connections that are written directly.

use std::sync::Arc;
use std::time::Duration;

use engineio::Link;
use engineio::proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::app::{Served, quick, served, served_narrowly, tell};
use crate::support::{Dice, Ws, next, send, text, within};

fn kilobytes(count: usize) -> Encoded {
    Encoded::text(&"x".repeat(count * 1024))
}

/// A session whose connection takes no more, and its client.
async fn stalled(server: &mut Served) -> (Arc<Link>, Ws) {
    let ws = server.slow_websocket().await;
    let link = server.opened().await;
    while link.queue(&kilobytes(1), Delivery::Volatile).is_queued() {
        link.flush();
    }
    // The kernel finds room for a little more after a while, even so.
    assert!(tell(&link, &kilobytes(40)).is_queued());
    (link, ws)
}

#[tokio::test]
async fn a_reader_that_stalls_is_closed_by_its_full_queue() {
    let mut config = quick();
    config.outbox_bytes_max = 64 * 1024;
    let mut server = served_narrowly(config).await;
    let (link, _ws) = stalled(&mut server).await;
    let queued = (0..).take_while(|_| tell(&link, &kilobytes(1)).is_queued()).count();
    assert!(queued <= 64, "{queued} KB were queued");
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    assert_eq!(tell(&link, &kilobytes(1)), Queued::Closed);
    server.emptied().await;
}

#[tokio::test]
async fn a_reader_that_stalls_is_closed_by_time_and_nobody_else_waits() {
    let mut config = quick();
    config.outbox_stall_max = Duration::from_millis(300);
    let mut server = served_narrowly(config).await;
    let mut other = server.websocket().await;
    let other_link = server.opened().await;
    let (_link, _ws) = stalled(&mut server).await;
    let started = Instant::now();
    for number in 0..20 {
        let told = Instant::now();
        tell(&other_link, &Encoded::text(&number.to_string()));
        assert_eq!(text(&mut other).await, format!("4{number}"));
        // Who waited for the stalled one would do so for 300 ms.
        assert!(told.elapsed() < Duration::from_millis(250), "{:?}", told.elapsed());
    }
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    let took = started.elapsed();
    assert!(Duration::from_millis(200) < took && took < Duration::from_secs(2), "{took:?}");
    drop(other);
    server.emptied().await;
}

#[tokio::test]
async fn a_reader_with_a_full_queue_is_closed_by_time() {
    let mut config = quick();
    config.outbox_bytes_max = 64 * 1024;
    config.outbox_stall_max = Duration::from_millis(100);
    let mut server = served_narrowly(config).await;
    let (link, _ws) = stalled(&mut server).await;
    assert!(tell(&link, &kilobytes(20)).is_queued());
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    server.emptied().await;
}

#[tokio::test]
async fn a_reader_that_stalls_does_not_hold_up_a_shutdown() {
    let mut config = quick();
    config.session.close_timeout = Duration::from_millis(300);
    let mut server = served_narrowly(config).await;
    let (link, mut ws) = stalled(&mut server).await;
    tell(&link, &kilobytes(100));
    server.engine.close();
    assert_eq!(server.closed().await, CloseReason::Shutdown);
    server.emptied().await;
    assert_eq!(tell(&link, &kilobytes(1)), Queued::Closed);
    // Reset: what the kernel still held for the client is gone.
    let mut rest = Vec::new();
    assert!(within(ws.get_mut().read_to_end(&mut rest)).await.is_err(), "{} bytes, then an end", rest.len());
}

#[tokio::test]
async fn a_client_slow_to_read_its_goodbye_gets_all_of_it() {
    let mut config = quick();
    config.session.close_timeout = Duration::from_secs(10);
    let mut server = served_narrowly(config).await;
    let (link, mut ws) = stalled(&mut server).await;
    tell(&link, &kilobytes(100));
    tell(&link, &Encoded::text("the last"));
    server.engine.close();
    assert_eq!(server.closed().await, CloseReason::Shutdown);
    let mut last = String::new();
    while let Some(message) = next(&mut ws).await {
        match message.into_text() {
            Ok(text) if !text.is_empty() => last = text.as_str().to_owned(),
            _ => break,
        }
    }
    assert_eq!(last, "4the last");
    drop(ws);
    server.emptied().await;
}

#[tokio::test]
async fn volatile_messages_are_dropped_while_the_connection_is_full() {
    let mut server = served_narrowly(quick()).await;
    let (link, mut ws) = stalled(&mut server).await;
    assert_eq!(link.queue(&Encoded::text("dropped"), Delivery::Volatile), Queued::Dropped);
    tell(&link, &Encoded::text("kept"));
    while text(&mut ws).await != "4kept" {}
    let mut queued = link.queue(&Encoded::text("again"), Delivery::Volatile);
    // The task learns that the connection is free a moment after the client has read.
    while queued == Queued::Dropped {
        tokio::task::yield_now().await;
        queued = link.queue(&Encoded::text("again"), Delivery::Volatile);
    }
    link.flush();
    assert_eq!(text(&mut ws).await, "4again");
}

#[tokio::test]
async fn what_is_written_piece_by_piece_arrives_whole_and_in_order() {
    let mut server = served_narrowly(quick()).await;
    let mut ws = server.slow_websocket().await;
    let link = server.opened().await;
    let mut dice = Dice::new(7);
    let messages: Vec<_> = (0..150)
        .map(|number| {
            format!("{number} {}", "x".repeat(dice.below(if number % 10 == 0 { 60_000 } else { 300 }) as usize))
        })
        .collect();
    let expected = messages.clone();
    let sending = tokio::spawn(async move {
        for (number, message) in messages.iter().enumerate() {
            link.queue(&Encoded::text(message), Delivery::Reliable);
            if number % 7 == 0 {
                link.flush();
                tokio::task::yield_now().await;
            }
        }
        link.flush();
    });
    assert!(text(&mut ws).await.starts_with("0{"));
    for message in expected {
        assert_eq!(text(&mut ws).await[1..], message);
    }
    sending.await.unwrap();
}

/// The queue is filled without a flush, so that making room for one more message fills the connection: nobody who
/// queues notices that, and the session's task has to.
#[tokio::test]
async fn a_burst_that_fills_the_connection_is_sent_on_when_the_client_reads() {
    let mut config = quick();
    config.outbox_bytes_max = 250_000;
    let mut server = served_narrowly(config).await;
    let mut ws = server.slow_websocket().await;
    let link = server.opened().await;
    assert!(text(&mut ws).await.starts_with("0{"));
    assert_eq!(link.queue(&Encoded::text(&"a".repeat(200_000)), Delivery::Reliable), Queued::Fresh);
    assert_eq!(link.queue(&Encoded::text(&"b".repeat(51_000)), Delivery::Reliable), Queued::Crowded);
    link.flush();
    for len in [200_000, 51_000] {
        assert_eq!(text(&mut ws).await.len(), 1 + len);
    }
}

#[tokio::test]
async fn an_end_that_cuts_a_message_in_two_finishes_it() {
    let mut server = served_narrowly(quick()).await;
    let mut ws = server.slow_websocket().await;
    let link = server.opened().await;
    assert!(text(&mut ws).await.starts_with("0{"));
    tell(&link, &kilobytes(300));
    tell(&link, &Encoded::text("never sent: the client is the one that leaves"));
    send(&mut ws, "1").await;
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    assert_eq!(text(&mut ws).await.len(), 1 + 300 * 1024);
    assert!(next(&mut ws).await.is_some_and(|message| message.is_close()));
}

#[tokio::test]
async fn a_poller_that_stays_away_is_closed_as_a_slow_consumer() {
    let mut config = quick();
    config.outbox_stall_max = Duration::from_millis(100);
    let mut server = served(config).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    tell(&link, &kilobytes(1));
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    server.emptied().await;
    assert_eq!(poller.poll_answer().await.status, 400);
}
