//! `POST /v1/organizations`: 201 with the organization.

use actix_web::web::Data;
use serde::Deserialize;

use crate::{State, body::Body, error::ApiResult, json, query::NoQuery, validate};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrganization {
    name: String,
    external_id: Option<String>,
}

pub(crate) async fn create(state: Data<State>, _: NoQuery, Body(new): Body<NewOrganization>) -> ApiResult {
    validate::name("name", &new.name)?;
    if let Some(external_id) = &new.external_id {
        validate::name("external_id", external_id)?;
    }
    let organization = state.store.create_organization(new.name, new.external_id).await?;
    Ok(json::created(&organization))
}
