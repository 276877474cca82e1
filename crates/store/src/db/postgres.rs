//! A session with PostgreSQL, blocking: a client with the small runtime that drives it.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, Row, Statement, config::Host, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{DbError, Value, dialect, error, tls};
use crate::OpenError;

/// Statements that each session keeps prepared.
const STATEMENTS: usize = 512;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take; then the connection is given up.
const ANSWER: Duration = Duration::from_secs(30);

/// Which server, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    answer: Duration,
}

impl Target {
    /// From `postgres://user:password@host:port/database?sslmode=…`. Whom it trusts: see
    /// [`tls`].
    pub(crate) fn new(url: &SecretString, tls_ca: Option<&PathBuf>) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Url { why };
        // libpq's stricter modes are what `require` means here.
        let url = url
            .expose_secret()
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        let mut config = Config::from_str(&url).map_err(|e| unusable(DbError::from(e).to_string()))?;
        let is_torn = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().iter().any(is_torn) {
            return Err(unusable("the password has an @ in it: write it as %40".to_owned()));
        }
        if config.get_dbname().is_none() {
            return Err(unusable("it names no database".to_owned()));
        }
        config
            .connect_timeout(CONNECT)
            .keepalives_idle(Duration::from_secs(10))
            .tcp_user_timeout(Duration::from_secs(10));
        let tls = tls::connector(&mut config, tls_ca.map(PathBuf::as_path))?;
        Ok(Self { config, tls, answer: ANSWER })
    }

    /// The same, where an answer may take so long.
    pub(crate) fn answering_within(mut self, answer: Duration) -> Self {
        self.answer = answer;
        self
    }

    /// Where it goes, for messages: no password.
    pub(crate) fn name(&self) -> String {
        let host = self.config.get_hosts().first().map_or_else(
            || "localhost".to_owned(),
            |host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            },
        );
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().unwrap_or_default();
        format!("PostgreSQL at {host}:{port}/{database}")
    }
}

/// A session. One thread uses it.
pub(crate) struct Session {
    runtime: Runtime,
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    lost: Cell<bool>,
    answer: Duration,
}

impl Session {
    /// Connects. `search_path` is where unqualified names are looked for.
    pub(crate) fn connect(target: &Target, name: &str, search_path: &str) -> Result<Self, DbError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| DbError::Late(Duration::ZERO))?;
        let mut config = target.config.clone();
        config.application_name(name);
        // Said here and not as options of the connection, which a pooler refuses.
        let settings = format!(
            "SET search_path = {search_path}; SET default_transaction_isolation = 'read committed';
             SET idle_in_transaction_session_timeout = '60s'; SET statement_timeout = '{}ms'",
            target.answer.as_millis()
        );
        let client = runtime.block_on(async {
            let connecting = config.connect(target.tls.clone());
            let (client, connection) = tokio::time::timeout(CONNECT * 2, connecting)
                .await
                .map_err(|_| DbError::Late(CONNECT * 2))??;
            tokio::spawn(async move {
                // Whoever waits for an answer hears of it too.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to PostgreSQL ended");
                }
            });
            tokio::time::timeout(CONNECT, client.batch_execute(&settings))
                .await
                .map_err(|_| DbError::Late(CONNECT))??;
            Ok::<_, DbError>(client)
        })?;
        Ok(Self {
            runtime,
            client,
            statements: RefCell::default(),
            lost: Cell::new(false),
            answer: target.answer,
        })
    }

    /// Drives something that uses the client, for as long as an answer may take.
    pub(crate) fn run<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DbError> {
        // The server ends a statement by itself at the same time: this is for one that is gone.
        let patience = self.answer + Duration::from_secs(1);
        match self.runtime.block_on(async { tokio::time::timeout(patience, work).await }) {
            Ok(Err(error)) => {
                if error::ends(&error) {
                    self.lost.set(true);
                }
                Err(error.into())
            }
            Ok(Ok(value)) => Ok(value),
            Err(_) => {
                self.lost.set(true);
                Err(DbError::Late(self.answer))
            }
        }
    }

    /// Brings the schema that the session looks in to the newest of these migrations.
    pub(crate) fn migrate(&mut self, runner: &refinery::Runner) -> Result<(), refinery::Error> {
        self.runtime.block_on(runner.run_async(&mut self.client)).map(drop)
    }

    /// The client, for more than one statement at once.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A statement, prepared once.
    pub(crate) fn statement(&self, sql: &str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.run(self.client.prepare(&dialect::postgres(sql)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, DbError> {
        let statement = self.statement(sql)?;
        self.run(self.client.execute_raw(&statement, values.iter().map(|value| value as &dyn ToSql)))
    }

    pub(super) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, DbError> {
        let statement = self.statement(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.run(self.client.query(&statement, &values))
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), DbError> {
        self.run(self.client.batch_execute(sql))
    }

    /// It ended, or did not answer in time.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.get() || self.client.is_closed()
    }
}
