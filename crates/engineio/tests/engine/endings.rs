//! The ways in which sessions end, and that nothing is left of them.

use std::time::Duration;

use engineio::proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use engineio::serve;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::{Gate, PATH, Told, WEBSOCKET, echo, engine, quick, quick_heartbeat, served, served_with, tell};
use crate::support::{Http, bytes_until_end, connect, is_ended, send, text, within};

#[tokio::test]
async fn a_server_that_closes_just_ends_its_connections() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    let ws = server.websocket().await;
    poller.begin_poll().await;
    poller.post("6").await;
    server.engine.close();
    // To some clients a close packet, or a close frame, is an orderly end, from which they do not come back.
    assert!(poller.polls.end().await.is_empty());
    assert!(bytes_until_end(ws).await.is_empty());
    assert_eq!(server.closed().await, CloseReason::Shutdown);
    assert_eq!(server.closed().await, CloseReason::Shutdown);
    assert_eq!(tell(&link, &Encoded::text("late")), Queued::Closed);
    server.emptied().await;
    let mut http = Http::connect(server.address).await;
    assert_eq!(http.get(&format!("{PATH}?EIO=4&transport=polling")).await.status, 503);
}

#[tokio::test]
async fn a_close_packet_waits_for_the_poll_that_fetches_it_behind_what_was_sent_before() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    tell(&link, &Encoded::text("goodbye"));
    link.close(CloseReason::Application("enough"));
    assert_eq!(tell(&link, &Encoded::text("late")), Queued::Closed);
    assert_eq!(server.closed().await, CloseReason::Application("enough"));
    assert_eq!(tell(&link, &Encoded::text("too late")), Queued::Closed);
    assert_eq!(poller.poll().await, "4goodbye\u{1e}1");
    server.emptied().await;
    assert_eq!(poller.poll_answer().await.status, 400);
}

/// What is queued, and not yet sent, when the session is closed.
#[tokio::test]
async fn a_waiting_poll_gets_the_close_packet_with_what_was_queued_before_it() {
    for reason in [CloseReason::Shutdown, CloseReason::Dropped("enough"), CloseReason::Application("enough")] {
        let mut server = served(quick()).await;
        let mut poller = server.poller().await;
        let link = server.opened().await;
        poller.begin_poll().await;
        while link.queue(&Encoded::text("goodbye"), Delivery::Volatile) == Queued::Dropped {
            tokio::task::yield_now().await;
        }
        link.close(reason);
        link.flush();
        let expected = if reason.is_silent() { "4goodbye" } else { "4goodbye\u{1e}1" };
        assert_eq!(poller.polls.answer().await.text(), expected);
        assert_eq!(server.closed().await, reason);
        server.emptied().await;
    }
}

#[tokio::test]
async fn a_close_behind_an_answer_is_for_the_next_poll_unless_the_client_closes_first() {
    for is_first in [false, true] {
        let mut config = quick();
        config.session.close_timeout = Duration::from_secs(30);
        let mut server = served(config).await;
        let mut poller = server.poller().await;
        let link = server.opened().await;
        poller.begin_poll().await;
        while link.send(&Encoded::text("goodbye"), Delivery::Volatile) == Queued::Dropped {
            tokio::task::yield_now().await;
        }
        link.close(CloseReason::Application("enough"));
        assert_eq!(poller.polls.answer().await.text(), "4goodbye");
        assert_eq!(server.closed().await, CloseReason::Application("enough"));
        if is_first {
            assert_eq!(poller.post("1").await.status, 200);
        } else {
            assert_eq!(poller.poll().await, "6\u{1e}1");
        }
        server.emptied().await;
    }
}

#[tokio::test]
async fn a_client_that_posts_what_is_no_packet_hears_of_its_end_in_the_poll_that_waits() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("6").await;
    poller.post("9").await;
    let answer = poller.polls.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "1"));
    assert_eq!(server.closed().await, CloseReason::ParseError);
}

#[tokio::test]
async fn a_close_packet_that_nobody_fetches_is_forgotten() {
    let mut config = quick();
    config.session.close_timeout = Duration::from_millis(50);
    let mut server = served(config).await;
    let _poller = server.poller().await;
    let link = server.opened().await;
    link.close(CloseReason::Application("enough"));
    server.emptied().await;
}

