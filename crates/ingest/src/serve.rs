//! From a request to its answer: understand the URL, open the directory, carry out, then count and log.
//!
//! There is one entry for everything below `/scim`, so that whatever happens there (an unknown path, a missing
//! token, a panic) is answered as SCIM, logged once and counted once, and so that no layer of middleware stands
//! between the socket and the handler.

use std::{
    cell::{Cell, RefCell},
    panic::AssertUnwindSafe,
    time::Instant,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{CONTENT_LENGTH, TRANSFER_ENCODING, USER_AGENT},
    },
    web::{Data, Payload},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use rollcall_domain::ids::RequestId;
use rollcall_scim::{Applied, Reason, Sender, recognise};
use rollcall_store::{Committed, clock, requests::LoggedRequest};

use crate::{
    State,
    answer::Answer,
    authenticate,
    call::{Call, Carrier},
    failure::{self, Failure},
    metric, routes,
    target::{Route, Target},
};

/// Answers any request below `/scim`.
pub(crate) async fn serve(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let (started, at) = (Instant::now(), clock::now());
    let request_id = RequestId::from_uuid(clock::new_uuid());
    let method = method_name(request.method());
    let target = Target::parse(request.uri().path(), request.query_string());
    let noted = Noted::default();

    let carried_out = carry_out(&state, &request, payload, &target, &request_id, method, &noted);
    let answer = guarded(carried_out).await;

    let (applied, sender) = (noted.applied.get(), noted.sender.get());
    let opened = noted.opened.get();
    let seen = Seen { request_id: &request_id, method, target: &target, applied, opened, sender, started };
    seen.count_and_log(&answer);
    if let Some(most) = state.store.logged_body_bytes()
        && let Some(logged) = seen.logged(at, &request, &answer, &noted, &state, most)
    {
        state.store.log_request(logged);
    }
    answer.into_response(request_id.as_str())
}

/// Makes an answer of everything, a panic included.
pub(crate) async fn guarded(carried_out: impl Future<Output = Result<Answer, Failure>>) -> Answer {
    // Nothing that the future could have left half done outlives it, except in the store, which has its own guard.
    match AssertUnwindSafe(carried_out).catch_unwind().await {
        Ok(result) => Answer::from(result),
        // The panic hook has told the log where and why.
        Err(_) => Failure::Internal.into_answer(),
    }
}

async fn carry_out(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    target: &Target<'_>,
    request_id: &RequestId,
    method: &'static str,
    noted: &Noted,
) -> Result<Answer, Failure> {
    match (&target.route, &target.directory) {
        (Route::OtherVersion, _) => return Err(failure::other_version()),
        (Route::Unknown, None) => return Err(Failure::NoSuchEndpoint),
        (route, Some(directory)) if route.is_discovery() => {
            return routes::discovery(state, directory, route, method, target.query);
        }
        _ => {}
    }
    let open = || {
        let catalog = state.store.catalog();
        authenticate::open(&catalog, target.directory.as_ref(), request.headers(), clock::now())
    };
    let opened = match open() {
        // Another process may have made the directory or the token just now.
        Err(Failure::Unauthorized) => {
            state.store.catch_up().await;
            open()?
        }
        opened => opened?,
    };
    state.store.note_token_use(&opened.token().id);
    let (token_digest, entry) = (opened.token_digest(), opened.entry);
    let rules = entry.directory.compatibility.rules();
    let query = target.query;
    let mut call = Call {
        state,
        headers: request.headers(),
        raw_query: request.uri().query(),
        payload: payload.into_inner(),
        entry,
        request_id,
        method,
        query,
        rules,
        token_digest,
        noted,
        carrier: Carrier::Write,
    };
    noted.opened.set(true);
    noted.sender.set(recognise(&call.signs(None)));
    routes::dispatch(&mut call, &target.route).await
}

/// What is noted while a request is carried out, for those who look on.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) applied: Cell<Applied>,
    /// Whether its token opened the directory.
    opened: Cell<bool>,
    pub(crate) sender: Cell<Option<Sender>>,
    /// As it was read.
    body: RefCell<Option<Bytes>>,
    /// How many events it gave, the first one's position and the last one's.
    events: Cell<Option<(u64, u64, u64)>>,
}

