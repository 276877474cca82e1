//! The server's event stream, gone on with where it broke off.

use std::{pin::Pin, time::Duration};

use anyhow::{Context as _, anyhow};
use eventsource_stream::{EventStream, Eventsource as _};
use futures_util::{Stream, StreamExt as _};

use crate::{owner::Owner, root};

/// Nothing for so long, though the server sends a comment every 15 s: the connection is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// The waits before the stream is asked for again grow to this.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

type Pieces = Pin<Box<dyn Stream<Item = anyhow::Result<bytes::Bytes>> + Send>>;

/// What comes next.
pub(super) enum Next {
    /// An event's body, as it is in the log.
    Event(String),
    /// The stream broke off, for this reason. The next call goes on with it.
    BrokeOff(String),
}

/// The stream.
pub(super) struct Follow {
    owner: Owner,
    path: String,
    /// The cursor after what was seen.
    place: String,
    stream: Option<EventStream<Pieces>>,
    failures: u32,
}

impl Follow {
    pub(super) fn new(owner: Owner, path: String) -> Self {
        Self { owner, path, place: String::new(), stream: None, failures: 0 }
    }

    /// Asks for the stream; what is refused at the beginning is refused for good.
    pub(super) async fn begin(&mut self) -> anyhow::Result<()> {
        match self.connect().await {
            Ok(()) => Ok(()),
            Err(Refusal::ForGood(why) | Refusal::ForNow(why)) => Err(why),
        }
    }

    /// The next event, or that the stream broke off.
    ///
    /// # Errors
    ///
    /// The server refuses to go on, for a reason that waiting does not mend.
    pub(super) async fn next(&mut self) -> anyhow::Result<Next> {
        let Some(stream) = &mut self.stream else {
            let wait = Duration::from_secs(1 << self.failures.min(4)).min(LONGEST_WAIT);
            tokio::time::sleep(wait).await;
            match self.connect().await {
                Ok(()) => return Box::pin(self.next()).await,
                Err(Refusal::ForGood(why)) => return Err(why),
                Err(Refusal::ForNow(why)) => {
                    self.failures += 1;
                    return Ok(Next::BrokeOff(root(&*why)));
                }
            }
        };
        let ended = match stream.next().await {
            Some(Ok(event)) => {
                stream.last_event_id().clone_into(&mut self.place);
                return Ok(Next::Event(event.data));
            }
            Some(Err(error)) => root(&error),
            None => "the server ended it".to_owned(),
        };
        // Its first id comes without an event.
        let place = stream.last_event_id();
        if !place.is_empty() {
            place.clone_into(&mut self.place);
        }
        self.stream = None;
        Ok(Next::BrokeOff(ended))
    }

    async fn connect(&mut self) -> Result<(), Refusal> {
        let mut request = self.owner.follow(&self.path).header("accept", "text/event-stream");
        if !self.place.is_empty() {
            request = request.header("last-event-id", &self.place);
        }
        let response =
            request.send().await.context("the server cannot be reached").map_err(Refusal::ForNow)?;
        let status = response.status();
        if status.is_success() {
            let pieces = response.bytes_stream().map(|piece| piece.map_err(anyhow::Error::new));
            let pieces: Pieces = Box::pin(unless_silent(pieces));
            self.stream = Some(pieces.eventsource());
            self.failures = 0;
            return Ok(());
        }
        let problem = response.bytes().await.unwrap_or_default();
        let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason given");
        let why = anyhow!("the server answered {status}: {detail}");
        Err(if status.is_server_error() || status == 429 {
            Refusal::ForNow(why)
        } else {
            Refusal::ForGood(why)
        })
    }
}

/// Why there is no stream.
enum Refusal {
    /// Later there may be one.
    ForNow(anyhow::Error),
    /// There will not be one.
    ForGood(anyhow::Error),
}

/// The pieces, and an error once none came for [`SILENCE`].
fn unless_silent(
    pieces: impl Stream<Item = anyhow::Result<bytes::Bytes>> + Send + 'static,
) -> impl Stream<Item = anyhow::Result<bytes::Bytes>> + Send {
    futures_util::stream::unfold(Some(Box::pin(pieces)), async |pieces| {
        let mut pieces = pieces?;
        match tokio::time::timeout(SILENCE, pieces.next()).await {
            Ok(piece) => Some((piece?, Some(pieces))),
            Err(_) => Some((Err(anyhow!("nothing came for {} s", SILENCE.as_secs())), None)),
        }
    })
}
