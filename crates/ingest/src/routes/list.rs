//! Lists: RFC 7644 §3.4.2, §3.4.3; by cursor: RFC 9865.
//!
//! Cast: a [`Listing`] is what is listed, of which any [`window`] can be read; the [`cursor`] is what a client carries
//! from page to page; the [`page`] is what it gets.
//!
//! Plot: users, groups or both, by GET or by `.search`, with an index or with a cursor: each request comes to a
//! listing and a place in it, and each page is a window.

mod cursor;
mod page;
mod window;

use rollcall_scim::ResourceKind;

pub(crate) use self::cursor::CursorKey;
use self::window::Listing;
use crate::{answer::Answer, call::Call, failure::Failure};

/// `GET /Users`, `GET /Groups`.
pub(super) async fn list(call: &Call<'_>, kind: ResourceKind) -> Result<Answer, Failure> {
    page::answer(call, Listing::one(kind, call.list_query(kind)?)).await
}

/// `POST /Users/.search`, `POST /Groups/.search`.
pub(super) async fn search(call: &mut Call<'_>, kind: ResourceKind) -> Result<Answer, Failure> {
    let query = call.search_query(kind).await?;
    page::answer(call, Listing::one(kind, query)).await
}

/// `GET /`: one list of both kinds, the users that match, then the groups (RFC 7644 §3.4.2.1).
pub(super) async fn list_all(call: &Call<'_>) -> Result<Answer, Failure> {
    page::answer(call, Listing::All(Box::new(call.list_all_query()?))).await
}

/// `POST /.search`: the same list.
pub(super) async fn search_all(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let query = call.search_all_query().await?;
    page::answer(call, Listing::All(Box::new(query))).await
}
