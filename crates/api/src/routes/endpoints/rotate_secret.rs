//! `POST /v1/endpoints/{id}/secrets/rotate`: a new secret, shown this once. Until
//! `previous_expires_at` webhooks are signed with the older ones too.

use actix_web::web::{Data, Path};
use jiff::Timestamp;
use rollcall_domain::ids::EndpointId;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{State, body::OptionalBody, error::ApiResult, json, query::NoQuery, validate};

/// One day.
const OVERLAP_SECONDS: u32 = 86_400;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    overlap_seconds: Option<u32>,
}

#[derive(Serialize)]
struct Rotated<'a> {
    secret: &'a str,
    previous_expires_at: Timestamp,
}

pub(crate) async fn rotate_secret(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    OptionalBody(rotation): OptionalBody<Rotation>,
) -> ApiResult {
    super::find(&state, &id)?;
    let overlap = validate::overlap(rotation.overlap_seconds.unwrap_or(OVERLAP_SECONDS))?;
    let (secret, previous_expires_at) = state.store.rotate_secret(&id, overlap).await?;
    Ok(json::ok(&Rotated { secret: secret.expose_secret(), previous_expires_at }))
}
