//! Busy servers, silent servers, and servers that answer without end.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use rollcall_simulator::{
    Check, Error, Exchange, Observer, People, Persona, Provider, Step, Target, Verdict,
};

use crate::http::{Request, Response, Server, Service};

/// Gives its answers one after the other, then closes connections.
struct Scripted(Mutex<VecDeque<Response>>);

impl Service for Scripted {
    fn answer(&self, _request: Request) -> Option<Response> {
        self.0.lock().unwrap().pop_front()
    }
}

fn response(status: u16, body: &str) -> Response {
    let content_type = ("content-type", "application/scim+json".to_owned());
    Response { status, headers: vec![content_type, ("retry-after", "0".to_owned())], body: body.to_owned() }
}

/// Remembers statuses and verdicts.
#[derive(Default)]
struct Notes {
    statuses: Vec<u16>,
    verdicts: Vec<(Check, bool)>,
}

impl Observer for Notes {
    async fn seen(&mut self, exchange: Exchange) {
        self.statuses.push(exchange.status);
    }

    fn judged(&mut self, check: Check, verdict: Verdict) {
        self.verdicts.push((check, verdict.is_ok()));
    }
}

async fn hire(answers: Vec<Response>) -> (Result<(), Error>, Notes) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(Arc::new(Scripted(Mutex::new(answers.into())))).await;
    let target = Target { base_url: server.base_url(), token: "t".to_owned() };
    let persona = Persona::new(Provider::Okta, &target, People::new(1, "acme.example")).unwrap();
    let mut notes = Notes::default();
    let result = persona.play(&Step::Hire(0), &mut notes).await;
    (result, notes)
}

const EMPTY: &str =
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}"#;

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let mut made = response(201, r#"{"id":"1"}"#);
    made.headers.push(("location", "/Users/1".to_owned()));
    let answers = vec![response(429, ""), response(503, ""), response(200, EMPTY), response(429, ""), made];
    let (result, notes) = hire(answers).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(notes.statuses, [429, 503, 200, 429, 201]);
    assert!(notes.verdicts.contains(&(Check::Create, true)));
}

#[tokio::test]
async fn a_server_that_stays_busy_is_given_up_after_the_products_attempts() {
    let (result, notes) = hire(vec![response(429, "{}"); 20]).await;
    assert!(result.unwrap_err().to_string().contains("was answered 429"));
    assert_eq!(notes.statuses.len(), 10);
}

#[tokio::test]
async fn a_create_without_an_answer_is_not_sent_twice() {
    let (result, notes) = hire(vec![response(200, EMPTY)]).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("POST /Users: no answer"), "{error}");
    assert_eq!(notes.statuses, [200]);
    assert_eq!(notes.verdicts.last(), Some(&(Check::Create, false)));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (result, _) = hire(vec![response(200, &" ".repeat(33 * 1024 * 1024)); 3]).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("more than 33554432 bytes"), "{error}");
}
