//! The binary: commands, configuration, wiring, telemetry, shutdown. Only it reads the
//! environment.
//!
//! Cast: [`cli`] says what can be typed; [`commands`] has one file per command; [`config`]
//! assembles the settings; [`server`] is the whole server as one object that `serve`, `demo` and
//! tests start; [`demo`] is what `rollcall demo` shows.

mod cli;
mod cluster;
mod commands;
mod config;
mod demo;
mod health;
mod metrics;
mod owner;
mod owner_key;
mod server;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

/// Requests are made on one thread and let go on another, which the system's allocator does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The configuration cannot be used; exit status 2, as for a wrong command line.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// Anything else; exit status 1.
    #[error("{}", causes(.0))]
    Failed(#[from] anyhow::Error),
}

/// What failed and why, each cause once: some errors already say their cause in their own words.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line.replace('\n', " ")
}

/// The innermost cause, where there is no room for the others.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
        .replace('\n', " ")
}

/// Whether what a crate found wrong is what was configured.
fn is_configuration(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<rollcall_store::OpenError>()
            .is_some_and(rollcall_store::OpenError::is_configuration)
            || cause.is::<rollcall_stream::kafka::SettingsError>()
    })
}

fn main() -> ExitCode {
    let command = cli::Cli::parse().command;
    // All TLS in this process, incoming webhooks' receivers included, uses the one provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match commands::run(command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("rollcall: {}", failure.to_string().replace('\n', " "));
            match failure {
                Failure::Config(_) => ExitCode::from(2),
                Failure::Failed(error) if is_configuration(&error) => ExitCode::from(2),
                Failure::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    /// Says its cause and gives it as its source too.
    #[derive(Debug, thiserror::Error)]
    #[error("making the folder x: {source}")]
    struct Twice {
        source: Error,
    }

    #[test]
    fn each_cause_is_said_once() {
        let cause = || Error::new(ErrorKind::AlreadyExists, "File exists");
        let error = anyhow::Error::new(Twice { source: cause() }).context("the store cannot be opened");
        assert_eq!(causes(&error), "the store cannot be opened: making the folder x: File exists");
        let error = anyhow::Error::new(cause()).context("owner.key cannot be\nwritten");
        assert_eq!(causes(&error), "owner.key cannot be written: File exists");
    }
}
