//! Refusals: every code that the API answers with, and how an error of the store becomes one.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use rollcall_store::{WriteError, config_ops::ConfigError, read::ReadError};
use serde::Serialize;

/// The `code` of a problem: what a program may act on. A code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// 401 `unauthorized`: no API key, or none that is valid.
    Unauthorized,
    /// 404 `not_found`: there is no such route, or nothing has this id.
    NotFound,
    /// 405 `method_not_allowed`: the route takes other methods; `Allow` names them.
    MethodNotAllowed,
    /// 400 `invalid_json`: the body is not JSON.
    InvalidJson,
    /// 422 `unknown_field`: the body has a field that the route does not know.
    UnknownField,
    /// 422 `missing_field`: the body lacks a field.
    MissingField,
    /// 422 `invalid_field`: a field has the wrong type or a value that is not allowed.
    InvalidField,
    /// 422 `endpoint_url_refused`: the egress policy forbids the URL.
    EndpointUrlRefused,
    /// 422 `unsupported_format`: endpoints cannot have this format.
    UnsupportedFormat,
    /// 400 `unknown_parameter`: the query has a parameter that the route does not know.
    UnknownParameter,
    /// 400 `invalid_parameter`: a query parameter has a value that is not allowed.
    InvalidParameter,
    /// 400 `invalid_cursor`: `after` (or `Last-Event-ID`) is no cursor of this list.
    InvalidCursor,
    /// 413 `body_too_large`: the body is larger than 256 KiB.
    BodyTooLarge,
    /// 415 `unsupported_media_type`: the body says of itself that it is something other than JSON.
    UnsupportedMediaType,
    /// 409 `conflict`: the value of a field that must be unique is taken.
    Conflict,
    /// 503 `too_many_streams`: too many event streams are open.
    TooManyStreams,
    /// 503 `unavailable`: the store is busy or takes no writes; `Retry-After` says when to try again.
    Unavailable,
    /// 500 `internal_error`: a fault of the server; its log tells more, under the request's id.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: &'static [ErrorCode] = &[
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidJson,
        Self::UnknownField,
        Self::MissingField,
        Self::InvalidField,
        Self::EndpointUrlRefused,
        Self::UnsupportedFormat,
        Self::UnknownParameter,
        Self::InvalidParameter,
        Self::InvalidCursor,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Conflict,
        Self::TooManyStreams,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::InvalidJson => "invalid_json",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::EndpointUrlRefused => "endpoint_url_refused",
            Self::UnsupportedFormat => "unsupported_format",
            Self::UnknownParameter => "unknown_parameter",
            Self::InvalidParameter => "invalid_parameter",
            Self::InvalidCursor => "invalid_cursor",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Conflict => "conflict",
            Self::TooManyStreams => "too_many_streams",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal_error",
        }
    }

    /// The HTTP status that it comes with.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidJson | Self::UnknownParameter | Self::InvalidParameter | Self::InvalidCursor => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::UnknownField
            | Self::MissingField
            | Self::InvalidField
            | Self::EndpointUrlRefused
            | Self::UnsupportedFormat => 422,
            Self::Internal => 500,
            Self::TooManyStreams | Self::Unavailable => 503,
        }
    }

    /// The problem's `title`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unauthorized => "A valid API key is required",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::InvalidJson => "The body is not valid JSON",
            Self::UnknownField => "Unknown field",
            Self::MissingField => "Missing field",
            Self::InvalidField => "Invalid field",
            Self::EndpointUrlRefused => "The URL is not allowed",
            Self::UnsupportedFormat => "Unsupported format",
            Self::UnknownParameter => "Unknown query parameter",
            Self::InvalidParameter => "Invalid query parameter",
            Self::InvalidCursor => "Invalid cursor",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not JSON",
            Self::Conflict => "In conflict with what there is",
            Self::TooManyStreams => "Too many event streams",
            Self::Unavailable => "Temporarily unavailable",
            Self::Internal => "Internal error",
        }
    }
}

/// A refusal on its way out: a code, what is wrong in words, and where.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: ErrorCode,
    pub(crate) detail: String,
    /// A path into the body (`headers.x`), or the name of a query parameter or a header.
    pub(crate) field: Option<String>,
    /// Header lines that the code asks for.
    header: Option<(header::HeaderName, String)>,
}

