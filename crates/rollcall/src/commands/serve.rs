//! `rollcall serve`: the server, until a signal.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;

use crate::{
    Failure,
    cli::Serve,
    config,
    server::{Application, Ports},
    telemetry,
};

pub(super) fn run(options: Serve) -> Result<ExitCode, Failure> {
    let loaded = config::load(options.sources(super::environment()))?;
    telemetry::start(&loaded.settings.log);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    super::runtime()?.block_on(async {
        let stop = super::stop_signal()?;
        let application = Application::build(loaded.settings, Ports::AsSet).await?;
        application.announce_new_key();
        let line = format!(
            "ready public=http://{} private=http://{}\n",
            application.public_addr, application.private_addr
        );
        let running = application.start()?;
        let mut stdout = std::io::stdout().lock();
        // Whoever started the server waits for this line.
        stdout
            .write_all(line.as_bytes())
            .and_then(|()| stdout.flush())
            .context("standard output cannot be written")?;
        drop(stdout);
        running.run_until(stop).await?;
        Ok(ExitCode::SUCCESS)
    })
}
