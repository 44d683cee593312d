//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use super::authorize::{authorize, count};
use super::problem::Problem;
use super::{Api, emit, listing, openapi, rooms, sockets};

/// Everything below `/api`, and nothing else: so it can stand beside what operators ask.
pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/emit", post(emit::emit))
        .route("/api/emit/batch", post(emit::emit_batch))
        .route("/api/namespaces", get(listing::namespaces))
        .route("/api/rooms", get(rooms::list))
        .route("/api/rooms/{room}", get(rooms::one))
        .route("/api/rooms/{room}/sockets", post(rooms::move_all).delete(rooms::disconnect_all))
        .route("/api/sockets", get(sockets::list))
        .route("/api/sockets/{id}", get(sockets::one).delete(sockets::disconnect_one))
        .route("/api/sockets/{id}/rooms", post(sockets::move_one))
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
