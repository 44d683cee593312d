//! The task that owns the link, and drives the machines of `cluster_proto` in real time.

mod asked;
mod leaving;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use cluster_proto::connection::{
    self, Action, Connection, Link, Phase, Reply, Role, Subscription, SubscriptionKind, Wish,
};
use cluster_proto::outgoing::{Pipeline, Publication};
use cluster_proto::peers;
use socketio::hub::Expulsion;
use socketio::{Command, Target};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinSet};

use crate::link::{Change, Connector, Heard, Published, Purpose, Servers};
use crate::node::{Ear, News, Seen, Shared};
use crate::notice::Notice;
use asked::Questions;
use leaving::Leaving;

/// Waits at one place, for what happened or for the time that is next; what follows never waits.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    connector: Connector,
    link: Link,
    questions: Questions,
    /// Attempts to connect, and what they came to.
    connecting: HashMap<Connection, AbortHandle>,
    subscriber: Option<(Connection, Servers)>,
    publisher: Option<(Connection, Servers)>,
    /// Where is published now.
    speaks_on: Option<Connection>,
    /// Sharded channels whose end was asked for.
    ending: HashMap<bytes::Bytes, u32>,
    has_joined: bool,
    refusal_noted: bool,
    leaving: Option<Leaving>,
    seen: watch::Sender<Seen>,
    news: mpsc::UnboundedReceiver<News>,
    /// They end with this.
    tasks: JoinSet<()>,
    /// Those of them that do what is heard.
    hearing: [task::Id; 2],
}

/// What it is made of.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connector: Connector,
    pub(crate) link: Link,
    pub(crate) seen: watch::Sender<Seen>,
    pub(crate) news: mpsc::UnboundedReceiver<News>,
}

