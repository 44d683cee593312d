//! What is asked twice is done once: whoever did not hear the answer asks again with the same key, and hears the first one.
//!
//! Only what was done is kept. What was refused did nothing, and may be right the next time.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::sync::watch;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::Api;
use super::key::Key;
use super::problem::Problem;
use super::request::{answer, body};
use crate::auth::sha256;

/// By what a request is known again.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyKey {
    /// Asked again with the same key within five minutes, the answer is the first one, and nothing is sent.
    #[param(rename = "Idempotency-Key", value_type = Option<String>, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<Box<str>>,
}

/// Answers that may be asked for again, by the key of the API that asked: one that asks much is not to make others forgotten.
#[derive(Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<ByKey>>);

type ByKey = HashMap<Box<str>, Kept>;

/// By which key of the API and with what it was asked.
type Id = (Box<str>, Box<str>);

/// Those of one key.
#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Box<str>, Entry>,
    /// Those that were answered, the oldest first.
    order: VecDeque<(Instant, Box<str>)>,
    /// Of the answers together.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    /// Of what was asked.
    hash: [u8; 32],
    state: State,
}

#[derive(Debug)]
enum State {
    /// It is being done. The other end goes when it is over.
    UnderWay(watch::Receiver<()>),
    Done(Bytes),
}

/// What is to be done with a request.
enum Begun {
    /// It is the first.
    First(Turn),
    /// It is being done.
    UnderWay(watch::Receiver<()>),
    Done(Bytes),
}

/// The right to do it. Dropped without an answer, another may.
struct Turn {
    answers: Answers,
    id: Id,
    /// Dropped behind the rest: who waits then finds what became of it.
    _over: watch::Sender<()>,
}

impl Api {
    /// Does what a request asks for; or, if it was done already, gives the answer again.
    pub(crate) async fn once<F>(
        self: Arc<Self>,
        key: Arc<Key>,
        request: Request,
        work: fn(Arc<Self>, Arc<Key>, Bytes) -> F,
    ) -> Result<Response, Problem>
    where
        F: Future<Output = Result<Bytes, Problem>> + Send + 'static,
    {
        let IdempotencyKey { idempotency_key } = IdempotencyKey::read(request.headers())?;
        let path = request.uri().path().to_owned();
        let body = body(request.into_body(), self.terms.get().body_bytes_max()).await?;
        let Some(asked_with) = idempotency_key else {
            return work(self, key, body).await.map(answer);
        };
        let hash = sha256(&[path.as_bytes(), b"\0", &body].concat());
        let id = (key.name().into(), asked_with);
        loop {
            match self.answers.begin(&id, &hash, Instant::now())? {
                Begun::Done(text) => {
                    let mut response = answer(text);
                    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
                    return Ok(response);
                }
                // However it ends, it is looked at anew.
                Begun::UnderWay(mut over) => while over.changed().await.is_ok() {},
                Begun::First(turn) => {
                    // To its end, also if nobody waits for that any more: who asks again wants to know of it.
                    let done = tokio::spawn(async move {
                        let outcome = work(self, key, body).await;
                        if let Ok(text) = &outcome {
                            turn.done(text.clone(), Instant::now());
                        }
                        outcome
                    });
                    return done.await.unwrap_or_else(|_| Err(Problem::internal())).map(answer);
                }
            }
        }
    }
}

impl IdempotencyKey {
    /// The header, if there is one.
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut all = headers.get_all(HEADER).iter();
        let Some(first) = all.next() else { return Ok(Self { idempotency_key: None }) };
        let text = first.to_str().ok().filter(|text| (1..=255).contains(&text.len()) && all.next().is_none());
        let is_right = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let wrong = || Problem::invalid(HEADER, "expected once, 1 to 255 visible ASCII characters");
        let text = text.filter(is_right).ok_or_else(wrong)?;
        Ok(Self { idempotency_key: Some(text.into()) })
    }
}

impl Answers {
    fn begin(&self, id: &Id, hash: &[u8; 32], now: Instant) -> Result<Begun, Problem> {
        let mut all = self.lock();
        // Of keys too that there are no more.
        all.values_mut().for_each(|kept| kept.expire(now));
        all.retain(|_, kept| !kept.entries.is_empty());
        let (key, asked_with) = id;
        let kept = all.entry(key.clone()).or_default();
        if let Some(entry) = kept.entries.get(asked_with) {
            return match &entry.state {
                _ if entry.hash != *hash => Err(Problem::other_request()),
                State::UnderWay(over) => Ok(Begun::UnderWay(over.clone())),
                State::Done(text) => Ok(Begun::Done(text.clone())),
            };
        }
        if kept.entries.len() >= ANSWERS_MAX && !kept.forget_oldest() {
            return Err(Problem::congested("too many requests with an Idempotency-Key are under way: come back"));
        }
        let (over, is_over) = watch::channel(());
        kept.entries.insert(asked_with.clone(), Entry { hash: *hash, state: State::UnderWay(is_over) });
        Ok(Begun::First(Turn { answers: Self(Arc::clone(&self.0)), id: id.clone(), _over: over }))
    }

