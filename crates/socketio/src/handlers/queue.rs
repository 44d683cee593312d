//! The events of a socket that wait behind a handler.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Instant;

use socketio_codec::{Arguments, Event, EventName};

use super::HandlerLimits;
use super::joined::Joined;
use super::reply::Work;
use super::table::Table;
use crate::socket::AckSender;

/// A handler that is not done yet, and what waits behind it. There is one only where there is such a handler.
pub(super) struct Queue {
    running: Option<Work>,
    waiting: VecDeque<Waiting>,
    /// Of those that wait.
    bytes: usize,
    /// Since when no more may come.
    full_since: Option<Instant>,
    is_given_up: bool,
}

/// An event, in memory of its own.
struct Waiting {
    name: EventName,
    arguments: Arguments,
    ack: Option<AckSender>,
}

impl Queue {
    pub(super) fn behind(work: Work) -> Self {
        Self { running: Some(work), waiting: VecDeque::new(), bytes: 0, full_since: None, is_given_up: false }
    }

    pub(super) fn push(&mut self, event: &Event, ack: Option<AckSender>, limits: &HandlerLimits) {
        // As it came it would keep the whole read that it came in.
        let (name, arguments) = (EventName::from(event.raw_name()), event.arguments().detached());
        let waiting = Waiting { name, arguments, ack };
        self.bytes += waiting.bytes();
        self.waiting.push_back(waiting);
        self.look(limits);
    }

    /// Notes since when it is full.
    fn look(&mut self, limits: &HandlerLimits) {
        if self.is_full(limits) && self.full_since.is_none() {
            self.full_since = Some(tokio::time::Instant::now().into_std());
        }
    }

    pub(super) fn is_full(&self, limits: &HandlerLimits) -> bool {
        self.waiting.len() >= limits.waiting_max || self.bytes >= limits.waiting_bytes_max
    }

    /// When the client will have been held back for too long.
    pub(super) fn deadline(&self, limits: &HandlerLimits) -> Option<Instant> {
        self.full_since.filter(|_| !self.is_given_up)?.checked_add(limits.hold_max)
    }

    /// It is being hung up: there is no second time.
    pub(super) fn give_up(&mut self) {
        self.is_given_up = true;
    }

    /// A handler has panicked: nothing more is done.
    pub(super) fn clear(&mut self) {
        self.running = None;
        self.waiting.clear();
    }

    /// Goes on with the handler, then with what waits. Ready when nothing is left.
    pub(super) fn poll<S>(&mut self, table: &Table<S>, socket: &Joined<S>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Not kept while it runs: one that panics is not polled again.
            if let Some(mut work) = self.running.take() {
                if work.as_mut().poll(cx).is_pending() {
                    self.running = Some(work);
                    self.look(&table.limits);
                    return Poll::Pending;
                }
                self.full_since = None;
            }
            let Some(next) = self.waiting.pop_front() else {
                return Poll::Ready(());
            };
            self.bytes -= next.bytes();
            let Waiting { name, arguments, ack } = next;
            self.running = table.act(socket, name.raw(), &arguments, ack);
        }
    }
}

impl Waiting {
    /// What it takes, roughly.
    fn bytes(&self) -> usize {
        let attachments: usize = self.arguments.attachments().iter().map(|attachment| attachment.len()).sum();
        size_of::<Self>() + self.name.raw().as_bytes().len() + self.arguments.as_bytes().len() + attachments
    }
}
