//! A node's link to a Redis that does anything, and the queue before it, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use cluster_proto::connection::{
    Action, AtStart, Command, Connection, Link, LinkConfig, Notice, Phase, Reply, Role, Subscription, SubscriptionKind,
    Wish,
};
use cluster_proto::outgoing::{Outgoing, OutgoingConfig, Publication, Standing};

use crate::operations;

#[derive(Debug, Arbitrary)]
enum Op {
    /// So many milliseconds pass; the driver calls when it was told to.
    Pass(u16),
    /// As many, but the driver was busy: it calls only at their end.
    PassBusy(u16),
    PassUntilDue,
    Connected(Which),
    ConnectFailed(Which),
    Closed(Which),
    /// So many commands are answered as they were meant.
    Answer(Which, u8),
    /// One is answered by an error, and not the oldest.
    Refuse(Which, u8),
    /// Nobody is counted.
    CountNobody,
    /// What was said already is said again, of a connection or command that may be no more.
    SayAgain(u8),
    Subscribe(u8),
    Unsubscribe(u8),
    UnsubscribeGroup(u8),
    /// The server ends a subscription.
    Take(u8),
    /// What of it has a subscription is gone.
    TakePart(u8),
    /// What of it would have one that is asked for is away, and the oldest that is asked for is that.
    Lack,
    /// All of it is there again.
    PartBack,
    /// All goes well for a while.
    Recover,
    Push(u8),
    TakePipeline,
    Append,
    Published(u8),
    Leave,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Which {
    Subscriber,
    Publisher,
}

/// A link makes one connection of each kind at a time, and uses none that is not made; it asks for one thing once; when it
/// is joined, what is wanted is subscribed; who is counted can answer; the timeout it names always moves it on; and if Redis
/// lets it, it is joined, or over if it was to leave. Of what is published each is sent once at most, in order and in time,
/// and counted once.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(mut run) = Run::new(&mut input) else { return };
    for op in operations(&mut input) {
        run.step(op);
        run.compare();
    }
    run.recover();
    run.compare();
    run.is_as_wanted();
}

struct Run {
    link: Link,
    at_start: AtStart,
    now: Instant,
    redis: Redis,
    wanted: BTreeSet<usize>,
    is_leaving: bool,
    is_failed: bool,
    was_joined: bool,
    is_said_joined: bool,
    /// What is said again.
    said: Vec<Command>,
    outgoing: Outgoing,
    up: Option<Connection>,
    pushed: Vec<Instant>,
    /// The next that may be sent: none is sent twice or out of order.
    next: usize,
    flying: Vec<(u64, usize)>,
}

/// What Redis would know.
#[derive(Default)]
struct Redis {
    making: BTreeMap<Role, Connection>,
    open: BTreeMap<Role, Connection>,
    pending: Vec<(Command, Asked)>,
    subscribed: BTreeSet<Subscription>,
    refused: BTreeSet<Subscription>,
    away: BTreeSet<Subscription>,
}

enum Asked {
    Subscribe(Subscription),
    Unsubscribe(Subscription),
    Ping,
    Count,
}

