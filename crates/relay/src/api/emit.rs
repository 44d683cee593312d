//! `POST /api/emit` and `POST /api/emit/batch`.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Api;
use super::bounded::AtMost;
use super::emission::{Emission, Emit, Emitted};
use super::fields::Fields;
use super::idempotency::IdempotencyKey;
use super::key::Key;
use super::problem::{Problem, Said};
use super::request::json;

/// Events, each by itself: that one is wrong keeps no other from being sent.
#[derive(Debug, ToSchema)]
pub(crate) struct Batch {
    #[schema(min_items = 1, max_items = 100, value_type = Vec<Emit>)]
    items: Vec<Box<RawValue>>,
}

/// What became of each, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResult {
    #[schema(value_type = Vec<ItemResult>)]
    results: Vec<Box<RawValue>>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ItemResult<'a> {
    Emitted(Emitted),
    Error { error: Said<'a> },
}

#[utoipa::path(
    post, path = "/api/emit", tag = "emit", operation_id = "emit", request_body = Emit,
    params(IdempotencyKey),
    responses((status = 200, body = Emitted), Problem)
)]
pub(crate) async fn emit(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    request: Request,
) -> Result<Response, Problem> {
    api.once(key, request, emit_one).await
}

#[utoipa::path(
    post, path = "/api/emit/batch", tag = "emit", operation_id = "emitBatch", request_body = Batch,
    params(IdempotencyKey),
    responses((status = 200, body = BatchResult), Problem)
)]
pub(crate) async fn emit_batch(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    request: Request,
) -> Result<Response, Problem> {
    api.once(key, request, emit_all).await
}

async fn emit_one(api: Arc<Api>, key: Arc<Key>, body: Bytes) -> Result<Bytes, Problem> {
    let emission = Emission::read(&api, &api.terms.get(), &key, Fields::of_body(&body)?)?;
    let outcome = emission.send(&api).await?;
    json(&outcome.await?)
}

async fn emit_all(api: Arc<Api>, key: Arc<Key>, body: Bytes) -> Result<Bytes, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let expected = "a list of 1 to 100 events";
    let AtMost::<_, ITEMS_MAX>(items) = fields.required("items", expected)?;
    let Batch { items } = Batch { items };
    if items.is_empty() {
        return Err(Problem::invalid("items", format!("expected {expected}, found none")));
    }
    fields.finish()?;
    let terms = api.terms.get();
    // All are sent before any is waited for.
    let mut outcomes = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let emission =
            Fields::of(&format!("items[{index}]"), item).and_then(|fields| Emission::read(&api, &terms, &key, fields));
        outcomes.push(match emission {
            Ok(emission) => emission.send(&api).await,
            Err(problem) => Err(problem),
        });
    }
    let mut results = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        let result = match outcome {
            Ok(outcome) => outcome.await,
            Err(problem) => Err(problem),
        };
        let text = match result {
            Ok(emitted) => serde_json::value::to_raw_value(&ItemResult::Emitted(emitted)),
            Err(problem) => {
                api.counts.refused(problem.code);
                serde_json::value::to_raw_value(&ItemResult::Error { error: problem.said() })
            }
        };
        results.push(text.map_err(|_| Problem::internal())?);
    }
    json(&BatchResult { results })
}

/// Of a batch.
pub(crate) const ITEMS_MAX: usize = 100;
