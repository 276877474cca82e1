//! An identity provider: a small SCIM client with the token of one directory.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::http::{Address, Answer, Client};

/// The schema of a user.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of a group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension's schema.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of a PATCH message.
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The media type that SCIM asks for.
const SCIM_JSON: &str = "application/scim+json";

/// A SCIM client of one directory.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The client underneath, for what has no method here.
    pub client: Client,
    /// `dir_…`
    pub directory: String,
    /// `org_…`
    pub organization: String,
    /// `rcd_…`
    pub token: String,
}

impl Provider {
    /// A client of a directory.
    pub fn new(address: Address, directory: &str, organization: &str, token: &str) -> Self {
        Self {
            client: Client::new(address, &format!("/scim/v2/{directory}"), Some(token)),
            directory: directory.to_owned(),
            organization: organization.to_owned(),
            token: token.to_owned(),
        }
    }

    /// GET
    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path).await
    }

    /// POST
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.client.send_json("POST", path, SCIM_JSON, body).await
    }

    /// PUT
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.client.send_json("PUT", path, SCIM_JSON, body).await
    }

    /// DELETE
    pub async fn delete(&self, path: &str) -> Answer {
        self.client.send("DELETE", path, &[], None).await
    }

    /// POST of bytes that need not be JSON.
    pub async fn post_bytes(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.client.send("POST", path, &[("content-type", SCIM_JSON)], Some(body.into())).await
    }

    /// PATCH with these operations
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.client.send_json("PATCH", path, SCIM_JSON, &patch_body(operations)).await
    }

    /// Makes a user with this userName and gives its id.
    pub async fn user(&self, user_name: &str) -> String {
        self.post("/Users", &user_body(user_name)).await.expect(201).text("id")
    }

    /// Makes a group with these members and gives its id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": [GROUP], "displayName": name, "members": members});
        self.post("/Groups", &body).await.expect(201).text("id")
    }

    /// Replaces one attribute of a user.
    pub async fn set(&self, user: &str, path: &str, value: Value) -> Answer {
        self.patch(&format!("/Users/{user}"), json!([{"op": "replace", "path": path, "value": value}])).await
    }

    /// Adds one member to a group.
    pub async fn add_member(&self, group: &str, user: &str) -> Answer {
        let operations = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
        self.patch(&format!("/Groups/{group}"), operations).await
    }

    /// Removes one member from a group.
    pub async fn remove_member(&self, group: &str, user: &str) -> Answer {
        let operations = json!([{"op": "remove", "path": format!("members[value eq \"{user}\"]")}]);
        self.patch(&format!("/Groups/{group}"), operations).await
    }

    /// The ids of a group's members, sorted.
    pub async fn members(&self, group: &str) -> Vec<String> {
        let group = self.get(&format!("/Groups/{group}")).await.expect(200);
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> =
            members.iter().map(|m| m["value"].as_str().unwrap_or_default().to_owned()).collect();
        ids.sort();
        ids
    }

    /// How many resources a list finds.
    pub async fn total(&self, path: &str) -> u64 {
        self.get(path).await.expect(200)["totalResults"].as_u64().expect("a list has a total")
    }
}

/// The smallest user that looks real.
pub fn user_body(user_name: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"value": format!("{user_name}@example.com"), "type": "work", "primary": true}],
        "active": true,
    })
}

/// A PATCH message.
pub fn patch_body(operations: Value) -> Value {
    json!({"schemas": [PATCH], "Operations": operations})
}
