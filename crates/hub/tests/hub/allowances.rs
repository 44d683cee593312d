//! Who floods waits by itself, and is woken alone.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use engineio_proto::Delivery;
use fanfare_hub::{Allowance, Command, Connect, Expulsion, Hub, Lane, LaneConfig, MailboxConfig, Op, Target};
use socketio_codec::{AckId, Arguments, EventName, Namespace};

use crate::flow::{alarm, drain};
use crate::support::{Peer, socket};

const ROOT: Namespace = Namespace::ROOT;

fn hub(lanes: usize, configure: impl FnOnce(&mut MailboxConfig)) -> Hub {
    let mut config = MailboxConfig::default();
    config.session_work_max = 4000;
    configure(&mut config);
    Hub::new(lanes.try_into().expect("not zero"), config)
}

fn emit(hub: &Hub, target: Target, bytes: usize, by: &Arc<Allowance>) {
    let name = EventName::new("event").expect("it is a name");
    let arguments = Arguments::serialize(&("x".repeat(bytes),)).expect("text is JSON");
    let (id, delivery, receipt) = (None, Delivery::Reliable, None);
    hub.apply(Command::Emit { target, name: name.raw(), arguments: &arguments, id, delivery, receipt }, Some(by));
}

fn to_everyone(hub: &Hub, by: &Arc<Allowance>) {
    emit(hub, Target::everyone(ROOT), 1, by);
}

