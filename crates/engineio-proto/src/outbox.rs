//! What waits to be sent to one client.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use crate::Answer;
use crate::Encoded;
use crate::answer::Pieces;
use crate::encoded::MESSAGE_BYTES;

/// A queue of messages, bounded in bytes, that empties into WebSocket writes or into polling payloads.
///
/// Call [`push`](Outbox::push) to fill it (or write past it while it is empty, and say so by [`pass`](Outbox::pass)
/// and [`push_begun`](Outbox::push_begun)); then, for a WebSocket, [`slices`](Outbox::slices) and
/// [`advance`](Outbox::advance) by what the socket took, or, for a poll, [`take`](Outbox::take).
/// A message that a write cut in two is finished before anything else, and never goes into an answer.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Encoded>,
    /// How many bytes of the first message are already written.
    written: usize,
    /// The bytes that wait.
    bytes: usize,
    /// All bytes that ever left: whether it moves tells a slow reader from one that has stopped.
    sent: u64,
}

impl Outbox {
    /// Puts a message behind the others.
    ///
    /// # Errors
    /// [`Full`] if more than `bytes_max` would wait. One message alone always fits: it was checked elsewhere, and
    /// nobody could ever receive it otherwise. Every message counts for 128 bytes more than
    /// its frames have.
    pub fn push(&mut self, encoded: Encoded, bytes_max: usize) -> Result<(), Full> {
        if !self.has_room(&encoded, bytes_max) {
            return Err(Full);
        }
        self.bytes += encoded.len();
        self.queue.push_back(encoded);
        Ok(())
    }

    /// Puts bytes before the others: what a transport had begun to write before it became the session's.
    pub fn push_front(&mut self, encoded: Encoded) {
        debug_assert_eq!(self.written, 0, "nothing may come between two parts of one message");
        self.bytes += encoded.len();
        self.queue.push_front(encoded);
    }

    /// Counts a message of `count` bytes that the connection took whole, so that it never waited here.
    pub fn pass(&mut self, count: usize) {
        debug_assert!(self.is_empty(), "nothing may overtake what waits");
        self.sent += count as u64;
    }

    /// Counts what left it in answers to polls, and arrived.
    pub(crate) fn pass_flight(&mut self, landed: u64) {
        self.sent += landed;
    }

    /// Takes over a message of which the connection has taken the first `written` bytes, and not all.
    pub fn push_begun(&mut self, encoded: Encoded, written: usize) {
        debug_assert!(self.is_empty() && written < encoded.len(), "nothing may overtake what waits");
        self.bytes = encoded.len();
        self.queue.push_back(encoded);
        self.advance(written);
    }

    /// What is to be written next, if it is a part of one message and nothing waits behind it.
    pub fn only(&self) -> Option<&[u8]> {
        match self.queue.len() {
            1 => self.queue.front()?.websocket().get(self.written..),
            _ => None,
        }
    }

    /// Fills `slices` with what is to be written next, and says how many it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.written;
        let mut filled = 0;
        for (slice, encoded) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(encoded.websocket().get(skip..).unwrap_or_default());
            skip = 0;
            filled += 1;
        }
        filled
    }

    /// Forgets `count` bytes: the connection took them.
    pub fn advance(&mut self, count: usize) {
        self.sent += count as u64;
        self.bytes = self.bytes.saturating_sub(count);
        self.written += count;
        while let Some(first) = self.queue.front()
            && first.len() <= self.written
        {
            self.written -= first.len();
            self.queue.pop_front();
        }
        self.shrink();
    }

    /// Takes what waits for a poll, in whole messages and up to `bytes_max` of them, at least one; control frames, which
    /// pollers get nothing for, are dropped on the way. Here it counts as sent at once.
    pub fn take(&mut self, bytes_max: usize) -> Answer {
        let (pieces, bytes) = self.take_pieces(bytes_max);
        self.sent += bytes as u64;
        Answer::uncounted(pieces)
    }

    /// Takes what waits, in whole messages and up to `bytes_max` of them, at least one; with their bytes. What pollers
    /// get nothing for (control frames) is dropped on the way.
    pub(crate) fn take_pieces(&mut self, bytes_max: usize) -> (Pieces, usize) {
        debug_assert_eq!(self.written, 0, "a session that has written to a WebSocket polls no more");
        let (mut taken, mut bytes) = (Pieces::default(), 0);
        while let Some(next) = self.queue.front()
            && (taken.is_empty() || bytes + next.len() <= bytes_max)
        {
            if self.bytes <= bytes_max && !taken.is_empty() {
                // The rest as it is: only a message that is alone leaves its queue where it was.
                bytes = self.bytes;
                taken.append(&mut self.queue);
                break;
            }
            bytes += next.len();
            self.queue.pop_front().into_iter().for_each(|next| taken.push(next));
        }
        self.bytes -= bytes;
        self.shrink();
        (taken.without_control(), bytes)
    }

    /// Whether [`push`](Self::push) would take the message.
    pub fn has_room(&self, encoded: &Encoded, bytes_max: usize) -> bool {
        self.queue.is_empty() || self.bytes + encoded.len() + self.queue.len() * MESSAGE_BYTES <= bytes_max
    }

    /// Drops everything that waits and was not begun: half a frame cannot be taken back.
    pub fn abandon(&mut self) {
        self.queue.truncate(usize::from(self.written > 0));
        self.bytes = self.queue.front().map_or(0, Encoded::len) - self.written;
        self.shrink();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The bytes that wait, in their WebSocket form.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it keeps in memory: of what others keep as well, its part.
    pub fn cost(&self) -> usize {
        self.queue.iter().map(|encoded| (encoded.len() + MESSAGE_BYTES) / encoded.holders()).sum()
    }

    /// The bytes that ever left.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// A client that had a burst once does not keep its queue's memory.
    fn shrink(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > CAPACITY_KEPT {
            self.queue = VecDeque::new();
        }
    }
}

