//! The one object that a session's task shares with others.

#[cfg(all(test, shuttle))]
mod model;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io::{self, IoSlice};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use engineio_proto::{
    Answer, Backlog, CloseReason, Delivery, Encoded, Entry, Flush, Hold, Outbox, Outlet, OutletBounds, Queued,
    Recipient,
};
use tokio::sync::oneshot;

use crate::session::memory::Memory;
use crate::session::meter::Meter;
use crate::sync::{Mutex, MutexGuard};
use crate::transport::halves::WriteHalf;
use crate::transport::websocket::WebSocket;

/// The way to one session: what is to be sent to it, and what HTTP requests want of it.
///
/// What waits, and whether a poll does, is known to the [`Outlet`]; this is its lock, the socket it is written to, and the
/// waker of the session's task. On a WebSocket over a bare socket whoever flushes writes to the socket directly, and to a client
/// that polls whoever flushes gives its answer; only when the socket is not writable, the stream is another one, or no
/// poll waits, is the task woken, once. A `Mutex` around a queue costs nothing while it is empty, where a channel for each
/// session would take 1.5 KB.
#[repr(C)]
pub struct Link {
    /// Beside the lock, in this order: who sends has that line of memory anyway.
    meter: Meter,
    port: Mutex<Port>,
    memory: Arc<Memory>,
}

/// What the lock guards. Every section is short and calls nothing that could block.
struct Port {
    outlet: Outlet<PollSender>,
    /// What the outlet writes to, if whoever flushes may.
    half: Option<WriteHalf>,
    requests: VecDeque<SessionRequest>,
    task: Option<Waker>,
}

/// The port, while its lock is held. What was done meanwhile is then on the meter.
struct Locked<'a> {
    port: MutexGuard<'a, Port>,
    meter: &'a Meter,
}

/// What an HTTP request wants of a session.
pub(crate) enum SessionRequest {
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
    Payload(Answer),
    Refused,
    /// The server goes away: the connection just ends.
    HangUp,
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
pub(crate) struct Look {
    pub(crate) backlog: Backlog,
    /// The client of a poll has gone.
    pub(crate) is_poll_gone: bool,
    /// There is a socket that takes no more for now.
    pub(crate) is_blocked: bool,
    pub(crate) errand: Option<Errand>,
}

/// What others want of the session's task.
pub(crate) enum Errand {
    Close(CloseReason),
    Request(SessionRequest),
}

/// What comes of a poll.
pub(crate) enum Polled {
    /// Behind a pointer: mostly it waits.
    Answered(Box<Answer>),
    Waits(WaitingPoll),
}

/// The session is over.
pub(crate) struct NoSession;

/// A poll that waits for its answer. Dropped before it has it, it tells the session that its client has gone.
pub(crate) struct WaitingPoll {
    receiver: oneshot::Receiver<PollAnswer>,
    /// `None` once it has its answer.
    link: Option<Arc<Link>>,
}

/// The way to the request that waits for the answer to a poll.
pub(crate) type PollSender = oneshot::Sender<PollAnswer>;

/// What was left when a link was shut.
pub(crate) struct Rest {
    pub(crate) outbox: Outbox,
    pub(crate) half: Option<WriteHalf>,
    pub(crate) poll: Option<PollSender>,
    /// Requests that nobody will handle. Those that wait for an answer hear that there is no such session.
    pub(crate) requests: VecDeque<SessionRequest>,
}

/// What became of a poll that the task holds out.
pub(crate) enum Held {
    /// It waits, or was answered with what did.
    Settled,
    /// Its client has gone, and what it was answered with is lost.
    Lost,
    /// Another one waits.
    Overlap(PollSender),
    Refused(PollSender),
}

impl Link {
    pub(crate) fn new(memory: Arc<Memory>, bounds: Arc<OutletBounds>) -> Self {
        Self {
            meter: Meter::default(),
            port: Mutex::new(Port { outlet: Outlet::new(bounds), half: None, requests: VecDeque::new(), task: None }),
            memory,
        }
    }

    /// Whether the session has moved from the transport that it opened on to a WebSocket. Takes no lock.
    pub fn has_upgraded(&self) -> bool {
        self.meter.has_moved()
    }

    /// What it has sent and received, readable without its lock.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Hands the session's task a request. Given back when the session is over.
    pub(crate) fn request(&self, request: SessionRequest) -> Result<(), SessionRequest> {
        let mut port = self.lock();
        if port.outlet.is_shut() {
            return Err(request);
        }
        port.requests.push_back(request);
        wake(port);
        Ok(())
    }

