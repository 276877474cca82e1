//! The real binary as a child process: started on free ports in a folder of its own, killed,
//! restarted on the same folder, stopped, and heard out when a test fails.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    http::Address,
    servers::{leash, process},
};

/// The owner's key that tests set.
pub const API_KEY: &str = "rck_tests_0123456789abcdef0123456789abcdef";

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the binary is: `ROLLCALL_BIN`, or beside the test executable's folder.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ROLLCALL_BIN") {
        return PathBuf::from(path);
    }
    let me = std::env::current_exe().expect("a running test has an executable");
    let found = me
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("rollcall"))
        .find(|candidate| candidate.is_file());
    match found {
        Some(path) => path,
        None => panic!("no rollcall beside {}: run `cargo build -p rollcall` first", me.display()),
    }
}

/// How to start one.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment on top of an empty one (but `PATH`).
    pub env: Vec<(String, String)>,
    /// Arguments after `serve --data DIR --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0`.
    pub args: Vec<String>,
    /// What the command begins with, such as `ip netns exec NAME`.
    pub prefix: Vec<String>,
    /// Where the public listener is; a free port unless said.
    pub listen: String,
}

impl Default for Options {
    /// Receivers on this machine are allowed, and the owner's key is [`API_KEY`].
    fn default() -> Self {
        Self::closed()
            .env("ROLLCALL_EGRESS__ALLOW_NETWORKS", r#"["127.0.0.0/8"]"#)
            .env("ROLLCALL_EGRESS__ALLOW_HTTP", "true")
    }
}

impl Options {
    /// The egress policy as it is out of the box.
    pub fn closed() -> Self {
        Self { env: Vec::new(), args: Vec::new(), prefix: Vec::new(), listen: "127.0.0.1:0".to_owned() }
            .env("ROLLCALL_API_KEY", API_KEY)
    }

    /// With one more variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A variable's value, if it is set.
    pub fn get(&self, name: &str) -> Option<String> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// Without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Run by this prefix, which ends by becoming the command.
    #[must_use]
    pub fn within(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// `rollcall serve` for this folder, with nothing inherited that could change its behaviour.
    pub fn command(&self, data: &Path) -> Command {
        self.command_of("serve", data)
    }

    /// `rollcall check` of the same configuration: whether it is content, and the lines that it printed.
    pub fn check(&self, data: &Path) -> (bool, Vec<String>) {
        let output = self.command_of("check", data).output().expect("rollcall runs");
        let stdout = String::from_utf8_lossy(&output.stdout);
        (output.status.success(), stdout.lines().map(str::to_owned).collect())
    }

    fn command_of(&self, name: &str, data: &Path) -> Command {
        let words: Vec<OsString> =
            self.prefix.iter().map(Into::into).chain([binary().into_os_string()]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.arg(name).arg("--data").arg(data);
        command.args(["--listen", &self.listen, "--admin-listen", "127.0.0.1:0"]);
        command.args(&self.args).envs(self.env.iter().cloned()).stdin(Stdio::null());
        command
    }
}

/// A process that said that it is ready.
#[derive(Debug)]
struct Running {
    child: Child,
    stdout: Arc<Mutex<String>>,
}

/// A server and its folder.
#[derive(Debug)]
pub struct Server {
    /// What failure messages call it.
    name: String,
    options: Options,
    folder: tempfile::TempDir,
    running: Option<Running>,
    stderr: Arc<Mutex<String>>,
    /// The public listener.
    pub public: Address,
    /// The private listener.
    pub private: Address,
}

impl Server {
    /// Starts one in a new folder, where loopback receivers are allowed.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts one in a new folder.
    pub fn start_with(options: Options) -> Self {
        Self::start_as("the server", options)
    }

    /// Starts one of several in a new folder.
    pub fn start_as(name: &str, options: Options) -> Self {
        let mut server = Self {
            name: name.to_owned(),
            options,
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            running: None,
            stderr: Arc::default(),
            public: Address::new(""),
            private: Address::new(""),
        };
        server.launch();
        server
    }

    /// The data folder (which the server itself makes).
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The options, to change before a restart.
    pub fn options(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Everything that all processes of this server wrote to standard error.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("no pump panics").clone()
    }

    /// Everything that the present process wrote to standard output.
    pub fn stdout(&self) -> String {
        self.running.as_ref().map(|r| r.stdout.lock().expect("no pump panics").clone()).unwrap_or_default()
    }

    /// The present process's id.
    pub fn process_id(&self) -> u32 {
        self.running.as_ref().expect("it runs").child.id()
    }

    /// Starts the process and waits for its ready line.
    pub fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let mut command = self.options.command(&self.data());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", binary().display()));
        let stdout = Arc::<Mutex<String>>::default();
        let lines = pump(child.stdout.take().expect("it is piped"), Arc::clone(&stdout));
        let _ = pump(child.stderr.take().expect("it is piped"), Arc::clone(&self.stderr));
        let deadline = Instant::now() + PATIENCE;
        leash::hold(child.id());
        self.running = Some(Running { child, stdout });
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(wait) {
                Ok(line) => {
                    if let Some((public, private)) = parse_ready(&line) {
                        self.public.set(&public);
                        self.private.set(&private);
                        return;
                    }
                }
                Err(error) => {
                    panic!("{}: no ready line ({error}); standard error:\n{}", self.name, self.stderr())
                }
            }
        }
    }

