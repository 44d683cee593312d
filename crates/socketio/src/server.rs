//! The server as a program sees it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use engineio::proto::HistogramCounts;
use engineio::{Body, Departure, Engine, Handshake, PeerSource, SessionCounts, Verdict};
use http::{Request, Response};
use hub::{Expulsion, Hub, NamespaceCounts, RoomWatch, Target};
use socketio_codec::{InvalidNamespace, Namespace as NamespaceName};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::acks::AckTable;
use crate::broadcast::Broadcast;
use crate::client_bundle::ClientBundle;
use crate::closes::Closes;
use crate::config::ServerConfig;
use crate::directory::{Directory, Generation};
use crate::fixed::Fixed;
use crate::lanes;
use crate::local::Local;
use crate::namespace::Namespace;
use crate::pattern::{InvalidPattern, Pattern};
use crate::patterned::Patterned;
use crate::peers::Peers;
use crate::programs::Programs;
use crate::reach::Reach;
use crate::removal;
use crate::sessions::{OnHandshake, Sessions};
use crate::shared::Shared;
use crate::supervisor::{Failure, Supervisor, Tasks};

/// Says what a [`Server`] has before it starts.
#[derive(Default)]
pub struct ServerBuilder {
    config: ServerConfig,
    pub(crate) peer_source: PeerSource,
    namespaces: Generation,
    patterned: Patterned,
    on_handshake: Option<OnHandshake>,
    bundle: Option<ClientBundle>,
    peers: Option<Connect>,
    room_watch: Option<Arc<dyn RoomWatch>>,
}

/// Makes the way to the other nodes.
type Connect = Box<dyn FnOnce(Local) -> Box<dyn Peers> + Send>;

impl ServerBuilder {
    /// Adds a namespace. One named again replaces the former.
    ///
    /// # Errors
    /// [`InvalidNamespace`] if no client could ask for a namespace of that name.
    pub fn namespace(mut self, name: &str, namespace: impl Namespace) -> Result<Self, InvalidNamespace> {
        self.namespaces.insert(NamespaceName::try_from(name)?, Arc::new(namespace));
        Ok(self)
    }

