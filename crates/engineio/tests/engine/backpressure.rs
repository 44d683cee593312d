//! An application that takes no more for a while.

use std::time::Duration;

use engineio::proto::{CloseReason, Message};

use crate::app::{Gate, Told, echo, quick, quick_heartbeat, served_with};
use crate::support::{Http, next, send, text, within};

#[tokio::test]
async fn a_websocket_is_not_read_while_the_application_takes_nothing() {
    let gate = Gate::default();
    let mut server = served_with(quick(), echo, gate.clone()).await;
    let mut ws = server.websocket().await;
    let link = server.opened().await;
    gate.shut();
    // It may have been waiting for a frame already: one message may come through.
    for number in 0..10 {
        send(&mut ws, format!("4{number}")).await;
    }
    // Whatever else the session has to do it does meanwhile.
    crate::app::tell(&link, &engineio::proto::Encoded::text("from elsewhere"));
    while text(&mut ws).await != "4from elsewhere" {}
    let early = server.told_so_far().len();
    assert!(early <= 1, "{early} messages came through");
    gate.open();
    for number in early..10 {
        assert_eq!(server.message().await, Message::Text(number.to_string().into()));
    }
}

#[tokio::test]
async fn a_post_is_answered_when_the_application_takes_more_and_a_second_one_meanwhile_is_an_overlap() {
    let gate = Gate::default();
    let mut server = served_with(quick(), echo, gate.clone()).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    gate.shut();
    let target = poller.target();
    poller.posts.send("POST", &target, &[], b"4one\x1e4two").await;
    crate::app::tell(&link, &engineio::proto::Encoded::text("from elsewhere"));
    assert_eq!(poller.poll().await, "4from elsewhere", "what goes out is not held back");
    assert!(server.told_so_far().is_empty(), "a body is a source of packets like a socket");
    gate.open();
    assert_eq!(server.message().await, Message::Text("one".into()));
    assert_eq!(server.message().await, Message::Text("two".into()));
    assert_eq!(poller.posts.answer().await.text(), "ok");

    gate.shut();
    poller.posts.send("POST", &target, &[], b"4three").await;
    // Otherwise whoever opens many connections could not be held back.
    let mut second = Http::connect(server.address).await;
    assert_eq!(second.request("POST", &target, &[], b"4four").await.status, 400);
    assert_eq!(server.closed().await, CloseReason::Overlap);
    assert_eq!(poller.posts.answer().await.text(), "ok");
    server.emptied().await;
}

#[tokio::test]
async fn a_client_that_is_held_back_is_not_blamed_for_its_silence() {
    let gate = Gate::default();
    let mut server = served_with(quick_heartbeat(), echo, gate.clone()).await;
    let mut ws = server.websocket().await;
    server.opened().await;
    gate.shut();
    assert_eq!(text(&mut ws).await, "2");
    send(&mut ws, "3").await;
    send(&mut ws, "4x").await;
    // Longer than a ping may stay unanswered: what came in time is read afterwards.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for told in server.told_so_far() {
        assert!(!matches!(told, Told::Closed(_)), "the heartbeat did not wait");
    }
    gate.open();
    assert_eq!(server.message().await, Message::Text("x".into()));
    // It was pinged meanwhile, or it would have given us up.
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "4x") {
        heard.push(text(&mut ws).await);
    }
    assert!(heard.len() > 1 && heard[..heard.len() - 1].iter().all(|ping| ping == "2"), "{heard:?}");
    // And from here on it counts again.
    assert_eq!(within(server.closed()).await, CloseReason::PingTimeout);
    let mut last = next(&mut ws).await;
    while last.as_ref().is_some_and(|message| message.is_text()) {
        last = next(&mut ws).await;
    }
    assert!(last.is_some_and(|message| message.is_close()));
}

/// A body of a megabyte may be some 100,000 packets.
#[tokio::test]
async fn a_post_of_many_packets_lets_others_have_their_turn() {
    let mut server = served_with(quick(), |_, _| Ok(()), Gate::default()).await;
    let mut poller = server.poller().await;
    let mut ws = server.websocket().await;
    server.opened().await;
    server.opened().await;
    let body = vec!["4"; 50_000].join("\x1e");
    poller.posts.send("POST", &poller.target(), &[], body.as_bytes()).await;
    send(&mut ws, "4between").await;
    let mut before = 0;
    while server.message().await != Message::Text("between".into()) {
        before += 1;
    }
    assert!(before < 40_000, "{before} packets of one body went first");
    assert_eq!(poller.posts.answer().await.text(), "ok");
}
