//! From polling to WebSocket.

use std::sync::Arc;
use std::time::Duration;

use engineio::Link;
use engineio::proto::{CloseReason, Encoded, Recipient};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::app::{Served, Told, quick, served, tell};
use crate::support::{
    Dice, Http, Poller, Ws, bytes_until_end, connect, is_ended, next, packets, send, text, upgrade_request, within,
};

/// As the official client does it: probes, stops polling once the poll under way is answered, then changes over.
/// Gives what that last poll brought.
async fn upgrade(poller: &mut Poller, is_polling: bool) -> (Ws, Vec<String>) {
    let mut ws = probing(poller).await;
    let mut last = Vec::new();
    if is_polling {
        let answer = poller.polls.answer().await;
        last = packets(answer.text()).into_iter().map(str::to_owned).collect();
    }
    send(&mut ws, "5").await;
    (ws, last)
}

/// A candidate whose probe was answered.
async fn probing(poller: &Poller) -> Ws {
    let mut ws = connect(poller.address, &poller.websocket_target()).await;
    send(&mut ws, "2probe").await;
    assert_eq!(text(&mut ws).await, "3probe");
    ws
}

async fn upgraded(server: &Served) -> (Poller, Ws) {
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    let (ws, last) = upgrade(&mut poller, true).await;
    assert_eq!(last, ["6"]);
    (poller, ws)
}

#[tokio::test]
async fn an_upgraded_session_carries_messages_and_refuses_requests() {
    let server = served(quick()).await;
    let (mut poller, mut ws) = upgraded(&server).await;
    send(&mut ws, "4hello").await;
    assert_eq!(text(&mut ws).await, "4hello");
    for answer in [poller.poll_answer().await, poller.post("4x").await] {
        assert_eq!((answer.status, answer.text()), (400, r#"{"code":3,"message":"Bad request"}"#));
    }
    let mut second = connect(server.address, &poller.websocket_target()).await;
    assert!(is_ended(&mut second).await, "there is one WebSocket already");
    send(&mut ws, "4still").await;
    assert_eq!(text(&mut ws).await, "4still");
}

#[tokio::test]
async fn a_client_that_stays_in_its_poll_gets_a_noop_at_the_change() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    let mut ws = probing(&poller).await;
    poller.begin_poll().await;
    send(&mut ws, "5").await;
    assert_eq!(poller.polls.answer().await.text(), "6");
    send(&mut ws, "4x").await;
    assert_eq!(text(&mut ws).await, "4x");
}

#[tokio::test]
async fn a_poll_that_waits_at_the_change_gets_a_noop() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("6").await;
    // Without a probe, which would end the poll.
    let mut ws = connect(server.address, &poller.websocket_target()).await;
    send(&mut ws, "5").await;
    let answer = poller.polls.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "6"));
    send(&mut ws, "4x").await;
    assert_eq!(text(&mut ws).await, "4x");
}

#[tokio::test]
async fn polling_goes_on_beside_a_candidate_that_only_probes() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    let _ws = probing(&poller).await;
    assert_eq!(poller.poll().await, "6");
    assert_eq!(poller.post("4one").await.status, 200);
    let mut polled = poller.poll().await;
    while polled == "6" {
        polled = poller.poll().await;
    }
    assert_eq!(polled, "4one");
}

#[tokio::test]
async fn a_candidate_that_errs_or_is_late_loses_only_itself() {
    let mut config = quick();
    config.session.upgrade_timeout = Duration::from_millis(100);
    let server = served(config).await;
    let mut poller = server.poller().await;
    for first in ["4x", "2", "9", "1"] {
        let mut ws = connect(server.address, &poller.websocket_target()).await;
        send(&mut ws, first).await;
        assert!(is_ended(&mut ws).await, "{first}");
    }
    let mut late = connect(server.address, &poller.websocket_target()).await;
    assert!(is_ended(&mut late).await);
    poller.post("4x").await;
    assert_eq!(poller.poll().await, "4x");
    let (mut ws, _) = upgrade(&mut poller, false).await;
    send(&mut ws, "4y").await;
    assert_eq!(text(&mut ws).await, "4y");
}

#[tokio::test]
async fn a_second_candidate_is_closed_while_the_first_goes_on() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    let mut first = probing(&poller).await;
    let mut second = connect(server.address, &poller.websocket_target()).await;
    assert!(is_ended(&mut second).await);
    poller.post("4x").await;
    send(&mut first, "5").await;
    assert_eq!(text(&mut first).await, "4x", "what waited for a poll comes by the WebSocket");
}

/// The official client stops polling when its probe is answered. Losing the candidate then, it would notice nothing
/// before its heartbeat is overdue.
#[tokio::test]
async fn a_session_closed_in_the_middle_of_its_upgrade_is_told_so_at_the_end_of_it() {
    for reason in [CloseReason::Shutdown, CloseReason::Dropped("enough"), CloseReason::Application("enough")] {
        let mut server = served(quick()).await;
        let mut poller = server.poller().await;
        let link = server.opened().await;
        let mut ws = probing(&poller).await;
        assert_eq!(poller.poll().await, "6");
        tell(&link, &Encoded::text("goodbye"));
        match reason {
            CloseReason::Shutdown => server.engine.close(),
            _ => link.close(reason),
        }
        assert_eq!(server.closed().await, reason);
        send(&mut ws, "5").await;
        assert_eq!(text(&mut ws).await, "4goodbye");
        if reason.is_silent() {
            assert!(bytes_until_end(ws).await.is_empty());
        } else {
            assert!(next(&mut ws).await.is_some_and(|message| message.is_close()));
            assert!(next(&mut ws).await.is_none());
        }
        server.emptied().await;
    }
}

