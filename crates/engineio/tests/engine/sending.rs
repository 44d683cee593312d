//! What is sent at once: past the queue, or into the poll that waits.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use engineio::proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use engineio::{Engine, Link, NoPeerAddr};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::app::{Gate, PATH, Served, Told, echo, engine, quick, served, served_narrowly};
use crate::support::{Poller, packets, text, within};

fn send_now(link: &Link, text: &str) -> Queued {
    link.send(&Encoded::text(text), Delivery::Reliable)
}

#[tokio::test]
async fn a_message_behind_which_nothing_comes_leaves_at_once_and_not_before_what_waits() {
    let mut server = served(quick()).await;
    let mut ws = server.websocket().await;
    let link = server.opened().await;
    assert_eq!(send_now(&link, "first"), Queued::Sent);
    assert_eq!(link.queue(&Encoded::text("second"), Delivery::Reliable), Queued::Fresh);
    assert_eq!(send_now(&link, "third"), Queued::Behind);
    assert_eq!(send_now(&link, "fourth"), Queued::Sent);
    for expected in ["4first", "4second", "4third", "4fourth"] {
        assert_eq!(text(&mut ws).await, expected);
    }
    link.close(CloseReason::Application("enough"));
    assert_eq!(send_now(&link, "late"), Queued::Closed);
}

#[tokio::test]
async fn a_message_that_the_socket_takes_in_part_is_finished_before_the_next_one() {
    let mut server = served_narrowly(quick()).await;
    let mut ws = server.slow_websocket().await;
    let link = server.opened().await;
    assert!(text(&mut ws).await.starts_with("0{"));
    let lens = [300_000, 10, 200_000];
    for len in lens {
        assert_eq!(send_now(&link, &"x".repeat(len)), Queued::Behind);
    }
    assert_eq!(link.send(&Encoded::text("dropped"), Delivery::Volatile), Queued::Dropped);
    for len in lens {
        assert_eq!(text(&mut ws).await.len(), 1 + len);
    }
}

/// A polling session whose first answer, with the open packet, has come.
async fn polling(server: &mut Served) -> (Poller, Arc<Link>) {
    let poller = server.poller().await;
    let link = server.opened().await;
    (poller, link)
}

/// Without the session's task, which has had no chance to run when the answer is there.
#[tokio::test]
async fn a_waiting_poll_is_answered_by_who_sends() {
    let (engine, mut told) = engine(quick(), echo, Gate::default());
    let (sid, link) = opened(&engine, &mut told).await;
    for round in 0..50 {
        assert_eq!(link.send(&Encoded::text("too early"), Delivery::Volatile), Queued::Dropped, "round {round}");
        let mut poll = Box::pin(engine.call(get(&format!("&sid={sid}"))));
        while !link.send(&Encoded::text("now"), Delivery::Volatile).is_queued() {
            tokio::task::yield_now().await;
        }
        let Poll::Ready(answer) = poll.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the answer was left to the task");
        };
        assert_eq!(body(answer).await, "4now");
    }
}

#[tokio::test]
async fn what_comes_between_two_polls_is_the_answer_to_the_next_one() {
    let mut server = served(quick()).await;
    let (mut poller, link) = polling(&mut server).await;
    for round in 0..50 {
        let expected: Vec<String> = (0..round % 3 + 1).map(|number| format!("4{round}.{number}")).collect();
        for packet in &expected {
            assert!(send_now(&link, &packet[1..]).is_queued());
        }
        assert_eq!(packets(&poller.poll().await), expected);
    }
}

/// The client goes away, and before the session's task has run again, the poll is answered.
#[tokio::test]
async fn an_answer_to_a_poll_that_has_gone_ends_the_session() {
    let (engine, mut told) = engine(quick(), echo, Gate::default());
    let (sid, link) = opened(&engine, &mut told).await;
    let poll = Box::pin(engine.call(get(&format!("&sid={sid}"))));
    while link.queue(&Encoded::text("?"), Delivery::Volatile) == Queued::Dropped {
        tokio::task::yield_now().await;
    }
    drop(poll);
    link.flush();
    let Some(Told::Closed(reason)) = within(told.recv()).await else { panic!("a session has ended") };
    assert_eq!(reason, CloseReason::TransportError);
}

fn get(query: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("{PATH}?EIO=4&transport=polling{query}")).extension(NoPeerAddr).body(Empty::new()).unwrap()
}

async fn body(answer: Response<engineio::Body>) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// A session by hand, without a connection underneath.
async fn opened(engine: &Engine, told: &mut UnboundedReceiver<Told>) -> (String, Arc<Link>) {
    let opening = body(engine.call(get("")).await).await;
    let Some(Told::Opened(link)) = within(told.recv()).await else { panic!("a session was opened") };
    (opening[9..29].to_owned(), link)
}

/// A client that is between two polls, among thousands, must not cost a wake for each event.
#[tokio::test]
async fn the_task_is_woken_once_for_all_that_waits_for_a_poll() {
    let gate = Gate::default();
    let (engine, mut told) = engine(quick(), echo, gate.clone());
    let (_sid, link) = opened(&engine, &mut told).await;
    tokio::task::yield_now().await;
    let before = gate.looks();
    for _ in 0..100 {
        assert!(send_now(&link, "x").is_queued());
        tokio::task::yield_now().await;
    }
    assert_eq!(gate.looks() - before, 1);
}

#[tokio::test]
async fn what_the_packets_of_one_post_are_answered_comes_in_one_answer() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    let payload = (0..10).map(|number| format!("4{number}")).collect::<Vec<_>>().join("\u{1e}");
    assert_eq!(poller.post(&payload).await.status, 200);
    assert_eq!(poller.polls.answer().await.text(), payload);
}

/// The per-recipient path of a broadcast: one event at once, or several together.
#[tokio::test]
async fn sending_to_a_websocket_allocates_nothing_once_its_queue_has_grown() {
    let mut server = served(quick()).await;
    let mut ws = server.websocket().await;
    let link = server.opened().await;
    let event = Encoded::text("event");
    let together = || {
        (0..4).for_each(|_| assert!(link.queue(&event, Delivery::Reliable).is_queued()));
        link.flush();
    };
    together();
    let allocated = measure(|| {
        assert_eq!(link.send(&event, Delivery::Reliable), Queued::Sent);
        together();
    });
    assert_eq!(allocated.count_total, 0);
    for _ in 0..9 {
        assert_eq!(text(&mut ws).await, "4event");
    }
}

#[tokio::test]
async fn answering_a_poll_with_one_event_allocates_nothing_once_the_queue_has_grown() {
    let mut server = served(quick()).await;
    let (mut poller, link) = polling(&mut server).await;
    let event = Encoded::text("event");
    // The first answer makes the queues grow, the runtime's among them.
    for is_first in [true, false] {
        poller.begin_poll().await;
        let mut queued = Queued::Dropped;
        while queued == Queued::Dropped {
            tokio::task::yield_now().await;
            let allocated = measure(|| queued = link.send(&event, Delivery::Volatile));
            assert!(is_first || allocated.count_total == 0);
        }
        assert_eq!(poller.polls.answer().await.text(), "4event");
    }
}
