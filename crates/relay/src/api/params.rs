//! What several routes take in their path and query: as it is described, and as it is read.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;
use socketio::{Broadcast, SocketId};
use utoipa::IntoParams;

use super::Api;
use super::emission::check_room;
use super::key::Key;
use super::problem::Problem;
use super::query::Query;

/// A room, in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InRoom {
    /// Its name, percent-encoded.
    #[param(min_length = 1, max_length = 1024)]
    pub(crate) room: String,
}

/// A client, in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfSocket {
    /// Its id.
    #[param(min_length = 1, value_type = String)]
    pub(crate) id: SocketId,
}

/// Where, in the query.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Within {
    /// `/` unless said.
    #[param(required = false, default = "/")]
    pub(crate) namespace: String,
    /// Only clients of this node.
    #[param(required = false, default = false)]
    pub(crate) local: bool,
}

/// How somebody is disconnected, in the query.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Disconnecting {
    /// The whole connection, with all namespaces.
    #[param(required = false, default = false)]
    pub(crate) connection: bool,
}

impl Within {
    pub(crate) fn read(query: &mut Query) -> Result<Self, Problem> {
        let namespace = query.take("namespace").unwrap_or_else(|| "/".to_owned());
        Ok(Self { namespace, local: query.flag("local")? })
    }

    /// All who are there.
    pub(crate) fn everyone(&self, api: &Api, key: &Key) -> Result<Broadcast, Problem> {
        let everyone = api.namespace(key, &self.namespace, "namespace")?;
        Ok(if self.local { everyone.local() } else { everyone })
    }

    /// All who are in a room there, if the key is for it.
    pub(crate) fn room(&self, api: &Api, key: &Key, room: &str) -> Result<Broadcast, Problem> {
        let everyone = self.everyone(api, key)?;
        check_room(room, "room")?;
        key.check_room(room, "room")?;
        Ok(everyone.to(room))
    }
}

impl Disconnecting {
    pub(crate) fn read(query: &mut Query) -> Result<Self, Problem> {
        Ok(Self { connection: query.flag("connection")? })
    }

    /// Lets them leave the namespace, or ends their connections.
    pub(crate) fn carry_out(&self, to: Broadcast) {
        if self.connection { to.disconnect_connections() } else { to.disconnect() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for InRoom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self { room: of_path(parts, state, "room").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfSocket {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: String = of_path(parts, state, "id").await?;
        SocketId::parse(&id).map(|id| Self { id }).ok_or_else(Problem::unknown_socket)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts.uri.query())
    }
}

/// The one parameter of a path, decoded.
async fn of_path<T, S>(parts: &mut Parts, state: &S, name: &str) -> Result<T, Problem>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    let wrong = |_| Problem::invalid(name, "expected percent-encoded UTF-8");
    Path::from_request_parts(parts, state).await.map(|Path(value)| value).map_err(wrong)
}
