//! `rollcall serve`, `config` and `check`, the binary itself, as whoever runs it sees it.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

fn rollcall(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.current_dir(folder).env_clear().args(arguments.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Says nothing of the machine's disk, which is not what is tested.
fn on_any_disk(mut command: Command) -> Command {
    command.env("ROLLCALL_STORE__DISK_WARN_PERCENT", "100").env("ROLLCALL_STORE__DISK_REFUSE_PERCENT", "100");
    command
}

/// Runs to the end: status, standard output, standard error.
fn run(command: &mut Command) -> (ExitStatus, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status, text(output.stdout), text(output.stderr))
}

/// A server that is killed when the test is over.
struct Server {
    child: Child,
    public: String,
    private: String,
}

impl Server {
    const FREE: &str = "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0";

    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addresses = line
            .strip_prefix("ready public=http://")
            .and_then(|rest| rest.trim_end().split_once(" private=http://"));
        let Some((public, private)) = addresses else {
            let mut log = String::new();
            child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            panic!("{line:?}\n{log}");
        };
        let (public, private) = (public.to_owned(), private.to_owned());
        Self { child, public, private }
    }

    /// SIGTERM; how it ended, and what it had to say.
    fn stop(mut self) -> (ExitStatus, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A GET: status and body.
fn get(address: &str, path: &str, key: Option<&str>) -> (u16, String) {
    ask(address, &format!("GET {path}"), key, "")
}

/// A POST of JSON that must go well: the answer.
fn post(address: &str, path: &str, key: &str, body: &str) -> serde_json::Value {
    let (status, answer) = ask(address, &format!("POST {path}"), Some(key), body);
    assert_eq!(status, 201, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

/// A request whose head begins with `what`: status and body of the answer.
fn ask(address: &str, what: &str, key: Option<&str>, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let kind = if what.contains("/scim/") { "application/scim+json" } else { "application/json" };
    let length = body.len();
    write!(
        stream,
        "{what} HTTP/1.1\r\nHost: {address}\r\n{authorization}Content-Type: {kind}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn it_says_when_it_is_ready_makes_a_key_once_and_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rollcall(folder.path(), Server::FREE));
    let key_file = folder.path().join("rollcall-data/owner.key");
    let key = std::fs::read_to_string(&key_file).unwrap().trim().to_owned();
    assert_eq!(std::fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(&server.private, path, None).0, 200, "{path}");
    }
    assert!(get(&server.private, "/metrics", None).1.contains("rollcall_build_info{version="));
    assert_eq!(get(&server.public, "/healthz", None).0, 200);
    assert_eq!(get(&server.public, "/metrics", None).0, 404, "numbers are not for the public");
    assert_eq!(get(&server.public, "/v1/organizations", None).0, 401);
    assert_eq!(get(&server.public, "/v1/organizations", Some(&key)).0, 200);
    // An idle connection must not keep the server up.
    let _idle = TcpStream::connect(&server.public).unwrap();
    let (status, log) = server.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(log.matches(&key).count(), 1, "the key is shown once:\n{log}");

    let again = Server::start(rollcall(folder.path(), Server::FREE));
    assert_eq!(get(&again.public, "/v1/organizations", Some(&key)).0, 200, "the key outlives the process");
    let (status, log) = again.stop();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains(&key), "{log}");
}

#[test]
fn the_environments_key_is_valid_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let key = "rck_environment_environment_environment";
    let mut command = rollcall(folder.path(), Server::FREE);
    let server = Server::start({
        command.env("ROLLCALL_API_KEY", key).env("ROLLCALL_PORT", "tcp://10.0.0.1:80");
        command
    });
    assert_eq!(get(&server.public, "/v1/organizations", Some(key)).0, 200);
    assert!(!folder.path().join("rollcall-data/owner.key").exists());
    let (status, log) = server.stop();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("ROLLCALL_PORT"), "an unknown name is a warning:\n{log}");
    assert!(!log.contains(key));
}

#[test]
fn a_taken_folder_or_port_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rollcall(folder.path(), Server::FREE));
    let (status, stdout, stderr) = run(&mut on_any_disk(rollcall(folder.path(), Server::FREE)));
    assert_eq!((status.code(), stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("rollcall-data is in use by another process"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let arguments = format!("serve --data other --admin-listen 127.0.0.1:0 --listen {}", server.public);
    let (status, stdout, stderr) = run(&mut on_any_disk(rollcall(folder.path(), &arguments)));
    assert_eq!((status.code(), stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains(&format!("{} is in use by another program", server.public)), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let (status, stdout, _) = run(&mut rollcall(folder.path(), &format!("check --listen {}", server.public)));
    assert_eq!(status.code(), Some(1));
    let failed: Vec<&str> = stdout.lines().filter(|line| line.starts_with("failed")).collect();
    assert!(
        failed.iter().any(|l| l.contains("is in use by another program (server.listen"))
            && !failed.iter().any(|l| l.contains("is free:"))
            && failed.iter().any(|l| l.contains("rollcall-data")),
        "{stdout}"
    );
}

#[test]
fn mistakes_end_with_status_2_and_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wrong.toml"), "[server]\nlisen = '127.0.0.1:0'\n").unwrap();
    let (status, _, stderr) = run(&mut rollcall(folder.path(), "serve --config wrong.toml"));
    assert_eq!(status.code(), Some(2));
    assert_eq!(stderr, "rollcall: wrong.toml: unknown key `server.lisen` (did you mean `server.listen`?)\n");
    let (status, _, stderr) = run(rollcall(folder.path(), Server::FREE).env("ROLLCALL_API_KEY", "short"));
    assert_eq!(status.code(), Some(2));
    assert!(stderr.contains("at least 32 characters") && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(run(&mut rollcall(folder.path(), "serve --listen nowhere")).0.code(), Some(2));
}

#[test]
fn a_value_out_of_range_is_refused_by_serve_and_check_alike() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", Server::FREE] {
        for (name, value, expected) in [
            ("ROLLCALL_STORE__DISK_WARN_PERCENT", "150", "store.disk_warn_percent is 150: "),
            ("ROLLCALL_STORE__BATCH", "0", "store.batch is 0: it must be a whole number from 1 to 10000"),
            ("ROLLCALL_STORE__READERS", "0", "store.readers is 0: "),
            ("ROLLCALL_STORE__WRITE_QUEUE", "0", "store.write_queue is 0: "),
            ("ROLLCALL_DISPATCH__FAST_SLOTS", "0", "dispatch.fast_slots is 0: "),
            ("ROLLCALL_LOG__LEVEL", "frob", "log.level: \"frob\" is no level"),
        ] {
            let (status, stdout, stderr) = run(rollcall(folder.path(), command).env(name, value));
            assert_eq!((status.code(), stdout.as_str()), (Some(2), ""), "{command} {name}");
            assert!(stderr.contains(expected) && stderr.lines().count() == 1, "{stderr}");
        }
    }
    assert!(!folder.path().join("rollcall-data").exists());
}

/// The names in the table of `docs/operations.md`.
fn documented_metrics() -> Vec<&'static str> {
    let names: Vec<_> = include_str!("../../../docs/operations.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `rollcall_").map(|_| &line[3..]))
        .filter_map(|line| line.split(['{', '`']).next())
        .collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

#[test]
fn every_documented_metric_is_there_after_one_write() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rollcall(folder.path(), Server::FREE));
    let key = std::fs::read_to_string(folder.path().join("rollcall-data/owner.key")).unwrap();
    let key = key.trim();
    let organization = post(&server.public, "/v1/organizations", key, r#"{"name": "Acme"}"#);
    let directory =
        serde_json::json!({"organization_id": organization["id"], "name": "Okta", "provider": "okta"});
    let directory = post(&server.public, "/v1/directories", key, &directory.to_string());
    let users = format!("/scim/v2/{}/Users", directory["id"].as_str().unwrap());
    let user =
        r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@acme.example"}"#;
    post(&server.public, &users, directory["token"].as_str().unwrap(), user);

    let (_, numbers) = get(&server.private, "/metrics", None);
    let has = |name: &str| {
        numbers.lines().any(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']) || rest.starts_with("_count"))
        })
    };
    let missing: Vec<_> = documented_metrics().into_iter().filter(|name| !has(name)).collect();
    // It has a series per endpoint, and there is none.
    assert_eq!(missing, ["rollcall_lane_lag_events"], "{numbers}");
    // The store counts for this recorder.
    for line in [
        "rollcall_events_total{type=\"user.created\"} 1",
        "rollcall_store_commit_failures_total 0",
        "rollcall_breakers_open 0",
    ] {
        assert!(numbers.lines().any(|l| l == line), "no {line}:\n{numbers}");
    }
    let commits = numbers.lines().find_map(|l| l.strip_prefix("rollcall_store_commit_seconds_count "));
    assert!(commits.unwrap().parse::<u64>().unwrap() > 0, "{numbers}");
}

