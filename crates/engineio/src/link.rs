//! The one object that a session's task shares with others.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use engineio_proto::{CloseReason, Delivery, Encoded, Outbox, Queued, Recipient, Taken};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;

use crate::websocket::WebSocket;

/// The way to one session: what is to be sent to it, and what HTTP requests want of it.
///
/// On a plain TCP WebSocket whoever flushes writes to the socket directly, and to a client that polls whoever flushes
/// gives its answer; only when the socket is not writable, the stream is another one, or no poll waits, is the session's
/// task woken, once. A `Mutex` around a queue costs nothing while it is empty, where a channel for each session would
/// take 1.5 KB.
pub struct Link {
    port: Mutex<Port>,
    outbox_bytes_max: usize,
}

/// What the lock guards. Every section is short and calls nothing that could block.
struct Port {
    outbox: Outbox,
    writer: Writer,
    requests: VecDeque<Request>,
    ending: Ending,
    task: Option<Waker>,
    /// Whether the task has seen that something waits, since the outbox was last empty. More of it is no news.
    is_backlog_seen: bool,
}

/// Whether the session takes messages. The first reason to end counts.
enum Ending {
    No,
    /// Asked for by others; the task has yet to see it.
    Asked(CloseReason),
    /// Over for those who send. What was queued before may still be on its way, a polling client may still fetch it.
    Sealed,
}

/// Who writes, and whether it makes sense to try.
enum Writer {
    /// Whoever flushes while a poll waits, by answering it.
    Polling(WaitingPoll),
    /// The session's task: the stream is one that only it can touch.
    Task { is_ready: bool },
    /// Whoever flushes.
    Direct { half: OwnedWriteHalf, is_blocked: bool },
    /// Nobody any more.
    Closed,
}

/// The poll that can be answered, if one is there.
enum WaitingPoll {
    None,
    Some(PollSender),
    /// It was answered when its client had gone: what was in the answer is lost.
    Lost,
}

/// What an HTTP request wants of a session.
pub(crate) enum Request {
    Poll(PollSender),
    Post(oneshot::Sender<PostAnswer>),
    PostBody(Bytes, oneshot::Sender<()>),
    /// The body was too large: no harm done.
    PostRefused,
    /// The client went away in the middle of the body.
    PostAborted,
    Candidate(Box<WebSocket>),
}

/// The answer to a poll.
pub(crate) enum PollAnswer {
    Payload(Bytes),
    Refused,
}

/// The answer to the head of a post.
pub(crate) enum PostAnswer {
    /// Read the body, unless the session ends before that.
    ReadBody {
        ended: oneshot::Receiver<Infallible>,
    },
    Refused,
}

/// What the session's task finds when it looks.
pub(crate) enum Task {
    Close(CloseReason),
    Request(Request),
}

/// What waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub(crate) is_empty: bool,
    /// All bytes that ever left.
    pub(crate) sent: u64,
    /// The client of the waiting poll has gone.
    pub(crate) is_poll_gone: bool,
}

/// What became of a poll that was held.
pub(crate) enum Held {
    Waits(PollSender),
    Answered,
    /// It was answered when its client had gone.
    Gone,
}

/// The way to the request that waits for the answer to a poll.
pub(crate) type PollSender = oneshot::Sender<PollAnswer>;

impl Link {
    pub(crate) fn new(outbox_bytes_max: usize) -> Self {
        Self {
            port: Mutex::new(Port {
                outbox: Outbox::default(),
                writer: Writer::Polling(WaitingPoll::None),
                requests: VecDeque::new(),
                ending: Ending::No,
                task: None,
                is_backlog_seen: false,
            }),
            outbox_bytes_max,
        }
    }

    /// Hands the session's task a request. Given back when the session is over.
    pub(crate) fn request(&self, request: Request) -> Result<(), Request> {
        let mut port = self.lock();
        if matches!(port.writer, Writer::Closed) {
            return Err(request);
        }
        port.requests.push_back(request);
        wake(port);
        Ok(())
    }

