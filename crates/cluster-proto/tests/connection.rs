//! The link to Redis in virtual time: the faults of which it is to make nothing, or little.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_cluster_proto::connection::{
    Action, AtStart, Command, Connection, Link, LinkConfig, Notice, Phase, Reply, Role, Subscription, SubscriptionKind,
    Why, Wish,
};

#[test]
fn is_joined_when_all_is_confirmed_and_counted_last() {
    let mut run = Run::new(LinkConfig::default());
    run.redis.answers = 0;
    run.turn();
    assert_eq!(run.link.phase(), Phase::Subscribing);
    assert!(run.redis.asked.iter().all(|asked| !asked.contains("request")), "who is counted is to answer");
    run.redis.answers = 3;
    run.turn();
    assert_eq!(run.redis.asked.last().unwrap(), "SUBSCRIBE socket.io-request#/#");
    run.redis.answers = 1;
    run.turn();
    assert_eq!(run.link.phase(), Phase::Confirmed);
    assert!(!run.link.is_joined() && run.link.publisher().is_none() && !run.link.is_ready());
    run.redis.answers = usize::MAX;
    run.turn();
    assert_eq!(run.link.phase(), Phase::Joined);
    assert!(run.link.is_ready() && run.link.publisher().is_some() && run.link.is_group_confirmed("/"));
    assert_eq!(run.notices(), ["joined, deaf None"]);
}

#[test]
fn killed_redis_is_joined_again_soon_after_it_is_back() {
    for outage in [3, 15, 600].map(Duration::from_secs) {
        let mut run = Run::joined();
        run.notices();
        run.redis.is_there = false;
        run.redis.cut(&mut run.link, run.now);
        run.pass(outage);
        assert_eq!(run.link.phase(), Phase::Connecting);
        assert!(run.link.publisher().is_none() && run.link.is_ready());
        let tries = run.redis.connects;
        assert!(tries as u64 <= 2 * (outage.as_secs() + 8), "{tries} tries in {outage:?}");
        run.redis.is_there = true;
        run.pass(Duration::from_millis(2_100));
        assert!(run.link.is_joined());
        let notices = run.notices();
        assert_eq!(notices[0], "lost: the subscriber's connection ended: reset");
        assert!(notices[1..notices.len() - 1].iter().all(|notice| notice.starts_with("waiting")), "{notices:?}");
        assert!(notices.len() <= 5, "each is said once: {notices:?}");
        assert!(notices.last().unwrap().starts_with("joined, deaf Some"));
    }
}

#[test]
fn killed_subscriber_is_whole_again_and_the_publisher_stays() {
    let mut run = Run::joined();
    let publisher = run.link.publisher();
    for _ in 0..3 {
        run.redis.kill(Role::Subscriber, &mut run.link, run.now);
        assert!(!run.link.is_joined());
        assert_eq!(run.link.publisher(), publisher, "what we say is heard meanwhile");
        run.pass(Duration::from_millis(500));
        assert!(run.link.is_joined());
    }
    assert_eq!(run.redis.subscribed.len(), 4);
    assert_eq!(run.redis.connects, 5);
    assert_eq!(run.link.publisher(), publisher);
}

#[test]
fn killed_publisher_does_not_make_deaf() {
    let mut run = Run::joined();
    run.notices();
    run.redis.kill(Role::Publisher, &mut run.link, run.now);
    assert!(run.link.publisher().is_none());
    run.pass(Duration::from_millis(500));
    assert!(run.link.is_joined());
    assert_eq!(run.notices(), ["lost: the publisher's connection ended: reset", "joined, deaf None"]);
}

#[test]
fn short_pause_is_waited_out() {
    let mut run = Run::joined();
    run.notices();
    run.redis.answers = 0;
    run.pass(Duration::from_secs(4));
    assert!(run.link.is_joined());
    run.redis.answers = usize::MAX;
    run.pass(Duration::from_secs(10));
    assert!(run.link.is_joined());
    assert_eq!((run.notices().len(), run.redis.connects), (0, 2));
}

