//! The requests by which a provider would cause an event: one person and one group, who are found
//! again at the next run and brought to where the event can happen.

use anyhow::bail;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::wanted::Wanted;
use crate::owner::{Owner, text};

const USER: &str = "trigger-user";
const GROUP: &str = "trigger-group";

/// Plays a provider.
pub(super) struct Play<'a> {
    pub(super) owner: &'a Owner,
    pub(super) directory: &'a str,
    pub(super) token: &'a SecretString,
}

impl Play<'_> {
    /// Causes the event, as the last of what it does.
    pub(super) async fn cause(&self, wanted: Wanted) -> anyhow::Result<()> {
        match wanted {
            Wanted::UserCreated => {
                if let Some(user) = self.find("Users", USER).await? {
                    self.delete("Users", text(&user, "id")?).await?;
                }
                self.create_user().await?;
            }
            Wanted::UserUpdated => {
                let user = self.user(true).await?;
                let title = if user["title"] == "Engineer" { "Senior Engineer" } else { "Engineer" };
                self.replace("Users", &user, "title", json!(title)).await?;
            }
            Wanted::UserDeactivated => {
                let user = self.user(true).await?;
                self.replace("Users", &user, "active", json!(false)).await?;
            }
            Wanted::UserReactivated => {
                let user = self.user(false).await?;
                self.replace("Users", &user, "active", json!(true)).await?;
            }
            Wanted::UserDeleted => {
                let user = self.user(true).await?;
                self.delete("Users", text(&user, "id")?).await?;
            }
            Wanted::GroupCreated => {
                if let Some(group) = self.find("Groups", GROUP).await? {
                    self.delete("Groups", text(&group, "id")?).await?;
                }
                self.create_group().await?;
            }
            Wanted::GroupUpdated => {
                let group = self.group().await?;
                let name = if group["displayName"] == "Engineers" { "Engineering" } else { "Engineers" };
                self.replace("Groups", &group, "displayName", json!(name)).await?;
            }
            Wanted::GroupDeleted => {
                let group = self.group().await?;
                self.delete("Groups", text(&group, "id")?).await?;
            }
            Wanted::MemberAdded => {
                let (group, user) = (self.group().await?, self.user(true).await?);
                self.set_member(&group, &user, false).await?;
                self.set_member(&group, &user, true).await?;
            }
            Wanted::MemberRemoved => {
                let (group, user) = (self.group().await?, self.user(true).await?);
                self.set_member(&group, &user, true).await?;
                self.set_member(&group, &user, false).await?;
            }
            // In both cases the sandbox can be used again afterwards.
            Wanted::DirectoryActivated | Wanted::DirectoryDeactivated => {
                self.turn("disable").await?;
                self.turn("enable").await?;
            }
            Wanted::DirectoryDeleted => {
                self.owner.delete(&format!("/v1/directories/{}", self.directory)).await?;
            }
        }
        Ok(())
    }

    /// The person, active or not.
    async fn user(&self, active: bool) -> anyhow::Result<Value> {
        let user = match self.find("Users", USER).await? {
            Some(user) => user,
            None => self.create_user().await?,
        };
        if user["active"] != active {
            self.replace("Users", &user, "active", json!(active)).await?;
        }
        Ok(user)
    }

    async fn group(&self) -> anyhow::Result<Value> {
        match self.find("Groups", GROUP).await? {
            Some(group) => Ok(group),
            None => self.create_group().await,
        }
    }

    async fn create_user(&self) -> anyhow::Result<Value> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "ada.lovelace@trigger.example", "externalId": USER, "active": true,
            "displayName": "Ada Lovelace", "title": "Engineer",
            "name": {"givenName": "Ada", "familyName": "Lovelace"},
            "emails": [{"value": "ada.lovelace@trigger.example", "type": "work", "primary": true}],
        });
        self.scim("POST", "/Users", Some(&body)).await
    }

    async fn create_group(&self) -> anyhow::Result<Value> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Engineers", "externalId": GROUP,
        });
        self.scim("POST", "/Groups", Some(&body)).await
    }

    async fn find(&self, kind: &str, external_id: &str) -> anyhow::Result<Option<Value>> {
        let path = format!("/{kind}?filter=externalId%20eq%20%22{external_id}%22&excludedAttributes=members");
        let mut found = self.scim("GET", &path, None).await?;
        Ok(found["Resources"].as_array_mut().and_then(Vec::pop))
    }

    async fn replace(&self, kind: &str, of: &Value, path: &str, value: Value) -> anyhow::Result<()> {
        self.patch(kind, of, json!({"op": "replace", "path": path, "value": value})).await
    }

    async fn set_member(&self, group: &Value, user: &Value, member: bool) -> anyhow::Result<()> {
        let id = text(user, "id")?;
        let operation = if member {
            json!({"op": "add", "path": "members", "value": [{"value": id}]})
        } else {
            json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")})
        };
        self.patch("Groups", group, operation).await
    }

    async fn patch(&self, kind: &str, of: &Value, operation: Value) -> anyhow::Result<()> {
        let body =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
        self.scim("PATCH", &format!("/{kind}/{}", text(of, "id")?), Some(&body)).await.map(drop)
    }

    async fn delete(&self, kind: &str, id: &str) -> anyhow::Result<()> {
        self.scim("DELETE", &format!("/{kind}/{id}"), None).await.map(drop)
    }

    async fn scim(&self, method: &'static str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let whole = format!("/scim/v2/{}{path}", self.directory);
        let (status, answer) = self.owner.scim(self.token, method, &whole, body).await?;
        if !(200..300).contains(&status) {
            let detail = answer["detail"].as_str().unwrap_or("no reason given");
            bail!("{method} {path} was answered {status}: {detail}");
        }
        Ok(answer)
    }

    async fn turn(&self, how: &str) -> anyhow::Result<()> {
        let path = format!("/v1/directories/{}/{how}", self.directory);
        self.owner.post(&path, &json!({})).await.map(drop)
    }
}
