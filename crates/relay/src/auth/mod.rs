//! Who somebody is.
//!
//! In reading order: [`config`] (what an operator says), [`Authenticator`] (asked once for each client and namespace, and at
//! each renewal), [`token_source`] (where the client has its token), [`static_tokens`], [`issuer`] with its [`key`]s and
//! [`jwks`], [`webhook`] with what bounds it ([`breaker`], [`hold`], [`answer_cache`], [`http_client`]), and
//! [`token_command`], which an operator asks. What can be said of a token without keys is in the crate `policy`.

mod answer_cache;
mod breaker;
pub(crate) mod config;
mod failures;
mod hold;
mod http_client;
mod issuer;
mod jwks;
pub(crate) mod key;
pub(crate) mod secret;
mod static_tokens;
pub(crate) mod token_command;
pub(crate) mod token_source;
mod webhook;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Uri;
use policy::{Claims, Token, TokenFault};
use serde_json::{Map, Value};
use socketio::engineio::proto::HistogramCounts;
use socketio::{Handshake, Json, NamespaceName, Room};
use tokio::time::Instant;

use breaker::OPEN;
use config::{AuthConfig, KeySource};
use failures::Failures;
use hold::Hold;
use http_client::without_query;
use issuer::{Issuer, Keys};
use jwks::Jwks;
use key::Key;
use static_tokens::StaticTokens;
use token_source::{Found, TokenSource};
use webhook::Webhook;

pub(crate) use http_client::{Bounds, Failure, HttpClient, is_https, is_loopback};
pub(crate) use static_tokens::sha256;

/// Says who somebody is, by what the configuration has. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Authenticator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    token_from: Vec<TokenSource>,
    tokens: StaticTokens,
    issuers: HashMap<Box<str>, Issuer>,
    /// The sets of keys that are fetched, by their addresses.
    sets: HashMap<Uri, Arc<Jwks>>,
    webhook: Option<Arc<Webhook>>,
    client: HttpClient,
    /// Goes on with who comes behind it.
    failures: Arc<Failures>,
    /// What refused tokens are counted under that are of no issuer.
    unknown: Arc<str>,
}

/// Somebody wants to come in, or to stay.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) namespace: NamespaceName,
    /// The credentials that it gave.
    pub(crate) auth: Option<Json>,
    pub(crate) handshake: Arc<Handshake>,
    pub(crate) reason: Reason,
}

/// Why it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It wants to come in.
    Connect,
    /// It is in, and has a new token.
    Refresh,
}

impl Reason {
    /// Its name for the webhook.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Refresh => "refresh",
        }
    }
}

/// Who somebody is, now or later.
pub(crate) enum Answer {
    Now(Finding),
    /// Somebody has to be asked first. It takes ten seconds at most.
    Later(Pin<Box<dyn Future<Output = Finding> + Send>>),
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It gave no credentials at all.
    Nobody,
    Identity(Identity),
    /// It is not who it says. That is final.
    Refused {
        /// `token_invalid`, `token_expired`, or `refused` by the webhook: for counters, and for who renews.
        code: &'static str,
        message: String,
        data: Option<Json>,
    },
    /// Nobody can say now, and it was held long enough. That is temporary: its connection ends, so that it comes back.
    Unavailable,
}

/// Who vouches for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voucher {
    /// An `iss`, [`STATIC_TOKENS`] or [`WEBHOOK`].
    pub(crate) issuer: Arc<str>,
    /// The hash of its token, if that is a static one.
    pub(crate) static_token: Option<Arc<[u8; 32]>>,
}

/// Somebody that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) voucher: Voucher,
    pub(crate) subject: Option<Box<str>>,
    pub(crate) claims: Claims,
    /// The rooms that the webhook named.
    pub(crate) rooms: Vec<Room>,
    /// Without one it never ends.
    pub(crate) expires_at: Option<SystemTime>,
}

impl Authenticator {
    /// Begins to fetch keys, in the background: it is called inside the runtime.
    pub(crate) fn new(config: &AuthConfig) -> Self {
        Self::build(config, None)
    }

    /// The same by another configuration, in the place of this one: with the keys that this one has fetched, and what it
    /// knows of the webhook, where that is the same. What this one was asked it answers itself.
    pub(crate) fn succeed(&self, config: &AuthConfig) -> Self {
        Self::build(config, Some(&self.0))
    }