    /// Hands the session's task the head of a post. Says how long its body may be.
    pub(crate) fn post(&self, answer: oneshot::Sender<PostAnswer>) -> Result<usize, NoSession> {
        let mut port = self.lock();
        if port.outlet.is_shut() {
            return Err(NoSession);
        }
        let bytes_max = port.outlet.bounds().answer_bytes_max;
        port.requests.push_back(SessionRequest::Post(answer));
        wake(port);
        Ok(bytes_max)
    }

    /// The largest payload, as the client was told when the session began.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        self.lock().outlet.bounds().answer_bytes_max
    }

    /// Has the session's task run. A task that runs already, or will, looks again.
    pub(crate) fn wake(&self) {
        wake(self.lock());
    }

    /// Registers the task, and tells it all it wants to know: whatever is queued or asked for afterwards wakes it.
    pub(crate) fn look(&self, cx: &mut Context<'_>, takes_errand: bool) -> Look {
        let mut port = self.lock();
        if !port.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            port.task = Some(cx.waker().clone());
        }
        let errand = if takes_errand { port.next_errand() } else { None };
        Look {
            backlog: port.outlet.see(),
            is_poll_gone: port.outlet.is_lost(),
            is_blocked: port.outlet.is_blocked(),
            errand,
        }
    }

    /// Continues a direct write that was blocked, once the socket is writable.
    pub(crate) fn poll_unblock(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut port = self.lock();
        while port.outlet.is_blocked()
            && let Some(half) = &port.half
        {
            if half.poll_write_ready(cx)?.is_pending() {
                return Poll::Pending;
            }
            port.outlet.set_blocked(false);
            port.write()?;
        }
        Poll::Ready(Ok(()))
    }

    /// A poll came in. While the session is open it is a matter of what waits for it alone, and its task is not woken.
    pub(crate) fn poll(self: &Arc<Self>) -> Result<Polled, NoSession> {
        let mut port = self.lock();
        if port.outlet.is_shut() {
            return Err(NoSession);
        }
        if port.outlet.takes_polls() && !port.outlet.is_empty() {
            let answer = port.outlet.take();
            drop(port);
            return Ok(Polled::Answered(Box::new(answer)));
        }
        let (sender, receiver) = oneshot::channel();
        let waiting = Polled::Waits(WaitingPoll { receiver, link: Some(Arc::clone(self)) });
        if port.outlet.takes_polls() {
            // It is empty, so this waits.
            port.outlet.hold(sender);
        } else {
            port.requests.push_back(SessionRequest::Poll(sender));
            wake(port);
        }
        Ok(waiting)
    }

    /// The client of a poll has gone. If it still waited, or had its answer in vain, that is the session's end.
    fn lose_poll(&self, was_answered: bool) {
        let mut port = self.lock();
        // Another one may wait there by now.
        let is_ours = port.outlet.poll().map_or(was_answered, PollSender::is_closed);
        if is_ours && port.outlet.lose() {
            wake(port);
        }
    }

    /// Lets whoever flushes next answer `poll`; or answers it with what waits.
    pub(crate) fn hold_poll(&self, poll: PollSender) -> Held {
        let held = self.lock().outlet.hold(poll);
        match held {
            Hold::Waits => Held::Settled,
            Hold::Answer(poll, answer) => match poll.send(PollAnswer::Payload(answer)) {
                Ok(()) => Held::Settled,
                Err(_) => Held::Lost,
            },
            Hold::Overlap(poll) => Held::Overlap(poll),
            Hold::Refused(poll) => Held::Refused(poll),
        }
    }

    /// Answers the waiting poll, if one is there, with something that has not been queued. `false`: it was lost.
    pub(crate) fn answer_poll_with(&self, encoded: &Encoded) -> bool {
        let poll = self.lock().outlet.take_poll();
        poll.is_none_or(|poll| poll.send(PollAnswer::Payload(Answer::of(encoded.clone()))).is_ok())
    }

    /// Whether a poll waits.
    pub(crate) fn is_polled(&self) -> bool {
        self.lock().outlet.is_polled()
    }

    /// What waits, for one poll.
    pub(crate) fn take_answer(&self) -> Answer {
        self.lock().outlet.take()
    }

    /// The same, if more waits than goes into one answer.
    pub(crate) fn take_answer_of_several(&self) -> Option<Answer> {
        let mut port = self.lock();
        port.outlet.is_more_than_one_answer().then(|| port.outlet.take())
    }

    /// The same, if something waits and a poll does.
    pub(crate) fn take_answer_if_polled(&self) -> Option<Answer> {
        let mut port = self.lock();
        (port.outlet.is_polled() && !port.outlet.is_empty()).then(|| port.outlet.take())
    }

    /// From now on whoever flushes writes to `half`, `unsent` first. Gives back the poll that waits.
    pub(crate) fn set_socket(&self, half: WriteHalf, unsent: Option<Encoded>) -> Option<PollSender> {
        let mut port = self.lock();
        port.half = Some(half);
        port.outlet.set_socket(unsent)
    }

    /// From now on the task writes what is in the outbox, `unsent` first. Gives back the poll that waits.
    pub(crate) fn set_task(&self, unsent: Option<Encoded>) -> Option<PollSender> {
        self.lock().outlet.set_task(unsent)
    }

    /// Lets `write` send from the outbox, and forgets what it says it sent. Whether all of it went is what those are told
    /// who send volatile messages.
    pub(crate) fn write_with(
        &self,
        write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let mut port = self.lock();
        let written = write_out(&mut port.outlet, write);
        port.outlet.set_ready(written.is_ready());
        written
    }

    /// Whether it is over.
    pub(crate) fn is_shut(&self) -> bool {
        self.lock().outlet.is_shut()
    }

    /// What is in memory for this session, as far as nobody else needs it.
    pub(crate) fn cost(&self) -> usize {
        self.lock().outlet.cost()
    }

    /// Takes no more messages: the session is over, but for what its client may still be owed. The poll that waits is
    /// the task's.
    pub(crate) fn seal(&self) {
        self.lock().outlet.seal();
    }

    /// Drops what waits.
    pub(crate) fn abandon(&self) {
        self.lock().outlet.abandon();
    }

    /// Drops what waits, and what is under way to a poll.
    pub(crate) fn give_up(&self) {
        self.lock().outlet.give_up();
    }

    /// Ends it for everyone who still holds it.
    pub(crate) fn shut(&self) -> Rest {
        let mut port = self.lock();
        port.task = None;
        let (outbox, poll) = port.outlet.shut();
        Rest { outbox, half: port.half.take(), poll, requests: std::mem::take(&mut port.requests) }
    }

    fn lock(&self) -> Locked<'_> {
        // Nothing panics while it holds the lock but a broken invariant of the outbox; the session then ends by
        // its own checks, and nobody else should.
        Locked { port: self.port.lock().unwrap_or_else(PoisonError::into_inner), meter: &self.meter }
    }

    /// Says what became of a message, wakes the task if that ends the session, and looks after everybody's memory.
    fn entered(&self, port: Locked<'_>, Entry { queued, wakes }: Entry) -> Queued {
        if wakes {
            wake(port)
        } else {
            drop(port)
        }
        self.memory.check();
        queued
    }
}

