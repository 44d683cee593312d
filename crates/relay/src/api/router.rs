//! The routes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, delete, get, post};

use super::authorize::{authorize, count, permit};
use super::config::Deed;
use super::problem::Problem;
use super::{Api, emit, namespaces, nodes, openapi, rooms, sockets};

/// Everything below `/api`, and nothing else: so it can stand beside what operators ask.
pub(crate) fn router(api: Arc<Api>) -> Router {
    type Routes = MethodRouter<Arc<Api>, Infallible>;
    let for_whom = |deed, routes: Routes| routes.route_layer(from_fn_with_state((Arc::clone(&api), deed), permit));
    let emits = |routes| for_whom(Deed::Emit, routes);
    let reads = |routes| for_whom(Deed::Read, routes);
    let moves = |routes| for_whom(Deed::Move, routes);
    let disconnects = |routes| for_whom(Deed::Disconnect, routes);
    Router::new()
        .route("/api/emit", emits(post(emit::emit)))
        .route("/api/emit/batch", emits(post(emit::emit_batch)))
        .route("/api/nodes", reads(get(nodes::list)))
        .route("/api/namespaces", reads(get(namespaces::list)))
        .route("/api/rooms", reads(get(rooms::list)))
        .route("/api/rooms/{room}", reads(get(rooms::one)))
        .route(
            "/api/rooms/{room}/sockets",
            moves(post(rooms::move_all)).merge(disconnects(delete(rooms::disconnect_all))),
        )
        .route("/api/sockets", reads(get(sockets::list)))
        .route("/api/sockets/{id}", reads(get(sockets::one)).merge(disconnects(delete(sockets::disconnect_one))))
        .route("/api/sockets/{id}/rooms", moves(post(sockets::move_one)))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .route("/api", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .route_layer(from_fn_with_state(Arc::clone(&api), authorize))
        // What can be asked is no secret.
        .route("/api/openapi.json", get(openapi::openapi))
        .route_layer(from_fn_with_state(Arc::clone(&api), count))
        .with_state(api)
}

async fn not_found() -> Problem {
    Problem::not_found()
}
