//! What a poll is answered with, on its way.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};

use crate::ledger::Loan;
use crate::payload::SEPARATOR;
use crate::{Encoded, Ledger};

/// What was taken out of an outbox for one poll: packets joined by `0x1e`.
///
/// It shares its messages with everyone else whom they are for: [`next_chunk`](Self::next_chunk) copies only small ones
/// together, as they are written. Until its last chunk is dropped (because it was written, or never will be), it still
/// counts as waiting for its client: whoever asks for answers and does not read them fills its own bound, and the
/// [`Ledger`]'s. And if that client is given up, what was not written yet is free at once, wherever the answer itself is
/// held up.
pub struct Answer {
    cargo: Cargo,
    /// What is left of the piece that is given out in parts.
    cut: Part,
    /// Something was given out: a separator comes before the next piece.
    is_begun: bool,
    ticket: Ticket,
}

/// Where an answer's messages are.
enum Cargo {
    Own(Pieces),
    /// With the client's other answers under way, under this number.
    Aboard(Arc<Flight>, u64),
}

/// Messages one after the other. One alone, which is most, takes no queue.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    first: Option<Encoded>,
    rest: VecDeque<Encoded>,
}

/// A part of an [`Answer`], as it stands on the wire. Dropped, it counts as sent.
pub struct Chunk {
    part: Part,
    ticket: Ticket,
}

/// Bytes to be written, and the account on which they are in memory.
#[derive(Default)]
struct Part {
    bytes: Bytes,
    keeps: Keeps,
}

/// What keeps bytes in the [`Ledger`].
#[derive(Default)]
enum Keeps {
    /// Nothing: they are few, or nobody's.
    #[default]
    Nothing,
    /// They are a part of this message, which counts once for all who have one.
    Message(Encoded),
    /// They are a copy.
    Copy { _loan: Loan },
    /// They are a copy for several.
    SharedCopy(Arc<Loan>),
}

/// The answers of one client that are under way.
#[derive(Debug)]
pub(crate) struct Flight {
    ledger: Arc<Ledger>,
    bytes: AtomicUsize,
    landed: AtomicU64,
    is_aborted: AtomicBool,
    holds: Mutex<Holds>,
}

/// The answers under way: one, unless a client asks for more without reading.
#[derive(Debug, Default)]
struct Holds {
    next: u64,
    aboard: Vec<Hold>,
}

/// One answer under way.
#[derive(Debug)]
struct Hold {
    number: u64,
    /// What was not given out yet.
    pieces: Pieces,
    /// How many parts of it there are: with the last, it has landed.
    tickets: usize,
    /// Whoever writes it, if it is long.
    writer: Option<Waker>,
}

/// Tells the connection that writes an answer whether anybody still wants it.
#[derive(Debug, Clone)]
pub struct AnswerWatch {
    flight: Arc<Flight>,
    number: u64,
}

/// So many bytes of an answer that are under way; dropped, they no longer are.
#[derive(Default)]
struct Ticket {
    /// With the answer's number.
    aboard: Option<(Arc<Flight>, u64)>,
    bytes: usize,
}

impl Answer {
    /// The pieces, none of them empty for pollers, counted as `bytes` under way.
    pub(crate) fn new(pieces: Pieces, bytes: usize, flight: Arc<Flight>) -> Self {
        flight.bytes.fetch_add(bytes, Ordering::Relaxed);
        let number = flight.load(pieces);
        let ticket = Ticket { aboard: Some((Arc::clone(&flight), number)), bytes };
        Self { cargo: Cargo::Aboard(flight, number), cut: Part::default(), is_begun: false, ticket }
    }

    /// An answer of one message that counts for nobody: a session's last word, or a noop.
    pub fn of(encoded: Encoded) -> Self {
        Self::uncounted(Pieces::from(encoded))
    }

    pub(crate) fn uncounted(pieces: Pieces) -> Self {
        Self { cargo: Cargo::Own(pieces), cut: Part::default(), is_begun: false, ticket: Ticket::default() }
    }