    /// Registers the task, and tells it what waits: whatever is queued or asked for afterwards wakes it.
    pub(crate) fn watch(&self, cx: &mut Context<'_>) -> Backlog {
        let mut port = self.lock();
        if !port.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            port.task = Some(cx.waker().clone());
        }
        let is_poll_gone = match &mut port.writer {
            Writer::Polling(WaitingPoll::Some(poll)) => poll.poll_closed(cx).is_ready(),
            Writer::Polling(WaitingPoll::Lost) => true,
            _ => false,
        };
        port.is_backlog_seen = !port.outbox.is_empty();
        Backlog { is_empty: port.outbox.is_empty(), sent: port.outbox.sent(), is_poll_gone }
    }

    /// The next thing that others want of the task.
    pub(crate) fn next_task(&self) -> Option<Task> {
        let mut port = self.lock();
        if let Ending::Asked(reason) = port.ending {
            port.ending = Ending::Sealed;
            return Some(Task::Close(reason));
        }
        let request = port.requests.pop_front();
        if request.is_none() && port.requests.capacity() > 0 {
            port.requests = VecDeque::new();
        }
        request.map(Task::Request)
    }

    /// Continues a direct write that was blocked, once the socket is writable.
    pub(crate) fn poll_unblock(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut port = self.lock();
        while let Writer::Direct { half, is_blocked: is_blocked @ true } = &mut port.writer {
            if half.as_ref().poll_write_ready(cx)?.is_pending() {
                return Poll::Pending;
            }
            *is_blocked = false;
            port.write()?;
        }
        Poll::Ready(Ok(()))
    }

    /// Lets whoever flushes next answer `poll`, if nothing waits. What does wait is given back with it, to be made an
    /// answer of: with a client that was away for long it may be megabytes, too much to copy under the lock.
    pub(crate) fn hold_poll(&self, poll: PollSender) -> Result<(), (PollSender, Taken)> {
        let mut port = self.lock();
        if !port.outbox.is_empty() {
            return Err((poll, port.outbox.take()));
        }
        if let Writer::Polling(waiting) = &mut port.writer {
            *waiting = WaitingPoll::Some(poll);
        }
        Ok(())
    }

    /// Takes the poll back, so that nobody else answers it.
    pub(crate) fn take_poll(&self) -> Held {
        let Writer::Polling(waiting) = &mut self.lock().writer else {
            return Held::Answered;
        };
        match std::mem::replace(waiting, WaitingPoll::None) {
            WaitingPoll::Some(poll) => Held::Waits(poll),
            WaitingPoll::None => Held::Answered,
            WaitingPoll::Lost => Held::Gone,
        }
    }

    /// Tells those who send volatile messages whether the task could send one now.
    pub(crate) fn set_ready(&self, ready: bool) {
        if let Writer::Task { is_ready } = &mut self.lock().writer {
            *is_ready = ready;
        }
    }

    /// From now on whoever flushes writes to `half`, `unsent` first.
    pub(crate) fn set_direct(&self, half: OwnedWriteHalf, unsent: Option<Encoded>) {
        let mut port = self.lock();
        if let Some(unsent) = unsent {
            port.outbox.push_front(unsent);
        }
        port.writer = Writer::Direct { half, is_blocked: false };
    }

    /// From now on the task writes what is in the outbox, `unsent` first.
    pub(crate) fn set_indirect(&self, unsent: Option<Encoded>) {
        let mut port = self.lock();
        if let Some(unsent) = unsent {
            port.outbox.push_front(unsent);
        }
        port.writer = Writer::Task { is_ready: true };
    }

    /// Everything that waits, for a poll.
    pub(crate) fn take_payload(&self) -> Option<Bytes> {
        self.lock().outbox.take_payload()
    }

    /// Lets `write` send from the outbox, and forgets what it says it sent.
    pub(crate) fn write_with(
        &self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let mut port = self.lock();
        while !port.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let filled = port.outbox.slices(&mut slices);
            match write(&slices[..filled]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => port.outbox.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// All bytes that ever left.
    pub(crate) fn sent(&self) -> u64 {
        self.lock().outbox.sent()
    }

    /// Takes no more messages: the session is over, but for what its client may still be owed.
    pub(crate) fn seal(&self) {
        self.lock().ending = Ending::Sealed;
    }

    /// Ends it for everyone who still holds it, and gives back what is left to send and who could.
    pub(crate) fn shut(&self) -> (Outbox, Option<OwnedWriteHalf>) {
        let mut port = self.lock();
        port.task = None;
        let requests = std::mem::take(&mut port.requests);
        let outbox = std::mem::take(&mut port.outbox);
        let writer = std::mem::replace(&mut port.writer, Writer::Closed);
        drop(port);
        // Wakes those who wait for an answer, and closes a candidate's socket: not under the lock.
        drop(requests);
        match writer {
            Writer::Direct { half, .. } => (outbox, Some(half)),
            // Of a poll that nobody has taken back, the client hears that there is no such session.
            Writer::Polling(_) | Writer::Task { .. } | Writer::Closed => (outbox, None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Port> {
        // Nothing panics while it holds the lock but a broken invariant of the outbox; the session then ends by
        // its own checks, and nobody else should.
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recipient for Link {
    fn queue(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let mut port = self.lock();
        let (queued, is_woken) = port.queue(encoded, delivery, self.outbox_bytes_max);
        if is_woken {
            wake(port);
        }
        queued
    }

    fn flush(&self) {
        let mut port = self.lock();
        if port.flush() {
            wake(port);
        }
    }

    fn send(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let mut port = self.lock();
        let (queued, is_woken) = port.send(encoded, delivery, self.outbox_bytes_max);
        if is_woken {
            wake(port);
        }
        queued
    }

    fn close(&self, reason: CloseReason) {
        let mut port = self.lock();
        if !matches!(port.writer, Writer::Closed) {
            port.end(reason);
            wake(port);
        }
    }
}

impl Port {
    /// Also says whether the task is to be woken.
    fn queue(&mut self, encoded: &Encoded, delivery: Delivery, bytes_max: usize) -> (Queued, bool) {
        if !matches!(self.ending, Ending::No) {
            return (Queued::Closed, false);
        }
        let is_ready = match &self.writer {
            Writer::Closed => return (Queued::Closed, false),
            Writer::Polling(waiting) => matches!(waiting, WaitingPoll::Some(_)),
            Writer::Task { is_ready } => *is_ready,
            Writer::Direct { is_blocked, .. } => !is_blocked,
        };
        if delivery == Delivery::Volatile && !is_ready {
            return (Queued::Dropped, false);
        }
        let is_fresh = self.outbox.is_empty();
        self.is_backlog_seen &= !is_fresh;
        match self.push(encoded, bytes_max) {
            Pushed::Queued if is_fresh => (Queued::Fresh, false),
            Pushed::Queued => (Queued::Behind, false),
            // Whoever owes the flush will find the writer blocked, and leave it to the task.
            Pushed::Blocked => (Queued::Behind, true),
            Pushed::Failed(reason) => {
                self.outbox.abandon();
                self.end(reason);
                (Queued::Closed, true)
            }
        }
    }

    /// Says whether the task is to be woken.
    fn flush(&mut self) -> bool {
        match &self.writer {
            Writer::Direct { is_blocked: false, .. } => {
                let written = self.write();
                if written.is_err() {
                    self.end(CloseReason::TransportError);
                }
                written.is_err() || self.is_blocked()
            }
            Writer::Polling(_) => self.answer_poll() || self.is_news(),
            Writer::Task { .. } => self.is_news(),
            Writer::Direct { is_blocked: true, .. } | Writer::Closed => false,
        }
    }

    fn is_news(&self) -> bool {
        !self.outbox.is_empty() && !self.is_backlog_seen
    }

    /// Answers the poll, if one waits, with all that waits for it. Says whether its client had gone.
    fn answer_poll(&mut self) -> bool {
        let Writer::Polling(waiting @ WaitingPoll::Some(_)) = &mut self.writer else {
            return false;
        };
        // The close packet belongs into the same answer: that is the task's to give.
        if !matches!(self.ending, Ending::No) {
            return false;
        }
        let Some(payload) = self.outbox.take_payload() else {
            return false;
        };
        let WaitingPoll::Some(poll) = std::mem::replace(waiting, WaitingPoll::None) else {
            return false;
        };
        let is_gone = poll.send(PollAnswer::Payload(payload)).is_err();
        if is_gone {
            *waiting = WaitingPoll::Lost;
        }
        is_gone
    }

    /// Also says whether the task is to be woken.
    fn send(&mut self, encoded: &Encoded, delivery: Delivery, bytes_max: usize) -> (Queued, bool) {
        let written = self.write_past(encoded);
        if written == encoded.len() {
            self.outbox.pass(written);
            return (Queued::Sent, false);
        }
        let (queued, is_woken) = match written {
            0 => self.queue(encoded, delivery, bytes_max),
            _ => {
                self.outbox.push_begun(encoded.clone(), written);
                (Queued::Behind, false)
            }
        };
        (queued, (queued.is_queued() && self.flush()) || is_woken)
    }

    /// Writes past the outbox if nothing waits there, and says how much. That is how nearly every message leaves
    /// that is alone in its turn; what fails here is seen again, and dealt with, when it is written from the outbox.
    fn write_past(&self, encoded: &Encoded) -> usize {
        match &self.writer {
            Writer::Direct { half, is_blocked: false }
                if self.outbox.is_empty() && matches!(self.ending, Ending::No) =>
            {
                try_send(half, encoded.websocket()).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Queues, if there is room or the socket makes some: a burst that nobody has flushed yet says nothing about
    /// the client.
    fn push(&mut self, encoded: &Encoded, bytes_max: usize) -> Pushed {
        if self.outbox.push(encoded.clone(), bytes_max).is_ok() {
            return Pushed::Queued;
        }
        if self.is_blocked() {
            return Pushed::Failed(CloseReason::SlowConsumer);
        }
        if self.write().is_err() {
            return Pushed::Failed(CloseReason::TransportError);
        }
        match self.outbox.push(encoded.clone(), bytes_max) {
            Ok(()) if self.is_blocked() => Pushed::Blocked,
            Ok(()) => Pushed::Queued,
            Err(_) => Pushed::Failed(CloseReason::SlowConsumer),
        }
    }

    fn is_blocked(&self) -> bool {
        matches!(self.writer, Writer::Direct { is_blocked: true, .. })
    }

    fn end(&mut self, reason: CloseReason) {
        if matches!(self.ending, Ending::No) {
            self.ending = Ending::Asked(reason);
        }
    }

    /// Writes until nothing waits or the socket takes no more.
    fn write(&mut self) -> io::Result<()> {
        let Writer::Direct { half, is_blocked } = &mut self.writer else {
            return Ok(());
        };
        while !self.outbox.is_empty() {
            match try_write(half, &self.outbox) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.outbox.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    *is_blocked = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// One attempt at all that waits. A message that is alone goes by `send`: `writev` costs a twentieth more.
fn try_write(half: &OwnedWriteHalf, outbox: &Outbox) -> io::Result<usize> {
    if let Some(only) = outbox.only() {
        return try_send(half, only);
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let filled = outbox.slices(&mut slices);
    half.try_write_vectored(&slices[..filled])
}

/// Sends past tokio: to ask it whether it thinks that the socket is writable is to fetch another line of memory for
/// each recipient, a third of what a delivery costs in user space. Only a socket that takes nothing is tried again
/// through tokio, which watches it from then on.
#[cfg(target_os = "linux")]
fn try_send(half: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
    match socket2::SockRef::from(half.as_ref()).send_with_flags(bytes, libc::MSG_NOSIGNAL) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => half.try_write(bytes),
        outcome => outcome,
    }
}

/// Elsewhere a closed socket may mean a signal, and how to avoid it differs: tokio knows.
#[cfg(not(target_os = "linux"))]
fn try_send(half: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
    half.try_write(bytes)
}

/// What became of a message on its way into the outbox.
enum Pushed {
    Queued,
    /// It is queued, and to make room for it the connection was filled to the brim.
    Blocked,
    Failed(CloseReason),
}

/// Wakes the session's task, after the lock is gone: it would run into it at once.
fn wake(port: MutexGuard<'_, Port>) {
    let task = port.task.clone();
    drop(port);
    if let Some(task) = task {
        task.wake();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// As many messages as one `writev` takes: beyond that a message costs what it costs alone.
const SLICES_MAX: usize = 64;
