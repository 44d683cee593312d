//! The other nodes of a cluster, as a server needs them.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hub::{Command, Room, Target};
use socketio_codec::{Arguments, EventName, Json, Namespace as NamespaceName};

use crate::found::RemoteSocket;
use crate::nodes::Nodes;

/// The other nodes: where what is asked for here is passed on, so that it means the whole cluster.
///
/// The crate `fanfare-cluster` is one, over Redis. Given to [`ServerBuilder::peers`](crate::ServerBuilder::peers), which
/// gives it a [`Local`](crate::Local) in return: what peers ask is done by that, here and no further.
///
/// None of these may block: what is asked for is done here whether or not anybody else hears of it. When the server is
/// gone, it is dropped, and has to end what it started.
pub trait Peers: Send + Sync + 'static {
    /// The namespaces that exist here from now on. Called when the server starts, before one comes and after
    /// one went: nobody is in a namespace that was not said.
    fn serve(&self, namespaces: &[NamespaceName]);

    /// Passes on what is to be done to sockets wherever they are. It is done here by whoever calls.
    ///
    /// Never [`Command::Answer`], and never what is for one socket of this node only.
    fn publish(&self, command: &Command<'_>) -> Published;

    /// Who the others have of `target`.
    fn fetch_sockets(&self, target: Target) -> Asked<Vec<RemoteSocket>>;

    /// Which rooms of a namespace the others have.
    fn fetch_rooms(&self, namespace: NamespaceName) -> Asked<BTreeSet<Room>>;

    /// How many sockets of `target` the others have. None of them is excepted by its id.
    fn count(&self, target: Target) -> Asked<usize>;

    /// Passes an event on, and collects the acknowledgements of the others' clients.
    fn emit_with_ack(&self, event: Outgoing<'_>, within: Duration) -> Asked<Acknowledged>;

    /// Tells the others' programs something: `serverSideEmit`. With `within`, their answers are waited for so long.
    fn server_side_emit(
        &self,
        namespace: &NamespaceName,
        name: &EventName,
        arguments: &Arguments,
        within: Option<Duration>,
    ) -> Asked<Vec<Json>>;
}

/// What others answer, later, with who did not. It ends in time whatever they do; dropped, nothing is waited for.
pub type Asked<T> = Pin<Box<dyn Future<Output = (T, Nodes)> + Send>>;

/// What the others answer; nothing where nobody was asked.
pub(crate) async fn answer<T: Default>(asked: Option<Asked<T>>) -> (T, Nodes) {
    match asked {
        Some(asked) => asked.await,
        None => (T::default(), Nodes::default()),
    }
}

/// An event on its way to the others.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// Whom it is for.
    pub target: Target,
    /// Its name.
    pub name: &'a EventName,
    /// Its arguments and attachments.
    pub arguments: &'a Arguments,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(target: Target, name: &'a EventName, arguments: &'a Arguments) -> Self {
        Self { target, name, arguments }
    }
}

/// What the others' clients answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledged {
    /// The answers. Whose each is, is not passed on between nodes, and of several arguments the first only.
    pub received: Vec<Arguments>,
    /// How many clients had the event, as far as their nodes said so.
    pub reached: usize,
}

/// What became of what was to be passed on to other nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Published {
    /// There was nobody to pass it on to: no cluster, or it was for this node only.
    #[default]
    Nowhere,
    /// It is on its way. Whether each node gets it, nobody knows.
    Sent,
    /// There is no connection now; it goes out if there is one soon.
    Waiting,
    /// No other node gets it.
    Lost,
}

impl Published {
    /// Its name, for a client and for counters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::Sent => "sent",
            Self::Waiting => "waiting",
            Self::Lost => "lost",
        }
    }
}
