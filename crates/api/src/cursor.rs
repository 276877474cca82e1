//! Cursors: opaque to the caller, so that what they hold may change. Inside: a version, the list
//! that gave it (a cursor of one list is refused by another), and a place in that list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use rollcall_domain::shard::Positions;

use crate::error::{ApiError, ApiResult};

/// The lists that give cursors; the letter stands in the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Organizations = b'o' as isize,
    Directories = b'd' as isize,
    Tokens = b't' as isize,
    Endpoints = b'e' as isize,
    Events = b'v' as isize,
    Deliveries = b'l' as isize,
    Users = b'u' as isize,
    Groups = b'g' as isize,
    Members = b'm' as isize,
    Requests = b'r' as isize,
    Replays = b'p' as isize,
    Consumers = b'c' as isize,
}

/// Makes and reads cursors.
pub(crate) struct Cursor;

impl Cursor {
    const VERSION: u8 = b'1';
    /// The longest one that is looked at; a member's value is the longest place.
    const MAX_LENGTH: usize = 8 * 1024;

    pub(crate) fn encode(list: List, place: &str) -> String {
        let mut bytes = vec![Self::VERSION, list as u8];
        bytes.extend_from_slice(place.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn decode(list: List, cursor: &str) -> ApiResult<String> {
        (cursor.len() <= Self::MAX_LENGTH)
            .then(|| URL_SAFE_NO_PAD.decode(cursor).ok())
            .flatten()
            .filter(|bytes| bytes.starts_with(&[Self::VERSION, list as u8]))
            .and_then(|mut bytes| String::from_utf8(bytes.split_off(2)).ok())
            .ok_or_else(ApiError::invalid_cursor)
    }
}

/// The number that such a place is.
pub(crate) fn number_of(place: &str) -> ApiResult<u64> {
    // The store counts in 63 bits.
    place.parse().ok().filter(|number| *number <= i64::MAX as u64).ok_or_else(ApiError::invalid_cursor)
}

/// The cursor of a place in the log of events, everything up to which was given: the positions of its
/// shards, those at the end that are 0 left out. In a log of several shards their number comes first:
/// a cursor of the one shard that was moved into it is no place there.
pub(crate) fn of_log(place: &Positions, shards: u16) -> String {
    let mut positions: Vec<String> = place.iter().map(|(_, position)| position.to_string()).collect();
    while positions.last().is_some_and(|last| last == "0") {
        positions.pop();
    }
    let mut text = positions.join(".");
    if shards > 1 && !text.is_empty() {
        text = format!("{shards}:{text}");
    }
    Cursor::encode(List::Events, &text)
}

/// The place that such a cursor names, in a log of so many shards.
pub(crate) fn log_place(cursor: &str, shards: u16) -> ApiResult<Positions> {
    let place = Cursor::decode(List::Events, cursor)?;
    if place.is_empty() {
        return Ok(Positions::beginning());
    }
    let (of, place) = match place.split_once(':') {
        Some((of, place)) => (of.parse().ok(), place),
        None => (Some(1), place.as_str()),
    };
    if of.is_some_and(|of: u16| of != shards) {
        return Err(ApiError::cursor_of_another_log());
    }
    // The store counts positions in 63 bits.
    let position = |text: &str| text.parse().ok().filter(|position| *position <= i64::MAX as u64);
    let positions: Option<Vec<u64>> = place.split('.').map(position).collect();
    positions
        .filter(|positions| of.is_some() && positions.len() <= usize::from(shards))
        .map(Positions::from)
        .ok_or_else(ApiError::invalid_cursor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn a_cursor_reads_back_for_its_own_list_only() {
        let cursor = Cursor::encode(List::Users, "usr_1");
        assert_eq!(Cursor::decode(List::Users, &cursor).ok().as_deref(), Some("usr_1"));
        for (shards, positions, written) in [
            (5, vec![], ""),
            (5, vec![0, 0], ""),
            (1, vec![77], "77"),
            (5, vec![77], "5:77"),
            (5, vec![0, 5, 0, 9, 0], "5:0.5.0.9"),
        ] {
            let place = Positions::from(positions);
            assert_eq!(of_log(&place, shards), Cursor::encode(List::Events, written));
            let read = log_place(&of_log(&place, shards), shards).ok().unwrap();
            assert!((0..5).all(|shard| read.at(shard) == place.at(shard)), "{written}");
        }
        let foreign = [
            cursor.as_str(),
            "",
            "!!",
            &Cursor::encode(List::Events, "x"),
            &Cursor::encode(List::Events, "7"),
            &Cursor::encode(List::Events, "3:7"),
            &Cursor::encode(List::Events, "x:7"),
            &Cursor::encode(List::Events, "2:7.1.1"),
            &Cursor::encode(List::Events, "2:18446744073709551615"),
            &"A".repeat(10_000),
        ];
        for text in foreign {
            assert_eq!(log_place(text, 2).err().map(|e| e.code), Some(ErrorCode::InvalidCursor), "{text}");
        }
    }
}
