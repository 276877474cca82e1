//! The directory that it happens in, and a token for the time of it.

use anyhow::bail;
use secrecy::SecretString;
use serde_json::json;

use super::wanted::Wanted;
use crate::owner::{Owner, text};

/// The organization of the directories that are made here.
const ORGANIZATION: &str = "rollcall-trigger";
const NAME: &str = "rollcall trigger";

/// The id of the directory: the one that is named, which has to be a sandbox, or one of ours.
pub(super) async fn directory(owner: &Owner, named: Option<&str>, wanted: Wanted) -> anyhow::Result<String> {
    if let Some(id) = named {
        let directory = owner.get(&format!("/v1/directories/{id}")).await?;
        if directory["mode"] != "sandbox" {
            bail!("{id} is no sandbox directory: what happens there is real");
        }
        return Ok(id.to_owned());
    }
    let found = owner.get(&format!("/v1/organizations?external_id={ORGANIZATION}")).await?;
    let organization = match found["data"].as_array().and_then(|list| list.first()) {
        Some(organization) => organization.clone(),
        None => owner.post("/v1/organizations", &json!({"name": NAME, "external_id": ORGANIZATION})).await?,
    };
    let organization = text(&organization, "id")?;
    // One that ends cannot be used again.
    if wanted != Wanted::DirectoryDeleted {
        let list = owner.get(&format!("/v1/directories?organization_id={organization}&limit=1000")).await?;
        let ours = list["data"].as_array().into_iter().flatten().find(|directory| {
            directory["mode"] == "sandbox" && directory["name"] == NAME && directory["state"] == "active"
        });
        if let Some(directory) = ours {
            return Ok(text(directory, "id")?.to_owned());
        }
    }
    let body =
        json!({"organization_id": organization, "provider": "generic", "name": NAME, "mode": "sandbox"});
    let made = text(&owner.post("/v1/directories", &body).await?, "id")?.to_owned();
    // A directory is born with a token for its provider, and this one has no provider.
    let tokens = owner.get(&format!("/v1/directories/{made}/tokens")).await?;
    for token in tokens["data"].as_array().into_iter().flatten() {
        owner.delete(&format!("/v1/directories/{made}/tokens/{}", text(token, "id")?)).await?;
    }
    Ok(made)
}

/// A token that is revoked when it was used.
pub(super) struct Token {
    id: String,
    pub(super) secret: SecretString,
}

impl Token {
    pub(super) async fn make(owner: &Owner, directory: &str) -> anyhow::Result<Self> {
        let made = owner.post(&format!("/v1/directories/{directory}/tokens"), &json!({})).await?;
        Ok(Self { id: text(&made, "id")?.to_owned(), secret: text(&made, "token")?.to_owned().into() })
    }

    pub(super) async fn revoke(self, owner: &Owner, directory: &str) -> anyhow::Result<()> {
        owner.delete(&format!("/v1/directories/{directory}/tokens/{}", self.id)).await
    }
}