fn is_ready(allowance: &Allowance) -> bool {
    allowance.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// How many events fit into an allowance before it holds back.
fn fits(hub: &Hub, by: &Arc<Allowance>, target: &Target, bytes: usize) -> usize {
    (0..10_000).take_while(|_| is_ready(by)).inspect(|_| emit(hub, target.clone(), bytes, by)).count()
}

/// Lets a lane do all that waits for it.
fn run(hub: &Hub, lane: &mut Lane, number: usize) {
    drain(hub, number).into_iter().for_each(|op| lane.handle(op));
    lane.flush();
}

fn crowd(hub: &Hub, sockets: u64) -> Vec<Lane> {
    for number in 0..sockets {
        let peer = Peer::new();
        let (recipient, owner) = (Arc::clone(&peer) as _, peer as _);
        hub.connect(Connect { socket: socket(number), namespace: ROOT, recipient, owner }, None);
    }
    let lane = |number: usize| {
        let mut lane = hub.mailboxes()[number].lane(LaneConfig::default());
        run(hub, &mut lane, number);
        lane
    };
    (0..hub.mailboxes().len()).map(lane).collect()
}

#[test]
fn who_floods_is_held_back_and_nobody_else() {
    let hub = hub(2, |_| {});
    let [flooder, quiet] = [hub.allowance(), hub.allowance()];
    assert!(fits(&hub, &flooder, &Target::everyone(ROOT), 1) < 30);
    assert!(!is_ready(&flooder));
    assert!(is_ready(&quiet));
    to_everyone(&hub, &quiet);
    assert!(is_ready(&quiet), "it has little on its way");
}

#[test]
fn it_is_woken_alone_and_when_half_is_done() {
    let hub = hub(1, |_| {});
    let [flooder, other] = [hub.allowance(), hub.allowance()];
    let ((alarm, waker), (other_alarm, other_waker)) = (alarm(), alarm());
    for allowance in [&flooder, &other] {
        fits(&hub, allowance, &Target::everyone(ROOT), 1);
    }
    assert!(flooder.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    assert!(other.poll_ready(&mut Context::from_waker(&other_waker)).is_pending());
    let (mut done, all) = (0, flooder.outstanding());
    for op in drain(&hub, 0) {
        drop(op);
        done += 1;
        assert_eq!(alarm.rings() > 0, flooder.outstanding() < 2000, "after {done} of {all}");
        if other_alarm.rings() > 0 {
            break;
        }
        assert_eq!(other.poll_ready(&mut Context::from_waker(&other_waker)), Poll::Pending);
    }
    assert_eq!((alarm.rings(), other_alarm.rings()), (1, 1));
    assert!(is_ready(&flooder));
}

#[test]
fn everything_a_connection_asks_for_is_charged_and_given_back() {
    let hub = hub(3, |_| {});
    let (peer, by) = (Peer::new(), hub.allowance());
    let target = || Target::everyone(ROOT);
    let (recipient, owner) = (Arc::clone(&peer) as _, Arc::clone(&peer) as _);
    let arguments = Arguments::EMPTY;
    let refusal = (&ROOT, "no", None);
    let answer = Command::Answer { namespace: &ROOT, socket: socket(1), id: AckId::from(1), arguments: &arguments };
    let mut before = 0;
    let mut is_charged = |what: &str| {
        let outstanding = by.outstanding();
        assert!(outstanding > before, "{what}");
        before = outstanding;
    };
    hub.connect(Connect { socket: socket(1), namespace: ROOT, recipient, owner }, Some(&by));
    is_charged("connect");
    hub.refuse(0, Arc::clone(&peer) as _, refusal, Some(&by));
    is_charged("refusal");
    hub.apply(answer, Some(&by));
    is_charged("answer");
    hub.apply(Command::Join { target: target(), rooms: vec!["room".into()] }, Some(&by));
    is_charged("join");
    hub.apply(Command::Leave { target: target(), rooms: vec!["room".into()] }, Some(&by));
    is_charged("leave");
    to_everyone(&hub, &by);
    is_charged("emit");
    hub.apply(Command::Expel { target: target(), from: Expulsion::Namespace }, Some(&by));
    is_charged("expel");
    for number in [2, 0] {
        run(&hub, &mut hub.mailboxes()[number].lane(LaneConfig::default()), number);
        assert!(by.outstanding() > 0, "another lane has it still");
    }
    run(&hub, &mut hub.mailboxes()[1].lane(LaneConfig::default()), 1);
    assert_eq!(by.outstanding(), 0);
}

#[test]
fn a_share_is_one_of_work_by_bytes_and_by_recipients() {
    let hub = hub(1, |config| config.session_work_max = 20_480);
    let mut lanes = crowd(&hub, 1200);
    let by = || hub.allowance();
    let (everyone, one) = (Target::everyone(ROOT), Target::socket(ROOT, socket(1)));
    let ops = fits(&hub, &by(), &one, 1);
    let bytes = fits(&hub, &by(), &one, 50_000) * 50_000;
    assert!((100..=160).contains(&ops), "{ops} small ones");
    assert!((150_000..=300_000).contains(&bytes), "{bytes} bytes");
    assert_eq!(fits(&hub, &by(), &one, 1_000_000), 1, "one is always allowed");
    run(&hub, &mut lanes[0], 0);
    // Whom it is for is not known yet, so it could be all.
    let room = everyone.clone().to("of nobody");
    let (large, small) = (by(), by());
    let events = [fits(&hub, &large, &everyone, 1), fits(&hub, &small, &room, 1)];
    assert!(events.iter().all(|events| (14..=17).contains(events)), "{events:?}");
    let larger = fits(&hub, &by(), &everyone, 2_000);
    // A few more than the share has room for: with one at a time nothing of them would be written together.
    assert!((2..=4).contains(&larger), "{larger} of 2 kB");
    run(&hub, &mut lanes[0], 0);
    // But then it is.
    for _ in 0..500 {
        assert!(is_ready(&small));
        emit(&hub, room.clone(), 1, &small);
        run(&hub, &mut lanes[0], 0);
    }
    assert!((100..=160).contains(&fits(&hub, &small, &room, 1)));
    assert!((14..=17).contains(&fits(&hub, &large, &everyone, 1)));
}

#[test]
fn behind_lanes_only_those_are_read_who_have_nothing_on_its_way() {
    let hub = hub(2, |config| config.ops_max = 10);
    let [idle, busy] = [hub.allowance(), hub.allowance()];
    to_everyone(&hub, &busy);
    assert!(is_ready(&busy));
    for _ in 0..10 {
        hub.join(Target::everyone(ROOT), vec!["the program's own".into()]);
    }
    assert!(hub.is_congested());
    assert!(is_ready(&idle));
    let (alarm, waker) = alarm();
    assert!(busy.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    drain(&hub, 0);
    assert_eq!(alarm.rings(), 0);
    drain(&hub, 1);
    assert_eq!(alarm.rings(), 1);
    assert!(is_ready(&busy));
}

#[test]
fn far_behind_nobody_is_read_and_all_are_when_that_is_over() {
    let hub = hub(2, |config| (config.ops_max, config.full_factor) = (10, 3));
    let ((alarm, waker), idle) = (alarm(), hub.allowance());
    let join = || hub.join(Target::everyone(ROOT), vec!["the program's own".into()]);
    (0..30).for_each(|_| join());
    assert!(is_ready(&idle));
    join();
    for _ in 0..3 {
        assert!(idle.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    }
    drain(&hub, 0);
    assert_eq!(alarm.rings(), 0);
    drain(&hub, 1);
    assert_eq!(alarm.rings(), 1);
    assert!(is_ready(&idle));
}

#[test]
fn a_closed_mailbox_keeps_nothing_and_holds_nobody_back() {
    let hub = hub(1, |config| (config.ops_max, config.full_factor) = (10, 2));
    let by = hub.allowance();
    let (alarm, waker) = alarm();
    for _ in 0..30 {
        to_everyone(&hub, &by);
    }
    assert!(by.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    hub.mailboxes()[0].close();
    assert_eq!((by.outstanding(), hub.is_congested()), (0, false));
    assert!(alarm.rings() > 0 && is_ready(&by));
    to_everyone(&hub, &by);
    assert_eq!(by.outstanding(), 0);
    assert!(drain(&hub, 0).is_empty());
    let answered = Arc::new(std::sync::Mutex::new(None));
    let answer = Arc::clone(&answered);
    hub.fetch_sockets(Target::everyone(ROOT), move |found| *answer.lock().unwrap() = Some(found.len()));
    assert_eq!(*answered.lock().unwrap(), Some(0));
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    // A lane on one thread, three floods on others, each of which is held back all the time.
    let hub = Arc::new(hub(1, |config| (config.session_work_max, config.ops_max, config.full_factor) = (600, 4, 2)));
    let floods: Vec<_> = (0..3)
        .map(|_| {
            let hub = Arc::clone(&hub);
            std::thread::spawn(move || {
                let (by, waker) = (hub.allowance(), crate::flow::unpark());
                for _ in 0..3_000 {
                    while by.poll_ready(&mut Context::from_waker(&waker)).is_pending() {
                        crate::flow::park();
                    }
                    to_everyone(&hub, &by);
                }
            })
        })
        .collect();
    let (waker, mut turn, mut drained) = (crate::flow::unpark(), Vec::<Op>::new(), 0);
    while drained < 9_000 {
        match hub.mailboxes()[0].poll_drain(&mut Context::from_waker(&waker), &mut turn) {
            Poll::Ready(_) => drained += turn.drain(..).count(),
            Poll::Pending => crate::flow::park(),
        }
    }
    floods.into_iter().for_each(|flood| flood.join().expect("a flood does not panic"));
}
