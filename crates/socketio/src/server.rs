//! The server as a program sees it.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use engineio::proto::CloseReason;
use engineio::{Application, Body, Engine, EngineConfig, Handshake, Link};
use http::{Request, Response};
use hub::{AcksConfig, ClientConfig, Hub, LaneConfig, MailboxConfig, NamespaceCounts, Target};
use socketio_codec::{InvalidNamespace, Namespace};
use tokio::task::AbortHandle;

use crate::acks::AckTable;
use crate::broadcast::Broadcast;
use crate::connection::Connection;
use crate::handler::Handler;
use crate::lanes;
use crate::reach::{NoPeers, Reach};

/// The settings of a [`Server`].
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Those of the connections underneath. The path is `/socket.io/` unless changed.
    pub engine: EngineConfig,
    /// The bounds of one client.
    pub client: ClientConfig,
    /// How much may wait for a lane before clients are read more slowly.
    pub mailbox: MailboxConfig,
    /// How much a lane does at a time, and how long fast senders wait for slow readers.
    pub lane: LaneConfig,
    /// How many acknowledgements may be waited for.
    pub acks: AcksConfig,
    /// How many tasks share the work of delivering: as many as the runtime has threads.
    pub lanes: NonZeroUsize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            engine: EngineConfig { path: "/socket.io/".into(), ..EngineConfig::default() },
            client: ClientConfig::default(),
            mailbox: MailboxConfig::default(),
            lane: LaneConfig::default(),
            acks: AcksConfig::default(),
            lanes: NonZeroUsize::MIN,
        }
    }
}

/// Names the namespaces of a [`Server`] before it starts.
#[derive(Default)]
pub struct ServerBuilder {
    config: ServerConfig,
    namespaces: HashMap<Namespace, Arc<dyn Handler>>,
}

impl ServerBuilder {
    /// Adds a namespace. One named again has the later handler.
    ///
    /// # Errors
    /// [`InvalidNamespace`] if no client could ask for a namespace of that name.
    pub fn namespace(mut self, name: &str, handler: impl Handler) -> Result<Self, InvalidNamespace> {
        self.namespaces.insert(Namespace::try_from(name)?, Arc::new(handler));
        Ok(self)
    }

    /// Starts the server.
    ///
    /// # Panics
    /// Outside a tokio runtime: the server's tasks run on it.
    pub fn build(self) -> Server {
        let Self { config, namespaces } = self;
        let hub = Arc::new(Hub::new(config.lanes, config.mailbox).with_clock(lanes::now));
        let acks = Arc::new(AckTable::new(config.acks));
        let lanes = (0..config.lanes.get()).map(|index| tokio::spawn(lanes::run(Arc::clone(&hub), index, config.lane)));
        let tasks = lanes.chain([tokio::spawn(Arc::clone(&acks).run())]).map(|task| task.abort_handle()).collect();
        let shared = Arc::new_cyclic(|weak| Shared {
            engine: Engine::new(config.engine, Sessions(Weak::clone(weak))),
            reach: Arc::new(Reach::new(hub, acks, Box::new(NoPeers))),
            client: Arc::new(config.client),
            namespaces,
            closes: Mutex::default(),
            tasks,
        });
        Server { shared }
    }
}

/// A Socket.IO server. Cheap to clone; when the last clone and the last session are gone, its tasks end.
///
/// It is a service: hand it the requests under its path, by [`call`](Server::call) or as a
/// [`hyper::service::Service`].
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

/// What the server, its sockets and its sessions share.
pub(crate) struct Shared {
    engine: Engine,
    pub(crate) reach: Arc<Reach>,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) namespaces: HashMap<Namespace, Arc<dyn Handler>>,
    /// Touched once for each session.
    closes: Mutex<BTreeMap<&'static str, u64>>,
    tasks: Vec<AbortHandle>,
}

impl Server {
    /// A server with these settings, of which the namespaces are still to be named.
    pub fn builder(config: ServerConfig) -> ServerBuilder {
        ServerBuilder { config, namespaces: HashMap::new() }
    }