impl WaitingPoll {
    /// The way to it, and itself; before there is a session that could miss it.
    pub(crate) fn new() -> (PollSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self { receiver, link: None })
    }

    /// `None`: the session ended without a word for it.
    pub(crate) async fn answer(mut self) -> Option<PollAnswer> {
        let answer = (&mut self.receiver).await;
        self.link = None;
        answer.ok()
    }
}

impl Drop for WaitingPoll {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            self.receiver.close();
            link.lose_poll(self.receiver.try_recv().is_ok());
        }
    }
}

impl Recipient for Link {
    fn queue(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let mut port = self.lock();
        let entry = port.queue(encoded, delivery);
        self.entered(port, entry)
    }

    fn flush(&self) {
        flush(self.lock());
    }

    fn send(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let mut port = self.lock();
        let written = port.write_past(encoded);
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
        if !entry.queued.is_queued() || entry.wakes {
            return self.entered(port, entry);
        }
        flush(port);
        self.memory.check();
        entry.queued
    }

    fn backlog(&self) -> Backlog {
        self.lock().outlet.backlog()
    }

    fn close(&self, reason: CloseReason) {
        let mut port = self.lock();
        if port.outlet.close(reason) {
            wake(port);
        }
    }
}

impl Port {
    fn next_errand(&mut self) -> Option<Errand> {
        if let Some(reason) = self.outlet.next_close() {
            return Some(Errand::Close(reason));
        }
        let request = self.requests.pop_front();
        if request.is_none() && self.requests.capacity() > 0 {
            self.requests = VecDeque::new();
        }
        request.map(Errand::Request)
    }

