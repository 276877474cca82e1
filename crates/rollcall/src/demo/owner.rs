//! The owner's side of the demo: `/v1` over HTTP, as anybody's program would use it.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// A client of `/v1`.
pub(crate) struct Owner {
    base: String,
    key: SecretString,
    client: reqwest::Client,
}

impl Owner {
    pub(crate) fn new(base: &str, key: SecretString) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()?;
        Ok(Self { base: base.to_owned(), key, client })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send("POST", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send("DELETE", path, None).await.map(drop)
    }

    async fn send(&self, method: &'static str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.parse()?, url).bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status();
        let bytes = response.bytes().await.with_context(|| format!("{method} {path}"))?;
        let answer: Value = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        if !status.is_success() {
            let detail = answer["detail"].as_str().unwrap_or("no reason given");
            return Err(anyhow!("{method} {path} was answered {status}: {detail}"));
        }
        Ok(answer)
    }
}

/// The text in this field of an answer.
pub(crate) fn text<'v>(answer: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    answer[field].as_str().ok_or_else(|| anyhow!("the answer has no {field}"))
}
