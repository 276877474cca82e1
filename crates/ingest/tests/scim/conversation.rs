//! Providers' dialects, as conversations: each line of a fixture is a request with what must come of it.
//!
//! `request` and `body` may name earlier resources as `{name}`; `keep` gives the answered resource its name.
//! `answer` holds JSON pointers into the body of the answer with the value there, null for nothing; `events`
//! lists the types of all events that the request gave, and nothing else may have happened.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::server::{Ask, Server};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    step: String,
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
    status: u16,
    #[serde(default)]
    answer: BTreeMap<String, Value>,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    keep: Option<String>,
}

async fn play(script: &str) {
    let server = Server::start().await;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let fill = |text: &str, names: &BTreeMap<String, String>| {
        names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    };
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        let step: Step = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let name = &step.step;
        let request = fill(&step.request, &names);
        let (method, rest) = request.split_once(' ').unwrap();
        let mut ask = Ask::new(&server.one, method, rest);
        for (header, value) in &step.headers {
            ask = ask.header(header, value);
        }
        if let Some(body) = &step.body {
            ask = ask.bytes(fill(&body.to_string(), &names));
        }
        let got = server.send(ask).await;
        assert_eq!(got.status, step.status, "{name}: {}", got.body);
        for (pointer, expected) in &step.answer {
            let expected: Value = serde_json::from_str(&fill(&expected.to_string(), &names)).unwrap();
            let seen = got.body.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(*seen, expected, "{name}: {pointer} in {}", got.body);
        }
        assert_eq!(server.new_events(), step.events, "{name}");
        if let Some(kept) = step.keep {
            names.insert(kept, got.id());
        }
    }
}

#[actix_web::test]
async fn entra_id() {
    play(include_str!("entra_id.jsonl")).await;
}

#[actix_web::test]
async fn entra_id_with_the_compliance_flag() {
    play(include_str!("entra_id_flag.jsonl")).await;
}

#[actix_web::test]
async fn okta() {
    play(include_str!("okta.jsonl")).await;
}

#[actix_web::test]
async fn others() {
    play(include_str!("others.jsonl")).await;
}
