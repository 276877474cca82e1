//! HTTP to the target: one client with the product's patience, its headers on each request, every
//! exchange shown to the observer, and every answer held against a check.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use reqwest::{
    Response,
    header::{
        ACCEPT, ACCEPT_CHARSET, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
        RETRY_AFTER, USER_AGENT,
    },
};
use serde_json::Value;

use crate::{
    Check, Error, Exchange, Observer,
    answer::{self, Answer},
    check::Failure,
    style::{Headers, Retry, Urls},
};

/// An answer is read to this many bytes; a group of 100,000 members fits.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// How often a request is sent at most that gets no answer at all.
const UNANSWERED_ATTEMPTS: u32 = 3;

/// The longest wait before a request is sent again, whatever `Retry-After` says: a simulation
/// should end.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// A SCIM endpoint and the key to it.
#[derive(Clone)]
pub struct Target {
    /// The base URL: `https://host/scim/v2/dir_…`. A query in it, such as Entra ID's
    /// `?aadOptscim062020`, goes into every request.
    pub base_url: String,
    /// The bearer token.
    pub token: String,
}

/// A request that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) what: String,
    pub(crate) method: &'static str,
    /// The path and query below the base URL.
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

    /// What is shown when this request fails a check.
    pub(crate) fn failure(&self, status: u16, answer: Option<Value>, why: String) -> Box<Failure> {
        let Self { method, path, body, .. } = self;
        Box::new(Failure { why, method, path: path.clone(), request: body.clone(), status, answer })
    }
}

/// The persona's side of the connection.
pub(crate) struct Wire {
    persona: &'static str,
    base_url: String,
    /// What goes into every query: a flag that is part of the base URL.
    flag: Option<String>,
    client: reqwest::Client,
    headers: HeaderMap,
    group_headers: HeaderMap,
    pub(crate) urls: Urls,
    retry: Retry,
}

impl Wire {
    /// A client for this target. TLS needs a rustls crypto provider, which the program installs.
    pub(crate) fn new(
        persona: &'static str,
        target: &Target,
        headers: [Headers; 2],
        urls: Urls,
        retry: Retry,
    ) -> Result<Self, Error> {
        let (base_url, flag) = match target.base_url.split_once('?') {
            Some((base_url, flag)) => (base_url, Some(flag.to_owned())),
            None => (target.base_url.as_str(), None),
        };
        let base_url = base_url.trim_end_matches('/').to_owned();
        match reqwest::Url::parse(&base_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => return Err(Error::Target(format!("{base_url} is no http or https URL"))),
        }
        let client = reqwest::Client::builder()
            .timeout(retry.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| Error::Target(e.to_string()))?;
        let [headers, group_headers] = headers;
        Ok(Self {
            persona,
            base_url,
            flag,
            client,
            headers: header_map(&target.token, headers)?,
            group_headers: header_map(&target.token, group_headers)?,
            urls,
            retry,
        })
    }

    /// Sends, holds the answer against `check`, and gives what `accept` makes of it. An answer that
    /// it does not accept, or none, is an error. What every answer owes is checked on the way.
    pub(crate) async fn ask<T>(
        &self,
        check: Check,
        ask: Ask,
        accept: impl FnOnce(&Answer) -> Result<T, String>,
        observer: &mut impl Observer,
    ) -> Result<T, Error> {
        let what = ask.what.clone();
        let refused = |failure| Error::Refused { persona: self.persona, what, failure };
        // Who tests a connection sees at once that it fails.
        let attempts = if check == Check::Connect { 1 } else { self.retry.attempts };
        let answer = match self.send(ask, attempts, observer).await {
            Ok(answer) => answer,
            Err(failure) => {
                observer.judged(check, Err(failure.clone()));
                return Err(refused(failure));
            }
        };
        for (check, verdict) in answer::common(&answer) {
            observer.judged(check, verdict.map_err(|why| answer.failure(why)));
        }
        match accept(&answer) {
            Ok(accepted) => {
                observer.judged(check, Ok(()));
                Ok(accepted)
            }
            Err(why) => {
                let failure = answer.failure(why);
                observer.judged(check, Err(failure.clone()));
                Err(refused(failure))
            }
        }
    }

