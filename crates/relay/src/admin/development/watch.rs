//! What one socket does.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use socketio::codec::RawName;
use socketio::engineio::proto::Transport;
use socketio::{Arguments, Broadcast, DisconnectReason, Event, Handshake, Room, Socket, TransportNow};

use super::described::{Described, timestamp};
use super::snapshot::Asking;
use super::{Development, as_list};

/// A socket that is watched. It is told of it what it does, and where it is by now.
pub(crate) struct Watch {
    development: Arc<Development>,
    handshake: Arc<Handshake>,
    transport: TransportNow,
    /// As they were told.
    told_transport: Transport,
    told_rooms: BTreeSet<Room>,
}

/// A socket by another transport.
#[derive(Serialize)]
struct Updated<'a> {
    id: String,
    nsp: &'a str,
    transport: &'static str,
}

impl Watch {
    pub(crate) fn new(development: Arc<Development>, handshake: Arc<Handshake>, transport: TransportNow) -> Self {
        let told_transport = transport.get();
        Self { development, handshake, transport, told_transport, told_rooms: BTreeSet::new() }
    }

    /// It is there.
    pub(crate) fn connected(&self, socket: &Socket) {
        let development = &self.development;
        development.transports().insert(socket.id(), self.transport.clone());
        development.tell_of_client("socket_connected", || {
            let client = development.client_id(socket.connection());
            let (whom, transport) = ((socket.id(), socket.namespace().as_str()), self.told_transport);
            let none = std::iter::empty();
            (Described::of(whom, client, transport, &self.handshake, development.is_secure(), none), timestamp())
        });
    }

    /// It may be in other rooms than before, and on another transport.
    pub(crate) fn look<'a>(&mut self, socket: &Socket, rooms: impl Iterator<Item = &'a Room>) {
        let nsp = socket.namespace().as_str();
        let transport = self.transport.get();
        if transport != self.told_transport {
            self.told_transport = transport;
            let updated = || (Updated { id: socket.id().to_string(), nsp, transport: transport.name() },);
            self.development.tell_of_client("socket_updated", updated);
        }
        let rooms: BTreeSet<&Room> = rooms.collect();
        if rooms.len() == self.told_rooms.len() && rooms.iter().all(|room| self.told_rooms.contains(*room)) {
            return;
        }
        let moved = |name, room: &Room| {
            self.development.tell_of_client(name, || (nsp, room.to_string(), socket.id().to_string(), timestamp()));
        };
        rooms.iter().filter(|room| !self.told_rooms.contains(**room)).for_each(|room| moved("room_joined", room));
        self.told_rooms.iter().filter(|room| !rooms.contains(room)).for_each(|room| moved("room_left", room));
        self.told_rooms = rooms.into_iter().cloned().collect();
    }

    /// It sent an event.
    pub(crate) fn received(&self, socket: &Socket, event: &Event) {
        let list = || as_list(event.raw_name(), event.arguments());
        self.development.tell_of_event("event_received", socket.namespace().as_str(), socket.id(), list);
    }

    /// What it sent goes on to others. Some of them are told of, as far as they are here.
    pub(crate) fn sent(
        development: &Arc<Development>,
        nsp: &str,
        to: &Broadcast,
        name: RawName<'_>,
        arguments: &Arguments,
    ) {
        // Whom an event is for is asked of the lanes for one event at a time, and for none that would not be told of.
        let asking = if development.has_room_for_event() { Asking::begin(development) } else { None };
        let Some(asking) = asking else { return };
        let (list, nsp, to) = (as_list(name, arguments), nsp.to_owned(), to.clone());
        tokio::spawn(async move {
            let found = to.local().fetch_sockets().await;
            for socket in found.sockets.iter().take(RECIPIENTS_MAX) {
                if !asking.0.tell_of_event("event_sent", &nsp, socket.id, || &list) {
                    break;
                }
            }
        });
    }

    /// It is gone.
    pub(crate) fn disconnected(&self, socket: &Socket, reason: DisconnectReason) {
        self.development.transports().remove(&socket.id());
        self.development.tell_of_client("socket_disconnected", || {
            (socket.namespace().as_str(), socket.id().to_string(), reason.as_reference(), timestamp())
        });
    }

    pub(crate) fn development(&self) -> &Arc<Development> {
        &self.development
    }
}

/// Of one event.
const RECIPIENTS_MAX: usize = 20;