/// There is no room: the client does not read what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outbox is full")
    }
}

impl std::error::Error for Full {}

/// Entries of 8 bytes: what a client under a steady stream needs, without allocating again and again.
const CAPACITY_KEPT: usize = 32;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn pushed(texts: &[&str]) -> Outbox {
        let mut outbox = Outbox::default();
        for text in texts {
            outbox.push(Encoded::text(text), usize::MAX).unwrap();
        }
        outbox
    }

    fn pending(outbox: &Outbox) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = outbox.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn partial_writes_lose_and_repeat_nothing() {
        let whole = pending(&pushed(&["abc", "", "defgh"]));
        for step in 1..=whole.len() {
            let mut outbox = pushed(&["abc", "", "defgh"]);
            let mut written = Vec::new();
            while !outbox.is_empty() {
                let mut next = pending(&outbox);
                next.truncate(step);
                outbox.advance(next.len());
                written.extend(next);
            }
            assert_eq!(written, whole, "{step} bytes a write");
            assert_eq!((outbox.bytes(), outbox.sent()), (0, whole.len() as u64));
        }
    }

    #[test]
    fn a_message_alone_is_one_slice() {
        let mut outbox = pushed(&["abc", "d"]);
        assert_eq!(outbox.only(), None);
        outbox.advance(6);
        assert_eq!(outbox.only(), Some(&b"\x81\x024d"[..]));
        outbox.advance(1);
        assert_eq!(outbox.only(), Some(&b"\x024d"[..]));
        outbox.advance(3);
        assert_eq!(outbox.only(), None);
    }

    #[test]
    fn an_answer_takes_whole_messages_up_to_its_bound_and_no_control_frames() {
        let mut outbox = pushed(&["a", "b", "c"]);
        outbox.push(Encoded::control(Bytes::from_static(b"\x8a\x00")), usize::MAX).unwrap();
        let len = Encoded::text("a").len();
        let mut taken = |bytes_max| {
            let (pieces, bytes) = outbox.take_pieces(bytes_max);
            (pieces.iter().cloned().collect::<Vec<_>>(), bytes)
        };
        assert_eq!(taken(2 * len + 1), (vec![Encoded::text("a"), Encoded::text("b")], 2 * len));
        assert_eq!(taken(0), (vec![Encoded::text("c")], len), "one always");
        assert_eq!(taken(100), (vec![], 2));
        assert_eq!((outbox.bytes(), outbox.is_empty()), (0, true));
    }

    #[test]
    fn the_bound_counts_what_waits_and_lets_one_message_through() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(Encoded::text("a long one"), 4), Ok(()));
        assert_eq!(outbox.push(Encoded::text("x"), 4), Err(Full));
        outbox.advance(outbox.bytes());
        assert_eq!(outbox.push(Encoded::text("x"), 4), Ok(()));
    }

    #[test]
    fn the_bound_counts_what_small_messages_cost_beside_their_bytes() {
        let mut outbox = Outbox::default();
        let pong = || Encoded::control(Bytes::from_static(b"\x8a\x00"));
        let fit = (0..).take_while(|_| outbox.push(pong(), 1 << 20).is_ok()).count();
        let expected = (1 << 20) / (MESSAGE_BYTES + 2)..=(1 << 20) / MESSAGE_BYTES;
        assert!(expected.contains(&fit), "{fit}");
    }

    #[test]
    fn what_was_begun_is_not_abandoned() {
        let mut outbox = pushed(&["abc", "def"]);
        outbox.advance(2);
        outbox.abandon();
        assert_eq!(pending(&outbox), b"4abc");
        assert_eq!(outbox.bytes(), 4);
        outbox.advance(4);
        outbox.push(Encoded::text("x"), 100).unwrap();
        outbox.abandon();
        assert!(outbox.is_empty());
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn what_never_waited_is_counted_and_what_was_begun_is_finished() {
        let mut outbox = Outbox::default();
        outbox.pass(6);
        assert_eq!((outbox.bytes(), outbox.sent()), (0, 6));
        outbox.push_begun(Encoded::text("abc"), 4);
        assert_eq!((outbox.bytes(), outbox.sent()), (2, 10));
        outbox.abandon();
        assert_eq!(pending(&outbox), b"bc");
    }

    #[test]
    fn a_burst_s_memory_is_given_back() {
        let mut outbox = pushed(&["x"; 1000]);
        outbox.advance(outbox.bytes());
        assert!(outbox.queue.capacity() <= CAPACITY_KEPT);
    }

    #[test]
    fn what_others_wait_for_too_costs_each_of_them_a_part() {
        let shared = Encoded::text(&"x".repeat(10_000));
        let mut outboxes: Vec<_> = (0..10).map(|_| pushed(&["a"])).collect();
        for outbox in &mut outboxes {
            outbox.push(shared.clone(), usize::MAX).unwrap();
        }
        drop(shared);
        assert!((1_000..1_500).contains(&outboxes[0].cost()));
        outboxes.truncate(1);
        assert!(outboxes[0].cost() > 10_000);
    }
}
