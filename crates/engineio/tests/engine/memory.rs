//! What waits is in somebody's bound, wherever it waits.

use std::net::SocketAddr;
use std::time::Duration;

use engineio::proto::{CloseReason, Delivery, Encoded, Recipient};
use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::app::{PATH, Told, quick, served, served_narrowly, tell};
use crate::support::{Dice, Http, Poller, Ws, connect_slow, eventually, text, within};

fn kilobytes(count: usize) -> Encoded {
    Encoded::text(&"x".repeat(count * 1024))
}

/// A poll on a connection of its own, with the smallest receive buffer, that nobody reads.
async fn unread_poll(poller: &Poller) -> Http {
    let mut http = unread_connection(poller.address).await;
    http.send("GET", &poller.target(), &[], b"").await;
    http
}

async fn unread_connection(address: SocketAddr) -> Http {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let stream: TcpStream = socket.connect(address).await.unwrap();
    Http { stream: tokio::io::BufReader::new(stream) }
}

#[tokio::test]
async fn answers_that_are_not_read_fill_their_client_s_own_bound() {
    let mut config = quick();
    config.compression_threshold_bytes = None;
    config.outbox_bytes_max = 1 << 20;
    let mut server = served_narrowly(config).await;
    let poller = server.poller().await;
    let link = server.opened().await;
    let mut unread = Vec::new();
    while link.queue(&kilobytes(200), Delivery::Reliable).is_queued() {
        assert!(unread.len() < 20, "answers that nobody reads are in nobody's bound");
        // The last one was answered: it would be an overlap otherwise. What is in the kernel is not in memory of ours.
        unread.push(unread_poll(&poller).await);
        let answered = unread.last_mut().unwrap();
        within(answered.stream.fill_buf()).await.unwrap();
    }
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    // Although the connections are still there, and their answers half written.
    eventually("all of it is free", || server.engine.outbox_bytes() < 64 * 1024).await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_in_time_ends_its_session() {
    let mut config = quick();
    config.compression_threshold_bytes = None;
    config.outbox_stall_max = Duration::from_millis(200);
    config.session.ping_interval = Duration::from_millis(100);
    let mut server = served_narrowly(config).await;
    let poller = server.poller().await;
    let link = server.opened().await;
    let mut unread = unread_poll(&poller).await;
    tell(&link, &kilobytes(900));
    assert_eq!(within(server.closed()).await, CloseReason::SlowConsumer);
    // And its connection: what comes of the answer is not all of it.
    assert!(unread.end().await.len() < 900 * 1024);
}

#[tokio::test]
async fn an_answer_has_about_a_max_payload_and_the_rest_comes_in_the_next() {
    let mut config = quick();
    config.compression_threshold_bytes = None;
    config.session.max_payload_bytes = 10_000;
    let mut server = served(config).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    for _ in 0..10 {
        tell(&link, &Encoded::text(&"x".repeat(4_000)));
    }
    for _ in 0..5 {
        assert_eq!(poller.poll().await.len(), 2 * 4_001 + 1);
    }
    // One that is larger is not held back for ever.
    tell(&link, &Encoded::text(&"x".repeat(50_000)));
    assert_eq!(poller.poll().await.len(), 50_001);
    assert_eq!(link.backlog().bytes, 0);
}

#[tokio::test]
async fn a_close_comes_behind_everything_however_many_answers_that_takes() {
    let mut config = quick();
    config.session.max_payload_bytes = 1_000;
    let mut server = served(config).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    for letter in ["a", "b", "c"] {
        tell(&link, &Encoded::text(&letter.repeat(900)));
    }
    link.close(CloseReason::Application("enough"));
    assert_eq!(server.closed().await, CloseReason::Application("enough"));
    assert_eq!(poller.poll().await.len(), 901);
    assert_eq!(poller.poll().await.len(), 901);
    assert_eq!(poller.poll().await, format!("4{}\x1e1", "c".repeat(900)));
    server.emptied().await;
}

/// A proxy asks for many clients on one connection.
#[tokio::test]
async fn a_slow_client_s_end_is_nothing_to_others_on_the_connection_its_answers_came_by() {
    let mut config = quick();
    config.compression_threshold_bytes = None;
    let mut server = served(config).await;
    let (one, other) = (server.poller().await, server.poller().await);
    let (slow, link) = (server.opened().await, server.opened().await);
    let mut proxy = Http::connect(server.address).await;
    tell(&slow, &kilobytes(300));
    assert_eq!(proxy.get(&one.target()).await.body.len(), 1 + 300 * 1024);
    slow.close(CloseReason::SlowConsumer);
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    proxy.send("GET", &other.target(), &[], b"").await;
    tell(&link, &Encoded::text("hello"));
    assert_eq!(proxy.answer().await.text(), "4hello");
}

/// Small ones, which clients make by the hundred thousand, take many times their bytes.
#[tokio::test]
async fn what_waits_for_all_counts_with_what_it_takes_beside_its_bytes() {
    let mut config = quick();
    config.outbox_bytes_total_max = 1 << 20;
    let mut server = served_narrowly(config).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        slow.push(server.slow_websocket().await);
        let link = server.opened().await;
        tell(&link, &kilobytes(400));
        for _ in 0..5000 {
            link.queue(&Encoded::text("x"), Delivery::Reliable);
        }
    }
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
}

