//! A whole server without a socket, a task or a clock: sessions, outlets, clients, the hub and its lanes, as they work
//! together, over a network that does what networks do.
//!
//! What the engine and the lanes' tasks do with these parts is done here in a few lines each, and in whatever order the
//! dice say: a session takes a turn only when something woke it, a poll arrives before or after the post that was sent
//! with it, a socket takes half of a frame, a client upgrades while events are on their way, stops reading, goes away.

mod client;
mod link;
mod network;
mod server;

use std::time::{Duration, Instant};

use engineio_proto::CloseReason;

use self::client::Client;
use self::server::Server;

/// Each receiver gets each sender's events in their order, at most once, and all of them unless its session was closed,
/// with a reason; the same holds for what the server gets of each sender.
pub fn run(seed: u64) -> Summary {
    let mut dice = Dice::new(seed);
    let mut world = World::new(&mut dice);
    for _ in 0..STEPS {
        world.step(&mut dice);
    }
    world.come_to_rest(&mut dice);
    world.check()
}

/// What happened, so that a test can see that enough does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Events that came to a receiver.
    pub delivered: usize,
    /// Clients that changed over to a WebSocket.
    pub upgraded: usize,
    /// Clients that polled to the end, and were still there.
    pub polling: usize,
    /// Sessions that were closed because their client did not read.
    pub slow: usize,
    /// Sessions that ended otherwise.
    pub ended: usize,
}

struct World {
    now: Instant,
    server: Server,
    clients: Vec<Client>,
}

impl World {
    fn new(dice: &mut Dice) -> Self {
        let now = Instant::now();
        let mut server = Server::new(dice);
        let clients = (0..2 + dice.below(5)).map(|number| Client::open(number as usize, &mut server, dice, now));
        let clients = clients.collect();
        Self { now, server, clients }
    }

    fn step(&mut self, dice: &mut Dice) {
        self.now += Duration::from_millis(dice.below(4));
        let number = dice.below(self.clients.len() as u64) as usize;
        let client = &mut self.clients[number];
        match dice.below(100) {
            0..=9 => client.say(dice),
            10..=36 => client.send(dice),
            37..=66 => client.receive(dice),
            67 if dice.once_in(8) => client.begin_upgrade(dice),
            68 if dice.once_in(4) => client.pause_or_resume(),
            69 if dice.once_in(60) => client.go_away(),
            67..=84 => self.server.turn_of_a_session(dice, self.now),
            _ => self.server.turn_of_a_lane(dice, self.now),
        }
    }

    /// Nothing goes wrong any more, and nobody says anything new: what is on its way arrives.
    fn come_to_rest(&mut self, dice: &mut Dice) {
        for _ in 0..ROUNDS_MAX {
            self.now += Duration::from_millis(1);
            for client in &mut self.clients {
                client.resume();
                client.send(dice);
                client.receive(dice);
            }
            self.server.turn_of_all(dice, self.now);
            if self.server.is_at_rest() && self.clients.iter().all(Client::is_at_rest) {
                return;
            }
        }
        let clients: Vec<&Client> = self.clients.iter().filter(|client| !client.is_at_rest()).collect();
        panic!("something never arrives: {clients:?}, {:?}", self.server);
    }

    fn check(&self) -> Summary {
        let mut summary = Summary::default();
        for (number, client) in self.clients.iter().enumerate() {
            let reason = self.server.close_reason(number);
            match reason {
                Some(CloseReason::SlowConsumer) => summary.slow += 1,
                Some(_) => summary.ended += 1,
                None if client.is_upgraded() => summary.upgraded += 1,
                None if client.is_polling() => summary.polling += 1,
                None => {}
            }
            let heard = self.server.heard_of(number);
            let said: Vec<usize> = (0..client.said()).collect();
            assert_is_start(&heard, &said, reason, || format!("what client {number} said"));
            for sender in 0..self.clients.len() {
                let (received, sent) = (client.received_of(sender), self.server.sent_to(number, sender));
                summary.delivered += received.len();
                assert_is_start(&received, &sent, reason, || format!("what client {number} got of {sender}"));
            }
        }
        summary
    }
}

/// What came is what was sent, in its order, once; and all of it where nothing was closed.
fn assert_is_start(came: &[usize], sent: &[usize], reason: Option<CloseReason>, what: impl Fn() -> String) {
    assert!(sent.starts_with(came), "{}: {came:?} of {sent:?}", what());
    assert!(reason.is_some() || came == sent, "{}, which is open: {came:?} of {sent:?}", what());
}

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

const STEPS: usize = 3_000;
const ROUNDS_MAX: usize = 20_000;
