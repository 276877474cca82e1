//! HTTP in from the owner: the `/v1` API.
//!
//! Cast: the [`State`] that every handler shares; the door (`auth`, `observe`, `body`, `query`,
//! `cursor`), where a request becomes finished values or a [problem](ErrorCode); the `routes`,
//! one operation per file; the `views`, which are the shapes of what is answered.
//!
//! Plot: a request gets an id and a measured span, shows an API key, and is parsed with bounds.
//! Its handler asks the store and answers JSON. Events are never parsed here: their bodies are
//! spliced into the answer byte for byte, so that pull, stream and webhook carry the same thing.
//!
//! What is answered when something is wrong is `application/problem+json` (RFC 9457) with a
//! stable `code`, listed in [`ErrorCode`].

mod auth;
mod body;
mod cursor;
mod error;
mod feed_reader;
mod field;
mod json;
mod keys;
pub mod metric;
mod observe;
mod openapi;
mod page;
mod query;
mod routes;
mod state;
mod validate;
mod views;
mod wording;

pub use error::ErrorCode;
pub use keys::configure_keys;
pub use openapi::OPENAPI;
pub use state::{CheckEndpointUrl, Options, State, TriedOut, TryOut, TryRequest};

use actix_web::{
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};

/// Mounts `/v1`. Everything below it answers JSON, the errors of routing included.
pub fn configure(config: &mut ServiceConfig, state: Data<State>) {
    let scope = web::scope("/v1")
        .app_data(state)
        .app_data(
            web::PathConfig::default().error_handler(|_, _| error::ApiError::not_found("resource").into()),
        )
        .configure(routes::configure)
        .default_service(web::to(routes::unknown_route))
        // The last one is the outermost: a refused key is observed too.
        .wrap(from_fn(auth::require_api_key))
        .wrap(from_fn(observe::observe));
    config.service(scope);
}
