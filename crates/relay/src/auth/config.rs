//! What an operator says of who may come in.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};
use policy::{Claims, EventName, TokenRules};

use super::key::Key;
use super::secret::Secret;
use super::token_source::TokenSource;

/// Who is believed, and how long. [`Default`] is nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthConfig {
    /// Where a client may have its token, in the order in which is looked.
    pub(crate) token_from: Vec<TokenSource>,
    /// Those whose signed tokens count, each `iss` once.
    pub(crate) issuers: Vec<IssuerConfig>,
    /// The tokens that are known by themselves.
    pub(crate) tokens: Vec<StaticToken>,
    /// The application that is asked about everybody else.
    pub(crate) webhook: Option<WebhookConfig>,
    /// What becomes of a client whose identity ends.
    pub(crate) renewal: Renewal,
}

/// Somebody who signs tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuerConfig {
    pub(crate) rules: TokenRules,
    pub(crate) keys: KeySource,
}

/// Where an issuer's keys are. None belongs to another issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// Read with the configuration.
    Known(Arc<[Key]>),
    /// A secret that both share. It can sign too.
    Secret(Secret),
    /// A JWK set that is fetched, now and then.
    Url(Uri),
}

/// A token by its hash, and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticToken {
    pub(crate) sha256: [u8; 32],
    pub(crate) subject: Option<Box<str>>,
    pub(crate) claims: Claims,
}

/// The application that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookConfig {
    pub(crate) url: Uri,
    /// With which requests are signed.
    pub(crate) secret: Option<Secret>,
    /// Which headers of the handshake it is told.
    pub(crate) headers: Vec<HeaderName>,
    /// How long one answer may take.
    pub(crate) timeout: Duration,
    /// How many requests are under way at once.
    pub(crate) concurrency: usize,
    /// How long an answer holds for the same question; zero is not at all.
    pub(crate) cache: Duration,
}

/// What becomes of a client whose identity ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// The event with which it gives a new token.
    pub(crate) renew_event: Option<EventName>,
    /// The event that tells it to.
    pub(crate) warn_event: Option<EventName>,
    /// How long before the end it is told.
    pub(crate) warn_before: Duration,
    /// Over how long after the end connections are closed.
    pub(crate) grace: Duration,
}

impl AuthConfig {
    /// Whether nobody could come in where somebody has to be known.
    pub(crate) fn is_empty(&self) -> bool {
        self.issuers.is_empty() && self.tokens.is_empty() && self.webhook.is_none()
    }

    /// The headers of a handshake that are read when a client connects to a namespace.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        let of_webhook = self.webhook.iter().flat_map(|webhook| &webhook.headers);
        self.token_from.iter().filter_map(TokenSource::header).chain(of_webhook)
    }

    /// Whether the query of a handshake is read then.
    pub(crate) fn needs_query(&self) -> bool {
        self.webhook.is_some() || self.token_from.iter().any(|source| matches!(source, TokenSource::Query(_)))
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            token_from: vec![TokenSource::default()],
            issuers: Vec::new(),
            tokens: Vec::new(),
            webhook: None,
            renewal: Renewal::default(),
        }
    }
}

impl WebhookConfig {
    /// The defaults, for an application at `url`.
    pub(crate) fn new(url: Uri) -> Self {
        Self {
            url,
            secret: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(2),
            concurrency: 64,
            cache: Duration::ZERO,
        }
    }
}

impl Default for Renewal {
    fn default() -> Self {
        Self {
            renew_event: None,
            warn_event: None,
            warn_before: Duration::from_secs(30),
            grace: Duration::from_secs(25),
        }
    }
}