impl Noted {
    /// The body was read.
    pub(crate) fn body(&self, bytes: &Bytes) {
        *self.body.borrow_mut() = Some(bytes.clone());
    }

    /// Something was written. The events of a commit have positions one after the other.
    pub(crate) fn committed(&self, committed: &Committed) {
        let Some(last) = committed.last_position else { return };
        let count = committed.events as u64;
        let (before, first) = match self.events.get() {
            Some((count, first, _)) => (count, first),
            None => (0, last + 1 - count.min(last)),
        };
        self.events.set(Some((before + count, first, last)));
    }
}

/// What is told of a request: ids, names from closed sets, and numbers. Never a query string, a header or a
/// part of the body.
struct Seen<'a> {
    request_id: &'a RequestId,
    method: &'static str,
    target: &'a Target<'a>,
    applied: Applied,
    opened: bool,
    sender: Option<Sender>,
    started: Instant,
}

impl Seen<'_> {
    /// For the request log: what a directory was asked, also by who showed no token that opens it.
    fn logged(
        &self,
        at: Timestamp,
        request: &HttpRequest,
        answer: &Answer,
        noted: &Noted,
        state: &State,
        most: usize,
    ) -> Option<LoggedRequest> {
        let directory_id = self.target.directory.clone()?;
        if !self.opened && !state.store.catalog().directories.contains_key(&directory_id) {
            return None;
        }
        let whole = request.uri().path_and_query().map_or("", |path| path.as_str());
        let path = whole.strip_prefix("/scim/v2/").and_then(|path| path.strip_prefix(directory_id.as_str()));
        let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        let kept = answer.body.len().min(most);
        Some(LoggedRequest {
            id: self.request_id.clone(),
            directory_id,
            of_a_stranger: !self.opened,
            at,
            method: self.method,
            path: beginning(path.unwrap_or(whole), MAX_PATH),
            path_cut: path.unwrap_or(whole).len() > MAX_PATH,
            request_unread: noted.body.borrow().is_none() && has_body(request),
            status: answer.status.as_u16(),
            reason: answer.reason.map(Reason::as_str),
            micros: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            sender: self.sender.map(Sender::name),
            rules: self.applied.iter().collect(),
            user_agent: user_agent.map(|text| beginning(text, MAX_USER_AGENT)),
            events: noted.events.get(),
            request_body: noted.body.borrow_mut().take(),
            response_body: answer.body[..kept].to_vec(),
            response_cut: kept < answer.body.len(),
        })
    }

    fn count_and_log(&self, answer: &Answer) {
        let Self { request_id, method, target, applied, opened, sender, started } = self;
        let took = started.elapsed();
        let (route, status) = (target.route.label(), answer.status.as_u16());
        metric::answered(method, route, status, took);
        metric::applied(*applied);
        let sender = sender.map_or("unknown", Sender::name);
        if *opened {
            metric::sent_by(sender);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let directory_id = target.directory.as_ref().map(tracing::field::display);
        let Some(reason) = answer.reason.map(Reason::as_str) else {
            tracing::debug!(%request_id, directory_id, method, route, status, micros, sender, rules = ?applied, "answered");
            return;
        };
        metric::refused(reason);
        if status >= 500 && status != 501 {
            tracing::warn!(%request_id, directory_id, method, route, status, reason, micros, sender, rules = ?applied, "failed");
        } else {
            tracing::info!(%request_id, directory_id, method, route, status, reason, micros, sender, rules = ?applied, "refused");
        }
    }
}

/// Whether a body follows the head of the request (RFC 9112 §6).
fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

/// How much of a URL and of a user agent the request log keeps, in bytes.
const MAX_PATH: usize = 2048;
const MAX_USER_AGENT: usize = 256;

fn beginning(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

/// The method, of a closed set. `HEAD` is answered like `GET`; the framework leaves the body away.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_panic_is_an_error_like_any_other() {
        let answer = guarded(async { panic!("for the test") }).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.reason, Some(Reason::Internal));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["status"], "500");
        assert!(!body.to_string().contains("for the test"));
    }

    #[test]
    fn methods_are_a_closed_set() {
        assert_eq!(method_name(&Method::HEAD), "GET");
        assert_eq!(method_name(&Method::from_bytes(b"BREW").unwrap()), "OTHER");
    }
}