impl Supervisor {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { shared, connector, mut link, seen, news } = parts;
        let heartbeats = Subscription::new(SubscriptionKind::Channel, shared.heartbeats.clone());
        link.subscribe([Wish { subscription: heartbeats, group: "".into(), is_counted: false }], Instant::now());
        let mut tasks = JoinSet::new();
        let hearing = [hear_orders(&mut tasks, &shared), hear_answers(&mut tasks, &shared)];
        Self {
            shared,
            connector,
            link,
            questions: Questions::default(),
            connecting: HashMap::new(),
            subscriber: None,
            publisher: None,
            speaks_on: None,
            ending: HashMap::new(),
            has_joined: false,
            refusal_noted: false,
            leaving: None,
            seen,
            news,
            tasks,
            hearing,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let now = Instant::now();
            self.time_out(now);
            self.act(now);
            self.look_after_tasks();
            if self.link.phase() == Phase::Over {
                break;
            }
            let due = self.due().unwrap_or_else(|| now + IDLE);
            let first = tokio::select! {
                news = self.news.recv() => news,
                () = self.shared.wake.notified() => None,
                () = tokio::time::sleep_until(due.into()) => None,
            };
            let now = Instant::now();
            first.into_iter().for_each(|news| self.handle(news, now));
            // What has arrived comes before any time is judged; but time goes on.
            for _ in 0..TURN {
                let Ok(news) = self.news.try_recv() else { break };
                self.handle(news, now);
            }
        }
        self.end();
    }

    fn end(mut self) {
        self.shared.end();
        self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).handle_down();
        self.questions.end();
        self.connecting.drain().for_each(|(_, attempt)| attempt.abort());
        self.tasks.abort_all();
        self.leaving.into_iter().for_each(Leaving::left);
    }

    /// Forgets what is done. A message that made a task panic is gone; the others are heard.
    fn look_after_tasks(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            let Err(error) = ended else { continue };
            if error.is_panic() {
                tracing::error!("a message of the cluster made its task panic");
            }
            let [orders, answers] = &mut self.hearing;
            if error.id() == *orders {
                *orders = hear_orders(&mut self.tasks, &self.shared);
            } else if error.id() == *answers {
                *answers = hear_answers(&mut self.tasks, &self.shared);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).poll_timeout();
        let peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).poll_timeout();
        let leaving = self.leaving.as_ref().and_then(Leaving::due);
        let times = [self.link.poll_timeout(), self.questions.poll_timeout(), outgoing, peers, leaving];
        times.into_iter().flatten().min()
    }

    fn time_out(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        self.questions.handle_timeout(now);
        let is_silent = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).handle_timeout(now);
        if let Some(connection) = self.speaks_on.filter(|_| is_silent) {
            self.link.handle_silent(connection, now);
        }
        self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).handle_timeout(now);
    }

    fn handle(&mut self, news: News, now: Instant) {
        match news {
            News::Connected(connection, result) => self.connected(connection, result, now),
            News::Closed(connection) => self.look(connection, now),
            News::Replied(command, Heard::Reply(reply)) => self.link.handle_reply(command, reply, now),
            News::Replied(command, Heard::Gone(why)) => self.lose(command.connection(), &why, now),
            News::Replied(_, Heard::Nothing) => {}
            News::Published { connection, number, otherwise, published } => {
                self.published(connection, number, otherwise, published, now);
            }
            News::Counted(question, listeners) => self.questions.handle_count(question, listeners, now),
            News::Unsubscribed(connection, channel) => self.unsubscribed(connection, &channel, now),
            News::Served { added, removed } => {
                let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
                for place in removed {
                    peers.unserve(&place.name);
                    self.link.unsubscribe_group(&place.name, now);
                }
                for place in added {
                    peers.serve(Arc::clone(&place.name));
                    self.link.subscribe(place.wishes(), now);
                }
            }
            News::Ask(ask) => self.questions.ask(&self.shared, ask, now),
            News::Forget(number) => self.questions.forget(number),
            News::Answered { from, response, bytes } => self.questions.handle_answer(from, response, bytes),
            News::Leave(reply) => self.leave(reply, now),
        }
    }

    fn connected(&mut self, connection: Connection, result: Result<Servers, String>, now: Instant) {
        // One that is not awaited any more is dropped.
        if self.connecting.remove(&connection).is_none() {
            return;
        }
        match result {
            Ok(servers) => {
                let side = match connection.role() {
                    Role::Subscriber => &mut self.subscriber,
                    Role::Publisher => &mut self.publisher,
                };
                *side = Some((connection, servers));
                self.link.handle_connected(connection, now);
                // It may have ended before it was there.
                self.look(connection, now);
            }
            Err(error) => self.link.handle_connect_failed(connection, error, now),
        }
    }

    /// One of a connection's servers has ended, or is there again. The others go on.
    fn look(&mut self, connection: Connection, now: Instant) {
        let side = match connection.role() {
            Role::Subscriber => &mut self.subscriber,
            Role::Publisher => &mut self.publisher,
        };
        let Some((_, servers)) = side.as_mut().filter(|(open, _)| *open == connection) else { return };
        match servers.look() {
            Change::Over(why) => self.lose(connection, why, now),
            Change::Parts(parts) => {
                self.link.handle_part_gone(connection, |subscription| servers.was_at(&parts, subscription), now);
                if parts.is_any_back {
                    self.link.handle_part_back(connection, now);
                }
            }
        }
    }

    /// A connection is of no use any more. Of several servers the others go with it.
    fn lose(&mut self, connection: Connection, why: &str, now: Instant) {
        self.link.handle_closed(connection, why.to_owned(), now);
        if self.servers(connection).is_some() {
            self.forget_side(connection.role());
        }
    }

    /// A slot that moves takes its subscriptions along. All is made anew, at the servers that have it now: a confirmation that
    /// nobody asked for would be taken for the reply to whatever was asked.
    fn unsubscribed(&mut self, connection: Connection, channel: &[u8], now: Instant) {
        if let Some(asked) = self.ending.get_mut(channel) {
            *asked -= 1;
            if *asked == 0 {
                self.ending.remove(channel);
            }
            return;
        }
        self.lose(connection, "a slot has moved", now);
    }

    fn published(
        &mut self,
        connection: Connection,
        number: u64,
        otherwise: Vec<(usize, Publication)>,
        published: Option<Published>,
        now: Instant,
    ) {
        let Some(Published { listeners, has_moved, error }) = published else { return };
        if self.speaks_on == Some(connection) {
            let refused = listeners.iter().filter(|listeners| listeners.is_none()).count();
            let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            outgoing.handle_published(number, refused);
        }
        if let Some(error) = error.filter(|_| !std::mem::replace(&mut self.refusal_noted, true)) {
            self.shared.note(Notice::NotPublished { error });
        }
        for (at, publication) in otherwise {
            if listeners.get(at) == Some(&Some(0)) && self.shared.knows_listeners {
                self.shared.publish(publication);
            }
        }
        if has_moved {
            self.lose(connection, "a slot has moved", now);
        }
    }

    /// Does what the machines want, until none wants anything.
    fn act(&mut self, now: Instant) {
        self.rooms(now);
        loop {
            while let Some(action) = self.link.poll_output() {
                self.perform(action, now);
            }
            self.follow_publisher(now);
            self.publish(now);
            self.count();
            self.peers();
            let has_left = self.go_on_leaving(now);
            if !has_left {
                break;
            }
        }
        let (is_up, is_ready, phase) = (self.link.is_joined(), self.link.is_ready(), self.link.phase());
        self.seen.send_if_modified(|seen| {
            let is_new = (seen.is_up, seen.is_ready, seen.phase) != (is_up, is_ready, phase);
            (seen.is_up, seen.is_ready, seen.phase) = (is_up, is_ready, phase);
            is_new
        });
    }

    fn perform(&mut self, action: Action, now: Instant) {
        match action {
            Action::Connect(connection) => self.connect(connection),
            Action::Close(connection) => self.close(connection),
            Action::Subscribe { command, subscription } => self.subscribe(true, command, &subscription),
            Action::Unsubscribe { command, subscription } => self.subscribe(false, command, &subscription),
            Action::Ping { command } => {
                let then = self.replying(command);
                if let Some(servers) = self.servers(command.connection()) {
                    servers.ping(then);
                }
            }
            Action::Count { command, subscription } => {
                let then = self.replying(command);
                if let Some(servers) = self.servers(command.connection()) {
                    servers.count(&subscription, then);
                }
            }
            Action::Log(notice) => self.note(notice, now),
            Action::Fail(why) => {
                let failed = why.to_string();
                self.shared.note(Notice::Failed(why));
                self.seen.send_modify(|seen| seen.failed = Some(failed));
            }
        }
    }

    fn connect(&mut self, connection: Connection) {
        self.forget_side(connection.role());
        let (connector, shared) = (self.connector.clone(), Arc::clone(&self.shared));
        let is_sharded = matches!(shared.config.adapter, crate::Adapter::Sharded(_));
        let purpose = match connection.role() {
            Role::Publisher => Purpose::Speak,
            Role::Subscriber => {
                let ear = Ear::new(Arc::clone(&shared), connection);
                Purpose::Hear { is_sharded, hear: Arc::new(move |push| ear.hear(push)) }
            }
        };
        let news = shared.news.clone();
        let ended = move || drop(news.send(News::Closed(connection)));
        let attempt = self.tasks.spawn(async move {
            let result = connector.connect(purpose, Arc::new(ended)).await;
            shared.tell(News::Connected(connection, result));
        });
        self.connecting.insert(connection, attempt);
    }

    fn close(&mut self, connection: Connection) {
        if let Some(attempt) = self.connecting.remove(&connection) {
            attempt.abort();
        }
        if self.servers(connection).is_some() {
            self.forget_side(connection.role());
        }
    }

    fn forget_side(&mut self, role: Role) {
        match role {
            Role::Subscriber => {
                self.subscriber = None;
                self.ending.clear();
            }
            Role::Publisher => self.publisher = None,
        }
    }

    fn subscribe(&mut self, on: bool, command: connection::Command, subscription: &Subscription) {
        if !on && subscription.kind == SubscriptionKind::Sharded {
            *self.ending.entry(subscription.channel.clone()).or_default() += 1;
        }
        let then = self.replying(command);
        if let Some(servers) = self.servers(command.connection()) {
            servers.subscribe(on, subscription, then);
        }
    }

    fn replying(&self, command: connection::Command) -> impl FnOnce(Heard) + Send + 'static + use<> {
        let news = self.shared.news.clone();
        move |heard| drop(news.send(News::Replied(command, heard)))
    }

    fn servers(&self, connection: Connection) -> Option<&Servers> {
        let side = match connection.role() {
            Role::Subscriber => &self.subscriber,
            Role::Publisher => &self.publisher,
        };
        side.as_ref().filter(|(open, _)| *open == connection).map(|(_, servers)| servers)
    }

    fn note(&mut self, notice: connection::Notice, now: Instant) {
        match &notice {
            connection::Notice::Joined { deaf, .. } => {
                if std::mem::replace(&mut self.has_joined, true) {
                    self.shared.counters.reconnects.add(1);
                }
                self.refusal_noted = false;
                self.shared.take_overflow();
                self.questions.handle_joined(now);
                self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).handle_joined(*deaf, now);
            }
            connection::Notice::Whole { groups, .. } => {
                self.refusal_noted = false;
                self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).handle_deaf(groups, now);
            }
            connection::Notice::Lost(_) => {
                self.questions.handle_lost();
                self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).handle_lost();
            }
            _ => {}
        }
        self.shared.note(Notice::Link(notice));
    }

    /// Lets those who publish know whether there is a connection for it.
    fn follow_publisher(&mut self, now: Instant) {
        let publisher = self.link.publisher().filter(|connection| self.servers(*connection).is_some());
        if publisher == self.speaks_on {
            return;
        }
        let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        outgoing.handle_down();
        peers.handle_down();
        if publisher.is_some() {
            outgoing.handle_up();
            peers.handle_up(now);
        }
        self.speaks_on = publisher;
    }

    /// Sends what a turn collected, and the heartbeat behind it.
    fn publish(&mut self, now: Instant) {
        let Some((connection, servers)) = &self.publisher else { return };
        if self.speaks_on != Some(*connection) {
            return;
        }
        let is_sharded = matches!(self.shared.config.adapter, crate::Adapter::Sharded(_));
        let counts = servers.has_one_way(is_sharded);
        loop {
            let pipeline = {
                let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = outgoing.take(now);
                let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
                for publication in taken.iter().flat_map(|pipeline| &pipeline.publications) {
                    if let Some(namespace) = publication.counted.as_ref().filter(|_| counts) {
                        peers.handle_sent(namespace);
                    }
                }
                match peers.poll_heartbeat(now) {
                    None => taken,
                    Some(body) => {
                        let heartbeat = Publication::new(false, self.shared.heartbeats.clone(), body);
                        outgoing.append(taken, heartbeat, now)
                    }
                }
            };
            let Some(pipeline) = pipeline else { break };
            send(servers, *connection, pipeline, &self.shared);
        }
    }

    fn count(&mut self) {
        while let Some((question, subscription)) = self.questions.poll_count() {
            let news = self.shared.news.clone();
            let then = move |heard| {
                let listeners = match heard {
                    Heard::Reply(Reply::Count(listeners)) => Some(listeners),
                    _ => None,
                };
                let _ = news.send(News::Counted(question, listeners));
            };
            match &self.publisher {
                Some((_, servers)) => servers.count(&subscription, then),
                None => then(Heard::Nothing),
            }
        }
        let known = || self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).peers(Instant::now()).count();
        self.questions.reply(known);
    }

    fn peers(&mut self) {
        loop {
            let event = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).poll_event();
            let Some(event) = event else { return };
            if let peers::Event::Reset { namespace } = &event
                && let Some(place) = self.shared.places().by_name.get(namespace)
            {
                let everyone = Target::everyone(place.namespace().clone());
                self.tasks.spawn(close_sockets(Arc::clone(&self.shared), everyone));
            }
            self.shared.note(Notice::Peer(event));
        }
    }

    /// Rooms that have channels of their own.
    fn rooms(&mut self, now: Instant) {
        for ((namespace, room, is_own), is_there) in self.shared.rooms.take() {
            let Some(place) = self.shared.place(&namespace) else { continue };
            let Some(wish) = place.room_wish(room.as_str(), is_own) else { continue };
            match is_there {
                true => self.link.subscribe([wish], now),
                false => self.link.unsubscribe(&wish.subscription, now),
            }
        }
    }
}

