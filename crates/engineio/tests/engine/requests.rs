//! Messages by both transports, and the rules for polls and posts.

use std::time::Duration;

use engineio::proto::{CloseReason, Message, Recipient};

use crate::app::{PATH, quick, served};
use crate::support::{Http, Poller, connect, next, send, text, within};

#[tokio::test]
async fn polling_carries_text_and_binary_both_ways() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let answer = poller.post("4hello\u{1e}bAQIDBA==\u{1e}4é€😀\u{1e}4").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(server.message().await, Message::Text("hello".into()));
    assert_eq!(server.message().await, Message::Binary([1, 2, 3, 4].as_slice().into()));
    let answer = poller.poll_answer().await;
    assert_eq!(answer.text(), "4hello\u{1e}bAQIDBA==\u{1e}4é€😀\u{1e}4");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_websocket_carries_text_and_binary_both_ways() {
    let server = served(quick()).await;
    let mut ws = server.websocket().await;
    for message in ["4hello", "4", "4é€😀"] {
        send(&mut ws, message).await;
        assert_eq!(text(&mut ws).await, message);
    }
    for data in [vec![], vec![1, 2, 3, 4], vec![7; 100_000]] {
        send(&mut ws, data.clone()).await;
        assert_eq!(next(&mut ws).await.unwrap().into_data().as_ref(), data);
    }
}

#[tokio::test]
async fn a_poll_waits_until_there_is_something() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("4x").await;
    assert_eq!(poller.polls.answer().await.text(), "4x");
}

#[tokio::test]
async fn a_second_poll_ends_the_session_and_both_are_told() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    // Sure to be seen first: the session answers in the meantime.
    poller.post("6").await;
    let mut second = Http::connect(server.address).await;
    assert_eq!(second.get(&poller.target()).await.status, 400);
    assert_eq!(poller.polls.answer().await.text(), "1");
    assert_eq!(server.closed().await, CloseReason::Overlap);
    server.emptied().await;
}

#[tokio::test]
async fn a_second_post_ends_the_session_and_cuts_off_the_first() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let head = format!("POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n4x", poller.target());
    poller.polls.write(head.as_bytes()).await;
    loop {
        // Until the first has arrived, the second is an ordinary one.
        let answer = poller.post("6").await;
        if answer.status == 400 {
            break;
        }
    }
    assert_eq!(server.closed().await, CloseReason::Overlap);
    assert_ne!(poller.polls.try_answer().await.map_or(0, |answer| answer.status), 200);
    server.emptied().await;
}

#[tokio::test]
async fn a_dropped_poll_or_post_ends_the_session() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("6").await;
    drop(poller.polls);
    assert_eq!(server.closed().await, CloseReason::TransportError);

    let mut poller = server.poller().await;
    let head = format!("POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n4x", poller.target());
    poller.posts.write(head.as_bytes()).await;
    drop(poller.posts);
    assert_eq!(server.closed().await, CloseReason::TransportError);
    server.emptied().await;
}

#[tokio::test]
async fn a_post_that_came_whole_is_handled_though_its_connection_closes_at_once() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    for round in 0..200 {
        let body = format!("4{round}");
        let mut http = Http::connect(server.address).await;
        let head = format!("POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", poller.target(), body.len());
        if round % 2 == 0 {
            http.write(format!("{head}{body}").as_bytes()).await;
        } else {
            // The session has begun to read.
            http.write(head.as_bytes()).await;
            tokio::task::yield_now().await;
            http.write(body.as_bytes()).await;
        }
        drop(http);
        assert_eq!(server.message().await, Message::Text(round.to_string().into()));
    }
    assert_eq!(poller.post("4and now").await.status, 200);
}

#[tokio::test]
async fn a_client_that_closes_gets_a_noop_in_its_poll() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("6").await;
    assert_eq!(poller.post("4last\u{1e}1\u{1e}4too late").await.text(), "ok");
    assert_eq!(server.message().await, Message::Text("last".into()));
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    let polled = poller.polls.answer().await;
    // The echo of what came before may have been faster than the end, which comes with the same post.
    assert!(["6", "4last"].contains(&polled.text()), "{}", polled.text());
    assert_eq!(poller.poll_answer().await.text(), r#"{"code":1,"message":"Session ID unknown"}"#);
}

#[tokio::test]
async fn what_is_no_packet_is_answered_ok_and_ends_the_session() {
    for payload in ["", "2", "2probe", "7", "x", "4a\u{1e}", "b!"] {
        let mut server = served(quick()).await;
        let mut poller = server.poller().await;
        let answer = poller.post(payload).await;
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{payload:?}");
        assert_eq!(server.closed().await, CloseReason::ParseError, "{payload:?}");
    }
}