    /// Puts a message behind the others.
    pub fn push(&mut self, encoded: Encoded) {
        self.cargo.with(|pieces| pieces.push(encoded));
    }

    /// The length of what was not given out yet.
    pub fn payload_len(&mut self) -> usize {
        // Counted, and not made: whoever answers the client's next poll, under the lock of its session, waits for this.
        let separated: usize = self.cargo.with(|pieces| pieces.iter().map(|piece| 1 + piece.polling_len()).sum());
        self.cut.bytes.len() + separated - usize::from(!self.is_begun && separated > 0)
    }

    /// The next part, of about 64 KiB at most, and `None` behind the last.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        let part = self.next_part(CHUNK_BYTES_MAX)?;
        let is_last = self.cut.bytes.is_empty() && self.cargo.with(|pieces| pieces.is_empty());
        let ticket = if is_last { std::mem::take(&mut self.ticket) } else { self.ticket.split(part.bytes.len()) };
        Some(Chunk { part, ticket })
    }

    /// All of it as one, for what cannot be done part by part. One message alone is not copied.
    pub fn into_chunk(mut self) -> Chunk {
        let first = self.next_part(usize::MAX).unwrap_or_default();
        let rest = self.payload_len();
        let part = if rest == 0 { first } else { self.joined(first, rest) };
        Chunk { part, ticket: std::mem::take(&mut self.ticket) }
    }

    /// Whether nobody wants the rest: its session has ended meanwhile.
    pub fn is_aborted(&self) -> bool {
        matches!(&self.cargo, Cargo::Aboard(flight, _) if flight.is_aborted.load(Ordering::Relaxed))
    }

    /// The means to see that it is [aborted](Self::is_aborted) for whoever holds up its parts, if it is counted.
    pub fn watch(&self) -> Option<AnswerWatch> {
        match &self.cargo {
            Cargo::Own(_) => None,
            Cargo::Aboard(flight, number) => Some(AnswerWatch { flight: Arc::clone(flight), number: *number }),
        }
    }

    fn next_part(&mut self, bytes_max: usize) -> Option<Part> {
        if self.cut.bytes.is_empty() {
            let (first, is_only) = self.cargo.with(|pieces| Some((pieces.pop()?, pieces.is_empty())))?;
            let first = Part::of(first);
            if self.is_begun || (first.bytes.len() <= COPIED_BYTES_MAX && !is_only) {
                return Some(self.copied(first));
            }
            self.is_begun = true;
            self.cut = first;
        }
        Some(self.cut.split_to(bytes_max))
    }

    /// Small pieces copied together, up to one that is worth sharing, which comes next.
    fn copied(&mut self, first: Part) -> Part {
        let mut buffer = BytesMut::with_capacity(first.bytes.len().min(COPIED_BYTES_MAX) + 1);
        let mut next = Some(first);
        while let Some(piece) = next.take() {
            if std::mem::replace(&mut self.is_begun, true) {
                buffer.put_u8(SEPARATOR);
            }
            if piece.bytes.len() > COPIED_BYTES_MAX {
                self.cut = piece;
                break;
            }
            buffer.put_slice(&piece.bytes);
            if buffer.len() + COPIED_BYTES_MAX < CHUNK_BYTES_MAX {
                next = self.cargo.with(Pieces::pop).map(Part::of);
            }
        }
        self.ticket.copy(buffer.freeze())
    }

    fn joined(&mut self, first: Part, rest: usize) -> Part {
        let mut whole = BytesMut::with_capacity(first.bytes.len() + rest);
        whole.put_slice(&first.bytes);
        while let Some(next) = self.next_part(usize::MAX) {
            whole.put_slice(&next.bytes);
        }
        self.ticket.copy(whole.freeze())
    }
}

impl Part {
    fn of(piece: Encoded) -> Self {
        Self { bytes: piece.polling().clone(), keeps: Keeps::Message(piece) }
    }

