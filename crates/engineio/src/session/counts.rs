//! Sessions, counted.

use std::collections::BTreeMap;

use engineio_proto::{CloseReason, Transport};

use super::meter::{Meter, Traffic};

/// The sessions there are and were: at any time, as many have been opened as are open or have been closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCounts {
    /// Those that poll.
    pub polling: TransportCounts,
    /// Those over a WebSocket, from the start or by now.
    pub websocket: TransportCounts,
    /// How many have ended, by [`CloseReason::label`]; each of them is here.
    pub closed: BTreeMap<&'static str, u64>,
    /// How many sessions have more waiting for them than so much of what may ([`OUTBOX_SHARES`](Self::OUTBOX_SHARES)).
    pub waiting: [usize; 4],
}

/// The sessions of one transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportCounts {
    /// How many are open, those included that have ended and whose client is to be told.
    pub open: usize,
    /// How many began on it.
    pub opened: u64,
    /// The bytes that came: of WebSockets as they were on the wire, of posts their bodies.
    pub received: u64,
    /// The bytes that the kernel or a poll took, as WebSocket frames, whatever they went as.
    pub sent: u64,
}

/// What one part of the registry knows of its sessions that were.
#[derive(Debug, Default)]
pub(super) struct Counts {
    opened: [u64; 2],
    /// As [`CloseReason::LABELS`].
    closed: [u64; CloseReason::LABELS.len()],
    traffic: [Traffic; 2],
}

impl SessionCounts {
    /// The shares of an outbox of which [`waiting`](Self::waiting) tells, in percent.
    pub const OUTBOX_SHARES: [usize; 4] = [0, 10, 50, 90];

    /// How many are open.
    pub fn open(&self) -> usize {
        self.polling.open + self.websocket.open
    }

    pub(super) fn add_open(&mut self, transport: Transport, meter: &Meter, outbox_bytes_max: usize) {
        let Traffic { sent, received } = meter.traffic();
        let counts = self.of_mut(transport);
        counts.open += 1;
        counts.sent += sent;
        counts.received += received;
        let waiting = meter.waiting();
        if waiting > 0 {
            for (count, share) in self.waiting.iter_mut().zip(Self::OUTBOX_SHARES) {
                *count += usize::from(waiting > outbox_bytes_max / 100 * share);
            }
        }
    }

    fn of_mut(&mut self, transport: Transport) -> &mut TransportCounts {
        match transport {
            Transport::Polling => &mut self.polling,
            Transport::WebSocket => &mut self.websocket,
        }
    }
}

impl Default for SessionCounts {
    fn default() -> Self {
        Self {
            polling: TransportCounts::default(),
            websocket: TransportCounts::default(),
            closed: CloseReason::LABELS.into_iter().map(|label| (label, 0)).collect(),
            waiting: [0; 4],
        }
    }
}

impl Counts {
    pub(super) fn open(&mut self, transport: Transport) {
        self.opened[number(transport)] += 1;
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        let label = reason.label();
        let number = CloseReason::LABELS.iter().position(|known| *known == label);
        if let Some(closed) = number.and_then(|number| self.closed.get_mut(number)) {
            *closed += 1;
        }
    }

    /// What a session had sent and received that ended, or left the transport.
    pub(super) fn add(&mut self, transport: Transport, Traffic { sent, received }: Traffic) {
        let traffic = &mut self.traffic[number(transport)];
        traffic.sent += sent;
        traffic.received += received;
    }

    pub(super) fn add_to(&self, all: &mut SessionCounts) {
        for transport in [Transport::Polling, Transport::WebSocket] {
            let counts = all.of_mut(transport);
            counts.opened += self.opened[number(transport)];
            counts.sent += self.traffic[number(transport)].sent;
            counts.received += self.traffic[number(transport)].received;
        }
        for (label, closed) in CloseReason::LABELS.iter().zip(self.closed) {
            *all.closed.entry(label).or_default() += closed;
        }
    }
}

fn number(transport: Transport) -> usize {
    match transport {
        Transport::Polling => 0,
        Transport::WebSocket => 1,
    }
}