#[tokio::test]
async fn a_post_in_flight_at_the_change_is_cut_off_and_the_session_lives() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    let head = format!("POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n4half", poller.target());
    poller.posts.write(head.as_bytes()).await;
    let (mut ws, _) = upgrade(&mut poller, false).await;
    assert_ne!(poller.posts.try_answer().await.map_or(0, |answer| answer.status), 200);
    send(&mut ws, "4x").await;
    assert_eq!(text(&mut ws).await, "4x");
}

#[tokio::test]
async fn an_upgrade_that_is_not_offered_is_refused() {
    let mut config = quick();
    config.allow_upgrades = false;
    let server = served(config).await;
    let mut poller = server.poller().await;
    assert!(poller.opening.contains(r#""upgrades":[]"#));
    let mut http = Http::connect(server.address).await;
    http.write(upgrade_request(&poller.websocket_target()).as_bytes()).await;
    assert_eq!(http.answer().await.status, 400);
    poller.post("4x").await;
    assert_eq!(poller.poll().await, "4x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_numbers_survives_the_upgrade_of_its_reader() {
    let mut server = served(quick()).await;
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let mut poller = server.poller().await;
        let link = server.opened().await;
        let count = 50 + dice.below(150);
        let counting = tokio::spawn(count_up(link, count, Dice::new(seed + 1_000)));
        let received = read_through_an_upgrade(&mut poller, count, &mut dice).await;
        let expected: Vec<_> = (0..count).map(|number| format!("4{number}")).collect();
        assert_eq!(received, expected, "seed {seed}");
        counting.await.unwrap();
    }
}

/// Sends the numbers below `count`, some at once, some with a pause between them.
async fn count_up(link: Arc<Link>, count: u64, mut dice: Dice) {
    for number in 0..count {
        tell(&link, &Encoded::text(&number.to_string()));
        match dice.below(12) {
            0 => tokio::time::sleep(Duration::from_micros(dice.below(2_000))).await,
            1..8 => tokio::task::yield_now().await,
            _ => {}
        }
    }
}

async fn read_through_an_upgrade(poller: &mut Poller, count: u64, dice: &mut Dice) -> Vec<String> {
    let mut received = Vec::new();
    let mut polls = dice.below(6);
    while polls > 0 && (received.len() as u64) < count {
        keep_messages(packets(&poller.poll().await), &mut received);
        polls -= 1;
    }
    let is_polling = (received.len() as u64) < count && dice.below(4) > 0;
    if is_polling {
        poller.begin_poll().await;
    }
    let (mut ws, last) = upgrade(poller, is_polling).await;
    keep_messages(last.iter().map(String::as_str).collect(), &mut received);
    while (received.len() as u64) < count {
        received.push(text(&mut ws).await);
    }
    received
}

fn keep_messages(packets: Vec<&str>, received: &mut Vec<String>) {
    received.extend(packets.into_iter().filter(|packet| *packet != "6").map(str::to_owned));
}

#[tokio::test]
async fn a_reset_at_any_step_of_the_upgrade_leaves_nothing_behind() {
    let mut server = served(quick()).await;
    for round in 0..200 {
        let mut poller = server.poller().await;
        poller.begin_poll().await;
        // Answered when the poll has been seen.
        poller.post("6").await;
        reset_at(round % 6, &poller).await;
        if round % 6 == PROBED {
            // Its poll was answered, so that it can change over; it goes on by polling instead, and leaves.
            poller.post("1").await;
        }
        // The poll that waits goes last: with it goes the session, if the reset did not end it already.
        poller.polls.reset();
    }
    server.emptied().await;
    let closed = server.told_so_far().iter().filter(|told| matches!(told, Told::Closed(_))).count();
    assert_eq!(closed, 200, "each session ended once");
}

const PROBED: u32 = 4;

/// Goes so many steps with a candidate, and resets its connection.
async fn reset_at(step: u32, poller: &Poller) {
    let mut stream = TcpStream::connect(poller.address).await.unwrap();
    stream.set_zero_linger().unwrap();
    let request = upgrade_request(&poller.websocket_target());
    match step {
        0 => {}
        1 => stream.write_all(&request.as_bytes()[..request.len() / 2]).await.unwrap(),
        2 => stream.write_all(request.as_bytes()).await.unwrap(),
        _ => {
            let mut ws = crate::support::connect_over(stream, &poller.websocket_target()).await;
            if step >= PROBED {
                send(&mut ws, "2probe").await;
                assert_eq!(text(&mut ws).await, "3probe");
            }
            if step > PROBED {
                send(&mut ws, "5").await;
                send(&mut ws, "4x").await;
                assert_eq!(text(&mut ws).await, "4x");
            }
        }
    }
}

#[tokio::test]
async fn a_close_during_the_upgrade_reaches_both_connections() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    let mut ws = probing(&poller).await;
    link.close(CloseReason::Application("enough"));
    assert_eq!(server.closed().await, CloseReason::Application("enough"));
    assert_eq!(poller.poll().await, "6\u{1e}1");
    assert!(is_ended(&mut ws).await);
    server.emptied().await;
}

#[tokio::test]
async fn a_candidate_is_told_when_the_client_leaves_by_polling() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let mut ws = probing(&poller).await;
    assert_eq!(poller.post("1").await.status, 200);
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    assert!(within(next(&mut ws)).await.is_none_or(|message| message.is_close()));
}
