//! `rollcall listen` and `rollcall trigger`: what a developer has at a desk, beside a running server.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use rollcall_tests::{
    event::{Event, kinds},
    receiver::Reply,
    server::{API_KEY, binary, wait},
    wait::{SOON, eventually},
    world::World,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PROFILE;

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A command beside the server of this world.
fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().args(arguments);
    command.env("ROLLCALL_SERVER_URL", world.server.public.get()).env("ROLLCALL_API_KEY", API_KEY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs one to its end.
fn run(world: &World, arguments: &[&str]) -> (bool, String, String) {
    let mut child = command(world, arguments).spawn().expect("it starts");
    let Some(status) = wait(&mut child, Duration::from_secs(30)) else {
        let _ = child.kill();
        panic!("{arguments:?} does not end");
    };
    let output = child.wait_with_output().expect("its output can be read");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.success(), text(&output.stdout), text(&output.stderr))
}

/// A listener that was started, and what it has printed on both streams.
struct Listener {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Listener {
    async fn start(world: &World, arguments: &[&str]) -> Self {
        let arguments: Vec<&str> = ["listen"].into_iter().chain(arguments.iter().copied()).collect();
        let mut child = command(world, &arguments).spawn().expect("it starts");
        let stdout = gather(child.stdout.take().expect("it is piped"));
        let stderr = gather(child.stderr.take().expect("it is piped"));
        let listener = Self { child, stdout, stderr };
        listener.until("Listening").await;
        listener
    }

    fn printed(&self) -> String {
        let text = |stream: &Mutex<String>| stream.lock().expect("nobody panics").clone();
        text(&self.stdout) + &text(&self.stderr)
    }

    async fn until(&self, words: &str) {
        eventually(words, SOON, || async { self.printed().contains(words).then_some(()) }).await;
    }

