//! What was sent, what arrived, and whether it arrived once and in order.

use std::collections::VecDeque;

use crate::histogram::Histogram;
use crate::wire::event::Stamp;

/// The account of a run: every event of every sender has to reach every recipient.
#[derive(Debug)]
pub(crate) struct Tally {
    recipients: Vec<bool>,
    /// Whether an event goes to everybody but its sender, which is the client of the same number.
    is_sender_left_out: bool,
    senders: Vec<Sender>,
    /// What each recipient has of each sender: a row of senders for each recipient.
    seen: Vec<Seen>,
    /// Events that have not reached everybody.
    pub(crate) in_flight: usize,
    newest: (u32, u32),
    /// Whether somebody has the event that was sent last.
    pub(crate) has_newest_arrived: bool,
    pub(crate) counts: Counts,
    pub(crate) latencies: Histogram,
    apart: Option<Apart>,
    /// Instead of among the other latencies.
    pub(crate) latencies_apart: Histogram,
    /// Of the delivered.
    pub(crate) delivered_apart: u64,
}

/// Which deliveries are counted by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    /// To the clients from this one on.
    From(usize),
    /// Of this sender.
    Of(u32),
}

impl Apart {
    fn has(self, recipient: usize, stamp: Stamp) -> bool {
        match self {
            Self::From(first) => recipient >= first,
            Self::Of(sender) => stamp.sender == sender,
        }
    }
}

/// The figures without which no other counts.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    /// Of the delivered: came before one that was sent earlier by the same sender.
    pub(crate) reordered: u64,
    /// Came twice, or was nothing that was sent.
    pub(crate) wrong: u64,
    pub(crate) closed: u64,
}

/// The events of one sender that one recipient has.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// All before this one.
    next: u32,
    /// Bit `n`: number `next + n` too. The lowest is never set.
    ahead: u64,
}

/// How an event stands to those before it.
enum Turn {
    InOrder,
    Early,
    /// Seen already, or too far ahead to tell.
    Wrong,
}

impl Seen {
    fn take(&mut self, sequence: u32) -> Turn {
        let Some(distance) = sequence.checked_sub(self.next) else { return Turn::Wrong };
        let Some(bit) = 1_u64.checked_shl(distance).filter(|bit| self.ahead & bit == 0) else { return Turn::Wrong };
        self.ahead |= bit;
        if distance > 0 {
            return Turn::Early;
        }
        // 64 in a row would shift everything out.
        let run = self.ahead.trailing_ones();
        self.ahead = self.ahead.checked_shr(run).unwrap_or(0);
        self.next += run;
        Turn::InOrder
    }
}

#[derive(Debug, Default)]
struct Sender {
    /// How many recipients each event still has to reach, from event number `first` on.
    left: VecDeque<u32>,
    first: u32,
}

impl Tally {
    pub(crate) fn new(clients: usize, senders: usize) -> Self {
        Self {
            recipients: vec![true; clients],
            is_sender_left_out: false,
            senders: (0..senders).map(|_| Sender::default()).collect(),
            seen: vec![Seen::default(); clients * senders],
            in_flight: 0,
            newest: (0, 0),
            has_newest_arrived: true,
            counts: Counts::default(),
            latencies: Histogram::default(),
            apart: None,
            latencies_apart: Histogram::default(),
            delivered_apart: 0,
        }
    }

    /// From now on these deliveries are counted by themselves.
    pub(crate) fn count_apart(&mut self, apart: Apart) {
        self.apart = Some(apart);
    }

    /// From now on this client does not count as a recipient. Nothing may be in flight.
    pub(crate) fn leave_out(&mut self, client: usize) {
        if let Some(is_recipient) = self.recipients.get_mut(client) {
            *is_recipient = false;
        }
    }

    /// From now on an event is not for its sender. Nothing may be in flight.
    pub(crate) fn leave_senders_out(&mut self) {
        self.is_sender_left_out = true;
    }

