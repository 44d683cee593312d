//! The link's state machine.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::action::{Action, Command, Connection, Notice, Reply};
use super::backoff::Backoff;
use super::config::{AtStart, LinkConfig};
use super::role::Role;
use super::side::{Open, Pending, Side, What};
use super::subscription::{Subscription, Wish};
use super::wanted::{Next, Refusal, Wanted};
use super::why::Why;

/// The node's link to Redis.
///
/// ```text
///              both open            all there           counted
///   Connecting ─────────► Subscribing ───────► Confirmed ─────► Joined
///      ▲  ▲                   │                    │              │
///      │  └── a connection ───┴────────────────────┴──────────────┤
///      │      is lost                                             │
///      └── soon, then later and later: for ever ◄─────────────────┘        any ──leave()──► Over
/// ```
///
/// The two connections live for themselves: what breaks one leaves the other. Each command has a deadline, and an idle
/// connection is asked whether it lives.
///
/// A driver owns one. It says what came (`handle_*`), calls [`handle_timeout`](Link::handle_timeout) when
/// [`poll_timeout`](Link::poll_timeout) is reached (at first at once), and after each of these does what
/// [`poll_output`](Link::poll_output) has. It reads what has arrived before it judges a time. What it says about a
/// connection or command that is no more is ignored.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    subscriber: Side,
    publisher: Side,
    backoffs: [Backoff; 2],
    wanted: Wanted,
    stage: Stage,
    history: History,
    refused_retry: Option<Instant>,
    away_retry: Option<Instant>,
    actions: VecDeque<Action>,
    /// Of the last connection or command.
    number: u64,
}

#[derive(Debug)]
enum Stage {
    /// Something is not there.
    Waiting,
    /// All is there; whether the publisher's server knows is asked.
    Counting(Command),
    Joined {
        since: Instant,
    },
    Leaving {
        until: Instant,
    },
    Over,
}

/// What was, for what is told of it.
#[derive(Debug)]
struct History {
    has_joined: bool,
    /// Since when it is not joined.
    apart_since: Instant,
    /// Since when nothing is heard that was heard before.
    deaf_since: Option<Instant>,
    /// The reasons that were logged since it was joined. Two connections fail for two reasons, turn by turn.
    noticed: Vec<Why>,
    partly: Option<Partly>,
}

/// Something of what was heard is not, while the rest is.
#[derive(Debug)]
struct Partly {
    since: Instant,
    groups: BTreeSet<Arc<str>>,
    is_said: bool,
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A connection is missing.
    Connecting,
    /// Subscriptions are missing.
    Subscribing,
    /// All are confirmed; whether both connections lead to the same server is being asked.
    Confirmed,
    /// One of the fleet.
    Joined,
    /// It leaves: it is not to be counted any more.
    Leaving,
    /// It has left, or was not to start.
    Over,
}

impl Link {
    /// A link that is to be. `jitter` is any number that other nodes do not have: their waits are to differ.
    pub fn new(config: LinkConfig, jitter: u64, now: Instant) -> Self {
        let config = config.within_reason();
        let backoff = |jitter| Backoff::new(config.reconnect_min, config.reconnect_max, jitter);
        Self {
            subscriber: Side::Resting { until: now },
            publisher: Side::Resting { until: now },
            backoffs: [backoff(jitter), backoff(!jitter)],
            wanted: Wanted::default(),
            stage: Stage::Waiting,
            history: History {
                has_joined: false,
                apart_since: now,
                deaf_since: None,
                noticed: Vec::new(),
                partly: None,
            },
            refused_retry: None,
            away_retry: None,
            actions: VecDeque::new(),
            number: 0,
            config,
        }
    }

    /// Whether what is published reaches the fleet, and what it publishes reaches us.
    pub fn is_joined(&self) -> bool {
        matches!(self.stage, Stage::Joined { .. })
    }

