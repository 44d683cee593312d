//! What waits for one client, and who may hand it over now.

use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use crate::answer::Flight;
use crate::{Answer, Backlog, CloseReason, Delivery, Encoded, Ledger, Outbox, Queued};

/// The way out to one client: its outbox, and who empties it at the moment. **The one place where a poll waits.**
///
/// ```text
///            set_socket ┌──────────────────────────────► Socket   whoever flushes writes to it
///  Polls ───────────────┤                                  │ blocked, unblocked
///   │ ▲      set_task   └──────────────────────────────► Task     the session's task writes
///   │ └─ hold(poll): answered at once if something waits, else it waits here
///   └─── flush: what waits goes into one answer
///
///  any ── shut ──► Shut   nothing goes in or out
/// ```
///
/// `P` is the handle by which a poll is answered; nothing here answers it. Each call that changes something says what is
/// to be done next ([`Flush`], [`Hold`]), by whoever has the lock around this, once it has let go of it.
///
/// Messages go in by [`queue`](Self::queue) while the session is open. [`close`](Self::close) asks the session's task to
/// end it, which sees that by [`next_close`](Self::next_close); [`seal`](Self::seal) is its answer: from then on only
/// the task hands anything over.
pub struct Outlet<P> {
    bounds: Arc<OutletBounds>,
    outbox: Outbox,
    exit: Exit<P>,
    ending: Ending,
    /// The answers under way to polls, once there was one.
    flight: Option<Arc<Flight>>,
    /// Whether the task has seen that something waits, since the outbox was last empty. More of it is no news.
    is_backlog_seen: bool,
}

/// How much may wait.
#[derive(Debug)]
pub struct OutletBounds {
    /// For one client, in bytes, answers under way among them.
    pub bytes_max: usize,
    /// In one answer to a poll. One message alone always fits.
    pub answer_bytes_max: usize,
    /// For all clients together.
    pub ledger: Arc<Ledger>,
}

/// Who hands over what waits.
enum Exit<P> {
    Polls(Waiting<P>),
    Socket { is_blocked: bool },
    Task { is_ready: bool },
    Shut,
}

/// The poll that can be answered, if one is there.
enum Waiting<P> {
    None,
    Poll(P),
    /// Its client has gone. What was in the answer, if it had one, is lost.
    Lost,
}

/// Whether the session takes messages. The first reason to end counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    /// Asked for; the task has yet to see it.
    Asked(CloseReason),
    /// Over for those who send. What was queued before may still be on its way, or be fetched.
    Sealed,
    /// Over, and the server goes away as well; the task has yet to see that.
    Hurried,
    /// Over, and the task knows that the server goes away.
    Leaving,
}

/// What a message on its way in leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What became of it.
    pub queued: Queued,
    /// Whether the task is to be woken: the session ends.
    pub wakes: bool,
}

/// What is to be done about what waits.
#[derive(Debug)]
pub enum Flush<P> {
    /// Nothing: nothing waits, or somebody takes care of it.
    Done,
    /// Write [`slices`](Outlet::slices) to the socket, and say what came of it.
    Write,
    /// Answer the poll.
    Answer(P, Answer),
    /// Wake the task.
    Wake,
}

/// What became of a poll that came in.
#[derive(Debug)]
pub enum Hold<P> {
    /// It waits.
    Waits,
    /// Something waited for it: answer it.
    Answer(P, Answer),
    /// Another one waits already.
    Overlap(P),
    /// Nobody polls here any more.
    Refused(P),
}

impl<P> Outlet<P> {
    /// The way to a client that polls; of which no poll waits yet.
    pub fn new(bounds: Arc<OutletBounds>) -> Self {
        Self {
            bounds,
            outbox: Outbox::default(),
            exit: Exit::Polls(Waiting::None),
            ending: Ending::No,
            flight: None,
            is_backlog_seen: false,
        }
    }

    /// How much may wait.
    pub fn bounds(&self) -> &OutletBounds {
        &self.bounds
    }

