//! Our questions to the fleet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use cluster_proto::connection::Subscription;
use cluster_proto::question::{self, Ended, Missing, Question, QuestionsConfig, Step, Verdict};
use cluster_proto::wire::{Answer, Response};
use socketio::{Nodes, Published};
use tokio::sync::oneshot;

use crate::node::{Ask, Kind, Place, Reply, Shared};

/// The machine's questions, with who asked.
pub(super) struct Questions {
    machine: question::Questions<Answer>,
    asked: HashMap<Question, Asked>,
    by_id: HashMap<String, Question>,
    by_number: HashMap<u64, Question>,
    ended: Vec<(Question, Ended<Answer>)>,
}

struct Asked {
    number: u64,
    id: String,
    place: Arc<Place>,
    kind: Kind,
    reply: oneshot::Sender<Reply>,
    reached: u64,
    /// How many others were to answer, as last counted.
    others: Option<u64>,
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            machine: question::Questions::new(QuestionsConfig::default()),
            asked: HashMap::new(),
            by_id: HashMap::new(),
            by_number: HashMap::new(),
            ended: Vec::new(),
        }
    }
}

impl Questions {
    pub(super) fn ask(&mut self, shared: &Shared, ask: Ask, now: Instant) {
        let Ask { number, place, id, request, kind, timeout, reply } = ask;
        let before = self.machine.len();
        let Ok(question) = self.machine.ask(kind.awaits(), timeout, now) else {
            // Too many are under way: nobody was asked, and somebody is missing.
            let _ = reply.send(Reply { nodes: Nodes::new(0, 1), ..Reply::default() });
            return;
        };
        // Without a link it is over at once, and nobody is asked later what nobody wants to know any more. What is not only asked
        // but told goes its way like any event.
        let is_under_way = self.machine.len() > before;
        let is_lost = (is_under_way || kind != Kind::Nodes) && shared.publish(request) == Published::Lost;
        self.by_id.insert(id.clone(), question);
        self.by_number.insert(number, question);
        self.asked.insert(question, Asked { number, id, place, kind, reply, reached: 0, others: None });
        if is_lost {
            self.machine.forget(question);
            self.ended.push((question, Ended { answers: Vec::new(), nodes: 0, missing: Missing::Unknown }));
        }
    }

    pub(super) fn forget(&mut self, number: u64) {
        if let Some(question) = self.by_number.get(&number).copied() {
            self.machine.forget(question);
            self.remove(question);
        }
    }

    pub(super) fn handle_count(&mut self, question: Question, listeners: Option<u64>, now: Instant) {
        if let Some((asked, listeners)) = self.asked.get_mut(&question).zip(listeners) {
            let others = listeners.saturating_sub(1);
            asked.others = Some(asked.others.map_or(others, |before| before.min(others)));
        }
        self.machine.handle_count(question, listeners, now);
    }

    pub(super) fn handle_answer(&mut self, from: Option<String>, response: Response, bytes: usize) {
        let Response { request_id, answer } = response;
        let Some(question) = self.by_id.get(&request_id).copied() else { return };
        let is_of_clients = self.asked.get(&question).is_some_and(|asked| asked.kind == Kind::Clients);
        let (answer, reached) = match answer {
            Answer::Clients(clients) if is_of_clients => (question::Answer::Clients(clients), clients),
            other => (question::Answer::Value(other), 0),
        };
        let verdict = self.machine.handle_answer(question, from.as_deref().map(str::as_bytes), answer, bytes);
        if let Some(asked) = self.asked.get_mut(&question).filter(|_| verdict == Verdict::Taken) {
            asked.reached = asked.reached.saturating_add(reached);
        }
    }

    pub(super) fn handle_joined(&mut self, now: Instant) {
        self.machine.handle_joined(now);
    }

    pub(super) fn handle_lost(&mut self) {
        self.machine.handle_lost();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }

    /// The next question whose listeners are to be counted, and where.
    pub(super) fn poll_count(&mut self) -> Option<(Question, Subscription)> {
        while let Some(step) = self.machine.poll_output() {
            match step {
                Step::Ended(question, ended) => self.ended.push((question, ended)),
                Step::Count(question) => {
                    if let Some(asked) = self.asked.get(&question) {
                        return Some((question, asked.place.counted()));
                    }
                }
            }
        }
        None
    }

    /// Tells those who asked what came of it. `known`: how many others are known of, where they could not be counted.
    pub(super) fn reply(&mut self, known: impl Fn() -> usize) {
        for (question, ended) in std::mem::take(&mut self.ended) {
            let Some(asked) = self.remove(question) else { continue };
            let Asked { reply, reached, others, .. } = asked;
            let Ended { answers, nodes, .. } = ended;
            let missing = match others {
                Some(others) => usize::try_from(others.saturating_sub(nodes)).unwrap_or(usize::MAX),
                None => known().max(1),
            };
            let nodes = Nodes::new(usize::try_from(nodes).unwrap_or(usize::MAX), missing);
            // Who does not wait any more has said so, or is about to.
            let _ = reply.send(Reply { answers, reached, nodes });
        }
    }

    /// All are over.
    pub(super) fn end(&mut self) {
        for (_, asked) in self.asked.drain() {
            let _ = asked.reply.send(Reply { nodes: Nodes::new(0, 1), ..Reply::default() });
        }
    }

    fn remove(&mut self, question: Question) -> Option<Asked> {
        let asked = self.asked.remove(&question)?;
        self.by_id.remove(&asked.id);
        self.by_number.remove(&asked.number);
        Some(asked)
    }
}
