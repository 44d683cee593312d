//! Into rooms and out of them.

use axum::extract::Request;
use serde::Serialize;
use socketio::{Broadcast, Nodes};
use utoipa::ToSchema;

use super::Api;
use super::emission::{NodesTold, check_rooms, take_rooms};
use super::fields::Fields;
use super::key::Key;
use super::problem::Problem;
use super::request::body;

/// Where somebody is to go: into rooms first, then out of others.
#[derive(Debug, ToSchema)]
pub(crate) struct Moves {
    #[schema(required = false, max_items = 100)]
    join: Vec<String>,
    #[schema(required = false, max_items = 100)]
    leave: Vec<String>,
}

/// Whom it was about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Moved {
    /// How many clients, when it was asked for.
    sockets: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<NodesTold>,
}

impl Moves {
    pub(crate) async fn read(api: &Api, key: &Key, request: Request) -> Result<Self, Problem> {
        let body = body(request.into_body(), api.terms.get().body_bytes_max()).await?;
        let mut fields = Fields::of_body(&body)?;
        let mut rooms = |name: &str| -> Result<Vec<String>, Problem> {
            let rooms = take_rooms(&mut fields, name)?.unwrap_or_default();
            check_rooms(&rooms, name, Some(key))?;
            Ok(rooms)
        };
        let (join, leave) = (rooms("join")?, rooms("leave")?);
        fields.finish()?;
        if join.is_empty() && leave.is_empty() {
            return Err(Problem::invalid("join", "expected at least one room in join or leave"));
        }
        Ok(Self { join, leave })
    }

    /// With this room as the last that is left: who is chosen by it has to be in it until then.
    pub(crate) fn leaving_last(mut self, room: &str) -> Self {
        self.leave.sort_by_key(|name| name == room);
        self
    }

    /// Joins first: nobody is in no room at all meanwhile.
    pub(crate) fn carry_out(self, to: &Broadcast) {
        self.join.into_iter().for_each(|room| to.clone().join(room));
        self.leave.into_iter().for_each(|room| to.clone().leave(room));
    }
}

impl Moved {
    /// Those who were counted.
    pub(crate) fn of((sockets, nodes): (usize, Nodes)) -> Self {
        Self { sockets, nodes: NodesTold::of(nodes) }
    }
}
