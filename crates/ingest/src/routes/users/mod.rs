//! Users: one operation per file, and here what they share.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod patch;
pub(super) mod replace;

use actix_web::http::StatusCode;
use rollcall_domain::{ids::UserId, record::UserRecord};
use rollcall_scim::{Projection, ResourceKind};

use crate::{answer::Answer, call::Call, etag, failure::Failure, represent};

/// The id in the URL. One that cannot be ours is one that nobody has.
pub(super) fn id(text: &str) -> Result<UserId, Failure> {
    UserId::parse(text).ok_or(Failure::NoSuchResource)
}

/// The user, with its tag and its URL (RFC 7644 §3.1).
fn answer(call: &Call<'_>, status: StatusCode, record: UserRecord, projection: &Projection) -> Answer {
    let (base, tag) = (call.base(), etag::of_version(record.version));
    let url = represent::location(&base, ResourceKind::User, record.id.as_str());
    Answer::json(status, &represent::user(&base, record, projection)).etag(&tag).location(&url)
}
