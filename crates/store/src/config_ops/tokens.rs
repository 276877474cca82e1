//! A directory's bearer tokens: shown once, kept as SHA-256.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::{
    directory::Token,
    ids::{DirectoryId, TokenId},
};
use secrecy::SecretString;

use super::{ConfigError, exists};
use crate::{
    Store, clock,
    db::bind,
    secret,
    shared::TokenUse,
    write::{Applied, Touched},
};

const LIVE_DIRECTORY: &str = "SELECT 1 FROM directories WHERE id = $1 AND state <> 'deleted'";

impl Store {
    /// Adds a token. The older ones stop after `overlap_seconds`, if given; else they go on.
    pub async fn create_token(
        &self,
        directory: &DirectoryId,
        overlap_seconds: Option<u32>,
    ) -> Result<(Token, SecretString), ConfigError> {
        let directory = directory.clone();
        self.change(move |applied| {
            exists(applied, LIVE_DIRECTORY, directory.as_str())?;
            let now = clock::now();
            if let Some(seconds) = overlap_seconds {
                let end = now.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap_or(now);
                // One that stops earlier anyway still does.
                applied.connection.execute(
                    "UPDATE tokens SET expires_at = $1
                         WHERE directory_id = $2 AND (expires_at IS NULL OR expires_at > $1)",
                    bind![end, directory.as_str()],
                )?;
            }
            let made = insert_token(applied, &directory, now)?;
            applied.touched.push(Touched::Directory(directory));
            Ok(made)
        })
        .await
    }

    /// Removes a token; it stops at once.
    pub async fn delete_token(&self, directory: &DirectoryId, token: &TokenId) -> Result<(), ConfigError> {
        let (directory, token) = (directory.clone(), token.clone());
        self.change(move |applied| {
            let removed = applied.connection.execute(
                "DELETE FROM tokens WHERE directory_id = $1 AND id = $2",
                bind![directory.as_str(), token.as_str()],
            )?;
            if removed == 0 {
                return Err(ConfigError::NotFound);
            }
            applied.touched.push(Touched::Directory(directory));
            Ok(())
        })
        .await
    }

    /// Notes that a token opened a directory, for `last_used_at`; kept in memory and written now and then.
    pub fn note_token_use(&self, token: &TokenId) {
        let used = TokenUse { at: clock::now().as_microsecond(), dirty: true };
        let mut known = self.inner.shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(token) {
            Some(known) => *known = used,
            None => drop(known.insert(token.clone(), used)),
        }
    }

    /// When a token last opened its directory. Fresher than the catalog, which learns of it only
    /// when the directory changes.
    pub fn token_last_used(&self, token: &TokenId) -> Option<Timestamp> {
        let known = self.inner.shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(token).and_then(|used| Timestamp::from_microsecond(used.at).ok())
    }
}

/// Adds a token's row; gives what may be known of it, and the token itself.
pub(super) fn insert_token(
    applied: &Applied<'_>,
    directory: &DirectoryId,
    created_at: Timestamp,
) -> Result<(Token, SecretString), ConfigError> {
    let text = secret::new_token();
    let token = Token {
        id: TokenId::from_uuid(clock::new_uuid()),
        last_characters: secret::last_characters(&text),
        created_at,
        expires_at: None,
        last_used_at: None,
    };
    applied.connection.execute(
        "INSERT INTO tokens (id, directory_id, sha256, last_characters, created_at)
             VALUES ($1, $2, $3, $4, $5)",
        bind![
            token.id.as_str(),
            directory.as_str(),
            &secret::sha256(&text),
            &token.last_characters,
            created_at
        ],
    )?;
    Ok((token, text.into()))
}