    fn build(config: &AuthConfig, former: Option<&Inner>) -> Self {
        let urls = || {
            config.issuers.iter().filter_map(|issuer| match &issuer.keys {
                KeySource::Url(url) => Some(url),
                KeySource::Known(_) | KeySource::Secret(_) => None,
            })
        };
        let all = || urls().chain(config.webhook.iter().map(|webhook| &webhook.url));
        // The certificates of the system are read again, where they are needed.
        let client = match former {
            Some(former) if !all().any(is_https) => former.client.clone(),
            _ => HttpClient::new(all()),
        };
        let mut sets: HashMap<Uri, Arc<Jwks>> = HashMap::new();
        for url in urls() {
            let kept = former.and_then(|former| former.sets.get(url)).cloned();
            sets.entry(url.clone()).or_insert_with(|| kept.unwrap_or_else(|| Arc::new(fetched(url, &client))));
        }
        let mut issuers = HashMap::new();
        for issuer in &config.issuers {
            let keys = match &issuer.keys {
                KeySource::Known(keys) => Keys::Known(Arc::clone(keys)),
                KeySource::Secret(secret) => Keys::Known([Key::secret(secret)].into()),
                KeySource::Url(url) => match sets.get(url) {
                    Some(set) => Keys::Fetched(Arc::clone(set)),
                    None => continue, // They were all put there.
                },
            };
            let rules = issuer.rules.clone();
            issuers.insert(rules.issuer.clone(), Issuer::new(rules, keys));
        }
        let webhook = config.webhook.clone().map(|webhook| {
            let kept = former.and_then(|former| former.webhook.as_ref()).filter(|kept| kept.is_of(&webhook));
            kept.cloned().unwrap_or_else(|| Arc::new(Webhook::new(webhook, client.clone())))
        });
        Self(Arc::new(Inner {
            token_from: config.token_from.clone(),
            tokens: StaticTokens::new(&config.tokens),
            issuers,
            sets,
            webhook,
            client,
            failures: former.map(|former| Arc::clone(&former.failures)).unwrap_or_default(),
            unknown: UNKNOWN.into(),
        }))
    }

    /// Whether who vouched for somebody still counts.
    pub(crate) fn still_vouches(&self, Voucher { issuer, static_token }: &Voucher) -> bool {
        match static_token {
            Some(hash) => self.0.tokens.has(hash),
            None if **issuer == *WEBHOOK => self.0.webhook.is_some(),
            None => self.0.issuers.contains_key(&**issuer),
        }
    }

    /// Who somebody is: by its token, if that is one that we know or its issuer is; else as the webhook says, if there
    /// is one.
    pub(crate) fn ask(&self, asking: Asking) -> Answer {
        let from = Instant::now();
        match self.find_out(asking) {
            Answer::Now(finding) => Answer::Now(self.0.timed(finding, from)),
            Answer::Later(finding) => {
                let this = Arc::clone(&self.0);
                Answer::Later(Box::pin(async move { this.timed(finding.await, from) }))
            }
        }
    }

    fn find_out(&self, asking: Asking) -> Answer {
        let (inner, connection) = (&*self.0, asking.handshake.connection);
        let found = inner.find_token(&asking);
        let fault = match &found {
            Some(Found::Token(text)) => match inner.judge(text) {
                Judgement::Static(identity) => return Answer::Now(Finding::Identity(identity)),
                Judgement::Of(issuer, judged) => return Answer::Now(inner.finding(connection, &issuer.name, judged)),
                Judgement::Pending(_) => return self.judge_later(connection, text.clone()),
                Judgement::Unknown(fault) => Some(fault),
            },
            Some(Found::NoText) => Some(TokenFault::Malformed),
            None => None,
        };
        match (&inner.webhook, fault) {
            (Some(webhook), _) => {
                let Some(question) = webhook.question(&asking) else {
                    return Answer::Now(inner.finding(connection, &inner.unknown, Err(TokenFault::TooLong)));
                };
                match webhook.cached(&question) {
                    Some(finding) => Answer::Now(finding),
                    None => {
                        let this = Arc::clone(&self.0);
                        Answer::Later(Box::pin(async move {
                            match &this.webhook {
                                Some(webhook) => webhook.ask(question).await,
                                None => Finding::Unavailable,
                            }
                        }))
                    }
                }
            }
            (None, Some(fault)) => Answer::Now(inner.finding(connection, &inner.unknown, Err(fault))),
            (None, None) => Answer::Now(Finding::Nobody),
        }
    }

