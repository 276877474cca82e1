//! PgBouncer before a PostgreSQL. It refuses to run as root, so root starts it as the user `postgres`.

use std::{
    net::TcpStream,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;

use super::{
    leash,
    port::Port,
    postgres::{self, Postgres},
    process::{lives, send, until},
};

/// For how long a client has a connection of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For as long as it is connected.
    Session,
    /// For a transaction.
    Transaction,
}

/// A running pooler.
#[derive(Debug)]
pub struct Pooler {
    folder: tempfile::TempDir,
    port: Port,
    running: Child,
    database: String,
}

impl Pooler {
    /// Starts one before a database and waits until it answers.
    pub fn start(server: &Postgres, database: &str, mode: Mode) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        leash::hold_folder(folder.path());
        let port = Port::reserve();
        let pool_mode = match mode {
            Mode::Session => "session",
            Mode::Transaction => "transaction",
        };
        let settings = format!(
            "[databases]\n{database} = host=127.0.0.1 port={} dbname={database} user=rollcall\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {pool_mode}\ndefault_pool_size = 50\n",
            server.port(),
            port.number
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("a file can be made");
        let mut command = Command::new("pgbouncer");
        if let Some((user, group)) = postgres::account() {
            command.uid(user).gid(group);
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group))
                .expect("root may give folders away");
        }
        let log = std::fs::File::create(folder.path().join("log")).expect("a file can be made");
        let running = command
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("pgbouncer is installed: tests/run does it");
        let id = running.id();
        leash::hold(id);
        let pooler = Self { folder, port, running, database: database.to_owned() };
        let answers = || TcpStream::connect(("127.0.0.1", pooler.port.number)).is_ok();
        until("PgBouncer to answer", || answers() || !lives(id));
        let log = std::fs::read_to_string(pooler.folder.path().join("log")).unwrap_or_default();
        assert!(answers(), "PgBouncer ended:\n{log}");
        pooler
    }

    /// The URL of the database through it.
    pub fn url(&self) -> String {
        format!("postgres://rollcall@127.0.0.1:{}/{}", self.port.number, self.database)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        send(self.running.id(), Signal::KILL);
        let _ = self.running.wait();
        leash::free(self.running.id());
        leash::free_folder(self.folder.path());
    }
}
