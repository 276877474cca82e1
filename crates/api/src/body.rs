//! JSON bodies at the door: read with a bound, parsed into a finished value, refused by name.
//!
//! A body that is no JSON is `invalid_json`; one that is, and is not what the route takes, is
//! refused with the path of the field (`retry_schedule[2]`). A body may leave out its content type,
//! but not say that it is something else.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{
    error::{ApiError, ErrorCode, clipped},
    wording::{self, Fault},
};

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

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (payload, json) = (payload.take(), check_content_type(request));
        Box::pin(async move {
            let body = read(payload).await?;
            json?;
            parse(&body).map(Self)
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = Parsing<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (payload, json) = (payload.take(), check_content_type(request));
        Box::pin(async move {
            let body = read(payload).await?;
            if body.iter().all(u8::is_ascii_whitespace) {
                return Ok(Self(T::default()));
            }
            json?;
            parse(&body).map(Self)
        })
    }
}

/// `application/json`, anything `+json`, or nothing.
fn check_content_type(request: &HttpRequest) -> Result<(), ApiError> {
    let Some(given) = request.headers().get(header::CONTENT_TYPE) else { return Ok(()) };
    let given = String::from_utf8_lossy(given.as_bytes());
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.is_empty() || essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::UnsupportedMediaType,
        format!("A body must be `application/json`, not `{}`.", clipped(&essence)),
    ))
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
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        None => {
            return Err(ApiError::new(
                ErrorCode::InvalidJson,
                "The body is empty; a JSON object is expected.",
            ));
        }
        // Serde would take a list for a struct, by position.
        Some(_) => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(|error| not_json(&error))?;
            return Err(ApiError::new(ErrorCode::InvalidField, "The body must be a JSON object."));
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| refusal(&error))?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> ApiError {
    let message = error.to_string();
    let (why, line, column) = (wording::not_json(without_place(&message)), error.line(), error.column());
    ApiError::new(
        ErrorCode::InvalidJson,
        format!("The body is not valid JSON: {why} (line {line}, column {column})."),
    )
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    if error.inner().classify() != Category::Data {
        return not_json(error.inner());
    }
    let message = error.inner().to_string();
    let path = match error.path().to_string() {
        root if root == "." => String::new(),
        path => path,
    };
    match Fault::read(without_place(&message)) {
        Fault::Missing(name) => {
            let field = join(&path, name);
            ApiError::new(ErrorCode::MissingField, format!("`{field}` is required.")).at(field)
        }
        Fault::Unknown(name, known) => {
            // Serde's path may have the name already.
            let field =
                if path == name || path.ends_with(&format!(".{name}")) { path } else { join(&path, name) };
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            ApiError::new(
                ErrorCode::UnknownField,
                format!("`{}` is not known here; known are: {known}.", clipped(&field)),
            )
            .at(field)
        }
        Fault::Twice(name) => ApiError::invalid(&join(&path, name), "is there twice"),
        Fault::Value(why) => ApiError::invalid(&path, why),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The message without serde_json's ` at line 1 column 7`: the path says it better.
fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
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

    use rollcall_domain::{endpoint::OnExhausted, event::EventType};

    use super::*;
    use crate::field::{OneOf, Within};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Input {
        url: String,
        #[serde(default)]
        types: Vec<OneOf<EventType>>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default, deserialize_with = "present")]
        note: Option<Option<String>>,
        #[serde(default, deserialize_with = "present")]
        seconds: Option<Within<1, 30>>,
        then: Option<OneOf<OnExhausted>>,
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        use ErrorCode as C;
        const FIELDS: &str = "url, types, headers, note, seconds, then";
        let types = EventType::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        let table: &[(&str, C, &str, &str)] = &[
            ("", C::InvalidJson, "", "The body is empty; a JSON object is expected."),
            ("{", C::InvalidJson, "", "The body is not valid JSON: it ends too early (line 1, column 1)."),
            (
                r#"{"url":"x"} trailing"#,
                C::InvalidJson,
                "",
                "The body is not valid JSON: there is more after its end (line 1, column 13).",
            ),
            (
                r#"{"url" 5}"#,
                C::InvalidJson,
                "",
                "The body is not valid JSON: `:` is expected (line 1, column 8).",
            ),
            (
                r#"{"url":}"#,
                C::InvalidJson,
                "",
                "The body is not valid JSON: a value is expected (line 1, column 8).",
            ),
            (
                r#"{"url":"x",}"#,
                C::InvalidJson,
                "",
                "The body is not valid JSON: there is a comma too many (line 1, column 12).",
            ),
            (
                "{url:1}",
                C::InvalidJson,
                "",
                "The body is not valid JSON: the name of a field must be a string (line 1, column 2).",
            ),
            ("[\"x\"]", C::InvalidField, "", "The body must be a JSON object."),
            (
                "[\"x\"",
                C::InvalidJson,
                "",
                "The body is not valid JSON: it ends too early (line 1, column 4).",
            ),
            (
                "\u{1}",
                C::InvalidJson,
                "",
                "The body is not valid JSON: a value is expected (line 1, column 1).",
            ),
            ("{}", C::MissingField, "url", "`url` is required."),
            (r#"{"url":5}"#, C::InvalidField, "url", "`url` must be a string, not a number."),
            (r#"{"url":null}"#, C::InvalidField, "url", "`url` must be a string, not null."),
            (r#"{"url":true}"#, C::InvalidField, "url", "`url` must be a string, not a boolean."),
            (r#"{"url":[1]}"#, C::InvalidField, "url", "`url` must be a string, not a list."),
            (r#"{"url":{}}"#, C::InvalidField, "url", "`url` must be a string, not an object."),
            (
                r#"{"url":"x","uri":"y"}"#,
                C::UnknownField,
                "uri",
                &format!("`uri` is not known here; known are: {FIELDS}."),
            ),
            (r#"{"url":"x","url":"y"}"#, C::InvalidField, "url", "`url` is there twice."),
            (r#"{"url":"x","types":"y"}"#, C::InvalidField, "types", "`types` must be a list, not a string."),
            (
                r#"{"url":"x","types":["user.created","user.born"]}"#,
                C::InvalidField,
                "types[1]",
                &format!("`types[1]` must be one of {types}, not `user.born`."),
            ),
            (
                r#"{"url":"x","types":[5]}"#,
                C::InvalidField,
                "types[0]",
                "`types[0]` must be a string, not a number.",
            ),
            (
                r#"{"url":"x","headers":[]}"#,
                C::InvalidField,
                "headers",
                "`headers` must be an object, not a list.",
            ),
            (
                r#"{"url":"x","headers":{"a":1}}"#,
                C::InvalidField,
                "headers.a",
                "`headers.a` must be a string, not a number.",
            ),
            (
                r#"{"url":"x","seconds":null}"#,
                C::InvalidField,
                "seconds",
                "`seconds` must be a whole number from 1 to 30, not null.",
            ),
            (r#"{"url":"x","seconds":-1}"#, C::InvalidField, "seconds", SECONDS),
            (r#"{"url":"x","seconds":0}"#, C::InvalidField, "seconds", SECONDS),
            (r#"{"url":"x","seconds":31}"#, C::InvalidField, "seconds", SECONDS),
            (r#"{"url":"x","seconds":1.5}"#, C::InvalidField, "seconds", SECONDS),
            (r#"{"url":"x","seconds":99999999999999999999}"#, C::InvalidField, "seconds", SECONDS),
            (
                r#"{"url":"x","seconds":"5"}"#,
                C::InvalidField,
                "seconds",
                "`seconds` must be a whole number from 1 to 30, not a string.",
            ),
            (
                r#"{"url":"x","then":"drop"}"#,
                C::InvalidField,
                "then",
                "`then` must be one of dead_letter, block, coalesce, not `drop`.",
            ),
            (r#"{"url":"x","then":5}"#, C::InvalidField, "then", "`then` must be a string, not a number."),
            (
                r#"{"url":"x","then":{"block":null}}"#,
                C::InvalidField,
                "then",
                "`then` must be a string, not an object.",
            ),
        ];
        for (body, code, field, detail) in table {
            let error = parse::<Input>(body.as_bytes()).expect_err(body);
            let given = (error.code, error.field.as_deref().unwrap_or_default(), error.detail.as_str());
            assert_eq!(given, (*code, *field, *detail), "{body}");
        }
    }

    const SECONDS: &str = "`seconds` must be a whole number from 1 to 30.";

    #[test]
    fn null_and_absent_are_told_apart() {
        let read = |body: &str| parse::<Input>(body.as_bytes()).expect("it is valid").note;
        assert_eq!(read(r#"{"url":"x"}"#), None);
        assert_eq!(read(r#"{"url":"x","note":null}"#), Some(None));
        assert_eq!(read(r#"{"url":"x","note":"n"}"#), Some(Some("n".to_owned())));
    }
}
