//! The owner's API keys, kept as SHA-256.

use super::{ConfigError, or_conflict};
use crate::{Store, clock, db::bind, write::Touched};

impl Store {
    /// Keeps an API key (its SHA-256). `Conflict("sha256")` if it is there.
    pub async fn add_api_key(&self, sha256: [u8; 32], last_characters: String) -> Result<(), ConfigError> {
        self.change(move |applied| {
            applied
                .connection
                .execute(
                    "INSERT INTO api_keys (sha256, last_characters, created_at) VALUES ($1, $2, $3)",
                    bind![&sha256, last_characters, clock::now()],
                )
                .map_err(|error| or_conflict(error, "sha256"))?;
            applied.touched.push(Touched::ApiKeys);
            Ok(())
        })
        .await
    }
}
