//! Reads the catalog from the database: all of it at the start, and the touched parts after each
//! change.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
};

use jiff::Timestamp;
use rollcall_domain::{
    directory::{Directory, DirectoryState, Organization, Token},
    endpoint::{Endpoint, PublicKey, RetrySchedule, Scope},
    event::EventType,
    ids::{DirectoryId, EndpointId, OrganizationId, TokenId},
    operator,
};
use secrecy::SecretString;

use super::{Catalog, DirectoryEntry, EndpointEntry};
use crate::{
    db::{Db, DbError, Row, bind},
    names, replays,
    seal::Sealed,
    shared::Shared,
    write::{Touched, directory},
};

/// Everything.
pub(crate) fn complete(c: &Db, shared: &Shared) -> Result<Catalog, DbError> {
    let mut catalog = Catalog { revision: 1, ..Catalog::default() };
    let ids = |sql| c.rows(sql, bind![], |row| row.get::<String>(0));
    let organizations = ids("SELECT id FROM organizations")?;
    let directories = ids("SELECT id FROM directories WHERE state <> 'deleted'")?;
    let endpoints = ids("SELECT id FROM endpoints")?;
    let touched = organizations
        .iter()
        .filter_map(|id| OrganizationId::parse(id).map(Touched::Organization))
        .chain(directories.iter().filter_map(|id| DirectoryId::parse(id).map(Touched::Directory)))
        .chain(endpoints.iter().filter_map(|id| EndpointId::parse(id).map(Touched::Endpoint)))
        .chain([Touched::ApiKeys]);
    for touched in touched {
        refresh(c, shared, &mut catalog, &touched)?;
    }
    Ok(catalog)
}

/// The present catalog with these parts as the database has them now. What cannot be read stays as
/// it was and is kept in `touched`; the others are taken out of it. `None` if nothing could be read.
pub(crate) fn refreshed(c: &Db, shared: &Shared, touched: &mut HashSet<Touched>) -> Option<Catalog> {
    let mut catalog = Catalog::clone(&shared.catalog.load());
    let before = touched.len();
    touched.retain(|one| {
        refresh(c, shared, &mut catalog, one)
            .inspect_err(|error| tracing::error!(%error, part = ?one, "a part of the configuration could not be read again"))
            .is_err()
    });
    catalog.revision += 1;
    (touched.len() < before).then_some(catalog)
}

fn refresh(c: &Db, shared: &Shared, catalog: &mut Catalog, touched: &Touched) -> Result<(), DbError> {
    match touched {
        Touched::Organization(id) => match organization(c, id)? {
            Some(found) => drop(catalog.organizations.insert(id.clone(), Arc::new(found))),
            None => drop(catalog.organizations.remove(id)),
        },
        Touched::Directory(id) => match directory_entry(c, shared, id)? {
            Some(found) => drop(catalog.directories.insert(id.clone(), Arc::new(found))),
            None => drop(catalog.directories.remove(id)),
        },
        Touched::Endpoint(id) => match endpoint_entry(c, shared, id)? {
            Some(found) => drop(catalog.endpoints.insert(id.clone(), Arc::new(found))),
            None => drop(catalog.endpoints.remove(id)),
        },
        Touched::ApiKeys => {
            catalog.api_keys =
                c.rows("SELECT sha256 FROM api_keys ORDER BY pk", bind![], |row| row.get(0))?;
        }
    }
    Ok(())
}

/// The ids of the keys that secrets are sealed with: none while there is no secret, else one.
pub(crate) fn sealed_with(c: &Db) -> Result<Vec<String>, DbError> {
    c.rows("SELECT DISTINCT key_id FROM endpoint_secrets", bind![], |row| row.get(0))
}

fn organization(c: &Db, id: &OrganizationId) -> Result<Option<Organization>, DbError> {
    c.row(
        "SELECT id, name, external_id, created_at FROM organizations WHERE id = $1",
        bind![id.as_str()],
        |row| {
            Ok(Organization {
                id: row.parsed(0, OrganizationId::parse)?,
                name: row.get(1)?,
                external_id: row.get(2)?,
                created_at: row.time(3)?,
            })
        },
    )
}

