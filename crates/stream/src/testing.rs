//! What this crate's tests share.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rollcall_domain::{
    event::{EventType, LoggedEvent, Subject, SubjectKind},
    ids::{DirectoryId, EventId, OrganizationId},
};
use uuid::Uuid;

/// An event of a shard; its directory is the shard's only one.
pub(crate) fn event(shard: u16, position: u64) -> Arc<LoggedEvent> {
    let uuid = Uuid::from_u128(u128::from(shard) << 64 | u128::from(position));
    let directory = Uuid::from_u128(u128::from(shard));
    Arc::new(LoggedEvent {
        shard,
        position,
        id: EventId::from_uuid(uuid),
        kind: EventType::UserCreated,
        organization_id: OrganizationId::from_uuid(directory),
        directory_id: DirectoryId::from_uuid(directory),
        sequence: position,
        subject: Subject { kind: SubjectKind::User, id: "usr_1".into(), version: position },
        group_id: None,
        sandbox: false,
        timestamp: Timestamp::UNIX_EPOCH,
        body: Bytes::from(format!(r#"{{"sequence":{position}}}"#)),
    })
}
