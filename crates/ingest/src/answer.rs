//! What goes back: a status, headers and a body that was serialized once.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION},
    },
};
use rollcall_scim::Reason;
use serde::Serialize;

use crate::failure::Failure;

/// The one media type of answers: RFC 7644 §3.1. No charset, which some clients compare against.
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer, ready to be sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON, or nothing.
    pub(crate) body: Vec<u8>,
    /// Why the request was refused, if it was: see [`Failure::reason`].
    pub(crate) reason: Option<Reason>,
}

impl Answer {
    /// An answer with a body.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        match serde_json::to_writer(&mut bytes, body) {
            Ok(()) => Self { body: bytes, ..Self::empty(status) },
            // Only a map with keys that are no strings can fail, and there is none.
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), reason: None }
    }

    /// 204 with the methods of an endpoint.
    pub(crate) fn options(methods: &'static str) -> Self {
        let mut answer = Self::empty(StatusCode::NO_CONTENT);
        answer.headers.push((ALLOW, HeaderValue::from_static(methods)));
        answer
    }

    /// With an `ETag`.
    pub(crate) fn etag(mut self, tag: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(tag).ok().map(|value| (ETAG, value)));
        self
    }

    /// With a `Location`.
    pub(crate) fn location(mut self, url: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(url).ok().map(|value| (LOCATION, value)));
        self
    }

    /// The response of the framework.
    pub(crate) fn into_response(self, request_id: &str) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status);
        for header in self.headers {
            builder.insert_header(header);
        }
        if let Ok(value) = HeaderValue::from_str(request_id) {
            builder.insert_header((REQUEST_ID, value));
        }
        if self.body.is_empty() {
            return builder.finish();
        }
        builder.insert_header((CONTENT_TYPE, SCIM_JSON));
        builder.body(self.body)
    }
}

impl From<Result<Self, Failure>> for Answer {
    fn from(result: Result<Self, Failure>) -> Self {
        result.unwrap_or_else(Failure::into_answer)
    }
}
