//! `rollcall config`: what is in effect, and why.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;

use crate::{Failure, cli::Serve, config};

pub(super) fn run(options: Serve) -> Result<ExitCode, Failure> {
    let loaded = config::load(options.sources(super::environment()))?;
    for warning in &loaded.warnings {
        eprintln!("rollcall: warning: {warning}");
    }
    std::io::stdout()
        .write_all(config::print(&loaded).as_bytes())
        .context("standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
