//! The server: what it shares, and how it opens sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engineio_proto::{CloseReason, HistogramCounts};
use http::{Request, Response};
use http_body::Body as HttpBody;

use crate::application::Application;
use crate::config::EngineConfig;
use crate::front::refusals::REFUSALS;
use crate::front::route::Step;
use crate::http::Body;
use crate::peer::PeerSource;
use crate::session::counts::SessionCounts;
use crate::session::departure::Departure;
use crate::session::waking;
use crate::shared::Shared;
use crate::unchangeable::Unchangeable;

/// An Engine.IO server: answers HTTP requests, and runs a task for each session.
///
/// It is cheap to clone. [`Engine::call`] is the whole service: mount it in any hyper server, or use
/// [`serve`](crate::serve()). It must be called within a tokio runtime.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Every cause that [`refusal_counts`](Self::refusal_counts) may have.
    pub const REFUSALS: [&str; 13] = REFUSALS;

    /// An engine that tells `application` about its sessions, and is told of its clients by [`PeerAddr`](crate::PeerAddr).
    pub fn new(config: EngineConfig, application: impl Application) -> Self {
        Self::with_peer_source(config, application, PeerSource::default())
    }

    /// The same where the address of a connection's other end stands elsewhere.
    pub fn with_peer_source(config: EngineConfig, application: impl Application, source: PeerSource) -> Self {
        Self { shared: Arc::new(Shared::new(config, Box::new(application), source)) }
    }

    /// Whether a request with this path is the engine's.
    pub fn owns(&self, path: &str) -> bool {
        path.starts_with(&self.shared.path)
    }

    /// Answers one request. A path that is not the engine's gets a 404. Whoever calls it says who sent the request: see
    /// [`PeerSource`].
    ///
    /// The request is understood, and its session opened or told, by the call itself; the future is only for the
    /// answer. So a request that came whole is handled even if its connection closes at once, unless the call itself is
    /// put into a future: hyper drops that unseen.
    pub fn call<B: HttpBody>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + use<B> {
        let shared = Arc::clone(&self.shared);
        // A poll waits for most of a client's life: neither its headers, with hyper's read buffer behind them, nor
        // anything else of the request shall wait with it.
        let (step, tail) = shared.begin(request);
        async move {
            let answer = match step {
                Ok(Step::Done(response)) => Ok(*response),
                Ok(Step::Poll(poll)) => shared.answer_poll(poll).await,
                Ok(Step::Post(posting)) => Box::pin((*posting).answer()).await,
                Ok(Step::Decide(undecided)) => Box::pin(shared.decide(*undecided, &tail.settings)).await,
                Err(error) => Err(error),
            };
            shared.finish(answer, tail)
        }
    }

    /// The settings that hold now.
    pub fn config(&self) -> Arc<EngineConfig> {
        Arc::clone(&self.shared.settings.now().config)
    }

    /// Has other settings hold from now on.
    ///
    /// All of them change at one moment. A request is answered by those that held when its head had come, however long it
    /// waits then: a poll, or a handshake that is being decided. A session keeps what its client was told when it began. For
    /// everything else [`EngineConfig`] says of each setting for whom a change of it counts, and when. No session is closed by
    /// the change itself.
    ///
    /// # Errors
    /// [`Unchangeable`] names what cannot change: [`path`](EngineConfig::path) and
    /// [`compressions_max`](EngineConfig::compressions_max). Then nothing changes.
    pub fn reconfigure(&self, config: EngineConfig) -> Result<(), Unchangeable> {
        self.shared.reconfigure(config)
    }

    /// Whether [`reconfigure`](Self::reconfigure) would have these settings hold.
    ///
    /// # Errors
    /// As there.
    pub fn can_become(&self, config: &EngineConfig) -> Result<(), Unchangeable> {
        self.shared.can_become(config)
    }

    /// The sessions open now.
    pub fn session_count(&self) -> usize {
        self.shared.registry.len()
    }

    /// The sessions open now, and those that were. Takes the lock of none of them. What may wait for a session is here what
    /// may wait for one that begins now.
    pub fn session_counts(&self) -> SessionCounts {
        self.shared.registry.counts(self.shared.settings.now().config.outbox_bytes_max)
    }

    /// How long clients took to answer pings, as the tasks of their sessions saw it.
    pub fn ping_rtt(&self) -> HistogramCounts {
        self.shared.ping_rtt.counts()
    }

    /// How many requests have been refused so far, by cause: the label of the
    /// [`RequestError`](engineio_proto::RequestError), or `full`, `too_many`, `unavailable`, `too_large`, `body_timeout`,
    /// `method_not_allowed`.
    pub fn refusal_counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.refusals.counts()
    }

    /// The bytes that wait for all clients together; what several wait for counts once.
    pub fn outbox_bytes(&self) -> usize {
        self.shared.memory.ledger().bytes()
    }

    /// Refuses handshakes from now on (503, and `Retry-After`), or takes them again. The sessions there are go on, with all
    /// their requests.
    pub fn refuse_new(&self, refuses: bool) {
        self.shared.refuses_new.store(refuses, Ordering::Relaxed);
    }

    /// Whether handshakes are refused, by [`refuse_new`](Self::refuse_new) or because the engine is closed.
    pub fn refuses_new(&self) -> bool {
        self.shared.refuses_new()
    }

    /// A way to end the sessions some at a time. It opens and refuses nothing by itself.
    pub fn departure(&self) -> Departure {
        Departure::new(Arc::clone(&self.shared))
    }

    /// Has the task of every session run soon, so that [`Connection::poll_work`](crate::Connection::poll_work) is called: evenly
    /// over the time `spread`, or, if that is zero, as soon as possible, in pieces between which others run.
    ///
    /// For an application that has changed what its connections look at. A session that ends meanwhile is left alone, and one
    /// that begins meanwhile may be woken or not. It neither keeps the engine, nor does it cost anything when it is over.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn wake_all(&self, spread: Duration) {
        tokio::spawn(waking::wake_all(Arc::downgrade(&self.shared), spread));
    }

    /// Ends every session so that its client reconnects, here or elsewhere, and opens no more.
    ///
    /// The connections just end, as if the process had died: no close packet, no close frame, and no answer for a poll
    /// that waits. Official clients come back from either; to some others an orderly close is final.
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
        self.shared.registry.close_all(CloseReason::Shutdown);
    }

    /// Waits until every session's task has ended.
    pub async fn drained(&self) {
        self.shared.tasks.idle().await;
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config()).finish_non_exhaustive()
    }
}
