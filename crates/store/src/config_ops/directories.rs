//! Directories. Their state changes through commands, since it gives events.

use rollcall_domain::{
    directory::{Directory, DirectoryState, Token},
    ids::DirectoryId,
};
use secrecy::SecretString;

use super::{ConfigError, NewDirectory, exists, tokens::insert_token};
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
            };
            applied.connection.execute(
                "INSERT INTO directories (id, organization_id, name, provider, state, mode, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                bind![
                    directory.id.as_str(),
                    directory.organization_id.as_str(),
                    &directory.name,
                    directory.provider.as_str(),
                    directory.state.as_str(),
                    names::of(directory.mode),
                    directory.created_at
                ],
            )?;
            let (token, secret) = insert_token(applied, &directory.id, directory.created_at)?;
            applied.touched.push(Touched::Directory(directory.id.clone()));
            Ok((directory, token, secret))
        })
        .await
    }
}
