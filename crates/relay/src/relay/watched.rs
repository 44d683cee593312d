//! A client that administrators are told of.

use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

use socketio::{AckSender, DisconnectReason, Event, Member, Room, Socket};

use super::member::Relayed;
use crate::admin::Watch;

/// A client that came while administrators were told of each: it does what others do, and is looked at.
pub(super) struct Watched {
    pub(super) relayed: Relayed,
    pub(super) watch: Watch,
}

impl Watched {
    fn look(&mut self, socket: &Socket) {
        self.watch.look(socket, self.relayed.participant.rooms());
    }
}

impl Member for Watched {
    fn connected(&mut self, socket: &Socket) {
        self.watch.connected(socket);
        self.relayed.connected(socket);
        self.look(socket);
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        self.watch.received(socket, &event);
        let development = Arc::clone(self.watch.development());
        let nsp = socket.namespace().as_str();
        self.relayed.hear(socket, event, ack, |to, name, arguments| {
            Watch::sent(&development, nsp, to, name, arguments);
        });
        self.look(socket);
    }

    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        self.relayed.poll(socket, cx);
        self.look(socket);
    }

    fn is_ready(&self) -> bool {
        self.relayed.is_ready()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.relayed.poll_timeout()
    }

    fn handle_timeout(&mut self, socket: &Socket, now: Instant) {
        self.relayed.handle_timeout(socket, now);
        self.look(socket);
    }

    fn moved(&mut self, socket: &Socket, joined: &[Room], left: &[Room]) {
        self.relayed.moved(socket, joined, left);
        self.look(socket);
    }

    fn disconnected(&mut self, socket: &Socket, reason: DisconnectReason) {
        self.relayed.disconnected(socket, reason);
        self.watch.disconnected(socket, reason);
    }
}
