//! Looking at a directory's requests, the newest first.

use std::sync::Arc;

use jiff::Timestamp;
use rollcall_domain::{
    event::LoggedEvent,
    ids::{DirectoryId, RequestId},
    shard::shard_of,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    db::{DbError, Row, bind},
    read::{ReadError, shard_events},
};

/// Rows that are read at a time, and how many of them one call looks at.
const PIECE: u32 = 1_000;
const MOST: u32 = 20_000;

/// Which requests.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field narrows the result")]
pub struct RequestQuery {
    /// Only before this place (exclusive), which a page gave; the newest if there is none.
    pub before: Option<u64>,
    /// From which status to which.
    pub status: Option<(u16, u16)>,
    pub method: Option<String>,
    /// What path and query begin with, as `/Users`.
    pub path: Option<String>,
    pub reason: Option<String>,
    pub rule: Option<String>,
    pub sender: Option<String>,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// At most so many, 1 to 1,000.
    pub limit: u32,
}

/// A request without its bodies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestSummary {
    /// Its place in the log.
    #[serde(skip)]
    pub place: u64,
    /// `req_…`
    pub id: RequestId,
    /// When it began.
    #[serde(serialize_with = "rollcall_domain::timestamp::serialize")]
    pub at: Timestamp,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query behind the directory's base URL.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it took.
    pub duration_micros: u64,
    /// Which product seems to have sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The compatibility rules that it needed.
    pub rules: Vec<String>,
    /// How many events it gave.
    #[serde(rename = "event_count")]
    pub events: u64,
}

/// A request whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDetail {
    /// What the list tells too.
    pub summary: RequestSummary,
    /// The product by its own words.
    pub user_agent: Option<String>,
    /// Between which positions of the directory's shard its events are.
    pub positions: Option<(u64, u64)>,
    /// Without passwords.
    pub request_body: Option<String>,
    /// The request's body is not whole.
    pub request_cut: bool,
    /// The answer.
    pub response_body: Option<String>,
    /// The answer is not whole.
    pub response_cut: bool,
    /// What is kept of it means something else than what was sent: a password was taken out, or the URL was longer.
    pub changed: bool,
}

/// Some requests.
#[derive(Clone, Debug, Default)]
pub struct RequestPage {
    /// Those that match, the newest first.
    pub requests: Vec<RequestSummary>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

/// Which product a directory's requests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSender {
    /// Its name.
    pub name: String,
    /// When the newest request of it began.
    pub at: Timestamp,
}

/// What stands for a sender that was not recognised.
const UNKNOWN: &str = "unknown";

const SUMMARY: &str = "pk, id, at, method, path, status, reason, micros, sender, rules, events";

impl Store {
    /// A directory's requests, the newest first. One call looks at 20,000 of them at most: a page may have none
    /// and still not be the last.
    pub async fn requests(
        &self,
        directory: &DirectoryId,
        query: RequestQuery,
    ) -> Result<RequestPage, ReadError> {
        let directory = directory.clone();
        self.read(move |c| {
            let mut page = RequestPage { requests: Vec::new(), next: None };
            let mut before = query.before.unwrap_or(i64::MAX as u64);
            let mut looked = 0;
            while looked < MOST {
                let rows = c.rows(
                    &format!(
                        "SELECT {SUMMARY} FROM requests.log WHERE directory_id = $1 AND pk < $2
                         ORDER BY pk DESC LIMIT $3"
                    ),
                    bind![directory.as_str(), before, PIECE],
                    summary,
                )?;
                let found = u32::try_from(rows.len()).unwrap_or(u32::MAX);
                for row in rows {
                    if query.since.is_some_and(|since| row.at < since) {
                        return Ok(page);
                    }
                    before = row.place;
                    if query.matches(&row) {
                        page.requests.push(row);
                        if page.requests.len() >= query.limit as usize {
                            page.next = Some(before);
                            return Ok(page);
                        }
                    }
                }
                if found < PIECE {
                    return Ok(page);
                }
                looked += found;
            }
            page.next = Some(before);
            Ok(page)
        })
        .await
    }