#[test]
fn half_open_connection_is_noticed() {
    let mut run = Run::joined();
    run.notices();
    run.redis.answers = 0;
    let silence = LinkConfig::default().ping_interval + LinkConfig::default().reply_timeout;
    run.pass(silence - Duration::from_millis(1));
    assert!(run.link.is_joined());
    run.pass(Duration::from_millis(1));
    assert!(!run.link.is_joined());
    assert_eq!(run.notices()[0], "lost: no reply to PING on the subscriber's connection");
    run.redis.answers = usize::MAX;
    run.pass(Duration::from_secs(3));
    assert!(run.link.is_joined());
}

#[test]
fn who_speaks_is_not_silent_however_late_it_answers() {
    let mut run = Run::joined();
    run.redis.mute = Some(Role::Subscriber);
    let subscriber = *run.redis.open.iter().find(|open| open.role() == Role::Subscriber).unwrap();
    for _ in 0..60 {
        run.link.handle_heard(subscriber, run.now);
        run.pass(Duration::from_secs(1));
    }
    assert!(run.link.is_joined(), "{:?}", run.notices());
    run.pass(LinkConfig::default().reply_timeout);
    assert!(!run.link.is_joined(), "now it is silent");
}

#[test]
fn frozen_redis_that_takes_connections_is_given_up_each_time() {
    let mut run = Run::new(LinkConfig::default());
    run.redis.answers = 0;
    run.pass(Duration::from_secs(60));
    assert!(!run.link.is_joined());
    assert!((8..=24).contains(&run.redis.connects), "{}", run.redis.connects);
    let notices = run.notices();
    assert!(notices.iter().any(|notice| notice.contains("no reply to SUBSCRIBE") || notice.contains("PSUBSCRIBE")));
}

#[test]
fn refused_channel_is_named_and_asked_for_again() {
    let mut run = Run::new(LinkConfig::default());
    run.redis.refuses = Some("socket.io-request#/#");
    run.pass(Duration::from_secs(30));
    assert!(!run.link.is_joined() && !run.link.is_ready());
    let expected = "waiting: SUBSCRIBE socket.io-request#/# is refused: NOPERM";
    assert_eq!(run.notices(), [expected], "it is said once");
    assert_eq!(run.link.refused().count(), 1);
    assert_eq!(run.redis.connects, 2, "the connections are not what is wrong");
    run.redis.refuses = None;
    run.pass(LinkConfig::default().refused_retry);
    assert!(run.link.is_joined());
}

#[test]
fn nobody_is_counted_who_cannot_answer() {
    let mut run = Run::new(LinkConfig::default());
    run.redis.refuses = Some("socket.io-response#/#");
    run.pass(Duration::from_secs(60));
    assert!(!run.redis.asked.iter().any(|asked| asked.contains("request")));
}

#[test]
fn start_fails_at_the_first_fault_if_it_is_to() {
    let config = || LinkConfig { at_start: AtStart::Fail, ..LinkConfig::default() };
    let mut run = Run::new(config());
    run.redis.is_there = false;
    run.pass(Duration::from_secs(1));
    assert_eq!((run.link.phase(), run.link.poll_timeout()), (Phase::Over, None));
    assert_eq!(run.failed(), "the subscriber cannot connect: nobody there");

    let mut run = Run::new(config());
    run.redis.refuses = Some("socket.io#/#*");
    run.pass(Duration::from_secs(1));
    assert_eq!(run.failed(), "PSUBSCRIBE socket.io#/#* is refused: NOPERM");
    assert!(run.redis.open.is_empty(), "nothing is left behind");

    let mut run = Run::new(config());
    run.pass(Duration::from_secs(1));
    run.redis.cut(&mut run.link, run.now);
    run.pass(Duration::from_secs(1));
    assert!(run.link.is_joined(), "once joined it is like any other");
}

#[test]
fn alone_it_is_ready_without() {
    let mut run = Run::new(LinkConfig { at_start: AtStart::Alone, ..LinkConfig::default() });
    run.redis.is_there = false;
    run.pass(Duration::from_secs(5));
    assert!(run.link.is_ready() && !run.link.is_joined());
}

#[test]
fn two_servers_are_no_cluster() {
    let mut run = Run::new(LinkConfig::default());
    run.redis.count = 0;
    run.pass(Duration::from_secs(10));
    assert!(!run.link.is_joined() && run.link.publisher().is_none());
    let notices = run.notices();
    assert_eq!(
        notices,
        ["waiting: the publisher's server does not know of the subscriber's SUBSCRIBE socket.io-request#/#"]
    );
    run.redis.count = 1;
    run.pass(Duration::from_millis(2_100));
    assert!(run.link.is_joined());
}

