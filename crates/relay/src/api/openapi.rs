//! The description of the API, for programs that make clients and tests of it.

use std::sync::LazyLock;

use axum::response::Response;
use bytes::Bytes;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{ack, emission, emit, moves, namespaces, nodes, problem, request, rooms, sockets};

/// All routes, by what answers them.
#[derive(OpenApi)]
#[openapi(
    info(title = "Fanfare's HTTP API", description = "Emit to the clients of a relay, see who is there, and move them."),
    paths(
        emit::emit, emit::emit_batch, nodes::list, namespaces::list, rooms::list, rooms::one, rooms::move_all,
        rooms::disconnect_all, sockets::list, sockets::one, sockets::move_one, sockets::disconnect_one
    ),
    components(schemas(
        ack::Ack, ack::AckWanted, emission::Emit, emission::Emitted, emission::NodesTold, emit::Batch,
        emit::BatchResult, emit::ItemResult, namespaces::NamespaceTold, namespaces::Namespaces, moves::Moved, moves::Moves,
        nodes::NodeTold, nodes::NodesListed, nodes::Standing,
        problem::Said, rooms::RoomTold, rooms::RoomsTold, sockets::SocketTold, sockets::Sockets
    )),
    security(("key" = [])),
    modifiers(&Bearer)
)]
struct Description;

/// How a key is shown.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Made once.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| request::json(&Description::openapi()).unwrap_or_default());

pub(crate) async fn openapi() -> Response {
    request::answer(TEXT.clone())
}
