//! One authenticated request, with everything that its handler needs.
//!
//! A [`Call`] exists only for an opened directory. Its methods are the checked ways to the rest of the request
//! (query, body, preconditions) and to the store; each fails with the [`Failure`] that the client is to see.

use std::{cell::RefCell, sync::Arc, time::Duration};

use actix_web::{
    dev::Payload,
    http::header::{HeaderMap, USER_AGENT},
    web::Query,
};
use bytes::Bytes;
use rollcall_domain::{
    Command, Precondition, Reply,
    ids::{DirectoryId, RequestId},
    record::{GroupRecord, MemberRecord, UserRecord},
};
use rollcall_scim::{
    AllQuery, Applied, Limits, ListQuery, Projection, QueryTerms, ResourceKind, Rule, Rules, ScimError,
    Signs, json, recognise,
};
use rollcall_store::{Store, WriteRequest, catalog::DirectoryEntry};
use serde_json::{Map, Value};

use crate::{State, body, etag, failure::Failure, routes::CursorKey, serve::Noted, target::decode};

/// A request of a provider that has shown its token.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a State,
    pub(crate) headers: &'a HeaderMap,
    /// The query string as it stood in the request line.
    pub(crate) raw_query: Option<&'a str>,
    pub(crate) payload: Payload,
    pub(crate) entry: Arc<DirectoryEntry>,
    pub(crate) request_id: &'a RequestId,
    /// `GET`, also where the client asked `HEAD`.
    pub(crate) method: &'static str,
    /// The query string, still encoded.
    pub(crate) query: &'a str,
    /// Which dialect the directory may speak.
    pub(crate) rules: Rules,
    /// The SHA-256 of the token that opened the directory.
    pub(crate) token_digest: [u8; 32],
    /// What those who look on will tell of it.
    pub(crate) noted: &'a Noted,
    pub(crate) carrier: Carrier<'a>,
}

/// What becomes of a command.
pub(crate) enum Carrier<'a> {
    /// It is written.
    Write,
    /// It is decided, its events' bodies are put here, and nothing is written.
    Preview(&'a RefCell<Vec<Bytes>>),
}

/// A command that was carried out, or decided where nothing is to be written.
pub(crate) struct Carried {
    /// The state after it.
    pub(crate) reply: Reply,
    /// The group's members, if asked for and few enough.
    pub(crate) members: Option<Vec<MemberRecord>>,
}

