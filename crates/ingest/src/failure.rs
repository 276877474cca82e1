//! Every way in which a request can fail, and what each looks like to the client: RFC 7644 §3.12.
//!
//! A variant exists where status or headers differ. Whatever refuses a request (this crate, `scim`, `domain`,
//! `store`) ends here, and here alone becomes an [`Answer`].

use actix_web::http::{
    StatusCode,
    header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use rollcall_domain::Refusal;
use rollcall_scim::{Reason, ScimError, ScimType};
use rollcall_store::{WriteError, read::ReadError};

use crate::answer::Answer;

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    /// 401. The same for every cause.
    #[error("The bearer token is missing, or does not open this directory.")]
    Unauthorized,
    /// 403: the right token, but the owner disabled the directory.
    #[error("This directory is disabled. Its owner has to enable it before it takes requests again.")]
    Disabled,
    /// 404: the URL is none of this service's.
    #[error("There is no such endpoint.")]
    NoSuchEndpoint,
    /// 404: no such resource in this directory.
    #[error("There is no such resource.")]
    NoSuchResource,
    /// 405, with the methods that the endpoint has.
    #[error("This endpoint answers only to {0}.")]
    MethodNotAllowed(&'static str),
    /// 408: the body took too long to arrive.
    #[error("The body did not arrive in time.")]
    BodyTimeout,
    /// 412: `If-Match` names another version.
    #[error("The resource has another version by now: {0}.")]
    VersionMismatch(String),
    /// 413: the body is larger than so many bytes.
    #[error("The body may have at most {0} bytes.")]
    BodyTooLarge(usize),
    /// 415: the body is something else than JSON as it is.
    #[error(
        "The body must be sent as application/scim+json or application/json, without a content encoding."
    )]
    UnsupportedMediaType,
    /// 501: a part of SCIM that this service does not have.
    #[error("{0}")]
    NotImplemented(&'static str),
    /// 503: try again after so many seconds.
    #[error("The service cannot do this at the moment: {reason}.")]
    Unavailable {
        /// In words.
        reason: &'static str,
        /// For `Retry-After`.
        retry_after_seconds: u32,
    },
    /// 500: our own fault; the cause was logged where it was seen.
    #[error("The service failed to carry out the request.")]
    Internal,
    /// The request itself is wrong, or asks for what SCIM forbids.
    #[error("{}", .0.detail)]
    Scim(#[from] ScimError),
}

impl Failure {
    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Disabled => 403,
            Self::NoSuchEndpoint | Self::NoSuchResource => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::BodyTimeout => 408,
            Self::VersionMismatch(_) => 412,
            Self::BodyTooLarge(_) => 413,
            Self::UnsupportedMediaType => 415,
            Self::Internal => 500,
            Self::NotImplemented(_) => 501,
            Self::Unavailable { .. } => 503,
            Self::Scim(error) => error.status,
        }
    }

    /// Why, as a name for metrics and logs: the `scimType` where there is one.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized => Reason::Unauthorized,
            Self::Disabled => Reason::DirectoryDisabled,
            Self::NoSuchEndpoint => Reason::NoSuchEndpoint,
            Self::NoSuchResource => Reason::NoSuchResource,
            Self::MethodNotAllowed(_) => Reason::MethodNotAllowed,
            Self::BodyTimeout => Reason::BodyTimeout,
            Self::VersionMismatch(_) => Reason::VersionMismatch,
            Self::BodyTooLarge(_) => Reason::BodyTooLarge,
            Self::UnsupportedMediaType => Reason::UnsupportedMediaType,
            Self::NotImplemented(_) => Reason::NotImplemented,
            Self::Unavailable { .. } => Reason::Unavailable,
            Self::Internal => Reason::Internal,
            Self::Scim(error) => error.scim_type.map_or(Reason::Refused, Reason::Scim),
        }
    }

    /// The body of the answer, and what stands in the answer to an operation of a bulk request.
    pub(crate) fn into_error(self) -> ScimError {
        let status = self.status();
        match self {
            Self::Scim(error) => error,
            other => ScimError::new(status, other.to_string()),
        }
    }

    /// What the client sees.
    pub(crate) fn into_answer(self) -> Answer {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let header = match &self {
            Self::Unauthorized => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rollcall\"")))
            }
            Self::MethodNotAllowed(methods) => Some((ALLOW, HeaderValue::from_static(methods))),
            Self::Unavailable { retry_after_seconds, .. } => {
                Some((RETRY_AFTER, HeaderValue::from(*retry_after_seconds)))
            }
            _ => None,
        };
        let reason = self.reason();
        let mut answer = Answer::json(status, &self.into_error().to_json());
        answer.reason = Some(reason);
        answer.headers.extend(header);
        answer
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Scim(error) => Self::Scim(error),
            Refusal::NotFound(_) => Self::NoSuchResource,
            Refusal::VersionMismatch { current } => Self::VersionMismatch(current),
            Refusal::UserNameTaken => {
                Self::Scim(ScimError::uniqueness("The userName is already in use in this directory."))
            }
            Refusal::DirectoryClosed => Self::Disabled,
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::Unavailable { reason, retry_after_seconds } => {
                Self::Unavailable { reason, retry_after_seconds }
            }
            WriteError::Failed => Self::Internal,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooMany(limit) => Self::Scim(ScimError::too_many(format!(
                "The query would have to look at more than {limit} resources. Filter by id, userName, externalId, \
                 displayName or emails.value."
            ))),
            ReadError::Busy => Self::Unavailable { reason: "too many queries wait", retry_after_seconds: 1 },
            ReadError::Unavailable => {
                Self::Unavailable { reason: "the store cannot be reached", retry_after_seconds: 5 }
            }
            ReadError::Failed => Self::Internal,
        }
    }
}