    /// Whether the node may say that it is ready, as far as the cluster is concerned.
    ///
    /// Once joined it stays ready: were all nodes not ready while Redis is away, nobody would serve the clients.
    pub fn is_ready(&self) -> bool {
        self.history.has_joined || self.config.at_start == AtStart::Alone
    }

    /// Whether something can be published, and where.
    ///
    /// Also while only the subscriber is away; but never on a connection that was not part of a joined link: it might be
    /// to a server where nobody listens.
    pub fn publisher(&self) -> Option<Connection> {
        self.publisher.open().filter(|open| open.was_joined).map(|open| open.connection)
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        let are_open = self.subscriber.open().is_some() && self.publisher.open().is_some();
        match self.stage {
            Stage::Waiting if !are_open => Phase::Connecting,
            Stage::Waiting => Phase::Subscribing,
            Stage::Counting(_) => Phase::Confirmed,
            Stage::Joined { .. } => Phase::Joined,
            Stage::Leaving { .. } => Phase::Leaving,
            Stage::Over => Phase::Over,
        }
    }

    /// Whether all subscriptions of a group are confirmed: this namespace is heard.
    pub fn is_group_confirmed(&self, group: &str) -> bool {
        self.wanted.is_group_complete(group)
    }

    /// Whether the fleet still counts this node, or may, and asks it.
    pub fn is_counted(&self) -> bool {
        self.subscriber.open().is_some() && self.wanted.is_counted()
    }

    /// Whether a subscription is there, as far as this connection goes, or its confirmation may be on its way.
    pub fn expects(&self, connection: Connection, subscription: &Subscription) -> bool {
        let is_open = self.subscriber.open().is_some_and(|open| open.connection == connection);
        is_open && self.wanted.is_expected(subscription)
    }

    /// The subscriptions that are wanted.
    pub fn wanted(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.wishes()
    }

    /// The subscriptions that Redis refuses.
    pub fn refused(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.refusals()
    }

    /// The subscriptions that the part of Redis has that is away.
    pub fn away(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.away_ones()
    }

    /// Wants subscriptions, from now on and over all connections: all of a group at once, so that what of it is counted
    /// waits for the rest. What is wanted before the link is first joined must be there for it to be.
    pub fn subscribe(&mut self, wishes: impl IntoIterator<Item = Wish>, now: Instant) {
        if !self.is_leaving() {
            wishes.into_iter().for_each(|wish| self.wanted.want(wish, !self.history.has_joined));
            // It was all there, and is not any more.
            self.uncount();
            self.settle(now);
        }
    }

    /// Wants it no longer.
    pub fn unsubscribe(&mut self, subscription: &Subscription, now: Instant) {
        self.wanted.unwant(subscription);
        self.settle(now);
    }

    /// Wants nothing of a group any longer. Its counted channel is left first.
    pub fn unsubscribe_group(&mut self, group: &str, now: Instant) {
        self.wanted.unwant_group(group);
        self.settle(now);
    }

    /// Leaves for good: is counted no longer, then closes the connections. What was to be published was.
    pub fn leave(&mut self, now: Instant) {
        if !self.is_leaving() {
            self.stage = Stage::Leaving { until: now + self.config.leave_timeout };
            self.wanted.unwant_all();
            self.settle(now);
        }
    }

    /// The connection is made, and ready for commands.
    pub fn handle_connected(&mut self, connection: Connection, now: Instant) {
        let ping = Some(now + self.config.ping_interval);
        let side = self.side_mut(connection.role);
        if matches!(side, Side::Connecting { connection: awaited, .. } if *awaited == connection) {
            *side = Side::Open(Open {
                connection,
                pending: Default::default(),
                speaks_until: None,
                ping,
                was_joined: false,
            });
            self.settle(now);
        }
    }

    /// The connection could not be made.
    pub fn handle_connect_failed(&mut self, connection: Connection, error: String, now: Instant) {
        if self.side(connection.role).connection() == Some(connection) {
            self.lose(connection.role, Why::ConnectFailed { role: connection.role, error }, Ended::ByPeer, now);
            self.settle(now);
        }
    }