    /// The first part of it, of at most `bytes_max`; what is left stays.
    fn split_to(&mut self, bytes_max: usize) -> Self {
        if self.bytes.len() <= bytes_max {
            return std::mem::take(self);
        }
        // A copy of one's own is on the account of what is left of it.
        let keeps = match &self.keeps {
            Keeps::Message(message) => Keeps::Message(message.clone()),
            Keeps::SharedCopy(loan) => Keeps::SharedCopy(Arc::clone(loan)),
            Keeps::Nothing | Keeps::Copy { .. } => Keeps::Nothing,
        };
        Self { bytes: self.bytes.split_to(bytes_max), keeps }
    }
}

impl Cargo {
    fn with<T>(&mut self, act: impl FnOnce(&mut Pieces) -> T) -> T {
        match self {
            Self::Own(pieces) => act(pieces),
            Self::Aboard(flight, number) => flight.with(*number, act),
        }
    }
}

impl Drop for Cargo {
    fn drop(&mut self) {
        if let Self::Aboard(flight, number) = self {
            flight.unload(*number);
        }
    }
}

impl AnswerWatch {
    /// Ready once nobody wants the answer any more: the connection may as well be closed.
    pub fn poll_aborted(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut holds = self.flight.holds();
        // Once it has landed, the connection is no matter of this client's any more.
        let Some(hold) = holds.find(self.number) else {
            return Poll::Pending;
        };
        if self.flight.is_aborted.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        match &mut hold.writer {
            Some(writer) => writer.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Pieces {
    pub(crate) fn push(&mut self, encoded: Encoded) {
        match &self.first {
            None if self.rest.is_empty() => self.first = Some(encoded),
            _ => self.rest.push_back(encoded),
        }
    }

    /// Puts a whole queue behind the others, without copying it if it is the first.
    pub(crate) fn append(&mut self, queue: &mut VecDeque<Encoded>) {
        if self.rest.is_empty() {
            std::mem::swap(&mut self.rest, queue);
        } else {
            self.rest.append(queue);
        }
    }

    /// Drops those that pollers get nothing for.
    pub(crate) fn without_control(mut self) -> Self {
        self.first.take_if(|first| first.is_control());
        self.rest.retain(|piece| !piece.is_control());
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Encoded> {
        self.first.iter().chain(&self.rest)
    }

    fn pop(&mut self) -> Option<Encoded> {
        self.first.take().or_else(|| self.rest.pop_front())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }
}

impl From<Encoded> for Pieces {
    fn from(encoded: Encoded) -> Self {
        Self { first: Some(encoded), rest: VecDeque::new() }
    }
}

impl Chunk {
    /// The bytes, without counting as sent for that.
    pub fn bytes(&self) -> &Bytes {
        &self.part.bytes
    }

    /// The same place among what is under way, for other bytes: another coding of these, which only this client gets.
    #[must_use]
    pub fn with_bytes(self, bytes: Bytes) -> Self {
        Self { part: self.ticket.copy(bytes), ..self }
    }

    /// The same for bytes that others get as well, and that count once for all of them.
    #[must_use]
    pub fn with_shared(self, bytes: Bytes, loan: Arc<Loan>) -> Self {
        Self { part: Part { bytes, keeps: Keeps::SharedCopy(loan) }, ..self }
    }

    /// The first part of it, of at most `bytes_max`; what is left stays.
    #[must_use]
    pub fn split_to(&mut self, bytes_max: usize) -> Self {
        let part = self.part.split_to(bytes_max);
        let is_last = self.part.bytes.is_empty();
        let ticket = if is_last { std::mem::take(&mut self.ticket) } else { self.ticket.split(part.bytes.len()) };
        Self { part, ticket }
    }
}

/// Bytes that count for nobody.
impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self { part: Part { bytes, keeps: Keeps::Nothing }, ticket: Ticket::default() }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.part.bytes
    }
}

/// Bytes that count until the last of them is dropped.
impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        match chunk.ticket.aboard {
            None => chunk.part.bytes,
            Some(_) => Self::from_owner(chunk),
        }
    }
}

