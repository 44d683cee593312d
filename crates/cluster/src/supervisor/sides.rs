//! The two sides of the link, and what is asked of the servers of each.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cluster_proto::connection::{self, Connection, Role, Subscription, SubscriptionKind};

use super::Supervisor;
use crate::link::{Change, Heard, Purpose, Servers};
use crate::node::{Ear, News};

impl Supervisor {
    pub(super) fn connected(&mut self, connection: Connection, result: Result<Servers, String>, now: Instant) {
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
    pub(super) fn look(&mut self, connection: Connection, now: Instant) {
        let side = match connection.role() {
            Role::Subscriber => &mut self.subscriber,
            Role::Publisher => &mut self.publisher,
        };
        let Some((_, servers)) = side.as_mut().filter(|(open, _)| *open == connection) else { return };
        match servers.look() {
            Change::Over(why) => self.lose(connection, why, now),
            Change::Parts(parts) => {
                self.ending.retain(|channel, _| !servers.had(&parts, channel));
                self.link.handle_part_gone(connection, |subscription| servers.was_at(&parts, subscription), now);
                if parts.is_any_back {
                    self.link.handle_part_back(connection, now);
                }
            }
        }
    }

    /// A connection is of no use any more. Of several servers the others go with it.
    pub(super) fn lose(&mut self, connection: Connection, why: &str, now: Instant) {
        self.link.handle_closed(connection, why.to_owned(), now);
        if self.servers(connection).is_some() {
            self.forget_side(connection.role());
        }
    }

    /// A slot that moves takes its subscriptions along. All is made anew, at the servers that have it now: a confirmation that
    /// nobody asked for would be taken for the reply to whatever was asked.
    pub(super) fn unsubscribed(&mut self, connection: Connection, channel: Bytes, now: Instant) {
        if let Some(asked) = self.ending.get_mut(&channel) {
            *asked -= 1;
            if *asked == 0 {
                self.ending.remove(&channel);
            }
            return;
        }
        // What is not there any more may end: the last words of a part that is gone.
        if self.link.expects(connection, &Subscription::new(SubscriptionKind::Sharded, channel)) {
            self.lose(connection, "a slot has moved", now);
        }
    }

    pub(super) fn connect(&mut self, connection: Connection) {
        self.forget_side(connection.role());
        let (connector, shared) = (self.connector.clone(), Arc::clone(&self.shared));
        let is_sharded = shared.is_sharded();
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

    pub(super) fn close(&mut self, connection: Connection) {
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

    pub(super) fn subscribe(&mut self, on: bool, command: connection::Command, subscription: &Subscription) {
        if !on && subscription.kind == SubscriptionKind::Sharded {
            *self.ending.entry(subscription.channel.clone()).or_default() += 1;
        }
        let then = self.replying(command);
        if let Some(servers) = self.servers(command.connection()) {
            servers.subscribe(on, subscription, then);
        }
    }

    pub(super) fn replying(&self, command: connection::Command) -> impl FnOnce(Heard) + Send + 'static + use<> {
        let news = self.shared.news.clone();
        move |heard| drop(news.send(News::Replied(command, heard)))
    }

    pub(super) fn servers(&self, connection: Connection) -> Option<&Servers> {
        let side = match connection.role() {
            Role::Subscriber => &self.subscriber,
            Role::Publisher => &self.publisher,
        };
        side.as_ref().filter(|(open, _)| *open == connection).map(|(_, servers)| servers)
    }
}