    /// Asks it to stop, as Ctrl-C does; gives what it printed on standard output.
    fn stop(mut self) -> String {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("it has an id");
        kill_process(id, Signal::INT).expect("it runs");
        let status = wait(&mut self.child, Duration::from_secs(30)).expect("it ends");
        assert!(status.success(), "{}", self.printed());
        self.stdout.lock().expect("nobody panics").clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(stream: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            into.lock().expect("nobody panics").push_str(&format!("{line}\n"));
        }
    });
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_forwarded_signed_and_in_order() {
    let world = PROFILE.world().await;
    let (dir, other) = (world.directory("okta").await, world.directory("okta").await);
    dir.user("before").await;
    world.receiver.trust("desk", SECRET);
    world.receiver.fail_next("desk", 1, Reply::Status(418));
    let url = world.receiver.url("desk");
    let listener =
        Listener::start(&world, &["--forward-to", &url, "--secret", SECRET, "--directory", &dir.directory])
            .await;
    let ada = dir.user("ada").await;
    other.user("grace").await;
    dir.set(&ada, "title", json!("Countess")).await.expect(200);
    dir.delete(&format!("/Users/{ada}")).await.expect(204);
    listener.until("user.deleted").await;
    world.receiver.wait_until("the last", SOON, |log| log.len() >= 3).await;
    listener.until("accepted with 204").await;
    world.receiver.assert_verified("desk");
    let got: Vec<Event> = world.receiver.attempts_at("desk").iter().map(|a| a.event()).collect();
    // Not what was before, not what is another directory's; the refused one is not sent again.
    assert_eq!(kinds(&got), ["user.created", "user.updated", "user.deleted"]);
    let logged = world.owner.events(&dir.directory).await;
    assert_eq!(
        got.iter().map(Event::id).collect::<Vec<_>>(),
        logged[1..].iter().map(Event::id).collect::<Vec<_>>()
    );
    let attempt = &world.receiver.attempts_at("desk")[0];
    assert_eq!(attempt.webhook_id(), got[0].id());
    eventually("both answers are shown", SOON, || async {
        (listener.printed().matches("accepted with 204").count() == 2).then_some(())
    })
    .await;
    let shown = listener.stop();
    assert!(shown.contains("answered 418"), "{shown}");
    assert!(shown.contains("3 events, 2 accepted, 1 not."), "{shown}");
    assert!(!shown.contains(SECRET) && !shown.contains("grace"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_goes_on_where_it_was_when_the_server_comes_back() {
    let mut world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    dir.user("first").await;
    let begin = world.owner.events(&dir.directory).await[0].id().to_owned();
    dir.user("second").await;
    let listener =
        Listener::start(&world, &["--json", "--after", &begin, "--directory", &dir.directory]).await;
    listener.until("\"second@").await;
    // The port is kept, since the listener has no way to learn another one.
    let address = world.server.public.get().trim_start_matches("http://").to_owned();
    world.server.options().listen = address;
    world.server.kill();
    listener.until("waiting for the server").await;
    world.server.launch();
    dir.user("third").await;
    listener.until("\"third@").await;
    let bodies = listener.stop();
    let events: Vec<Value> =
        bodies.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let sequences: Vec<&Value> = events.iter().map(|event| &event["sequence"]).collect();
    assert_eq!(sequences, [&json!(2), &json!(3)], "{bodies}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_listened_to_is_refused_in_one_line() {
    let world = PROFILE.world().await;
    let nowhere = "dir_00000000000000000000000000000001";
    let table: [(&[&str], &str); 5] = [
        (&["listen", "--directory", nowhere], nowhere),
        (&["listen", "--type", "user.promoted"], "user.promoted"),
        (&["listen", "--after", "evt_nonsense"], "after"),
        (&["listen", "--forward-to", "ftp://localhost/"], "http://"),
        (&["listen", "--forward-to", "http://localhost:1/", "--secret", "word"], "whsec_"),
    ];
    for (arguments, named) in table {
        let (good, stdout, stderr) = run(&world, arguments);
        assert!(!good && stdout.is_empty(), "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains(named) && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
    }
    let mut wrong_key = command(&world, &["listen"]);
    let output = wrong_key.env("ROLLCALL_API_KEY", "rck_wrong").output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && stderr.contains("401") && !stderr.contains("rck_wrong"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_event_can_be_triggered_and_touches_nothing_live() {
    let world = PROFILE.world().await;
    let live = world.directory("okta").await;
    live.user("ada").await;
    let types = [
        "user.created",
        "user.updated",
        "user.deactivated",
        "user.reactivated",
        "user.deleted",
        "group.created",
        "group.updated",
        "group.member_added",
        "group.member_removed",
        "group.deleted",
        "directory.deactivated",
        "directory.activated",
        "directory.deleted",
    ];
    world.receiver.trust("desk", SECRET);
    let url = world.receiver.url("desk");
    let listener = Listener::start(&world, &["--forward-to", &url, "--secret", SECRET]).await;
    let mut directories = Vec::new();
    for wanted in types {
        let (good, stdout, stderr) = run(&world, &["trigger", wanted, "--json"]);
        assert!(good, "{wanted}: {stdout}{stderr}");
        let event: Value = serde_json::from_str(&stdout).expect("it is one document");
        assert_eq!((&event["type"], &event["sandbox"]), (&json!(wanted), &json!(true)), "{event}");
        let id = event["id"].as_str().expect("it has an id").to_owned();
        world.receiver.wait_accepted("desk", &[&id], SOON).await;
        directories.push(event["directory_id"].clone());
    }
    world.receiver.assert_verified("desk");
    drop(listener);
    // One sandbox for all but its end, and no token is left in it.
    directories.pop();
    directories.dedup();
    let [sandbox] = &directories[..] else { panic!("{directories:?}") };
    let sandbox = sandbox.as_str().expect("an id");
    let tokens = world.owner.list(&format!("/directories/{sandbox}/tokens"), "", 100).await;
    assert!(tokens.iter().all(|token| !token["revoked_at"].is_null()), "{tokens:?}");
    assert_eq!(world.owner.events(&live.directory).await.len(), 1);
    // What is live is refused, and what is no event too.
    let (good, _, stderr) = run(&world, &["trigger", "user.created", "--directory", &live.directory]);
    assert!(!good && stderr.contains("no sandbox"), "{stderr}");
    let (good, _, stderr) = run(&world, &["trigger", "user.promoted"]);
    assert!(!good && stderr.contains("user.deactivated"), "{stderr}");
    let (good, stdout, stderr) = run(&world, &["trigger", "user.deactivated"]);
    assert!(good && stdout.contains("active true → false"), "{stdout}{stderr}");
}
