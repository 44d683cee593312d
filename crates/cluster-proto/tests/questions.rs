//! Questions to the fleet, and broadcasts of others, in virtual time.

use std::time::{Duration, Instant};

use fanfare_cluster_proto::question::{
    Answer, Awaits, Ended, Missing, Question, Questions, QuestionsConfig, Step, TooMany, Verdict,
};

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn ends_with_the_last_answer() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(4), run.now);
    for node in 0..3 {
        assert!(run.questions.poll_output().is_none());
        assert_eq!(run.answer(question, node), Verdict::Taken);
    }
    assert_eq!(run.ended(question), Ended { answers: vec![0, 1, 2], nodes: 3, missing: Missing::Known(0) });
    assert_eq!(run.answer(question, 3), Verdict::Unknown);
    assert_eq!(run.questions.poll_timeout(), None);
}

#[test]
fn answers_may_come_before_the_count() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.answer(question, 0);
    run.answer(question, 1);
    run.questions.handle_count(question, Some(3), run.now);
    assert_eq!(run.ended(question).missing, Missing::Known(0));
}

#[test]
fn alone_there_is_nobody_to_wait_for() {
    for awaits in [Awaits::EveryNode, Awaits::EveryApplication, Awaits::EveryClient, Awaits::FirstClient] {
        let mut run = Run::new();
        let question = run.ask(awaits);
        run.questions.handle_count(question, Some(1), run.now);
        assert_eq!(run.ended(question), Ended { answers: vec![], nodes: 0, missing: Missing::Known(0) });
    }
}

#[test]
fn killed_node_is_waited_for_until_it_is_counted_no_more() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(4), run.now);
    run.answer(question, 0);
    run.answer(question, 1);
    assert!(run.pass(Duration::from_millis(999)).is_empty());
    assert_eq!(run.pass(Duration::from_millis(1)), [Step::Count(question)]);
    run.questions.handle_count(question, Some(3), run.now);
    assert_eq!(run.ended(question), Ended { answers: vec![0, 1], nodes: 2, missing: Missing::Known(0) });
}

#[test]
fn frozen_node_costs_its_own_answer_and_the_time() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(4), run.now);
    run.answer(question, 0);
    run.answer(question, 1);
    let mut steps = Vec::new();
    for _ in 0..5 {
        for step in run.pass(Duration::from_secs(1)) {
            if let Step::Count(question) = step {
                run.questions.handle_count(question, Some(4), run.now);
            }
            steps.push(step);
        }
    }
    assert_eq!(steps.len(), 5, "four counts and the end: {steps:?}");
    let ended = Ended { answers: vec![0, 1], nodes: 2, missing: Missing::Known(1) };
    assert_eq!(steps.pop(), Some(Step::Ended(question, ended)));
}

#[test]
fn who_comes_later_was_not_asked() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(3), run.now);
    run.answer(question, 0);
    run.pass(Duration::from_secs(1));
    run.questions.handle_count(question, Some(9), run.now);
    run.answer(question, 1);
    assert_eq!(run.ended(question).missing, Missing::Known(0));
}

#[test]
fn count_without_a_reply_does_not_hold_the_end() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.answer(question, 0);
    let steps = run.pass(TIMEOUT);
    let ended = Ended { answers: vec![0], nodes: 1, missing: Missing::Unknown };
    assert_eq!(steps, [Step::Ended(question, ended)]);
}

#[test]
fn acknowledgements_are_as_many_as_the_nodes_say() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryClient);
    run.questions.handle_count(question, Some(3), run.now);
    run.clients(question, 2);
    run.answer(question, 10);
    run.answer(question, 11);
    assert!(run.questions.poll_output().is_none(), "a node has not said yet");
    run.clients(question, 1);
    run.answer(question, 12);
    assert_eq!(run.ended(question), Ended { answers: vec![10, 11, 12], nodes: 2, missing: Missing::Known(0) });
}

