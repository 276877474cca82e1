//! `rollcall listen`: follows the events at a developer's desk, and hands them on to a program there.
//!
//! Cast: [`follow`] is the server's event stream, with what to do when it breaks off; [`forward`]
//! signs an event and POSTs it as a webhook; [`shown`] is what is seen of both.
//!
//! It is a client of `/v1` and nothing else: the server makes no endpoint for it, keeps nothing of
//! it and needs no way to reach this machine. So nothing is retried and nothing is lost: what went
//! wrong is shown, and `--after` begins again wherever one likes.

mod follow;
mod forward;
mod shown;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use secrecy::SecretString;
use serde_json::Value;

use self::{follow::Follow, forward::Forward};
use crate::{Failure, demo::paint::Paint, owner::Server};

/// `rollcall listen`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listen {
    #[command(flatten)]
    server: Server,
    /// POST each event here, signed as a webhook, such as http://localhost:3000/hooks
    #[arg(long, value_name = "URL")]
    forward_to: Option<url::Url>,
    /// What signs them, whsec_…; unless given, one is made and shown
    #[arg(long, value_name = "SECRET", env = "ROLLCALL_LISTEN_SECRET", hide_env_values = true)]
    secret: Option<SecretString>,
    /// Only the events of this directory; may be repeated
    #[arg(long, value_name = "DIR_ID")]
    directory: Vec<String>,
    /// Only the events of this organization
    #[arg(long, value_name = "ORG_ID")]
    organization: Option<String>,
    /// Only events of this type, such as user.deactivated; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Begin after this event or cursor, not with what comes next
    #[arg(long, value_name = "EVT_ID")]
    after: Option<String>,
    /// Print each event's body as a line of JSON; all else goes to standard error
    #[arg(long)]
    json: bool,
}

impl Listen {
    /// The path of the stream with what the server can choose by.
    fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let [only] = &self.directory[..] {
            query.append_pair("directory_id", only);
        }
        query.extend_pairs(self.organization.iter().map(|id| ("organization_id", id)));
        query.extend_pairs(self.types.iter().map(|name| ("type", name)));
        query.extend_pairs(self.after.iter().map(|place| ("after", place)));
        match query.finish() {
            none if none.is_empty() => "/v1/events/stream".to_owned(),
            some => format!("/v1/events/stream?{some}"),
        }
    }

    /// Several directories are chosen here: the server knows one or all.
    fn wants(&self, event: &Value) -> bool {
        self.directory.is_empty() || self.directory.iter().any(|id| event["directory_id"] == **id)
    }
}

pub(super) fn run(options: Listen) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(async {
        let stop = super::stop_signal()?;
        let mut screen = shown::Screen::new(Paint::for_stdout(), options.json);
        let ended = tokio::select! {
            ended = listen(&options, &mut screen) => ended,
            _ = stop => Ok(()),
        };
        screen.farewell();
        ended?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Until it is stopped, or the server refuses what is asked.
async fn listen(options: &Listen, screen: &mut shown::Screen) -> anyhow::Result<()> {
    let forward = match &options.forward_to {
        Some(url) => Some(Forward::new(url.clone(), options.secret.as_ref())?),
        None => None,
    };
    let owner = options.server.owner()?;
    // A directory that is not there would be waited for in silence.
    for id in &options.directory {
        owner.get(&format!("/v1/directories/{id}")).await?;
    }
    let mut stream = Follow::new(owner, options.path());
    stream.begin().await?;
    screen.greeting(forward.as_ref());
    loop {
        let body = match stream.next().await? {
            follow::Next::Event(body) => body,
            follow::Next::BrokeOff(why) => {
                screen.broke_off(&why);
                continue;
            }
        };
        let event: Value = serde_json::from_str(&body).context("the stream has an event that is no JSON")?;
        if !options.wants(&event) {
            continue;
        }
        if options.json {
            // A closed pipe is nobody listening.
            let mut stdout = std::io::stdout().lock();
            if writeln!(stdout, "{body}").and_then(|()| stdout.flush()).is_err() {
                return Ok(());
            }
        }
        screen.event(&event);
        if let Some(forward) = &forward {
            screen.answer(&forward.send(&event, body).await);
        }
    }
}
