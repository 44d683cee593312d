//! Who may open a session.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// What the layer above says to a handshake, before there is a session or an upgrade.
///
/// To a client a refusal by HTTP is no end: it comes back, with growing pauses. So what is temporary is said here, and
/// not by closing what was accepted.
#[non_exhaustive]
pub enum Verdict {
    /// It may.
    Accept {
        /// What the answer has besides its own headers, such as cookies. Not `Content-Length` and the like.
        headers: HeaderMap,
        /// What is kept for as long as the session: [`guarded_by`](Verdict::guarded_by).
        guard: Option<Guard>,
    },
    /// It may not: 403 (code 4 of the protocol).
    Forbid {
        /// What the client is told; to a browser's WebSocket it is lost.
        message: String,
    },
    /// This client asks too often: 429.
    TooMany {
        /// When it may come back, in whole seconds.
        retry_after: Duration,
    },
    /// It cannot be decided, or there is no room, now: 503.
    Unavailable {
        /// When it may come back, in whole seconds.
        retry_after: Duration,
    },
    /// To be decided, within [`EngineConfig::handshake_timeout`](crate::EngineConfig::handshake_timeout). The future
    /// belongs to the request, and is dropped if the client goes away meanwhile.
    Pending(Pin<Box<dyn Future<Output = Verdict> + Send>>),
}

/// Something of the layer above that lives as long as a session.
pub struct Guard(#[expect(dead_code, reason = "it is only to be dropped")] Box<dyn Send>);

impl Guard {
    fn new(guard: impl Send + 'static) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard(…)")
    }
}

impl Verdict {
    /// It may, and its answer has no headers but ours.
    pub fn accept() -> Self {
        Self::Accept { headers: HeaderMap::new(), guard: None }
    }

    /// The same, and if a session opens by it, `guard` is kept until that has ended, however it did. If none opens, `guard`
    /// is dropped as soon as that is known: it is refused, there is no room, the upgrade fails, the client goes away.
    ///
    /// So it counts sessions, for example those of one address.
    #[must_use]
    pub fn guarded_by(self, guard: impl Send + 'static) -> Self {
        match self {
            Self::Accept { headers, guard: None } => Self::Accept { headers, guard: Some(Guard::new(guard)) },
            Self::Accept { headers, guard: Some(first) } => {
                Self::Accept { headers, guard: Some(Guard::new((first, guard))) }
            }
            Self::Pending(decision) => Self::pending(async move { decision.await.guarded_by(guard) }),
            refused => refused,
        }
    }

    /// The same, and the answer that opens the session has this header too, beside others of its name: a cookie, a word for
    /// a proxy. No later answer has it, and no refusal.
    ///
    /// ```
    /// use engineio::Verdict;
    /// use http::{HeaderValue, header};
    ///
    /// let sticky = HeaderValue::from_static("node=7; Path=/; HttpOnly; SameSite=Lax");
    /// let verdict = Verdict::accept().with_header(header::SET_COOKIE, sticky);
    /// # let _ = verdict;
    /// ```
    #[must_use]
    pub fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        match self {
            Self::Accept { mut headers, guard } => {
                headers.append(name, value);
                Self::Accept { headers, guard }
            }
            Self::Pending(decision) => Self::pending(async move { decision.await.with_header(name, value) }),
            refused => refused,
        }
    }

    /// It may not, and is told why.
    pub fn forbid(message: impl Into<String>) -> Self {
        Self::Forbid { message: message.into() }
    }

    /// It may not now, because of what it did itself.
    pub const fn too_many(retry_after: Duration) -> Self {
        Self::TooMany { retry_after }
    }

    /// It may not now, because of us.
    pub const fn unavailable(retry_after: Duration) -> Self {
        Self::Unavailable { retry_after }
    }

    /// To be decided by `decision`.
    pub fn pending(decision: impl Future<Output = Self> + Send + 'static) -> Self {
        Self::Pending(Box::pin(decision))
    }

    /// The decision itself, however many futures lead to it. One that takes longer than `within` is
    /// [`Unavailable`](Verdict::Unavailable).
    pub(crate) async fn decided(self, within: Duration) -> Self {
        let deciding = async {
            let mut verdict = self;
            while let Self::Pending(decision) = verdict {
                verdict = decision.await;
            }
            verdict
        };
        tokio::time::timeout(within, deciding).await.unwrap_or(Self::unavailable(Duration::ZERO))
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept { headers, .. } => f.debug_struct("Accept").field("headers", &headers.len()).finish(),
            Self::Forbid { message } => f.debug_struct("Forbid").field("message", message).finish(),
            Self::TooMany { retry_after } => f.debug_struct("TooMany").field("retry_after", retry_after).finish(),
            Self::Unavailable { retry_after } => {
                f.debug_struct("Unavailable").field("retry_after", retry_after).finish()
            }
            Self::Pending(_) => f.write_str("Pending(…)"),
        }
    }
}