/// What a handler gives.
pub(crate) type ApiResult<T = HttpResponse> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, header: None }
    }

    /// With the field or parameter that it is about.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Nothing of this kind has that id.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}."))
    }

    /// This field's value is not allowed: "`field` must be …".
    pub(crate) fn invalid(field: &str, why: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidField, format!("`{}` {why}.", clipped(field))).at(field)
    }

    /// This query parameter's value is not allowed.
    pub(crate) fn invalid_parameter(name: &str, why: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidParameter, format!("`{name}` {why}.")).at(name)
    }

    pub(crate) fn invalid_cursor() -> Self {
        Self::new(ErrorCode::InvalidCursor, "`after` is not a cursor that this list gave.").at("after")
    }

    /// A cursor of a log that this store was made from, or of a store that is none of ours.
    pub(crate) fn cursor_of_another_log() -> Self {
        let detail = "`after` is a cursor of a log with another number of shards: the store was moved since. Go on \
                      after the `id` of the last event that you have.";
        Self::new(ErrorCode::InvalidCursor, detail).at("after")
    }

    /// The same refusal, if it is one of a cursor that came in this header and not in `after`.
    pub(crate) fn of_header(self, name: &str) -> Self {
        self.of(name, &format!("The header `{name}`"))
    }

    /// The same refusal, if it is one of a cursor that came in this field and not in `after`.
    pub(crate) fn of_field(self, name: &str) -> Self {
        self.of(name, &format!("`{name}`"))
    }

    fn of(self, name: &str, in_words: &str) -> Self {
        match self.code {
            ErrorCode::InvalidCursor => {
                let detail = self.detail.replacen("`after`", in_words, 1);
                Self::new(self.code, detail).at(name)
            }
            _ => self,
        }
    }

    pub(crate) fn unauthorized(detail: &str, challenge: &str) -> Self {
        let mut error = Self::new(ErrorCode::Unauthorized, detail);
        error.header = Some((header::WWW_AUTHENTICATE, challenge.to_owned()));
        error
    }

    pub(crate) fn method_not_allowed(method: &str, allow: &str) -> Self {
        let mut error = Self::new(
            ErrorCode::MethodNotAllowed,
            format!("{method} is not among the methods here: {allow}."),
        );
        error.header = Some((header::ALLOW, allow.to_owned()));
        error
    }

    pub(crate) fn retry_after(code: ErrorCode, detail: impl Into<String>, seconds: u32) -> Self {
        let mut error = Self::new(code, detail);
        error.header = Some((header::RETRY_AFTER, seconds.to_string()));
        error
    }

    fn internal() -> Self {
        Self::new(ErrorCode::Internal, "The server failed; its log tells more, under the request's id.")
    }
}

/// What the caller sent, to be shown in a sentence: long texts are cut.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 100;
    match text.char_indices().nth(LONGEST) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let problem = Problem {
            r#type: "about:blank",
            title: self.code.title(),
            status: self.code.status(),
            code: self.code.as_str(),
            detail: &self.detail,
            field: self.field.as_deref(),
        };
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json");
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.body(serde_json::to_string(&problem).unwrap_or_default())
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Busy => Self::retry_after(ErrorCode::Unavailable, "The store is busy.", 1),
            ReadError::Unavailable => {
                Self::retry_after(ErrorCode::Unavailable, "The store cannot be reached at the moment.", 5)
            }
            ReadError::TooMany(limit) => Self::retry_after(
                ErrorCode::Unavailable,
                format!("The store would have to look at more than {limit} rows."),
                60,
            ),
            ReadError::Failed => Self::internal(),
        }
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::NotFound => Self::not_found("resource"),
            ConfigError::Conflict(field) => {
                Self::new(ErrorCode::Conflict, format!("The value of `{field}` is already in use.")).at(field)
            }
            ConfigError::Unavailable => {
                Self::retry_after(ErrorCode::Unavailable, "The store takes no writes at the moment.", 5)
            }
            ConfigError::Failed => Self::internal(),
        }
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            // The owner's commands name a directory and nothing else: it is gone, or it was never there.
            WriteError::Refused(refusal) => {
                tracing::debug!(%refusal, "refused");
                Self::not_found("directory")
            }
            WriteError::Unavailable { reason, retry_after_seconds } => Self::retry_after(
                ErrorCode::Unavailable,
                format!("The store takes no writes at the moment: {reason}."),
                retry_after_seconds,
            ),
            WriteError::Failed => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_snake_case() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')),
            "{names:?}"
        );
    }
}
