//! An administrator who is in.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::time::Instant;

use serde::Serialize;
use socketio::{AckSender, DisconnectReason, Event, Member, Room, Socket};

use super::commands::Command;
use super::pace::Pace;
use super::{Admin, Terms, Watch, now};

/// One page of an administrator's.
pub(super) struct Administrator {
    admin: Arc<Admin>,
    /// What held when it came. When something else does, it is sent away, and comes back to that.
    terms: Arc<Terms>,
    address: Option<IpAddr>,
    /// What it may come back by, until it was told.
    session: Option<String>,
    pace: Pace,
    /// It is not read until then.
    held_until: Option<Instant>,
    /// Where others have put it.
    rooms: BTreeSet<Room>,
    /// In development mode administrators are told of each other too.
    watch: Option<Watch>,
}

/// What the page may show and do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    supported_features: &'a [&'static str],
}

impl Administrator {
    pub(super) fn new(
        admin: Arc<Admin>,
        terms: Arc<Terms>,
        address: Option<IpAddr>,
        session: Option<String>,
        watch: Option<Watch>,
    ) -> Self {
        let pace = Pace::new(COMMANDS_PER_S, COMMANDS_AT_ONCE);
        Self { admin, terms, address, session, pace, held_until: None, rooms: BTreeSet::new(), watch }
    }

    fn look(&mut self, socket: &Socket) {
        if let Some(watch) = &mut self.watch {
            watch.look(socket, self.rooms.iter());
        }
    }

    fn is_past(&self) -> bool {
        self.admin.terms().number != self.terms.number
    }

    /// # Errors
    /// Why it was not done.
    fn obey(&self, socket: &Socket, event: &Event) -> Result<(), &'static str> {
        if self.is_past() {
            return Err("something else holds by now");
        }
        if self.terms.config.is_read_only {
            return Err("administrators only look");
        }
        let command = Command::read(event, &self.terms.limits)?;
        if !self.admin.has_namespace(&command.namespace) {
            return Err("expected a namespace that there is");
        }
        let everyone = self.admin.everyone(&command.namespace).ok_or("expected a namespace")?;
        let word = command.word();
        self.admin.counts.commands.add(word, 1);
        let (connection, address) = (socket.connection(), self.address.map(tracing::field::display));
        let (namespace, room) = (&*command.namespace, command.room.as_deref());
        tracing::info!(connection, address, command = word, namespace, room, "administrator's command");
        command.carry_out(everyone);
        Ok(())
    }
}

impl Member for Administrator {
    fn connected(&mut self, socket: &Socket) {
        self.admin.development.present.fetch_add(1, Ordering::Relaxed);
        if self.is_past() {
            return socket.hang_up(super::CHANGED);
        }
        // The reference says it before the CONNECT, when the page does not listen yet, and so never hears of it. Names that no
        // client reserves can be emitted.
        if let Some(session) = self.session.take() {
            let _ = socket.emit("session", &(session,));
        }
        let _ = socket.emit("config", &(Config { supported_features: &self.terms.features },));
        self.admin.development.show_all_to(socket);
        if let Some(watch) = &self.watch {
            watch.connected(socket);
        }
    }

    fn event(&mut self, socket: &Socket, event: Event, _: Option<AckSender>) {
        if let Err(at) = self.pace.take(now()) {
            self.held_until = Some(at);
        }
        if let Err(why) = self.obey(socket, &event) {
            self.admin.counts.commands.add("refused", 1);
            tracing::debug!(connection = socket.connection(), event = %event.raw_name(), why, "no command");
        }
    }

    fn poll(&mut self, socket: &Socket, _: &mut Context<'_>) {
        self.look(socket);
    }

    fn is_ready(&self) -> bool {
        self.held_until.is_none()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.held_until
    }

    fn handle_timeout(&mut self, _: &Socket, now: Instant) {
        self.held_until.take_if(|until| *until <= now);
    }

    fn moved(&mut self, socket: &Socket, joined: &[Room], left: &[Room]) {
        self.rooms.extend(joined.iter().cloned());
        self.rooms.retain(|room| !left.contains(room));
        self.look(socket);
    }

    fn disconnected(&mut self, socket: &Socket, reason: DisconnectReason) {
        if let Some(watch) = &self.watch {
            watch.disconnected(socket, reason);
        }
        self.admin.development.present.fetch_sub(1, Ordering::Relaxed);
    }
}

/// More than a person presses, and less than anybody else would notice.
const COMMANDS_PER_S: u32 = 50;
const COMMANDS_AT_ONCE: u32 = 100;