#[test]
fn client_that_does_not_acknowledge_is_one_that_is_missing() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryClient);
    run.questions.handle_count(question, Some(2), run.now);
    run.clients(question, 3);
    run.answer(question, 10);
    run.answer(question, 11);
    let mut steps = run.pass(TIMEOUT);
    let ended = Ended { answers: vec![10, 11], nodes: 1, missing: Missing::Known(1) };
    assert_eq!(steps.pop(), Some(Step::Ended(question, ended)));
}

#[test]
fn one_socket_is_one_answer() {
    let mut run = Run::new();
    let question = run.ask(Awaits::FirstClient);
    run.questions.handle_count(question, Some(4), run.now);
    run.clients(question, 0);
    run.clients(question, 1);
    run.answer(question, 10);
    assert_eq!(run.ended(question).missing, Missing::Known(0));
    let question = run.ask(Awaits::FirstClient);
    run.questions.handle_count(question, Some(2), run.now);
    run.clients(question, 0);
    assert!(run.ended(question).answers.is_empty(), "nobody has it");
}

#[test]
fn node_that_answers_twice_does_not_stand_for_another() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(3), run.now);
    let mut answer = |from: &str| run.questions.handle_answer(question, Some(from.as_bytes()), Answer::Value(0), 1);
    assert_eq!([answer("a"), answer("a"), answer("b")], [Verdict::Taken, Verdict::Repeated, Verdict::Taken]);
    assert_eq!(run.ended(question).nodes, 2);
}

#[test]
fn answers_are_bounded_and_what_is_left_out_is_missing() {
    let config = QuestionsConfig { answers_max: 3, answers_bytes_max: 100, ..QuestionsConfig::default() };
    let mut run = Run { questions: Questions::new(config), now: Instant::now() };
    run.questions.handle_joined(run.now);
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(4), run.now);
    for (answer, bytes) in [(0, 60), (1, 41), (2, 40)] {
        run.questions.handle_answer(question, None, Answer::Value(answer), bytes);
    }
    assert_eq!(run.ended(question), Ended { answers: vec![0, 2], nodes: 3, missing: Missing::Known(1) });
    let question = run.ask(Awaits::EveryNode);
    run.questions.handle_count(question, Some(6), run.now);
    for node in 0..5 {
        run.answer(question, node);
    }
    assert_eq!(run.ended(question), Ended { answers: vec![0, 1, 2], nodes: 5, missing: Missing::Known(2) });
}

#[test]
fn hostile_counts_do_not_overflow() {
    let mut run = Run::new();
    let question = run.ask(Awaits::EveryClient);
    run.questions.handle_count(question, Some(u64::MAX), run.now);
    run.clients(question, u64::MAX);
    run.clients(question, u64::MAX);
    let mut steps = run.pass(TIMEOUT);
    assert!(matches!(steps.pop(), Some(Step::Ended(_, Ended { missing: Missing::Known(u64::MAX), .. }))));
}

#[test]
fn questions_under_way_are_bounded() {
    let config = QuestionsConfig { questions_max: 2, ..QuestionsConfig::default() };
    let mut run = Run { questions: Questions::new(config), now: Instant::now() };
    run.questions.handle_joined(run.now);
    let first = run.ask(Awaits::EveryNode);
    run.ask(Awaits::EveryNode);
    assert_eq!(run.questions.ask(Awaits::EveryNode, TIMEOUT, run.now), Err(TooMany));
    run.questions.forget(first);
    assert!(run.questions.ask(Awaits::EveryNode, TIMEOUT, run.now).is_ok());
}

#[test]
fn without_redis_there_is_an_answer_at_once() {
    let mut run = Run::new();
    let nodes = run.ask(Awaits::EveryNode);
    let clients = run.ask(Awaits::EveryClient);
    run.questions.handle_count(nodes, Some(3), run.now);
    run.questions.handle_count(clients, Some(2), run.now);
    run.answer(nodes, 0);
    run.clients(clients, 1);
    run.questions.handle_lost();
    assert_eq!(run.ended(nodes), Ended { answers: vec![0], nodes: 1, missing: Missing::Known(1) });
    let later = run.questions.ask(Awaits::EveryNode, TIMEOUT, run.now).unwrap();
    assert_eq!(run.ended(later).missing, Missing::Unknown);
    assert!(run.pass(Duration::from_secs(2)).is_empty(), "people may still answer");
    run.questions.handle_joined(run.now);
    assert_eq!(run.pass(Duration::ZERO), [Step::Count(clients)]);
    run.questions.handle_count(clients, Some(2), run.now);
    run.answer(clients, 7);
    assert_eq!(run.ended(clients).answers, [7]);
}

