//! Cursors: opaque to the caller, so that what they hold may change. Inside: a version, the list
//! that gave it (a cursor of one list is refused by another), and a place in that list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

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

/// A place in the log of events: (shard, position), everything up to which was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPlace {
    pub(crate) shard: u16,
    pub(crate) position: u64,
}

impl LogPlace {
    pub(crate) fn encode(self) -> String {
        Cursor::encode(List::Events, &format!("{}.{}", self.shard, self.position))
    }

    pub(crate) fn decode(cursor: &str) -> ApiResult<Self> {
        let place = Cursor::decode(List::Events, cursor)?;
        let (shard, position) = place.split_once('.').ok_or_else(ApiError::invalid_cursor)?;
        match (shard.parse(), position.parse()) {
            // The embedded profile has one shard; the store counts positions in 63 bits.
            (Ok(shard @ 0), Ok(position)) if position <= i64::MAX as u64 => Ok(Self { shard, position }),
            _ => Err(ApiError::invalid_cursor()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn a_cursor_reads_back_for_its_own_list_only() {
        let cursor = Cursor::encode(List::Users, "usr_1");
        assert_eq!(Cursor::decode(List::Users, &cursor).ok().as_deref(), Some("usr_1"));
        let place = LogPlace { shard: 0, position: 77 };
        assert_eq!(LogPlace::decode(&place.encode()).ok(), Some(place));
        let foreign = [
            cursor.as_str(),
            "",
            "!!",
            "MXY",
            &Cursor::encode(List::Events, "0.x"),
            &Cursor::encode(List::Events, "7.1"),
            &Cursor::encode(List::Events, "0.18446744073709551615"),
            &"A".repeat(10_000),
        ];
        for text in foreign {
            assert_eq!(
                LogPlace::decode(text).err().map(|e| e.code),
                Some(ErrorCode::InvalidCursor),
                "{text}"
            );
        }
    }
}
