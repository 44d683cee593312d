//! A namespace made of closures, one for each event.

mod dispatcher;
mod joined;
mod queue;
mod reply;
mod server_side;
mod table;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use socketio_codec::{Arguments, EventName, RESERVED_NAMES};

pub use joined::Joined;
pub use reply::{Answer, Finish, Reply};
pub use table::{Mismatch, Unhandled};

use crate::broadcast::{Broadcast, Later};
use crate::member::DisconnectReason;
use crate::namespace::{Admission, ConnectRequest, Namespace, Refusal};
use crate::received::FromArguments;
use crate::server_side_event::ServerSideEvent;
use dispatcher::Dispatcher;
use server_side::ServerSide;
use table::Table;

/// A namespace that says what is done at each event: who joins, and a closure for each event's name, with its arguments as
/// types.
///
/// `S` is what is known of a client from when it joins, [`Joined::state`]: what [`connect`](Self::connect) found out. A
/// handler that asks for more than that does not compile.
///
/// ```
/// use fanfare_socketio::{Handlers, Refusal, Server, ServerConfig};
///
/// struct User {
///     name: String,
/// }
///
/// # fn build() -> Result<Server, Box<dyn std::error::Error>> {
/// #[derive(serde::Deserialize)]
/// struct Auth {
///     name: String,
/// }
///
/// let chat = Handlers::connect(|request| match request.auth_as::<Auth>() {
///     Ok(Auth { name }) => Ok(User { name }),
///     Err(_) => Err(Refusal::new("who are you?")),
/// })
/// .connected(|socket| socket.join("lobby"))
/// .on("message", |socket, (text, urgency): (String, u32)| {
///     let _ = socket.to("lobby").emit("message", (&socket.state().name, text, urgency));
/// })
/// .on("look up", async |_, word: String| {
///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///     format!("{word}: a word") // what the client's acknowledgement is answered with
/// })
/// .disconnected(|socket, reason| println!("{} left: {reason}", socket.state().name));
/// # Ok(
/// Server::builder(ServerConfig::default()).namespace("/", chat)?.build()
/// # )
/// # }
/// ```
///
/// **In order.** A socket's events are handled one after the other, as they came, whether a handler is a plain closure or gives
/// back a future: while one is waited for, the next ones wait, and [`HandlerLimits`] says how many; a client that sends more is
/// not read. Different sockets do not wait for each other. There is no task for it: a future is polled by that of the session,
/// so it must not block, and a plain closure neither.
///
/// **To the end.** When the client has gone, what it had sent before is still handled, and then
/// [`disconnected`](Self::disconnected) is called, within [`HandlerLimits::finish_within`].
///
/// **Answers.** What a handler gives back is the answer to an event for which the client wanted one: `()` is an
/// acknowledgement without arguments. So none is answered twice, and none forgotten by a handler that comes to its end. It is
/// dropped where no answer was wanted, and there is none for what could not be sent ([`Answer`]).
///
/// **What is not as expected.** An event without a handler, or with arguments that do not fit, is a line in the log at the level
/// `debug`, and no more, unless there is a [`fallback`](Self::fallback), or [`on_mismatch`](Self::on_mismatch). Its
/// acknowledgement is not answered. A panic closes the connection that it was about, with a line in the log, and
/// [`DisconnectReason::Panicked`]; the client comes back by itself.
pub struct Handlers<S = ()> {
    connect: Connect<S>,
    table: Arc<Table<S>>,
    server_side: ServerSide,
}

/// Decides who joins, with what is to be known of who does.
type Connect<S> = Box<dyn Fn(ConnectRequest) -> Decision<S> + Send + Sync>;

enum Decision<S> {
    Now(Result<S, Refusal>),
    Later(Pin<Box<dyn Future<Output = Result<S, Refusal>> + Send>>),
}

/// The bounds of what waits for the handlers of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerLimits {
    /// Events that wait behind a handler that is not done. 64: a client that has sent so many is ahead of its server. Then it is
    /// not read any more, over all its namespaces; nothing is lost.
    ///
    /// What stands behind them is not read either, acknowledgements too: of a handler that waits for one, at most so many events
    /// may come before it.
    pub waiting_max: usize,
    /// Bytes of these events, of which one may be larger. 64 KiB: with a slow handler, ten thousand clients that send on and on
    /// have half a gigabyte there.
    pub waiting_bytes_max: usize,
    /// How long a client may be kept from being read by one handler; then its connection is hung up, and it comes back. 60 s:
    /// while it is not read, it is not seen that it has gone.
    pub hold_max: Duration,
    /// How long handlers may go on when their client has gone. 30 s, as long as a request of theirs to somebody else may take.
    pub finish_within: Duration,
}

impl Default for HandlerLimits {
    fn default() -> Self {
        Self {
            waiting_max: 64,
            waiting_bytes_max: 64 * 1024,
            hold_max: Duration::from_secs(60),
            finish_within: Duration::from_secs(30),
        }
    }
}