    /// Adds all namespaces whose names follow a pattern, such as `/doc/{id}`: a part between slashes in braces stands for any
    /// text. What it is, [`ConnectRequest::parameter`](crate::ConnectRequest::parameter) says.
    ///
    /// Clients choose the names, so `namespace` is to refuse those that mean nothing. There is such a namespace while somebody
    /// is in it; what is [counted](Server::namespace_counts) of it goes with it. One that was added by its name comes before
    /// all patterns, and of these the first that allows a name.
    ///
    /// ```
    /// use fanfare_socketio::{Handlers, Refusal, Server, ServerConfig};
    ///
    /// # fn build() -> Result<Server, Box<dyn std::error::Error>> {
    /// let documents = Handlers::connect(|request| match request.parameter("id").map(str::parse::<u32>) {
    ///     Some(Ok(id)) => Ok(id),
    ///     _ => Err(Refusal::new("no such document")),
    /// })
    /// .on("which", |socket, ()| *socket.state());
    /// # Ok(
    /// Server::builder(ServerConfig::default()).namespace_pattern("/doc/{id}", documents)?.build()
    /// # )
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidPattern`] says what is wrong.
    pub fn namespace_pattern(mut self, pattern: &str, namespace: impl Namespace) -> Result<Self, InvalidPattern> {
        self.patterned.add(Pattern::new(pattern)?, Arc::new(namespace));
        Ok(self)
    }

    /// Decides who may open a connection, before there is a session or an upgrade: accepted (with headers for the
    /// answer, such as cookies), never (403), not now (429, 503), or [pending](Verdict::pending).
    ///
    /// It is called by the task that reads the request, so it must not block. It is the place for what concerns the
    /// request as a whole; who may join a namespace, and as whom, is for [`Namespace::connect`]. Headers are set by
    /// [`Verdict::with_header`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use fanfare_socketio::{Server, ServerConfig, Verdict};
    ///
    /// async fn is_known(key: String) -> Option<bool> {
    ///     // Ask somebody, who may not answer.
    ///     # Some(!key.is_empty())
    /// }
    ///
    /// let builder = Server::builder(ServerConfig::default()).on_handshake(|handshake| {
    ///     let Some(key) = handshake.headers.get("x-key").and_then(|key| key.to_str().ok()) else {
    ///         return Verdict::forbid("no key");
    ///     };
    ///     let asking = is_known(key.to_owned());
    ///     Verdict::pending(async {
    ///         match asking.await {
    ///             Some(true) => Verdict::accept(),
    ///             Some(false) => Verdict::forbid("unknown key"),
    ///             None => Verdict::unavailable(Duration::from_secs(2)),
    ///         }
    ///     })
    /// });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn on_handshake(self, decide: impl Fn(&Handshake) -> Verdict + Send + Sync + 'static) -> Self {
        Self { on_handshake: Some(Box::new(decide)), ..self }
    }

    /// Serves the browser's client under the server's path, as the reference does (`serveClient`).
    #[must_use]
    pub fn client_bundle(self, bundle: ClientBundle) -> Self {
        Self { bundle: Some(bundle), ..self }
    }

    /// Makes it a node of a cluster. `connect` is called when the server starts, with what the others may ask of this one.
    #[must_use]
    pub fn peers<P: Peers>(self, connect: impl FnOnce(Local) -> P + Send + 'static) -> Self {
        Self { peers: Some(Box::new(|local| Box::new(connect(local)))), ..self }
    }

    /// Has `watch` told of each room that gets its first socket here, or loses its last.
    #[must_use]
    pub fn room_watch(self, watch: Arc<dyn RoomWatch>) -> Self {
        Self { room_watch: Some(watch), ..self }
    }

    /// Starts the server.
    ///
    /// # Panics
    /// Outside a tokio runtime: the server's tasks run on it.
    pub fn build(self) -> Server {
        let Self { config, peer_source, namespaces, patterned, on_handshake, bundle, peers, room_watch } = self;
        let threads = || NonZeroUsize::new(Handle::current().metrics().num_workers());
        let lanes = config.lanes.or_else(threads).unwrap_or(NonZeroUsize::MIN);
        let is_watched = peers.is_some() || room_watch.is_some();
        let hub = match is_watched {
            true => Hub::watched(lanes, config.mailbox, room_watch),
            false => Hub::new(lanes, config.mailbox),
        };
        let hub = hub.with_parser(config.client.parser);
        let programs = Arc::new(Programs::new());
        let (reach, supervisor) = start(hub, &config, peers, &programs);
        let fixed = Fixed::of(&config);
        let shared = Arc::new(Shared {
            reach,
            supervisor,
            directory: Directory::new(namespaces, patterned),
            client: RwLock::new(Arc::new(config.client)),
            closes: Closes::default(),
            announcing: Mutex::default(),
        });
        programs.belong_to(&shared);
        let path = config.engine.path.clone();
        let sessions = Sessions { shared: Arc::clone(&shared), on_handshake };
        let engine = Engine::with_peer_source(config.engine, sessions, peer_source);
        let failing = tokio::spawn(close_upon_failure(engine.clone(), shared.supervisor.failed()));
        let server = Server {
            core: Arc::new(Core {
                engine,
                shared,
                fixed,
                path,
                bundle: RwLock::new(bundle.map(Arc::new)),
                is_closing: AtomicBool::new(false),
                failing: failing.abort_handle(),
            }),
        };
        server.core.shared.reach.belong_to(&server.core);
        server.core.shared.announce();
        server
    }
}

/// A Socket.IO server. Cheap to clone; when the last clone and the last session are gone, its tasks end. (Those that
/// deliver live as long as somebody keeps a [`Socket`](crate::Socket), which is of no use then.)
///
/// It is a service: hand it the requests under its path, by [`call`](Server::call), as a
/// [`hyper::service::Service`] or as a [`tower_service::Service`], or let it take them itself, as a [layer](Server::layer).
#[derive(Clone)]
pub struct Server {
    core: Arc<Core>,
}

/// What is the server's alone: sessions do not keep it.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) shared: Arc<Shared>,
    pub(crate) fixed: Fixed,
    path: String,
    pub(crate) bundle: RwLock<Option<Arc<ClientBundle>>>,
    is_closing: AtomicBool,
    failing: AbortHandle,
}

/// Whether a server does what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It does.
    Serving,
    /// New clients are refused; it may be closing.
    Draining,
    /// It cannot go on, and accepts nobody. The process should end, so that whoever watches it starts another.
    Failed(Failure),
}

impl Server {
    /// A server with these settings, of which the namespaces are still to be named.
    pub fn builder(config: ServerConfig) -> ServerBuilder {
        ServerBuilder { config, ..ServerBuilder::default() }
    }

    pub(crate) fn from_core(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The path of all its requests.
    pub(crate) fn path(&self) -> &str {
        &self.core.path
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Answers one request. A path that is not the server's gets a 404. Whoever calls it says who sent the request, by a
    /// [`PeerAddr`](crate::PeerAddr): see [`ServerBuilder::peer_addr_in`].
    ///
    /// The request is understood by the call itself; the future is only for the answer.
    pub fn call<B: http_body::Body>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + use<B> {
        // Not in the future: a poll waits in there, and should not keep its request.
        let file = self.core.file(&request);
        // Behind pointers: an async block has two places for what it was given and awaits, and so has each around it.
        let answer = file.map(Box::new).ok_or_else(|| Box::pin(self.core.engine.call(request)));
        async move {
            match answer {
                Ok(file) => *file,
                Err(engine) => engine.await,
            }
        }
    }

    /// Whether a request with this path is the server's.
    pub fn owns(&self, path: &str) -> bool {
        self.core.engine.owns(path)
    }

    /// Everyone in a namespace: `io.of(…)`.
    ///
    /// # Errors
    /// [`InvalidNamespace`] if that is no name. One that does not exist has nobody in it.
    pub fn of(&self, namespace: &str) -> Result<Broadcast, InvalidNamespace> {
        let target = Target::everyone(NamespaceName::try_from(namespace)?);
        Ok(Broadcast::new(Arc::clone(&self.core.shared.reach), None, target))
    }

    /// Adds a namespace. If there is one of this name already, it decides from now on who joins; those who have
    /// joined keep their [`Member`](crate::Member)s. So do those who have not yet left one that
    /// [was removed](Self::remove_namespace): they stay.
    ///
    /// # Errors
    /// [`InvalidNamespace`] if no client could ask for a namespace of that name.
    pub fn add_namespace(&self, name: &str, namespace: impl Namespace) -> Result<(), InvalidNamespace> {
        self.core.shared.add(NamespaceName::try_from(name)?, Arc::new(namespace));
        Ok(())
    }

    /// Removes a namespace: nobody joins it any more, and who is in it is made to leave (by a DISCONNECT packet, upon
    /// which no client comes back to it by itself), evenly over the time `spread`. Their connections live. If it is added again
    /// meanwhile, who is still in it stays.
    ///
    /// Says whether there was such a namespace.
    pub fn remove_namespace(&self, name: &str, spread: Duration) -> bool {
        let Ok(name) = NamespaceName::try_from(name) else {
            return false;
        };
        let shared = &self.core.shared;
        let everyone = Target::everyone(name.clone());
        let is_removed = shared.directory.remove(&name, || match spread.is_zero() {
            true => shared.reach.hub.expel(everyone, Expulsion::Namespace),
            false => removal::begin(shared, everyone, spread),
        });
        self.core.shared.announce();
        is_removed
    }

    /// The connections open now.
    pub fn connection_count(&self) -> usize {
        self.core.engine.session_count()
    }

    /// How many connections have ended so far, by cause: the label of the
    /// [`CloseReason`](engineio::proto::CloseReason), or the constant text of a violation of the protocol or of a
    /// reason of the server's own.
    pub fn close_counts(&self) -> BTreeMap<&'static str, u64> {
        self.core.shared.closes.counts()
    }

    /// What became of events so far, and how many sockets and rooms there are now, for each namespace there is or ever
    /// had a socket. Waits for no lane, and no lane waits for it.
    pub fn namespace_counts(&self) -> BTreeMap<NamespaceName, NamespaceCounts> {
        let mut counts = self.core.shared.reach.hub.counts();
        for name in self.core.shared.directory.names() {
            counts.entry(name).or_default();
        }
        counts
    }

    /// The connections open now, and those that were; what they have sent and received, and how many are behind. Takes no
    /// lock of theirs, and none that a lane waits for.
    pub fn session_counts(&self) -> SessionCounts {
        self.core.engine.session_counts()
    }

    /// How long clients took to answer pings.
    pub fn ping_rtt(&self) -> HistogramCounts {
        self.core.engine.ping_rtt()
    }

    /// How long deliveries took, from when an event was read until its recipients' connections (or the polls that waited)
    /// had it, or it was behind what waits for them. See [`Hub::delivery`].
    pub fn delivery(&self) -> HistogramCounts {
        self.core.shared.reach.hub.delivery()
    }

    /// The bytes that wait for all clients together; what several wait for counts once.
    pub fn outbox_bytes(&self) -> usize {
        self.core.engine.outbox_bytes()
    }

    /// How late each lane is: how long the oldest of what it has to do has waited by now. One that does nothing any more
    /// gets later and later.
    pub fn lane_lags(&self) -> Vec<Duration> {
        let now = lanes::now();
        self.core.shared.reach.hub.mailboxes().iter().map(|mailbox| mailbox.lag(now)).collect()
    }

    /// How many HTTP requests have been refused so far, by cause: see [`Engine::refusal_counts`].
    pub fn refusal_counts(&self) -> BTreeMap<&'static str, u64> {
        self.core.engine.refusal_counts()
    }

    /// Whether it does what it is for: what a health check is to answer.
    pub fn health(&self) -> Health {
        match self.core.shared.supervisor.failure() {
            Some(failure) => Health::Failed(failure),
            None if self.core.is_closing.load(Ordering::Relaxed) || self.core.engine.refuses_new() => Health::Draining,
            None => Health::Serving,
        }
    }

    /// Waits until the server cannot go on, because one of its own tasks has panicked; ordinarily for ever.
    ///
    /// Its connections are closed then, and new ones refused, so that clients go elsewhere. There is nothing else to
    /// be done but to end the process, or to build another server.
    pub fn failed(&self) -> impl Future<Output = Failure> + Send + use<> {
        self.core.shared.supervisor.failed()
    }

    /// Refuses new connections from now on (503, and `Retry-After`), or takes them again. Those there are go on; clients may
    /// still join namespaces on them.
    pub fn refuse_new(&self, refuses: bool) {
        self.core.engine.refuse_new(refuses);
    }

    /// A way to end the connections some at a time, before the server is closed.
    pub fn departure(&self) -> Departure {
        self.core.engine.departure()
    }

    /// Closes every connection so that its client reconnects, here or elsewhere, and accepts no more.
    pub fn close(&self) {
        self.core.is_closing.store(true, Ordering::Relaxed);
        self.core.engine.close();
    }

    /// Waits until every connection has ended, and all [handlers](crate::Handlers) that still ran.
    pub async fn drained(&self) {
        self.core.engine.drained().await;
        self.core.shared.reach.unfinished.none().await;
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

impl<B> tower_service::Service<Request<B>> for Server
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    /// Always: who may come is decided request by request.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        hyper::service::Service::call(self, request)
    }
}

/// Starts the tasks that deliver, and those who watch them.
fn start(
    hub: Hub,
    config: &ServerConfig,
    peers: Option<Connect>,
    programs: &Arc<Programs>,
) -> (Arc<Reach>, Supervisor) {
    let hub = Arc::new(hub.with_clock(lanes::now));
    let acks = Arc::new(AckTable::new(config.acks));
    let mut tasks = Tasks::default();
    for index in 0..hub.mailboxes().len() {
        tasks.spawn("delivers events", lanes::run(Arc::clone(&hub), index, config.lane));
    }
    tasks.spawn("lets acknowledgements expire", Arc::clone(&acks).run());
    let peers = peers.map(|connect| connect(Local::new(&hub, &acks, programs)));
    (Arc::new(Reach::new(hub, acks, peers)), Supervisor::new(tasks))
}

impl Core {
    /// The answer to a request for a file of the client bundle, if it is one.
    fn file<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        // What the engine is asked has no name behind the path, and looks no further.
        let name = request.uri().path().strip_prefix(&self.path).filter(|name| !name.is_empty())?;
        let bundle = Arc::clone(self.bundle.read().unwrap_or_else(PoisonError::into_inner).as_ref()?);
        let mut response = bundle.answer(request.method(), name, request.headers())?;
        if let Some(cors) = &self.engine.config().cors {
            cors.apply(request.headers(), response.headers_mut());
        }
        Some(response)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.failing.abort();
    }
}

/// Clients of a server that does not deliver are better off elsewhere: none of them would notice by itself.
async fn close_upon_failure(engine: Engine, failed: impl Future<Output = Failure>) {
    failed.await;
    engine.close();
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("engine", &self.core.engine).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving => f.write_str("ok"),
            Self::Draining => f.write_str("draining"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if it were one of our own faults: what a lane calls is all ours, so nothing from outside makes it panic.
    #[tokio::test]
    async fn a_lane_that_panics_is_reported_and_nobody_is_served_half() {
        let server = Server::builder(ServerConfig::default()).without_peer_addr().build();
        let opened = || {
            let request = Request::get("/socket.io/?EIO=4&transport=polling").body(String::new());
            server.call(request.expect("it is a request"))
        };
        assert_eq!(opened().await.status(), 200);
        assert_eq!((server.health(), server.connection_count()), (Health::Serving, 1));
        let target = Target::everyone(NamespaceName::ROOT);
        server.core.shared.reach.hub.fetch_sockets(target, |_| panic!("as asked"));
        let soon = Duration::from_secs(10);
        let failure = tokio::time::timeout(soon, server.failed()).await.expect("it is reported");
        assert_eq!(failure.to_string(), "the task that delivers events has failed");
        assert_eq!(server.health(), Health::Failed(failure));
        tokio::time::timeout(soon, server.drained()).await.expect("nobody is left");
        let refused = opened().await;
        assert_eq!((refused.status().as_u16(), server.connection_count()), (503, 0));
        server.close();
        assert_eq!(server.health(), Health::Failed(failure));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn there_are_as_many_lanes_as_threads_unless_it_is_said_otherwise() {
        let lanes = |config| Server::builder(config).build().core.shared.reach.hub.mailboxes().len();
        assert_eq!(lanes(ServerConfig::default()), 3);
        assert_eq!(lanes(ServerConfig { lanes: NonZeroUsize::new(5), ..ServerConfig::default() }), 5);
    }

    #[tokio::test]
    async fn a_server_that_closes_says_so() {
        let server = Server::builder(ServerConfig::default()).build();
        server.close();
        assert_eq!((server.health(), server.health().to_string().as_str()), (Health::Draining, "draining"));
    }
}