/// 400 `invalidVers`: RFC 7644 §3.13.
pub(crate) fn other_version() -> Failure {
    Failure::Scim(ScimError {
        status: 400,
        scim_type: Some(ScimType::InvalidVers),
        detail: "This service speaks version v2 of the protocol.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::CONTENT_TYPE;
    use serde_json::{Value, json};

    use super::*;

    fn seen(failure: Failure) -> (u16, Value) {
        let answer = failure.into_answer();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn each_refusal_has_its_status_and_keyword() {
        for (failure, status, keyword) in [
            (Failure::from(Refusal::UserNameTaken), 409, json!("uniqueness")),
            (Refusal::NotFound("usr_x".to_owned()).into(), 404, Value::Null),
            (Refusal::VersionMismatch { current: "W/\"3\"".to_owned() }.into(), 412, Value::Null),
            (Refusal::DirectoryClosed.into(), 403, Value::Null),
            (Refusal::Scim(ScimError::no_target("x")).into(), 400, json!("noTarget")),
            (WriteError::Failed.into(), 500, Value::Null),
            (ReadError::TooMany(9).into(), 400, json!("tooMany")),
            (ReadError::Busy.into(), 503, Value::Null),
            (ReadError::Unavailable.into(), 503, Value::Null),
            (other_version(), 400, json!("invalidVers")),
        ] {
            let (seen_status, body) = seen(failure);
            assert_eq!(seen_status, status);
            assert_eq!(body["scimType"], keyword);
            assert_eq!(body["status"], json!(status.to_string()));
            assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        }
    }

    #[test]
    fn headers_that_tell_the_client_how_to_go_on() {
        let header = |failure: Failure, name: &str| {
            let response = failure.into_answer().into_response("req_1");
            assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/scim+json");
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header(Failure::Unauthorized, "www-authenticate").as_deref(),
            Some("Bearer realm=\"rollcall\"")
        );
        assert_eq!(header(Failure::MethodNotAllowed("GET, POST"), "allow").as_deref(), Some("GET, POST"));
        let unavailable = WriteError::Unavailable { reason: "the disk is full", retry_after_seconds: 30 };
        assert_eq!(header(unavailable.into(), "retry-after").as_deref(), Some("30"));
    }
}
