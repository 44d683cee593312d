//! The servers that one side of the link is connected to: one, or the masters of a Redis Cluster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_proto::connection::{Reply, Subscription, SubscriptionKind};
use cluster_proto::outgoing::Publication;
use redis::{Cmd, Pipeline, RedisError, Value, cmd};
use tokio::pin;
use tokio::time::timeout_at;

use super::begin::begin;
use super::mending::Mender;
use super::replies::{Gathering, Heard, Published, Results, counted, heard, is_replica};
use super::server::Server;

/// What one side of the link is connected to. Dropped, all of it is closed.
///
/// Of several, each lives for itself: what one has that is away is away, and it is looked for. When all are, the side is over.
pub(crate) struct Servers {
    /// `None`: it is away.
    servers: Vec<Option<Server>>,
    /// Where what belongs to none of them goes: so all of a namespace is published through one, and keeps its order.
    main: usize,
    /// Of several.
    mender: Option<Mender>,
    /// Whether a master may become a replica and go on answering.
    may_be_demoted: bool,
}

/// What is different since the servers were looked at last.
pub(crate) enum Change {
    /// They are of no use any more.
    Over(&'static str),
    Parts(Parts),
}

/// Some of several servers came or went.
pub(crate) struct Parts {
    gone: Vec<usize>,
    /// Which was the main one until then.
    main: usize,
    pub(crate) is_any_back: bool,
}

impl Servers {
    pub(super) fn one(server: Server, may_be_demoted: bool) -> Self {
        Self { servers: vec![Some(server)], main: 0, mender: None, may_be_demoted }
    }

    /// `choice`: which is the main one, or the next of them that is there.
    pub(super) fn several(servers: Vec<Option<Server>>, choice: usize, mender: Mender) -> Self {
        let mut all = Self { servers, main: choice, mender: Some(mender), may_be_demoted: true };
        all.choose();
        all.mend();
        all
    }

    /// Whether what is published keeps its order over all channels.
    pub(crate) fn has_one_way(&self, is_sharded: bool) -> bool {
        !is_sharded || self.servers.len() == 1
    }

