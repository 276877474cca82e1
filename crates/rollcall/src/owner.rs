//! The owner's side: `/v1` over HTTP, as anybody's program would use it. Three commands are such
//! programs: the demo, `listen` and `trigger`.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// How a command reaches the server.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    /// Where the server's /v1 is
    #[arg(
        long = "server",
        value_name = "URL",
        env = "ROLLCALL_SERVER_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: url::Url,
    /// The owner's API key; better in the environment, where others cannot read it
    #[arg(long, value_name = "KEY", env = "ROLLCALL_API_KEY", hide_env_values = true)]
    api_key: SecretString,
}

impl Server {
    /// A client of it.
    pub(crate) fn owner(&self) -> anyhow::Result<Owner> {
        Owner::new(self.url.as_str().trim_end_matches('/'), self.api_key.clone())
    }
}

/// A client of `/v1`.
pub(crate) struct Owner {
    base: String,
    key: SecretString,
    client: reqwest::Client,
}

impl Owner {
    /// `base` is what stands before `/v1`.
    pub(crate) fn new(base: &str, key: SecretString) -> anyhow::Result<Self> {
        let client =
            reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).no_proxy().build()?;
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

    /// A request whose answer does not end; nothing limits its time.
    pub(crate) fn follow(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.base)).bearer_auth(self.key.expose_secret())
    }

    /// A request to SCIM, with a directory's token: the status and the answer, whatever it is.
    pub(crate) async fn scim(
        &self,
        token: &SecretString,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        self.exchange(token, "application/scim+json", method, path, body).await
    }

    async fn send(&self, method: &'static str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (status, answer) = self.exchange(&self.key, "application/json", method, path, body).await?;
        if !(200..300).contains(&status) {
            let detail = answer["detail"].as_str().unwrap_or("no reason given");
            return Err(anyhow!("{method} {path} was answered {status}: {detail}"));
        }
        Ok(answer)
    }

    async fn exchange(
        &self,
        token: &SecretString,
        content_type: &'static str,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let mut request = self
            .client
            .request(method.parse()?, format!("{}{path}", self.base))
            .timeout(Duration::from_secs(30))
            .bearer_auth(token.expose_secret());
        if let Some(body) = body {
            request = request.header("content-type", content_type).body(body.to_string());
        }
        let response = request.send().await.with_context(|| format!("{method} {}{path}", self.base))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.with_context(|| format!("{method} {path}"))?;
        if bytes.is_empty() {
            return Ok((status, Value::Null));
        }
        let answer = serde_json::from_slice(&bytes).with_context(|| {
            format!("{method} {}{path} was answered {status} without JSON: is this Rollcall?", self.base)
        })?;
        Ok((status, answer))
    }
}

/// The text in this field of an answer.
pub(crate) fn text<'v>(answer: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    answer[field].as_str().ok_or_else(|| anyhow!("the answer has no {field}"))
}