    /// What a client gives that renews, as if it had given it when it connected: its `auth`, or the token alone.
    pub(crate) fn auth_of(&self, argument: &str) -> Option<Json> {
        match serde_json::from_str(argument).ok()? {
            object @ Value::Object(_) => Json::serialize(&object).ok(),
            token @ Value::String(_) => {
                let path = self.0.token_from.iter().find_map(TokenSource::auth_path)?;
                Json::serialize(
                    &path.iter().rev().fold(token, |value, key| Value::from_iter([(key.to_string(), value)])),
                )
                .ok()
            }
            _ => None,
        }
    }

    /// For how long nobody could be let in, because nobody who is asked answers; `None` if somebody could.
    pub(crate) fn is_down(&self) -> Option<Duration> {
        let Inner { tokens, issuers, webhook, .. } = &*self.0;
        let is_nobody_asked = issuers.is_empty() && webhook.is_none();
        if is_nobody_asked || !tokens.is_empty() {
            return None;
        }
        let of_webhook = webhook.iter().map(|webhook| webhook.is_down());
        let all: Option<Vec<Duration>> = issuers.values().map(Issuer::is_down).chain(of_webhook).collect();
        all?.into_iter().min().map(|wait| wait.min(OPEN))
    }

    /// How often tokens were refused, by issuer and reason.
    pub(crate) fn failures(&self) -> BTreeMap<(Arc<str>, &'static str), u64> {
        self.0.failures.read()
    }

    /// The same, with those that there were none of.
    pub(crate) fn all_failures(&self) -> BTreeMap<(Arc<str>, &'static str), u64> {
        let issuers = self.0.issuers.values().map(|issuer| &issuer.name).chain([&self.0.unknown]);
        let none = issuers.flat_map(|issuer| TokenFault::LABELS.map(|reason| ((Arc::clone(issuer), reason), 0)));
        none.chain(self.failures()).collect()
    }

    /// How long it took to find out who somebody is, those that were held included; but for those who gave no credentials.
    pub(crate) fn took(&self) -> HistogramCounts {
        self.0.failures.took.counts()
    }

    /// How old the keys are that are fetched, by issuer.
    pub(crate) fn key_ages(&self) -> BTreeMap<Arc<str>, Duration> {
        let ages = self.0.issuers.values().filter_map(|issuer| Some((Arc::clone(&issuer.name), issuer.keys_age()?)));
        ages.collect()
    }

    /// Whose a token is, and why nobody's; for an operator, and counted nowhere.
    pub(crate) async fn explain(&self, text: &str) -> Explained {
        let of = |issuer: &Issuer, judged| Explained { issuer: Some(Arc::clone(&issuer.name)), judged };
        match self.0.judge(text) {
            Judgement::Static(identity) => {
                Explained { issuer: Some(Arc::clone(&identity.voucher.issuer)), judged: Some(Ok(identity)) }
            }
            Judgement::Of(issuer, judged) => of(issuer, Some(judged)),
            Judgement::Pending(issuer) => match Token::parse(text) {
                Ok(token) => of(issuer, issuer.judge_until(&token, Hold::begin().until()).await),
                Err(fault) => of(issuer, Some(Err(fault))),
            },
            Judgement::Unknown(fault) => Explained { issuer: None, judged: Some(Err(fault)) },
        }
    }

    /// The keys that the token needs are not there yet.
    fn judge_later(&self, connection: u32, text: String) -> Answer {
        let this = Arc::clone(&self.0);
        Answer::Later(Box::pin(async move {
            let hold = Hold::begin();
            let (Ok(token), until) = (Token::parse(&text), hold.until()) else { return Finding::Unavailable };
            let Some(issuer) = this.issuer(&token) else { return Finding::Unavailable };
            match issuer.judge_until(&token, until).await {
                Some(judged) => this.finding(connection, &issuer.name, judged),
                None => {
                    tokio::time::sleep_until(until).await;
                    Finding::Unavailable
                }
            }
        }))
    }
}

/// What is made of a token.
#[derive(Debug)]
pub(crate) struct Explained {
    /// The issuer whose it is, or says it is.
    pub(crate) issuer: Option<Arc<str>>,
    /// `None` if the issuer's keys cannot be had.
    pub(crate) judged: Option<Result<Identity, TokenFault>>,
}

