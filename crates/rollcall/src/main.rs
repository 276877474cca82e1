//! The binary: commands, configuration, wiring, telemetry, shutdown. Only it reads the
//! environment.
//!
//! Cast: [`cli`] says what can be typed; [`commands`] has one file per command; [`config`]
//! assembles the settings; [`server`] is the whole server as one object that `serve`, `demo` and
//! tests start; [`demo`] is what `rollcall demo` shows.

mod cli;
mod commands;
mod config;
mod demo;
mod health;
mod metrics;
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
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

fn main() -> ExitCode {
    let command = cli::Cli::parse().command;
    // All TLS in this process, incoming webhooks' receivers included, uses the one provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match commands::run(command) {
        Ok(code) => code,
        Err(failure) => {
            let line = failure.to_string().replace('\n', " ");
            eprintln!("rollcall: {line}");
            match failure {
                Failure::Config(_) => ExitCode::from(2),
                Failure::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}
