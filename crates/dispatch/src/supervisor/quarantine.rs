//! The quarantined endpoints' second chance.

use std::{rc::Rc, time::Duration};

use futures_util::future::join_all;
use rollcall_domain::{endpoint::EndpointState, ids::EndpointId};
use rollcall_store::config_ops::ConfigError;
use tokio::time::sleep;

use crate::{attempt::Courier, log::Log};

/// What a change that failed waits for.
const AGAIN: Duration = Duration::from_secs(5);

/// Makes the quarantined endpoints active again whose URLs the policy accepts: what it was when
/// they were quarantined may be a setting that was forgotten at one start. Whoever's address is
/// still forbidden is quarantined again by its first attempt, before anything is sent.
pub(super) async fn release<L: Log, C: Courier>(log: L, courier: Rc<C>) {
    let catalog = log.catalog();
    let quarantined =
        catalog.endpoints.values().filter(|entry| entry.endpoint.state == EndpointState::Quarantined);
    let accepted = quarantined.filter(|entry| courier.accepts(&courier.target(entry)));
    join_all(accepted.map(|entry| release_one(&log, &entry.endpoint.id))).await;
}

async fn release_one(log: &impl Log, id: &EndpointId) {
    loop {
        // Its owner may be quicker.
        let catalog = log.catalog();
        let entry = catalog.endpoints.get(id);
        if entry.is_none_or(|entry| entry.endpoint.state != EndpointState::Quarantined) {
            return;
        }
        match log.set_state(id, EndpointState::Active, None).await {
            Ok(()) => {
                tracing::info!(endpoint = %id, "a quarantined endpoint is tried again");
                return;
            }
            Err(ConfigError::NotFound) => return,
            Err(error) => tracing::warn!(endpoint = %id, %error, "an endpoint's state cannot be changed"),
        }
        sleep(AGAIN).await;
    }
}
