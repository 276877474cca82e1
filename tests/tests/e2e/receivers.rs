//! The receivers of `examples/`, run as they are: they accept Rollcall's webhooks and refuse a
//! tampered one.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
};

use rollcall_tests::{
    http::{Address, Client},
    wait::SOON,
};
use serde_json::json;

use crate::PROFILE;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn examples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"))
}

/// Node with the example's own packages.
fn node() -> Command {
    let folder = examples().join("node");
    assert!(folder.join("node_modules/standardwebhooks").is_dir(), "run `npm ci` in examples/node first");
    let mut command = Command::new("node");
    command.arg("receiver.mjs").current_dir(folder);
    command
}

/// Python with the official package: the interpreter that the test command made.
fn python() -> Command {
    let venv = std::env::var_os("ROLLCALL_TEST_PYTHON")
        .map_or_else(|| examples().join("python/.venv/bin/python"), PathBuf::from);
    assert!(venv.is_file(), "{} is missing: see examples/python/README.md", venv.display());
    let mut command = Command::new(venv);
    command.arg("receiver.py").current_dir(examples().join("python"));
    command
}

async fn works(name: &str, mut command: Command) {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    // The endpoint's secret is known only when it has been made, and its URL only when the receiver
    // listens; so the endpoint is made first and moved.
    let endpoint = world
        .subscribe("placeholder", json!({"directory_id": dir.directory, "retry_schedule": [0, 1, 1]}))
        .await;
    command.env("WEBHOOK_SECRET", &endpoint.secret).env("PORT", "0").env("HOST", "127.0.0.1");
    command.env("PYTHONUNBUFFERED", "1").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process =
        Process(command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}")));
    let (sender, lines) = mpsc::channel();
    let stdout = process.0.stdout.take().expect("it is piped");
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let expect = |part: &str| loop {
        let line =
            lines.recv_timeout(SOON).unwrap_or_else(|error| panic!("{name} never said {part:?}: {error}"));
        if line.contains(part) {
            return line;
        }
    };
    let line = expect("listening on ");
    let url = line.split("listening on ").nth(1).expect("the URL follows").trim().to_owned();
    world.owner.patch(&format!("/endpoints/{}", endpoint.id), json!({"url": url})).await.expect(200);

    let user = dir.user("ada").await;
    dir.set(&user, "title", json!("Countess")).await.expect(200);
    dir.delete(&format!("/Users/{user}")).await.expect(204);
    for kind in ["user.created", "user.updated", "user.deleted"] {
        let line = expect(kind);
        assert!(line.contains(&user), "{line}");
    }

    // The same webhook twice is handled once; one whose body was changed is refused.
    let own = Client::new(Address::new(&url), "", None);
    let event = world.owner.events(&dir.directory).await.pop().expect("there is one");
    let body = event.0.to_string();
    let webhook = standardwebhooks::Webhook::new(&endpoint.secret).expect("the secret is good");
    let now = Command::new("date").arg("+%s").output().expect("the machine tells the time").stdout;
    let now: i64 = String::from_utf8_lossy(&now).trim().parse().expect("it is a number");
    let signature = webhook.sign(event.id(), now, body.as_bytes()).expect("it is UTF-8");
    let stamp = now.to_string();
    let headers = [
        ("webhook-id", event.id()),
        ("webhook-timestamp", stamp.as_str()),
        ("webhook-signature", signature.as_str()),
        ("content-type", "application/json"),
    ];
    let again = own.send("POST", "", &headers, Some(body.clone().into())).await;
    assert!((200..300).contains(&again.status), "{name}: {again}");
    expect("duplicate");
    let tampered = body.replacen("user.deleted", "user.created", 1);
    assert_ne!(tampered, body);
    let refused = own.send("POST", "", &headers, Some(tampered.into())).await;
    assert!([400, 401].contains(&refused.status), "{name}: {refused}");
    let unsigned = own.send("POST", "", &[], Some(body.into())).await;
    assert!([400, 401].contains(&unsigned.status), "{name}: {unsigned}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_example_works() {
    works("node", node()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_example_works() {
    works("python", python()).await;
}
