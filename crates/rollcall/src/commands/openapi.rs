//! `rollcall openapi`: the document that describes `/v1`, as it is served.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;

use crate::Failure;

/// Prints it.
pub(super) fn run() -> Result<ExitCode, Failure> {
    std::io::stdout()
        .write_all(rollcall_api::OPENAPI.as_bytes())
        .context("the document cannot be written to standard output")?;
    Ok(ExitCode::SUCCESS)
}
