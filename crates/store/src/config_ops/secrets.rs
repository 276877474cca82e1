//! An endpoint's signing secrets, sealed.

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::ids::EndpointId;
use secrecy::SecretString;

use super::{ConfigError, exists};
use crate::{
    Store, clock,
    db::bind,
    seal::Sealer,
    secret,
    write::{Applied, Touched},
};

impl Store {
    /// Makes a new secret the first one; the others stop after `overlap_seconds`. Gives the secret
    /// and the time when the others stop.
    pub async fn rotate_secret(
        &self,
        id: &EndpointId,
        overlap_seconds: u32,
    ) -> Result<(SecretString, Timestamp), ConfigError> {
        let (id, shared) = (id.clone(), self.inner.shared.clone());
        self.change(move |applied| {
            exists(applied, "SELECT 1 FROM endpoints WHERE id = $1", id.as_str())?;
            let now = clock::now();
            let end = now.saturating_add(SignedDuration::from_secs(overlap_seconds.into())).unwrap_or(now);
            applied.connection.execute(
                "DELETE FROM endpoint_secrets WHERE endpoint_id = $1 AND expires_at <= $2",
                bind![id.as_str(), now],
            )?;
            applied.connection.execute(
                "UPDATE endpoint_secrets SET expires_at = $1
                     WHERE endpoint_id = $2 AND (expires_at IS NULL OR expires_at > $1)",
                bind![end, id.as_str()],
            )?;
            let secret = secret::new_signing_secret();
            insert_secret(applied, &shared.sealer, &id, &secret, None, now)?;
            if has_keys(applied, &id)? {
                insert_key(applied, &shared.sealer, &id, now)?;
            }
            applied.touched.push(Touched::Endpoint(id));
            Ok((secret, end))
        })
        .await
    }
}

/// Adds a secret's row.
pub(super) fn insert_secret(
    applied: &Applied<'_>,
    sealer: &Sealer,
    endpoint: &EndpointId,
    secret: &SecretString,
    public_key: Option<&str>,
    created_at: Timestamp,
) -> Result<(), ConfigError> {
    let sealed = sealer.seal(endpoint.as_str(), secret).ok_or(ConfigError::Failed)?;
    applied.connection.execute(
        "INSERT INTO endpoint_secrets (endpoint_id, key_id, sealed, created_at, public_key) VALUES ($1, $2, $3, $4, $5)",
        bind![endpoint.as_str(), sealed.key_id, sealed.bytes.as_slice(), created_at, public_key],
    )?;
    Ok(())
}

/// Adds a key whose signatures anybody can verify.
pub(super) fn insert_key(
    applied: &Applied<'_>,
    sealer: &Sealer,
    endpoint: &EndpointId,
    created_at: Timestamp,
) -> Result<(), ConfigError> {
    let (private, public) = secret::new_signing_key().ok_or(ConfigError::Failed)?;
    insert_secret(applied, sealer, endpoint, &private, Some(&public), created_at)
}

/// Whether the endpoint has such keys.
pub(super) fn has_keys(applied: &Applied<'_>, endpoint: &EndpointId) -> Result<bool, ConfigError> {
    let sql = "SELECT 1 FROM endpoint_secrets WHERE endpoint_id = $1 AND public_key IS NOT NULL";
    Ok(applied.connection.exists(sql, bind![endpoint.as_str()])?)
}

/// Removes them.
pub(super) fn remove_keys(applied: &Applied<'_>, endpoint: &EndpointId) -> Result<(), ConfigError> {
    applied.connection.execute(
        "DELETE FROM endpoint_secrets WHERE endpoint_id = $1 AND public_key IS NOT NULL",
        bind![endpoint.as_str()],
    )?;
    Ok(())
}
