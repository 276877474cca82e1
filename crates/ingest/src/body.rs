//! Reading a request's body within bounds: media type, size, time.

use std::time::Duration;

use actix_web::{
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use rollcall_scim::{Applied, Rule, Rules, ScimError};

use crate::failure::Failure;

/// What a body may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// In bytes.
    pub(crate) size: usize,
    /// From the first byte asked for to the last one arrived.
    pub(crate) time: Duration,
}

/// Checks that the body is JSON, by what is said of it. Nothing said is taken for JSON; parameters do not count.
///
/// # Errors
/// 415.
pub(crate) fn check_media_type(
    headers: &HeaderMap,
    rules: &Rules,
    applied: &mut Applied,
) -> Result<(), Failure> {
    let encoded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Failure::UnsupportedMediaType);
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if essence.is_empty() || essence.eq_ignore_ascii_case(b"application/scim+json") {
        return Ok(());
    }
    if essence.eq_ignore_ascii_case(b"application/json") && rules.contains(Rule::JsonContentType) {
        applied.insert(Rule::JsonContentType);
        return Ok(());
    }
    Err(Failure::UnsupportedMediaType)
}

/// Reads the whole body.
///
/// # Errors
/// 413 beyond the size (by `Content-Length` before anything is read), 408 beyond the time, 400 if the
/// connection breaks.
pub(crate) async fn read(
    headers: &HeaderMap,
    payload: &mut Payload,
    bounds: Bounds,
) -> Result<Bytes, Failure> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > bounds.size)) {
        return Err(Failure::BodyTooLarge(bounds.size));
    }
    tokio::time::timeout(bounds.time, collect(payload, bounds.size))
        .await
        .unwrap_or(Err(Failure::BodyTimeout))
}

async fn collect(payload: &mut Payload, size: usize) -> Result<Bytes, Failure> {
    // Nearly every body arrives in one piece, which then is not copied.
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(|error| broken(&error, size))?;
    if first.len() > size {
        return Err(Failure::BodyTooLarge(size));
    }
    let Some(second) = payload.next().await else { return Ok(first) };
    let mut whole = BytesMut::from(first.as_ref());
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(|error| broken(&error, size))?;
        if whole.len() + chunk.len() > size {
            return Err(Failure::BodyTooLarge(size));
        }
        whole.extend_from_slice(&chunk);
        next = payload.next().await;
    }
    Ok(whole.freeze())
}

fn broken(error: &PayloadError, size: usize) -> Failure {
    match error {
        PayloadError::Overflow => Failure::BodyTooLarge(size),
        PayloadError::EncodingCorrupted => Failure::UnsupportedMediaType,
        _ => Failure::Scim(ScimError::invalid_syntax("The body ended before its time.")),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::HeaderValue, test::TestRequest};

    use super::*;

    #[test]
    fn media_types() {
        let strict = Rules::default().without(Rule::JsonContentType);
        for (value, rules, ok) in [
            (None, Rules::default(), true),
            (Some("application/scim+json"), strict, true),
            (Some("application/scim+json; charset=utf-8"), strict, true),
            (Some("Application/SCIM+JSON;charset=utf-8"), strict, true),
            (Some("application/json"), Rules::default(), true),
            (Some("application/json; charset=utf-8"), Rules::default(), true),
            (Some("application/json"), strict, false),
            (Some("text/xml"), Rules::default(), false),
            (Some("application/x-www-form-urlencoded"), Rules::default(), false),
            (Some("application/jsonx"), Rules::default(), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            let mut applied = Applied::default();
            assert_eq!(check_media_type(&headers, &rules, &mut applied).is_ok(), ok, "{value:?}");
            assert_eq!(
                applied.iter().count(),
                usize::from(ok && value.is_some_and(|v| v.starts_with("application/json")))
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(check_media_type(&headers, &Rules::default(), &mut Applied::default()).is_err());
    }

    #[actix_web::test]
    async fn sizes() {
        let bounds = Bounds { size: 4, time: Duration::from_secs(5) };
        for (sent, expected) in [
            ("", Ok(Bytes::new())),
            ("1234", Ok(Bytes::from("1234"))),
            ("12345", Err(Failure::BodyTooLarge(4))),
        ] {
            let (_, mut payload) = TestRequest::post().set_payload(sent).to_http_parts();
            assert_eq!(read(&HeaderMap::new(), &mut payload, bounds).await, expected);
        }
    }

    #[actix_web::test]
    async fn an_announced_size_is_refused_before_reading() {
        let (request, mut payload) =
            TestRequest::post().insert_header((CONTENT_LENGTH, "18446744073709551615")).to_http_parts();
        let bounds = Bounds { size: 4, time: Duration::from_secs(5) };
        assert_eq!(read(request.headers(), &mut payload, bounds).await, Err(Failure::BodyTooLarge(4)));
    }
}
