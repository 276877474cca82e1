//! One page of a list, by index or by cursor.
//!
//! The store pages by index: a page is a window at a place. A cursor makes that steady. It remembers the last resource
//! of the page before; the next page begins behind that resource, wherever it stands by now. So what is created or
//! deleted meanwhile makes no other resource appear twice or be left out. Where the last resource cannot be found again
//! (too much changed in front of it, or it is gone from a list in another order than that of creation) the cursor has
//! expired. A store that can continue behind a key would do so in [`after`], and nothing else would change.

use actix_web::http::StatusCode;
use rollcall_domain::ids::GroupId;
use rollcall_scim::{ScimError, cursor_response, list_response};
use rollcall_store::clock;

use super::{
    cursor::Position,
    window::{Entry, Listing, Window},
};
use crate::{answer::Answer, call::Call, failure::Failure};

/// How many places the last resource of a page may have moved before the next page is asked for.
const REACH: u64 = 1_000;

/// The page that was asked for.
pub(super) async fn answer(call: &Call<'_>, listing: Listing) -> Result<Answer, Failure> {
    let Some(request) = listing.cursor() else {
        let start_index = listing.start_index();
        let count = listing.count().unwrap_or_else(|| call.default_count());
        let window = listing.window(call, start_index, count).await?;
        let resources = window.entries.into_iter().map(|entry| entry.resource).collect();
        return Ok(Answer::json(StatusCode::OK, &list_response(resources, window.total, start_index)));
    };
    let (now, key) = (clock::now().as_second(), || call.cursor_key().of(listing.name(), &request.query));
    let (begin, count, window) = if request.cursor.is_empty() {
        let count = listing.count().unwrap_or_else(|| call.default_count());
        (1, count, listing.window(call, 1, count).await?)
    } else {
        let last = key().open(&request.cursor)?;
        let timeout = call.state.settings.cursor_timeout_seconds;
        if u64::try_from(now.saturating_sub(last.issued)).is_ok_and(|age| age > timeout) {
            return Err(expired(&format!("Pages have to follow each other within {timeout} seconds")));
        }
        if listing.count().is_some_and(|count| count != last.count) {
            return Err(ScimError::invalid_count("\"count\" has to stay the same from page to page.").into());
        }
        let (begin, window) = after(call, &listing, &last).await?;
        (begin, last.count, window)
    };
    let end = begin + window.entries.len() as u64;
    let next = window.entries.last().filter(|_| end <= window.total).map(|last| {
        let (id, created) = (last.id.clone(), last.created);
        key().sign(&Position { place: end - 1, created, id, count, issued: now })
    });
    let resources = window.entries.into_iter().map(|entry| entry.resource).collect();
    Ok(Answer::json(StatusCode::OK, &cursor_response(resources, window.total, next)))
}

/// The page behind the last resource of the page before, and the place at which it begins.
async fn after(call: &Call<'_>, listing: &Listing, last: &Position) -> Result<(u64, Window), Failure> {
    let mut window = listing.window(call, last.place, last.count + 1).await?;
    if window.entries.first().is_some_and(|first| first.id == last.id) {
        window.entries.remove(0);
        return Ok((last.place + 1, window));
    }
    // It moved: resources in front of it came or went, or it went itself.
    let begin = last.place.saturating_sub(REACH).max(1);
    let count = (last.place - begin) + REACH + last.count;
    let mut window = listing.window(call, begin, count).await?;
    let found = window.entries.iter().position(|entry| entry.id == last.id).map(|at| at + 1);
    let Some(at) = found.or_else(|| behind(listing, &window, begin, last)) else {
        return Err(expired("Too much changed since the last page"));
    };
    window.entries.drain(..at);
    window.entries.truncate(usize::try_from(last.count).unwrap_or(usize::MAX));
    Ok((begin + at as u64, window))
}

/// The first entry that was created after the last resource of the page before, which is gone itself.
fn behind(listing: &Listing, window: &Window, begin: u64, last: &Position) -> Option<usize> {
    if listing.is_sorted() {
        return None;
    }
    let key = |id: &str, created| (GroupId::parse(id).is_some(), created, id.to_owned());
    let last = key(&last.id, last.created);
    let is_behind = |entry: &Entry| key(&entry.id, entry.created) > last;
    let at = window.entries.iter().position(is_behind);
    let whole_beginning = begin == 1 || at != Some(0);
    let whole_end = begin + window.entries.len() as u64 > window.total;
    match at {
        Some(at) if whole_beginning => Some(at),
        None if whole_end => Some(window.entries.len()),
        _ => None,
    }
}

fn expired(why: &str) -> Failure {
    ScimError::expired_cursor(format!("The cursor has expired: {why}. Begin with an empty cursor.")).into()
}
