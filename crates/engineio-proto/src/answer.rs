//! What a poll is answered with, on its way.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};

use crate::Encoded;
use crate::payload::SEPARATOR;

/// What was taken out of an outbox for one poll: packets joined by `0x1e`.
///
/// It shares its messages with everyone else whom they are for: [`next_chunk`](Self::next_chunk) copies only small ones
/// together, as they are written. Until its last chunk is dropped (because it was written, or never will be), it still
/// counts as waiting for its client: whoever asks for answers and does not read them fills its own bound. And if that
/// client is given up, what was not written yet is free at once, wherever the answer itself is held up.
pub struct Answer {
    cargo: Cargo,
    /// What is left of the piece that is given out in parts.
    cut: Bytes,
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
    bytes: Bytes,
    ticket: Ticket,
}

/// The answers of one client that are under way.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    bytes: AtomicUsize,
    landed: AtomicU64,
    is_aborted: AtomicBool,
    holds: Mutex<Holds>,
}

/// What was not given out yet, by answer: one, unless a client asks for more without reading.
#[derive(Debug, Default)]
struct Holds {
    next: u64,
    pieces: Vec<(u64, Pieces)>,
    /// Whoever writes a long answer.
    writers: Vec<Waker>,
}

/// Tells the connection that writes an answer whether anybody still wants it.
#[derive(Debug, Clone)]
pub struct AnswerWatch(Arc<Flight>);

/// So many bytes that are under way; dropped, they no longer are.
#[derive(Default)]
struct Ticket {
    flight: Option<Arc<Flight>>,
    bytes: usize,
}

impl Answer {
    /// The pieces, none of them empty for pollers, counted as `bytes` under way.
    pub(crate) fn new(pieces: Pieces, bytes: usize, flight: Arc<Flight>) -> Self {
        flight.bytes.fetch_add(bytes, Ordering::Relaxed);
        let number = flight.load(pieces);
        let ticket = Ticket { flight: Some(Arc::clone(&flight)), bytes };
        Self { cargo: Cargo::Aboard(flight, number), cut: Bytes::new(), is_begun: false, ticket }
    }

    /// An answer of one message that counts for nobody: a session's last word, or a noop.
    pub fn of(encoded: Encoded) -> Self {
        Self::uncounted(Pieces::from(encoded))
    }

    pub(crate) fn uncounted(pieces: Pieces) -> Self {
        Self { cargo: Cargo::Own(pieces), cut: Bytes::new(), is_begun: false, ticket: Ticket::default() }
    }

    /// Puts a message behind the others.
    pub fn push(&mut self, encoded: Encoded) {
        self.cargo.with(|pieces| pieces.push(encoded));
    }

    /// The length of what was not given out yet.
    pub fn payload_len(&mut self) -> usize {
        // Counted, and not made: whoever answers the client's next poll, under the lock of its session, waits for this.
        let separated: usize = self.cargo.with(|pieces| pieces.iter().map(|piece| 1 + piece.polling_len()).sum());
        self.cut.len() + separated - usize::from(!self.is_begun && separated > 0)
    }

