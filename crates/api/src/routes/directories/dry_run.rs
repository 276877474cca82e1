//! `POST /v1/directories/{id}/requests/{request_id}/dry-run`: what a logged request would do now. Nothing is changed.

use actix_web::web::{Data, Path};
use bytes::Bytes;
use rollcall_domain::ids::{DirectoryId, RequestId};
use serde::Serialize;
use serde_json::Value;

use super::get_request::find;
use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::{ApiError, ApiResult, ErrorCode},
    json,
    query::NoQuery,
    state::TryOut,
    views::request::Body,
};

#[derive(Serialize)]
struct DryRunReport<'a> {
    request_id: &'a RequestId,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<Body<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    rules: Vec<&'static str>,
    events: Vec<Value>,
}

pub(crate) async fn dry_run(
    state: Data<State>,
    ids: Path<(DirectoryId, RequestId)>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    let (directory, id) = ids.into_inner();
    let detail = find(&state, &directory, &id).await?;
    if detail.request_cut || detail.changed {
        let why = "The log does not have this request whole: it was longer than what is kept, was refused before it was \
                   read, or something was taken out of it.";
        return Err(ApiError::new(ErrorCode::Conflict, why));
    }
    let tried = (state.try_out)(TryOut {
        directory_id: directory,
        method: detail.summary.method.clone(),
        path: detail.summary.path.clone(),
        body: detail.request_body.map_or_else(Bytes::new, Bytes::from),
    })
    .await
    .ok_or_else(|| {
        let why =
            "A bulk request cannot be tried without carrying it out: its operations build on each other.";
        ApiError::new(ErrorCode::Conflict, why)
    })?;
    let body = String::from_utf8_lossy(&tried.body);
    Ok(json::ok(&DryRunReport {
        request_id: &id,
        status: tried.status,
        response_body: (!body.is_empty()).then(|| Body::new(&body)),
        reason: tried.reason.map(|reason| reason.as_str()),
        advice: tried.reason.map(|reason| reason.advice()),
        rules: tried.rules,
        events: tried.events.iter().map(|body| told(body)).collect(),
    }))
}

/// An event that nobody was told, without what only a told one has.
fn told(body: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        for key in ["id", "timestamp", "sequence", "cause"] {
            map.remove(key);
        }
    }
    value
}
