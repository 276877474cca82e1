//! The key at the door: `Authorization: Bearer KEY`.

use actix_web::{
    Error, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::Data,
};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{State, error::ApiError};

pub(crate) async fn require_api_key<B: MessageBody>(
    state: Data<State>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match check(&state, &request) {
        Ok(()) => {
            // Whoever was answered by another process finds here what it made.
            state.store.catch_up().await;
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(refusal) => Ok(request.into_response(refusal.error_response()).map_into_right_body()),
    }
}

fn check(state: &State, request: &ServiceRequest) -> Result<(), ApiError> {
    let Some(key) = bearer(request) else {
        return Err(ApiError::unauthorized(
            "Send an API key as `Authorization: Bearer KEY`.",
            "Bearer realm=\"rollcall\"",
        ));
    };
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    // Every key is compared to the end, so that the time tells nothing of which one was close.
    let known = state.api_key_hashes().fold(Choice::from(0), |known, valid| known | valid.ct_eq(&hash));
    if bool::from(known) {
        return Ok(());
    }
    Err(ApiError::unauthorized(
        "The API key is not valid.",
        "Bearer realm=\"rollcall\", error=\"invalid_token\"",
    ))
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