#[test]
fn namespaces_come_and_go_while_joined() {
    let mut run = Run::joined();
    run.notices();
    run.link.subscribe(namespace("/chat"), run.now);
    assert!(run.link.is_joined() && !run.link.is_group_confirmed("/chat"));
    run.turn();
    assert!(run.link.is_group_confirmed("/chat"));
    assert_eq!(run.redis.subscribed.len(), 8);
    run.redis.asked.clear();
    run.link.unsubscribe_group("/chat", run.now);
    run.turn();
    assert_eq!(run.redis.asked[0], "un SUBSCRIBE socket.io-request#/chat#", "who leaves is counted no longer, first");
    assert_eq!((run.redis.subscribed.len(), run.redis.asked.len()), (4, 4));
    assert!(run.link.is_joined() && run.notices().is_empty());
}

#[test]
fn new_namespace_without_rights_takes_nothing_from_the_others() {
    let mut run = Run::joined();
    run.notices();
    run.redis.refuses = Some("socket.io#/chat#*");
    run.link.subscribe(namespace("/chat"), run.now);
    run.turn();
    assert!(run.link.is_joined() && !run.link.is_group_confirmed("/chat"));
    assert_eq!(run.notices(), ["refused: PSUBSCRIBE socket.io#/chat#*"]);
    assert!(!run.redis.subscribed.iter().any(|subscription| subscription.to_string().contains("request#/chat")));
    run.redis.cut(&mut run.link, run.now);
    run.pass(Duration::from_secs(1));
    assert!(run.link.is_joined(), "what never worked is no reason to give up what works");
    run.redis.refuses = None;
    run.pass(LinkConfig::default().refused_retry);
    assert!(run.link.is_group_confirmed("/chat"));
}

#[test]
fn a_part_that_is_gone_costs_what_it_has_and_no_more() {
    let mut run = Run::joined();
    run.link.subscribe(namespace("/chat"), run.now);
    run.turn();
    run.notices();
    let lacked = "socket.io#/chat#*";
    let subscriber = run.redis.open.iter().copied().find(|open| open.role() == Role::Subscriber).unwrap();
    let publisher = run.link.publisher();
    run.redis.lacks = Some(lacked);
    run.redis.subscribed.retain(|subscription| subscription.channel != lacked);
    run.link.handle_part_gone(subscriber, |subscription| subscription.channel == lacked, run.now);
    run.pass(Duration::from_secs(60));
    assert!(run.link.is_joined() && run.link.publisher() == publisher, "the rest goes on");
    assert!(run.link.is_group_confirmed("/") && !run.link.is_group_confirmed("/chat"));
    assert_eq!(run.notices(), ["partly: PSUBSCRIBE socket.io#/chat#*: it is away"], "it is said once");
    let asked = run.redis.asked.iter().filter(|asked| asked.contains(lacked)).count();
    assert!((20..=32).contains(&asked), "asked for again, not all the time: {asked}");
    // A connection that is made anew does without it, too.
    run.redis.cut(&mut run.link, run.now);
    run.pass(Duration::from_secs(1));
    assert!(run.link.is_joined());
    run.notices();
    run.redis.lacks = None;
    let subscriber = run.redis.open.iter().copied().find(|open| open.role() == Role::Subscriber).unwrap();
    run.link.handle_part_back(subscriber, run.now);
    run.turn();
    assert!(run.link.is_group_confirmed("/chat"));
    assert_eq!(run.notices(), ["whole: /chat"]);
}

