//! `POST /v1/directories`: 201 with the directory and its first token, which is shown this once.

use actix_web::web::Data;
use rollcall_domain::{
    directory::{Mode, Provider, RuleSwitches},
    ids::TokenId,
};
use rollcall_store::config_ops;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    State, body::Body, error::ApiResult, field::OneOf, json, query::NoQuery, routes::organizations, validate,
    views::directory::DirectoryView,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDirectory {
    organization_id: String,
    name: Option<String>,
    provider: OneOf<Provider>,
    mode: Option<OneOf<Mode>>,
    #[serde(default)]
    compatibility: RuleSwitches,
}

#[derive(Serialize)]
struct CreatedDirectory<'a> {
    #[serde(flatten)]
    directory: DirectoryView<'a>,
    token_id: &'a TokenId,
    token: &'a str,
}

pub(crate) async fn create(state: Data<State>, _: NoQuery, Body(new): Body<NewDirectory>) -> ApiResult {
    let name = new.name.unwrap_or_else(|| new.provider.0.as_str().to_owned());
    validate::name("name", &name)?;
    let new = config_ops::NewDirectory {
        organization_id: organizations::named(&state, "organization_id", &new.organization_id)?,
        name,
        provider: new.provider.0,
        mode: new.mode.map_or_else(Mode::default, |mode| mode.0),
        compatibility: new.compatibility,
    };
    let (directory, token, secret) = state.store.create_directory(new).await?;
    Ok(json::created(&CreatedDirectory {
        directory: DirectoryView::new(&state, &directory),
        token_id: &token.id,
        token: secret.expose_secret(),
    }))
}
