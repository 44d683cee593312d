//! The engine's `Link`, without its socket: the lock around an outlet, and who is told what it says.

use std::collections::{BTreeSet, VecDeque};
use std::io::IoSlice;
use std::sync::{Arc, Mutex, MutexGuard};

use engineio_proto::{
    Answer, Backlog, CloseReason, Delivery, Encoded, Entry, Flush, Hold, Outlet, OutletBounds, Queued, Recipient,
};

use super::network::{Bell, PollId, Reply, Request, Stream};

pub(crate) struct Link {
    port: Mutex<Port>,
    /// Wakes the session.
    pub(crate) bell: Arc<Bell>,
}

pub(crate) struct Port {
    pub(crate) outlet: Outlet<PollId>,
    /// What whoever flushes writes to.
    pub(crate) socket: Option<Arc<Stream>>,
    pub(crate) requests: VecDeque<Request>,
    /// Answers, until the client sees them.
    pub(crate) replies: VecDeque<(PollId, Reply)>,
    /// Whether the body of the post under way may be sent, and whether it was handled.
    pub(crate) is_post_welcome: Option<bool>,
    pub(crate) is_post_handled: bool,
    /// Polls whose client has gone.
    gone: BTreeSet<PollId>,
}

impl Link {
    pub(crate) fn new(bounds: &Arc<OutletBounds>) -> Self {
        let port = Port {
            outlet: Outlet::new(Arc::clone(bounds)),
            socket: None,
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            is_post_welcome: None,
            is_post_handled: false,
            gone: BTreeSet::new(),
        };
        Self { port: Mutex::new(port), bell: Arc::default() }
    }

    pub(crate) fn port(&self) -> MutexGuard<'_, Port> {
        self.port.lock().expect("nothing panics while it holds this")
    }

    /// A request arrives.
    pub(crate) fn request(&self, request: Request) {
        let mut port = self.port();
        match request {
            Request::Poll(poll) if port.outlet.is_shut() => port.replies.push_back((poll, Reply::Refused)),
            _ if port.outlet.is_shut() => port.is_post_welcome = Some(false),
            Request::Poll(poll) if port.outlet.takes_polls() && !port.outlet.is_empty() => {
                let answer = port.outlet.take();
                port.replies.push_back((poll, Reply::Payload(answer)));
            }
            Request::Poll(poll) if port.outlet.takes_polls() => {
                port.outlet.hold(poll);
            }
            request => {
                port.requests.push_back(request);
                self.bell.ring();
            }
        }
    }

    /// The client of a poll that waits goes away.
    pub(crate) fn lose(&self, poll: PollId) {
        let mut port = self.port();
        port.gone.insert(poll);
        if port.outlet.poll() == Some(&poll) && port.outlet.lose() {
            self.bell.ring();
        }
    }

    /// Lets whoever flushes next answer the poll; or answers it.
    pub(crate) fn hold(&self, poll: PollId) -> Option<PollId> {
        let mut port = self.port();
        match port.outlet.hold(poll) {
            Hold::Waits => None,
            Hold::Answer(poll, answer) => {
                port.reply(poll, Reply::Payload(answer));
                None
            }
            Hold::Overlap(poll) => Some(poll),
            Hold::Refused(poll) => {
                port.reply(poll, Reply::Refused);
                None
            }
        }
    }
}

impl Port {
    /// False: its client has gone.
    pub(crate) fn reply(&mut self, poll: PollId, reply: Reply) -> bool {
        let is_there = !self.gone.contains(&poll);
        if is_there {
            self.replies.push_back((poll, reply));
        }
        is_there
    }

    pub(crate) fn reply_with(&mut self, poll: PollId, encoded: Encoded) -> bool {
        self.reply(poll, Reply::Payload(Answer::of(encoded)))
    }

    /// Writes until nothing waits or the socket takes no more.
    pub(crate) fn write(&mut self) {
        let Some(socket) = &self.socket else { return };
        while !self.outlet.is_empty() {
            let written = write_once(&self.outlet, socket);
            if written == 0 {
                return self.outlet.set_blocked(true);
            }
            self.outlet.advance(written);
        }
    }

    /// The same by the session's task.
    pub(crate) fn write_as_task(&mut self, socket: &Stream) {
        while !self.outlet.is_empty() {
            let written = write_once(&self.outlet, socket);
            if written == 0 {
                break;
            }
            self.outlet.advance(written);
        }
        let is_ready = self.outlet.is_empty();
        self.outlet.set_ready(is_ready);
    }

    fn queue(&mut self, encoded: &Encoded, delivery: Delivery) -> Entry {
        if !self.outlet.wants_write_before(encoded) {
            return self.outlet.queue(encoded, delivery);
        }
        self.write();
        let entry = self.outlet.queue(encoded, delivery);
        Entry { wakes: entry.wakes || self.outlet.is_blocked(), ..entry }
    }
}

fn write_once(outlet: &Outlet<PollId>, socket: &Stream) -> usize {
    let mut slices = [IoSlice::new(&[]); 4];
    let filled = outlet.slices(&mut slices);
    let mut written = 0;
    for slice in &slices[..filled] {
        let taken = socket.write(slice);
        written += taken;
        if taken < slice.len() {
            break;
        }
    }
    written
}

impl Recipient for Link {
    fn queue(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let entry = self.port().queue(encoded, delivery);
        if entry.wakes {
            self.bell.ring();
        }
        entry.queued
    }

    fn flush(&self) {
        let mut port = self.port();
        match port.outlet.flush() {
            Flush::Done => {}
            Flush::Wake => self.bell.ring(),
            Flush::Write => {
                port.write();
                if port.outlet.is_blocked() {
                    self.bell.ring();
                }
            }
            Flush::Answer(poll, answer) => {
                if !port.reply(poll, Reply::Payload(answer)) && port.outlet.lose() {
                    self.bell.ring();
                }
            }
        }
    }

    fn send(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let mut port = self.port();
        let written = match &port.socket {
            Some(socket) if port.outlet.can_pass() => socket.write(encoded.websocket()),
            _ => 0,
        };
        if written == encoded.len() {
            port.outlet.pass(written);
            return Queued::Sent;
        }
        let entry = match written {
            0 => port.queue(encoded, delivery),
            _ => {
                port.outlet.push_begun(encoded, written);
                Entry { queued: Queued::Behind, wakes: false }
            }
        };
        drop(port);
        if entry.wakes {
            self.bell.ring();
        }
        if entry.queued.is_queued() {
            self.flush();
        }
        entry.queued
    }

    fn backlog(&self) -> Backlog {
        self.port().outlet.backlog()
    }

    fn close(&self, reason: CloseReason) {
        if self.port().outlet.close(reason) {
            self.bell.ring();
        }
    }
}