    /// Begins a new account with what is sent from now on. Nothing may be in flight.
    pub(crate) fn restart(&mut self) {
        self.counts = Counts { closed: self.counts.closed, wrong: self.counts.wrong, ..Counts::default() };
        self.latencies.clear();
        self.latencies_apart.clear();
        self.delivered_apart = 0;
    }

    /// Deliveries that are due and have not come.
    pub(crate) fn missing(&self) -> u64 {
        self.senders.iter().flat_map(|sender| &sender.left).map(|left| u64::from(*left)).sum()
    }

    /// The stamp of the sender's next event, which is then in flight.
    pub(crate) fn send(&mut self, sender: usize, at_us: u64) -> Stamp {
        let is_left_out = |client: usize| self.is_sender_left_out && client == sender;
        let recipients = self.recipients.iter().enumerate().filter(|(client, is)| **is && !is_left_out(*client));
        let recipients = recipients.count() as u32;
        let mut sequence = 0;
        if let Some(sender) = self.senders.get_mut(sender) {
            sequence = sender.first + sender.left.len() as u32;
            sender.left.push_back(recipients);
        }
        self.in_flight += 1;
        self.newest = (sender as u32, sequence);
        self.has_newest_arrived = false;
        self.counts.sent += 1;
        Stamp { sender: sender as u32, sequence, at_us }
    }

    /// An event came, `now_us` after the load began.
    pub(crate) fn receive(&mut self, recipient: usize, message: &[u8], now_us: u64) {
        let Some((stamp, turn)) = Stamp::read(message).and_then(|stamp| Some((stamp, self.turn(recipient, stamp)?)))
        else {
            self.counts.wrong += 1;
            return;
        };
        match turn {
            Turn::Wrong => {
                self.counts.wrong += 1;
                return;
            }
            Turn::Early => self.counts.reordered += 1,
            Turn::InOrder => {}
        }
        self.counts.delivered += 1;
        self.has_newest_arrived |= self.newest == (stamp.sender, stamp.sequence);
        let latency_us = now_us.saturating_sub(stamp.at_us);
        if self.apart.is_some_and(|apart| apart.has(recipient, stamp)) {
            self.latencies_apart.record(latency_us);
            self.delivered_apart += 1;
        } else {
            self.latencies.record(latency_us);
        }
        if let Some(sender) = self.senders.get_mut(stamp.sender as usize) {
            self.in_flight -= sender.deliver(stamp.sequence);
        }
    }

    /// `None` for an event that was never sent to this one.
    fn turn(&mut self, recipient: usize, stamp: Stamp) -> Option<Turn> {
        let number = stamp.sender as usize;
        if self.is_sender_left_out && number == recipient {
            return None;
        }
        let sender = self.senders.get(number)?;
        if stamp.sequence as usize >= sender.first as usize + sender.left.len() {
            return None;
        }
        Some(self.seen.get_mut(recipient * self.senders.len() + number)?.take(stamp.sequence))
    }
}

