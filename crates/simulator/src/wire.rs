//! HTTP to the target: one client, the persona's headers, every exchange shown to the observer.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use reqwest::header::{
    ACCEPT, ACCEPT_CHARSET, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use serde_json::Value;

use crate::{Error, Exchange, Observer};

/// A SCIM endpoint and the key to it.
#[derive(Clone)]
pub struct Target {
    /// The base URL, without a slash at its end: `https://host/scim/v2/dir_…`.
    pub base_url: String,
    /// The bearer token.
    pub token: String,
}

/// What a persona's product sends with each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers {
    pub(crate) user_agent: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) accept_charset: Option<&'static str>,
    /// How long the product waits for an answer.
    pub(crate) timeout: Duration,
}

/// A request that is to be sent.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) what: String,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

impl Ask {
    pub(crate) fn new(
        what: impl Into<String>,
        method: &'static str,
        path: impl Into<String>,
        body: Option<Value>,
    ) -> Self {
        Self { what: what.into(), method, path: path.into(), body }
    }
}

/// An answer, with what is needed to complain about it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) persona: &'static str,
    pub(crate) ask: Ask,
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
}

impl Answer {
    /// The error that this answer is.
    pub(crate) fn unusable(self, why: impl Into<String>) -> Error {
        let Self { persona, ask: Ask { what, method, path, .. }, status, .. } = self;
        Error::Unusable { persona, what, method, path, status, why: why.into() }
    }

    /// The body of an answer with one of these statuses; `Null` for 204.
    pub(crate) fn accept(mut self, statuses: &[u16]) -> Result<(Self, Value), Error> {
        if !statuses.contains(&self.status) {
            let detail = self.body.as_ref().and_then(|b| b.get("detail")).and_then(Value::as_str);
            let why = detail.map_or_else(|| format!("expected {statuses:?}"), str::to_owned);
            return Err(self.unusable(why));
        }
        match self.body.take() {
            Some(body) => Ok((self, body)),
            None if self.status == 204 => Ok((self, Value::Null)),
            None => Err(self.unusable("the answer is no JSON")),
        }
    }
}

/// The persona's side of the connection.
pub(crate) struct Wire {
    persona: &'static str,
    base_url: String,
    client: reqwest::Client,
}

impl Wire {
    /// A client for this target with these headers. TLS needs a rustls crypto provider, which the
    /// program installs.
    pub(crate) fn new(persona: &'static str, target: &Target, headers: Headers) -> Result<Self, Error> {
        let bad = |what: &str| Error::Target(what.to_owned());
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", target.token))
            .map_err(|_| bad("the token is no header value"))?;
        bearer.set_sensitive(true);
        let mut map = HeaderMap::new();
        map.insert(AUTHORIZATION, bearer);
        let fixed: [(HeaderName, Option<&'static str>); 4] = [
            (USER_AGENT, Some(headers.user_agent)),
            (CONTENT_TYPE, Some(headers.content_type)),
            (ACCEPT, Some(headers.accept)),
            (ACCEPT_CHARSET, headers.accept_charset),
        ];
        for (name, value) in fixed {
            if let Some(value) = value {
                map.insert(name, HeaderValue::from_static(value));
            }
        }
        let client = reqwest::Client::builder()
            .default_headers(map)
            .timeout(headers.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| Error::Target(e.to_string()))?;
        Ok(Self { persona, base_url: target.base_url.trim_end_matches('/').to_owned(), client })
    }

    /// Sends, shows the exchange, and returns the answer whatever its status.
    pub(crate) async fn send(&self, ask: Ask, observer: &mut impl Observer) -> Result<Answer, Error> {
        let url = format!("{}{}", self.base_url, ask.path);
        let method =
            reqwest::Method::from_bytes(ask.method.as_bytes()).map_err(|e| Error::Target(e.to_string()))?;
        let mut request = self.client.request(method, url);
        if let Some(body) = &ask.body {
            request = request.body(body.to_string());
        }
        let started = Instant::now();
        let outcome = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            Ok((status, response.bytes().await?))
        }
        .await;
        let (status, bytes) = match outcome {
            Ok(answer) => answer,
            Err(source) => {
                let Ask { what, method, path, .. } = ask;
                return Err(Error::Transport { persona: self.persona, what, method, path, source });
            }
        };
        let duration = started.elapsed();
        let body: Option<Value> = serde_json::from_slice(&bytes).ok();
        observer
            .seen(Exchange {
                persona: self.persona,
                what: ask.what.clone(),
                method: ask.method,
                path: ask.path.clone(),
                request: ask.body.clone(),
                status,
                answer: body.clone(),
                duration,
            })
            .await;
        Ok(Answer { persona: self.persona, ask, status, body })
    }
}

/// `text` as a part of a query: everything but unreserved characters is percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `attribute eq "value"`, encoded, with quotes and backslashes in the value escaped.
pub(crate) fn eq_filter(attribute: &str, value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    encode(&format!("{attribute} eq \"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_escaped_and_encoded() {
        assert_eq!(eq_filter("userName", "a@b.example"), "userName%20eq%20%22a%40b.example%22");
        assert_eq!(eq_filter("userName", "o\"b\\"), "userName%20eq%20%22o%5C%22b%5C%5C%22");
    }
}