#[test]
fn the_log_has_one_line_at_the_start_and_one_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = on_any_disk(rollcall(folder.path(), Server::FREE));
    command.env("ROLLCALL_API_KEY", "rck_environment_environment_environment");
    let server = Server::start(command);
    let addresses = format!("public={} private={}", server.public, server.private);
    let (_, log) = server.stop();
    let lines: Vec<&str> = log.lines().collect();
    let [start, end] = lines[..] else { panic!("{log}") };
    for part in ["started", "version=", "data=rollcall-data", "role=all", "https only", &addresses] {
        assert!(start.contains(part), "no {part}: {start}");
    }
    assert!(end.contains("stopped") && end.contains("SIGTERM"), "{end}");
}

#[test]
fn a_cause_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for command in ["serve --data file --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0", "check --data file"]
    {
        let (status, stdout, stderr) = run(&mut rollcall(folder.path(), command));
        assert_eq!(status.code(), Some(1));
        let said = format!("{stdout}{stderr}");
        assert!(said.contains("file"), "{said}");
        assert!(said.matches("os error").count() <= 1, "{said}");
    }
}

#[test]
fn a_role_that_needs_other_processes_needs_a_store_for_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rollcall(folder.path(), Server::FREE);
    let (status, _, stderr) = run(command.args(["--role", "dispatch"]));
    assert_eq!(status.code(), Some(2));
    assert!(stderr.starts_with("rollcall: role is dispatch, and store.url is not set"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1);
}

