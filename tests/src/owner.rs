//! The application's owner: a small client of `/v1`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    event::Event,
    http::{Address, Answer, Client},
    provider::Provider,
    server::API_KEY,
};

/// A client of `/v1` with the owner's key.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The client underneath, for what has no method here.
    pub client: Client,
    address: Address,
    patience: Duration,
}

impl Owner {
    /// The owner whose key the tests set.
    pub fn new(address: Address) -> Self {
        Self { client: Client::new(address.clone(), "/v1", Some(API_KEY)), address, patience: Duration::ZERO }
    }

    /// The same owner, and the same providers from it, with patience: see [`Client::patient`].
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.client = self.client.patient(patience);
        self.patience = patience;
        self
    }

    /// GET
    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path).await
    }

    /// POST with a JSON body
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.client.send_json("POST", path, "application/json", &body).await
    }

    /// PATCH with a JSON body
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.client.send_json("PATCH", path, "application/json", &body).await
    }

    /// PUT with a JSON body
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.client.send_json("PUT", path, "application/json", &body).await
    }

    /// DELETE
    pub async fn delete(&self, path: &str) -> Answer {
        self.client.send("DELETE", path, &[], None).await
    }

    /// Makes an organization and gives its id.
    pub async fn organization(&self, name: &str) -> String {
        self.post("/organizations", json!({"name": name, "external_id": name})).await.expect(201).text("id")
    }

    /// Makes a directory and gives the client that its provider would be.
    pub async fn directory(&self, organization: &str, provider: &str) -> Provider {
        let made = self
            .post(
                "/directories",
                json!({"organization_id": organization, "name": provider, "provider": provider}),
            )
            .await
            .expect(201);
        let (id, token) = (made.text("id"), made.text("token"));
        assert!(made.text("scim_base_url").ends_with(&format!("/scim/v2/{id}")), "{made}");
        assert!(token.starts_with("rcd_"), "{made}");
        let provider = Provider::new(self.address.clone(), &id, organization, &token);
        Provider { client: provider.client.patient(self.patience), ..provider }
    }

    /// All entries of a list, page by page. `query` begins with `?` or is empty.
    pub async fn list(&self, path: &str, query: &str, limit: usize) -> Vec<Value> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut url = format!("{path}{query}{}limit={limit}", if query.is_empty() { "?" } else { "&" });
            if let Some(cursor) = &after {
                url.push_str("&after=");
                url.push_str(cursor);
            }
            let page = self.get(&url).await.expect(200);
            let data = page["data"].as_array().unwrap_or_else(|| panic!("no data in {page}")).clone();
            assert!(data.len() <= limit, "{} entries for limit {limit}", data.len());
            all.extend(data);
            match page["next_cursor"].as_str() {
                // Events always give the cursor to go on from; one that stays is the end of them.
                Some(cursor) if Some(cursor) != after.as_deref() => after = Some(cursor.to_owned()),
                _ => return all,
            }
        }
    }

    /// All events of a directory, from its beginning, in order.
    pub async fn events(&self, directory: &str) -> Vec<Event> {
        // The log's beginning: without `after` the oldest events come first.
        let events = self.list("/events", &format!("?directory_id={directory}"), 1_000).await;
        events.into_iter().map(Event).collect()
    }

    /// An endpoint as it stands.
    pub async fn endpoint(&self, id: &str) -> Answer {
        self.get(&format!("/endpoints/{id}")).await.expect(200)
    }
}
