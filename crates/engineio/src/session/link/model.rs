//! What several threads may do to a link at once, in thousands of orders: run by `make model`.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use engineio_proto::{CloseReason, Delivery, Encoded, Ledger, OutletBounds, Recipient};
use shuttle::future::block_on;
use shuttle::thread;

use super::{Errand, Link, Look, PollAnswer, Polled, WaitingPoll};
use crate::session::memory::Memory;

fn link() -> Arc<Link> {
    let ledger = Arc::new(Ledger::new(usize::MAX));
    let memory = Memory::new(Arc::clone(&ledger));
    let bounds = OutletBounds { bytes_max: 1 << 20, answer_bytes_max: 1 << 20, ledger };
    Arc::new(Link::new(Arc::new(memory), Arc::new(bounds)))
}

fn send(link: &Link, text: &str) {
    link.queue(&Encoded::text(text), Delivery::Reliable);
    link.flush();
}

fn payload(answer: PollAnswer) -> String {
    let PollAnswer::Payload(answer) = answer else { panic!("no payload") };
    String::from_utf8(answer.into_chunk().bytes().to_vec()).unwrap()
}

/// What the next poll is answered; a deadlock if it never is.
fn poll(link: &Arc<Link>) -> String {
    let Ok(polled) = link.poll() else { panic!("the session lives") };
    match polled {
        Polled::Answered(answer) => payload(PollAnswer::Payload(*answer)),
        Polled::Waits(waiting) => payload(block_on(waiting.answer()).expect("the session lives")),
    }
}

/// Waits, as the session's task does, until `is_over` says so of what it finds.
fn drive(link: &Link, mut is_over: impl FnMut(Option<Errand>, bool) -> bool) {
    block_on(poll_fn(|cx| {
        loop {
            let Look { errand, is_poll_gone, .. } = link.look(cx, true);
            let is_nothing = errand.is_none();
            if is_over(errand, is_poll_gone) {
                return Poll::Ready(());
            }
            if is_nothing {
                return Poll::Pending;
            }
        }
    }));
}

fn check(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(model, 5_000);
}

#[test]
fn a_poller_gets_what_two_send_whatever_the_order() {
    check(|| {
        let link = link();
        let senders = ["a", "b"].map(|name| {
            let link = Arc::clone(&link);
            thread::spawn(move || (0..3).for_each(|number| send(&link, &format!("{name}{number}"))))
        });
        let mut heard = Vec::new();
        while heard.len() < 6 {
            heard.extend(poll(&link).split('\x1e').map(|text| text[1..].to_owned()));
        }
        for name in ["a", "b"] {
            let of: Vec<_> = heard.iter().filter(|text| text.starts_with(name)).collect();
            assert_eq!(of, ["0", "1", "2"].map(|number| format!("{name}{number}")).iter().collect::<Vec<_>>());
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn the_task_hears_of_a_close_and_of_each_request_once() {
    check(|| {
        let link = link();
        let closers = [CloseReason::Shutdown, CloseReason::SlowConsumer].map(|reason| {
            let link = Arc::clone(&link);
            thread::spawn(move || link.close(reason))
        });
        let requesting = Arc::clone(&link);
        let requester = thread::spawn(move || assert!(requesting.request(super::SessionRequest::PostAborted).is_ok()));
        let (mut closes, mut requests) = (0, 0);
        drive(&link, |errand, _| {
            match errand {
                Some(Errand::Close(_)) => closes += 1,
                Some(Errand::Request(_)) => requests += 1,
                None => {}
            }
            closes > 0 && requests > 0
        });
        closers.into_iter().for_each(|closer| closer.join().unwrap());
        requester.join().unwrap();
        // A shutdown comes through behind another reason, and nothing does behind a shutdown.
        while let Some(errand) = link.lock().next_errand() {
            assert!(matches!(errand, Errand::Close(CloseReason::Shutdown)));
            closes += 1;
        }
        assert!(closes <= 2 && requests == 1);
    });
}

#[test]
fn a_poll_that_goes_away_is_noticed_or_its_message_kept() {
    check(|| {
        let link = link();
        let Ok(Polled::Waits(waiting)) = link.poll() else { panic!("nothing waits") };
        let sending = Arc::clone(&link);
        let sender = thread::spawn(move || send(&sending, "x"));
        let dropper = thread::spawn(move || drop::<WaitingPoll>(waiting));
        // Either way the client is gone, and the session ends.
        drive(&link, |_, is_lost| is_lost);
        sender.join().unwrap();
        dropper.join().unwrap();
    });
}

#[test]
fn a_poll_is_not_left_behind_when_the_session_ends_under_it() {
    check(|| {
        let link = link();
        let ending = Arc::clone(&link);
        let task = thread::spawn(move || {
            ending.seal();
            let rest = ending.shut();
            if let Some(poll) = rest.poll {
                let _ = poll.send(PollAnswer::HangUp);
            }
        });
        // It hears something, or that there is no session: a deadlock if neither.
        if let Ok(Polled::Waits(waiting)) = link.poll() {
            let answer = block_on(waiting.answer());
            assert!(matches!(answer, None | Some(PollAnswer::HangUp)));
        }
        task.join().unwrap();
    });
}