    fn lock(&self) -> MutexGuard<'_, ByKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    fn done(self, text: Bytes, now: Instant) {
        let mut all = self.answers.lock();
        let (key, asked_with) = &self.id;
        if let Some(kept) = all.get_mut(key) {
            kept.done(asked_with, text, now);
        }
        while all.values().map(|kept| kept.bytes).sum::<usize>() > BYTES_MAX {
            let largest = all.values_mut().max_by_key(|kept| kept.bytes);
            if !largest.is_some_and(Kept::forget_oldest) {
                break;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.answers.lock();
        let (key, asked_with) = &self.id;
        let Some(kept) = all.get_mut(key) else { return };
        if kept.entries.get(asked_with).is_some_and(|entry| matches!(entry.state, State::UnderWay(_))) {
            kept.entries.remove(asked_with);
        }
    }
}

impl Kept {
    fn done(&mut self, asked_with: &str, text: Bytes, now: Instant) {
        let Some(entry) = self.entries.get_mut(asked_with) else { return };
        self.bytes += text.len();
        entry.state = State::Done(text);
        self.order.push_back((now, asked_with.into()));
    }

    fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(done, _)| now.duration_since(*done) >= KEPT_FOR) {
            self.forget_oldest();
        }
    }

    /// `false` if none was answered.
    fn forget_oldest(&mut self) -> bool {
        let Some((_, asked_with)) = self.order.pop_front() else { return false };
        if let Some(Entry { state: State::Done(text), .. }) = self.entries.remove(&asked_with) {
            self.bytes -= text.len();
        }
        true
    }
}

const HEADER: &str = "Idempotency-Key";

const KEPT_FOR: Duration = Duration::from_secs(300);

/// Of one key of the API.
const ANSWERS_MAX: usize = 10_000;

/// Of all together. Most are some ten bytes; those with acknowledgements have no bound of their own.
const BYTES_MAX: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        ("key".into(), text.into())
    }

    fn first(begun: Result<Begun, Problem>) -> Turn {
        match begun {
            Ok(Begun::First(turn)) => turn,
            _ => panic!("it is the first"),
        }
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_five_minutes_and_a_request_that_did_nothing_is_not() {
        let (answers, now, hash) = (Answers::default(), Instant::now(), [1; 32]);
        let turn = first(answers.begin(&id("a"), &hash, now));
        let Ok(Begun::UnderWay(mut over)) = answers.begin(&id("a"), &hash, now) else { panic!("it is under way") };
        assert!(answers.begin(&id("a"), &[2; 32], now).is_err(), "that is another request");
        drop(turn);
        assert!(over.changed().await.is_err());
        first(answers.begin(&id("a"), &hash, now)).done("x".into(), now);
        let later = now + KEPT_FOR - Duration::from_millis(1);
        assert!(matches!(answers.begin(&id("a"), &hash, later), Ok(Begun::Done(text)) if text == "x"));
        first(answers.begin(&("other".into(), "a".into()), &hash, later));
        first(answers.begin(&id("a"), &[2; 32], now + KEPT_FOR));
    }

    #[tokio::test]
    async fn there_are_only_so_many_and_what_is_under_way_is_never_forgotten() {
        let (answers, now, hash) = (Answers::default(), Instant::now(), [1; 32]);
        let other = ("other".into(), "a".into());
        first(answers.begin(&other, &hash, now)).done("x".into(), now);
        let turns: Vec<_> = (0..ANSWERS_MAX).map(|n| first(answers.begin(&id(&n.to_string()), &hash, now))).collect();
        assert!(answers.begin(&id("one more"), &hash, now).is_err());
        let mut turns = turns.into_iter();
        turns.next().unwrap().done("0".into(), now);
        turns.next().unwrap().done("1".into(), now);
        drop(first(answers.begin(&id("one more"), &hash, now)));
        drop(first(answers.begin(&id("0"), &hash, now)));
        assert!(matches!(answers.begin(&id("1"), &hash, now), Ok(Begun::Done(_))));
        turns.next().unwrap().done(vec![0; BYTES_MAX].into(), now);
        assert!(answers.lock().values().map(|kept| kept.bytes).sum::<usize>() <= BYTES_MAX);
        first(answers.begin(&id("1"), &hash, now));
        assert!(
            matches!(answers.begin(&other, &hash, now), Ok(Begun::Done(_))),
            "what one key asks makes none of another forgotten"
        );
        drop(turns);
        assert!(
            first(answers.begin(&id("new"), &hash, now + KEPT_FOR)).answers.lock().len() == 1,
            "and all of it goes"
        );
    }
}