impl Call<'_> {
    pub(crate) fn store(&self) -> &Store {
        &self.state.store
    }

    pub(crate) fn directory(&self) -> &DirectoryId {
        &self.entry.directory.id
    }

    /// What the URLs of this directory's resources begin with.
    pub(crate) fn base(&self) -> String {
        self.state.base_url(self.directory())
    }

    /// Reads a part of the request, which notes the rules that it needed.
    pub(crate) fn noting<T>(&self, read: impl FnOnce(&mut Applied) -> T) -> T {
        let mut applied = self.noted.applied.get();
        let outcome = read(&mut applied);
        self.noted.applied.set(applied);
        outcome
    }

    /// Notes one rule.
    pub(crate) fn note_rule(&self, rule: Rule) {
        self.noting(|applied| applied.insert(rule));
    }

    /// `If-Match`.
    pub(crate) fn precondition(&self) -> Precondition {
        etag::precondition(self.headers)
    }

    /// Whether the client has this version already (`If-None-Match`).
    pub(crate) fn is_known_to_client(&self, version: u64) -> bool {
        etag::is_known_to_client(self.headers, version)
    }

    /// `attributes` and `excludedAttributes`.
    pub(crate) fn projection(&self, kind: ResourceKind) -> Result<Projection, Failure> {
        if self.query.is_empty() {
            return Ok(Projection::default());
        }
        let pairs = pairs(self.query)?;
        let find = |name: &str| {
            pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        Ok(Projection::parse(find("attributes"), find("excludedAttributes"), kind)?)
    }

    /// The list that the query string asks for.
    pub(crate) fn list_query(&self, kind: ResourceKind) -> Result<ListQuery, Failure> {
        let (pairs, base) = (pairs(self.query)?, self.base());
        Ok(self.noting(|applied| ListQuery::parse_noting(pairs, kind, &self.terms(&base), applied))?)
    }

    /// The list of both kinds that the query string asks for at the root.
    pub(crate) fn list_all_query(&self) -> Result<AllQuery, Failure> {
        let (pairs, base) = (pairs(self.query)?, self.base());
        Ok(self.noting(|applied| AllQuery::parse_noting(pairs, &self.terms(&base), applied))?)
    }

    /// The list that a `.search` body asks for.
    pub(crate) async fn search_query(&mut self, kind: ResourceKind) -> Result<ListQuery, Failure> {
        let body = self.json(self.state.settings.group_body_bytes).await?;
        let base = self.base();
        let read = |applied: &mut _| ListQuery::from_search_request(&body, kind, &self.terms(&base), applied);
        Ok(self.noting(read)?)
    }

    /// The list of both kinds that a `.search` body at the root asks for.
    pub(crate) async fn search_all_query(&mut self) -> Result<AllQuery, Failure> {
        let body = self.json(self.state.settings.group_body_bytes).await?;
        let base = self.base();
        Ok(self.noting(|applied| AllQuery::from_search_request(&body, &self.terms(&base), applied))?)
    }

    fn terms<'q>(&'q self, base_url: &'q str) -> QueryTerms<'q> {
        let max_results = self.state.settings.max_results;
        QueryTerms { rules: &self.rules, max_results, base_url: Some(base_url) }
    }

    /// What signs the cursors of this directory: see [`State::with_cursor_secret`].
    pub(crate) fn cursor_key(&self) -> CursorKey {
        let secret = self.state.cursor_secret.as_deref();
        CursorKey::new(secret.unwrap_or(&self.token_digest), self.directory())
    }

    /// The page of a list that names no `count`.
    pub(crate) fn default_count(&self) -> u64 {
        let settings = &self.state.settings;
        settings.default_page_size.min(settings.max_results)
    }

    /// The body of a bulk request.
    pub(crate) async fn bulk_body(&mut self) -> Result<Map<String, Value>, Failure> {
        self.json(self.state.settings.bulk_body_bytes).await
    }

    /// The body of a write of this kind of resource.
    pub(crate) async fn resource_body(&mut self, kind: ResourceKind) -> Result<Map<String, Value>, Failure> {
        self.json(self.body_bytes(kind)).await
    }

    /// The largest body of a write of this kind of resource.
    pub(crate) fn body_bytes(&self, kind: ResourceKind) -> usize {
        match kind {
            ResourceKind::User => self.state.settings.user_body_bytes,
            ResourceKind::Group => self.state.settings.group_body_bytes,
        }
    }

    async fn json(&mut self, size: usize) -> Result<Map<String, Value>, Failure> {
        let headers = self.headers;
        self.noting(|applied| body::check_media_type(headers, &self.rules, applied))?;
        let bounds =
            body::Bounds { size, time: Duration::from_secs(self.state.settings.body_timeout_seconds) };
        let bytes = body::read(headers, &mut self.payload, bounds).await?;
        self.noted.body(&bytes);
        if bytes.is_empty() {
            return Err(ScimError::invalid_syntax("The request has no body.").into());
        }
        let limits = Limits { max_depth: self.state.settings.max_depth, max_bytes: size };
        let body = json::parse_object(&bytes, &limits)?;
        if let Some(sender) = recognise(&self.signs(Some(&body))) {
            self.noted.sender.set(Some(sender));
        }
        Ok(body)
    }

    /// What the request tells of its sender.
    pub(crate) fn signs<'s>(&'s self, body: Option<&'s Map<String, Value>>) -> Signs<'s> {
        let user_agent = self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Signs { user_agent, query: self.raw_query, body }
    }

    /// Nothing is written, and what is stored is not what the answer tells of.
    pub(crate) fn is_preview(&self) -> bool {
        matches!(self.carrier, Carrier::Preview(_))
    }

    /// Has a command carried out. Only what it returns may be answered as a success.
    pub(crate) async fn write(&self, command: Command, members_up_to: u64) -> Result<Carried, Failure> {
        self.write_by(self.method, command, members_up_to).await
    }

    /// As [`Call::write`], by the method of an operation in a bulk request.
    pub(crate) async fn write_by(
        &self,
        method: &'static str,
        command: Command,
        members_up_to: u64,
    ) -> Result<Carried, Failure> {
        let request = WriteRequest {
            directory_id: self.directory().clone(),
            command,
            request_id: self.request_id.clone(),
            method,
            members_up_to,
        };
        match self.carrier {
            Carrier::Write => {
                let committed = self.store().write(request).await?;
                self.noted.committed(&committed);
                Ok(Carried { reply: committed.reply, members: committed.members })
            }
            Carrier::Preview(events) => {
                let preview = self.store().preview(request).await?;
                events.borrow_mut().extend(preview.events);
                Ok(Carried { reply: preview.reply, members: None })
            }
        }
    }
}

/// The user that a write left behind.
pub(crate) fn user_of(reply: Reply) -> Result<UserRecord, Failure> {
    match reply {
        Reply::User(record) => Ok(record),
        other => Err(unexpected(&other)),
    }
}

/// The group that a write left behind.
pub(crate) fn group_of(reply: Reply) -> Result<GroupRecord, Failure> {
    match reply {
        Reply::Group(record) => Ok(record),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(reply: &Reply) -> Failure {
    let what = match reply {
        Reply::User(_) => "a user",
        Reply::Group(_) => "a group",
        Reply::Deleted => "nothing",
        Reply::Directory(_) => "a directory",
        Reply::Told => "something that the operator is told",
    };
    tracing::error!(what, "a command was answered with another kind of thing");
    Failure::Internal
}

/// The decoded parameters of a query string. Empty ones and those without a name are left out.
///
/// # Errors
/// 400 `invalidValue` if what is percent-encoded is not UTF-8: read as something like it, a filter would find
/// what nobody asked for, or nothing.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Failure> {
    if decode(query).is_none() {
        return Err(ScimError::invalid_value("The query is not UTF-8, percent-encoded.").into());
    }
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map(Query::into_inner);
    Ok(pairs.unwrap_or_default().into_iter().filter(|(name, _)| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_scim::{Reason, ScimType};

    #[test]
    fn queries() {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (query, expected) in [
            ("", owned(&[])),
            ("&", owned(&[])),
            ("aadOptscim062020&", owned(&[("aadOptscim062020", "")])),
            ("filter=userName+eq+%22a%2Bb%22&", owned(&[("filter", "userName eq \"a+b\"")])),
            ("a=%c3%bc%zz%&%C3%BC=+", owned(&[("a", "\u{fc}%zz%"), ("\u{fc}", " ")])),
            ("a=b=c&&d", owned(&[("a", "b=c"), ("d", "")])),
        ] {
            assert_eq!(pairs(query), Ok(expected), "{query}");
        }
        for query in ["a=%ff", "%ff=a", "ok=1&a=%c3", "a=%c3&b=%bc", "a=%ed%a0%80"] {
            assert_eq!(
                pairs(query).map_err(|failure| failure.reason()),
                Err(Reason::Scim(ScimType::InvalidValue)),
                "{query}"
            );
        }
    }
}