    /// The next part, of about 64 KiB at most, and `None` behind the last.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        let bytes = self.next_bytes(CHUNK_BYTES_MAX)?;
        let is_last = self.cut.is_empty() && self.cargo.with(|pieces| pieces.is_empty());
        let ticket = self.ticket.split(if is_last { usize::MAX } else { bytes.len() });
        Some(Chunk { bytes, ticket })
    }

    /// All of it as one, for what cannot be done part by part. One message alone is not copied.
    pub fn into_chunk(mut self) -> Chunk {
        let first = self.next_bytes(usize::MAX).unwrap_or_default();
        let rest = self.payload_len();
        let bytes = if rest == 0 { first } else { self.joined(first, rest) };
        Chunk { bytes, ticket: self.ticket.split(usize::MAX) }
    }

    /// Whether nobody wants the rest: its session has ended meanwhile.
    pub fn is_aborted(&self) -> bool {
        self.ticket.flight.as_ref().is_some_and(|flight| flight.is_aborted.load(Ordering::Relaxed))
    }

    /// The means to see that it is [aborted](Self::is_aborted) for whoever holds up its parts, if it is counted.
    pub fn watch(&self) -> Option<AnswerWatch> {
        self.ticket.flight.clone().map(AnswerWatch)
    }

    fn next_bytes(&mut self, bytes_max: usize) -> Option<Bytes> {
        if self.cut.is_empty() {
            let (first, is_only) = self.cargo.with(|pieces| Some((pieces.pop()?, pieces.is_empty())))?;
            let first = first.polling().clone();
            if self.is_begun || (first.len() <= COPIED_BYTES_MAX && !is_only) {
                return Some(self.copied(first));
            }
            self.is_begun = true;
            self.cut = first;
        }
        Some(self.cut.split_to(self.cut.len().min(bytes_max)))
    }

    /// Small pieces copied together, up to one that is worth sharing, which comes next.
    fn copied(&mut self, first: Bytes) -> Bytes {
        let mut buffer = BytesMut::with_capacity(first.len().min(COPIED_BYTES_MAX) + 1);
        let mut next = Some(first);
        while let Some(piece) = next.take() {
            if std::mem::replace(&mut self.is_begun, true) {
                buffer.put_u8(SEPARATOR);
            }
            if piece.len() > COPIED_BYTES_MAX {
                self.cut = piece;
                break;
            }
            buffer.put_slice(&piece);
            if buffer.len() + COPIED_BYTES_MAX < CHUNK_BYTES_MAX {
                next = self.cargo.with(Pieces::pop).map(|piece| piece.polling().clone());
            }
        }
        buffer.freeze()
    }

    fn joined(&mut self, first: Bytes, rest: usize) -> Bytes {
        let mut whole = BytesMut::with_capacity(first.len() + rest);
        whole.put_slice(&first);
        while let Some(next) = self.next_bytes(usize::MAX) {
            whole.put_slice(&next);
        }
        whole.freeze()
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
        let mut holds = self.0.holds();
        if self.0.is_aborted.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        if !holds.writers.iter().any(|writer| writer.will_wake(cx.waker())) {
            holds.writers.push(cx.waker().clone());
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
        &self.bytes
    }

    /// The same place among what is under way, for other bytes: another coding of these.
    #[must_use]
    pub fn with_bytes(self, bytes: Bytes) -> Self {
        Self { bytes, ..self }
    }

    /// The first part of it, of at most `bytes_max`; what is left stays.
    #[must_use]
    pub fn split_to(&mut self, bytes_max: usize) -> Self {
        let bytes = self.bytes.split_to(self.bytes.len().min(bytes_max));
        let count = if self.bytes.is_empty() { usize::MAX } else { bytes.len() };
        Self { bytes, ticket: self.ticket.split(count) }
    }
}

/// Bytes that count for nobody.
impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, ticket: Ticket::default() }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that count until the last of them is dropped.
impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        match chunk.ticket.flight {
            None => chunk.bytes,
            Some(_) => Self::from_owner(chunk),
        }
    }
}

impl Flight {
    /// What is under way.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// All that ever arrived, or was given up.
    pub(crate) fn landed(&self) -> u64 {
        self.landed.load(Ordering::Relaxed)
    }

    /// Nobody waits for the rest: it is dropped, and who holds an answer sees that.
    pub(crate) fn abort(&self) {
        let mut holds = self.holds();
        self.is_aborted.store(true, Ordering::Relaxed);
        let Holds { pieces, writers, .. } = std::mem::take(&mut *holds);
        drop(holds);
        drop(pieces);
        writers.into_iter().for_each(Waker::wake);
    }

    fn load(&self, pieces: Pieces) -> u64 {
        let mut holds = self.holds();
        let number = holds.next;
        holds.next += 1;
        holds.pieces.reserve_exact(1);
        holds.pieces.push((number, pieces));
        number
    }

    /// Nothing is there any more after [`abort`](Self::abort).
    fn with<T>(&self, number: u64, act: impl FnOnce(&mut Pieces) -> T) -> T {
        match self.holds().pieces.iter_mut().find(|(known, _)| *known == number) {
            Some((_, pieces)) => act(pieces),
            None => act(&mut Pieces::default()),
        }
    }

    fn unload(&self, number: u64) {
        let mut holds = self.holds();
        if let Some(index) = holds.pieces.iter().position(|(known, _)| *known == number) {
            let pieces = holds.pieces.swap_remove(index);
            // Wakers of connections whose answers are written are of no use.
            holds.writers.clear();
            drop(holds);
            drop(pieces);
        }
    }

    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Lets a part of it go its own way, as much as there is at most.
    fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { flight: self.flight.clone(), bytes }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(flight) = &self.flight {
            flight.landed.fetch_add(self.bytes as u64, Ordering::Relaxed);
            flight.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
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
        f.debug_tuple("Chunk").field(&self.bytes).finish()
    }
}

/// What one part has at most. A client is slow when it does not take as much within the stall time, so this is also
/// what decides how slow a line may be: at 20 s, 3 KiB a second.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Copying as much costs less than writing it from a buffer of its own.
const COPIED_BYTES_MAX: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(texts: &[&str]) -> (Answer, Arc<Flight>) {
        let mut pieces = Pieces::default();
        texts.iter().for_each(|text| pieces.push(Encoded::text(text)));
        let bytes = pieces.iter().map(Encoded::len).sum();
        let flight = Arc::new(Flight::default());
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
        let ledger = Arc::new(crate::Ledger::new(0));
        let encoded = Encoded::text(&large);
        encoded.enter(&ledger);
        let flight = Arc::new(Flight::default());
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
}
