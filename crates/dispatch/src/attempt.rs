//! One attempt: sign, POST, read the answer, all under one deadline.

use std::{
    error::Error,
    io::{self, ErrorKind},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Client, Method, Request, Response, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT},
    redirect::Policy,
};
use rollcall_domain::{delivery::ErrorClass, ids::ReplayId};
use rollcall_store::{catalog::EndpointEntry, clock};
use tokio::time::{Instant, timeout_at};

use crate::{
    Settings,
    egress::{
        self, EgressRefusal, Reach, check_url,
        resolver::{Forbidden, Names, Unresolved, Vetting},
    },
    sign::Keys,
};

/// Of an answer's body so much is read; a longer one costs the connection.
const READ: usize = 16 * 1024;
/// Of these, so much is kept.
const KEEP: usize = 1024;
/// Longer keep-alive than that of common servers (5 s) invites requests into closing connections.
const IDLE: Duration = Duration::from_secs(4);

/// Where and how an endpoint is sent to.
pub(crate) struct Target {
    url: Result<Url, EgressRefusal>,
    headers: HeaderMap,
    keys: Keys,
    timeout: Duration,
    admitted_only: bool,
}

/// What came of an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<ErrorClass>,
    pub(crate) detail: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Answer {
    fn failed(class: ErrorClass, detail: String) -> Self {
        Self { error: Some(class), detail: Some(detail), ..Self::default() }
    }
}

/// What an attempt says beside the event, in headers of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The sequences of the events that this one stands for, ascending.
    pub(crate) replaces: Vec<u64>,
    /// It is sent once more, by this replay.
    pub(crate) replay: Option<ReplayId>,
}

impl Marks {
    /// The headers.
    fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let replaces = (!self.replaces.is_empty()).then(|| (REPLACES, ranges(&self.replaces)));
        let replay = self.replay.as_ref().map(|id| (REPLAY, id.to_string()));
        replaces.into_iter().chain(replay)
    }
}

/// Names the sequences that an event stands for.
const REPLACES: &str = "rollcall-replaces";
/// Names the replay that an event comes by.
const REPLAY: &str = "rollcall-replay";

/// `3-5,9`
fn ranges(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let told: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    told.join(",")
}

/// Brings an event to an endpoint: the HTTP client, and what tests put in its place.
pub(crate) trait Courier: 'static {
    /// What is made ready once for an endpoint.
    type Target: 'static;
    fn target(&self, entry: &EndpointEntry) -> Self::Target;
    /// Whether the egress policy accepts the endpoint's URL.
    fn accepts(&self, target: &Self::Target) -> bool;
    /// Sends once, within the endpoint's deadline.
    async fn send(&self, target: &Self::Target, id: &str, body: Bytes, marks: &Marks) -> Answer;
}

/// The HTTP client: one for all endpoints, so that hosts share connections.
pub(crate) struct Sender {
    egress: Arc<egress::Settings>,
    client: Client,
    /// For ports that are only allowed in admitted networks.
    admitted: Client,
    user_agent: HeaderValue,
}

impl Sender {
    pub(crate) fn new(
        settings: &Settings,
        egress: egress::Settings,
        user_agent: &str,
    ) -> Result<Self, reqwest::Error> {
        // A second call fails, which is as good: there is a provider then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let egress = Arc::new(egress);
        let names = Names::of_system();
        let builder = |admitted_only| {
            Client::builder()
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .dns_resolver(Vetting::new(Arc::clone(&egress), Arc::clone(&names), admitted_only))
                .pool_max_idle_per_host(settings.idle_connections_per_host)
                .pool_idle_timeout(IDLE)
                .http2_max_header_list_size(32 * 1024)
                .tcp_nodelay(true)
        };
        let build = |admitted_only| {
            builder(admitted_only).build().or_else(|error| {
                // A system without certificates can still send to plain http, where that is allowed.
                tracing::warn!(%error, "no TLS roots: https endpoints will fail");
                builder(admitted_only).tls_certs_only([]).build()
            })
        };
        Ok(Self {
            client: build(false)?,
            admitted: build(true)?,
            egress,
            user_agent: HeaderValue::from_str(user_agent).unwrap_or(HeaderValue::from_static("Rollcall")),
        })
    }
}

impl Courier for Sender {
    type Target = Target;

