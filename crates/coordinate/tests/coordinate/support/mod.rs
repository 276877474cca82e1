//! A real Redis of the test's own, a way to cut the line to it, and waiting for what shall become
//! true.

pub(crate) mod line;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rollcall_coordinate::{Coordination, Settings, State};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// Nothing here takes so long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A redis-server in a folder of its own. It keeps nothing on disk, so a restart is empty.
pub(crate) struct Redis {
    pub(crate) port: u16,
    arguments: Vec<String>,
    child: Child,
    folder: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    /// The port is free when it is chosen; whoever else takes it before the server does makes the
    /// server end, and another port is tried.
    pub(crate) fn start_in(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
        for _ in 0..20 {
            let port = free_port();
            let mut child = spawn(port, &arguments, folder.path());
            if answers(port, &mut child) {
                return Self { port, arguments, child, folder };
            }
        }
        panic!("redis-server does not start: {}", log_of(folder.path()));
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port, with nothing of what it held.
    pub(crate) fn restart_empty(&mut self) {
        // Whoever was given the port in the meantime lets it go again.
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            self.child = spawn(self.port, &self.arguments, self.folder.path());
            if answers(self.port, &mut self.child) {
                return;
            }
        }
        panic!("redis-server does not start again: {}", log_of(self.folder.path()));
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) async fn client(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// A process that shares through it. Its state may be any.
    pub(crate) async fn process(&self, id: &str) -> Coordination {
        connect(&self.url(), id).await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn connect(url: &str, id: &str) -> Coordination {
    Coordination::connect(settings(url), id).await.unwrap()
}

pub(crate) fn settings(url: &str) -> Settings {
    Settings { url: Some(url.into()), timeout_ms: 500, ..Settings::default() }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, arguments: &[String], folder: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--logfile", "redis.log"]);
    if !arguments.iter().any(|argument| argument == "--port") {
        command.arg("--port").arg(port.to_string());
    }
    let port = port.to_string();
    command.args(arguments.iter().map(|argument| argument.replace("PORT", &port)));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|e| {
        panic!("these tests need redis-server in PATH (Debian: apt-get install --no-install-recommends redis-server): {e}")
    })
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("redis.log")).unwrap_or_default()
}

/// False if the process ended instead. Any answer will do; it may ask for a password, or for TLS.
fn answers(port: u16, child: &mut Child) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) else {
            std::thread::yield_now();
            continue;
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        // A TLS listener says an alert or just hangs up: then, too, it is there.
        let _ = stream.read(&mut [0; 64]);
        return child.try_wait().unwrap().is_none();
    }
    false
}

/// Looks again and again, for things that nobody announces.
pub(crate) async fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !is_true() {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "it never came to be that {what}");
}

/// Waits for the announcement.
pub(crate) async fn announced(receiver: &mut watch::Receiver<u64>, what: &str, is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            receiver.changed().await.unwrap();
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "nobody announced that {what}");
}

pub(crate) async fn connected(process: &Coordination) {
    eventually("it is connected", || process.state() == State::Connected).await;
}

pub(crate) async fn away(process: &Coordination) {
    eventually("Redis is away", || matches!(process.state(), State::Away { .. })).await;
}

/// So long from now, in whole microseconds.
pub(crate) fn after(seconds: i64) -> Timestamp {
    let moment = now() + SignedDuration::from_secs(seconds);
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the tests play the caller, who has a clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
