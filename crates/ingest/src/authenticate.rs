//! Who is asking: a bearer token opens one directory (RFC 6750, RFC 7644 §2).
//!
//! Whatever is wrong (no token, a malformed, wrong or expired one, another directory's, or no such directory),
//! the answer is the same, so that nobody learns which directories there are.

use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use jiff::Timestamp;
use rollcall_domain::{
    directory::{DirectoryState, Token},
    ids::DirectoryId,
};
use rollcall_store::catalog::{Catalog, DirectoryEntry};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::failure::Failure;

/// A directory, and the token that opened it.
pub(crate) struct Opened {
    pub(crate) entry: Arc<DirectoryEntry>,
    /// The token's place in the entry.
    place: usize,
}

impl Opened {
    /// The token that was used.
    pub(crate) fn token(&self) -> &Token {
        &self.entry.tokens[self.place].1
    }

    /// Its SHA-256.
    pub(crate) fn token_digest(&self) -> [u8; 32] {
        self.entry.tokens[self.place].0
    }
}

/// Opens the directory for the request's token.
///
/// # Errors
/// 401, or 403 for the right token of a directory that the owner disabled.
pub(crate) fn open(
    catalog: &Catalog,
    directory: Option<&DirectoryId>,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Opened, Failure> {
    let token = bearer(headers).ok_or(Failure::Unauthorized)?;
    let digest: [u8; 32] = Sha256::digest(token).into();
    let entry = directory.and_then(|id| catalog.directories.get(id)).ok_or(Failure::Unauthorized)?;
    let place = matching(&entry.tokens, &digest, now).ok_or(Failure::Unauthorized)?;
    match entry.directory.state {
        DirectoryState::Active => Ok(Opened { entry: Arc::clone(entry), place }),
        DirectoryState::Disabled => Err(Failure::Disabled),
        DirectoryState::Deleted => Err(Failure::Unauthorized),
    }
}

/// The token in `Authorization: Bearer …`, if there is exactly one such header.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut all = headers.get_all(AUTHORIZATION);
    let value = all.next()?.as_bytes();
    if all.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// The live token with this digest. Looks at all of them, each in constant time.
fn matching(tokens: &[([u8; 32], Token)], digest: &[u8; 32], now: Timestamp) -> Option<usize> {
    let mut found = None;
    for (place, (expected, token)) in tokens.iter().enumerate() {
        let live = token.expires_at.is_none_or(|end| now < end);
        if bool::from(expected.ct_eq(digest)) && live {
            found = Some(place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use rollcall_domain::{
        directory::{Directory, Mode, Provider, RuleSwitches},
        ids::{OrganizationId, TokenId},
    };
    use uuid::Uuid;

    use super::*;

    fn directory_id(n: u128) -> DirectoryId {
        DirectoryId::from_uuid(Uuid::from_u128(n))
    }

    fn entry(
        n: u128,
        state: DirectoryState,
        tokens: &[(&str, Option<i64>)],
    ) -> (DirectoryId, Arc<DirectoryEntry>) {
        let directory = Directory {
            id: directory_id(n),
            organization_id: OrganizationId::from_uuid(Uuid::from_u128(1)),
            name: "D".to_owned(),
            provider: Provider::Generic,
            state,
            mode: Mode::Live,
            created_at: Timestamp::UNIX_EPOCH,
            compatibility: RuleSwitches::default(),
        };
        let tokens = tokens
            .iter()
            .map(|(text, expires)| {
                let token = Token {
                    id: TokenId::from_uuid(Uuid::from_u128(2)),
                    last_characters: String::new(),
                    created_at: Timestamp::UNIX_EPOCH,
                    expires_at: expires.map(|second| Timestamp::from_second(second).unwrap()),
                    last_used_at: None,
                };
                (Sha256::digest(text.as_bytes()).into(), token)
            })
            .collect();
        (directory.id.clone(), Arc::new(DirectoryEntry { directory: Arc::new(directory), tokens }))
    }

    #[test]
    fn one_token_opens_one_directory() {
        let catalog = Catalog {
            directories: [
                entry(1, DirectoryState::Active, &[("rcd_a", None), ("rcd_old", Some(100))]),
                entry(2, DirectoryState::Active, &[("rcd_b", None)]),
                entry(3, DirectoryState::Disabled, &[("rcd_c", None)]),
                entry(4, DirectoryState::Deleted, &[("rcd_d", None)]),
            ]
            .into(),
            ..Catalog::default()
        };
        let ask = |directory: u128, header: &str, second: i64| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
            let now = Timestamp::from_second(second).unwrap();
            open(&catalog, Some(&directory_id(directory)), &headers, now).map(|_| ()).map_err(|e| e.status())
        };
        for (directory, header, second, expected) in [
            (1, "Bearer rcd_a", 0, Ok(())),
            (1, "bearer   rcd_a ", 0, Ok(())),
            (1, "Bearer rcd_old", 99, Ok(())),
            (1, "Bearer rcd_old", 100, Err(401)),
            (1, "Bearer rcd_b", 0, Err(401)),
            (2, "Bearer rcd_a", 0, Err(401)),
            (2, "Bearer rcd_b", 0, Ok(())),
            (3, "Bearer rcd_c", 0, Err(403)),
            (3, "Bearer rcd_a", 0, Err(401)),
            (4, "Bearer rcd_d", 0, Err(401)),
            (9, "Bearer rcd_a", 0, Err(401)),
            (1, "Basic rcd_a", 0, Err(401)),
            (1, "Bearer", 0, Err(401)),
            (1, "Bearer ", 0, Err(401)),
            (1, "Bearerrcd_a", 0, Err(401)),
            (1, "", 0, Err(401)),
        ] {
            assert_eq!(ask(directory, header, second), expected, "{directory} {header} {second}");
        }
        assert!(open(&catalog, None, &HeaderMap::new(), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn two_authorizations_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        assert_eq!(bearer(&headers), Some(&b"a"[..]));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&headers), None);
    }
}
