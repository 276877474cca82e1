//! `POST /v1/endpoints`: 201 with the endpoint and its secret, which is shown this once. It starts
//! after the newest event unless it says otherwise; its URL is not probed.

use std::collections::BTreeMap;

use actix_web::web::Data;
use rollcall_domain::endpoint::{OnExhausted, RetrySchedule, Scope};
use rollcall_store::config_ops::{self, Start};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    State,
    body::Body,
    error::{ApiError, ApiResult},
    field::{EventTypes, OneOf, Signature, StartAt, Within},
    json,
    query::NoQuery,
    routes::{directories, organizations},
    validate::{self, Timeout, Wait},
    views::endpoint::EndpointView,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEndpoint {
    url: String,
    description: Option<String>,
    organization_id: Option<String>,
    directory_id: Option<String>,
    event_types: Option<Vec<EventTypes>>,
    format: Option<String>,
    retry_schedule: Option<Vec<Wait>>,
    timeout_seconds: Option<Timeout>,
    on_exhausted: Option<OneOf<OnExhausted>>,
    headers: Option<BTreeMap<String, String>>,
    start: Option<StartAt>,
    signatures: Option<Vec<OneOf<Signature>>>,
}

#[derive(Serialize)]
struct CreatedEndpoint<'a> {
    #[serde(flatten)]
    endpoint: EndpointView<'a>,
    secret: &'a str,
}

impl NewEndpoint {
    /// The default deadline over all phases of an attempt.
    const TIMEOUT: Timeout = Within(15);

    /// The finished value, or the first thing that is wrong with it.
    fn validate(self, state: &State) -> ApiResult<config_ops::NewEndpoint> {
        validate::url(state, &self.url)?;
        if let Some(description) = &self.description {
            validate::description(description)?;
        }
        let scope = match (self.organization_id, self.directory_id) {
            (None, None) => Scope::All,
            (Some(id), None) => Scope::Organization(organizations::named(state, "organization_id", &id)?),
            (None, Some(id)) => Scope::Directory(directories::named(state, "directory_id", &id)?),
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("directory_id", "cannot be combined with `organization_id`"));
            }
        };
        let start = self.start.map_or_else(Start::default, |start| start.0);
        if matches!(start, Start::Sequence(_)) && !matches!(scope, Scope::Directory(_)) {
            let why = "can be a sequence only with `directory_id`: each directory counts for itself";
            return Err(ApiError::invalid("start", why));
        }
        let event_types = validate::event_types(self.event_types.unwrap_or_default(), &scope)?;
        Ok(config_ops::NewEndpoint {
            url: self.url,
            description: self.description,
            scope,
            event_types,
            format: validate::format(self.format.as_deref())?,
            retry_schedule: self
                .retry_schedule
                .map_or_else(|| Ok(RetrySchedule::default()), validate::retry_schedule)?,
            timeout_seconds: validate::timeout(self.timeout_seconds.unwrap_or(Self::TIMEOUT)),
            on_exhausted: self.on_exhausted.map_or_else(OnExhausted::default, |then| then.0),
            headers: validate::headers(self.headers.unwrap_or_default())?,
            start,
            asymmetric: validate::signatures(self.signatures)?.unwrap_or(false),
        })
    }
}

pub(crate) async fn create(state: Data<State>, _: NoQuery, Body(new): Body<NewEndpoint>) -> ApiResult {
    let (endpoint, secret) = state.store.create_endpoint(new.validate(&state)?).await?;
    Ok(json::created(&CreatedEndpoint { endpoint: (&endpoint).into(), secret: secret.expose_secret() }))
}