    /// Sees who came or went.
    pub(crate) fn look(&mut self) -> Change {
        let found = self.mender.as_ref().map(Mender::take).unwrap_or_default();
        if found.has_moved {
            return Change::Over("a slot has moved");
        }
        let is_any_back = !found.servers.is_empty();
        for (index, server) in found.servers {
            if let Some(place) = self.servers.get_mut(index) {
                *place = Some(server);
            }
        }
        let main = self.main;
        let mut gone = Vec::new();
        for (index, place) in self.servers.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|server| server.life.is_over()) {
                *place = None;
                gone.push(index);
            }
        }
        if self.servers.iter().all(Option::is_none) {
            return Change::Over("the other end closed it");
        }
        self.choose();
        if !gone.is_empty() {
            self.mend();
        }
        Change::Parts(Parts { gone, main, is_any_back })
    }

    /// Whether a subscription was at one that is gone.
    pub(crate) fn was_at(&self, parts: &Parts, subscription: &Subscription) -> bool {
        match subscription.kind {
            SubscriptionKind::Sharded => self.had(parts, &subscription.channel),
            _ => parts.gone.contains(&parts.main),
        }
    }

    /// Whether a sharded channel was at one that is gone.
    pub(crate) fn had(&self, parts: &Parts, channel: &[u8]) -> bool {
        self.owner(channel).is_some_and(|place| parts.gone.contains(&place))
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
        // One channel each, as a plain command: its confirmation is its reply.
        let command = cmd(name).arg(&subscription.channel[..]).to_owned();
        self.send_by(is_sharded, &subscription.channel, command, heard, then);
    }

    /// Asks all servers whether they live; and those that may have changed sides, whether they have.
    pub(crate) fn ping(&self, then: impl FnOnce(Heard) + Send + 'static) {
        let there: Vec<_> = self.there().collect();
        let asked = if self.may_be_demoted { there.len() * 2 } else { there.len() };
        let all = Gathering::new(asked, then);
        for server in &there {
            let all = Arc::clone(&all);
            self.send(server, cmd("PING"), heard, move |reply| all.add(reply));
        }
        let role = |reply| match reply {
            Ok(role) if is_replica(&role) => Heard::Gone("it is no master any more".to_owned()),
            Ok(_) => Heard::Reply(Reply::Done),
            Err(error) if RedisError::is_unrecoverable_error(&error) => Heard::Nothing,
            Err(_) => Heard::Reply(Reply::Done),
        };
        for server in there.iter().filter(|_| self.may_be_demoted) {
            let all = Arc::clone(&all);
            self.send(server, cmd("ROLE"), role, move |reply| all.add(reply));
        }
    }

    /// Counts the subscribers of a channel, over all servers that may have some.
    pub(crate) fn count(&self, subscription: &Subscription, then: impl FnOnce(Heard) + Send + 'static) {
        let is_sharded = subscription.kind == SubscriptionKind::Sharded;
        let mut command = cmd("PUBSUB");
        command.arg(if is_sharded { "SHARDNUMSUB" } else { "NUMSUB" }).arg(&subscription.channel[..]);
        if is_sharded {
            return self.send_by(true, &subscription.channel, command, counted, then);
        }
        let all = Gathering::new(self.there().count(), then);
        for server in self.there() {
            let all = Arc::clone(&all);
            self.send(server, command.clone(), counted, move |reply| all.add(reply));
        }
    }

    /// Sends publications, as one pipeline to each server. `None`: the connection ended before all was answered.
    pub(crate) fn publish(&self, publications: &[Publication], then: impl FnOnce(Option<Published>) + Send + 'static) {
        let mut parts: Vec<_> = self.servers.iter().map(|_| (Pipeline::new(), Vec::new())).collect();
        let mut error = None;
        for (index, publication) in publications.iter().enumerate() {
            let Publication { is_sharded, channel, body, .. } = publication;
            let part = self.place(*is_sharded, channel).map(|server| parts.get_mut(server));
            match part {
                Ok(Some((pipeline, places))) => {
                    let name = if *is_sharded { "SPUBLISH" } else { "PUBLISH" };
                    pipeline.cmd(name).arg(&channel[..]).arg(&body[..]);
                    places.push(index);
                }
                Ok(None) => {}
                Err(why) => error = error.or(Some(why)),
            }
        }
        let parts = self.servers.iter().zip(parts).filter_map(|(server, (pipeline, places))| {
            server.as_ref().filter(|_| !places.is_empty()).map(|server| (server, pipeline, places))
        });
        let parts: Vec<_> = parts.collect();
        let is_one = self.mender.is_none();
        // One alone has all slots, or is the wrong one: another connection to it is no better.
        let then = move |published: Option<Published>| {
            then(published.map(|published| Published { has_moved: published.has_moved && !is_one, ..published }));
        };
        let results = Results::new(publications.len(), parts.len(), error, then);
        for (server, pipeline, places) in parts {
            let (mut commands, count, results) = (server.commands.clone(), places.len(), Arc::clone(&results));
            let request = async move { commands.send_packed_commands(&pipeline, 0, count).await };
            self.begin(server, request, move |replies| match replies {
                Some(Ok(replies)) => results.add(&places, replies),
                _ if is_one => results.end(),
                _ => results.miss(UNKNOWN.to_owned()),
            });
        }
    }

    /// Sends a command to the server of a channel.
    fn send_by(
        &self,
        is_sharded: bool,
        channel: &[u8],
        command: Cmd,
        read: impl FnOnce(Result<Value, RedisError>) -> Heard + Send + 'static,
        then: impl FnOnce(Heard) + Send + 'static,
    ) {
        let is_one = self.mender.is_none();
        let then = move |heard| {
            then(match heard {
                Heard::Gone(why) if is_one => Heard::Reply(Reply::Error(format!("{why} ({ONE_OF_SEVERAL})"))),
                other => other,
            });
        };
        match self.place(is_sharded, channel) {
            Ok(place) => {
                if let Some(server) = self.servers.get(place).and_then(Option::as_ref) {
                    self.send(server, command, read, then);
                }
            }
            Err(why) => then(Heard::Reply(Reply::Away(why))),
        }
    }

    /// Where the connection of one of several ends, that one is away. That of one alone says so by itself.
    fn send(
        &self,
        server: &Server,
        command: Cmd,
        read: impl FnOnce(Result<Value, RedisError>) -> Heard + Send + 'static,
        then: impl FnOnce(Heard) + Send + 'static,
    ) {
        let mut commands = server.commands.clone();
        let request = async move {
            match commands.send_packed_command(&command).await {
                Ok(Value::ServerError(error)) => Err(error.into()),
                other => other,
            }
        };
        let is_one = self.mender.is_none();
        self.begin(server, request, move |reply| {
            then(match reply.map(read) {
                None | Some(Heard::Nothing) if !is_one => Heard::Reply(Reply::Away(UNKNOWN.to_owned())),
                Some(heard) => heard,
                None => Heard::Nothing,
            });
        });
    }

    /// Of several servers one that is silent is given up before the link gives up all of them. `None`: it was.
    fn begin<T: Send + 'static>(
        &self,
        server: &Server,
        request: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(Option<T>) + Send + 'static,
    ) {
        if self.mender.is_none() {
            return begin(request, move |reply| then(Some(reply)));
        }
        let life = server.life.clone();
        let heard = life.clone();
        begin(in_time(REPLY_MAX, move || heard.heard_at(), request), move |reply| {
            if reply.is_none() {
                life.give_up();
            }
            then(reply);
        });
    }

    /// When one of them last said something unasked.
    pub(crate) fn heard_at(&self) -> Option<Instant> {
        self.there().map(|server| server.life.heard_at()).max()
    }

    fn there(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().flatten()
    }

    /// The server that a channel belongs to, if it is there.
    fn place(&self, is_sharded: bool, channel: &[u8]) -> Result<usize, String> {
        let place = match (is_sharded, &self.mender) {
            (true, Some(_)) => self.owner(channel).ok_or("no master has its slot")?,
            _ => self.main,
        };
        match self.servers.get(place) {
            Some(Some(_)) => Ok(place),
            _ => Err(self.name(place)),
        }
    }

    fn owner(&self, channel: &[u8]) -> Option<usize> {
        match &self.mender {
            Some(mender) => mender.slots().owner(channel),
            None => Some(self.main),
        }
    }

    fn name(&self, place: usize) -> String {
        match self.mender.as_ref().and_then(|mender| mender.slots().masters().get(place)) {
            Some((host, port)) => format!("{host}:{port} is away"),
            None => "it is away".to_owned(),
        }
    }

    /// The main one, or the next that is there.
    fn choose(&mut self) {
        let count = self.servers.len().max(1);
        let is_there = |place: &usize| self.servers.get(*place).is_some_and(Option::is_some);
        let next = (self.main..self.main.saturating_add(count)).map(|place| place % count).find(is_there);
        self.main = next.unwrap_or(0);
    }

    fn mend(&mut self) {
        let away = self.servers.iter().enumerate().filter(|(_, server)| server.is_none());
        let away = away.map(|(place, _)| place).collect();
        if let Some(mender) = &mut self.mender {
            mender.mend(away);
        }
    }
}

