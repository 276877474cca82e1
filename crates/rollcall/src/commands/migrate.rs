//! `rollcall migrate`: moves a data folder into PostgreSQL.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rollcall_store::migrate::{Stage, Summary, migrate};
use serde_json::json;

use crate::{Failure, cli::Serve, config};

/// `rollcall migrate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Migrate {
    /// The data folder to move; no server may use it
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// The PostgreSQL to move it to, with an empty database; as `store.url` [default: as configured]
    #[arg(long, value_name = "URL")]
    store_url: Option<String>,
    /// The configuration of the cluster, a TOML file
    #[arg(long, value_name = "FILE", env = "ROLLCALL_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) fn run(options: Migrate) -> Result<ExitCode, Failure> {
    let chosen = Serve { config: options.config, ..Serve::default() };
    let mut sources = chosen.sources(super::environment());
    if let Some(url) = options.store_url {
        sources.flags.push(("store.url", "--store-url", json!(url)));
    }
    let settings = config::load(sources)?.settings;
    if settings.store.url.is_none() {
        return Err(anyhow!("where to? Name a PostgreSQL with --store-url or store.url").into());
    }
    let began = Instant::now();
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{msg:28} {bar:30} {human_pos}/{human_len} {per_sec} {eta}");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    let mut shown = None;
    let mut tell = |stage: Stage, table: &'static str, done: u64, of: u64| {
        let Some(bar) = &bar else { return };
        if shown != Some((stage, table)) {
            shown = Some((stage, table));
            let doing = match stage {
                Stage::Mapping => "placing",
                Stage::Copying => "copying",
                Stage::Comparing => "comparing",
            };
            bar.set_message(format!("{doing} {table}"));
            bar.reset_eta();
        }
        bar.set_length(of.max(done));
        bar.set_position(done);
    };
    let outcome = migrate(&options.from, &settings.store, &mut tell);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let summary = outcome.context("the folder is not moved")?;
    println!("{}", line(&summary, began.elapsed().as_secs_f64()));
    Ok(ExitCode::SUCCESS)
}

fn line(summary: &Summary, seconds: f64) -> String {
    if summary.already {
        return format!("{}: it had moved already", summary.to);
    }
    let rows =
        |name: &str| summary.tables.iter().find(|(table, _)| table == name).map_or(0, |(_, rows)| *rows);
    let all: u64 = summary.tables.iter().map(|(_, rows)| rows).sum();
    format!(
        "{}: {} users, {} groups, {} events in {} shards, {all} rows in all ({} by this run), compared, in {seconds:.1} s",
        summary.to,
        rows("main.users"),
        rows("main.groups"),
        rows("main.events"),
        summary.shards,
        summary.copied,
    )
}