impl Run {
    fn new(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let at_start = *input.choose(&[AtStart::Wait, AtStart::Fail, AtStart::Alone])?;
        let commands_max = input.int_in_range(1..=4)?;
        let (bytes_max, pipelines_max) = (input.int_in_range(500..=5_000)?, input.int_in_range(1..=3)?);
        let config = LinkConfig { at_start, commands_max, ..LinkConfig::default() };
        let age_max = Duration::from_millis(input.int_in_range(0..=3_000)?);
        let outgoing =
            OutgoingConfig { bytes_max, age_max, pipelines_max, pipeline_bytes_max: 600, ..OutgoingConfig::default() };
        let now = Instant::now();
        let mut run = Self {
            link: Link::new(config, input.arbitrary()?, now),
            at_start,
            now,
            redis: Redis::default(),
            wanted: BTreeSet::new(),
            is_leaving: false,
            is_failed: false,
            was_joined: false,
            is_said_joined: false,
            said: Vec::new(),
            outgoing: Outgoing::new(outgoing),
            up: None,
            pushed: Vec::new(),
            next: 0,
            flying: Vec::new(),
        };
        run.wanted.extend(0..input.int_in_range(0..=CHANNELS)?);
        run.link.subscribe(run.wanted.iter().copied().map(wish), now);
        Ok(run)
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Pass(millis) => self.pass(self.now + Duration::from_millis(u64::from(millis) / 8)),
            Op::PassBusy(millis) => {
                self.now += Duration::from_millis(u64::from(millis) / 8);
                self.call();
            }
            Op::PassUntilDue => self.pass(self.link.poll_timeout().unwrap_or(self.now)),
            Op::Connected(which) => self.connected(which.role()),
            Op::ConnectFailed(which) => {
                if let Some(connection) = self.redis.making.remove(&which.role()) {
                    self.link.handle_connect_failed(connection, "no".into(), self.now);
                }
            }
            Op::Closed(which) => {
                if let Some(connection) = self.redis.open.get(&which.role()).copied() {
                    self.redis.end(connection);
                    self.link.handle_closed(connection, "reset".into(), self.now);
                }
            }
            Op::Answer(which, count) => {
                for _ in 0..=count % 8 {
                    self.answer(which.role());
                }
            }
            Op::Refuse(which, at) => self.refuse(which.role(), at.into()),
            Op::CountNobody => {
                let at = self.redis.pending.iter().position(|(_, asked)| matches!(asked, Asked::Count));
                if let Some((command, _)) = at.map(|at| self.redis.pending.remove(at)) {
                    self.reply(command, Reply::Count(0));
                }
            }
            Op::SayAgain(at) => self.say_again(at.into()),
            Op::Subscribe(channel) => {
                let channel = usize::from(channel) % CHANNELS;
                self.link.subscribe([wish(channel)], self.now);
                if !self.is_over() {
                    self.wanted.insert(channel);
                }
            }
            Op::Unsubscribe(channel) => {
                let channel = usize::from(channel) % CHANNELS;
                self.link.unsubscribe(&wish(channel).subscription, self.now);
                self.wanted.remove(&channel);
            }
            Op::UnsubscribeGroup(group) => {
                let group = wish(usize::from(group) % CHANNELS).group;
                self.link.unsubscribe_group(&group, self.now);
                self.wanted.retain(|channel| wish(*channel).group != group);
            }
            Op::Take(channel) => {
                let subscription = wish(usize::from(channel) % CHANNELS).subscription;
                // What it has already been asked to end it ends once.
                let is_asked = self.redis.is_pending(&subscription);
                if let Some(connection) = self.redis.open.get(&Role::Subscriber).copied()
                    && !is_asked
                    && self.redis.subscribed.remove(&subscription)
                {
                    self.link.handle_unsubscribed(connection, &subscription, self.now);
                }
            }
            Op::TakePart(channel) => {
                let subscription = wish(usize::from(channel) % CHANNELS).subscription;
                // Whether it is there, or asked for: then what was said to that may come later.
                let asked = self.redis.take_asked(&subscription);
                self.said.extend(asked);
                if let Some(connection) = self.redis.open.get(&Role::Subscriber).copied()
                    && !self.redis.is_pending(&subscription)
                    && (asked.is_some() || self.redis.subscribed.remove(&subscription))
                {
                    self.link.handle_part_gone(connection, |other| *other == subscription, self.now);
                }
            }
            Op::Lack => self.lack(),
            Op::PartBack => {
                if let Some(connection) = self.redis.open.get(&Role::Subscriber).copied() {
                    self.redis.away.clear();
                    self.link.handle_part_back(connection, self.now);
                }
            }
            Op::Recover => self.recover(),
            Op::Push(size) => self.push(size),
            Op::TakePipeline => self.take(),
            Op::Append => {
                let appended = self.outgoing.append(None, publication(usize::MAX, 10), self.now);
                self.flying.extend(appended.map(|pipeline| (pipeline.number, pipeline.publications.len())));
            }
            Op::Published(refused) => {
                if !self.flying.is_empty() {
                    let (number, _) = self.flying.remove(usize::from(refused) % self.flying.len());
                    self.outgoing.handle_published(number, refused.into());
                }
            }
            Op::Leave => {
                self.link.leave(self.now);
                self.is_leaving = true;
                self.wanted.clear();
            }
        }
        self.obey();
    }

    fn is_over(&self) -> bool {
        self.is_leaving || self.is_failed
    }

    fn connected(&mut self, role: Role) {
        if let Some(connection) = self.redis.making.remove(&role) {
            self.redis.open.insert(role, connection);
            self.link.handle_connected(connection, self.now);
            self.obey();
        }
    }

    fn answer(&mut self, role: Role) {
        let Some(at) = self.redis.pending.iter().position(|(command, _)| command.connection().role() == role) else {
            return;
        };
        let (command, asked) = self.redis.pending.remove(at);
        let reply = match asked {
            Asked::Subscribe(subscription) => {
                self.redis.refused.remove(&subscription);
                self.redis.away.remove(&subscription);
                self.redis.subscribed.insert(subscription);
                Reply::Done
            }
            Asked::Unsubscribe(subscription) => {
                self.redis.subscribed.remove(&subscription);
                Reply::Done
            }
            Asked::Ping => Reply::Done,
            Asked::Count => Reply::Count(3),
        };
        self.reply(command, reply);
    }

    fn refuse(&mut self, role: Role, at: usize) {
        let of_role: Vec<_> =
            (0..self.redis.pending.len()).filter(|at| self.redis.pending[*at].0.connection().role() == role).collect();
        if of_role.is_empty() {
            return;
        }
        let (command, asked) = self.redis.pending.remove(of_role[at % of_role.len()]);
        match asked {
            Asked::Subscribe(subscription) => drop(self.redis.refused.insert(subscription)),
            // It is told in error, and then it is so.
            Asked::Unsubscribe(subscription) => drop(self.redis.subscribed.remove(&subscription)),
            Asked::Ping | Asked::Count => {}
        }
        self.reply(command, Reply::Error("NOPERM".into()));
    }

    fn lack(&mut self) {
        let is_one = |asked: &(Command, Asked)| matches!(asked.1, Asked::Subscribe(_));
        let Some(at) = self.redis.pending.iter().position(is_one) else { return };
        let (command, asked) = self.redis.pending.remove(at);
        if let Asked::Subscribe(subscription) = asked {
            self.redis.away.insert(subscription);
        }
        self.reply(command, Reply::Away("it is away".into()));
    }

    fn reply(&mut self, command: Command, reply: Reply) {
        self.said.push(command);
        self.link.handle_reply(command, reply, self.now);
        self.obey();
    }

    fn say_again(&mut self, at: usize) {
        if self.said.is_empty() {
            return;
        }
        let command = self.said[at % self.said.len()];
        let before = (self.link.phase(), self.link.poll_timeout());
        self.link.handle_reply(command, Reply::Done, self.now);
        self.link.handle_connected(command.connection(), self.now);
        if !self.redis.is_known(command.connection()) {
            self.link.handle_closed(command.connection(), "again".into(), self.now);
            self.link.handle_connect_failed(command.connection(), "again".into(), self.now);
            self.link.handle_silent(command.connection(), self.now);
        }
        assert_eq!(before, (self.link.phase(), self.link.poll_timeout()), "what is over changes nothing");
    }

    /// Does what it is told to, as a driver.
    fn obey(&mut self) {
        while let Some(action) = self.link.poll_output() {
            match action {
                Action::Connect(connection) => {
                    let role = connection.role();
                    assert!(!self.is_over(), "who leaves needs no connection");
                    assert!(!self.redis.open.contains_key(&role), "one connection at a time");
                    assert!(self.redis.making.insert(role, connection).is_none(), "one attempt at a time");
                }
                Action::Close(connection) => {
                    assert!(self.redis.is_known(connection), "it closes what there is");
                    self.redis.end(connection);
                }
                Action::Subscribe { command, subscription } => {
                    assert!(!self.redis.is_pending(&subscription), "a channel has one command at a time");
                    assert!(!self.redis.subscribed.contains(&subscription));
                    self.can_answer(&subscription);
                    self.ask(command, Asked::Subscribe(subscription));
                }
                Action::Unsubscribe { command, subscription } => {
                    assert!(!self.redis.is_pending(&subscription), "a channel has one command at a time");
                    assert!(self.redis.subscribed.contains(&subscription));
                    self.ask(command, Asked::Unsubscribe(subscription));
                }
                Action::Ping { command } => {
                    let is_ping = |(other, asked): &(Command, Asked)| {
                        other.connection() == command.connection() && matches!(asked, Asked::Ping)
                    };
                    assert!(!self.redis.pending.iter().any(is_ping), "a ping waits for the one before");
                    self.ask(command, Asked::Ping);
                }
                Action::Count { command, subscription } => {
                    assert!(self.redis.subscribed.contains(&subscription), "it counts by what is there");
                    self.ask(command, Asked::Count);
                }
                Action::Log(notice) => self.log(&notice),
                Action::Fail(_) => {
                    assert_eq!(self.at_start, AtStart::Fail);
                    assert!(!self.was_joined && !self.is_failed);
                    self.is_failed = true;
                    self.wanted.clear();
                }
            }
        }
        self.connect_outgoing();
    }

    fn ask(&mut self, command: Command, asked: Asked) {
        let connection = command.connection();
        assert_eq!(self.redis.open.get(&connection.role()), Some(&connection), "it uses a connection that is there");
        let is_count = matches!(asked, Asked::Count);
        assert_eq!(
            matches!(asked, Asked::Subscribe(_) | Asked::Unsubscribe(_)),
            connection.role() == Role::Subscriber && !matches!(asked, Asked::Ping)
        );
        assert!(!is_count || connection.role() == Role::Publisher);
        self.redis.pending.push((command, asked));
    }

    /// Who is counted for the first time has all else of its group.
    fn can_answer(&self, subscription: &Subscription) {
        let Some(wish) = (0..CHANNELS).map(wish).find(|wish| wish.subscription == *subscription) else { return };
        if wish.is_counted && !self.was_joined {
            for channel in &self.wanted {
                let other = self::wish(*channel);
                assert!(
                    other.is_counted
                        || other.group != wish.group
                        || self.redis.subscribed.contains(&other.subscription),
                    "who is counted is to answer"
                );
            }
        }
    }

    fn log(&mut self, notice: &Notice) {
        match notice {
            Notice::Joined { .. } => {
                assert!(!self.is_said_joined);
                (self.is_said_joined, self.was_joined) = (true, true);
            }
            Notice::Lost(_) => {
                assert!(self.is_said_joined);
                self.is_said_joined = false;
            }
            Notice::Waiting(_) => assert!(!self.is_said_joined),
            // Also of a connection that is made anew, before all else of it is there.
            Notice::Partly { .. } => assert!(self.was_joined),
            Notice::Whole { .. } => assert!(self.is_said_joined),
            Notice::Refused { .. } | Notice::CannotCount { .. } => {}
        }
    }

    fn connect_outgoing(&mut self) {
        let publisher = self.link.publisher();
        if publisher != self.up {
            if self.up.is_some() {
                self.outgoing.handle_down();
                self.flying.clear();
            }
            if publisher.is_some() {
                self.outgoing.handle_up();
            }
            self.up = publisher;
        }
    }

    fn push(&mut self, size: u8) {
        let number = self.pushed.len();
        self.pushed.push(self.now);
        match self.outgoing.push(publication(number, size.into()), self.now) {
            Standing::Sent => assert!(self.up.is_some()),
            Standing::Waiting | Standing::Lost(_) => {}
        }
    }

    fn take(&mut self) {
        let Some(pipeline) = self.outgoing.take(self.now) else { return };
        assert!(self.up.is_some(), "nothing goes where nothing is");
        assert!(!pipeline.publications.is_empty());
        for publication in &pipeline.publications {
            let number = number_of(publication);
            assert!(number >= self.next, "once, and in order");
            assert!(self.now - self.pushed[number] <= Duration::from_secs(3), "and in time");
            self.next = number + 1;
        }
        self.flying.push((pipeline.number, pipeline.publications.len()));
    }

    /// Lets time pass as a driver does that sleeps until it is told.
    fn pass(&mut self, until: Instant) {
        loop {
            let due = self.link.poll_timeout().into_iter().chain(self.outgoing.poll_timeout()).min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.call();
        }
        self.now = self.now.max(until);
    }

    fn call(&mut self) {
        if self.outgoing.handle_timeout(self.now) {
            self.flying.clear();
            let connection = self.up.take();
            connection.into_iter().for_each(|connection| self.link.handle_silent(connection, self.now));
        }
        self.link.handle_timeout(self.now);
        assert!(self.link.poll_timeout().is_none_or(|next| next > self.now), "a timeout moves it on");
        assert!(self.outgoing.poll_timeout().is_none_or(|next| next > self.now));
        self.obey();
        self.compare();
    }

    fn compare(&self) {
        let is_over = self.link.phase() == Phase::Over;
        assert_eq!(self.link.poll_timeout().is_none(), is_over, "it is never stuck");
        if is_over {
            assert!(self.is_over() && self.redis.open.is_empty() && self.redis.making.is_empty());
        }
        if self.link.is_joined() {
            assert!(self.is_said_joined && self.link.is_ready());
            assert_eq!(self.redis.open.len(), 2);
            // A ping too may be what the next command waits for.
            let is_subscribers = |command: &Command| command.connection().role() == Role::Subscriber;
            if !self.redis.pending.iter().any(|(command, _)| is_subscribers(command)) {
                self.is_subscribed();
            }
        }
        assert!(self.link.wanted().eq(self.subscriptions().iter()));
        let counts = self.outgoing.counts();
        let sum = counts.published + counts.lost.iter().sum::<u64>() + counts.waiting + counts.in_flight;
        assert_eq!(counts.accepted, sum, "each has one fate");
        assert_eq!(counts.in_flight, self.flying.iter().map(|(_, count)| *count as u64).sum::<u64>());
        assert_eq!(self.outgoing.bytes() == 0, counts.waiting + counts.in_flight == 0);
    }

    fn subscriptions(&self) -> BTreeSet<Subscription> {
        self.wanted.iter().map(|channel| wish(*channel).subscription).collect()
    }

    /// All that is wanted is there, but for what is refused and for those who wait for it so as not to be counted.
    fn is_subscribed(&self) {
        let refused: BTreeSet<_> = self.link.refused().chain(&self.redis.away).cloned().collect();
        let missing: Vec<_> = self.subscriptions().difference(&self.redis.subscribed).cloned().collect();
        for subscription in &missing {
            let wish = (0..CHANNELS).map(wish).find(|wish| wish.subscription == *subscription);
            let of_group = |refused: &Subscription| {
                (0..CHANNELS).map(self::wish).any(|other| {
                    other.subscription == *refused && Some(&other.group) == wish.as_ref().map(|wish| &wish.group)
                })
            };
            assert!(refused.contains(subscription) || refused.iter().any(of_group), "{subscription} is forgotten");
        }
        assert!(self.redis.subscribed.is_subset(&self.subscriptions()), "what is not wanted is left");
    }

    /// From now on Redis does all that it is asked.
    fn recover(&mut self) {
        let end = self.now + Duration::from_secs(30);
        while self.now < end && self.link.phase() != Phase::Over {
            for role in [Role::Subscriber, Role::Publisher] {
                self.connected(role);
                while self.redis.pending.iter().any(|(command, _)| command.connection().role() == role) {
                    self.answer(role);
                }
            }
            let is_done = self.link.is_joined() && self.link.refused().chain(self.link.away()).next().is_none();
            if is_done && self.redis.pending.is_empty() {
                return;
            }
            if let Some(due) = self.link.poll_timeout() {
                self.pass(due);
            }
        }
        assert_eq!(self.link.phase(), Phase::Over, "it comes back by itself");
    }

    fn is_as_wanted(&self) {
        match self.link.phase() {
            Phase::Over => assert!(self.is_over()),
            phase => {
                assert_eq!(phase, Phase::Joined);
                assert_eq!(self.redis.subscribed, self.subscriptions());
            }
        }
    }
}

