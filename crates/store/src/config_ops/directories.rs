//! Directories. Their state changes through commands, since it gives events.

use rollcall_domain::{
    directory::{Directory, DirectoryState, Provider, Token},
    ids::DirectoryId,
};
use rollcall_scim::RuleSwitches;
use secrecy::SecretString;

use super::{ConfigError, DirectoryPatch, NewDirectory, exists, tokens::insert_token};
use crate::{Store, clock, db::bind, names, write::Touched};

impl Store {
    /// Makes a directory with its first token, which is returned this once. `NotFound` if there is
    /// no such organization.
    pub async fn create_directory(
        &self,
        new: NewDirectory,
    ) -> Result<(Directory, Token, SecretString), ConfigError> {
        self.change(move |applied| {
            exists(applied, "SELECT 1 FROM organizations WHERE id = $1", new.organization_id.as_str())?;
            let directory = Directory {
                id: DirectoryId::from_uuid(clock::new_uuid()),
                organization_id: new.organization_id,
                name: new.name,
                provider: new.provider,
                state: DirectoryState::Active,
                mode: new.mode,
                created_at: clock::now(),
                compatibility: new.compatibility,
            };
            applied.connection.execute(
                "INSERT INTO directories (id, organization_id, name, provider, state, mode, created_at,
                                          compatibility)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                bind![
                    directory.id.as_str(),
                    directory.organization_id.as_str(),
                    &directory.name,
                    directory.provider.as_str(),
                    directory.state.as_str(),
                    names::of(directory.mode),
                    directory.created_at,
                    kept(&directory.compatibility)?
                ],
            )?;
            let (token, secret) = insert_token(applied, &directory.id, directory.created_at)?;
            applied.touched.push(Touched::Directory(directory.id.clone()));
            Ok((directory, token, secret))
        })
        .await
    }

    /// Changes what is named; nothing of it is an event. `NotFound` if there is no such directory.
    pub async fn update_directory(&self, id: &DirectoryId, patch: DirectoryPatch) -> Result<(), ConfigError> {
        let id = id.clone();
        self.change(move |applied| {
            let compatibility = patch.compatibility.as_ref().map(kept).transpose()?;
            let changed = applied.connection.execute(
                "UPDATE directories SET name = COALESCE($1, name), provider = COALESCE($2, provider),
                        compatibility = COALESCE($3, compatibility)
                 WHERE id = $4 AND state <> 'deleted'",
                bind![patch.name, patch.provider.map(Provider::as_str), compatibility, id.as_str()],
            )?;
            if changed == 0 {
                return Err(ConfigError::NotFound);
            }
            applied.touched.push(Touched::Directory(id));
            Ok(())
        })
        .await
    }
}

fn kept(switches: &RuleSwitches) -> Result<String, ConfigError> {
    serde_json::to_string(switches).map_err(|_| ConfigError::Failed)
}
