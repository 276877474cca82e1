//! `rollcall backup`: copies the data folder, while a server uses it.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, anyhow};
use clap::Args;
use rollcall_store::backup::{Progress, backup};

use crate::{Failure, cli::Serve, config};

/// `rollcall backup`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Backup {
    /// The folder for the copy; it must not be there yet
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// The configuration, a TOML file
    #[arg(long, value_name = "FILE", env = "ROLLCALL_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder [default: rollcall-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(options: Backup) -> Result<ExitCode, Failure> {
    let chosen = Serve { config: options.config, data: options.data, ..Serve::default() };
    let settings = config::load(chosen.sources(super::environment()))?.settings;
    if settings.store.url.is_some() {
        return Err(anyhow!(
            "store.url is set, so the data is in PostgreSQL: back it up with its own tools (pg_dump, pg_basebackup), and \
             keep master_key with the backup"
        )
        .into());
    }
    let began = Instant::now();
    let shows = std::io::stderr().is_terminal();
    let mut tell = |progress: Progress| {
        if shows {
            let Progress { name, copied, of } = progress;
            eprint!("\r\x1b[K{name}: {} of {} MB", copied / 1_000_000, of / 1_000_000);
        }
    };
    let key_is_configured = settings.master_key.is_some();
    let outcome = backup(&settings.data_dir, &options.target, key_is_configured, &mut tell);
    if shows {
        eprint!("\r\x1b[K");
    }
    let summary = outcome.context("there is no backup")?;
    println!(
        "{}: {} users, {} groups, {} events to position {}, {:.1} MB, in {:.1} s",
        options.target.display(),
        summary.users,
        summary.groups,
        summary.events,
        summary.position,
        summary.bytes as f64 / 1e6,
        began.elapsed().as_secs_f64()
    );
    if key_is_configured {
        eprintln!("master_key is configured, not in the folder's keeping: keep it with the backup");
    }
    Ok(ExitCode::SUCCESS)
}
