//! Mailboxes wake their lane, and lanes that are behind hold back those who read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Emit, Hub, MailboxConfig, Op, Target, Waiter};
use socketio_codec::Namespace;

use crate::support::socket;

#[derive(Default)]
pub(crate) struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Alarm {
    pub(crate) fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) fn alarm() -> (Arc<Alarm>, Waker) {
    let alarm = Arc::new(Alarm::default());
    (Arc::clone(&alarm), Waker::from(alarm))
}

fn hub(lanes: usize) -> Hub {
    let mut config = MailboxConfig::default();
    config.ops_max = 10;
    config.bytes_max = 10_000;
    Hub::new(lanes.try_into().expect("not zero"), config)
}

fn emit(hub: &Hub, bytes: usize) {
    hub.emit(Emit {
        target: Target::everyone(Namespace::ROOT),
        encoded: Encoded::text(&"x".repeat(bytes)),
        delivery: Delivery::Reliable,
        receipt: None,
    });
}

pub(crate) fn drain(hub: &Hub, lane: usize) -> Vec<Op> {
    let mut turn = Vec::new();
    let _ = hub.mailboxes()[lane].poll_drain(&mut Context::from_waker(Waker::noop()), &mut turn);
    turn
}

#[test]
fn a_lane_is_woken_once_for_all_that_comes_until_it_looks() {
    let hub = hub(1);
    let (alarm, waker) = alarm();
    let mut cx = Context::from_waker(&waker);
    let mut turn = Vec::new();
    assert!(hub.mailboxes()[0].poll_drain(&mut cx, &mut turn).is_pending());
    for _ in 0..3 {
        emit(&hub, 1);
    }
    assert_eq!(alarm.rings(), 1);
    assert!(hub.mailboxes()[0].poll_drain(&mut cx, &mut turn).is_ready());
    assert_eq!(turn.len(), 3);
    turn.clear();
    assert!(hub.mailboxes()[0].poll_drain(&mut cx, &mut turn).is_pending());
    hub.disconnect(socket(1));
    assert_eq!(alarm.rings(), 2);
}

#[test]
fn ops_come_out_in_the_order_in_which_they_went_in() {
    let hub = hub(1);
    for number in 0..50 {
        hub.disconnect(socket(number));
    }
    let order: Vec<_> = drain(&hub, 0)
        .iter()
        .map(|op| match op {
            Op::Disconnect(id) => *id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(order, (0..50).map(socket).collect::<Vec<_>>());
}

#[test]
fn too_many_ops_or_too_many_bytes_are_congestion_and_nothing_is_refused() {
    for (bytes, fits) in [(1, 10), (2_400, 3)] {
        let hub = hub(2);
        for _ in 0..fits {
            emit(&hub, bytes);
        }
        assert!(!hub.is_congested(), "{fits} events of {bytes} bytes");
        emit(&hub, bytes);
        assert!(hub.is_congested());
        emit(&hub, bytes);
        assert_eq!(drain(&hub, 0).len(), fits + 2);
        assert!(hub.is_congested(), "the other lane is still behind");
        assert_eq!(drain(&hub, 1).len(), fits + 2);
        for _ in 0..fits {
            emit(&hub, bytes);
        }
        assert!(!hub.is_congested(), "what was drained does not count any more");
    }
}

#[test]
fn those_who_wait_are_woken_when_the_last_lane_has_caught_up() {
    let hub = hub(2);
    let (alarm, waker) = alarm();
    let mut cx = Context::from_waker(&waker);
    let mut waiters = [Waiter::default(), Waiter::default()];
    assert_eq!(hub.poll_relieved(&mut cx, &mut waiters[0]), Poll::Ready(()));
    for _ in 0..11 {
        emit(&hub, 1);
    }
    for _ in 0..5 {
        // Asking again does not take a second place.
        for waiter in &mut waiters {
            assert_eq!(hub.poll_relieved(&mut cx, waiter), Poll::Pending);
        }
    }
    drain(&hub, 1);
    assert_eq!(alarm.rings(), 0);
    drain(&hub, 0);
    assert_eq!(alarm.rings(), 2);
    assert_eq!(hub.poll_relieved(&mut cx, &mut waiters[0]), Poll::Ready(()));
}

#[test]
fn a_place_of_a_former_congestion_is_no_place_in_the_next() {
    let hub = hub(1);
    let (alarm, waker) = alarm();
    let mut waiter = Waiter::default();
    for round in 1..=3 {
        for _ in 0..11 {
            emit(&hub, 1);
        }
        assert_eq!(hub.poll_relieved(&mut Context::from_waker(&waker), &mut waiter), Poll::Pending);
        drain(&hub, 0);
        assert_eq!(alarm.rings(), round);
    }
}

#[test]
fn a_waiter_that_moved_to_another_task_wakes_that() {
    let hub = hub(1);
    let ((old, old_waker), (new, new_waker)) = (alarm(), alarm());
    let mut waiter = Waiter::default();
    for _ in 0..11 {
        emit(&hub, 1);
    }
    assert!(hub.poll_relieved(&mut Context::from_waker(&old_waker), &mut waiter).is_pending());
    assert!(hub.poll_relieved(&mut Context::from_waker(&new_waker), &mut waiter).is_pending());
    drain(&hub, 0);
    assert_eq!((old.rings(), new.rings()), (0, 1));
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    // A lane on one thread, emitters that wait for relief on two others.
    let hub = Arc::new(hub(1));
    let emitters: Vec<_> = (0..2)
        .map(|_| {
            let hub = Arc::clone(&hub);
            std::thread::spawn(move || {
                let waker = unpark();
                let mut waiter = Waiter::default();
                for _ in 0..5_000 {
                    while hub.poll_relieved(&mut Context::from_waker(&waker), &mut waiter).is_pending() {
                        park();
                    }
                    emit(&hub, 1);
                }
            })
        })
        .collect();
    let waker = unpark();
    let mut turn = Vec::new();
    let mut drained = 0;
    while drained < 10_000 {
        match hub.mailboxes()[0].poll_drain(&mut Context::from_waker(&waker), &mut turn) {
            Poll::Ready(_) => drained += turn.drain(..).count(),
            Poll::Pending => park(),
        }
    }
    emitters.into_iter().for_each(|emitter| emitter.join().expect("an emitter does not panic"));
    assert!(!hub.is_congested());
}

/// Waits to be woken; for ever is ten seconds.
pub(crate) fn park() {
    let start = Instant::now();
    std::thread::park_timeout(Duration::from_secs(10));
    assert!(start.elapsed() < Duration::from_secs(10), "a wake-up was lost");
}

/// Wakes this thread.
pub(crate) fn unpark() -> Waker {
    Waker::from(Arc::new(Unpark(std::thread::current())))
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
