//! What the fields of bodies may hold. Each check answers with the field's name and the rule.

use std::collections::{BTreeMap, HashSet};

use actix_web::http::header::{HeaderName, HeaderValue};
use rollcall_domain::{
    endpoint::{Format, RetrySchedule, Scope},
    event::EventType,
};
use url::Url;

use crate::{
    State,
    error::{ApiError, ApiResult, ErrorCode, clipped},
    field::{EventTypes, OneOf, Signature, Within},
};

const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 1_000;
const MAX_URL: usize = 2_048;
const MAX_EVENT_TYPES: usize = 50;
const MAX_HEADERS: usize = 20;
const MAX_HEADER_VALUE: usize = 1_024;

/// A deadline over all phases of an attempt, in seconds.
pub(crate) type Timeout = Within<1, 30>;
/// How long a replaced secret or token lives on, in seconds, up to 30 days; 0 ends it at once.
pub(crate) type Overlap = Within<0, { 30 * 86_400 }>;
/// A wait before an attempt, in seconds.
pub(crate) type Wait = Within<0, { RetrySchedule::MAX_WAIT_SECONDS }>;

/// Header lines that say how a message is framed, who sent it, or that it is genuine.
const RESERVED_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const RESERVED_PREFIXES: &[&str] = &["proxy-", "webhook-"];

/// A name for people, or an id of the owner's: 1 to 200 characters.
pub(crate) fn name(field: &str, value: &str) -> ApiResult<()> {
    let length = value.chars().count();
    if value.trim().is_empty() || length > MAX_NAME {
        return Err(ApiError::invalid(field, format!("must have 1 to {MAX_NAME} characters")));
    }
    if value.chars().any(char::is_control) {
        return Err(ApiError::invalid(field, "must not have control characters"));
    }
    Ok(())
}

/// A description for people; it may be empty.
pub(crate) fn description(value: &str) -> ApiResult<()> {
    if value.chars().count() > MAX_DESCRIPTION || value.contains('\0') {
        return Err(ApiError::invalid(
            "description",
            format!("must have at most {MAX_DESCRIPTION} characters"),
        ));
    }
    Ok(())
}

/// A URL that the egress policy allows.
pub(crate) fn url(state: &State, value: &str) -> ApiResult<()> {
    if value.chars().count() > MAX_URL {
        return Err(ApiError::invalid("url", format!("must have at most {MAX_URL} characters")));
    }
    let url = Url::parse(value).map_err(|_| {
        ApiError::invalid("url", "is not a complete URL, such as https://app.example.com/hooks")
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(ApiError::invalid("url", "must begin with https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ApiError::invalid("url", "must not hold a user name or password; send a header instead"));
    }
    (state.check_endpoint_url)(value).map_err(|why| {
        ApiError::new(ErrorCode::EndpointUrlRefused, format!("`url` is not allowed: {why}.")).at("url")
    })
}

/// No type twice. An empty list stands for all, the operator's apart, which are of no organization.
pub(crate) fn event_types(types: Vec<EventTypes>, scope: &Scope) -> ApiResult<Vec<EventType>> {
    if types.len() > MAX_EVENT_TYPES {
        return Err(ApiError::invalid("event_types", format!("must have at most {MAX_EVENT_TYPES} entries")));
    }
    if let Some(twice) = EventTypes::twice(&types) {
        return Err(ApiError::invalid("event_types", format!("has {twice} twice")));
    }
    let types = EventTypes::all_of(types);
    if let (Some(kind), Scope::Organization(_) | Scope::Directory(_)) =
        (types.iter().find(|kind| kind.is_operator()), scope)
    {
        let why = format!("{kind} goes only to an endpoint without `organization_id` and `directory_id`");
        return Err(ApiError::invalid("event_types", why));
    }
    Ok(types)
}

/// Whether webhooks carry `v1a` signatures; `v1` they always do.
pub(crate) fn signatures(kinds: Option<Vec<OneOf<Signature>>>) -> ApiResult<Option<bool>> {
    let Some(kinds) = kinds else { return Ok(None) };
    let has = |kind| kinds.iter().any(|one| one.0 == kind);
    if !has(Signature::V1) || kinds.len() > 1 + usize::from(has(Signature::V1a)) {
        return Err(ApiError::invalid("signatures", "must be [\"v1\"] or [\"v1\",\"v1a\"]"));
    }
    Ok(Some(has(Signature::V1a)))
}

/// The one format that there is.
pub(crate) fn format(name: Option<&str>) -> ApiResult<Format> {
    match name {
        None | Some("standard") => Ok(Format::Standard),
        Some(other) => Err(ApiError::new(
            ErrorCode::UnsupportedFormat,
            format!("`format` must be standard, not `{}`.", clipped(other)),
        )
        .at("format")),
    }
}

pub(crate) fn retry_schedule(waits: Vec<Wait>) -> ApiResult<RetrySchedule> {
    RetrySchedule::new(waits.into_iter().map(|wait| wait.0).collect())
        .map_err(|why| ApiError::invalid("retry_schedule", why))
}

/// As the domain has it.
pub(crate) fn timeout(seconds: Timeout) -> u8 {
    u8::try_from(seconds.0).unwrap_or(u8::MAX)
}

/// Header lines that can be sent and are the owner's to set.
pub(crate) fn headers(headers: BTreeMap<String, String>) -> ApiResult<BTreeMap<String, String>> {
    if headers.len() > MAX_HEADERS {
        return Err(ApiError::invalid("headers", format!("must have at most {MAX_HEADERS} entries")));
    }
    let mut seen = HashSet::new();
    for (name, value) in &headers {
        let field = format!("headers.{name}");
        let lower = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| ApiError::invalid(&field, "is not a valid header name"))?;
        let lower = lower.as_str();
        if RESERVED_HEADERS.contains(&lower)
            || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
        {
            return Err(ApiError::invalid(&field, "is reserved"));
        }
        if !seen.insert(lower.to_owned()) {
            return Err(ApiError::invalid(&field, "is there twice"));
        }
        let sendable = HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok());
        if !sendable || value.len() > MAX_HEADER_VALUE {
            return Err(ApiError::invalid(
                &field,
                format!("must have at most {MAX_HEADER_VALUE} visible ASCII characters"),
            ));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_that_are_not_the_owners_are_refused() {
        for name in
            ["Host", "content-length", "Webhook-Id", "webhook-anything", "Transfer-Encoding", "a b", "", "é"]
        {
            let error = headers(BTreeMap::from([(name.to_owned(), "x".to_owned())])).expect_err(name);
            assert_eq!(error.field, Some(format!("headers.{name}")));
        }
        for value in ["a\r\nb: c", "\u{e9}", &"x".repeat(1_025)] {
            assert!(headers(BTreeMap::from([("x-a".to_owned(), value.to_owned())])).is_err(), "{value:?}");
        }
        let twice = ["X-A", "x-a"].map(|name| (name.to_owned(), "1".to_owned()));
        assert!(headers(BTreeMap::from(twice)).is_err());
        let many = (0..21).map(|n| (format!("x-{n}"), String::new()));
        assert!(headers(many.collect()).is_err());
        let good = BTreeMap::from([("Authorization".to_owned(), "Bearer a b".to_owned())]);
        assert_eq!(headers(good.clone()).ok(), Some(good));
    }

    #[test]
    fn names_have_something_to_read() {
        for (value, good) in
            [("Acme", true), ("", false), ("  ", false), ("a\nb", false), (&"é".repeat(200), true)]
        {
            assert_eq!(name("name", value).is_ok(), good, "{value:?}");
        }
        assert!(name("name", &"é".repeat(201)).is_err());
    }
}
