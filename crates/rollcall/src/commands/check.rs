//! `rollcall check`: is the configuration usable, and is there what it names? One line each.

use std::process::ExitCode;

use rollcall_store::Store;
use rollcall_stream::Feed;

use crate::{
    Failure,
    cli::Serve,
    config::{self, Settings},
    server,
};

pub(super) fn run(options: Serve) -> Result<ExitCode, Failure> {
    let file = options.config.clone();
    let loaded = config::load(options.sources(super::environment()))?;
    for warning in &loaded.warnings {
        println!("warning  {warning}");
    }
    let place = file.map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
    println!("ok       configuration ({place}, {} values set)", loaded.origins.len());
    super::runtime()?.block_on(async {
        let mut fine = true;
        for (what, result) in checks(&loaded.settings).await {
            match result {
                Ok(()) => println!("ok       {what}"),
                Err(why) => {
                    println!("failed   {what}: {}", why.replace('\n', " "));
                    fine = false;
                }
            }
        }
        Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn checks(settings: &Settings) -> Vec<(String, Result<(), String>)> {
    let mut results = Vec::new();
    for (key, address) in
        [("server.listen", settings.server.listen), ("server.admin_listen", settings.server.admin_listen)]
    {
        let bound = server::bind(key, address).map(drop).map_err(|e| format!("{e:#}"));
        results.push((format!("{key} {address} is free"), bound));
    }
    results.push((format!("data folder {}", settings.data_dir.display()), open_store(settings).await));
    results
}

/// Opens the store and closes it again. A folder that is not there yet is not made: only whether
/// it could be is looked at.
async fn open_store(settings: &Settings) -> Result<(), String> {
    let dir = &settings.data_dir;
    if !dir.exists() {
        let parent = dir.ancestors().skip(1).find(|p| p.as_os_str().is_empty() || p.exists());
        let parent = parent.filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        return tempfile_in(parent)
            .map_err(|e| format!("it does not exist and cannot be made in {}: {e}", parent.display()));
    }
    let store =
        Store::open(settings.store.clone(), Feed::new(settings.stream.clone())).map_err(|e| e.to_string())?;
    let health = store.health();
    store.close().await;
    health.map_err(str::to_owned)
}

/// Whether something can be made in a folder.
fn tempfile_in(folder: &std::path::Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".rollcall-check-{}", std::process::id()));
    std::fs::create_dir(&probe)?;
    std::fs::remove_dir(&probe)
}
