//! PostgreSQL as an operator runs it, with fsync and synchronous commits, but in a folder of its own.
//! It refuses to run as root, so root starts it as the user `postgres`.

use std::{
    fs::File,
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::process::Signal;

use super::{
    certificates::certify,
    leash,
    port::Port,
    process::{children, lives, send, send_all, until},
};

/// How PostgreSQL is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, then everything is written (SIGINT).
    Fast,
    /// Everything is dropped; the next start recovers from the log (SIGQUIT).
    Immediate,
}

/// A server and its folder.
#[derive(Debug)]
pub struct Postgres {
    address: String,
    folder: tempfile::TempDir,
    port: Port,
    running: Option<Child>,
    made: AtomicU32,
    tls: bool,
}

impl Postgres {
    /// Makes a new, empty server and waits until it answers.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// Makes one that listens at another address of this machine.
    pub fn start_at(address: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        leash::hold_folder(folder.path());
        if let Some((user, group)) = account() {
            chown(folder.path(), Some(user), Some(group)).expect("root may give folders away");
        }
        let mut server = Self {
            address: address.to_owned(),
            folder,
            port: Port::reserve(),
            running: None,
            made: AtomicU32::new(0),
            tls: false,
        };
        server.fill();
        server.launch();
        server
    }

    /// Starts one that takes TLS connections too, with the certificate of
    /// [`certify`], whose files are in [`folder`](Self::folder).
    pub fn start_with_tls() -> Self {
        let mut server = Self::start();
        server.stop(Stop::Fast);
        certify(server.folder());
        // Only to the account that runs it may the key be readable.
        if let Some((user, group)) = account() {
            chown(server.folder().join("server.key"), Some(user), Some(group))
                .expect("root may give files away");
        }
        server.tls = true;
        server.launch();
        server
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn fill(&self) {
        let mut initdb = self.program("initdb");
        initdb.args(["--username=rollcall", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        // The empty cluster need not survive a power cut; what is written into it must.
        initdb.arg("--no-sync").arg("--pgdata").arg(self.data());
        let made = initdb.output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let rules = File::options().append(true).open(self.data().join("pg_hba.conf"));
        writeln!(rules.expect("initdb made it"), "host all all 10.0.0.0/8 trust").expect("it can be written");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of PostgreSQL's programs, run as the user that it insists on.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(programs().join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("LC_ALL", "C").env_remove("PGDATABASE").env_remove("PGHOST");
        if let Some((user, group)) = account() {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts the server again on its data, and waits until it answers.
    pub fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("the log can be made");
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        for setting in [
            format!("listen_addresses={}", self.address),
            format!("port={}", self.port.number),
            "fsync=on".to_owned(),
            "synchronous_commit=on".to_owned(),
            "max_connections=300".to_owned(),
            "shared_buffers=64MB".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        if self.tls {
            for (setting, file) in [("ssl_cert_file", "server.pem"), ("ssl_key_file", "server.key")] {
                command.arg("-c").arg(format!("{setting}={}", self.folder().join(file).display()));
            }
            command.arg("-c").arg("ssl=on");
        }
        let child = command
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            .spawn()
            .expect("postgres runs");
        let id = child.id();
        leash::hold(id);
        self.running = Some(child);
        let mut answered = false;
        until("PostgreSQL to answer a query", || {
            answered = self.query("postgres", "select 1").is_ok();
            answered || !lives(id)
        });
        assert!(answered, "PostgreSQL ended:\n{}", self.log());
    }

    /// Runs statements by `psql`, apart from the connections of those who are tested.
    ///
    /// # Errors
    /// What `psql` complained about.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, String> {
        let url = self.url_of(database);
        let mut psql = self.program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1", "-c"]);
        let output = psql.arg(sql).arg(url).output().expect("psql runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Everything that is in a database, as SQL.
    pub fn dump(&self, url: &str) -> Vec<u8> {
        let output = self.program("pg_dump").arg(url).output().expect("pg_dump runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The URL of a database of this name.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://rollcall@{}:{}/{database}", self.address, self.port.number)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// Makes a new, empty database and gives its name.
    pub fn database(&self) -> String {
        let name = format!("rollcall_{}", self.made.fetch_add(1, Ordering::Relaxed));
        if let Err(error) = self.query("postgres", &format!("create database {name}")) {
            panic!("no new database: {error}");
        }
        name
    }

    /// What the server wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Of its first process, whose children are the others.
    pub fn process_id(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// SIGKILL to all its processes.
    pub fn kill(&mut self) {
        let family = children(self.process_id());
        send_all(self.process_id(), Signal::KILL);
        self.ended(&family);
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self, how: Stop) {
        let family = children(self.process_id());
        send(self.process_id(), if how == Stop::Fast { Signal::INT } else { Signal::QUIT });
        self.ended(&family);
    }

    fn ended(&mut self, family: &[u32]) {
        let mut child = self.running.take().expect("it runs");
        until("PostgreSQL to end", || child.try_wait().expect("a child can be asked").is_some());
        until("PostgreSQL's processes to end", || !family.iter().any(|id| lives(*id)));
        leash::free(child.id());
    }

    /// Stops it and starts it again.
    pub fn restart(&mut self, how: Stop) {
        self.stop(how);
        self.launch();
    }

    /// SIGSTOP to all its processes: connections stay open and answer nothing.
    pub fn freeze(&self) {
        send_all(self.process_id(), Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        send_all(self.process_id(), Signal::CONT);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            // Immediate rather than SIGKILL: it gives its shared memory back.
            send(child.id(), Signal::QUIT);
            send_all(child.id(), Signal::CONT);
            let _ = child.wait();
            leash::free(child.id());
        }
        leash::free_folder(self.folder.path());
    }
}

/// The user and the group `postgres`, if this is root.
pub(super) fn account() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").expect("accounts can be read");
    let line = accounts.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> =
        line.expect("there is a user postgres: tests/run installs it").split(':').collect();
    Some((fields[2].parse().expect("a number"), fields[3].parse().expect("a number")))
}

/// The folder of PostgreSQL's programs: Debian's newest, or wherever `initdb` is in the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .max();
    if let Some((_, folder)) = newest {
        return folder;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder: &PathBuf| Path::new(folder).join("initdb").is_file())
        .expect("PostgreSQL is installed: tests/run does it")
}
