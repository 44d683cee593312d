//! The servers that one side of the link is connected to: one, or the masters of a Redis Cluster.

use std::sync::{Arc, Mutex, PoisonError};

use cluster_proto::connection::{Reply, Subscription, SubscriptionKind};
use cluster_proto::outgoing::Publication;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, Value, cmd};

use super::begin::begin;
use super::server::{Server, words};
use super::slots::Slots;

/// What one side of the link is connected to. Dropped, all of it is closed; when one of them ends, so does the side.
pub(crate) struct Servers {
    servers: Vec<Server>,
    /// Where what belongs to none of them goes: so all of a namespace is published through one, and keeps its order.
    main: usize,
    slots: Option<Slots>,
    /// Whether a master may become a replica and go on answering.
    may_be_demoted: bool,
}

/// What became of a pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// How many heard each, in order; `None`: it was refused.
    pub(crate) listeners: Vec<Option<u64>>,
    /// A slot is elsewhere by now.
    pub(crate) has_moved: bool,
    /// What was refused first, in Redis' words.
    pub(crate) error: Option<String>,
}

impl Servers {
    pub(super) fn one(server: Server, may_be_demoted: bool) -> Self {
        Self { servers: vec![server], main: 0, slots: None, may_be_demoted }
    }

    pub(super) fn several(servers: Vec<Server>, main: usize, slots: Slots) -> Self {
        Self { servers, main, slots: Some(slots), may_be_demoted: true }
    }

    /// Whether what is published keeps its order over all channels.
    pub(crate) fn has_one_way(&self, is_sharded: bool) -> bool {
        !is_sharded || self.servers.len() == 1
    }

    /// Subscribes, or ends it.
    pub(crate) fn subscribe(&self, on: bool, subscription: &Subscription, then: impl FnOnce(Heard) + Send + 'static) {
        let name = match (on, subscription.kind) {
            (true, kind) => kind.command(),
            (false, SubscriptionKind::Channel) => "UNSUBSCRIBE",
            (false, SubscriptionKind::Pattern) => "PUNSUBSCRIBE",
            (false, SubscriptionKind::Sharded) => "SUNSUBSCRIBE",
        };
        let is_sharded = subscription.kind == SubscriptionKind::Sharded;
        let server = self.server(is_sharded, &subscription.channel);
        // One channel each, as a plain command: its confirmation is its reply.
        self.send(server, cmd(name).arg(&subscription.channel[..]).to_owned(), |reply| then(heard(reply)));
    }

    /// Asks all servers whether they live; and those that may have changed sides, whether they have.
    pub(crate) fn ping(&self, then: impl FnOnce(Heard) + Send + 'static) {
        let asked = if self.may_be_demoted { self.servers.len() * 2 } else { self.servers.len() };
        let all = Gathering::new(asked, then);
        for server in 0..self.servers.len() {
            let all = Arc::clone(&all);
            self.send(server, cmd("PING"), move |reply| all.add(heard(reply)));
        }
        for server in (0..self.servers.len()).filter(|_| self.may_be_demoted) {
            let all = Arc::clone(&all);
            self.send(server, cmd("ROLE"), move |reply| {
                all.add(match reply {
                    Ok(role) if is_replica(&role) => Heard::Gone("it is no master any more".to_owned()),
                    Ok(_) => Heard::Reply(Reply::Done),
                    Err(error) if error.is_unrecoverable_error() => Heard::Nothing,
                    Err(_) => Heard::Reply(Reply::Done),
                });
            });
        }
    }

    /// Counts the subscribers of a channel, over all servers that may have some.
    pub(crate) fn count(&self, subscription: &Subscription, then: impl FnOnce(Heard) + Send + 'static) {
        let is_sharded = subscription.kind == SubscriptionKind::Sharded;
        let name = if is_sharded { "SHARDNUMSUB" } else { "NUMSUB" };
        let servers = match is_sharded {
            true => vec![self.server(true, &subscription.channel)],
            false => (0..self.servers.len()).collect(),
        };
        let all = Gathering::new(servers.len(), then);
        for server in servers {
            let all = Arc::clone(&all);
            let command = cmd("PUBSUB").arg(name).arg(&subscription.channel[..]).to_owned();
            self.send(server, command, move |reply| all.add(counted(reply)));
        }
    }

    /// Publishes, in this order as far as it is one server's.
    pub(crate) fn publish(&self, publications: &[Publication], then: impl FnOnce(Option<Published>) + Send + 'static) {
        let mut parts: Vec<(Pipeline, Vec<usize>)> = self.servers.iter().map(|_| Default::default()).collect();
        for (index, publication) in publications.iter().enumerate() {
            let Publication { is_sharded, channel, body, .. } = publication;
            let Some((pipeline, places)) = parts.get_mut(self.server(*is_sharded, channel)) else { continue };
            let name = if *is_sharded { "SPUBLISH" } else { "PUBLISH" };
            pipeline.cmd(name).arg(&channel[..]).arg(&body[..]);
            places.push(index);
        }
        let used = parts.iter().filter(|(_, places)| !places.is_empty()).count();
        let results = Results::new(publications.len(), used, then);
        for (server, (pipeline, places)) in parts.into_iter().enumerate().filter(|(_, (_, places))| !places.is_empty())
        {
            let (Some(mut commands), results) = (self.commands(server), Arc::clone(&results)) else { continue };
            let count = places.len();
            let request = async move { commands.send_packed_commands(&pipeline, 0, count).await };
            begin(request, move |replies| results.add(&places, replies));
        }
    }

