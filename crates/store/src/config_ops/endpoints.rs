//! Endpoints.

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::{Endpoint, EndpointState, Scope},
    ids::EndpointId,
};
use secrecy::SecretString;

use super::{
    ConfigError, EndpointPatch, NewEndpoint, json,
    secrets::{has_keys, insert_key, insert_secret, remove_keys},
};
use crate::{
    Store, catalog, clock,
    db::{DbError, bind},
    names, replays, secret,
    write::{Applied, Touched},
};

impl Store {
    /// Makes an endpoint with its first secret, which is returned this once.
    pub async fn create_endpoint(&self, new: NewEndpoint) -> Result<(Endpoint, SecretString), ConfigError> {
        let shared = self.inner.shared.clone();
        self.change(move |applied| {
            let now = clock::now();
            let start = replays::start(applied.connection, new.start, &new.scope, applied.heads()?)?;
            let mut endpoint = Endpoint {
                id: EndpointId::from_uuid(clock::new_uuid()),
                url: new.url,
                description: new.description,
                scope: new.scope,
                event_types: new.event_types,
                format: new.format,
                retry_schedule: new.retry_schedule,
                timeout_seconds: new.timeout_seconds,
                on_exhausted: new.on_exhausted,
                headers: new.headers,
                state: EndpointState::Active,
                state_reason: None,
                public_keys: Vec::new(),
                start,
                created_at: now,
                updated_at: now,
            };
            let (organization, directory) = match &endpoint.scope {
                Scope::All => (None, None),
                Scope::Organization(id) => (Some(id.as_str()), None),
                Scope::Directory(id) => (None, Some(id.as_str())),
            };
            applied.connection.execute("INSERT INTO endpoints (id, url, description, organization_id, directory_id, event_types, format,
                            retry_schedule, timeout_seconds, on_exhausted, headers, state, start_positions,
                            created_at, updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)", bind![
                    endpoint.id.as_str(),
                    &endpoint.url,
                    &endpoint.description,
                    organization,
                    directory,
                    json(&endpoint.event_types),
                    names::of(endpoint.format),
                    json(&endpoint.retry_schedule),
                    endpoint.timeout_seconds,
                    names::of(endpoint.on_exhausted),
                    json(&endpoint.headers),
                    endpoint.state.as_str(),
                    json(&endpoint.start),
                    now,
                    now,
                ])?;
            let secret = secret::new_signing_secret();
            insert_secret(applied, &shared.sealer, &endpoint.id, &secret, None, now)?;
            if new.asymmetric {
                insert_key(applied, &shared.sealer, &endpoint.id, now)?;
                endpoint.public_keys = catalog::public_keys(applied.connection, &endpoint.id)?;
            }
            applied.touched.push(Touched::Endpoint(endpoint.id.clone()));
            Ok((endpoint, secret))
        })
        .await
    }

    /// Changes an endpoint.
    pub async fn update_endpoint(
        &self,
        id: &EndpointId,
        patch: EndpointPatch,
    ) -> Result<Endpoint, ConfigError> {
        let (id, shared) = (id.clone(), self.inner.shared.clone());
        self.change(move |applied| {
            let mut endpoint = catalog::endpoint(applied.connection, &id)?.ok_or(ConfigError::NotFound)?;
            let (asymmetric, now) = (patch.asymmetric, clock::now());
            apply(&mut endpoint, patch, now);
            update(applied, &endpoint)?;
            match asymmetric {
                Some(true) if !has_keys(applied, &id)? => insert_key(applied, &shared.sealer, &id, now)?,
                Some(false) => remove_keys(applied, &id)?,
                Some(true) | None => {}
            }
            endpoint.public_keys = catalog::public_keys(applied.connection, &id)?;
            applied.touched.push(Touched::Endpoint(id));
            Ok(endpoint)
        })
        .await
    }

    /// Deletes an endpoint with its lanes, dead letters and attempts.
    pub async fn delete_endpoint(&self, id: &EndpointId) -> Result<(), ConfigError> {
        let deleted = id.clone();
        let running = self.catalog().endpoints.get(id).map(|entry| entry.replays.clone()).unwrap_or_default();
        self.change(move |applied| {
            let removed =
                applied.connection.execute("DELETE FROM endpoints WHERE id = $1", bind![deleted.as_str()])?;
            if removed == 0 {
                return Err(ConfigError::NotFound);
            }
            applied
                .connection
                .execute("DELETE FROM endpoint_secrets WHERE endpoint_id = $1", bind![deleted.as_str()])?;
            replays::fail(applied.connection, &deleted, clock::now())?;
            applied.touched.push(Touched::Endpoint(deleted));
            Ok(())
        })
        .await?;
        for replay in running {
            self.forget_lanes(replay.lane_id()).await;
        }
        // The ledger's rows are of no use to anybody now; should this fail, the next start does it.
        if let Err(error) = self.inner.ledger.delete_endpoint(id.clone()).await {
            tracing::warn!(endpoint_id = %id, %error, "a deleted endpoint's deliveries are removed at the next start");
        }
        Ok(())
    }
}

fn apply(endpoint: &mut Endpoint, patch: EndpointPatch, now: Timestamp) {
    let EndpointPatch {
        url,
        description,
        event_types,
        retry_schedule,
        timeout_seconds,
        on_exhausted,
        headers,
        state,
        asymmetric: _,
    } = patch;
    if let Some(url) = url {
        endpoint.url = url;
    }
    if let Some(description) = description {
        endpoint.description = description;
    }
    if let Some(event_types) = event_types {
        endpoint.event_types = event_types;
    }
    if let Some(retry_schedule) = retry_schedule {
        endpoint.retry_schedule = retry_schedule;
    }
    if let Some(timeout_seconds) = timeout_seconds {
        endpoint.timeout_seconds = timeout_seconds;
    }
    if let Some(on_exhausted) = on_exhausted {
        endpoint.on_exhausted = on_exhausted;
    }
    if let Some(headers) = headers {
        endpoint.headers = headers;
    }
    if let Some((state, reason)) = state {
        endpoint.state = state;
        endpoint.state_reason = reason;
    }
    endpoint.updated_at = now;
}

fn update(applied: &Applied<'_>, endpoint: &Endpoint) -> Result<(), DbError> {
    applied
        .connection
        .execute(
            "UPDATE endpoints SET url = $1, description = $2, event_types = $3, retry_schedule = $4,
                    timeout_seconds = $5, on_exhausted = $6, headers = $7, state = $8, state_reason = $9,
                    updated_at = $10
             WHERE id = $11",
            bind![
                &endpoint.url,
                &endpoint.description,
                json(&endpoint.event_types),
                json(&endpoint.retry_schedule),
                endpoint.timeout_seconds,
                names::of(endpoint.on_exhausted),
                json(&endpoint.headers),
                endpoint.state.as_str(),
                &endpoint.state_reason,
                endpoint.updated_at,
                endpoint.id.as_str(),
            ],
        )
        .map(drop)
}