impl Flight {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self {
            ledger,
            bytes: AtomicUsize::new(0),
            landed: AtomicU64::new(0),
            is_aborted: AtomicBool::new(false),
            holds: Mutex::default(),
        }
    }

    /// What is under way.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing is under way any more, nor will be if nothing more is taken.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes() == 0 && self.holds().aboard.is_empty()
    }

    /// All that ever arrived, or was given up.
    pub(crate) fn landed(&self) -> u64 {
        self.landed.load(Ordering::Relaxed)
    }

    /// Nobody waits for the rest: it is dropped, and who holds an answer sees that.
    pub(crate) fn abort(&self) {
        let mut holds = self.holds();
        self.is_aborted.store(true, Ordering::Relaxed);
        let (pieces, writers): (Vec<_>, Vec<_>) =
            holds.aboard.iter_mut().map(|hold| (std::mem::take(&mut hold.pieces), hold.writer.take())).unzip();
        drop(holds);
        drop(pieces);
        writers.into_iter().flatten().for_each(Waker::wake);
    }

    fn load(&self, pieces: Pieces) -> u64 {
        let mut holds = self.holds();
        let number = holds.next;
        holds.next += 1;
        holds.aboard.reserve_exact(1);
        holds.aboard.push(Hold { number, pieces, tickets: 1, writer: None });
        number
    }

    /// Nothing is there any more after [`abort`](Self::abort).
    fn with<T>(&self, number: u64, act: impl FnOnce(&mut Pieces) -> T) -> T {
        match self.holds().find(number) {
            Some(hold) => act(&mut hold.pieces),
            None => act(&mut Pieces::default()),
        }
    }

    /// Nothing more is given out.
    fn unload(&self, number: u64) {
        let pieces = self.with(number, std::mem::take);
        drop(pieces);
    }

    /// One part becomes two.
    fn split(&self, number: u64) {
        if let Some(hold) = self.holds().find(number) {
            hold.tickets += 1;
        }
    }

    /// A part has landed.
    fn land(&self, number: u64, bytes: usize) {
        self.landed.fetch_add(bytes as u64, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut holds = self.holds();
        let Some(index) = holds.aboard.iter().position(|hold| hold.number == number) else {
            return;
        };
        holds.aboard[index].tickets -= 1;
        if holds.aboard[index].tickets == 0 {
            let hold = holds.aboard.swap_remove(index);
            drop(holds);
            drop(hold);
        }
    }

    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holds {
    fn find(&mut self, number: u64) -> Option<&mut Hold> {
        self.aboard.iter_mut().find(|hold| hold.number == number)
    }
}

impl Ticket {
    /// Lets a part of it go its own way, as much as there is at most.
    fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        if let Some((flight, number)) = &self.aboard {
            flight.split(*number);
        }
        Self { aboard: self.aboard.clone(), bytes }
    }

    /// Bytes that were copied for this client.
    fn copy(&self, bytes: Bytes) -> Part {
        let keeps = match &self.aboard {
            Some((flight, _)) if bytes.len() > UNCOUNTED_BYTES_MAX => {
                Keeps::Copy { _loan: Ledger::lend(&flight.ledger, bytes.len()) }
            }
            _ => Keeps::Nothing,
        };
        Part { bytes, keeps }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some((flight, number)) = &self.aboard {
            flight.land(*number, self.bytes);
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("is_begun", &self.is_begun).finish_non_exhaustive()
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chunk").field(&self.part.bytes).finish()
    }
}

/// What one part has at most. A client is slow when it does not take as much within the stall time, so this is also
/// what decides how slow a line may be: at 20 s, 3 KiB a second.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Copying as much costs less than writing it from a buffer of its own.
const COPIED_BYTES_MAX: usize = 4 * 1024;
/// A connection's own buffers are as large.
const UNCOUNTED_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(texts: &[&str]) -> (Answer, Arc<Flight>) {
        let mut pieces = Pieces::default();
        texts.iter().for_each(|text| pieces.push(Encoded::text(text)));
        let bytes = pieces.iter().map(Encoded::len).sum();
        let flight = Arc::new(Flight::new(Arc::new(Ledger::new(0))));
        (Answer::new(pieces, bytes, Arc::clone(&flight)), flight)
    }

    fn expected(texts: &[&str]) -> String {
        texts.iter().map(|text| format!("4{text}")).collect::<Vec<_>>().join("\x1e")
    }

    #[test]
    fn however_it_is_taken_it_is_the_same_payload() {
        let large = "x".repeat(200_000);
        let middle = "y".repeat(COPIED_BYTES_MAX - 1);
        let many = ["z"; 50_000];
        for texts in [
            &["a"][..],
            &["a", "b"],
            &[&large],
            &["a", &large, "b", "c", &large, &large],
            &[&large, "a"],
            &[middle.as_str(); 40],
            &many,
        ] {
            let (mut parts, flight) = answer(texts);
            let expected = expected(texts);
            assert_eq!(parts.payload_len(), expected.len());
            let mut payload = Vec::new();
            while let Some(chunk) = parts.next_chunk() {
                assert!(chunk.bytes().len() <= CHUNK_BYTES_MAX && !chunk.bytes().is_empty());
                payload.extend_from_slice(chunk.bytes());
                assert_eq!(parts.payload_len(), expected.len() - payload.len());
            }
            assert!(payload == expected.as_bytes(), "{} texts", texts.len());
            assert_eq!(flight.bytes(), 0);
            assert!(answer(texts).0.into_chunk().bytes() == expected.as_bytes());
        }
    }

    /// Megabytes of base64 take milliseconds, and nobody is to wait for them who holds a lock.
    #[test]
    fn to_know_its_length_does_not_make_the_polling_form() {
        let binary = Encoded::binary(&[7; 1_000]);
        let mut answer = Answer::of(binary.clone());
        answer.push(Encoded::text("a"));
        assert_eq!(answer.payload_len(), 1 + 1_336 + 1 + 2);
        assert!(!binary.is_polling_form_made());
        assert_eq!(answer.into_chunk().bytes().len(), 1 + 1_336 + 1 + 2);
        assert!(binary.is_polling_form_made());
    }

    #[test]
    fn what_is_alone_or_large_is_not_copied() {
        for text in ["hello".to_owned(), "x".repeat(COPIED_BYTES_MAX)] {
            let encoded = Encoded::text(&text);
            let mut answer = Answer::of(encoded.clone());
            assert_eq!(answer.next_chunk().unwrap().bytes().as_ptr(), encoded.polling().as_ptr());
            assert_eq!(Answer::of(encoded.clone()).into_chunk().bytes().as_ptr(), encoded.polling().as_ptr());
        }
        let large = Encoded::text(&"x".repeat(COPIED_BYTES_MAX));
        let mut answer = Answer::of(Encoded::text("a"));
        answer.push(large.clone());
        assert_eq!(answer.next_chunk().unwrap().bytes(), &"4a\x1e");
        assert_eq!(answer.next_chunk().unwrap().bytes().as_ptr(), large.polling().as_ptr());
    }

    #[test]
    fn it_is_under_way_until_its_last_byte_was_written_or_given_up() {
        let large = "x".repeat(200_000);
        let (mut answer, flight) = answer(&[&large]);
        let whole = flight.bytes();
        let first = answer.next_chunk().unwrap();
        assert_eq!((flight.bytes(), flight.landed()), (whole, 0));
        drop(first);
        assert_eq!(flight.bytes(), whole - CHUNK_BYTES_MAX);
        assert_eq!(flight.landed(), CHUNK_BYTES_MAX as u64);
        drop(answer);
        assert_eq!((flight.bytes(), flight.landed()), (0, whole as u64));
    }

    #[test]
    fn what_is_given_up_is_free_at_once() {
        let large = "x".repeat(200_000);
        let ledger = Arc::new(Ledger::new(0));
        let encoded = Encoded::text(&large);
        encoded.enter(&ledger);
        let flight = Arc::new(Flight::new(Arc::new(Ledger::new(0))));
        let mut answer = Answer::new(Pieces::from(encoded), large.len(), Arc::clone(&flight));
        assert!(ledger.bytes() > 0 && !answer.is_aborted());
        flight.abort();
        assert_eq!(ledger.bytes(), 0);
        assert!(answer.is_aborted());
        assert!(answer.next_chunk().is_none());
    }

    #[test]
    fn a_chunk_in_another_coding_keeps_its_place() {
        let (answer, flight) = answer(&["hello"]);
        let whole = flight.bytes();
        let mut chunk = answer.into_chunk().with_bytes(Bytes::from_static(b"hi"));
        let first = chunk.split_to(1);
        assert_eq!((first.bytes().as_ref(), chunk.bytes().as_ref()), (&b"h"[..], &b"i"[..]));
        drop(first);
        assert!(flight.bytes() > 0);
        drop(chunk.split_to(9));
        assert_eq!((flight.bytes(), flight.landed()), (0, whole as u64));
    }

    #[test]
    fn what_is_given_out_counts_for_all_until_it_was_written() {
        let ledger = Arc::new(Ledger::new(0));
        let taken = |texts: &[&str]| {
            let mut pieces = Pieces::default();
            texts.iter().map(|text| Encoded::text(text)).for_each(|encoded| {
                encoded.enter(&ledger);
                pieces.push(encoded);
            });
            Answer::new(pieces, 1, Arc::new(Flight::new(Arc::clone(&ledger))))
        };
        let large = "x".repeat(200_000);
        // A part keeps all of its message in memory.
        let mut answer = taken(&[&large]);
        let mut parts: Vec<_> = std::iter::from_fn(|| answer.next_chunk()).map(Bytes::from).collect();
        drop(answer);
        while parts.len() > 1 {
            assert!(ledger.bytes() >= large.len());
            parts.remove(0);
        }
        drop(parts);
        assert_eq!(ledger.bytes(), 0);
        // A copy is in memory for this client alone.
        let copies: [&dyn Fn() -> Chunk; 3] = [
            &|| taken(&["a", &large]).into_chunk(),
            &|| taken(&[&large]).into_chunk().with_bytes(large.clone().into()),
            &|| taken(&["z"; 50_000]).into_chunk(),
        ];
        for copy in copies {
            let mut chunk = copy();
            assert!(ledger.bytes() >= chunk.bytes().len());
            drop(chunk.split_to(1));
            assert!(ledger.bytes() >= chunk.bytes().len());
            drop(Bytes::from(chunk));
            assert_eq!(ledger.bytes(), 0);
        }
        // One that others get as well counts once.
        let loan = Arc::new(Ledger::lend(&ledger, 100));
        let shared = || taken(&["a"]).into_chunk().with_shared("b".repeat(100).into(), Arc::clone(&loan));
        let several = [shared(), shared()];
        assert_eq!(ledger.bytes(), 100);
        drop((several, loan));
        assert_eq!(ledger.bytes(), 0);
    }

    #[test]
    fn only_who_still_writes_hears_that_an_answer_is_not_wanted() {
        let large = "x".repeat(200_000);
        let flight = Arc::new(Flight::new(Arc::new(Ledger::new(0))));
        let taken = || Answer::new(Pieces::from(Encoded::text(&large)), large.len(), Arc::clone(&flight));
        let is_unwanted = |watch: &AnswerWatch| watch.poll_aborted(&mut Context::from_waker(Waker::noop())).is_ready();
        let (written, begun, rewritten) = (taken(), taken(), taken());
        let watches = [&written, &begun, &rewritten].map(|answer| answer.watch().unwrap());
        drop(written);
        let rewritten = Bytes::from(rewritten.into_chunk().with_bytes(large.clone().into()));
        assert!(!watches.iter().any(is_unwanted));
        flight.abort();
        assert_eq!(watches.each_ref().map(is_unwanted), [false, true, true]);
        drop((begun, rewritten));
        assert!(!watches.iter().any(is_unwanted));
        assert_eq!(flight.bytes(), 0);
        assert!(flight.holds().aboard.is_empty());
    }
}
