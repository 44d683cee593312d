//! Asking the application who somebody is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use policy::{Claims, Query, TokenFault};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use socketio::{Json, Room};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::answer_cache::AnswerCache;
use super::breaker::Breaker;
use super::config::WebhookConfig;
use super::hold::Hold;
use super::http_client::{Bounds, Failure, HttpClient, without_query};
use super::secret::Secret;
use super::static_tokens::sha256;
use super::{Asking, Finding, Identity, REFUSED, UNAUTHORIZED, Voucher, WEBHOOK, refused};

/// The application, by its address.
#[derive(Debug)]
pub(crate) struct Webhook {
    config: WebhookConfig,
    issuer: Arc<str>,
    /// Its address without a query, which may have a secret.
    name: String,
    client: HttpClient,
    breaker: Breaker,
    slots: Semaphore,
    /// How many wait for a slot.
    waiting: AtomicUsize,
    cache: AnswerCache,
}

impl Webhook {
    pub(crate) fn new(config: WebhookConfig, client: HttpClient) -> Self {
        Self {
            issuer: WEBHOOK.into(),
            name: without_query(&config.url),
            client,
            breaker: Breaker::default(),
            slots: Semaphore::new(config.concurrency),
            waiting: AtomicUsize::new(0),
            cache: AnswerCache::new(config.cache),
            config,
        }
    }

    /// Whether it is the one that is configured so.
    pub(crate) fn is_of(&self, config: &WebhookConfig) -> bool {
        self.config == *config
    }

    /// What it is asked about somebody; nothing where that would be so much that applications refuse to read it.
    pub(crate) fn question(&self, asking: &Asking) -> Option<Question> {
        // To write it down costs more than to see that it is too much.
        let query = asking.handshake.uri.query().unwrap_or_default();
        let auth = asking.auth.as_ref().map_or(0, |auth| auth.as_bytes().len());
        if query.len() + auth > QUESTION_BYTES_MAX / 2 || query.bytes().filter(|byte| *byte == b'&').count() > PAIRS_MAX
        {
            return None;
        }
        let question = self.whole_question(asking);
        (serde_json::to_vec(&question).ok()?.len() <= QUESTION_BYTES_MAX).then_some(question)
    }

    fn whole_question(&self, asking: &Asking) -> Question {
        let auth = asking.auth.as_ref().and_then(|auth| RawValue::from_string(auth.as_str().to_owned()).ok());
        let headers = self.config.headers.iter().filter_map(|name| {
            let values = asking.handshake.headers.get_all(name).iter();
            let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
            let between = if name == COOKIE { "; " } else { ", " };
            (!values.is_empty()).then(|| (name.to_string(), values.join(between)))
        });
        let ours = |name: &str| ["EIO", "transport", "sid", "t", "b64", "j"].contains(&name);
        let query = Query::pairs(asking.handshake.uri.query().unwrap_or_default()).filter(|(name, _)| !ours(name));
        Question {
            id: String::new(),
            reason: asking.reason.label(),
            namespace: asking.namespace.to_string(),
            transport: asking.handshake.transport.name(),
            address: asking.handshake.address.map(|address| address.to_string()),
            auth,
            headers: headers.collect(),
            query: query.collect(),
        }
    }

    /// An answer to the same question that still holds.
    pub(crate) fn cached(&self, question: &Question) -> Option<Finding> {
        self.cache.get(|| question.key())
    }

    /// Asks, and again for a while where there is no answer.
    pub(crate) async fn ask(&self, mut question: Question) -> Finding {
        let mut hold = Hold::begin();
        loop {
            match self.attempt(&mut question, hold.until()).await {
                Ok(finding) => {
                    self.cache.put(|| question.key(), &finding);
                    return finding;
                }
                Err(fault) => tracing::debug!(url = self.name, "webhook: {fault}"),
            }
            if !hold.pause(self.config.timeout).await {
                return Finding::Unavailable;
            }
        }
    }

    /// For how long nobody is asked.
    pub(crate) fn is_down(&self) -> Option<Duration> {
        self.breaker.open_for(Instant::now())
    }

    async fn attempt(&self, question: &mut Question, until: Instant) -> Result<Finding, Fault> {
        let _slot = self.slot(until).await?;
        let attempt = self.breaker.attempt(Instant::now()).ok_or(Fault::Open)?;
        let outcome = self.exchange(question).await;
        match &outcome {
            Ok(_) => attempt.succeeded(),
            // Anybody can ask what nobody understands: that is not to shut the door for the others.
            Err(fault) if fault.is_of_question() => drop(attempt),
            Err(_) => {
                let was_open = self.is_down().is_some();
                attempt.failed(Instant::now());
                if !was_open && self.is_down().is_some() {
                    tracing::warn!(url = self.name, "the webhook has failed five times in a row");
                }
            }
        }
        outcome
    }