    /// The connection ended.
    pub fn handle_closed(&mut self, connection: Connection, error: String, now: Instant) {
        if self.side(connection.role).connection() == Some(connection) {
            self.lose(connection.role, Why::Closed { role: connection.role, error }, Ended::ByPeer, now);
            self.settle(now);
        }
    }

    /// The connection is of no use: what was published on it has no reply in time.
    pub fn handle_silent(&mut self, connection: Connection, now: Instant) {
        if self.side(connection.role).connection() == Some(connection) {
            let why = Why::Silent { role: connection.role, command: "PUBLISH" };
            self.lose(connection.role, why, Ended::ByUs, now);
            self.settle(now);
        }
    }

    /// Something came on the connection unasked, the last of it then: it is not silent. To be said before a time is judged.
    pub fn handle_heard(&mut self, connection: Connection, at: Instant) {
        let until = at + self.config.reply_timeout;
        let open = self.side_mut(connection.role).open_mut();
        if let Some(open) = open.filter(|open| open.connection == connection) {
            open.speaks_until = open.speaks_until.max(Some(until));
        }
    }

    /// A command's reply came.
    pub fn handle_reply(&mut self, command: Command, reply: Reply, now: Instant) {
        let ping = now + self.config.ping_interval;
        let Some(open) = self.side_mut(command.connection.role).open_mut() else { return };
        let Some(pending) = open.pending.remove(&command) else { return };
        match (pending.what, reply) {
            // An error is a sign of life, too.
            (What::Ping, _) => open.ping = Some(ping),
            (What::Subscribe(subscription), Reply::Error(error)) => self.not_granted(subscription, error, now),
            (What::Subscribe(subscription), Reply::Away(error)) => self.not_there(subscription, error, now),
            (What::Subscribe(subscription), _) => self.wanted.confirmed(&subscription),
            // What cannot be ended is ended with its connection. Nobody acts on what it brings.
            (What::Unsubscribe(subscription), _) => self.wanted.dropped(&subscription),
            (What::Count(subscription), reply) => self.counted(command, subscription, reply, now),
        }
        self.settle(now);
    }

    /// Redis ended a subscription by itself.
    pub fn handle_unsubscribed(&mut self, connection: Connection, subscription: &Subscription, now: Instant) {
        if self.subscriber.open().is_some_and(|open| open.connection == connection) && self.wanted.taken(subscription) {
            if !self.wanted.is_complete() {
                self.history.deaf_since.get_or_insert(now);
                self.part(Why::Unsubscribed { subscription: subscription.clone() }, now);
            }
            self.settle(now);
        }
    }

    /// A part of what the connection leads to is gone, and these subscriptions with it. They are asked for again, and the rest
    /// goes on. So are those that were asked for there: the reply may still come, and is worth nothing.
    pub fn handle_part_gone(
        &mut self,
        connection: Connection,
        was_there: impl Fn(&Subscription) -> bool,
        now: Instant,
    ) {
        if self.subscriber.open().is_none_or(|open| open.connection != connection) {
            return;
        }
        for subscription in self.unreply(&was_there) {
            self.wanted.dropped(&subscription);
            self.note_away(&subscription, None, now);
        }
        let gone: Vec<_> = self.wanted.there().filter(|subscription| was_there(subscription)).cloned().collect();
        for subscription in gone {
            if self.wanted.taken(&subscription) {
                self.note_away(&subscription, None, now);
            }
        }
        self.uncount();
        self.settle(now);
    }

    /// Awaits no reply any more to these subscriptions, which were asked for. What is still to be asked for is asked for
    /// where it belongs by then.
    fn unreply(&mut self, was_there: impl Fn(&Subscription) -> bool) -> Vec<Subscription> {
        let actions = &self.actions;
        let is_sent = |sent: &Command| {
            !actions.iter().any(|action| matches!(action, Action::Subscribe { command, .. } if command == sent))
        };
        let Some(open) = self.subscriber.open_mut() else { return Vec::new() };
        let asked = open.pending.iter().filter_map(|(command, pending)| match &pending.what {
            What::Subscribe(subscription) if was_there(subscription) => Some((*command, subscription.clone())),
            _ => None,
        });
        let asked: Vec<_> = asked.filter(|(command, _)| is_sent(command)).collect();
        asked.iter().for_each(|(command, _)| drop(open.pending.remove(command)));
        asked.into_iter().map(|(_, subscription)| subscription).collect()
    }

