//! Around every route: who asks, and what came of it.

use std::sync::Arc;

use axum::extract::{Extension, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header;

use super::Api;
use super::config::Deed;
use super::key::Key;
use super::problem::{Problem, Refused};

/// Answers only those who show a key, before anything else of a request is read.
pub(crate) async fn authorize(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let shown = request.headers().get(header::AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
    let key = api.terms.get().keys.shown_by(shown).ok_or_else(Problem::unauthorized)?;
    request.extensions_mut().insert(key);
    Ok(next.run(request).await)
}

/// Answers only those whose key may do that, and while it may be done.
pub(crate) async fn permit(
    State((api, deed)): State<(Arc<Api>, Deed)>,
    Extension(key): Extension<Arc<Key>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    key.may(deed)?;
    if deed != Deed::Read {
        api.takes_orders()?;
    }
    Ok(next.run(request).await)
}

pub(crate) async fn count(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    api.counts.request(route.as_ref().map_or("none", MatchedPath::as_str), response.status().as_u16());
    if let Some(Refused(code)) = response.extensions().get::<Refused>() {
        api.counts.refused(code);
    }
    response
}