    fn target(&self, entry: &EndpointEntry) -> Target {
        let endpoint = &entry.endpoint;
        let mut headers = HeaderMap::new();
        for (name, value) in &endpoint.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                continue;
            };
            if !is_ours(&name) {
                headers.insert(name, value);
            }
        }
        let url = check_url(&self.egress, &endpoint.url);
        Target {
            admitted_only: url.as_ref().is_ok_and(egress::needs_admission),
            url,
            headers,
            keys: Keys::new(&entry.secrets),
            timeout: Duration::from_secs(endpoint.timeout_seconds.clamp(1, 30).into()),
        }
    }

    fn accepts(&self, target: &Target) -> bool {
        target.url.is_ok()
    }

    async fn send(&self, target: &Target, id: &str, body: Bytes, marks: &Marks) -> Answer {
        let url = match &target.url {
            Ok(url) => url.clone(),
            Err(refusal) => return Answer::failed(ErrorClass::BlockedAddress, refusal.to_string()),
        };
        let deadline = Instant::now() + target.timeout;
        let now = clock::now();
        // What all have in common is not kept for each of ten thousand endpoints.
        let mut headers = HeaderMap::with_capacity(target.headers.len() + 8);
        headers.extend(target.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        let signature = target.keys.sign(id, now.as_second(), &body, now);
        if signature.is_empty() {
            // Its secrets cannot be opened: what is not signed would only be refused, event by event.
            return Answer::failed(ErrorClass::Protocol, "the endpoint has no usable secret".to_owned());
        }
        for (name, value) in [
            ("webhook-id", HeaderValue::try_from(id)),
            ("webhook-timestamp", Ok(HeaderValue::from(now.as_second()))),
            ("webhook-signature", HeaderValue::try_from(signature)),
        ] {
            if let Ok(value) = value {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        for (name, value) in marks.headers() {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let mut request = Request::new(Method::POST, url);
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        let client = if target.admitted_only { &self.admitted } else { &self.client };
        let mut answer = Answer::default();
        match timeout_at(deadline, self.exchange(client, request, &mut answer)).await {
            Ok(()) => {}
            // The status of a failure is known even if the body did not end.
            Err(_) if answer.error == Some(ErrorClass::Status) => {}
            Err(_) => {
                answer.error = Some(ErrorClass::Timeout);
                let seconds = target.timeout.as_secs();
                answer.detail = Some(match answer.status {
                    Some(status) => format!("the body of the answer {status} did not end within {seconds} s"),
                    None => format!("no answer within {seconds} s"),
                });
            }
        }
        answer
    }
}

impl Sender {
    async fn exchange(&self, client: &Client, request: Request, answer: &mut Answer) {
        let response = match client.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                *answer = failure(error);
                return;
            }
        };
        if let Some(peer) = response.remote_addr()
            && self.egress.reach(peer.ip()) == Reach::Forbidden
        {
            *answer = forbidden(peer.ip());
            return;
        }
        let status = response.status();
        answer.status = Some(status.as_u16());
        if !status.is_success() {
            answer.error = Some(ErrorClass::Status);
            answer.detail = Some(format!("answered {status}"));
            answer.retry_after = retry_after(response.headers());
        }
        read(response, answer).await;
    }
}

async fn read(mut response: Response, answer: &mut Answer) {
    let mut kept = Vec::new();
    let mut total = 0;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                total += chunk.len();
                let room = KEEP.saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
                // Now, since the deadline may cut this off.
                if room > 0 {
                    answer.body = Some(String::from_utf8_lossy(&kept).into_owned());
                }
                if total >= READ {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                // The status says enough of a failure; a success must arrive whole.
                if answer.error.is_none() {
                    let broken = failure(error);
                    answer.error = broken.error;
                    answer.detail = broken.detail;
                }
                break;
            }
        }
    }
}

fn forbidden(address: IpAddr) -> Answer {
    Answer::failed(ErrorClass::BlockedAddress, Forbidden(address).to_string())
}

/// Headers that the endpoint's own may not replace.
fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("webhook-")
        || name.starts_with("rollcall-")
        || matches!(
            name,
            "host"
                | "content-type"
                | "content-length"
                | "transfer-encoding"
                | "connection"
                | "upgrade"
                | "te"
                | "trailer"
                | "expect"
                | "keep-alive"
                | "proxy-connection"
        )
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(clock::now())).unwrap_or_default())
}

/// What a failure of the client was, by what caused it: its chain of errors names each of the
/// client's layers, of which only the innermost says something to the endpoint's owner.
fn failure(error: reqwest::Error) -> Answer {
    let error = error.without_url();
    let mut class = if error.is_connect() { ErrorClass::Connect } else { ErrorClass::Protocol };
    let mut detail = error.to_string();
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        detail = inner.to_string();
        // What an `io::Error` wraps is not among its sources; it may itself be one.
        let mut candidate = Some(inner);
        while let Some(this) = candidate {
            let io = this.downcast_ref::<io::Error>();
            if let Some(Forbidden(address)) = this.downcast_ref() {
                return forbidden(*address);
            } else if this.is::<Unresolved>() {
                return Answer::failed(ErrorClass::Dns, this.to_string());
            } else if this.is::<rustls::Error>() {
                return Answer::failed(ErrorClass::Tls, bounded(this.to_string()));
            } else if let Some(io) = io.filter(|io| io.get_ref().is_none()) {
                if matches!(io.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) {
                    class = ErrorClass::Connect;
                }
                // Without the number that the operating system gives it.
                detail = io.kind().to_string();
            }
            candidate = io.and_then(|io| io.get_ref()).map(|wrapped| wrapped as &(dyn Error + 'static));
        }
        cause = inner.source();
    }
    Answer::failed(class, bounded(detail))
}

fn bounded(text: String) -> String {
    if text.len() > 500 { text.chars().take(500).collect() } else { text }
}

#[cfg(test)]
mod spellings;
#[cfg(test)]
mod tests;
