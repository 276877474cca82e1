//! `PATCH /v1/directories/{id}`: changes what is named, and answers with the directory.

use actix_web::web::{Data, Path};
use rollcall_domain::{
    directory::{Provider, RuleSwitches},
    ids::DirectoryId,
};
use rollcall_store::config_ops::DirectoryPatch;
use serde::Deserialize;

use crate::{
    State,
    body::{Body, present},
    error::ApiResult,
    field::OneOf,
    json,
    query::NoQuery,
    validate,
    views::directory::DirectoryView,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryChange {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    provider: Option<OneOf<Provider>>,
    #[serde(default, deserialize_with = "present")]
    compatibility: Option<RuleSwitches>,
}

pub(crate) async fn update(
    state: Data<State>,
    id: Path<DirectoryId>,
    _: NoQuery,
    Body(change): Body<DirectoryChange>,
) -> ApiResult {
    super::find(&state, &id)?;
    if let Some(name) = &change.name {
        validate::name("name", name)?;
    }
    let patch = DirectoryPatch {
        name: change.name,
        provider: change.provider.map(|provider| provider.0),
        compatibility: change.compatibility,
    };
    state.store.update_directory(&id, patch).await?;
    Ok(json::ok(&DirectoryView::new(&state, &super::find(&state, &id)?.directory)))
}