    /// One request whole; `None` if it is not in the log (any more), or is another directory's.
    pub async fn request(
        &self,
        directory: &DirectoryId,
        id: &RequestId,
    ) -> Result<Option<RequestDetail>, ReadError> {
        let (directory, id) = (directory.clone(), id.clone());
        self.read(move |c| {
            Ok(c.row(
                &format!(
                    "SELECT {SUMMARY}, user_agent, first_position, last_position, request_body, response_body, cut
                     FROM requests.log WHERE id = $1 AND directory_id = $2"
                ),
                bind![id.as_str(), directory.as_str()],
                detail,
            )?)
        })
        .await
    }

    /// The events that a request caused, the first `limit` of them. They stand together in the directory's shard, among
    /// those of other directories where several were written at once.
    pub async fn events_of_request(
        &self,
        directory: &DirectoryId,
        request: &RequestDetail,
        limit: u32,
    ) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
        let Some((first, last)) = request.positions else { return Ok(Vec::new()) };
        let shard = shard_of(directory, self.inner.shared.shards());
        let (directory, id) = (directory.clone(), request.summary.id.clone());
        self.read(move |c| {
            let (mut after, mut events) = (first.saturating_sub(1), Vec::new());
            while after < last && events.len() < limit as usize {
                let most = u32::try_from(last - after).unwrap_or(u32::MAX).min(limit);
                let found = shard_events(c, shard, after, most)?;
                let Some(end) = found.last() else { break };
                after = end.position;
                events.extend(found.into_iter().filter(|event| {
                    event.directory_id == directory && is_caused_by(&event.body, id.as_str())
                }));
            }
            events.truncate(limit as usize);
            Ok(events)
        })
        .await
    }

    /// Which product the directory's newest recognised request came from.
    pub async fn seen_sender(&self, directory: &DirectoryId) -> Result<Option<SeenSender>, ReadError> {
        let directory = directory.clone();
        self.read(move |c| {
            Ok(c.row(
                "SELECT sender, at FROM requests.log WHERE directory_id = $1 AND sender IS NOT NULL
                 ORDER BY pk DESC LIMIT 1",
                bind![directory.as_str()],
                |row| Ok::<_, DbError>(SeenSender { name: row.get(0)?, at: row.time(1)? }),
            )?)
        })
        .await
    }
}

/// Whether an event names this request as its cause.
fn is_caused_by(body: &[u8], id: &str) -> bool {
    #[derive(Deserialize)]
    struct Caused<'a> {
        #[serde(borrow)]
        cause: Named<'a>,
    }
    #[derive(Deserialize)]
    struct Named<'a> {
        request_id: &'a str,
    }
    serde_json::from_slice::<Caused<'_>>(body).is_ok_and(|event| event.cause.request_id == id)
}

impl RequestQuery {
    fn matches(&self, row: &RequestSummary) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        self.status.is_none_or(|(least, most)| (least..=most).contains(&row.status))
            && self.until.is_none_or(|until| row.at < until)
            && is(&self.method, Some(&row.method))
            && self.path.as_ref().is_none_or(|path| row.path.starts_with(path.as_str()))
            && is(&self.reason, row.reason.as_deref())
            && is(&self.sender, Some(row.sender.as_deref().unwrap_or(UNKNOWN)))
            && self.rule.as_ref().is_none_or(|rule| row.rules.contains(rule))
    }
}

fn summary(row: &Row<'_>) -> Result<RequestSummary, DbError> {
    Ok(RequestSummary {
        place: row.uint(0)?,
        id: row.parsed(1, RequestId::parse)?,
        at: row.time(2)?,
        method: row.get(3)?,
        path: row.get(4)?,
        status: row.get(5)?,
        reason: row.get(6)?,
        duration_micros: row.uint(7)?,
        sender: row.get(8)?,
        rules: row.get::<String>(9)?.split_whitespace().map(str::to_owned).collect(),
        events: row.uint(10)?,
    })
}

fn detail(row: &Row<'_>) -> Result<RequestDetail, DbError> {
    let position = |column| -> Result<Option<u64>, DbError> {
        Ok(row.get::<Option<i64>>(column)?.and_then(|position| u64::try_from(position).ok()))
    };
    let cut: i64 = row.get(16)?;
    Ok(RequestDetail {
        summary: summary(row)?,
        user_agent: row.get(11)?,
        positions: position(12)?.zip(position(13)?),
        request_body: row.get(14)?,
        request_cut: cut & 1 != 0,
        response_body: row.get(15)?,
        response_cut: cut & 2 != 0,
        changed: cut & 4 != 0,
    })
}