#[test]
fn what_a_part_says_of_a_subscription_is_worth_nothing_once_it_is_gone() {
    let mut run = Run::joined();
    run.notices();
    let subscriber = run.redis.open.iter().copied().find(|open| open.role() == Role::Subscriber).unwrap();
    run.link.subscribe(namespace("/chat"), run.now);
    let mut asked = Vec::new();
    while let Some(action) = run.link.poll_output() {
        asked.extend(matches!(action, Action::Subscribe { .. }).then_some(action));
    }
    // It is known to be gone before its last words are.
    run.link.handle_part_gone(subscriber, |_| true, run.now);
    for action in asked {
        let Action::Subscribe { command, .. } = action else { unreachable!() };
        run.link.handle_reply(command, Reply::Done, run.now);
    }
    assert!(!run.link.is_group_confirmed("/chat"));
    run.redis.asked.clear();
    run.turn();
    assert!(run.link.is_group_confirmed("/chat") && run.link.is_group_confirmed("/"));
    assert!(run.redis.asked.iter().any(|asked| asked.contains("socket.io#/chat#*")), "it is asked for again");
    assert!(run.link.is_joined() && run.notices().is_empty());
}

#[test]
fn what_is_not_sent_yet_is_not_sent_twice_where_a_part_is_gone() {
    let mut run = Run::joined();
    let subscriber = run.redis.open.iter().copied().find(|open| open.role() == Role::Subscriber).unwrap();
    run.redis.asked.clear();
    run.link.subscribe(namespace("/chat"), run.now);
    run.link.handle_part_gone(subscriber, |subscription| subscription.channel == "socket.io#/chat#*", run.now);
    run.turn();
    assert!(run.link.is_group_confirmed("/chat"));
    assert_eq!(run.redis.asked.iter().filter(|asked| asked.contains("socket.io#/chat#*")).count(), 1);
}

#[test]
fn a_part_that_is_gone_is_not_done_without_at_the_start() {
    let mut run = Run::new(LinkConfig::default());
    run.redis.lacks = Some("socket.io#/#*");
    run.pass(Duration::from_secs(20));
    assert!(!run.link.is_joined());
    assert_eq!(run.notices(), ["waiting: PSUBSCRIBE socket.io#/#* is refused: it is away"]);
    run.redis.lacks = None;
    run.pass(LinkConfig::default().refused_retry);
    assert!(run.link.is_joined());
}

#[test]
fn what_another_part_takes_over_at_once_is_no_news() {
    let mut run = Run::joined();
    run.notices();
    let subscriber = run.redis.open.iter().copied().find(|open| open.role() == Role::Subscriber).unwrap();
    run.link.handle_part_gone(subscriber, |subscription| subscription.channel == "socket.io#/#*", run.now);
    assert!(!run.link.is_group_confirmed("/"));
    run.turn();
    assert!(run.link.is_group_confirmed("/") && run.notices().is_empty());
}

#[test]
fn new_namespace_that_worked_must_work_again() {
    let mut run = Run::joined();
    run.link.subscribe(namespace("/chat"), run.now);
    run.turn();
    run.redis.refuses = Some("socket.io#/chat#*");
    run.redis.cut(&mut run.link, run.now);
    run.pass(Duration::from_secs(10));
    assert!(!run.link.is_joined());
}

#[test]
fn what_nobody_began_needs_no_end() {
    let now = Instant::now();
    let mut link = Link::new(LinkConfig::default(), 7, now);
    link.handle_timeout(now);
    link.leave(now);
    assert_eq!(link.poll_output(), None);
}

#[test]
fn withdrawn_rights_are_not_overlooked() {
    let mut run = Run::joined();
    run.notices();
    run.redis.refuses = Some("socket.io#/#*");
    run.redis.kill(Role::Subscriber, &mut run.link, run.now);
    run.pass(Duration::from_secs(10));
    assert!(!run.link.is_joined());
    assert_eq!(run.notices()[1], "waiting: PSUBSCRIBE socket.io#/#* is refused: NOPERM");
}

#[test]
fn subscription_that_the_server_ends_is_made_again() {
    let mut run = Run::joined();
    run.notices();
    let subscription = namespace("/")[1].subscription.clone();
    let connection = run.redis.open.iter().find(|open| open.role() == Role::Subscriber).copied().unwrap();
    run.redis.subscribed.remove(&subscription);
    run.link.handle_unsubscribed(connection, &subscription, run.now);
    run.turn();
    assert!(run.link.is_joined() && run.redis.subscribed.contains(&subscription));
    let notices = run.notices();
    assert!(notices[0].starts_with("lost: the server ended SUBSCRIBE") && notices[1] == "joined, deaf Some(0ns)");
}

