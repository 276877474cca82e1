//! An event as a record on the topic: CloudEvents 1.0 in the binary mode of the Kafka protocol binding.
//!
//! The value is the event's body, byte for byte what a webhook carries; the attributes are headers with
//! the prefix `ce_`. The key is the directory's id, and the partition is the shard. Beside the standard
//! attributes stand the extensions `sequence` and `partitionkey`, and what a dispatcher needs to order
//! events without parsing them: `position`, `organizationid`, `subjecttype`, `subjectversion`, and, where
//! there is one, `groupid`, `sandbox`; and `storeid`, by which the events of another store are told.
//!
//! Sources: CloudEvents 1.0.2 §3; Kafka protocol binding 1.0.2 §3.2; partitioning and sequence extensions.

use bytes::Bytes;
use jiff::Timestamp;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rollcall_domain::{
    event::{EventType, LoggedEvent, Subject, SubjectKind},
    ids::{DirectoryId, EventId, GroupId, OrganizationId},
    timestamp::rfc3339,
};

/// The headers of an event.
pub(crate) fn headers(event: &LoggedEvent, store_id: &str) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(16);
    let mut add = |key: &str, value: &str| {
        let taken = std::mem::take(&mut headers);
        headers = taken.insert(Header { key, value: Some(value) });
    };
    add("ce_specversion", "1.0");
    add("ce_id", event.id.as_str());
    add("ce_type", event.kind.as_str());
    add("ce_source", &format!("/directories/{}", event.directory_id));
    add("ce_subject", &event.subject.id);
    add("ce_time", &rfc3339(event.timestamp).to_string());
    add("content-type", "application/json");
    add("ce_sequence", &event.sequence.to_string());
    add("ce_partitionkey", event.directory_id.as_str());
    add("ce_position", &event.position.to_string());
    add("ce_organizationid", event.organization_id.as_str());
    add("ce_storeid", store_id);
    add("ce_subjecttype", event.subject.kind.as_str());
    add("ce_subjectversion", &event.subject.version.to_string());
    if let Some(group) = &event.group_id {
        add("ce_groupid", group.as_str());
    }
    if event.sandbox {
        add("ce_sandbox", "true");
    }
    headers
}

/// The attributes of a record, as far as they are ours.
#[derive(Default)]
struct Attributes<'a> {
    specversion: Option<&'a str>,
    id: Option<&'a str>,
    kind: Option<&'a str>,
    source: Option<&'a str>,
    subject: Option<&'a str>,
    time: Option<&'a str>,
    sequence: Option<&'a str>,
    position: Option<&'a str>,
    organization: Option<&'a str>,
    store: Option<&'a str>,
    subject_kind: Option<&'a str>,
    subject_version: Option<&'a str>,
    group: Option<&'a str>,
    sandbox: Option<&'a str>,
}

/// The event of a record; `None` if it is none of this store's.
pub(crate) fn event(shard: u16, headers: &impl Headers, body: &[u8], store_id: &str) -> Option<LoggedEvent> {
    let mut found = Attributes::default();
    for header in headers.iter() {
        let field = match header.key {
            "ce_specversion" => &mut found.specversion,
            "ce_id" => &mut found.id,
            "ce_type" => &mut found.kind,
            "ce_source" => &mut found.source,
            "ce_subject" => &mut found.subject,
            "ce_time" => &mut found.time,
            "ce_sequence" => &mut found.sequence,
            "ce_position" => &mut found.position,
            "ce_organizationid" => &mut found.organization,
            "ce_storeid" => &mut found.store,
            "ce_subjecttype" => &mut found.subject_kind,
            "ce_subjectversion" => &mut found.subject_version,
            "ce_groupid" => &mut found.group,
            "ce_sandbox" => &mut found.sandbox,
            _ => continue,
        };
        *field = Some(std::str::from_utf8(header.value?).ok()?);
    }
    if found.specversion? != "1.0" || body.is_empty() || found.store? != store_id {
        return None;
    }
    let group_id = match found.group {
        Some(id) => Some(GroupId::parse(id)?),
        None => None,
    };
    Some(LoggedEvent {
        shard,
        position: number(found.position?)?,
        id: EventId::parse(found.id?)?,
        kind: found.kind?.parse::<EventType>().ok()?,
        organization_id: OrganizationId::parse(found.organization?)?,
        directory_id: DirectoryId::parse(found.source?.strip_prefix("/directories/")?)?,
        sequence: number(found.sequence?)?,
        subject: Subject {
            kind: match found.subject_kind? {
                "user" => SubjectKind::User,
                "group" => SubjectKind::Group,
                "directory" => SubjectKind::Directory,
                _ => return None,
            },
            id: found.subject?.into(),
            version: number(found.subject_version?)?,
        },
        group_id,
        sandbox: found.sandbox == Some("true"),
        timestamp: found.time?.parse::<Timestamp>().ok()?,
        body: Bytes::copy_from_slice(body),
    })
}

/// A count from 1; the store counts in 63 bits.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| (1..=i64::MAX as u64).contains(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::testing;

    proptest! {
        #[test]
        fn an_event_reads_back(
            seed in any::<u128>(), position in 1..i64::MAX as u64, sequence in 1..1_000_000_u64,
            millis in 0..4_000_000_000_000_i64, kind in 1..=13_u8, in_group in any::<bool>(),
            sandbox in any::<bool>(), body in proptest::collection::vec(any::<u8>(), 1..200),
        ) {
            let mut event = LoggedEvent::clone(&testing::event(7, position));
            event.id = EventId::from_uuid(Uuid::from_u128(seed));
            event.sequence = sequence;
            event.kind = EventType::from_code(kind).unwrap();
            event.group_id = in_group.then(|| GroupId::from_uuid(Uuid::from_u128(seed ^ 1)));
            event.sandbox = sandbox;
            event.timestamp = Timestamp::from_millisecond(millis).unwrap();
            event.body = Bytes::from(body);
            prop_assert_eq!(super::event(7, &headers(&event, "s"), &event.body, "s"), Some(event));
        }

        #[test]
        fn what_is_none_of_ours_is_none(
            pairs in proptest::collection::vec(("(ce_)?[a-z]{1,12}", any::<Vec<u8>>()), 0..12),
            body in any::<Vec<u8>>(),
        ) {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &pairs {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            prop_assert_eq!(event(0, &headers, &body, "s"), None);
        }
    }

    #[test]
    fn an_attribute_that_lacks_or_is_wrong_makes_it_foreign() {
        let event = testing::event(0, 5);
        let all = headers(&event, "s");
        for (name, wrong) in [
            ("ce_specversion", "0.3"),
            ("ce_id", "usr_1"),
            ("ce_type", "user.exploded"),
            ("ce_source", "elsewhere"),
            ("ce_time", "yesterday"),
            ("ce_sequence", "0"),
            ("ce_position", "18446744073709551615"),
            ("ce_subjecttype", "robot"),
            ("ce_subjectversion", "-1"),
            ("ce_organizationid", "org"),
            ("ce_storeid", "t"),
        ] {
            let without = all
                .iter()
                .filter(|header| header.key != name)
                .fold(OwnedHeaders::new(), |headers, header| headers.insert(header));
            assert_eq!(super::event(0, &without, &event.body, "s"), None, "without {name}");
            let with = without.insert(Header { key: name, value: Some(wrong) });
            assert_eq!(super::event(0, &with, &event.body, "s"), None, "{name} = {wrong}");
        }
        assert_eq!(super::event(0, &all, b"", "s"), None);
    }
}
