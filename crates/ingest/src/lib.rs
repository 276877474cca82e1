//! HTTP in from directory providers: SCIM 2.0 (RFC 7643, RFC 7644).
//!
//! Cast: a [`State`] shared by all workers; the **target** that a URL names; the **call**, which is a request
//! that has opened its directory; one **route** per operation; and the **answer** or the **failure**, which is
//! the only thing that becomes a response.
//!
//! Plot: `serve` understands the URL, opens the directory for the bearer token, and hands the call to its route.
//! The route reads the body within bounds, has `rollcall_scim` bring it from its provider's dialect into
//! standard form, makes a [`Command`](rollcall_domain::Command) of it and gives that to the store. A success is
//! answered only with what the store has committed.
//!
//! A **dry run** goes the same way for the owner, and ends before the store writes.
//!
//! This crate never sends a webhook and never waits for one.

pub mod metric;
pub mod settings;

mod answer;
mod authenticate;
mod body;
mod call;
mod dry_run;
mod etag;
mod failure;
mod represent;
mod routes;
mod serve;
mod state;
mod target;

pub use dry_run::{DryRun, DryRunRequest};
pub use settings::Settings;
pub use state::State;

use actix_web::web;

/// Mounts everything below `/scim`; directories are at `/scim/v2/{directory_id}`. Whatever is asked for there is
/// answered as SCIM, errors included.
pub fn configure(config: &mut web::ServiceConfig, state: web::Data<State>) {
    config.service(web::scope("/scim").app_data(state).default_service(web::to(serve::serve)));
}