#[tokio::test]
async fn a_websocket_session_ends_by_close_packet_close_frame_or_the_end_of_the_connection() {
    let mut server = served(quick()).await;
    for way in 0..3 {
        let mut ws = server.websocket().await;
        match way {
            0 => {
                send(&mut ws, "1").await;
                assert!(is_ended(&mut ws).await);
            }
            1 => {
                ws.close(None).await.unwrap();
                assert!(is_ended(&mut ws).await);
            }
            _ => drop(ws),
        }
        assert_eq!(server.closed().await, CloseReason::TransportClose, "way {way}");
    }
    server.emptied().await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_closed() {
    let mut server = served(quick_heartbeat()).await;
    let _silent_poller = server.poller().await;
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
    let mut ws = server.websocket().await;
    assert_eq!(text(&mut ws).await, "2");
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
    assert!(is_ended(&mut ws).await);
    drop(ws);
    server.emptied().await;
}

#[tokio::test]
async fn a_session_that_stops_in_the_middle_of_an_upgrade_ends_by_its_heartbeat() {
    let mut server = served(quick_heartbeat()).await;
    let poller = server.poller().await;
    let mut ws = connect(server.address, &poller.websocket_target()).await;
    send(&mut ws, "2probe").await;
    assert_eq!(text(&mut ws).await, "3probe");
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
    assert!(is_ended(&mut ws).await);
    server.emptied().await;
}

#[tokio::test]
async fn an_application_that_errs_upon_a_message_closes_and_sees_no_more_of_them() {
    let enough = |_: &engineio::Link, _: &engineio::proto::Message| Err(CloseReason::Application("enough"));
    let mut server = served_with(quick(), enough, Gate::default()).await;
    let mut poller = server.poller().await;
    poller.begin_poll().await;
    poller.post("6").await;
    poller.post("4one\u{1e}4two\u{1e}4three").await;
    assert_eq!(poller.polls.answer().await.text(), "1");
    assert_eq!(server.closed().await, CloseReason::Application("enough"));
    let rest = server.told_so_far();
    assert!(rest.is_empty(), "nothing comes after the end");
    let mut ws = server.websocket().await;
    send(&mut ws, "4one").await;
    assert!(is_ended(&mut ws).await);
}

#[tokio::test]
async fn nothing_is_left_after_a_thousand_sessions_have_come_and_gone() {
    let mut server = served(quick()).await;
    for round in 0..250 {
        let mut poller = server.poller().await;
        let mut ws = server.websocket().await;
        let mut aborted = server.poller().await;
        let ws_aborted = server.websocket().await;
        drop(ws_aborted);
        aborted.begin_poll().await;
        aborted.post("6").await;
        aborted.polls.reset();
        if round % 2 == 0 {
            poller.post("4x\u{1e}1").await;
            send(&mut ws, "1").await;
        } else {
            poller.post("9").await;
            send(&mut ws, "9").await;
        }
    }
    server.emptied().await;
    let mut opened = 0;
    let mut closed = 0;
    for told in server.told_so_far() {
        match told {
            Told::Opened(link) => {
                opened += 1;
                assert_eq!(std::sync::Arc::strong_count(&link), 1, "nobody else holds a session that is over");
            }
            Told::Closed(_) => closed += 1,
            Told::Message(_) => {}
        }
    }
    assert_eq!((opened, closed), (1_000, 1_000));
}

/// One silent client would otherwise cost the whole deadline of a shutdown.
#[tokio::test]
async fn a_shutdown_reaches_sessions_that_are_closing_already() {
    let mut config = quick();
    config.session.close_timeout = Duration::from_secs(30);
    let mut server = served(config).await;
    let _silent_poller = server.poller().await;
    let polling = server.opened().await;
    // Takes its close frame, and does not agree.
    let silent = server.websocket().await;
    let socket = server.opened().await;
    for link in [polling, socket] {
        link.close(CloseReason::Application("enough"));
        assert_eq!(server.closed().await, CloseReason::Application("enough"));
    }
    let started = tokio::time::Instant::now();
    server.engine.close();
    within(server.engine.drained()).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    drop(silent);
}

/// It is not waited for, nor is anything flushed.
#[tokio::test]
async fn whoever_breaks_the_rules_is_not_waited_for() {
    let mut config = quick();
    config.session.close_timeout = Duration::from_secs(30);
    let mut server = served(config).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    tell(&link, &Encoded::text("never fetched"));
    link.close(CloseReason::Violation("nonsense"));
    assert_eq!(server.closed().await, CloseReason::Violation("nonsense"));
    server.emptied().await;
    assert_eq!(poller.poll_answer().await.status, 400);
}

#[tokio::test]
async fn handshakes_under_way_at_once_do_not_overshoot_the_bound() {
    let mut config = quick();
    config.sessions_max = 5;
    let server = served(config).await;
    let mut waiting = Vec::new();
    for number in 0..12 {
        let mut http = Http::connect(server.address).await;
        let target = if number % 2 == 0 { WEBSOCKET.to_owned() } else { format!("{PATH}?EIO=4&transport=polling") };
        if number % 2 == 0 {
            http.write(crate::support::upgrade_request(&target).as_bytes()).await;
        } else {
            http.send("GET", &target, &[], b"").await;
        }
        waiting.push(http);
    }
    let mut accepted = 0;
    for http in &mut waiting {
        let status = http.answer().await.status;
        assert!(matches!(status, 101 | 200 | 503), "{status}");
        accepted += usize::from(status != 503);
    }
    assert_eq!(accepted, 5);
    assert!(server.engine.session_count() <= 5);
}

/// Its rest may never come, and the server would wait as long as for any other head.
#[tokio::test]
async fn half_a_head_does_not_hold_up_the_end() {
    let (engine, _told) = engine(quick(), echo, Gate::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = move |request| engine.call(request);
    let serving = tokio::spawn(serve(listener, service, async move { drop(stopped.await) }));
    let mut half = Http::connect(address).await;
    half.write(b"GET / HTTP/1.1\r\nhost: a").await;
    assert_eq!(Http::connect(address).await.get("/").await.status, 404);
    drop(stop);
    let ended = tokio::time::timeout(Duration::from_secs(5), serving).await;
    ended.expect("nobody waits for the rest").unwrap();
    assert!(half.end().await.is_empty());
}