#[test]
fn leaving_is_counted_no_longer_and_then_closes() {
    let mut run = Run::joined();
    run.redis.asked.clear();
    run.link.leave(run.now);
    assert_eq!(run.link.phase(), Phase::Leaving);
    run.turn();
    assert_eq!(run.redis.asked[0], "un SUBSCRIBE socket.io-request#/#");
    assert_eq!((run.link.phase(), run.link.poll_timeout()), (Phase::Over, None));
    assert!(run.redis.open.is_empty());
}

#[test]
fn leaving_does_not_wait_for_a_frozen_redis() {
    let mut run = Run::joined();
    run.redis.answers = 0;
    run.link.leave(run.now);
    run.pass(LinkConfig::default().leave_timeout);
    assert_eq!(run.link.phase(), Phase::Over);
    assert!(run.redis.open.is_empty());
}

#[test]
fn many_rooms_are_asked_for_in_pieces() {
    let mut run = Run::joined();
    run.redis.answers = 0;
    let room = |number: usize| Wish {
        subscription: Subscription::new(SubscriptionKind::Sharded, format!("socket.io#/#room {number}#")),
        group: Arc::from("/"),
        is_counted: false,
    };
    run.link.subscribe((0..2_000).map(room), run.now);
    run.turn();
    assert_eq!(run.redis.pending.len(), LinkConfig::default().commands_max);
    // Half of them change their mind before they were asked for, or after.
    (0..1_000).for_each(|number| run.link.unsubscribe(&room(number).subscription, run.now));
    run.redis.answers = usize::MAX;
    run.turn();
    assert_eq!(run.redis.subscribed.len(), 1_004);
    run.redis.cut(&mut run.link, run.now);
    run.pass(Duration::from_secs(1));
    assert!(run.link.is_joined());
    assert_eq!(run.redis.subscribed.len(), 1_004);
}

#[test]
fn server_that_throws_out_whom_it_takes_in_is_not_hammered() {
    let mut run = Run::joined();
    let begin = run.now;
    while run.now < begin + Duration::from_secs(60) {
        if run.link.is_joined() {
            run.redis.cut(&mut run.link, run.now);
        }
        run.pass(Duration::from_millis(10));
    }
    assert!(run.redis.connects < 150, "{} connections in a minute", run.redis.connects);
}

/// A link and its Redis.
struct Run {
    link: Link,
    redis: Redis,
    now: Instant,
    notices: Vec<String>,
    failed: Option<Why>,
}

struct Redis {
    is_there: bool,
    /// How many more commands it answers.
    answers: usize,
    /// Whose commands it does not answer.
    mute: Option<Role>,
    refuses: Option<&'static str>,
    /// What has no server.
    lacks: Option<&'static str>,
    count: u64,
    connects: usize,
    open: Vec<Connection>,
    pending: Vec<(Command, Option<Subscription>, &'static str)>,
    subscribed: BTreeSet<Subscription>,
    asked: Vec<String>,
}

impl Run {
    fn new(config: LinkConfig) -> Self {
        let now = Instant::now();
        let mut link = Link::new(config, 7, now);
        link.subscribe(namespace("/"), now);
        let redis = Redis {
            is_there: true,
            answers: usize::MAX,
            mute: None,
            refuses: None,
            lacks: None,
            count: 2,
            connects: 0,
            open: Vec::new(),
            pending: Vec::new(),
            subscribed: BTreeSet::new(),
            asked: Vec::new(),
        };
        Self { link, redis, now, notices: Vec::new(), failed: None }
    }

    fn joined() -> Self {
        let mut run = Self::new(LinkConfig::default());
        run.turn();
        assert!(run.link.is_joined());
        run
    }