    async fn slot(&self, until: Instant) -> Result<SemaphorePermit<'_>, Fault> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(slot);
        }
        let _waiting = Waiting::begin(&self.waiting).ok_or(Fault::Busy)?;
        let until = until.checked_sub(self.config.timeout).unwrap_or(until);
        match timeout_at(until, self.slots.acquire()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(Fault::Busy),
        }
    }

    async fn exchange(&self, question: &mut Question) -> Result<Finding, Fault> {
        question.id = format!("{:032x}", rand::random::<u128>());
        let body = serde_json::to_vec(question).map_err(|_| Fault::Garbage("the question cannot be written"))?;
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.config.url.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(secret) = &self.config.secret {
            let signature = signature(secret, unix_now(), &body);
            headers.insert(SIGNATURE, HeaderValue::try_from(signature).map_err(|_| Fault::Garbage("signature"))?);
        }
        *request.body_mut() = Full::from(Bytes::from(body));
        let bounds = Bounds { time: self.config.timeout, body_bytes_max: ANSWER_BYTES_MAX };
        let response = self.client.send(request, bounds).await.map_err(Fault::Http)?;
        if response.status() != StatusCode::OK {
            return Err(Fault::Http(Failure::Status(response.status())));
        }
        self.read(response.body(), &question.id)
    }

    fn read(&self, body: &[u8], id: &str) -> Result<Finding, Fault> {
        let reply: Reply = serde_json::from_slice(body).map_err(|_| Fault::Garbage("it is not of the form"))?;
        if reply.id != id {
            return Err(Fault::Garbage("it has another id"));
        }
        if !reply.allow {
            let message = reply.message.unwrap_or_else(|| UNAUTHORIZED.to_owned());
            return Ok(Finding::Refused {
                code: REFUSED,
                message,
                data: reply.data.and_then(|data| Json::serialize(&data).ok()),
            });
        }
        let mut claims = reply.claims.unwrap_or_default();
        if let Some(subject) = &reply.subject {
            claims.entry("sub").or_insert_with(|| Value::String(subject.clone()));
        }
        let subject = reply.subject.or_else(|| claims.get("sub").and_then(Value::as_str).map(str::to_owned));
        let rooms = reply.rooms.unwrap_or_default();
        if rooms.iter().any(String::is_empty) {
            return Err(Fault::Unfit("it names a room without a name"));
        }
        let expires_at = match reply.expires_at.map(date) {
            None => None,
            Some(None) => return Err(Fault::Unfit("it expires at no date")),
            Some(Some(end)) if end <= SystemTime::now() => return Ok(refused(TokenFault::Expired)),
            Some(end) => end,
        };
        Ok(Finding::Identity(Identity {
            voucher: Voucher { issuer: Arc::clone(&self.issuer), static_token: None },
            subject: subject.map(Into::into),
            claims: Claims::from_object(&claims).map_err(|_| Fault::Unfit("its claims are over 8 KiB"))?,
            rooms: rooms.into_iter().map(Room::from).collect(),
            expires_at,
        }))
    }
}

/// What the application is told.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    /// Of one attempt.
    id: String,
    reason: &'static str,
    namespace: String,
    transport: &'static str,
    address: Option<String>,
    auth: Option<Box<RawValue>>,
    headers: BTreeMap<String, String>,
    /// Of names that stand twice the last, as the reference has it for one text.
    query: BTreeMap<String, String>,
}

impl Question {
    /// By which two are the same, whatever their ids.
    fn key(&self) -> Option<[u8; 32]> {
        let Self { id: _, reason, namespace, transport, address, auth, headers, query } = self;
        let rest = serde_json::to_vec(&(reason, namespace, transport, address, auth, headers, query)).ok()?;
        Some(sha256(&rest))
    }
}

/// What it says. Further keys are its own.
#[derive(Debug, Deserialize)]
struct Reply {
    id: String,
    allow: bool,
    subject: Option<String>,
    claims: Option<Map<String, Value>>,
    rooms: Option<Vec<String>>,
    expires_at: Option<f64>,
    message: Option<String>,
    data: Option<Value>,
}

/// Why there is no answer yet.
#[derive(Debug)]
enum Fault {
    /// Too many are asking.
    Busy,
    /// It is left alone for a while.
    Open,
    Http(Failure),
    Garbage(&'static str),
    /// It answers the question, but so that nothing can be made of it.
    Unfit(&'static str),
}

impl Fault {
    /// Whether it is about this one question, and says nothing of the application.
    fn is_of_question(&self) -> bool {
        match self {
            Self::Unfit(_) => true,
            Self::Http(Failure::Status(status)) => {
                let is_about_now = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(status);
                status.is_client_error() && !is_about_now
            }
            Self::Busy | Self::Open | Self::Http(_) | Self::Garbage(_) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many requests are under way"),
            Self::Open => f.write_str("it has failed too often, and is left alone for a while"),
            Self::Http(failure) => failure.fmt(f),
            Self::Garbage(why) | Self::Unfit(why) => write!(f, "its answer is not understood: {why}"),
        }
    }
}

/// A place in the queue for a slot.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let waiting = Self(count); // Counted back by its drop, whatever follows.
        (count.fetch_add(1, Ordering::Relaxed) < QUEUE_MAX).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `t=<seconds>,v1=<hex of HMAC-SHA256 over "t.body">`.
fn signature(secret: &Secret, now: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &secret.0));
    context.update(format!("{now}.").as_bytes());
    context.update(body);
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={now},v1={hex}")
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn date(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

const SIGNATURE: &str = "fanfare-signature";

/// How many may wait until one of those that are under way has its answer.
const QUEUE_MAX: usize = 1000;

/// Of a query that a page has written.
const PAIRS_MAX: usize = 256;

/// As JSON: below what frameworks read by default (Express: 100 kB).
const QUESTION_BYTES_MAX: usize = 64 * 1024;

/// More is no answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_over_its_time_and_body() {
        // As `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret` has it.
        assert_eq!(
            signature(&Secret(b"secret".as_slice().into()), 1_700_000_000, b"{}"),
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