/// What a token is, as far as that can be said at once.
enum Judgement<'a> {
    /// It is known by itself.
    Static(Identity),
    /// Its issuer's keys say this.
    Of(&'a Issuer, Result<Identity, TokenFault>),
    /// Its issuer's keys have to be fetched.
    Pending(&'a Issuer),
    /// It is nobody's.
    Unknown(TokenFault),
}

impl Inner {
    fn find_token(&self, asking: &Asking) -> Option<Found> {
        let auth: Option<Map<String, Value>> = asking.auth.as_ref().and_then(|auth| auth.deserialize().ok());
        let query = asking.handshake.uri.query().unwrap_or_default();
        // The handshake has the old token still.
        let counts = |source: &&TokenSource| asking.reason == Reason::Connect || source.auth_path().is_some();
        let mut sources = self.token_from.iter().filter(counts);
        sources.find_map(|source| source.find(auth.as_ref(), &asking.handshake.headers, query))
    }

    fn judge(&self, text: &str) -> Judgement<'_> {
        if let Some(identity) = self.tokens.find(text) {
            return Judgement::Static(identity.clone());
        }
        if self.issuers.is_empty() {
            return Judgement::Unknown(TokenFault::Issuer);
        }
        match Token::parse(text) {
            Ok(token) => match self.issuer(&token) {
                Some(issuer) => match issuer.judge(&token) {
                    Some(judged) => Judgement::Of(issuer, judged),
                    None => Judgement::Pending(issuer),
                },
                None => Judgement::Unknown(TokenFault::Issuer),
            },
            Err(fault) => Judgement::Unknown(fault),
        }
    }

    /// The same, and how long it took to find out is counted.
    fn timed(&self, finding: Finding, from: Instant) -> Finding {
        if finding != Finding::Nobody {
            self.failures.took.record(from.elapsed(), 1);
        }
        finding
    }

    fn issuer(&self, token: &Token<'_>) -> Option<&Issuer> {
        self.issuers.get(token.issuer()?)
    }

    fn finding(&self, connection: u32, issuer: &Arc<str>, judged: Result<Identity, TokenFault>) -> Finding {
        let fault = match judged {
            Ok(identity) => return Finding::Identity(identity),
            Err(fault) => fault,
        };
        self.failures.count(connection, issuer, fault);
        refused(fault)
    }
}

/// What a client is told: not why.
fn refused(fault: TokenFault) -> Finding {
    let code = if fault == TokenFault::Expired { TOKEN_EXPIRED } else { TOKEN_INVALID };
    let data = Json::serialize(&BTreeMap::from([("code", code)])).ok();
    Finding::Refused { code, message: UNAUTHORIZED.to_owned(), data }
}

/// The keys at an address.
fn fetched(url: &Uri, client: &HttpClient) -> Jwks {
    let (at, client) = (url.clone(), client.clone());
    Jwks::start(without_query(url), move || {
        let (at, client) = (at.clone(), client.clone());
        async move {
            let set = client.get(&at, JWKS_BOUNDS).await.map_err(|failure| failure.to_string())?;
            Key::all_of_jwks(&set).map_err(|expected| format!("expected {expected}"))
        }
    })
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(finding) => f.debug_tuple("Now").field(finding).finish(),
            Self::Later(_) => f.write_str("Later(…)"),
        }
    }
}

/// The issuer of those who have a static token: as the file has it, so that no `iss` is the same by accident.
pub(crate) const STATIC_TOKENS: &str = "[[auth.token]]";

/// The issuer of those whom the webhook let in.
pub(crate) const WEBHOOK: &str = "[auth.webhook]";

/// What tokens of nobody are counted under.
const UNKNOWN: &str = "";

/// What everybody is told who is not known; why is in the log.
pub(crate) const UNAUTHORIZED: &str = "unauthorized";
pub(crate) const TOKEN_INVALID: &str = "token_invalid";
const TOKEN_EXPIRED: &str = "token_expired";
/// The webhook said no.
const REFUSED: &str = "refused";

/// The codes of all of [`Finding::Refused`].
pub(crate) const CODES: [&str; 3] = [TOKEN_INVALID, TOKEN_EXPIRED, REFUSED];

/// What the fetch of a JWK set may take.
const JWKS_BOUNDS: Bounds = Bounds { time: Duration::from_secs(3), body_bytes_max: 256 * 1024 };