    /// What can happen without time does.
    fn turn(&mut self) {
        self.link.handle_timeout(self.now);
        loop {
            let Some(action) = self.link.poll_output() else {
                if self.redis.answer(&mut self.link, self.now) {
                    continue;
                }
                return;
            };
            match action {
                Action::Log(notice) => self.notices.push(said(&notice)),
                Action::Fail(why) => self.failed = Some(why),
                action => self.redis.obey(action, &mut self.link, self.now),
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.turn();
        while let Some(due) = self.link.poll_timeout().filter(|due| *due <= end) {
            assert!(due > self.now, "a timeout moves it on");
            self.now = due;
            self.turn();
        }
        self.now = end;
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn failed(&self) -> String {
        self.failed.as_ref().expect("it failed").to_string()
    }
}

impl Redis {
    fn obey(&mut self, action: Action, link: &mut Link, now: Instant) {
        match action {
            Action::Connect(connection) if self.is_there => {
                self.connects += 1;
                self.open.push(connection);
                link.handle_connected(connection, now);
            }
            Action::Connect(connection) => {
                self.connects += 1;
                link.handle_connect_failed(connection, "nobody there".into(), now);
            }
            Action::Close(connection) => self.end(connection),
            Action::Subscribe { command, subscription } => {
                self.asked.push(subscription.to_string());
                self.pending.push((command, Some(subscription), "subscribe"));
            }
            Action::Unsubscribe { command, subscription } => {
                self.asked.push(format!("un {subscription}"));
                self.pending.push((command, Some(subscription), "unsubscribe"));
            }
            Action::Ping { command } => self.pending.push((command, None, "ping")),
            Action::Count { command, .. } => self.pending.push((command, None, "count")),
            Action::Log(_) | Action::Fail(_) => unreachable!("the run takes them"),
        }
    }

    fn answer(&mut self, link: &mut Link, now: Instant) -> bool {
        let next = self.pending.iter().position(|(command, ..)| self.mute != Some(command.connection().role()));
        let Some(next) = next.filter(|_| self.answers > 0) else { return false };
        self.answers -= 1;
        let (command, subscription, what) = self.pending.remove(next);
        let reply = match (what, subscription) {
            ("subscribe", Some(subscription))
                if self.refuses.is_some_and(|refused| subscription.channel == refused) =>
            {
                Reply::Error("NOPERM".into())
            }
            ("subscribe", Some(subscription)) if self.lacks.is_some_and(|away| subscription.channel == away) => {
                Reply::Away("it is away".into())
            }
            ("subscribe", Some(subscription)) => {
                self.subscribed.insert(subscription);
                Reply::Done
            }
            ("unsubscribe", Some(subscription)) => {
                self.subscribed.remove(&subscription);
                Reply::Done
            }
            ("count", _) => Reply::Count(self.count),
            _ => Reply::Done,
        };
        link.handle_reply(command, reply, now);
        true
    }

    fn end(&mut self, connection: Connection) {
        self.open.retain(|open| *open != connection);
        self.pending.retain(|(command, ..)| command.connection() != connection);
        if connection.role() == Role::Subscriber {
            self.subscribed.clear();
        }
    }

    fn kill(&mut self, role: Role, link: &mut Link, now: Instant) {
        for connection in self.open.clone().into_iter().filter(|open| open.role() == role) {
            self.end(connection);
            link.handle_closed(connection, "reset".into(), now);
        }
    }

    fn cut(&mut self, link: &mut Link, now: Instant) {
        self.kill(Role::Subscriber, link, now);
        self.kill(Role::Publisher, link, now);
    }
}

/// What the classic adapter subscribes to.
fn namespace(name: &str) -> Vec<Wish> {
    let wish = |kind, channel: String, is_counted| Wish {
        subscription: Subscription::new(kind, channel),
        group: Arc::from(name),
        is_counted,
    };
    vec![
        wish(SubscriptionKind::Channel, format!("socket.io-request#{name}#"), true),
        wish(SubscriptionKind::Channel, format!("socket.io-response#{name}#"), false),
        wish(SubscriptionKind::Channel, format!("socket.io-response#{name}#u1#"), false),
        wish(SubscriptionKind::Pattern, format!("socket.io#{name}#*"), false),
    ]
}

fn said(notice: &Notice) -> String {
    match notice {
        Notice::Joined { deaf, .. } => format!("joined, deaf {deaf:?}"),
        Notice::Lost(why) => format!("lost: {why}"),
        Notice::Waiting(why) => format!("waiting: {why}"),
        Notice::Refused { subscription, .. } => format!("refused: {subscription}"),
        Notice::CannotCount { .. } => "cannot count".into(),
        Notice::Partly { subscription, error } => format!("partly: {subscription}: {error}"),
        Notice::Whole { groups, .. } => format!("whole: {}", groups.join(" ")),
    }
}