fn hear_orders(tasks: &mut JoinSet<()>, shared: &Arc<Shared>) -> task::Id {
    tasks.spawn(crate::node::hear_orders(Arc::clone(shared))).id()
}

fn hear_answers(tasks: &mut JoinSet<()>, shared: &Arc<Shared>) -> task::Id {
    tasks.spawn(crate::node::hear_answers(Arc::clone(shared))).id()
}

fn send(servers: &Servers, connection: Connection, pipeline: Pipeline, shared: &Shared) {
    let Pipeline { number, publications } = pipeline;
    let news = shared.news.clone();
    let otherwise = publications.iter().enumerate().filter_map(|(at, publication)| {
        let Publication { is_sharded, body, otherwise: Some(channel), .. } = publication else { return None };
        Some((at, Publication::new(*is_sharded, channel.clone(), body.clone())))
    });
    let otherwise = otherwise.collect();
    servers.publish(&publications, move |published| {
        let _ = news.send(News::Published { connection, number, otherwise, published });
    });
}

/// Closes sockets as if the network had broken, over a while: their clients come back, and fetch anew.
async fn close_sockets(shared: Arc<Shared>, everyone: Target) {
    let sockets = shared.local.fetch_sockets(everyone.clone()).await;
    let pause = shared.config.reset_spread / u32::try_from(sockets.len()).unwrap_or(u32::MAX).max(1);
    let begun = Instant::now();
    for (number, socket) in (0_u32..).zip(sockets) {
        let target = Target::everyone(everyone.namespace().clone()).to(socket.id.as_str());
        shared.local.apply(Command::Expel { target, from: Expulsion::Transport(MISSED) });
        let due = begun + pause.saturating_mul(number + 1);
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
    }
}

const MISSED: &str = "the cluster missed something";

/// What is handled until times are looked at.
const TURN: usize = 256;
/// Where nothing is due, which is when it is over.
const IDLE: Duration = Duration::from_secs(1);