    /// Puts a message behind what waits. If it is [`Queued::Fresh`], the caller owes a [`flush`](Self::flush).
    ///
    /// A reliable message for which there is no room ends the session. A burst that nobody has flushed yet says nothing
    /// about a client: if [`wants_write_before`](Self::wants_write_before), write first.
    pub fn queue(&mut self, encoded: &Encoded, delivery: Delivery) -> Entry {
        let is_ready = match &self.exit {
            _ if self.ending != Ending::No => return Entry::of(Queued::Closed),
            Exit::Shut => return Entry::of(Queued::Closed),
            Exit::Polls(waiting) => matches!(waiting, Waiting::Poll(_)),
            Exit::Task { is_ready } => *is_ready,
            Exit::Socket { is_blocked } => !is_blocked,
        };
        if delivery == Delivery::Volatile && !is_ready {
            return Entry::of(Queued::Dropped);
        }
        let is_fresh = self.outbox.is_empty();
        self.is_backlog_seen &= !is_fresh;
        encoded.enter(&self.bounds.ledger);
        if !self.has_room(encoded) || self.outbox.push(encoded.clone(), self.room()).is_err() {
            self.close(CloseReason::SlowConsumer);
            return Entry { queued: Queued::Closed, wakes: true };
        }
        Entry::of(match is_fresh {
            true => Queued::Fresh,
            false if self.waiting_bytes() > self.bounds.bytes_max / 2 => Queued::Crowded,
            false => Queued::Behind,
        })
    }

    /// Whether there is no room for the message but what a write may make.
    pub fn wants_write_before(&self, encoded: &Encoded) -> bool {
        matches!(self.exit, Exit::Socket { is_blocked: false }) && !self.has_room(encoded)
    }

    /// Whether a message may be written to the socket without being queued: nothing waits that it would overtake.
    pub fn can_pass(&self) -> bool {
        let is_open = self.ending == Ending::No && matches!(self.exit, Exit::Socket { is_blocked: false });
        is_open && self.outbox.is_empty()
    }

    /// `written` bytes of a message were [passed](Self::can_pass), and not all of them: the rest waits.
    pub fn push_begun(&mut self, encoded: &Encoded, written: usize) {
        encoded.enter(&self.bounds.ledger);
        self.outbox.push_begun(encoded.clone(), written);
    }

    /// A whole message of so many bytes was passed.
    pub fn pass(&mut self, count: usize) {
        self.outbox.pass(count);
    }

    /// What waits is to be sent, as far as it can be.
    pub fn flush(&mut self) -> Flush<P> {
        let is_news = self.is_news();
        match &mut self.exit {
            Exit::Socket { is_blocked: false } if !self.outbox.is_empty() => Flush::Write,
            Exit::Polls(waiting @ Waiting::Poll(_)) if self.ending == Ending::No && !self.outbox.is_empty() => {
                let Waiting::Poll(poll) = std::mem::replace(waiting, Waiting::None) else {
                    return Flush::Done;
                };
                Flush::Answer(poll, self.take())
            }
            Exit::Polls(_) | Exit::Task { .. } if is_news => Flush::Wake,
            _ => Flush::Done,
        }
    }