/// Whatever comes in whatever order, each question ends once, in time, with no more than came.
#[test]
fn every_question_ends_once_in_time() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let mut run = Run::new();
        let mut open: Vec<(Question, Instant)> = Vec::new();
        for _ in 0..dice.below(80) {
            let some = (!open.is_empty()).then(|| open[dice.below(open.len() as u64) as usize].0);
            match (dice.below(8), some) {
                (0 | 1, _) => {
                    let kinds = [Awaits::EveryNode, Awaits::EveryApplication, Awaits::EveryClient, Awaits::FirstClient];
                    let timeout = Duration::from_millis(dice.below(6_000));
                    let kind = kinds[dice.below(4) as usize];
                    let question = run.questions.ask(kind, timeout, run.now).unwrap();
                    open.push((question, run.now + timeout));
                }
                (2, Some(question)) => {
                    let count = [None, Some(0), Some(1), Some(3)][dice.below(4) as usize];
                    run.questions.handle_count(question, count, run.now);
                }
                (3, Some(question)) => {
                    run.answer(question, 1);
                }
                (4, Some(question)) => run.clients(question, dice.below(3)),
                (5, _) => run.questions.handle_lost(),
                (6, _) => run.questions.handle_joined(run.now),
                _ => run.advance(Duration::from_millis(dice.below(1_500))),
            }
            run.end_some(&mut open);
            assert!(
                open.iter().all(|(_, deadline)| *deadline > run.now || run.questions.poll_timeout() <= Some(run.now))
            );
        }
        run.advance(Duration::from_secs(7));
        run.end_some(&mut open);
        assert!(open.is_empty() && run.questions.is_empty(), "seed {seed}");
        assert_eq!(run.questions.poll_timeout(), None);
    }
}

struct Run {
    questions: Questions<u32>,
    now: Instant,
}

impl Run {
    fn new() -> Self {
        let mut run = Self { questions: Questions::new(QuestionsConfig::default()), now: Instant::now() };
        run.questions.handle_joined(run.now);
        run
    }

    fn ask(&mut self, awaits: Awaits) -> Question {
        let question = self.questions.ask(awaits, TIMEOUT, self.now).expect("there is room");
        assert_eq!(self.questions.poll_output(), Some(Step::Count(question)));
        question
    }

    fn answer(&mut self, question: Question, value: u32) -> Verdict {
        self.questions.handle_answer(question, None, Answer::Value(value), 4)
    }

    fn clients(&mut self, question: Question, count: u64) {
        self.questions.handle_answer(question, None, Answer::Clients(count), 0);
    }

    fn ended(&mut self, question: Question) -> Ended<u32> {
        match self.questions.poll_output() {
            Some(Step::Ended(of, ended)) if of == question => ended,
            step => panic!("{step:?} is not the end of {question:?}"),
        }
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.questions.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.questions.handle_timeout(self.now);
            assert!(self.questions.poll_timeout().is_none_or(|next| next > self.now), "a timeout moves it on");
        }
        self.now = end;
    }

    fn pass(&mut self, time: Duration) -> Vec<Step<u32>> {
        self.advance(time);
        std::iter::from_fn(|| self.questions.poll_output()).collect()
    }

    fn end_some(&mut self, open: &mut Vec<(Question, Instant)>) {
        while let Some(step) = self.questions.poll_output() {
            if let Step::Ended(question, _) = step {
                let before = open.len();
                open.retain(|(other, _)| *other != question);
                assert_eq!(open.len() + 1, before, "it ends once");
            }
        }
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % bound
    }
}
