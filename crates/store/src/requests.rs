//! The request log: what each provider asked and what it was answered, for whoever has to explain it.
//!
//! Cast: a [`LoggedRequest`], which the SCIM service hands over and forgets; a **queue** with a bound, which
//! takes it or counts it as lost; a **writer** on a thread of its own, which removes passwords, cuts what is too
//! long and appends in batches, at most so many per second; **readers**, who look at a directory's requests,
//! the newest first.
//!
//! Plot: nobody waits for the log, and nothing fails with it. It is in a file (or schema) of its own, bounded by age
//! and size; what is removed with a directory, goes here too.

mod read;
mod redact;
mod upkeep;
mod writer;

use bytes::Bytes;
use jiff::Timestamp;
use rollcall_domain::ids::{DirectoryId, RequestId};
use serde::{Deserialize, Serialize};

pub use read::{RequestDetail, RequestPage, RequestQuery, RequestSummary, SeenSender};
pub(crate) use writer::RequestLog;

use crate::Store;

/// What is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether there is a log.
    pub enabled: bool,
    /// For so many days.
    pub retention_days: u32,
    /// At most so many bytes, of all directories together.
    pub max_bytes: u64,
    /// At most so many bytes of each body.
    pub body_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, retention_days: 14, max_bytes: 256 * 1024 * 1024, body_bytes: 16 * 1024 }
    }
}

/// A request with its answer, as they were.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// `req_…`, as the provider saw it in `x-request-id` and events name it as their cause.
    pub id: RequestId,
    /// Of which directory.
    pub directory_id: DirectoryId,
    /// Its token opened nothing, or it needed none: anybody could have sent it.
    pub of_a_stranger: bool,
    /// When it began.
    pub at: Timestamp,
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// Path and query behind the directory's base URL.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused, if it was: a name of a closed set.
    pub reason: Option<&'static str>,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Which product seems to have sent it.
    pub sender: Option<&'static str>,
    /// The compatibility rules that it needed.
    pub rules: Vec<&'static str>,
    /// The product by its own words.
    pub user_agent: Option<String>,
    /// The events that it gave: how many, and the first and the last position.
    pub events: Option<(u64, u64, u64)>,
    /// The body, if one was read.
    pub request_body: Option<Bytes>,
    /// There was one, and it was not read.
    pub request_unread: bool,
    /// The path goes on after that.
    pub path_cut: bool,
    /// The body of the answer, or its beginning.
    pub response_body: Vec<u8>,
    /// The answer was longer than that.
    pub response_cut: bool,
}

impl LoggedRequest {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let body = self.request_body.as_ref().map_or(0, Bytes::len);
        512 + self.path.len() + body + self.response_body.len()
    }
}

impl Store {
    /// Hands a request to the log. Never waits: what does not fit is counted and gone.
    pub fn log_request(&self, request: LoggedRequest) {
        self.inner.requests.log(request);
    }

    /// How much of a body the log takes; `None` if there is no log.
    pub fn logged_body_bytes(&self) -> Option<usize> {
        self.inner.requests.body_bytes()
    }

    /// Removes now what is too old, too much or of a deleted directory, which happens by itself every so often.
    pub async fn tidy_requests(&self) {
        self.inner.requests.tidied().await;
    }

    /// Waits until everything that was handed over before is in the log or lost; for tests and for the end.
    pub async fn requests_logged(&self) {
        self.inner.requests.flushed().await;
    }
}
