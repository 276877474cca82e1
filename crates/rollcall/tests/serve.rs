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
    let mut stream = TcpStream::connect(address).unwrap();
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n")
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
    let (status, stdout, stderr) = run(&mut rollcall(folder.path(), Server::FREE));
    assert_eq!((status.code(), stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("rollcall-data is in use by another process"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let arguments = format!("serve --data other --admin-listen 127.0.0.1:0 --listen {}", server.public);
    let (status, stdout, stderr) = run(&mut rollcall(folder.path(), &arguments));
    assert_eq!((status.code(), stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains(&format!("{} is in use by another program", server.public)), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let (status, stdout, _) = run(&mut rollcall(folder.path(), &format!("check --listen {}", server.public)));
    assert_eq!(status.code(), Some(1));
    let failed: Vec<&str> = stdout.lines().filter(|line| line.starts_with("failed")).collect();
    assert!(
        failed.iter().any(|l| l.contains("server.listen"))
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
fn a_process_that_only_dispatches_has_both_listeners_and_answers_health_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rollcall(folder.path(), Server::FREE);
    let server = Server::start({
        command.args(["--role", "dispatch"]);
        command
    });
    assert_eq!(get(&server.public, "/healthz", None).0, 200);
    assert_eq!(get(&server.public, "/v1/organizations", None).0, 404);
    assert_eq!(get(&server.private, "/readyz", None).0, 200);
    assert_eq!(server.stop().0.code(), Some(0));
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
    assert!(!folder.path().join("rollcall-data").exists(), "a check makes nothing");
}
