//! The task that owns the link, and drives the machines of `cluster_proto` in real time.

mod asked;
mod leaving;
mod peers;
mod publishing;
mod sides;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use cluster_proto::connection::{self, Action, Connection, Link, Phase, Reply, Subscription, SubscriptionKind, Wish};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinSet};

use crate::link::{Connector, Heard, Servers};
use crate::node::{News, Seen, Shared};
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
    /// Of the namespaces that it knows of.
    turn: u64,
    /// Those of them whose channels were not all there yet.
    beginning: HashSet<Arc<str>>,
    has_joined: bool,
    refusal_noted: bool,
    leaving: Option<Leaving>,
    seen: watch::Sender<Seen>,
    news: mpsc::UnboundedReceiver<News>,
    /// They end with this.
    tasks: JoinSet<()>,
    /// Those of them that do what is heard.
    hearing: [task::Id; 3],
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
        let hearing =
            [hear_orders(&mut tasks, &shared), hear_questions(&mut tasks, &shared), hear_answers(&mut tasks, &shared)];
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
            turn: 0,
            beginning: HashSet::new(),
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
        self.hear_namespaces().await;
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

    /// Goes nowhere before the server has said what it serves: what is joined without the namespaces is joined to nothing, and
    /// says so to whoever waits for it.
    async fn hear_namespaces(&mut self) {
        while let Some(news) = self.news.recv().await {
            let is_first = matches!(news, News::Served { .. } | News::Leave(_));
            self.handle(news, Instant::now());
            if is_first {
                break;
            }
        }
    }

    fn end(mut self) {
        self.shared.end();
        {
            let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut replies = self.shared.replies.lock();
            for queue in [&mut *outgoing, &mut *replies] {
                queue.handle_down();
                queue.give_up();
            }
        }
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
            let [orders, questions, answers] = &mut self.hearing;
            if error.id() == *orders {
                *orders = hear_orders(&mut self.tasks, &self.shared);
            } else if error.id() == *questions {
                *questions = hear_questions(&mut self.tasks, &self.shared);
            } else if error.id() == *answers {
                *answers = hear_answers(&mut self.tasks, &self.shared);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).poll_timeout();
        let peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).poll_timeout();
        let leaving = self.leaving.as_ref().and_then(Leaving::due);
        let replies = self.shared.replies.lock().poll_timeout();
        let times = [self.link.poll_timeout(), self.questions.poll_timeout(), outgoing, replies, peers, leaving];
        times.into_iter().flatten().min()
    }

    fn time_out(&mut self, now: Instant) {
        if let Some((connection, servers)) = &self.subscriber {
            servers.heard_at().into_iter().for_each(|at| self.link.handle_heard(*connection, at));
        }
        self.link.handle_timeout(now);
        self.questions.handle_timeout(now);
        let is_silent = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).handle_timeout(now);
        let is_silent = self.shared.replies.lock().handle_timeout(now) || is_silent;
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
            News::Published { connection, queue, number, otherwise, published } => {
                self.published(connection, (queue, number), otherwise, published, now);
            }
            News::Counted(question, listeners) => self.questions.handle_count(question, listeners, now),
            News::Unsubscribed(connection, channel) => self.unsubscribed(connection, channel, now),
            News::Served { added, removed, turn } => {
                self.turn = turn;
                for place in removed {
                    self.beginning.remove(&place.name);
                    self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).unserve(&place.name);
                    self.link.unsubscribe_group(&place.name, now);
                }
                for place in added {
                    self.beginning.insert(Arc::clone(&place.name));
                    self.link.subscribe(place.wishes(), now);
                }
            }
            News::Ask(ask) => self.questions.ask(&self.shared, ask, now),
            News::Forget(number) => self.questions.forget(number),
            News::Answered { from, response, bytes } => self.questions.handle_answer(from, response, bytes),
            News::Leave(reply) => self.leave(reply, now),
        }
    }

    /// Does what the machines want, until none wants anything.
    fn act(&mut self, now: Instant) {
        self.begin();
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

    /// Namespaces whose channels are all there now. The ear has said so already, but for what it heard while the namespace was
    /// going and coming back.
    fn begin(&mut self) {
        let link = &self.link;
        for name in self.beginning.extract_if(|name| link.is_group_confirmed(name)) {
            self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).serve(name);
        }
    }

    /// Rooms that have channels of their own.
    fn rooms(&mut self, now: Instant) {
        for (place, (room, is_own), is_there) in self.shared.changed_rooms(self.turn, &self.beginning) {
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

fn hear_questions(tasks: &mut JoinSet<()>, shared: &Arc<Shared>) -> task::Id {
    tasks.spawn(crate::node::hear_questions(Arc::clone(shared))).id()
}

fn hear_answers(tasks: &mut JoinSet<()>, shared: &Arc<Shared>) -> task::Id {
    tasks.spawn(crate::node::hear_answers(Arc::clone(shared))).id()
}

/// What is handled until times are looked at.
const TURN: usize = 256;
/// Where nothing is due, which is when it is over.
const IDLE: Duration = Duration::from_secs(1);