    /// Sends as often as the product would, shows each exchange, and returns the last answer
    /// whatever its status.
    async fn send(
        &self,
        ask: Ask,
        attempts: u32,
        observer: &mut impl Observer,
    ) -> Result<Answer, Box<Failure>> {
        let mut wait = self.retry.wait;
        for attempt in 1.. {
            let last = attempt >= attempts;
            let pause = match self.send_once(&ask, observer).await {
                Ok((answer, retry_after)) => {
                    if last || !matches!(answer.status, 429 | 502..=504) {
                        return Ok(answer);
                    }
                    retry_after.unwrap_or(wait)
                }
                // Whether a POST that was not answered made something cannot be known.
                Err(Lost::Unanswered(_))
                    if !last && attempt < UNANSWERED_ATTEMPTS && ask.method != "POST" =>
                {
                    wait
                }
                Err(lost) => return Err(ask.failure(0, None, lost.to_string())),
            };
            tokio::time::sleep(pause.min(MAX_WAIT)).await;
            wait *= 2;
        }
        Err(ask.failure(0, None, "it was never sent".to_owned()))
    }

    async fn send_once(
        &self,
        ask: &Ask,
        observer: &mut impl Observer,
    ) -> Result<(Answer, Option<Duration>), Lost> {
        let mut url = format!("{}{}", self.base_url, ask.path);
        if let Some(flag) = &self.flag {
            url.push(if ask.path.contains('?') { '&' } else { '?' });
            url.push_str(flag);
        }
        let method = reqwest::Method::from_bytes(ask.method.as_bytes())
            .map_err(|error| Lost::Unanswered(error.to_string()))?;
        let headers = if ask.path.starts_with("/Groups") { &self.group_headers } else { &self.headers };
        let mut request = self.client.request(method, url).headers(headers.clone());
        if let Some(body) = &ask.body {
            request = request.body(body.to_string());
        }
        let started = Instant::now();
        let response = request.send().await.map_err(in_words)?;
        let status = response.status().as_u16();
        let text = |name: HeaderName| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let [content_type, location, retry_after] = [CONTENT_TYPE, LOCATION, RETRY_AFTER].map(text);
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let bytes = read(response).await?;
        let duration = started.elapsed();
        let answer = Answer {
            ask: ask.clone(),
            accepted: headers.get(ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or("*/*").to_owned(),
            status,
            content_type,
            location,
            is_empty: bytes.is_empty(),
            body: serde_json::from_slice(&bytes).ok(),
        };
        observer
            .seen(Exchange {
                persona: self.persona,
                what: ask.what.clone(),
                method: ask.method,
                path: ask.path.clone(),
                request: ask.body.clone(),
                status,
                answer: answer.body.clone(),
                duration,
            })
            .await;
        Ok((answer, retry_after))
    }
}

/// Why there is no answer to look at.
#[derive(Debug, thiserror::Error)]
enum Lost {
    /// Nothing came, or it broke off; the next attempt may be answered.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// It will be as long the next time.
    #[error("the answer has more than {MAX_ANSWER} bytes")]
    TooLong,
}

async fn read(mut response: Response) -> Result<Vec<u8>, Lost> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(in_words)? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(Lost::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The error with its causes; reqwest's own text hides them.
fn in_words(error: reqwest::Error) -> Lost {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let _ = write!(words, ": {cause}");
        source = cause.source();
    }
    Lost::Unanswered(words)
}

fn header_map(token: &str, headers: Headers) -> Result<HeaderMap, Error> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Error::Target("the token is no header value".to_owned()))?;
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
    Ok(map)
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

/// `attribute eq "value"`, with quotes and backslashes in the value escaped, not encoded.
pub(crate) fn eq(attribute: &str, value: &str) -> String {
    format!("{attribute} eq \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Urls {
    /// A filter as this product puts it into a query.
    pub(crate) fn filter(&self, filter: &str) -> String {
        encode(filter).replace("%20", self.space)
    }

    /// A path without a query.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{path}{}", self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_escaped_and_encoded_as_the_product_does() {
        let filter = |urls: Urls, value| urls.filter(&eq("userName", value));
        assert_eq!(filter(Urls::PLAIN, "a@b.example"), "userName%20eq%20%22a%40b.example%22");
        assert_eq!(filter(Urls::PLAIN, "o\"b\\"), "userName%20eq%20%22o%5C%22b%5C%5C%22");
        let plus = Urls { space: "+", ..Urls::PLAIN };
        assert_eq!(filter(plus, "a+b c"), "userName+eq+%22a%2Bb+c%22");
    }
}
