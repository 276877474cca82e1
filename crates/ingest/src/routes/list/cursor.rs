//! The cursor that a client carries from page to page: where the last page ended, signed.
//!
//! Its text holds the place and the creation of the last resource that was returned, the page size, and when it was
//! issued. The signature covers that and what the cursor belongs to (directory, list, query), so a cursor that was
//! changed, or is used for another query or by another directory, is invalid. It tells its bearer nothing but what
//! the pages told already.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use rollcall_domain::ids::DirectoryId;
use rollcall_scim::ScimError;
use sha2::Sha256;

/// The form of the text, so that it can change.
const FORM: u8 = 1;
const HEAD: usize = 1 + 8 + 8 + 8 + 8;
const MAC: usize = 16;
/// The longest text that is looked at, in bytes.
const MAX_TEXT: usize = 512;

/// The key that signs the cursors of one list of one directory.
pub(crate) struct CursorKey(Hmac<Sha256>);

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The place of the last resource of the page, from 1, when the page was read.
    pub(super) place: u64,
    /// When that resource was created.
    pub(super) created: Timestamp,
    /// Its id.
    pub(super) id: String,
    /// The size of the pages.
    pub(super) count: u64,
    /// When the page was read, in seconds since 1970.
    pub(super) issued: i64,
}

impl CursorKey {
    /// Derived from a secret that is the same in every process and lasts longer than a list takes.
    pub(crate) fn new(secret: &[u8], directory: &DirectoryId) -> Self {
        Self(keyed(secret)).with(b"rollcall scim cursor").with(directory.as_str().as_bytes())
    }

    /// For cursors of this list and this query.
    pub(super) fn of(self, list: &str, query: &str) -> Self {
        self.with(list.as_bytes()).with(query.as_bytes())
    }

    /// Everything is signed with its length, so that no two contexts run into each other.
    fn with(mut self, part: &[u8]) -> Self {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// The text of a cursor: unreserved characters of URLs only (RFC 9865 §2).
    pub(super) fn sign(self, position: &Position) -> String {
        let mut bytes = Vec::with_capacity(HEAD + position.id.len() + MAC);
        bytes.push(FORM);
        bytes.extend(position.place.to_be_bytes());
        bytes.extend(position.created.as_microsecond().to_be_bytes());
        bytes.extend(position.count.to_be_bytes());
        bytes.extend(position.issued.to_be_bytes());
        bytes.extend(position.id.as_bytes());
        let mac = self.with(&bytes).0.finalize().into_bytes();
        bytes.extend(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// # Errors
    /// 400 `invalidCursor` for a text that this key did not sign.
    pub(super) fn open(self, text: &str) -> Result<Position, ScimError> {
        self.opened(text).ok_or_else(|| {
            ScimError::invalid_cursor(
                "The cursor is not one of this query. It is empty for the first page, then the nextCursor of the page \
                 before, with all other parameters as they were.",
            )
        })
    }

    fn opened(self, text: &str) -> Option<Position> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        self.with(content).0.verify_truncated_left(mac).ok()?;
        let (head, id) = content.split_at_checked(HEAD)?;
        let number = |at: usize| <[u8; 8]>::try_from(head.get(at..at + 8)?).ok();
        if head.first() != Some(&FORM) {
            return None;
        }
        Some(Position {
            place: u64::from_be_bytes(number(1)?),
            created: Timestamp::from_microsecond(i64::from_be_bytes(number(9)?)).ok()?,
            count: u64::from_be_bytes(number(17)?),
            issued: i64::from_be_bytes(number(25)?),
            id: String::from_utf8(id.to_vec()).ok()?,
        })
    }
}

#[expect(clippy::expect_used, reason = "a key of HMAC may have any length")]
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("any length is a key")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(secret: u8, directory: u128, list: &str, query: &str) -> CursorKey {
        CursorKey::new(&[secret; 32], &DirectoryId::from_uuid(Uuid::from_u128(directory))).of(list, query)
    }

    fn position() -> Position {
        Position {
            place: 7,
            created: Timestamp::from_microsecond(1_700_000_000_123_456).unwrap(),
            id: "usr_1".to_owned(),
            count: 5,
            issued: 1_700_000_001,
        }
    }

    #[test]
    fn a_cursor_reads_back_where_it_belongs_and_nowhere_else() {
        let text = key(1, 1, "Users", "q").sign(&position());
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{text}");
        assert_eq!(key(1, 1, "Users", "q").open(&text), Ok(position()));
        for other in [
            key(2, 1, "Users", "q"),
            key(1, 2, "Users", "q"),
            key(1, 1, "Groups", "q"),
            key(1, 1, "Users", "p"),
            key(1, 1, "Usersq", ""),
        ] {
            let error = other.open(&text).unwrap_err();
            assert_eq!(error.scim_type, Some(rollcall_scim::ScimType::InvalidCursor));
        }
    }

    #[test]
    fn any_change_is_seen() {
        let text = key(1, 1, "Users", "q").sign(&position());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(key(1, 1, "Users", "q").open(&changed).is_err(), "{at}");
        }
        for text in ["", "x", "!", &text[..text.len() - 2], &format!("{text}A"), &"A".repeat(10_000)] {
            assert!(key(1, 1, "Users", "q").open(text).is_err());
        }
    }
}