    /// What is to be written next; says how many slices it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.outbox.slices(slices)
    }

    /// What is to be written next, if it is a part of one message and nothing waits behind it.
    pub fn only(&self) -> Option<&[u8]> {
        self.outbox.only()
    }

    /// The connection took so many bytes.
    pub fn advance(&mut self, count: usize) {
        self.outbox.advance(count);
    }

    /// Whether nothing waits to be handed over.
    pub fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// The socket takes no more, for now; or takes more again.
    pub fn set_blocked(&mut self, blocked: bool) {
        if let Exit::Socket { is_blocked } = &mut self.exit {
            *is_blocked = blocked;
        }
    }

    /// Whether there is a socket that takes no more.
    pub fn is_blocked(&self) -> bool {
        matches!(self.exit, Exit::Socket { is_blocked: true })
    }

    /// Whether the task could write now: what decides about volatile messages.
    pub fn set_ready(&mut self, ready: bool) {
        if let Exit::Task { is_ready } = &mut self.exit {
            *is_ready = ready;
        }
    }

    /// Whether a poll may be held without asking the session: it is open, on polling, and no other poll waits.
    pub fn takes_polls(&self) -> bool {
        self.ending == Ending::No && matches!(self.exit, Exit::Polls(Waiting::None))
    }

    /// A poll came in.
    pub fn hold(&mut self, poll: P) -> Hold<P> {
        match &mut self.exit {
            Exit::Polls(Waiting::Poll(_)) => Hold::Overlap(poll),
            Exit::Polls(waiting) if self.outbox.is_empty() => {
                *waiting = Waiting::Poll(poll);
                Hold::Waits
            }
            Exit::Polls(_) => Hold::Answer(poll, self.take()),
            Exit::Socket { .. } | Exit::Task { .. } | Exit::Shut => Hold::Refused(poll),
        }
    }

    /// The client of the poll has gone: the one that waits, or one that was answered in vain. `false`: nobody polls here
    /// any more, so nothing is lost.
    pub fn lose(&mut self) -> bool {
        match &mut self.exit {
            Exit::Polls(waiting) => {
                *waiting = Waiting::Lost;
                true
            }
            Exit::Socket { .. } | Exit::Task { .. } | Exit::Shut => false,
        }
    }

    /// The poll that waits.
    pub fn poll(&self) -> Option<&P> {
        match &self.exit {
            Exit::Polls(Waiting::Poll(poll)) => Some(poll),
            _ => None,
        }
    }

    /// Takes the poll that waits, to answer it with something else than what waits.
    pub fn take_poll(&mut self) -> Option<P> {
        match &mut self.exit {
            Exit::Polls(waiting @ Waiting::Poll(_)) => match std::mem::replace(waiting, Waiting::None) {
                Waiting::Poll(poll) => Some(poll),
                Waiting::None | Waiting::Lost => None,
            },
            _ => None,
        }
    }

    /// Whether a poll waits.
    pub fn is_polled(&self) -> bool {
        matches!(self.exit, Exit::Polls(Waiting::Poll(_)))
    }

    /// Whether the client of a poll has gone.
    pub fn is_lost(&self) -> bool {
        matches!(self.exit, Exit::Polls(Waiting::Lost))
    }

    /// What waits, as much as goes into one answer.
    ///
    /// A short one counts as sent at once: any connection takes as much, and nearly all answers are short.
    pub fn take(&mut self) -> Answer {
        if self.outbox.bytes() <= COUNTED_FROM_BYTES && self.flight_bytes() == 0 {
            return self.outbox.take(self.bounds.answer_bytes_max);
        }
        let ledger = &self.bounds.ledger;
        let flight = Arc::clone(self.flight.get_or_insert_with(|| Arc::new(Flight::new(Arc::clone(ledger)))));
        let (pieces, bytes) = self.outbox.take_pieces(self.bounds.answer_bytes_max);
        Answer::new(pieces, bytes, flight)
    }

    /// Whether more waits than goes into one answer.
    pub fn is_more_than_one_answer(&self) -> bool {
        self.outbox.bytes() > self.bounds.answer_bytes_max
    }

    /// From now on whoever flushes writes to a socket, `unsent` first. Gives back the poll that waits.
    pub fn set_socket(&mut self, unsent: Option<Encoded>) -> Option<P> {
        self.set_exit(Exit::Socket { is_blocked: false }, unsent)
    }

    /// From now on the task writes what waits, `unsent` first. Gives back the poll that waits.
    pub fn set_task(&mut self, unsent: Option<Encoded>) -> Option<P> {
        self.set_exit(Exit::Task { is_ready: true }, unsent)
    }

    fn set_exit(&mut self, exit: Exit<P>, unsent: Option<Encoded>) -> Option<P> {
        if let Some(unsent) = unsent {
            self.outbox.push_front(unsent);
        }
        let poll = self.take_poll();
        self.exit = exit;
        self.forget_landed();
        poll
    }

    /// Where nobody polls any more, what was under way is remembered until it has landed, and in the sum after that.
    fn forget_landed(&mut self) {
        if let Some(flight) = self.flight.take_if(|flight| flight.is_over()) {
            self.outbox.pass_flight(flight.landed());
        }
    }

    /// Notes that the task has seen what waits, so that only news wakes it; and says how much that is.
    pub fn see(&mut self) -> Backlog {
        if !matches!(self.exit, Exit::Polls(_)) {
            self.forget_landed();
        }
        self.is_backlog_seen = !self.outbox.is_empty();
        self.backlog()
    }

    /// How much waits, and how much ever left.
    pub fn backlog(&self) -> Backlog {
        let landed = self.flight.as_ref().map_or(0, |flight| flight.landed());
        Backlog { bytes: self.waiting_bytes(), sent: self.outbox.sent() + landed }
    }

    /// The same, but for what is under way: that changes without anybody's doing here.
    pub fn queued(&self) -> Backlog {
        Backlog { bytes: self.outbox.bytes(), ..self.backlog() }
    }

    /// What is in memory for this client: its part of what others wait for as well, and all that is under way.
    pub fn cost(&self) -> usize {
        self.outbox.cost() + self.flight_bytes()
    }

    /// Asks for the session's end. Says whether the task is to be woken.
    ///
    /// What is closed as slow is so at once: what waited for it may be what others need the memory for.
    pub fn close(&mut self, reason: CloseReason) -> bool {
        match self.ending {
            _ if matches!(self.exit, Exit::Shut) => return false,
            Ending::No => self.ending = Ending::Asked(reason),
            Ending::Sealed if reason == CloseReason::Shutdown => self.ending = Ending::Hurried,
            _ => return false,
        }
        if reason == CloseReason::SlowConsumer {
            self.give_up();
        }
        true
    }

    /// The end that was asked for, once; the outlet is then sealed.
    pub fn next_close(&mut self) -> Option<CloseReason> {
        let (reason, next) = match self.ending {
            Ending::Asked(reason) => (reason, Ending::Sealed),
            Ending::Hurried => (CloseReason::Shutdown, Ending::Leaving),
            Ending::No | Ending::Sealed | Ending::Leaving => return None,
        };
        self.ending = next;
        Some(reason)
    }

    /// Takes no more messages, and leaves the poll that waits to the task.
    pub fn seal(&mut self) {
        self.ending = match self.ending {
            Ending::No | Ending::Asked(_) | Ending::Sealed => Ending::Sealed,
            hurried => hurried,
        };
    }

    /// Drops what waits, but for what is half written.
    pub fn abandon(&mut self) {
        self.outbox.abandon();
    }

    /// Drops what is under way, too.
    pub fn give_up(&mut self) {
        self.outbox.abandon();
        if let Some(flight) = &self.flight {
            flight.abort();
        }
    }

    /// Ends it for everyone who still holds it; gives back what is left to send, and the poll that waits.
    pub fn shut(&mut self) -> (Outbox, Option<P>) {
        let poll = self.take_poll();
        self.exit = Exit::Shut;
        (std::mem::take(&mut self.outbox), poll)
    }

    /// Whether it was shut.
    pub fn is_shut(&self) -> bool {
        matches!(self.exit, Exit::Shut)
    }

    fn waiting_bytes(&self) -> usize {
        self.outbox.bytes() + self.flight_bytes()
    }

    fn flight_bytes(&self) -> usize {
        self.flight.as_ref().map_or(0, |flight| flight.bytes())
    }

    /// One message alone always fits, unless answers are under way: whoever polls on and on without reading them would
    /// never have more than one waiting.
    fn has_room(&self, encoded: &Encoded) -> bool {
        let under_way = self.flight_bytes();
        let fits_alone = under_way == 0 || under_way + encoded.len() <= self.bounds.bytes_max;
        fits_alone && self.outbox.has_room(encoded, self.room())
    }

    /// What the outbox may hold, beside what is under way.
    fn room(&self) -> usize {
        self.bounds.bytes_max.saturating_sub(self.flight_bytes())
    }

    fn is_news(&self) -> bool {
        !self.outbox.is_empty() && !self.is_backlog_seen
    }
}

