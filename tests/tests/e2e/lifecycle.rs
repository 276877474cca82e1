//! Start, stop, restart, and what an operator sees of it.

use std::{os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

use rollcall_tests::{
    http,
    receiver::{
        Reply,
        checker::{Rules, judge_hook},
    },
    server::{Options, Server, binary, parse_ready, wait},
    wait::SOON,
    world::World,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_said_in_one_line_when_it_is_true() {
    let mut server = Server::start();
    let ready = format!("{}/readyz", server.private.get());
    assert_eq!(http::get(&ready).await, Some(200));
    assert_eq!(http::get(&format!("{}/healthz", server.private.get())).await, Some(200));
    assert_eq!(http::get(&format!("{}/metrics", server.private.get())).await, Some(200));
    // The private listener alone says so.
    assert_ne!(http::get(&format!("{}/metrics", server.public.get())).await, Some(200));
    let lines: Vec<String> = server.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines.iter().filter(|l| parse_ready(l).is_some()).count(), 1, "{lines:?}");
    server.stop();
    assert_eq!(http::get(&ready).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_everything() {
    let mut world = World::start().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    world.receiver.always("app", Reply::Status(503));
    let user = dir.user("ada").await;
    let group = dir.group("Engineers", &[&user]).await;
    let before = (
        dir.get("/Users").await.expect(200)["totalResults"].clone(),
        dir.members(&group).await,
        world.owner.events(&dir.directory).await,
        world.owner.list("/endpoints", "", 10).await.len(),
    );
    world.receiver.wait_until("an attempt", SOON, |log| !log.is_empty()).await;
    world.server.stop();
    world.receiver.next_epoch();
    world.receiver.recover("app");
    world.server.launch();
    let after = (
        dir.get("/Users").await.expect(200)["totalResults"].clone(),
        dir.members(&group).await,
        world.owner.events(&dir.directory).await,
        world.owner.list("/endpoints", "", 10).await.len(),
    );
    assert_eq!(before, after);
    dir.set(&user, "title", json!("later")).await.expect(200);
    // What was not delivered before is delivered after.
    world.drained("app", &dir).await;
    judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() })
        .assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_is_not_delivered_again_after_a_clean_stop() {
    let mut world = World::start().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    for n in 0..30 {
        dir.user(&format!("user{n}")).await;
    }
    world.drained("app", &dir).await;
    world.server.stop();
    world.receiver.next_epoch();
    world.server.launch();
    dir.user("after").await;
    world.drained("app", &dir).await;
    let verdict =
        judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() });
    verdict.assert_clean();
    assert_eq!(verdict.duplicates, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_is_in_flight() {
    let mut world = World::start().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    world.receiver.always("app", Reply::Slow(Duration::from_millis(700), 200));
    dir.user("ada").await;
    world.receiver.wait_until("an attempt on its way", SOON, |log| !log.is_empty()).await;
    world.server.stop();
    let attempts = world.receiver.attempts_at("app");
    world.receiver.next_epoch();
    world.receiver.recover("app");
    world.server.launch();
    dir.user("bob").await;
    world.drained("app", &dir).await;
    let verdict =
        judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() });
    verdict.assert_clean();
    assert_eq!(verdict.duplicates, 0, "the {} attempts in flight were waited for", attempts.len());
}