    /// SIGKILL: as a power cut, except that the kernel's page cache survives.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.child.kill().expect("a child can be killed");
        running.child.wait().expect("a killed child ends");
        leash::free(running.child.id());
    }

    /// SIGSTOP: its connections stay open and answer nothing.
    pub fn freeze(&self) {
        process::send(self.process_id(), Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        process::send(self.process_id(), Signal::CONT);
    }

    /// SIGTERM, then the exit status.
    pub fn terminate(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("it runs");
        process::send(running.child.id(), Signal::TERM);
        let status = wait(&mut running.child, PATIENCE)
            .unwrap_or_else(|| panic!("{} runs {PATIENCE:?} after SIGTERM:\n{}", self.name, self.stderr()));
        leash::free(running.child.id());
        status
    }

    /// SIGTERM; anything but exit status 0 panics.
    pub fn stop(&mut self) {
        let status = self.terminate();
        assert!(status.success(), "SIGTERM ended in {status}; standard error:\n{}", self.stderr());
    }

    /// Kills and starts again on the same folder, on other ports.
    pub fn crash(&mut self) {
        self.kill();
        self.launch();
    }

    /// Stops cleanly and starts again on the same folder, on other ports.
    pub fn restart(&mut self) {
        self.stop();
        self.launch();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
            leash::free(running.child.id());
        }
        if std::thread::panicking() {
            let log = self.stderr();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(60)..];
            eprintln!("--- {}: standard error, its last lines:\n{}\n---", self.name, tail.join("\n"));
        }
    }
}

/// Waits for a child's end; `None` if it does not come in time.
pub fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            return Some(status);
        }
        if begun.elapsed() > patience {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads a pipe to its end into `kept`, and passes its lines on to whoever still listens.
fn pump(pipe: impl Read + Send + 'static, kept: Arc<Mutex<String>>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Ok(mut kept) = kept.lock() {
                kept.push_str(&line);
                kept.push('\n');
            }
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The two base URLs of `ready public=http://… private=http://…`, if the line is exactly that.
pub fn parse_ready(line: &str) -> Option<(String, String)> {
    let rest = line.trim_end().strip_prefix("ready public=")?;
    let (public, private) = rest.split_once(" private=")?;
    let is_base = |url: &str| {
        url.strip_prefix("http://")
            .and_then(|host| host.rsplit_once(':'))
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p != 0))
    };
    (is_base(public) && is_base(private)).then(|| (public.to_owned(), private.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read_strictly() {
        let good = "ready public=http://127.0.0.1:8080 private=http://127.0.0.1:9090";
        assert_eq!(
            parse_ready(good),
            Some(("http://127.0.0.1:8080".to_owned(), "http://127.0.0.1:9090".to_owned()))
        );
        for bad in [
            "",
            "ready",
            "ready public=http://127.0.0.1:0 private=http://127.0.0.1:9090",
            "ready public=http://127.0.0.1:8080",
            "ready public=127.0.0.1:8080 private=127.0.0.1:9090",
            "INFO ready public=http://127.0.0.1:8080 private=http://127.0.0.1:9090",
        ] {
            assert_eq!(parse_ready(bad), None, "{bad}");
        }
    }
}