impl Handlers {
    /// Everybody may join, and nothing is to be known of them.
    pub fn new() -> Self {
        Self::connect(|_| Ok(()))
    }
}

impl<S: Send + Sync + 'static> Handlers<S> {
    /// Who may join is decided by `connect`, at once; what it gives back is the socket's [state](Joined::state).
    ///
    /// A [`Refusal`] is final to official clients: [`Refusal::for_now`] is not.
    pub fn connect(connect: impl Fn(ConnectRequest) -> Result<S, Refusal> + Send + Sync + 'static) -> Self {
        Self::deciding(Box::new(move |request| Decision::Now(connect(request))))
    }

    /// The same for who has to ask somebody. It is dropped if the client goes away meanwhile.
    ///
    /// ```
    /// # use fanfare_socketio::{Handlers, Refusal};
    /// # struct User;
    /// # async fn user_of(token: String) -> Option<User> { Some(User) }
    /// #[derive(serde::Deserialize)]
    /// struct Auth {
    ///     token: String,
    /// }
    ///
    /// let handlers = Handlers::connect_async(async |request| {
    ///     let auth: Auth = request.auth_as().map_err(|_| Refusal::new("no token"))?;
    ///     user_of(auth.token).await.ok_or_else(|| Refusal::new("not a token of ours").with_data(&("code", 7)))
    /// });
    /// # let _ = handlers;
    /// ```
    pub fn connect_async<F>(connect: impl Fn(ConnectRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<S, Refusal>> + Send + 'static,
    {
        Self::deciding(Box::new(move |request| Decision::Later(Box::pin(connect(request)))))
    }

    fn deciding(connect: Connect<S>) -> Self {
        Self { connect, table: Arc::new(Table::new()), server_side: ServerSide::default() }
    }

    /// What is done when a socket has joined. Its client was told so before anything that is emitted here, and its events are
    /// handled behind it.
    ///
    /// # Panics
    /// If there is one already.
    #[must_use]
    #[track_caller]
    pub fn connected<R: Finish<M>, M>(mut self, handler: impl Fn(Joined<S>) -> R + Send + Sync + 'static) -> Self {
        only_one("connected", &mut self.table().connected, Box::new(move |socket| handler(socket).finish()));
        self
    }

    /// What is done at an event of this name. `handler` takes the socket and the arguments ([`FromArguments`]), and gives back
    /// the answer ([`Answer`]), or a future of it.
    ///
    /// ```
    /// use fanfare_socketio::{Handlers, Rest};
    ///
    /// let handlers = Handlers::new()
    ///     .on("ping", |_, ()| "pong")
    ///     .on("add", |_, (a, b): (f64, f64)| a + b)
    ///     .on("say", |socket, text: String| {
    ///         let _ = socket.broadcast().emit("said", text);
    ///     })
    ///     .on("maybe", |_, (text, times): (String, Option<usize>)| text.repeat(times.unwrap_or(1)))
    ///     .on("whatever follows", |_, (first, Rest): (String, Rest)| first)
    ///     .on("divide", |_, (a, b): (u32, u32)| match a.checked_div(b) {
    ///         Some(result) => Ok(result),
    ///         None => Err(("no result", b)), // two arguments
    ///     });
    /// # let _ = handlers;
    /// ```
    ///
    /// # Panics
    /// If the name is [reserved](RESERVED_NAMES), or has a handler already: such a handler would never be called. What is done
    /// at the end of a socket is [`disconnected`](Self::disconnected).
    #[must_use]
    #[track_caller]
    pub fn on<A, R, M>(mut self, event: &str, handler: impl Fn(Joined<S>, A) -> R + Send + Sync + 'static) -> Self
    where
        A: FromArguments,
        R: Reply<M>,
    {
        assert!(EventName::new(event).is_ok(), "no event has the name {event:?}: it is one of {RESERVED_NAMES:?}");
        let former = self.table().events.insert(
            event.into(),
            Box::new(move |socket, arguments, ack| match A::from_arguments(arguments) {
                Ok(arguments) => Ok(handler(socket.clone(), arguments).reply(ack)),
                Err(error) => Err((error, ack)),
            }),
        );
        assert!(former.is_none(), "two handlers for the event {event:?}");
        self
    }

    /// What is done at an event that has no handler.
    ///
    /// ```
    /// use fanfare_socketio::Handlers;
    ///
    /// // Everything goes to everybody else, as it came.
    /// let handlers = Handlers::new().fallback(|socket, event| {
    ///     socket.broadcast().relay(&event.name, &event.arguments);
    /// });
    /// # let _ = handlers;
    /// ```
    ///
    /// # Panics
    /// If there is one already.
    #[must_use]
    #[track_caller]
    pub fn fallback<R: Reply<M>, M>(
        mut self,
        handler: impl Fn(Joined<S>, Unhandled) -> R + Send + Sync + 'static,
    ) -> Self {
        only_one(
            "fallback",
            &mut self.table().fallback,
            Box::new(move |socket, event, ack| handler(socket, event).reply(ack)),
        );
        self
    }

    /// What is done at an event whose arguments do not fit its handler, instead of a line in the log.
    ///
    /// ```
    /// use fanfare_socketio::Handlers;
    ///
    /// let handlers = Handlers::new()
    ///     .on("age", |_, age: u8| format!("{age} years"))
    ///     .on_mismatch(|_, mismatch| ("not understood", mismatch.why));
    /// # let _ = handlers;
    /// ```
    ///
    /// # Panics
    /// If there is one already.
    #[must_use]
    #[track_caller]
    pub fn on_mismatch<R: Reply<M>, M>(
        mut self,
        handler: impl Fn(Joined<S>, Mismatch) -> R + Send + Sync + 'static,
    ) -> Self {
        only_one(
            "on_mismatch",
            &mut self.table().on_mismatch,
            Box::new(move |socket, mismatch, ack| handler(socket, mismatch).reply(ack)),
        );
        self
    }

    /// What is done when a socket has left, behind all that its client had sent. Its [`rooms`](Joined::rooms) are those it was
    /// in; nothing emitted to it arrives any more.
    ///
    /// # Panics
    /// If there is one already.
    #[must_use]
    #[track_caller]
    pub fn disconnected<R: Finish<M>, M>(
        mut self,
        handler: impl Fn(Joined<S>, DisconnectReason) -> R + Send + Sync + 'static,
    ) -> Self {
        only_one(
            "disconnected",
            &mut self.table().disconnected,
            Box::new(move |socket, reason| handler(socket, reason).finish()),
        );
        self
    }

    /// What is done when the program of another node says something of this name to all others: `serverSideEmit`, or
    /// [`Broadcast::server_side_emit`] there, as `io.on("name", …)` on a Node server. There are others where the server has
    /// [`Peers`](crate::Peers). `handler` takes everyone in the namespace, and the arguments, and gives back the answer, or a future
    /// of it, of which those who want one get the first argument.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// use fanfare_socketio::Handlers;
    ///
    /// let prices = Arc::new(AtomicUsize::new(0));
    /// let handlers = Handlers::new()
    ///     .on_server_side_emit("load", |_, ()| std::process::id())
    ///     .on_server_side_emit("prices have changed", move |everyone, version: usize| {
    ///         prices.store(version, Ordering::Relaxed);
    ///         // Each node tells its own clients.
    ///         let _ = everyone.local().emit("reload", ());
    ///     });
    /// # let _ = handlers;
    /// ```
    ///
    /// They begin on the tasks that hear, so they must not block. What is said may overtake events that its sender emitted before,
    /// and, being shorter than 64 KiB, something longer. Futures go on beside each other, 256 of all namespaces at most, each for a
    /// minute at most; what is said meanwhile is dropped, and no shut-down waits for them. Whoever said it is nobody's client, but whoever may write into the fleet: the arguments are as little to be trusted as a client's.
    ///
    /// Whoever wants an answer waits for all nodes, so each is given: `null` by one that has no handler of the name, or one that
    /// takes other arguments, that panics (which is logged, and closes nothing), or gives nothing back.
    ///
    /// # Panics
    /// If the name is [reserved](RESERVED_NAMES), or has such a handler already.
    #[must_use]
    #[track_caller]
    pub fn on_server_side_emit<A, R, M>(
        mut self,
        event: &str,
        handler: impl Fn(Broadcast, A) -> R + Send + Sync + 'static,
    ) -> Self
    where
        A: FromArguments,
        R: Reply<M>,
    {
        assert!(EventName::new(event).is_ok(), "no event has the name {event:?}: it is one of {RESERVED_NAMES:?}");
        assert!(self.server_side.add(event, handler), "two handlers for the event {event:?} of other nodes");
        self
    }

    /// Other bounds of what waits for handlers.
    #[must_use]
    pub fn limits(mut self, limits: HandlerLimits) -> Self {
        self.table().limits = limits;
        self
    }

    fn table(&mut self) -> &mut Table<S> {
        Arc::get_mut(&mut self.table).expect("nobody joins while handlers are still being added")
    }
}

/// A second one in the place of the first, which would never be called, is a mistake.
#[track_caller]
fn only_one<T>(what: &str, place: &mut Option<T>, handler: T) {
    assert!(place.replace(handler).is_none(), "two handlers for `{what}`");
}

impl Default for Handlers {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Send + Sync + 'static> Namespace for Handlers<S> {
    fn connect(&self, request: ConnectRequest) -> Admission {
        let table = Arc::clone(&self.table);
        let admit = move |found: Result<S, Refusal>| found.map(|state| Dispatcher::new(table, state)).into();
        match (self.connect)(request) {
            Decision::Now(found) => admit(found),
            Decision::Later(decision) => Admission::pending(async move { admit(decision.await) }),
        }
    }

    fn server_side_event(&self, event: ServerSideEvent) -> Option<Later<Arguments>> {
        self.server_side.begin(event)
    }
}

impl<S> fmt::Debug for Handlers<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").field("events", &self.table.events.keys()).finish_non_exhaustive()
    }
}
