//! `POST /v1/endpoints/{id}/secrets/rotate`: a new secret, shown this once. Until
//! `previous_expires_at` webhooks are signed with the older ones too.

use actix_web::web::{Data, Path};
use jiff::Timestamp;
use rollcall_domain::{ids::EndpointId, timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    State, body::OptionalBody, error::ApiResult, field::Within, json, query::NoQuery, validate::Overlap,
};

/// One day.
const OVERLAP: Overlap = Within(86_400);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    overlap_seconds: Option<Overlap>,
}

#[derive(Serialize)]
struct Rotated<'a> {
    secret: &'a str,
    #[serde(serialize_with = "timestamp::serialize")]
    previous_expires_at: Timestamp,
}

pub(crate) async fn rotate_secret(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    OptionalBody(rotation): OptionalBody<Rotation>,
) -> ApiResult {
    super::find(&state, &id)?;
    let overlap = rotation.overlap_seconds.unwrap_or(OVERLAP).0;
    let (secret, previous_expires_at) = state.store.rotate_secret(&id, overlap).await?;
    Ok(json::ok(&Rotated { secret: secret.expose_secret(), previous_expires_at }))
}
