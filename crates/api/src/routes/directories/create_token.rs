//! `POST /v1/directories/{id}/tokens`: 201 with a token that is shown this once.
//!
//! With `overlap_seconds` it replaces the older ones, which stop after that time; without, they go on.

use actix_web::web::{Data, Path};
use rollcall_domain::{directory::Token, ids::DirectoryId};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{State, body::OptionalBody, error::ApiResult, json, query::NoQuery, validate::Overlap};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    overlap_seconds: Option<Overlap>,
}

#[derive(Serialize)]
struct CreatedToken<'a> {
    #[serde(flatten)]
    about: &'a Token,
    token: &'a str,
}

pub(crate) async fn create_token(
    state: Data<State>,
    id: Path<DirectoryId>,
    _: NoQuery,
    OptionalBody(new): OptionalBody<NewToken>,
) -> ApiResult {
    super::find(&state, &id)?;
    let overlap = new.overlap_seconds.map(|seconds| seconds.0);
    let (about, token) = state.store.create_token(&id, overlap).await?;
    Ok(json::created(&CreatedToken { about: &about, token: token.expose_secret() }))
}