#[test]
fn config_prints_and_check_checks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fine.toml"), "[egress]\nallow_http = true\n").unwrap();
    let (status, stdout, _) = run(&mut rollcall(folder.path(), "config --config fine.toml"));
    assert!(status.success());
    assert!(
        stdout.lines().any(|line| line.starts_with("allow_http = true") && line.ends_with("# fine.toml")),
        "{stdout}"
    );
    let arguments = "check --config fine.toml --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0";
    let (status, stdout, stderr) = run(&mut rollcall(folder.path(), arguments));
    assert!(status.success(), "{stdout}{stderr}");
    assert!(stdout.lines().all(|line| line.starts_with("ok ")), "{stdout}");
    let counts =
        "configuration: 1 value from fine.toml, 2 values from the command line; the defaults for the rest";
    assert!(stdout.contains(counts), "{stdout}");
    assert!(!folder.path().join("rollcall-data").exists(), "a check makes nothing");
}

#[test]
fn a_backup_says_what_it_has_and_leaves_postgresql_to_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start(on_any_disk(rollcall(folder.path(), &format!("{} --data data", Server::FREE))));
    let (status, out, err) = run(&mut rollcall(folder.path(), "backup copy --data data"));
    assert!(status.success(), "{err}");
    assert!(out.starts_with("copy: 0 users, 0 groups, 0 events to position 0, "), "{out}");
    server.stop();

    let mut command = rollcall(folder.path(), "backup other --data data");
    command.env("ROLLCALL_STORE__URL", "postgres://nobody:hunter2@127.0.0.1:1/none");
    command.env("ROLLCALL_MASTER_KEY", "5a".repeat(32));
    let (status, out, err) = run(&mut command);
    assert!(!status.success() && out.is_empty(), "{out}");
    assert!(err.contains("pg_dump") && err.contains("master_key") && !err.contains("hunter2"), "{err}");
    assert!(!folder.path().join("other").exists());
}
