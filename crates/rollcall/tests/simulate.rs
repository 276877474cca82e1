//! Every persona against the server itself: `rollcall simulate` with `rollcall serve` must score
//! in full, and say plainly when it does not.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

const KEY: &str = "rck_simulate_0123456789abcdef0123456789ab";

/// The personas, and what their directories are called on `/v1`.
const PERSONAS: [(&str, &str); 13] = [
    ("entra", "entra_id"),
    ("entra-2020", "entra_id"),
    ("okta", "okta"),
    ("okta-custom", "okta"),
    ("onelogin", "onelogin"),
    ("jumpcloud", "jumpcloud"),
    ("pingone", "ping"),
    ("google", "google_workspace"),
    ("rippling", "rippling"),
    ("cyberark", "cyberark"),
    ("sailpoint", "sailpoint"),
    ("keycloak", "keycloak"),
    ("authentik", "generic"),
];

fn rollcall(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.current_dir(folder).env_clear().args(arguments.split_whitespace()).stdin(Stdio::null());
    command
}

/// A server that is killed when the test is over.
struct Server {
    child: Child,
    public: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = rollcall(folder, "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0");
        command.env("ROLLCALL_API_KEY", KEY).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let public = line.strip_prefix("ready public=http://").unwrap().split(' ').next().unwrap().to_owned();
        Self { child, public }
    }

    /// A request to `/v1` and the JSON of its answer.
    fn ask(&self, request: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(&self.public).unwrap();
        let body = body.to_string();
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}",
            self.public
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 20"), "{request}: {answer}");
        serde_json::from_str(body).unwrap()
    }

    /// A new directory: its id, its base URL and its token.
    fn directory(&self, provider: &str) -> [String; 3] {
        let organization = self.ask("POST /v1/organizations", &json!({"name": "Acme"}));
        let directory =
            json!({"organization_id": organization["id"], "name": "People", "provider": provider});
        let directory = self.ask("POST /v1/directories", &directory);
        ["id", "scim_base_url", "token"].map(|member| directory[member].as_str().unwrap().to_owned())
    }

    /// The types of all events of a directory, in order.
    fn events(&self, directory: &str) -> Vec<String> {
        let mut types = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("GET /v1/events?directory_id={directory}&limit=1000{after}");
            let page = self.ask(&path, &Value::Null);
            let events = page["data"].as_array().unwrap();
            if events.is_empty() {
                return types;
            }
            types.extend(events.iter().map(|event| event["type"].as_str().unwrap().to_owned()));
            after = format!("&after={}", page["next_cursor"].as_str().unwrap());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn simulate(folder: &Path, persona: &str, url: &str, token: &str, more: &str) -> Output {
    let line =
        format!("simulate --provider {persona} --url {url} --users 40 --groups 6 --churn 20 --seed 5 {more}");
    rollcall(folder, &line).env("ROLLCALL_SIMULATE_TOKEN", token).output().unwrap()
}

#[test]
fn every_persona_scores_in_full_and_its_people_become_events() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (persona, provider) in PERSONAS {
        let [directory, url, token] = server.directory(provider);
        let output = simulate(folder.path(), persona, &url, &token, "--json");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success(), "{persona}: {report:#}");
        for kind in ["required", "recommended"] {
            let score = &report["score"][kind];
            assert_eq!(score["passed"], score["total"], "{persona}: {report:#}");
        }
        assert!(report["score"]["required"]["total"].as_u64().unwrap() >= 20, "{persona}: {report:#}");
        let events = server.events(&directory);
        let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
        // 40 at first and 8 joiners; whoever is made for trial is deleted.
        let trial = usize::from(persona == "jumpcloud");
        assert_eq!(count("user.created"), 48 + trial, "{persona}");
        // Eight are disabled, two of them come back.
        assert_eq!(count("user.deactivated"), 8, "{persona}");
        assert_eq!(count("user.reactivated"), 2, "{persona}");
        let groups = if persona == "google" { 0 } else { 6 };
        assert_eq!(count("group.created"), groups + trial, "{persona}");
    }
}

#[test]
fn a_run_that_cleans_up_leaves_nothing_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let [directory, url, token] = server.directory("okta");
    for run in ["first", "second"] {
        let output = simulate(folder.path(), "okta", &url, &token, "--clean-up");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{run}: {text}");
        assert!(text.contains("clean up") && !text.contains('✗'), "{run}: {text}");
        let users = server.ask(&format!("GET /v1/users?directory_id={directory}"), &Value::Null);
        assert_eq!(users["data"], json!([]), "{run}");
    }
}

#[test]
fn what_failed_is_shown_with_request_and_answer_and_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let [_, url, _] = server.directory("entra_id");
    let output = simulate(folder.path(), "entra", &url, "rcd_wrong_token", "");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("✗ RFC 7644 §3.4"), "{text}");
    assert!(text.contains("answer: 401 {\"schemas\""), "{text}");
    assert!(text.contains("stopped before the end") && !text.contains("rcd_wrong_token"), "{text}");
    for wrong in ["--users 0", "--churn 101", "--concurrency 0", "--groups -1"] {
        assert_eq!(simulate(folder.path(), "entra", &url, "t", wrong).status.code(), Some(2), "{wrong}");
    }
    assert_eq!(simulate(folder.path(), "lotus", &url, "t", "").status.code(), Some(2));
}