    /// Queues, if there is room or the socket makes some.
    fn queue(&mut self, encoded: &Encoded, delivery: Delivery) -> Entry {
        if !self.outlet.wants_write_before(encoded) {
            return self.outlet.queue(encoded, delivery);
        }
        if self.write().is_err() {
            let wakes = self.outlet.close(CloseReason::TransportError);
            self.outlet.abandon();
            return Entry { queued: Queued::Closed, wakes };
        }
        let entry = self.outlet.queue(encoded, delivery);
        // Whoever owes the flush will find the writer blocked, and leave it to the task.
        Entry { wakes: entry.wakes || self.outlet.is_blocked(), ..entry }
    }

    /// Writes past the outbox if nothing waits there, and says how much. That is how nearly every message leaves
    /// that is alone in its turn; what fails here is seen again, and dealt with, when it is written from the outbox.
    fn write_past(&self, encoded: &Encoded) -> usize {
        match &self.half {
            Some(half) if self.outlet.can_pass() => try_send(half, encoded.websocket()).unwrap_or(0),
            _ => 0,
        }
    }

    /// Writes until nothing waits or the socket takes no more.
    fn write(&mut self) -> io::Result<()> {
        let Some(half) = &self.half else {
            return Ok(());
        };
        while !self.outlet.is_empty() {
            match try_write(half, &self.outlet) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.outlet.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.outlet.set_blocked(true);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Lets `write` send what waits.
fn write_out(
    outlet: &mut Outlet<PollSender>,
    mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    while !outlet.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let filled = outlet.slices(&mut slices);
        match write(&slices[..filled]) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => outlet.advance(written),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
    Poll::Ready(Ok(()))
}

/// Sends what waits as far as it goes, and wakes the task for the rest. Answers and wakes once the lock is gone.
fn flush(mut port: Locked<'_>) {
    match port.outlet.flush() {
        Flush::Done => {}
        Flush::Wake => wake(port),
        Flush::Write => {
            let written = port.write();
            if written.is_err() {
                port.outlet.close(CloseReason::TransportError);
            }
            if written.is_err() || port.outlet.is_blocked() {
                wake(port);
            }
        }
        Flush::Answer(poll, answer) => {
            // Under the lock: the answers of two who send must reach the request in the order in which they were taken,
            // and the second finds no poll. It wakes a task, and calls nothing.
            if poll.send(PollAnswer::Payload(answer)).is_err() && port.outlet.lose() {
                wake(port);
            }
        }
    }
}

/// One attempt at all that waits. A message that is alone goes by `send`: `writev` costs a twentieth more.
fn try_write(half: &WriteHalf, outlet: &Outlet<PollSender>) -> io::Result<usize> {
    if let Some(only) = outlet.only() {
        return try_send(half, only);
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let filled = outlet.slices(&mut slices);
    half.try_write_vectored(&slices[..filled])
}

/// Sends past tokio: to ask it whether it thinks that the socket is writable is to fetch another line of memory for
/// each recipient, a third of what a delivery costs in user space. Only a socket that takes nothing is tried again
/// through tokio, which watches it from then on.
#[cfg(target_os = "linux")]
fn try_send(half: &WriteHalf, bytes: &[u8]) -> io::Result<usize> {
    match socket2::SockRef::from(half).send_with_flags(bytes, libc::MSG_NOSIGNAL) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => half.try_write(bytes),
        outcome => outcome,
    }
}

/// Elsewhere a closed socket may mean a signal, and how to avoid it differs: tokio knows.
#[cfg(not(target_os = "linux"))]
fn try_send(half: &WriteHalf, bytes: &[u8]) -> io::Result<usize> {
    half.try_write(bytes)
}

/// Wakes the session's task, after the lock is gone: it would run into it at once.
fn wake(port: Locked<'_>) {
    let task = port.task.clone();
    drop(port);
    if let Some(task) = task {
        task.wake();
    }
}

impl Deref for Locked<'_> {
    type Target = Port;

    fn deref(&self) -> &Port {
        &self.port
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Port {
        &mut self.port
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.meter.set(self.port.outlet.queued());
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// As many messages as one `writev` takes: beyond that a message costs what it costs alone.
const SLICES_MAX: usize = 64;
