//! An event, signed and POSTed as a webhook to a program at this desk.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::RngExt as _;
use reqwest::redirect::Policy;
use rollcall_dispatch::sign::Keys;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::root;

/// As an endpoint's longest time-out.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of an answer that is no success is shown.
const SHOWN: usize = 200;

/// How a webhook was answered.
pub(super) struct Answer {
    /// The status, or why there is none.
    pub(super) outcome: Result<u16, String>,
    /// What stands in an answer that is no success.
    pub(super) text: String,
    pub(super) took: Duration,
}

/// Where events are handed on to.
pub(super) struct Forward {
    pub(super) url: url::Url,
    /// The secret that was made here, to be shown.
    pub(super) made: Option<SecretString>,
    keys: Keys,
    client: reqwest::Client,
}

impl Forward {
    pub(super) fn new(url: url::Url, secret: Option<&SecretString>) -> anyhow::Result<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            bail!("--forward-to takes a URL that begins with http:// or https://");
        }
        let made = match secret {
            None => Some(SecretString::from(format!(
                "whsec_{}",
                STANDARD.encode(rand::rng().random::<[u8; 32]>())
            ))),
            Some(_) => None,
        };
        let secret = secret.or(made.as_ref()).cloned().unwrap_or_default();
        let key = secret.expose_secret().strip_prefix("whsec_").map(|text| STANDARD.decode(text));
        if !matches!(key, Some(Ok(bytes)) if !bytes.is_empty()) {
            return Err(anyhow!("the secret is whsec_ and base64, such as an endpoint's"));
        }
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("Rollcall/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("no HTTP client can be made")?;
        Ok(Self { url, made, keys: Keys::new(&[(secret, None)]), client })
    }

    /// Sends an event once.
    pub(super) async fn send(&self, event: &Value, body: String) -> Answer {
        let begun = Instant::now();
        let id = event["id"].as_str().unwrap_or_default();
        let now = rollcall_store::clock::now();
        let signature = self.keys.sign(id, now.as_second(), body.as_bytes(), now);
        let request = self
            .client
            .post(self.url.clone())
            .header("webhook-id", id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", signature)
            .header("content-type", "application/json")
            .body(body);
        let answer = |outcome, text: &str| {
            let text = text.chars().take(SHOWN).collect();
            Answer { outcome, text, took: begun.elapsed() }
        };
        match request.send().await {
            Ok(response) => {
                let status = response.status();
                let text = if status.is_success() { String::new() } else { beginning(response).await };
                answer(Ok(status.as_u16()), &text)
            }
            Err(error) => answer(Err(no_answer(&error)), ""),
        }
    }
}

/// Why there is no answer, in what a row has room for.
fn no_answer(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let what = if error.is_connect() { "no connection" } else { "no answer" };
    format!("{what}: {}", root(error))
}

/// The beginning of a body.
async fn beginning(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < SHOWN
        && let Ok(Some(piece)) = response.chunk().await
    {
        bytes.extend_from_slice(&piece[..piece.len().min(4 * SHOWN)]);
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}