/// What hyper and the kernel take of an answer in any case.
const COUNTED_FROM_BYTES: usize = 4 * 1024;

impl Entry {
    const fn of(queued: Queued) -> Self {
        Self { queued, wakes: false }
    }
}

impl<P> fmt::Debug for Outlet<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("backlog", &self.backlog()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 10_000;

    fn outlet() -> Outlet<u32> {
        let ledger = Arc::new(Ledger::new(usize::MAX));
        Outlet::new(Arc::new(OutletBounds { bytes_max: MAX, answer_bytes_max: 100, ledger }))
    }

    fn queue(outlet: &mut Outlet<u32>, text: &str) -> Entry {
        outlet.queue(&Encoded::text(text), Delivery::Reliable)
    }

    fn payload(mut answer: Answer) -> String {
        std::iter::from_fn(|| answer.next_chunk())
            .map(|chunk| str::from_utf8(chunk.bytes()).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_poll_waits_in_one_place_and_is_answered_by_who_flushes() {
        let mut outlet = outlet();
        assert!(matches!(outlet.hold(1), Hold::Waits));
        assert!(outlet.is_polled());
        assert!(matches!(outlet.hold(2), Hold::Overlap(2)));
        assert_eq!(queue(&mut outlet, "a").queued, Queued::Fresh);
        assert_eq!(queue(&mut outlet, "b").queued, Queued::Behind);
        let Flush::Answer(1, answer) = outlet.flush() else { panic!("a poll waits") };
        assert_eq!(payload(answer), "4a\x1e4b");
        assert!(!outlet.is_polled());
        assert!(matches!(outlet.flush(), Flush::Done));
    }

    #[test]
    fn what_waits_answers_the_next_poll_up_to_the_bound_of_one_answer() {
        let mut outlet = outlet();
        for _ in 0..3 {
            queue(&mut outlet, &"x".repeat(40));
        }
        let Hold::Answer(1, first) = outlet.hold(1) else { panic!("something waits") };
        let Hold::Answer(2, second) = outlet.hold(2) else { panic!("something waits") };
        assert!(matches!(outlet.hold(3), Hold::Waits));
        assert_eq!((payload(first).len(), payload(second).len()), (83, 41));
    }

    #[test]
    fn the_task_is_woken_once_for_what_waits() {
        let mut outlet = outlet();
        queue(&mut outlet, "a");
        assert!(matches!(outlet.flush(), Flush::Wake));
        assert_eq!(outlet.see().bytes, 4);
        queue(&mut outlet, "b");
        assert!(matches!(outlet.flush(), Flush::Done), "that is no news");
        drop(outlet.hold(1));
        queue(&mut outlet, "c");
        assert!(matches!(outlet.flush(), Flush::Wake));
    }

    #[test]
    fn an_answer_under_way_counts_as_waiting_until_it_is_written() {
        let mut outlet = outlet();
        queue(&mut outlet, &"x".repeat(MAX - 100));
        let Hold::Answer(1, answer) = outlet.hold(1) else { panic!("something waits") };
        let (bytes, sent) = (outlet.backlog().bytes, outlet.backlog().sent);
        assert!(bytes > MAX - 100);
        assert_eq!(sent, 0);
        assert_eq!(queue(&mut outlet, "a").queued, Queued::Fresh);
        assert_eq!(queue(&mut outlet, "b").queued, Queued::Closed);
        assert_eq!(outlet.next_close(), Some(CloseReason::SlowConsumer));
        drop(answer);
        assert_eq!(outlet.backlog(), Backlog { bytes: 0, sent: bytes as u64 });
    }

    #[test]
    fn one_message_alone_always_fits_but_not_behind_answers_that_are_not_read() {
        let mut outlet = outlet();
        let large = "x".repeat(2 * MAX);
        assert_eq!(queue(&mut outlet, &large).queued, Queued::Fresh);
        let Hold::Answer(1, answer) = outlet.hold(1) else { panic!("something waits") };
        drop(answer);
        assert_eq!(queue(&mut outlet, &large).queued, Queued::Fresh);
        let Hold::Answer(2, _unread) = outlet.hold(2) else { panic!("something waits") };
        assert_eq!(queue(&mut outlet, "a").queued, Queued::Closed);
    }

    #[test]
    fn who_has_more_than_half_of_its_bound_waiting_is_crowded() {
        let mut outlet = outlet();
        outlet.set_socket(None);
        outlet.set_blocked(true);
        assert_eq!(queue(&mut outlet, &"x".repeat(MAX / 2)).queued, Queued::Fresh);
        assert_eq!(queue(&mut outlet, "a").queued, Queued::Crowded);
        outlet.set_blocked(false);
        outlet.advance(100);
        assert_eq!(queue(&mut outlet, "b").queued, Queued::Behind);
    }

    #[test]
    fn a_full_outlet_ends_its_session_and_keeps_nothing() {
        let mut outlet = outlet();
        outlet.set_socket(None);
        queue(&mut outlet, &"x".repeat(MAX));
        let more = Encoded::text("a");
        assert!(outlet.wants_write_before(&more));
        outlet.set_blocked(true);
        assert!(!outlet.wants_write_before(&more));
        assert_eq!(outlet.queue(&more, Delivery::Reliable), Entry { queued: Queued::Closed, wakes: true });
        assert!(outlet.is_empty());
    }

    #[test]
    fn volatile_messages_are_for_those_who_can_take_them_now() {
        let volatile = |outlet: &mut Outlet<u32>| outlet.queue(&Encoded::text("v"), Delivery::Volatile).queued;
        let mut outlet = outlet();
        assert_eq!(volatile(&mut outlet), Queued::Dropped);
        drop(outlet.hold(1));
        assert_eq!(volatile(&mut outlet), Queued::Fresh);
        outlet.set_task(None);
        assert_eq!(volatile(&mut outlet), Queued::Behind);
        outlet.set_ready(false);
        assert_eq!(volatile(&mut outlet), Queued::Dropped);
        outlet.set_socket(None);
        outlet.set_blocked(true);
        assert_eq!(volatile(&mut outlet), Queued::Dropped);
    }

    #[test]
    fn the_first_reason_to_close_counts_and_a_shutdown_comes_through_behind_it() {
        let mut outlet = outlet();
        assert!(outlet.close(CloseReason::Application("x")));
        assert!(!outlet.close(CloseReason::SlowConsumer));
        assert_eq!(outlet.next_close(), Some(CloseReason::Application("x")));
        assert_eq!(queue(&mut outlet, "a").queued, Queued::Closed);
        outlet.seal();
        assert!(outlet.close(CloseReason::Shutdown));
        assert_eq!(outlet.next_close(), Some(CloseReason::Shutdown));
        assert!(!outlet.close(CloseReason::Shutdown), "once");
        assert_eq!(outlet.next_close(), None);
    }

    #[test]
    fn a_sealed_outlet_leaves_its_poll_to_the_task() {
        let mut outlet = outlet();
        drop(outlet.hold(1));
        queue(&mut outlet, "a");
        outlet.seal();
        assert!(matches!(outlet.flush(), Flush::Done | Flush::Wake));
        let (outbox, poll) = outlet.shut();
        assert_eq!((outbox.is_empty(), poll), (false, Some(1)));
        assert!(matches!(outlet.hold(2), Hold::Refused(2)));
        assert!(!outlet.close(CloseReason::Shutdown));
    }

    #[test]
    fn a_slow_client_s_memory_is_free_at_once() {
        let mut outlet = outlet();
        queue(&mut outlet, &"a".repeat(COUNTED_FROM_BYTES));
        let Hold::Answer(1, answer) = outlet.hold(1) else { panic!("something waits") };
        queue(&mut outlet, "b");
        assert!(!answer.is_aborted());
        outlet.close(CloseReason::SlowConsumer);
        assert!(outlet.is_empty() && answer.is_aborted());
    }

    #[test]
    fn what_was_half_written_comes_first_on_the_new_way() {
        let mut outlet = outlet();
        drop(outlet.hold(1));
        queue(&mut outlet, "a");
        assert_eq!(outlet.set_socket(Some(Encoded::packet("3probe"))), Some(1));
        assert!(matches!(outlet.flush(), Flush::Write));
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(outlet.slices(&mut slices), 2);
        assert_eq!(&slices[0][2..], b"3probe");
    }

    #[test]
    fn what_is_under_way_to_a_poll_counts_also_when_nobody_polls_any_more() {
        let mut outlet = outlet();
        queue(&mut outlet, "a");
        let Hold::Answer(1, answer) = outlet.hold(1) else { panic!("something waits") };
        drop(answer);
        queue(&mut outlet, &"x".repeat(MAX - 100));
        let Hold::Answer(2, unread) = outlet.hold(2) else { panic!("something waits") };
        outlet.set_socket(None);
        let bytes = outlet.see().bytes;
        assert!(bytes > MAX - 100);
        assert_eq!(outlet.backlog().sent, 4);
        assert_eq!(queue(&mut outlet, "b").queued, Queued::Fresh);
        outlet.advance(4);
        assert_eq!(queue(&mut outlet, &"y".repeat(200)).queued, Queued::Closed, "as it would be if it polled");
        assert!(unread.is_aborted());
        drop(unread);
        assert_eq!(outlet.see(), Backlog { bytes: 0, sent: 8 + bytes as u64 });
        assert!(outlet.flight.is_none(), "and takes no memory");
    }
}