fn directory_entry(c: &Db, shared: &Shared, id: &DirectoryId) -> Result<Option<DirectoryEntry>, DbError> {
    let found = c.row(
        "SELECT id, organization_id, name, provider, state, mode, created_at, compatibility FROM directories
         WHERE id = $1",
        bind![id.as_str()],
        directory,
    )?;
    // The operator's stream is no directory to anybody.
    let is_one = |found: &Directory| found.state != DirectoryState::Deleted && found.id != operator::stream();
    let Some(directory) = found.filter(is_one) else {
        return Ok(None);
    };
    let mut tokens: Vec<([u8; 32], Token)> = c.rows(
        "SELECT sha256, id, last_characters, created_at, expires_at FROM tokens
         WHERE directory_id = $1 ORDER BY pk",
        bind![id.as_str()],
        |row| Ok::<_, DbError>((row.get(0)?, token(row)?)),
    )?;
    let used = shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
    for (_, token) in &mut tokens {
        token.last_used_at = used.get(&token.id).and_then(|used| Timestamp::from_microsecond(used.at).ok());
    }
    Ok(Some(DirectoryEntry { directory: Arc::new(directory), tokens }))
}

fn token(row: &Row<'_>) -> Result<Token, DbError> {
    Ok(Token {
        id: row.parsed(1, TokenId::parse)?,
        last_characters: row.get(2)?,
        created_at: row.time(3)?,
        expires_at: row.optional_time(4)?,
        last_used_at: None,
    })
}

fn endpoint_entry(c: &Db, shared: &Shared, id: &EndpointId) -> Result<Option<EndpointEntry>, DbError> {
    let Some(endpoint) = endpoint(c, id)? else { return Ok(None) };
    let sealed: Vec<(Sealed, Option<Timestamp>)> = c.rows(
        "SELECT key_id, sealed, expires_at FROM endpoint_secrets WHERE endpoint_id = $1 ORDER BY pk DESC",
        bind![id.as_str()],
        |row| Ok::<_, DbError>((Sealed { key_id: row.get(0)?, bytes: row.get(1)? }, row.optional_time(2)?)),
    )?;
    let mut secrets: Vec<(SecretString, Option<Timestamp>)> = Vec::with_capacity(sealed.len());
    for (sealed, expires_at) in sealed {
        match shared.sealer.open(id.as_str(), &sealed) {
            Ok(secret) => secrets.push((secret, expires_at)),
            Err(error) => {
                tracing::error!(endpoint_id = %id, key_id = %sealed.key_id, %error, "a secret is lost")
            }
        }
    }
    let replays = replays::running(c, id)?.into_iter().map(Arc::new).collect();
    Ok(Some(EndpointEntry { endpoint: Arc::new(endpoint), secrets, replays }))
}

/// The public keys that an endpoint's webhooks can be verified with, the newest first.
pub(crate) fn public_keys(c: &Db, id: &EndpointId) -> Result<Vec<PublicKey>, DbError> {
    c.rows(
        "SELECT public_key, expires_at FROM endpoint_secrets
         WHERE endpoint_id = $1 AND public_key IS NOT NULL ORDER BY pk DESC",
        bind![id.as_str()],
        |row| Ok::<_, DbError>(PublicKey { key: row.get(0)?, expires_at: row.optional_time(1)? }),
    )
}

/// An endpoint's row, with its public keys.
pub(crate) fn endpoint(c: &Db, id: &EndpointId) -> Result<Option<Endpoint>, DbError> {
    let found = c.row(
        "SELECT id, url, description, organization_id, directory_id, event_types, format, retry_schedule,
                timeout_seconds, on_exhausted, headers, state, state_reason, start_positions, created_at, updated_at
         FROM endpoints WHERE id = $1",
        bind![id.as_str()],
        |row| {
            let organization = row.optional_parsed(3, OrganizationId::parse)?;
            let directory = row.optional_parsed(4, DirectoryId::parse)?;
            let scope = match (directory, organization) {
                (Some(directory), _) => Scope::Directory(directory),
                (None, Some(organization)) => Scope::Organization(organization),
                (None, None) => Scope::All,
            };
            let schedule = RetrySchedule::new(row.json(7)?)
                .map_err(|_| DbError::Corrupt { column: 7, wanted: "a retry schedule" })?;
            Ok::<_, DbError>(Endpoint {
                id: row.parsed(0, EndpointId::parse)?,
                url: row.get(1)?,
                description: row.get(2)?,
                scope,
                event_types: row.json::<Vec<EventType>>(5)?,
                format: row.parsed(6, names::format)?,
                retry_schedule: schedule,
                timeout_seconds: row.get(8)?,
                on_exhausted: row.parsed(9, names::on_exhausted)?,
                headers: row.json(10)?,
                state: row.parsed(11, names::endpoint_state)?,
                state_reason: row.get(12)?,
                public_keys: Vec::new(),
                start: row.json(13)?,
                created_at: row.time(14)?,
                updated_at: row.time(15)?,
            })
        },
    )?;
    let Some(mut endpoint) = found else { return Ok(None) };
    endpoint.public_keys = public_keys(c, id)?;
    Ok(Some(endpoint))
}
