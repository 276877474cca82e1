//! JSON bodies at the door: read with a bound, parsed into a finished value, refused by name.
//!
//! A body that is no JSON is `invalid_json`; one that is, and is not what the route takes, is
//! refused with the path of the field (`retry_schedule[2]`). The content type is not looked at:
//! every body here is JSON.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::error::Category;

use crate::error::{ApiError, ErrorCode};

/// The largest body in bytes.
pub(crate) const MAX_BODY: usize = 256 * 1024;

type Parsing<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A body that must be there.
pub(crate) struct Body<T>(pub(crate) T);

/// A body that may be left out; then it is the default.
pub(crate) struct OptionalBody<T>(pub(crate) T);

/// What a route takes that takes no fields: nothing, or `{}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFields {}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Parsing<Self>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async move { parse(&read(payload).await?).map(Self) })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = Parsing<Self>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async move {
            let body = read(payload).await?;
            if body.iter().all(u8::is_ascii_whitespace) {
                return Ok(Self(T::default()));
            }
            parse(&body).map(Self)
        })
    }
}

async fn read(mut payload: Payload) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::new(ErrorCode::InvalidJson, "The body broke off."))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ApiError::new(
                ErrorCode::BodyTooLarge,
                format!("A body has at most {MAX_BODY} bytes."),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Serde would take a list for a struct, by position.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte != b'{') {
        serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(|error| not_json(&error))?;
        return Err(ApiError::new(ErrorCode::InvalidField, "The body must be a JSON object."));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| refusal(&error))?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::InvalidJson, format!("The body is not valid JSON: {error}."))
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    if error.inner().classify() != Category::Data {
        return not_json(error.inner());
    }
    let message = without_place(&error.inner().to_string());
    let path = match error.path().to_string() {
        root if root == "." => String::new(),
        path => path,
    };
    if let Some(name) = quoted_after(&message, "missing field ") {
        let field = join(&path, name);
        return ApiError::new(ErrorCode::MissingField, format!("`{field}` is required.")).at(field);
    }
    if let Some(name) = quoted_after(&message, "unknown field ") {
        let field = if path.rsplit('.').next() == Some(name) { path } else { join(&path, name) };
        return ApiError::new(ErrorCode::UnknownField, format!("`{field}` is not known here: {message}."))
            .at(field);
    }
    if let Some(name) = quoted_after(&message, "duplicate field ") {
        return ApiError::invalid(&join(&path, name), "is there twice");
    }
    ApiError::invalid(&path, format!("is not valid: {message}"))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The name in backticks that follows `start`, if the message begins with it.
fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(start)?.strip_prefix('`')?;
    rest.split_once('`').map(|(name, _)| name)
}

/// The message without serde_json's ` at line 1 column 7`: the path says it better.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message).to_owned()
}

/// For a field of a PATCH: absent is `None`, and null is refused unless `T` takes it.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rollcall_domain::event::EventType;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Input {
        url: String,
        #[serde(default)]
        types: Vec<EventType>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default, deserialize_with = "present")]
        note: Option<Option<String>>,
        #[serde(default, deserialize_with = "present")]
        seconds: Option<u32>,
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        use ErrorCode as C;
        let table: &[(&str, C, Option<&str>)] = &[
            ("", C::InvalidJson, None),
            ("{", C::InvalidJson, None),
            (r#"{"url":"x"} trailing"#, C::InvalidJson, None),
            ("[\"x\"]", C::InvalidField, None),
            ("[\"x\"", C::InvalidJson, None),
            ("\u{1}", C::InvalidJson, None),
            ("{}", C::MissingField, Some("url")),
            (r#"{"url":5}"#, C::InvalidField, Some("url")),
            (r#"{"url":"x","uri":"y"}"#, C::UnknownField, Some("uri")),
            (r#"{"url":"x","url":"y"}"#, C::InvalidField, Some("url")),
            (r#"{"url":"x","types":["user.created","user.born"]}"#, C::InvalidField, Some("types[1]")),
            (r#"{"url":"x","headers":{"a":1}}"#, C::InvalidField, Some("headers.a")),
            (r#"{"url":"x","seconds":null}"#, C::InvalidField, Some("seconds")),
            (r#"{"url":"x","seconds":-1}"#, C::InvalidField, Some("seconds")),
        ];
        for (body, code, field) in table {
            let error = parse::<Input>(body.as_bytes()).expect_err(body);
            assert_eq!((error.code, error.field.as_deref()), (*code, *field), "{body}: {}", error.detail);
        }
    }

    #[test]
    fn null_and_absent_are_told_apart() {
        let read = |body: &str| parse::<Input>(body.as_bytes()).expect("it is valid").note;
        assert_eq!(read(r#"{"url":"x"}"#), None);
        assert_eq!(read(r#"{"url":"x","note":null}"#), Some(None));
        assert_eq!(read(r#"{"url":"x","note":"n"}"#), Some(Some("n".to_owned())));
    }
}