/// What a server replies, unless it says nothing at all for too long: behind all that it says a reply may be late.
async fn in_time<T>(patience: Duration, heard_at: impl Fn() -> Instant, request: impl Future<Output = T>) -> Option<T> {
    pin!(request);
    let mut until = Instant::now() + patience;
    loop {
        if let Ok(reply) = timeout_at(until.into(), &mut request).await {
            return Some(reply);
        }
        until = heard_at() + patience;
        if until <= Instant::now() {
            return None;
        }
    }
}

const ONE_OF_SEVERAL: &str = "it is one of a Redis Cluster, and is to be named as such";
const UNKNOWN: &str = "the connection ended";
/// Less than the link waits for a reply, and more than a healthy server pauses.
const REPLY_MAX: Duration = Duration::from_millis(4500);

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn who_speaks_is_waited_for_and_who_is_silent_is_not() {
        let (begun, patience) = (Instant::now(), Duration::from_millis(100));
        let spoke_until = begun + 5 * patience;
        let heard_at = move || Instant::now().min(spoke_until);
        let late = tokio::time::sleep(3 * patience);
        assert_eq!(in_time(patience, heard_at, late).await, Some(()), "the reply stands behind what it says");
        assert_eq!(in_time(patience, heard_at, pending::<()>()).await, None);
        assert!(begun.elapsed() >= 6 * patience);
        assert_eq!(in_time(patience, move || begun, pending::<()>()).await, None);
    }
}