    fn send(&self, server: usize, command: Cmd, then: impl FnOnce(Result<Value, RedisError>) + Send + 'static) {
        let Some(mut commands) = self.commands(server) else { return };
        let request = async move {
            match commands.send_packed_command(&command).await {
                Ok(Value::ServerError(error)) => Err(error.into()),
                other => other,
            }
        };
        begin(request, then);
    }

    fn commands(&self, server: usize) -> Option<MultiplexedConnection> {
        self.servers.get(server).map(|server| server.commands.clone())
    }

    fn server(&self, is_sharded: bool, channel: &[u8]) -> usize {
        let owner = self.slots.as_ref().filter(|_| is_sharded).and_then(|slots| slots.owner(channel));
        owner.unwrap_or(self.main)
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// What the machine is to know.
    Reply(Reply),
    /// The connection is of no use any more.
    Gone(String),
    /// The connection ended, which is told by itself.
    Nothing,
}

fn heard(reply: Result<Value, RedisError>) -> Heard {
    match reply {
        Ok(_) => Heard::Reply(Reply::Done),
        Err(error) => refused(&error),
    }
}

fn refused(error: &RedisError) -> Heard {
    match error.code() {
        Some("MOVED" | "ASK" | "CLUSTERDOWN") => Heard::Gone(format!("a slot has moved: {}", words(error))),
        Some(_) => Heard::Reply(Reply::Error(words(error))),
        None if error.is_unrecoverable_error() => Heard::Nothing,
        None => Heard::Reply(Reply::Error(words(error))),
    }
}

/// Whether `ROLE` says so.
pub(super) fn is_replica(role: &Value) -> bool {
    match role {
        Value::Array(parts) => parts.first().is_some_and(|role| *role == Value::BulkString(b"slave".to_vec())),
        _ => false,
    }
}

/// `[channel, number]`, or the same as a map.
fn counted(reply: Result<Value, RedisError>) -> Heard {
    let number = match reply {
        Err(error) => return refused(&error),
        Ok(Value::Array(parts)) => parts.into_iter().nth(1),
        Ok(Value::Map(pairs)) => pairs.into_iter().next().map(|(_, number)| number),
        Ok(_) => None,
    };
    Heard::Reply(match number {
        Some(Value::Int(number)) => Reply::Count(u64::try_from(number).unwrap_or(0)),
        _ => Reply::Error("no number".to_owned()),
    })
}

/// Several replies that are one.
struct Gathering<F>(Mutex<Option<(usize, Heard, F)>>);

impl<F: FnOnce(Heard)> Gathering<F> {
    fn new(awaited: usize, then: F) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some((awaited, Heard::Reply(Reply::Done), then)))))
    }

    /// Counts are added; what is wrong is the reply, and what ends a connection at once.
    fn add(&self, heard: Heard) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((awaited, sum, then)) = state.take() else { return };
        let sum = match (sum, heard) {
            (_, Heard::Nothing) => return,
            (_, gone @ Heard::Gone(_)) => return then(gone),
            (error @ Heard::Reply(Reply::Error(_)), _) => error,
            (Heard::Reply(Reply::Count(a)), Heard::Reply(Reply::Count(b))) => Heard::Reply(Reply::Count(a + b)),
            (_, other) => other,
        };
        match awaited {
            0 | 1 => then(sum),
            _ => *state = Some((awaited - 1, sum, then)),
        }
    }
}

/// The replies of several servers to parts of one pipeline.
struct Results<F>(Mutex<Option<(usize, Published, F)>>);

impl<F: FnOnce(Option<Published>)> Results<F> {
    fn new(len: usize, awaited: usize, then: F) -> Arc<Self> {
        let published = Published { listeners: vec![None; len], has_moved: false, error: None };
        Arc::new(Self(Mutex::new(Some((awaited, published, then)))))
    }

    fn add(&self, places: &[usize], replies: Result<Vec<Value>, RedisError>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((awaited, mut published, then)) = state.take() else { return };
        // The connection ended. What arrived, nobody knows.
        let Ok(replies) = replies else { return then(None) };
        for (place, reply) in places.iter().zip(replies) {
            match reply {
                Value::Int(listeners) => {
                    if let Some(entry) = published.listeners.get_mut(*place) {
                        *entry = Some(u64::try_from(listeners).unwrap_or(0));
                    }
                }
                Value::ServerError(error) => {
                    published.has_moved |= matches!(error.code(), "MOVED" | "ASK" | "CLUSTERDOWN");
                    published.error.get_or_insert_with(|| words(&error.into()));
                }
                _ => {}
            }
        }
        match awaited {
            0 | 1 => then(Some(published)),
            _ => *state = Some((awaited - 1, published, then)),
        }
    }
}