    /// Answers one request. A path that is not the server's gets a 404.
    ///
    /// The request is understood by the call itself; the future is only for the answer.
    pub fn call<B: http_body::Body>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + use<B> {
        self.shared.engine.call(request)
    }

    /// Whether a request with this path is the server's.
    pub fn owns(&self, path: &str) -> bool {
        self.shared.engine.owns(path)
    }

    /// Everyone in a namespace: `io.of(…)`.
    ///
    /// # Errors
    /// [`InvalidNamespace`] if that is no name. One that does not exist has nobody in it.
    pub fn of(&self, namespace: &str) -> Result<Broadcast, InvalidNamespace> {
        let target = Target::everyone(Namespace::try_from(namespace)?);
        Ok(Broadcast::new(Arc::clone(&self.shared.reach), None, target))
    }

    /// The connections open now.
    pub fn connection_count(&self) -> usize {
        self.shared.engine.session_count()
    }

    /// How many connections have ended so far, by cause: the label of the [`CloseReason`], or the constant text of
    /// an [`CloseReason::Application`].
    pub fn close_counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.closes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What became of events so far, and how many sockets there are now, by namespace. Waits for no lane, and no lane
    /// waits for it.
    pub fn namespace_counts(&self) -> BTreeMap<Namespace, NamespaceCounts> {
        self.shared.reach.hub.counts()
    }

    /// How late each lane is: how long the oldest of what it has to do has waited by now. One that does nothing any more
    /// gets later and later.
    pub fn lane_lags(&self) -> Vec<Duration> {
        let now = lanes::now();
        self.shared.reach.hub.mailboxes().iter().map(|mailbox| mailbox.lag(now)).collect()
    }

    /// How many HTTP requests have been refused so far, by cause: see [`Engine::refusal_counts`].
    pub fn refusal_counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.engine.refusal_counts()
    }

    /// Closes every connection so that its client reconnects, here or elsewhere, and accepts no more.
    pub fn close(&self) {
        self.shared.engine.close();
    }

    /// Waits until every connection has ended.
    pub async fn drained(&self) {
        self.shared.engine.drained().await;
    }
}

impl<B> hyper::service::Service<Request<B>> for Server
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let answer = self.call(request);
        Box::pin(async move { Ok(answer.await) })
    }
}

impl Shared {
    pub(crate) fn count_close(&self, reason: CloseReason) {
        let cause = match reason {
            CloseReason::Application(why) => why,
            other => other.label(),
        };
        *self.closes.lock().unwrap_or_else(PoisonError::into_inner).entry(cause).or_default() += 1;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The engine's application: opens a connection for each session.
struct Sessions(Weak<Shared>);

impl Application for Sessions {
    fn open(&self, handshake: Handshake, link: Arc<Link>) -> Box<dyn engineio::Connection> {
        let now = tokio::time::Instant::now().into_std();
        match self.0.upgrade() {
            Some(shared) => Box::new(Connection::new(shared, handshake, link, now)),
            None => Box::new(Orphan),
        }
    }
}

/// A session that was opened while the server was being dropped. It ends at once.
struct Orphan;

impl engineio::Connection for Orphan {
    fn poll_work(&mut self, _: &mut Context<'_>, _: std::time::Instant) -> Poll<Result<(), CloseReason>> {
        Poll::Ready(Err(CloseReason::Shutdown))
    }

    fn handle_message(&mut self, _: engineio::proto::Message, _: std::time::Instant) -> Result<(), CloseReason> {
        Err(CloseReason::Shutdown)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("engine", &self.shared.engine).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_without_a_server_ends_at_once() {
        let engine = Engine::new(EngineConfig::default(), Sessions(Weak::new()));
        let request = Request::get("/engine.io/?EIO=4&transport=polling").body(String::new()).unwrap();
        assert_eq!(engine.call(request).await.status(), 200);
        tokio::time::timeout(Duration::from_secs(10), engine.drained()).await.unwrap();
        assert_eq!(engine.session_count(), 0);
    }
}
