//! One question, from when it is asked until it is answered.

use std::collections::HashSet;
use std::time::Instant;

use super::config::QuestionsConfig;

/// Whose answers a question waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// One of each node, at once: `fetchSockets`, `allRooms`, counts.
    EveryNode,
    /// One of each node's application, whenever it likes: `serverSideEmit`.
    EveryApplication,
    /// One of each client: each node says how many clients it asked (type 8, sharded 11), and then what each of them
    /// answered (type 9, sharded 12).
    EveryClient,
    /// That of the first client which answers: `emitWithAck` of one socket.
    FirstClient,
}

/// What comes from another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<A> {
    /// A node asked so many of its clients.
    Clients(u64),
    /// An answer; of a node, or of a client.
    Value(A),
}

/// What is missing in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// So many answers; none: it is all there.
    Known(u64),
    /// It could not be found out how many there were to be.
    Unknown,
}

/// What came of a question. Always what there is, marked where it is not all: one dead node fails nobody.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended<A> {
    /// What came, in the order it came.
    pub answers: Vec<A>,
    /// How many nodes answered.
    pub nodes: u64,
    /// What did not come, or was too much to be kept.
    pub missing: Missing,
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Asked<A> {
    pub(super) awaits: Awaits,
    pub(super) deadline: Instant,
    /// When the nodes are counted again; `None` while a count has no reply.
    pub(super) recount: Option<Instant>,
    /// How many nodes are to answer, once they are counted. Never more than at first: who comes later was not asked.
    nodes_expected: Option<u64>,
    nodes: u64,
    /// Who answered, where answers say so.
    known: HashSet<Box<[u8]>>,
    clients_expected: u64,
    clients: u64,
    answers: Vec<A>,
    pub(super) bytes: usize,
    /// Answers that came and were not kept.
    dropped: u64,
}

impl<A> Asked<A> {
    pub(super) fn new(awaits: Awaits, deadline: Instant) -> Self {
        Self {
            awaits,
            deadline,
            recount: None,
            nodes_expected: None,
            nodes: 0,
            known: HashSet::new(),
            clients_expected: 0,
            clients: 0,
            answers: Vec::new(),
            bytes: 0,
            dropped: 0,
        }
    }

    /// When something is due.
    pub(super) fn due(&self) -> Instant {
        self.recount.map_or(self.deadline, |recount| recount.min(self.deadline))
    }

    /// So many nodes listen, this one among them.
    pub(super) fn counted(&mut self, listeners: u64) {
        let others = listeners.saturating_sub(1);
        self.nodes_expected = Some(self.nodes_expected.map_or(others, |before| before.min(others)));
    }

    /// Takes an answer. `false`: this node has answered already.
    pub(super) fn answered(
        &mut self,
        from: Option<&[u8]>,
        answer: Answer<A>,
        bytes: usize,
        room: usize,
        config: &QuestionsConfig,
    ) -> bool {
        let is_nodes = self.is_nodes(&answer);
        if is_nodes {
            if from.is_some_and(|from| self.known.contains(from)) {
                return false;
            }
            let is_kept = |from: &&[u8]| from.len() <= NAME_LEN_MAX && self.known.len() < config.answers_max;
            self.known.extend(from.filter(is_kept).map(Box::from));
            self.nodes = self.nodes.saturating_add(1);
        }
        match answer {
            Answer::Clients(count) => self.clients_expected = self.clients_expected.saturating_add(count),
            Answer::Value(value) => {
                self.clients = self.clients.saturating_add(u64::from(!is_nodes));
                let is_full = self.answers.len() >= config.answers_max
                    || self.bytes.saturating_add(bytes) > config.answers_bytes_max
                    || bytes > room;
                if is_full {
                    self.dropped += 1;
                } else {
                    self.bytes += bytes;
                    self.answers.push(value);
                }
            }
        }
        true
    }

    /// Whether there is nothing more to wait for.
    pub(super) fn is_answered(&self) -> bool {
        let are_nodes_done = self.nodes_expected.is_some_and(|expected| self.nodes >= expected);
        match self.awaits {
            Awaits::EveryNode | Awaits::EveryApplication => are_nodes_done,
            Awaits::EveryClient => are_nodes_done && self.clients >= self.clients_expected,
            Awaits::FirstClient => self.clients > 0 || (are_nodes_done && self.clients_expected == 0),
        }
    }

    pub(super) fn end(self) -> Ended<A> {
        let missing = match (self.awaits, self.nodes_expected) {
            (Awaits::FirstClient, _) if self.clients > 0 => Missing::Known(self.dropped),
            (_, None) => Missing::Unknown,
            // A node that did not say how many clients it asked is one answer at least.
            (_, Some(expected)) => {
                let clients = self.clients_expected.saturating_sub(self.clients);
                let nodes = expected.saturating_sub(self.nodes);
                Missing::Known(nodes.saturating_add(clients).saturating_add(self.dropped))
            }
        };
        Ended { answers: self.answers, nodes: self.nodes, missing }
    }

    /// Whether an answer is the one that its node owes.
    fn is_nodes(&self, answer: &Answer<A>) -> bool {
        match self.awaits {
            Awaits::EveryNode | Awaits::EveryApplication => matches!(answer, Answer::Value(_)),
            Awaits::EveryClient | Awaits::FirstClient => matches!(answer, Answer::Clients(_)),
        }
    }
}

/// A node with a longer name is taken at its word each time.
const NAME_LEN_MAX: usize = 128;
