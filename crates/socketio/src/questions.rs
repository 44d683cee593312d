//! What can be asked about sockets.

use std::time::Duration;

use socketio_codec::{EventName, Json};

use crate::arguments::ToArguments;
use crate::broadcast::{Broadcast, EmitError, Later};
use crate::found::{self, Fetched, Rooms};
use crate::nodes::Nodes;
use crate::peers::{Asked, answer};

impl Broadcast {
    /// Who they are at the moment, and from where: `fetchSockets`.
    ///
    /// [`Nodes::missing`] says whether all of it is there: a node that does not answer in time is not waited for.
    pub async fn fetch_sockets(self) -> Fetched {
        let (reach, target, scope) = self.into_target();
        let elsewhere = reach.peers_in(scope).map(|peers| peers.fetch_sockets(target.clone()));
        let here = found::here(&reach.hub, target, usize::MAX);
        let (sockets, (remote, nodes)) = tokio::join!(here, answer(elsewhere));
        Fetched { sockets: sockets.unwrap_or_default(), remote, nodes }
    }

    /// How many they are at the moment. Nobody is described for it, here or on other Fanfare nodes; Node servers name each.
    ///
    /// Equal questions that are asked while one is under way are asked once, when that is answered. Where too many are under
    /// way, the others are not asked, and are all missing.
    pub async fn count(self) -> (usize, Nodes) {
        let (reach, target, scope) = self.into_target();
        // A socket that is excepted by itself is that of whoever asks, and so here: each who asks would ask something else.
        let others = || target.clone().without_excepted_sockets();
        let elsewhere = reach.peers_in(scope).map(|peers| peers.count(others()));
        let (here, (elsewhere, nodes)) = tokio::join!(found::number(&reach.hub, target), answer(elsewhere));
        (here.saturating_add(elsewhere), nodes)
    }

    /// All rooms of the namespace, whatever was chosen within it.
    pub async fn fetch_rooms(self) -> Rooms {
        let (reach, target, scope) = self.into_target();
        let namespace = target.namespace().clone();
        let elsewhere = reach.peers_in(scope).map(|peers| peers.fetch_rooms(namespace.clone()));
        let here = found::rooms(&reach.hub, namespace, usize::MAX);
        let (here, (elsewhere, nodes)) = tokio::join!(here, answer(elsewhere));
        Rooms { here: here.unwrap_or_default(), elsewhere, nodes }
    }

    /// Tells the programs of all other nodes something, whatever was chosen: `serverSideEmit`. Alone, it reaches nobody.
    ///
    /// # Errors
    /// [`EmitError`] as for [`emit`](Broadcast::emit).
    pub fn server_side_emit(self, name: &str, arguments: impl ToArguments) -> Result<(), EmitError> {
        self.tell_programs(name, arguments, None).map(drop)
    }

    /// The same, and waits for what they answer, at most for `within`.
    ///
    /// # Errors
    /// [`EmitError`] as for [`emit`](Broadcast::emit).
    pub fn server_side_emit_with_ack(
        self,
        name: &str,
        arguments: impl ToArguments,
        within: Duration,
    ) -> Result<Later<(Vec<Json>, Nodes)>, EmitError> {
        let answers = self.tell_programs(name, arguments, Some(within))?;
        Ok(Box::pin(answer(answers)))
    }

    fn tell_programs(
        self,
        name: &str,
        arguments: impl ToArguments,
        within: Option<Duration>,
    ) -> Result<Option<Asked<Vec<Json>>>, EmitError> {
        let (name, arguments) = (EventName::new(name)?, arguments.to_arguments()?);
        let (reach, target, scope) = self.into_target();
        let peers = reach.peers_in(scope);
        Ok(peers.map(|peers| peers.server_side_emit(target.namespace(), &name, &arguments, within)))
    }
}
