//! From a request to its answer: understand the URL, open the directory, carry out, then count and log.
//!
//! There is one entry for everything below `/scim`, so that whatever happens there (an unknown path, a missing
//! token, a panic) is answered as SCIM, logged once and counted once, and so that no layer of middleware stands
//! between the socket and the handler.

use std::{cell::Cell, panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    http::Method,
    web::{Data, Payload},
};
use futures_util::FutureExt as _;
use rollcall_domain::ids::RequestId;
use rollcall_scim::{Applied, Sender, recognise};
use rollcall_store::clock;

use crate::{
    State,
    answer::Answer,
    authenticate,
    call::Call,
    failure::{self, Failure},
    metric, routes,
    target::{Route, Target},
};

/// Answers any request below `/scim`.
pub(crate) async fn serve(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let started = Instant::now();
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
    answer.into_response(request_id.as_str())
}

/// Makes an answer of everything, a panic included.
async fn guarded(carried_out: impl Future<Output = Result<Answer, Failure>>) -> Answer {
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
    let (applied, sender) = (&noted.applied, &noted.sender);
    let mut call = Call {
        state,
        request,
        payload,
        entry,
        request_id,
        method,
        query,
        rules,
        token_digest,
        applied,
        sender,
    };
    noted.opened.set(true);
    sender.set(recognise(&call.signs(None)));
    routes::dispatch(&mut call, &target.route).await
}

/// What is noted while a request is carried out, for those who look on.
#[derive(Default)]
struct Noted {
    applied: Cell<Applied>,
    /// Whether its token opened the directory.
    opened: Cell<bool>,
    sender: Cell<Option<Sender>>,
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
        let Some(reason) = answer.reason else {
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

/// The method, of a closed set. `HEAD` is answered like `GET`; the framework leaves the body away.
fn method_name(method: &Method) -> &'static str {
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
        assert_eq!(answer.reason, Some("internal"));
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
