//! Kafka, by `deploy/kafka/broker`: one broker or three.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use super::leash;

/// A cluster of brokers and its folder.
#[derive(Debug)]
pub struct Kafka {
    folder: tempfile::TempDir,
    /// `broker run`, which kills what it started when its standard input ends.
    keeper: Child,
    bootstrap: String,
    held: Mutex<Vec<u32>>,
    given: AtomicU32,
}

impl Kafka {
    /// Starts one broker and waits until it serves.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1", 1)
    }

    /// Starts one broker or three that listen at this address of this machine.
    pub fn start_at(address: &str, brokers: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        leash::hold_folder(folder.path());
        let complaints = folder.path().join("complaints");
        let mut keeper = script()
            .arg("run")
            .arg(folder.path())
            .args(["--brokers", &brokers.to_string(), "--host", address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints).expect("a file can be made"))
            .spawn()
            .expect("deploy/kafka/broker runs");
        let mut bootstrap = String::new();
        let mut stdout = BufReader::new(keeper.stdout.take().expect("it is piped"));
        stdout.read_line(&mut bootstrap).expect("its output is text");
        let bootstrap = bootstrap.trim().to_owned();
        let complaints = std::fs::read_to_string(complaints).unwrap_or_default();
        assert!(!bootstrap.is_empty(), "Kafka did not start: {complaints}");
        let cluster = Self { folder, keeper, bootstrap, held: Mutex::default(), given: AtomicU32::new(0) };
        cluster.hold();
        cluster
    }

    /// The bootstrap servers.
    pub fn brokers(&self) -> &str {
        &self.bootstrap
    }

    /// The name of a topic that nobody else got from here; it is not made yet.
    pub fn topic(&self) -> String {
        format!("rollcall.events.{}", self.given.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a command of the script on this cluster and gives what it printed.
    pub fn command(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = script();
        command.arg(name).arg(self.folder.path()).args(arguments).stdin(Stdio::null());
        let output = command.output().expect("deploy/kafka/broker runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "broker {name} {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// SIGKILL to a broker, from 1.
    pub fn kill(&self, broker: u32) {
        self.command("kill", &[&broker.to_string()]);
        self.hold();
    }

    /// Starts every broker that is down, on the data that it has, and waits until it serves.
    pub fn launch(&self) {
        self.command("start", &[]);
        self.hold();
    }

    /// SIGSTOP to a broker: connections stay open and answer nothing.
    pub fn freeze(&self, broker: u32) {
        self.command("freeze", &[&broker.to_string()]);
    }

    /// SIGCONT.
    pub fn thaw(&self, broker: u32) {
        self.command("thaw", &[&broker.to_string()]);
    }

    /// Kills all brokers and removes everything that they hold, the topics included; then they start
    /// again on the same ports.
    pub fn wipe(&self) {
        self.command("wipe", &[]);
        self.hold();
        self.launch();
    }

    /// Tells the leash who runs now.
    fn hold(&self) {
        let status = self.command("status", &[]);
        let mut running: Vec<u32> = Vec::new();
        for line in status.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if let ["running", id, ..] = &fields[1..] {
                running.push(id.parse().expect("the third field is the process"));
            }
        }
        let mut held = self.held.lock().expect("no holder panics");
        held.iter().filter(|id| !running.contains(id)).for_each(|id| leash::free(*id));
        running.iter().for_each(|id| leash::hold(*id));
        *held = running;
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // Its input ends, and with it the brokers.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if let Ok(held) = self.held.lock() {
            held.iter().for_each(|id| leash::free(*id));
        }
        leash::free_folder(self.folder.path());
    }
}

fn script() -> Command {
    Command::new(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kafka/broker")))
}