impl Redis {
    fn is_known(&self, connection: Connection) -> bool {
        let role = connection.role();
        self.making.get(&role) == Some(&connection) || self.open.get(&role) == Some(&connection)
    }

    fn is_pending(&self, subscription: &Subscription) -> bool {
        self.pending.iter().any(|(_, asked)| asked.subscription() == Some(subscription))
    }

    /// Nobody will answer that this is asked for.
    fn take_asked(&mut self, subscription: &Subscription) -> Option<Command> {
        let is_it = |asked: &Asked| matches!(asked, Asked::Subscribe(asked) if asked == subscription);
        let at = self.pending.iter().position(|(_, asked)| is_it(asked))?;
        Some(self.pending.remove(at).0)
    }

    fn end(&mut self, connection: Connection) {
        let role = connection.role();
        self.making.retain(|_, other| *other != connection);
        if self.open.get(&role) == Some(&connection) {
            self.open.remove(&role);
            if role == Role::Subscriber {
                self.subscribed.clear();
                self.refused.clear();
                self.away.clear();
            }
        }
        self.pending.retain(|(command, _)| command.connection() != connection);
    }
}

impl Asked {
    fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Subscribe(subscription) | Self::Unsubscribe(subscription) => Some(subscription),
            Self::Ping | Self::Count => None,
        }
    }
}

impl Which {
    fn role(self) -> Role {
        match self {
            Self::Subscriber => Role::Subscriber,
            Self::Publisher => Role::Publisher,
        }
    }
}

/// The channels there are: three groups, each with one that is counted.
fn wish(channel: usize) -> Wish {
    let kind = [SubscriptionKind::Channel, SubscriptionKind::Pattern, SubscriptionKind::Sharded][channel / 3 % 3];
    let subscription = Subscription::new(kind, format!("channel {channel}"));
    Wish { subscription, group: Arc::from(["/", "/chat", ""][channel % 3]), is_counted: channel < 3 }
}

const CHANNELS: usize = 12;

fn publication(number: usize, size: usize) -> Publication {
    let mut body = number.to_le_bytes().to_vec();
    body.resize(body.len() + size, 0);
    Publication::new(false, Bytes::from_static(b"channel"), body)
}

fn number_of(publication: &Publication) -> usize {
    let head = publication.body.first_chunk().copied().unwrap_or_default();
    usize::from_le_bytes(head)
}
