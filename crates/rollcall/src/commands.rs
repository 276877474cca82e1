//! One file per command.

pub(crate) mod backup;
mod check;
mod config;
mod demo;
pub(crate) mod listen;
pub(crate) mod migrate;
mod openapi;
mod serve;
pub(crate) mod simulate;
pub(crate) mod trigger;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{Failure, cli::Command};

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(options) => serve::run(options),
        Command::Demo(options) => demo::run(options),
        Command::Config(options) => config::run(options),
        Command::Check(options) => check::run(options),
        Command::Backup(options) => backup::run(options),
        Command::Migrate(options) => migrate::run(options),
        Command::Openapi => openapi::run(),
        Command::Simulate(options) => simulate::run(options),
        Command::Listen(options) => listen::run(options),
        Command::Trigger(options) => trigger::run(options),
    }
}

/// The variables whose name and value are text; others cannot be ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The runtime for everything but the HTTP workers and the dispatcher, who have their own.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("main").build();
    Ok(built.context("the runtime cannot be started")?)
}

/// Resolves at the first SIGTERM or SIGINT, with its name. Handlers are in place when this returns.
fn stop_signal() -> Result<impl Future<Output = &'static str>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
