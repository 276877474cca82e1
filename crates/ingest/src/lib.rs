//! HTTP in from directory providers: SCIM 2.0.

pub mod settings;

mod state;

pub use settings::Settings;
pub use state::State;

use actix_web::web;

/// Mounts `/scim/v2`. Everything below `/scim` is answered here, errors included.
pub fn configure(config: &mut web::ServiceConfig, state: web::Data<State>) {
    config.app_data(state);
}
