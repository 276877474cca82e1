//! Answers. Nothing here may be cached: it is somebody's data, and some of it is shown only once.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;

/// An answer with a JSON body.
pub(crate) fn answer(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(value)
}

pub(crate) fn ok(value: &impl Serialize) -> HttpResponse {
    answer(StatusCode::OK, value)
}

pub(crate) fn created(value: &impl Serialize) -> HttpResponse {
    answer(StatusCode::CREATED, value)
}

pub(crate) fn accepted(value: &impl Serialize) -> HttpResponse {
    answer(StatusCode::ACCEPTED, value)
}

pub(crate) fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// JSON that is serialized already.
pub(crate) fn verbatim(body: bytes::Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(body)
}
