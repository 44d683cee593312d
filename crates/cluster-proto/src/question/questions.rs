//! All questions of this node that are under way.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::asked::{Answer, Asked, Awaits, Ended, Missing};
use super::config::QuestionsConfig;

/// A question, as this table knows it. What stands on the wire is the driver's request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question(u64);

/// There are too many under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is one that was waited for.
    Taken,
    /// Nobody waits for it: it is late, or to another node. On a shared channel that is nothing to talk about.
    Unknown,
    /// Its node answered already.
    Repeated,
}

/// What a driver is to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<A> {
    /// Ask how many listen to the request channel, then [`handle_count`](Questions::handle_count).
    Count(Question),
    /// It is over: tell the caller. The question is forgotten.
    Ended(Question, Ended<A>),
}

/// The questions of this node, each until its answers are there, or time is up.
///
/// A driver publishes the request, calls [`ask`](Questions::ask), and feeds in what comes. It says so too where the link is
/// down: then a question ends at once, with what this node knows by itself.
#[derive(Debug)]
pub struct Questions<A> {
    config: QuestionsConfig,
    asked: HashMap<Question, Asked<A>>,
    /// By when something is due.
    due: BTreeSet<(Instant, Question)>,
    steps: VecDeque<Step<A>>,
    bytes: usize,
    number: u64,
    is_joined: bool,
}

impl<A> Questions<A> {
    /// None yet, on a link that is not joined.
    pub fn new(mut config: QuestionsConfig) -> Self {
        config.recount_interval = config.recount_interval.clamp(Duration::from_millis(1), TIME_MAX);
        Self {
            config,
            asked: HashMap::new(),
            due: BTreeSet::new(),
            steps: VecDeque::new(),
            bytes: 0,
            number: 0,
            is_joined: false,
        }
    }

    /// The link is joined: requests reach the others, and answers this node.
    pub fn handle_joined(&mut self, now: Instant) {
        self.is_joined = true;
        // A count that was asked before has no reply any more.
        self.change_all(|asked| asked.recount = Some(now));
    }

    /// The link is lost. What others say meanwhile is not heard, so who waits for what is said at once waits no longer; who
    /// waits for people goes on.
    pub fn handle_lost(&mut self) {
        self.is_joined = false;
        self.change_all(|asked| asked.recount = None);
        let is_over =
            |(question, asked): (&Question, &Asked<A>)| (asked.awaits == Awaits::EveryNode).then_some(*question);
        let mut over: Vec<_> = self.asked.iter().filter_map(is_over).collect();
        over.sort_unstable();
        over.into_iter().for_each(|question| self.end(question));
    }

    /// Asks: the request is published, or will be. `timeout`: the caller's own, or the configured one.
    pub fn ask(&mut self, awaits: Awaits, timeout: Duration, now: Instant) -> Result<Question, TooMany> {
        if self.asked.len() >= self.config.questions_max {
            return Err(TooMany);
        }
        self.number += 1;
        let question = Question(self.number);
        if self.is_joined {
            let asked = Asked::new(awaits, now + timeout.min(TIME_MAX));
            self.due.insert((asked.due(), question));
            self.asked.insert(question, asked);
            self.steps.push_back(Step::Count(question));
        } else {
            let ended = Ended { answers: Vec::new(), nodes: 0, missing: Missing::Unknown };
            self.steps.push_back(Step::Ended(question, ended));
        }
        Ok(question)
    }

    /// The caller does not want to know any more.
    pub fn forget(&mut self, question: Question) {
        self.remove(question);
        self.steps.retain(|step| !matches!(step, Step::Count(of) | Step::Ended(of, _) if *of == question));
    }

    /// So many listen to the request channel, this node among them. `None`: the count failed.
    pub fn handle_count(&mut self, question: Question, listeners: Option<u64>, now: Instant) {
        let recount = now + self.config.recount_interval;
        let is_joined = self.is_joined;
        self.change(question, |asked| {
            if let Some(listeners) = listeners {
                asked.counted(listeners);
            }
            asked.recount = is_joined.then_some(recount);
        });
        self.end_if_answered(question);
    }

    /// An answer came, of `bytes`; `from`, where it says by whom.
    pub fn handle_answer(
        &mut self,
        question: Question,
        from: Option<&[u8]>,
        answer: Answer<A>,
        bytes: usize,
    ) -> Verdict {
        let room = self.config.bytes_max.saturating_sub(self.bytes);
        let Some(asked) = self.asked.get_mut(&question) else { return Verdict::Unknown };
        let before = asked.bytes;
        if !asked.answered(from, answer, bytes, room, &self.config) {
            return Verdict::Repeated;
        }
        self.bytes += asked.bytes - before;
        self.end_if_answered(question);
        Verdict::Taken
    }

    /// When [`handle_timeout`](Questions::handle_timeout) is to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Ends what is over, and counts again where answers are missing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, question)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            let is_over = self.asked.get(&question).is_none_or(|asked| asked.deadline <= now);
            if is_over {
                self.end(question);
            } else {
                self.change(question, |asked| asked.recount = None);
                self.steps.push_back(Step::Count(question));
            }
        }
    }

    /// What is to be done next, if anything is.
    pub fn poll_output(&mut self) -> Option<Step<A>> {
        self.steps.pop_front()
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.asked.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    fn end_if_answered(&mut self, question: Question) {
        if self.asked.get(&question).is_some_and(Asked::is_answered) {
            self.end(question);
        }
    }

    fn end(&mut self, question: Question) {
        if let Some(asked) = self.remove(question) {
            self.steps.retain(|step| *step_of(step) != question);
            self.steps.push_back(Step::Ended(question, asked.end()));
        }
    }

    fn remove(&mut self, question: Question) -> Option<Asked<A>> {
        let asked = self.asked.remove(&question)?;
        self.due.remove(&(asked.due(), question));
        self.bytes -= asked.bytes;
        Some(asked)
    }

    /// The one place where times change, so that the timer follows.
    fn change(&mut self, question: Question, how: impl FnOnce(&mut Asked<A>)) {
        let Some(asked) = self.asked.get_mut(&question) else { return };
        self.due.remove(&(asked.due(), question));
        how(asked);
        self.due.insert((asked.due(), question));
    }

    fn change_all(&mut self, how: impl Fn(&mut Asked<A>)) {
        let questions: Vec<_> = self.asked.keys().copied().collect();
        questions.into_iter().for_each(|question| self.change(question, &how));
    }
}

fn step_of<A>(step: &Step<A>) -> &Question {
    match step {
        Step::Count(question) | Step::Ended(question, _) => question,
    }
}

/// An hour: people answer sooner.
const TIME_MAX: Duration = Duration::from_secs(60 * 60);
