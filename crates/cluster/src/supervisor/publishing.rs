//! What is published, and what the others are told of it.

use std::sync::PoisonError;
use std::time::Instant;

use cluster_proto::connection::Connection;
use cluster_proto::outgoing::{Outgoing, Pipeline, Publication};
use cluster_proto::peers::Peers;

use super::Supervisor;
use crate::link::{Published, Servers};
use crate::node::{News, Queue, Shared};
use crate::notice::Notice;

impl Supervisor {
    pub(super) fn published(
        &mut self,
        connection: Connection,
        (queue, number): (Queue, u64),
        otherwise: Vec<(usize, Publication)>,
        published: Option<Published>,
        now: Instant,
    ) {
        let Some(Published { listeners, has_moved, error }) = published else { return };
        if self.speaks_on == Some(connection) {
            let refused = listeners.iter().filter(|listeners| listeners.is_none()).count();
            match queue {
                Queue::Events => {
                    let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
                    outgoing.handle_published(number, refused);
                }
                Queue::Replies => {
                    self.shared.replies.lock().handle_published(number, refused);
                    self.shared.replies.note_gone();
                }
            }
        }
        if let Some(error) = error.filter(|_| !std::mem::replace(&mut self.refusal_noted, true)) {
            self.shared.note(Notice::NotPublished { error });
        }
        for (at, publication) in otherwise {
            if listeners.get(at) == Some(&Some(0)) && self.shared.knows_listeners {
                self.shared.reply(publication);
            }
        }
        if has_moved {
            self.lose(connection, "a slot has moved", now);
        }
    }

    /// Lets those who publish know whether there is a connection for it.
    pub(super) fn follow_publisher(&mut self, now: Instant) {
        let publisher = self.link.publisher().filter(|connection| self.servers(*connection).is_some());
        if publisher == self.speaks_on {
            return;
        }
        let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies = self.shared.replies.lock();
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        outgoing.handle_down();
        replies.handle_down();
        peers.handle_down();
        if let Some(servers) = publisher.and_then(|connection| self.servers(connection)) {
            outgoing.handle_up();
            replies.handle_up();
            peers.handle_up(servers.has_one_way(self.shared.is_sharded()), now);
        }
        drop((outgoing, replies, peers));
        self.speaks_on = publisher;
    }

    /// Sends what a turn collected, and the heartbeat behind it.
    pub(super) fn publish(&mut self, now: Instant) {
        let Some((connection, servers)) = &self.publisher else { return };
        if self.speaks_on != Some(*connection) {
            return;
        }
        loop {
            let pipeline = {
                let mut outgoing = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = outgoing.take(now);
                let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
                tell_dropped(&mut outgoing, &mut peers);
                let publications = taken.iter().flat_map(|pipeline| &pipeline.publications);
                publications.filter_map(|one| one.counted.as_ref()).for_each(|namespace| peers.handle_sent(namespace));
                match peers.poll_heartbeat(now) {
                    None => taken,
                    Some(body) => {
                        let heartbeat = Publication::new(false, self.shared.heartbeats.clone(), body);
                        outgoing.append(taken, heartbeat, now)
                    }
                }
            };
            let Some(pipeline) = pipeline else { break };
            send(servers, *connection, (Queue::Events, pipeline), &self.shared);
        }
        loop {
            let Some(pipeline) = self.shared.replies.lock().take(now) else { break };
            send(servers, *connection, (Queue::Replies, pipeline), &self.shared);
        }
    }
}

/// What was dropped is missed by every other node: the next heartbeat counts it as sent.
pub(super) fn tell_dropped(outgoing: &mut Outgoing, peers: &mut Peers) {
    while let Some((namespace, messages)) = outgoing.poll_dropped() {
        peers.handle_unsent(&namespace, messages);
    }
}

pub(super) fn send(servers: &Servers, connection: Connection, (queue, pipeline): (Queue, Pipeline), shared: &Shared) {
    let Pipeline { number, publications } = pipeline;
    let news = shared.news.clone();
    let otherwise = publications.iter().enumerate().filter_map(|(at, publication)| {
        let Publication { is_sharded, body, otherwise: Some(channel), .. } = publication else { return None };
        Some((at, Publication::new(*is_sharded, channel.clone(), body.clone())))
    });
    let otherwise = otherwise.collect();
    servers.publish(&publications, move |published| {
        let _ = news.send(News::Published { connection, queue, number, otherwise, published });
    });
}