/// An answer that was copied for its client, or that is being written, is in memory as much as what waits.
#[tokio::test]
async fn answers_under_way_count_for_all_together() {
    for (query, header) in [("", None), ("&j=0", None), ("", Some(("accept-encoding", "gzip")))] {
        let mut config = quick();
        config.outbox_bytes_total_max = 8 << 20;
        let mut server = served_narrowly(config).await;
        let mut unread = Vec::new();
        for number in 0..20 {
            assert!(number < 16, "16 MB, and nobody is closed: {query:?} {header:?}");
            let poller = server.poller().await;
            let link = server.opened().await;
            tell(&link, &noise(number));
            let mut http = unread_connection(server.address).await;
            http.send("GET", &format!("{}{query}", poller.target()), header.as_slice(), b"").await;
            within(http.stream.fill_buf()).await.unwrap();
            unread.push(http);
            if server.told_so_far().iter().any(|told| matches!(told, Told::Closed(CloseReason::SlowConsumer))) {
                break;
            }
        }
        eventually("less is under way", || server.engine.outbox_bytes() <= 8 << 20).await;
    }
}

/// A megabyte that does not get shorter.
fn noise(seed: u64) -> Encoded {
    let mut dice = Dice::new(seed);
    Encoded::text(&(0..1 << 20).map(|_| char::from(b'#' + dice.below(90) as u8)).collect::<String>())
}

/// What is on nobody's way, or on that of those who are going, is not to be made good by those who read.
#[tokio::test]
async fn whoever_waits_for_little_is_not_closed_for_what_others_hold() {
    let mut config = quick();
    config.outbox_bytes_total_max = 1 << 20;
    let mut server = served_narrowly(config).await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        slow.push(server.slow_websocket().await);
    }
    // What is half written stays in memory until its session is done with.
    let links = [server.opened().await, server.opened().await, server.opened().await];
    // Two with a little, and somebody who is in no list of sessions with all the rest.
    let elsewhere = kilobytes(2 << 10);
    for link in &links[..2] {
        tell(link, &kilobytes(200));
    }
    let big = elsewhere.clone();
    tell(&links[2], &big);
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    assert!(server.engine.outbox_bytes() > 1 << 20, "it is still kept");
    for link in &links[..2] {
        for _ in 0..10 {
            assert!(tell(link, &Encoded::text("more")).is_queued());
            tokio::task::yield_now().await;
        }
    }
}

/// What many wait for is freed by the end of none of them.
#[tokio::test]
async fn whoever_costs_most_goes_first_and_not_whoever_waits_for_what_all_do() {
    let mut config = quick();
    config.outbox_bytes_total_max = 8 << 20;
    let mut server = served_narrowly(config).await;
    let mut clients = Vec::new();
    let mut links = Vec::new();
    for _ in 0..14 {
        clients.push(server.slow_websocket().await);
        links.push(server.opened().await);
    }
    // Ten wait for the same 3 MB, four for a megabyte and a half each of their own.
    let (together, alone) = links.split_at(10);
    for _ in 0..3 {
        let shared = kilobytes(1024);
        together.iter().for_each(|link| assert!(tell(link, &shared).is_queued()));
    }
    for link in alone {
        tell(link, &kilobytes(768));
        tell(link, &kilobytes(768));
    }
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    eventually("less waits", || server.engine.outbox_bytes() <= 8 << 20).await;
    for link in together {
        assert!(tell(link, &Encoded::text("here")).is_queued(), "it costs nothing");
    }
}

/// Whoever is furthest behind goes first; what they wait for together counts once.
#[tokio::test]
async fn when_all_together_wait_for_too_much_the_slowest_are_closed() {
    let mut config = quick();
    config.outbox_bytes_total_max = 3 << 20;
    let mut server = served_narrowly(config).await;
    let mut slow: Vec<Ws> = Vec::new();
    let mut links = Vec::new();
    for _ in 0..4 {
        slow.push(connect_slow(server.address, &format!("{PATH}?EIO=4&transport=websocket")).await);
        links.push(server.opened().await);
    }
    let mut reader = server.websocket().await;
    let reading = server.opened().await;
    for _ in 0..2 {
        let shared = kilobytes(1024);
        links.iter().for_each(|link| assert!(tell(link, &shared).is_queued()));
    }
    assert!(server.engine.outbox_bytes() < 3 << 20, "they share it");
    // Only the first has something of its own, twice.
    for _ in 0..2 {
        tell(&links[0], &kilobytes(700));
    }
    assert_eq!(within(server.closed()).await, CloseReason::SlowConsumer);
    eventually("less waits", || server.engine.outbox_bytes() <= 3 << 20).await;
    assert!(!tell(&links[0], &kilobytes(1)).is_queued(), "it was the one");
    for link in &links[1..] {
        assert!(tell(link, &kilobytes(1)).is_queued());
    }
    tell(&reading, &Encoded::text("and nobody else"));
    assert_eq!(text(&mut reader).await, "4and nobody else");
}

/// Else megabytes would wait in the kernel, in nobody's bound.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_takes_little_of_what_is_not_read() {
    let mut server = served(quick()).await;
    // The listener is told when it is first served.
    let _first = server.websocket().await;
    server.opened().await;
    let _slow = connect_slow(server.address, &format!("{PATH}?EIO=4&transport=websocket")).await;
    let link = server.opened().await;
    tell(&link, &kilobytes(4 * 1024));
    let taken = usize::try_from(link.backlog().sent).unwrap();
    assert!(taken < 1 << 20, "the kernel took {taken} bytes of a client that reads nothing");
}
