//! `rollcall trigger`: lets a realistic event happen in a sandbox directory.
//!
//! Cast: the [`Wanted`] event; a sandbox directory of its own, made at the first run; and
//! [`play`], the SCIM requests by which a provider would cause that event. Nothing is made up: the
//! event comes out of the directory as any other does, and whoever may have events of that
//! directory gets it. Nothing live is touched.

mod play;
mod sandbox;
mod wanted;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use self::{play::Play, wanted::Wanted};
use crate::{
    Failure,
    demo::{
        lines,
        paint::{Look, Paint},
    },
    owner::{Owner, Server, text},
};

/// How long the event may take to be in the log.
const PATIENCE: Duration = Duration::from_secs(15);

/// `rollcall trigger`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Trigger {
    /// The type of the event, such as user.deactivated
    #[arg(value_name = "TYPE")]
    wanted: Wanted,
    /// A sandbox directory to let it happen in; unless given, one is made and used again
    #[arg(long, value_name = "DIR_ID")]
    directory: Option<String>,
    #[command(flatten)]
    server: Server,
    /// Print the event as one JSON document, and nothing else
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: Trigger) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(async {
        let stop = super::stop_signal()?;
        tokio::select! {
            done = trigger(&options) => done?,
            signal = stop => return Err(anyhow!("stopped by {signal} before the end").into()),
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn trigger(options: &Trigger) -> anyhow::Result<()> {
    let paint = Paint::for_stdout();
    let owner = options.server.owner()?;
    let directory = sandbox::directory(&owner, options.directory.as_deref(), options.wanted).await?;
    let after = head(&owner, &directory).await?;
    let token = sandbox::Token::make(&owner, &directory).await?;
    let play = Play { owner: &owner, directory: &directory, token: &token.secret };
    let played = play.cause(options.wanted).await;
    // Whatever happened, nobody needs the token any more. A directory's end is the token's.
    if options.wanted != Wanted::DirectoryDeleted || played.is_err() {
        token.revoke(&owner, &directory).await?;
    }
    played?;
    let events = events(&owner, &directory, after, options.wanted).await?;
    let Some(event) = events.last() else { return Err(anyhow!("no event came")) };
    if options.json {
        paint.print(&format!("{event:#}"));
        return Ok(());
    }
    paint.print(&format!("In the sandbox directory {directory}:"));
    for event in &events {
        for line in lines::event(paint, event, None) {
            paint.print(&line);
        }
    }
    paint.print(&paint.row((Look::Good, "  ✓ "), (Look::Good, text(event, "id")?), options.wanted.name()));
    paint.print("It goes to endpoints whose directory_id names this directory, and to `rollcall listen`.");
    Ok(())
}

/// The cursor after the directory's newest event.
async fn head(owner: &Owner, directory: &str) -> anyhow::Result<String> {
    let mut cursor = String::new();
    loop {
        let page = owner.get(&events_path(directory, &cursor, 0)).await?;
        text(&page, "next_cursor")?.clone_into(&mut cursor);
        if page["data"].as_array().is_none_or(Vec::is_empty) {
            return Ok(cursor);
        }
    }
}

/// What came after the cursor, the wanted event last.
async fn events(owner: &Owner, directory: &str, after: String, wanted: Wanted) -> anyhow::Result<Vec<Value>> {
    let (mut cursor, mut events, begun) = (after, Vec::new(), Instant::now());
    while begun.elapsed() < PATIENCE {
        let page = owner.get(&events_path(directory, &cursor, 5)).await?;
        text(&page, "next_cursor")?.clone_into(&mut cursor);
        for event in page["data"].as_array().into_iter().flatten() {
            events.push(event.clone());
        }
        // What prepares the scene can be of the wanted type too; the last one is what was wanted.
        let last = events.iter().rposition(|event| event["type"] == wanted.name());
        if let Some(last) = last {
            events.truncate(last + 1);
            return Ok(events);
        }
    }
    Err(anyhow!("{} did not come within {} s", wanted.name(), PATIENCE.as_secs()))
}

fn events_path(directory: &str, after: &str, wait: u8) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("directory_id", directory).append_pair("limit", "1000");
    if !after.is_empty() {
        query.append_pair("after", after);
    }
    if wait > 0 {
        query.append_pair("wait", &wait.to_string());
    }
    format!("/v1/events?{}", query.finish())
}