    /// A part of what the connection leads to is there again.
    pub fn handle_part_back(&mut self, connection: Connection, now: Instant) {
        if self.subscriber.open().is_some_and(|open| open.connection == connection) {
            self.away_retry = None;
            self.wanted.retry_away();
            self.settle(now);
        }
    }

    /// When [`handle_timeout`](Link::handle_timeout) is to be called. `None`: it is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let leave = match self.stage {
            Stage::Leaving { until } => Some(until),
            Stage::Over => return None,
            _ => None,
        };
        let sides = [self.subscriber.timeout(), self.publisher.timeout()];
        sides.into_iter().chain([leave, self.refused_retry, self.away_retry]).flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.time_out(Role::Subscriber, now);
        self.time_out(Role::Publisher, now);
        if self.refused_retry.is_some_and(|at| at <= now) {
            self.refused_retry = None;
            self.wanted.retry_refused();
        }
        if self.away_retry.is_some_and(|at| at <= now) {
            self.away_retry = None;
            self.wanted.retry_away();
        }
        if matches!(self.stage, Stage::Leaving { until } if until <= now) {
            self.finish();
        }
        self.settle(now);
    }

    /// What is to be done next, if anything is.
    pub fn poll_output(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn time_out(&mut self, role: Role, now: Instant) {
        match self.side(role) {
            Side::Resting { until } if *until <= now => self.connect(role, now),
            Side::Connecting { until, .. } if *until <= now => {
                self.lose(role, Why::ConnectTimedOut { role }, Ended::ByUs, now);
            }
            Side::Open(open) => match open.oldest().filter(|_| open.silent_at().is_some_and(|at| at <= now)) {
                Some(pending) => {
                    let why = Why::Silent { role, command: pending.what.name() };
                    self.lose(role, why, Ended::ByUs, now);
                }
                None if open.ping.is_some_and(|at| at <= now) => {
                    let command = self.send(role, What::Ping, now);
                    self.actions.extend(command.map(|command| Action::Ping { command }));
                }
                None => {}
            },
            _ => {}
        }
    }

    fn connect(&mut self, role: Role, now: Instant) {
        // Who leaves needs no new connection.
        if self.is_leaving() {
            *self.side_mut(role) = Side::Over;
            return;
        }
        self.number += 1;
        let connection = Connection { role, number: self.number };
        let until = now + self.config.connect_timeout;
        *self.side_mut(role) = Side::Connecting { connection, until };
        self.actions.push_back(Action::Connect(connection));
    }

    /// Notes that a command is sent. `None`: there is no connection for it.
    fn send(&mut self, role: Role, what: What, now: Instant) -> Option<Command> {
        let until = now + self.config.reply_timeout;
        let number = self.number + 1;
        let open = self.side_mut(role).open_mut()?;
        if matches!(what, What::Ping) {
            open.ping = None;
        }
        let command = Command { connection: open.connection, number };
        open.pending.insert(command, Pending { what, until });
        self.number = number;
        Some(command)
    }

    /// A connection is no more.
    fn lose(&mut self, role: Role, why: Why, ended: Ended, now: Instant) {
        let wait = self.wait(role, now);
        let side = std::mem::replace(self.side_mut(role), Side::Resting { until: now + wait });
        if let Some(connection) = side.connection() {
            self.forget(connection, ended);
        }
        if role == Role::Subscriber {
            self.wanted.reset();
            self.refused_retry = None;
            self.away_retry = None;
            // Only what was heard can be missed.
            if side.open().is_some() && self.history.has_joined {
                self.history.deaf_since.get_or_insert(now);
            }
        }
        self.part(why, now);
    }

    fn wait(&mut self, role: Role, now: Instant) -> Duration {
        let backoff = &mut self.backoffs[role as usize];
        // One that is taken in and thrown out at once is not to come back at once for ever.
        if matches!(self.stage, Stage::Joined { since } if since + self.config.reconnect_max <= now) {
            backoff.reset();
        }
        backoff.next()
    }

    /// Takes back what was to be done with a connection.
    fn forget(&mut self, connection: Connection, ended: Ended) {
        let mut was_begun = true;
        self.actions.retain(|action| {
            was_begun &= *action != Action::Connect(connection);
            action.connection() != Some(connection)
        });
        if was_begun && ended == Ended::ByUs {
            self.actions.push_back(Action::Close(connection));
        }
    }

    /// It is not joined, or not any more.
    fn part(&mut self, why: Why, now: Instant) {
        let notice = match self.stage {
            Stage::Joined { .. } => {
                self.history.apart_since = now;
                Notice::Lost(why.clone())
            }
            Stage::Waiting | Stage::Counting(_) => {
                if self.config.at_start == AtStart::Fail && !self.history.has_joined {
                    self.actions.push_back(Action::Fail(why));
                    self.finish();
                    return;
                }
                if self.history.noticed.contains(&why) || self.history.noticed.len() >= NOTICES_MAX {
                    self.stage = Stage::Waiting;
                    return;
                }
                Notice::Waiting(why.clone())
            }
            Stage::Leaving { .. } | Stage::Over => return,
        };
        self.stage = Stage::Waiting;
        self.history.noticed.push(why);
        self.actions.push_back(Action::Log(notice));
    }

    fn not_granted(&mut self, subscription: Subscription, error: String, now: Instant) {
        let refusal = self.wanted.refused(&subscription);
        if refusal == Refusal::Forgotten {
            return;
        }
        self.refused_retry.get_or_insert(now + self.config.refused_retry);
        match refusal {
            Refusal::Required => self.part(Why::Refused { subscription, error }, now),
            _ => self.actions.push_back(Action::Log(Notice::Refused { subscription, error })),
        }
    }

    /// Before the link was first joined all must be there; then what a part of Redis has costs no more than that.
    fn not_there(&mut self, subscription: Subscription, error: String, now: Instant) {
        if !self.history.has_joined {
            self.not_granted(subscription, error, now);
        } else if self.wanted.away(&subscription) {
            self.away_retry.get_or_insert(now + self.config.reconnect_max);
            self.note_away(&subscription, Some(error), now);
        }
    }

    /// That something is away is said once, of the first, with the reason.
    fn note_away(&mut self, subscription: &Subscription, error: Option<String>, now: Instant) {
        // What nobody wants any more is no loss.
        let Some(group) = self.wanted.group(subscription) else { return };
        let partly = self.history.partly.get_or_insert(Partly { since: now, groups: BTreeSet::new(), is_said: false });
        partly.groups.insert(group);
        if let Some(error) = error.filter(|_| !std::mem::replace(&mut partly.is_said, true)) {
            self.actions.push_back(Action::Log(Notice::Partly { subscription: subscription.clone(), error }));
        }
    }

    fn note_whole(&mut self, now: Instant) {
        if !self.is_joined() || self.wanted.away_ones().next().is_some() || !self.wanted.is_complete() {
            return;
        }
        // What could be had elsewhere at once, nobody was told of.
        if let Some(Partly { since, groups, is_said: true }) = self.history.partly.take() {
            let (after, groups) = (now.saturating_duration_since(since), groups.into_iter().collect());
            self.actions.push_back(Action::Log(Notice::Whole { after, groups }));
        }
    }

    fn counted(&mut self, command: Command, subscription: Subscription, reply: Reply, now: Instant) {
        if !matches!(self.stage, Stage::Counting(asked) if asked == command) {
            return;
        }
        match reply {
            Reply::Count(0) => {
                let why = Why::NotCounted { subscription };
                self.lose(Role::Publisher, why.clone(), Ended::ByUs, now);
                if !matches!(self.stage, Stage::Over) {
                    self.lose(Role::Subscriber, why, Ended::ByUs, now);
                }
            }
            Reply::Error(error) => {
                self.actions.push_back(Action::Log(Notice::CannotCount { error }));
                self.join(now);
            }
            Reply::Count(_) | Reply::Done | Reply::Away(_) => self.join(now),
        }
    }

    /// A count that was asked for something else is no answer.
    fn uncount(&mut self) {
        if matches!(self.stage, Stage::Counting(_)) && !self.wanted.is_complete() {
            self.stage = Stage::Waiting;
        }
    }

    fn join(&mut self, now: Instant) {
        let History { apart_since, deaf_since, .. } = self.history;
        let deaf = deaf_since.map(|since| now.saturating_duration_since(since));
        self.actions.push_back(Action::Log(Notice::Joined { after: now.saturating_duration_since(apart_since), deaf }));
        // What was away before is missed like the rest; what still is was said.
        let partly = self.history.partly.take().filter(|_| self.wanted.away_ones().next().is_some());
        self.history = History { has_joined: true, apart_since: now, deaf_since: None, noticed: Vec::new(), partly };
        self.stage = Stage::Joined { since: now };
        if let Some(open) = self.publisher.open_mut() {
            open.was_joined = true;
        }
    }

    /// Sends what can be sent, and goes on where all is there.
    fn settle(&mut self, now: Instant) {
        match self.stage {
            Stage::Over => return,
            Stage::Leaving { .. } if self.subscriber.open().is_none() || !self.wanted.is_counted() => {
                return self.finish();
            }
            _ => {}
        }
        self.command(now);
        self.note_whole(now);
        let are_open = self.subscriber.open().is_some() && self.publisher.open().is_some();
        if !(matches!(self.stage, Stage::Waiting) && are_open && self.wanted.is_complete()) {
            return;
        }
        match self.wanted.counted().cloned() {
            None => self.join(now),
            Some(subscription) => {
                let Some(command) = self.send(Role::Publisher, What::Count(subscription.clone()), now) else { return };
                self.stage = Stage::Counting(command);
                self.actions.push_back(Action::Count { command, subscription });
            }
        }
    }

    fn command(&mut self, now: Instant) {
        while self.subscriber.open().is_some_and(|open| open.pending.len() < self.config.commands_max) {
            let Some(next) = self.wanted.next() else { return };
            let what = match &next {
                Next::Subscribe(subscription) => What::Subscribe(subscription.clone()),
                Next::Unsubscribe(subscription) => What::Unsubscribe(subscription.clone()),
            };
            let Some(command) = self.send(Role::Subscriber, what, now) else { return };
            self.actions.push_back(match next {
                Next::Subscribe(subscription) => Action::Subscribe { command, subscription },
                Next::Unsubscribe(subscription) => Action::Unsubscribe { command, subscription },
            });
        }
    }

    fn finish(&mut self) {
        self.stage = Stage::Over;
        self.wanted = Wanted::default();
        self.refused_retry = None;
        self.away_retry = None;
        for role in [Role::Subscriber, Role::Publisher] {
            let side = std::mem::replace(self.side_mut(role), Side::Over);
            if let Some(connection) = side.connection() {
                self.forget(connection, Ended::ByUs);
            }
        }
    }

    fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving { .. } | Stage::Over)
    }

    fn side(&self, role: Role) -> &Side {
        match role {
            Role::Subscriber => &self.subscriber,
            Role::Publisher => &self.publisher,
        }
    }

    fn side_mut(&mut self, role: Role) -> &mut Side {
        match role {
            Role::Subscriber => &mut self.subscriber,
            Role::Publisher => &mut self.publisher,
        }
    }
}

/// More reasons in one outage tell an operator nothing new.
const NOTICES_MAX: usize = 8;

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByUs,
    ByPeer,
}
