//! What a write asks of the store: from a body in its sender's dialect to a [`Command`]. Requests of their own and
//! the operations of a bulk request come together here.

use rollcall_domain::{Command, Precondition};
use rollcall_scim::{ResourceKind, group_input_noting, patch_request_noting, user_input_noting};
use serde_json::{Map, Value};

use super::{groups, users};
use crate::{call::Call, failure::Failure};

/// POST: RFC 7644 §3.3.
pub(super) fn create(
    call: &Call<'_>,
    kind: ResourceKind,
    body: Map<String, Value>,
) -> Result<Command, Failure> {
    Ok(match kind {
        ResourceKind::User => {
            let input = call.noting(|applied| user_input_noting(body, &call.rules, applied))?;
            Command::CreateUser { document: input.document }
        }
        ResourceKind::Group => {
            let input = call.noting(|applied| group_input_noting(body, &call.rules, applied))?;
            Command::CreateGroup { document: input.document, members: input.members.unwrap_or_default() }
        }
    })
}

/// PUT: RFC 7644 §3.5.1.
pub(super) fn replace(
    call: &Call<'_>,
    kind: ResourceKind,
    id: &str,
    body: Map<String, Value>,
    precondition: Precondition,
) -> Result<Command, Failure> {
    Ok(match kind {
        ResourceKind::User => {
            let id = users::id(id)?;
            let input = call.noting(|applied| user_input_noting(body, &call.rules, applied))?;
            let (document, active_given) = (input.document, input.active_given);
            Command::ReplaceUser { id, document, active_given, precondition }
        }
        ResourceKind::Group => {
            let id = groups::id(id)?;
            let input = call.noting(|applied| group_input_noting(body, &call.rules, applied))?;
            Command::ReplaceGroup { id, document: input.document, members: input.members, precondition }
        }
    })
}

/// PATCH: RFC 7644 §3.5.2.
pub(super) fn patch(
    call: &Call<'_>,
    kind: ResourceKind,
    id: &str,
    body: Map<String, Value>,
    precondition: Precondition,
) -> Result<Command, Failure> {
    let read = || call.noting(|applied| patch_request_noting(kind, body, &call.rules, applied));
    Ok(match kind {
        ResourceKind::User => Command::PatchUser { id: users::id(id)?, patch: read()?, precondition },
        ResourceKind::Group => Command::PatchGroup { id: groups::id(id)?, patch: read()?, precondition },
    })
}

/// DELETE: RFC 7644 §3.6.
pub(super) fn delete(kind: ResourceKind, id: &str, precondition: Precondition) -> Result<Command, Failure> {
    Ok(match kind {
        ResourceKind::User => Command::DeleteUser { id: users::id(id)?, precondition },
        ResourceKind::Group => Command::DeleteGroup { id: groups::id(id)?, precondition },
    })
}