impl Sender {
    /// One recipient more has this event; how many events everybody has by that.
    fn deliver(&mut self, sequence: u32) -> usize {
        let index = sequence.checked_sub(self.first).map(|index| index as usize);
        if let Some(left) = index.and_then(|index| self.left.get_mut(index)) {
            *left = left.saturating_sub(1);
        }
        let mut completed = 0;
        while self.left.front() == Some(&0) {
            self.left.pop_front();
            self.first += 1;
            completed += 1;
        }
        completed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::event::Name;

    fn receive(tally: &mut Tally, recipient: usize, stamp: Stamp) {
        tally.receive(recipient, &stamp.message(Name::Update, &[b'x'; 64]), stamp.at_us + 5);
    }

    #[test]
    fn an_event_is_in_flight_until_everybody_has_it() {
        let mut tally = Tally::new(3, 1);
        let stamp = tally.send(0, 10);
        for recipient in 0..3 {
            assert_eq!(tally.in_flight, 1);
            receive(&mut tally, recipient, stamp);
        }
        assert_eq!((tally.in_flight, tally.missing()), (0, 0));
        assert_eq!((tally.counts.delivered, tally.counts.wrong), (3, 0));
    }

    #[test]
    fn a_second_copy_and_what_was_never_sent_are_wrong() {
        let mut tally = Tally::new(2, 2);
        let stamp = tally.send(1, 0);
        receive(&mut tally, 0, stamp);
        receive(&mut tally, 0, stamp);
        receive(&mut tally, 0, Stamp { sequence: 1, ..stamp });
        receive(&mut tally, 0, Stamp { sender: 2, ..stamp });
        tally.receive(0, br#"42["update","?"]"#, 0);
        assert_eq!((tally.counts.delivered, tally.counts.wrong, tally.missing()), (1, 4, 1));
    }

    #[test]
    fn a_swap_is_delivered_and_counted_as_one() {
        let mut tally = Tally::new(1, 1);
        let stamps: Vec<Stamp> = (0..100).map(|_| tally.send(0, 0)).collect();
        for (at, stamp) in [(0, 1), (1, 0), (2, 1), (3, 3), (4, 4), (5, 2)] {
            receive(&mut tally, 0, stamps[stamp]);
            assert_eq!(tally.counts.wrong, u64::from(at >= 2), "after {at}");
        }
        assert_eq!((tally.counts.delivered, tally.counts.reordered, tally.in_flight), (5, 3, 95));
        for stamp in &stamps[5..] {
            receive(&mut tally, 0, *stamp);
        }
        assert_eq!((tally.counts.wrong, tally.counts.reordered, tally.in_flight), (1, 3, 0));
    }

    #[test]
    fn who_is_left_out_is_not_waited_for() {
        let mut tally = Tally::new(2, 1);
        tally.leave_out(1);
        let stamp = tally.send(0, 0);
        receive(&mut tally, 0, stamp);
        assert_eq!((tally.in_flight, tally.missing()), (0, 0));
    }

    #[test]
    fn a_sender_that_is_left_out_is_not_waited_for_and_its_own_copy_is_wrong() {
        let mut tally = Tally::new(3, 2);
        tally.leave_senders_out();
        let stamp = tally.send(1, 0);
        receive(&mut tally, 0, stamp);
        receive(&mut tally, 1, stamp);
        assert_eq!((tally.in_flight, tally.counts.wrong), (1, 1));
        receive(&mut tally, 2, stamp);
        assert_eq!((tally.in_flight, tally.counts.delivered), (0, 2));
    }

    #[test]
    fn what_is_counted_apart_is_not_among_the_other_latencies() {
        for (apart, expected) in [(Apart::From(1), 4), (Apart::Of(1), 3)] {
            let mut tally = Tally::new(3, 2);
            tally.count_apart(apart);
            for (recipient, sender) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
                let stamp =
                    if recipient == 0 { tally.send(sender, 0) } else { Stamp { sender: sender as u32, ..FIRST } };
                let late_us = if apart.has(recipient, stamp) { 100 } else { 7 };
                tally.receive(recipient, &stamp.message(Name::Update, &[]), late_us);
            }
            assert_eq!((tally.counts.delivered, tally.delivered_apart), (6, expected));
            assert_eq!((tally.latencies.quantile_ms(1.0), tally.latencies_apart.quantile_ms(0.0)), (0.007, 0.1));
            tally.restart();
            assert_eq!((tally.delivered_apart, tally.latencies_apart.quantile_ms(1.0)), (0, 0.0));
        }
    }

    const FIRST: Stamp = Stamp { sender: 0, sequence: 0, at_us: 0 };

    #[test]
    fn the_newest_has_arrived_once_anybody_has_it() {
        let mut tally = Tally::new(2, 1);
        assert!(tally.has_newest_arrived);
        let (older, newest) = (tally.send(0, 0), tally.send(0, 0));
        receive(&mut tally, 0, older);
        assert!(!tally.has_newest_arrived);
        receive(&mut tally, 0, newest);
        assert!(tally.has_newest_arrived);
        receive(&mut tally, 1, older);
        tally.send(0, 0);
        receive(&mut tally, 1, newest);
        assert!(!tally.has_newest_arrived, "an older one came");
    }
}