#[test]
fn a_second_process_on_the_folder_is_refused_in_one_line() {
    let mut server = Server::start();
    let mut second = Options::default().command(&server.data());
    second.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = second.spawn().expect("it starts");
    let status = wait(&mut child, Duration::from_secs(30)).expect("it gives up at once");
    assert!(!status.success());
    let output = child.wait_with_output().expect("its output can be read");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> =
        errors.lines().filter(|line| line.to_lowercase().contains("error") || line.contains("use")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {errors}");
    assert!(errors.contains("data"), "it names the folder: {errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    server.stop();
}

#[test]
fn secrets_are_for_the_servers_eyes_only() {
    let mut server = Server::start_with(Options::default().without("ROLLCALL_API_KEY"));
    let mut private = 0;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data().join("owner.key")), 0o600);
    for entry in std::fs::read_dir(server.data()).expect("the folder can be read") {
        let path = entry.expect("its entries too").path();
        if path.extension().is_some_and(|e| e == "key") {
            private += 1;
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    assert!(private >= 2, "the owner's key and the key that seals secrets");
    server.stop();
}

/// Runs a command of the binary to its end.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = std::process::Command::new(binary());
    command.env_clear().envs(environment.iter().copied()).args(arguments).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let Some(status) = wait(&mut child, Duration::from_secs(30)) else {
        let _ = child.kill();
        panic!("{arguments:?} does not end");
    };
    let output = child.wait_with_output().expect("its output can be read");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_misspelt_key_in_the_file_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (text, named) in [
        ("[egress]\nalow_http = true\n", "alow_http"),
        ("publik_url = \"http://x\"\n", "publik_url"),
        ("[egress]\nallow_http = \"perhaps\"\n", "allow_http"),
        ("[egress\n", "rollcall.toml"),
    ] {
        let file = folder.path().join("rollcall.toml");
        std::fs::write(&file, text).expect("it can be written");
        let path = file.to_str().expect("the path is text");
        for command in [
            &["serve", "--config", path, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"][..],
            &["check", "--config", path],
        ] {
            let (good, stdout, stderr) = run(command, &[]);
            assert!(!good, "{command:?} accepted {text}");
            assert!(
                format!("{stdout}{stderr}").contains(named),
                "{command:?}: {named} is not in {stdout}{stderr}"
            );
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
    }
    let (good, _, stderr) = run(&["serve", "--config", "/nowhere/rollcall.toml"], &[]);
    assert!(!good && stderr.contains("/nowhere/rollcall.toml"), "{stderr}");
    let (good, _, stderr) = run(&["serve", "--listen", "nonsense"], &[]);
    assert!(!good && stderr.contains("nonsense"), "{stderr}");
    let (good, _, _) = run(&["serve"], &[("ROLLCALL_API_KEY", "short")]);
    assert!(!good, "a key of five characters is none");
}

#[test]
fn configuration_and_openapi_can_be_printed() {
    let secret = "rck_0123456789abcdef0123456789abcdef";
    let (good, stdout, stderr) =
        run(&["config"], &[("ROLLCALL_EGRESS__ALLOW_HTTP", "true"), ("ROLLCALL_API_KEY", secret)]);
    assert!(good, "{stderr}");
    assert!(stdout.contains("allow_http"), "{stdout}");
    assert!(
        stdout.contains("ROLLCALL_EGRESS__ALLOW_HTTP") || stdout.contains("environment"),
        "its sources: {stdout}"
    );
    assert!(!stdout.contains(secret), "secrets are not printed");
    let (good, stdout, stderr) = run(&["check"], &[]);
    assert!(good, "{stdout}{stderr}");
    let (good, stdout, stderr) = run(&["openapi"], &[]);
    assert!(good, "{stderr}");
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")), "{}", document["openapi"]);
    assert!(document["paths"].as_object().is_some_and(|p| p.keys().any(|k| k.ends_with("/events"))));
    // A name that a container platform injects is no error.
    let (good, _, stderr) = run(&["check"], &[("ROLLCALL_SERVICE_HOST", "10.0.0.1")]);
    assert!(good, "{stderr}");
}

#[test]
fn the_demonstration_ends_well() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let data = folder.path().join("demo");
    let mut command = std::process::Command::new(binary());
    command.env_clear().args(["demo", "--exit", "--data"]).arg(&data).current_dir(folder.path());
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stdout}{stderr}");
    for shown in ["user.created", "group.member_added", "user.deactivated"] {
        assert!(stdout.contains(shown), "{shown} is not shown:\n{stdout}");
    }
}
