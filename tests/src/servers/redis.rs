//! Redis, which keeps nothing: what it holds may be lost.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rustix::process::Signal;

use super::{
    leash,
    port::Port,
    process::{lives, send, until},
};

/// A server and its folder.
#[derive(Debug)]
pub struct Redis {
    address: String,
    folder: tempfile::TempDir,
    port: Port,
    running: Option<Child>,
    given: AtomicU32,
}

impl Redis {
    /// Starts an empty one and waits until it answers.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// Starts one that listens at another address of this machine.
    pub fn start_at(address: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        leash::hold_folder(folder.path());
        let mut server = Self {
            address: address.to_owned(),
            folder,
            port: Port::reserve(),
            running: None,
            given: AtomicU32::new(0),
        };
        server.launch();
        server
    }

    /// Starts it again, empty, on its port.
    pub fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let port = self.port.number.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", &self.address, "--protected-mode", "no"])
            .args(["--save", "", "--appendonly", "no"])
            .args(["--daemonize", "no", "--logfile", "log", "--dir"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed: tests/run does it");
        let id = child.id();
        leash::hold(id);
        self.running = Some(child);
        until("Redis to answer", || self.answers() || !lives(id));
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(self.answers(), "Redis ended:\n{log}");
    }

    /// Whether it answers a PING.
    pub fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect((self.address.as_str(), self.port.number))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            Ok(&answer == b"+PONG")
        };
        ask().unwrap_or(false)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://{}:{}", self.address, self.port.number)
    }

    /// A number that nobody else got from here, for a prefix of one's own.
    pub fn number(&self) -> u32 {
        self.given.fetch_add(1, Ordering::Relaxed)
    }

    fn id(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// SIGKILL. What it held is gone.
    pub fn kill(&mut self) {
        send(self.id(), Signal::KILL);
        let mut child = self.running.take().expect("it runs");
        child.wait().expect("a killed child ends");
        leash::free(child.id());
    }

    /// SIGSTOP: connections stay open and answer nothing.
    pub fn freeze(&self) {
        send(self.id(), Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        send(self.id(), Signal::CONT);
    }

    /// Kills it and starts it again: it comes back empty.
    pub fn wipe(&mut self) {
        self.kill();
        self.launch();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        leash::free_folder(self.folder.path());
    }
}
