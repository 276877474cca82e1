//! `POST /v1/replays`: 202 with a replay that runs. Its range is what the log holds now.

use actix_web::web::Data;
use rollcall_domain::{
    ids::{EndpointId, GroupId, UserId},
    replay::{Replay, ReplayFilter},
};
use rollcall_store::replays::{NewReplay, ReplayError};
use serde::Deserialize;

use crate::{
    State,
    body::Body,
    error::{ApiError, ApiResult, ErrorCode},
    field::{EventTypes, Moment, Sequence, Within},
    json,
    query::NoQuery,
    routes::{directories, endpoints, organizations},
    views::replay::ReplayView,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayOrder {
    endpoint_id: String,
    organization_id: Option<String>,
    directory_id: Option<String>,
    types: Option<Vec<EventTypes>>,
    subject_id: Option<String>,
    from_sequence: Option<Sequence>,
    to_sequence: Option<Sequence>,
    from_time: Option<Moment>,
    to_time: Option<Moment>,
    #[serde(default)]
    only_undelivered: bool,
    rate_per_second: Option<Within<1, { Replay::MAX_RATE }>>,
}

impl ReplayOrder {
    fn validate(self, state: &State) -> ApiResult<NewReplay> {
        let endpoint_id = EndpointId::parse(&self.endpoint_id)
            .filter(|id| endpoints::find(state, id).is_ok())
            .ok_or_else(|| ApiError::not_found("endpoint").at("endpoint_id"))?;
        let named =
            |field, id: Option<String>| id.map(|id| organizations::named(state, field, &id)).transpose();
        let organization_id = named("organization_id", self.organization_id)?;
        let directory_id =
            self.directory_id.map(|id| directories::named(state, "directory_id", &id)).transpose()?;
        for (field, sequence) in [("from_sequence", self.from_sequence), ("to_sequence", self.to_sequence)] {
            if sequence.is_some() && directory_id.is_none() {
                let why = "needs `directory_id`: each directory counts for itself";
                return Err(ApiError::invalid(field, why));
            }
        }
        let (from_sequence, to_sequence) =
            (self.from_sequence.map(|from| from.0), self.to_sequence.map(|to| to.0));
        if from_sequence.zip(to_sequence).is_some_and(|(from, to)| from > to) {
            return Err(ApiError::invalid("to_sequence", "must not be before `from_sequence`"));
        }
        let (from_time, to_time) = (self.from_time.map(|at| at.0), self.to_time.map(|at| at.0));
        if from_time.zip(to_time).is_some_and(|(from, to)| from > to) {
            return Err(ApiError::invalid("to_time", "must not be before `from_time`"));
        }
        if self
            .subject_id
            .as_ref()
            .is_some_and(|id| UserId::parse(id).is_none() && GroupId::parse(id).is_none())
        {
            return Err(ApiError::invalid(
                "subject_id",
                "must be an id of a user (usr_…) or a group (grp_…)",
            ));
        }
        if let (Some(organization), Some(directory)) = (&organization_id, &directory_id)
            && directories::find(state, directory)?.directory.organization_id != *organization
        {
            return Err(ApiError::invalid("directory_id", "is a directory of another organization"));
        }
        let filter = ReplayFilter {
            organization_id,
            directory_id,
            types: EventTypes::all_of(self.types.unwrap_or_default()),
            subject_id: self.subject_id.map(Into::into),
            from_sequence,
            to_sequence,
            from_time,
            to_time,
            only_undelivered: self.only_undelivered,
        };
        let rate_per_second = self.rate_per_second.map_or(Replay::DEFAULT_RATE, |rate| rate.0);
        Ok(NewReplay { endpoint_id, filter, rate_per_second })
    }
}

pub(crate) async fn create(state: Data<State>, _: NoQuery, Body(order): Body<ReplayOrder>) -> ApiResult {
    let order = order.validate(&state)?;
    let replay = state.store.create_replay(order).await.map_err(|error| match error {
        ReplayError::NoEndpoint => ApiError::not_found("endpoint").at("endpoint_id"),
        ReplayError::TooMany(most) => ApiError::new(
            ErrorCode::Conflict,
            format!("{most} replays run for this endpoint: let one end, or cancel it."),
        )
        .at("endpoint_id"),
        ReplayError::Read(error) => error.into(),
        ReplayError::Write(error) => error.into(),
    })?;
    let report = state.store.replay(&replay.id).await?.ok_or_else(|| ApiError::not_found("replay"))?;
    Ok(json::accepted(&ReplayView::from(&report)))
}