#[tokio::test]
async fn what_comes_out_of_turn_is_ignored() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    assert_eq!(poller.post("3\u{1e}0\u{1e}5\u{1e}6\u{1e}4x").await.text(), "ok");
    assert_eq!(poller.poll().await, "4x");
    let mut ws = server.websocket().await;
    for packet in ["3", "0", "5", "6", "4x"] {
        send(&mut ws, packet).await;
    }
    assert_eq!(text(&mut ws).await, "4x");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_session_lives() {
    let mut config = quick();
    config.session.max_payload_bytes = 1_000;
    let server = served(config).await;
    let mut poller = server.poller().await;
    assert_eq!(poller.post(&"4".repeat(1_001)).await.status, 413);
    poller.posts.end().await;

    poller.posts = Http::connect(server.address).await;
    let head = format!("POST {} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n", poller.target());
    poller.posts.write(head.as_bytes()).await;
    for _ in 0..101 {
        poller.posts.write(b"a\r\n4123456789\r\n").await;
    }
    assert_eq!(poller.posts.answer().await.status, 413);
    assert_eq!(server.engine.refusal_counts()["too_large"], 2);

    poller.posts = Http::connect(server.address).await;
    let largest = format!("4{}", "x".repeat(999));
    assert_eq!(poller.post(&largest).await.status, 200);
    assert_eq!(poller.poll().await, largest);
}

#[tokio::test]
async fn the_binary_posts_of_former_versions_are_refused() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("6").await;
    let target = poller.target();
    let kind = [("content-type", "application/octet-stream")];
    assert_eq!(poller.posts.request("POST", &target, &kind, b"\x044x").await.status, 400);
    assert_eq!(poller.polls.answer().await.text(), "1");
    assert_eq!(server.closed().await, CloseReason::ParseError);
    server.emptied().await;
}

#[tokio::test]
async fn jsonp_carries_messages_both_ways() {
    let server = served(quick()).await;
    let mut poller = Poller::open(server.address, PATH).await;
    let target = format!("{}&j=3", poller.target());
    let answer = poller.posts.request("POST", &target, &[], b"d=4%22a%5Cnb%22%1E4%5C%5Cn").await;
    assert_eq!(answer.text(), "ok");
    let polled = poller.polls.get(&target).await;
    assert_eq!(polled.text(), r#"___eio[3]("4\"a\nb\"\u001e4\\n");"#);
    assert_eq!(poller.posts.request("POST", &target, &[], b"no=payload").await.text(), "ok");
    poller.post("4alive").await;
    assert_eq!(poller.polls.get(&target).await.text(), r#"___eio[3]("4alive");"#);
}

#[tokio::test]
async fn a_request_that_is_dropped_before_it_is_answered_leaves_no_session() {
    let server = served(quick()).await;
    for _ in 0..100 {
        let mut http = Http::connect(server.address).await;
        http.send("GET", &format!("{PATH}?EIO=4&transport=polling"), &[], b"").await;
        http.reset();
    }
    let mut poller = server.poller().await;
    poller.post("4x").await;
    assert_eq!(poller.poll().await, "4x");
    poller.post("1").await;
    // A session whose open packet was answered in time ends by its heartbeat: here, by the end of the server.
    server.engine.close();
    within(server.engine.drained()).await;
    assert_eq!(server.engine.session_count(), 0);
}

/// How a program says "never".
#[tokio::test]
async fn times_without_end_are_taken() {
    let mut config = quick();
    (config.session.ping_interval, config.session.ping_timeout) = (Duration::MAX, Duration::MAX);
    (config.session.upgrade_timeout, config.session.close_timeout) = (Duration::MAX, Duration::MAX);
    (config.outbox_stall_max, config.handshake_timeout) = (Duration::MAX, Duration::MAX);
    (config.body_stall_max, config.body_timeout) = (Duration::MAX, Duration::MAX);
    let mut server = served(config).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    // What it is answered waits for a poll.
    assert_eq!(poller.post("4a").await.text(), "ok");
    assert_eq!(poller.post("4b").await.text(), "ok");
    assert_eq!(poller.poll().await, "4a\x1e4b");
    let mut candidate = connect(server.address, &poller.websocket_target()).await;
    send(&mut candidate, "2probe").await;
    assert_eq!(text(&mut candidate).await, "3probe");
    link.close(CloseReason::Application("as asked"));
    assert_eq!(server.closed().await, CloseReason::Application("as asked"));
}
