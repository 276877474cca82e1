//! `PATCH /v1/endpoints/{id}`: changes what is named, and answers with the endpoint. The scope is
//! fixed: another scope is another endpoint.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use rollcall_domain::{
    endpoint::{Endpoint, OnExhausted},
    ids::EndpointId,
};
use rollcall_store::config_ops::EndpointPatch;
use serde::Deserialize;

use crate::{
    State,
    body::{Body, present},
    error::ApiResult,
    field::{EventTypes, OneOf, Signature},
    json,
    query::NoQuery,
    validate::{self, Timeout, Wait},
    views::endpoint::EndpointView,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointChange {
    #[serde(default, deserialize_with = "present")]
    url: Option<String>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    event_types: Option<Vec<EventTypes>>,
    #[serde(default, deserialize_with = "present")]
    format: Option<String>,
    #[serde(default, deserialize_with = "present")]
    retry_schedule: Option<Vec<Wait>>,
    #[serde(default, deserialize_with = "present")]
    timeout_seconds: Option<Timeout>,
    #[serde(default, deserialize_with = "present")]
    on_exhausted: Option<OneOf<OnExhausted>>,
    #[serde(default, deserialize_with = "present")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "present")]
    signatures: Option<Vec<OneOf<Signature>>>,
}

impl EndpointChange {
    fn validate(self, state: &State, endpoint: &Endpoint) -> ApiResult<EndpointPatch> {
        if let Some(url) = &self.url {
            validate::url(state, url)?;
        }
        if let Some(Some(description)) = &self.description {
            validate::description(description)?;
        }
        validate::format(self.format.as_deref())?;
        Ok(EndpointPatch {
            url: self.url,
            description: self.description,
            event_types: self
                .event_types
                .map(|types| validate::event_types(types, &endpoint.scope))
                .transpose()?,
            retry_schedule: self.retry_schedule.map(validate::retry_schedule).transpose()?,
            timeout_seconds: self.timeout_seconds.map(validate::timeout),
            on_exhausted: self.on_exhausted.map(|then| then.0),
            headers: self.headers.map(validate::headers).transpose()?,
            state: None,
            asymmetric: validate::signatures(self.signatures)?,
        })
    }
}

pub(crate) async fn update(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    Body(change): Body<EndpointChange>,
) -> ApiResult {
    let endpoint = super::find(&state, &id)?;
    let patch = change.validate(&state, &endpoint)?;
    let endpoint = super::change(&state, endpoint, patch).await?;
    Ok(json::ok(&EndpointView::from(&*endpoint)))
}
