//! What numbers may be: for every key that is a number, the least and the most. A value beyond
//! either is refused, and never made to fit: whoever wrote it meant something.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ConfigError, keys};

/// Key, least, most.
const RANGES: &[(&str, u64, u64)] = &[
    ("server.workers", 0, 1024),
    ("server.max_connections", 1, 1_000_000),
    ("server.keep_alive_seconds", 1, 86_400),
    ("server.request_timeout_seconds", 1, 3600),
    ("server.shutdown_seconds", 0, 3600),
    ("store.shards", 1, 256),
    ("store.writers", 1, 64),
    ("store.write_queue", 1, 1_000_000),
    ("store.batch", 1, 10_000),
    ("store.readers", 1, 256),
    ("store.disk_warn_percent", 1, 100),
    ("store.disk_refuse_percent", 1, 100),
    ("store.attempts_retention_days", 1, 3650),
    ("store.requests.retention_days", 1, 3650),
    ("store.requests.max_bytes", 1_048_576, 1_099_511_627_776),
    ("store.requests.body_bytes", 0, 1_048_576),
    ("stream.tail_events", 1, 10_000_000),
    ("stream.tail_bytes", 1024, 4_294_967_296),
    ("kafka.replication_factor", 0, 100),
    ("redis.timeout_ms", 1, 60_000),
    ("ingest.user_body_bytes", 1024, 1_073_741_824),
    ("ingest.group_body_bytes", 1024, 1_073_741_824),
    ("ingest.bulk_body_bytes", 1024, 1_073_741_824),
    ("ingest.bulk_operations", 1, 10_000),
    ("ingest.body_timeout_seconds", 1, 3600),
    // More is more than the parser reads.
    ("ingest.max_depth", 4, 120),
    ("ingest.default_page_size", 1, 10_000),
    ("ingest.max_results", 1, 10_000),
    ("ingest.cursor_timeout_seconds", 1, 86_400),
    ("ingest.members_in_answer", 0, 1_000_000),
    ("dispatch.fast_slots", 1, 100_000),
    ("dispatch.slow_slots", 1, 100_000),
    ("dispatch.slots_per_organization", 1, 100_000),
    ("dispatch.slots_per_host", 1, 100_000),
    ("dispatch.max_parked_per_lane", 1, 1_000_000),
    ("dispatch.max_unsaved_attempts", 1, 1_000_000),
    ("dispatch.store_reads", 1, 1024),
    ("dispatch.max_held_bytes", 1024, 4_294_967_296),
    ("dispatch.disable_after_seconds", 1, 31_536_000),
    ("dispatch.idle_connections_per_host", 0, 10_000),
    ("dispatch.drain_seconds", 0, 6),
];

/// Refuses the first number that is out of its range. What is no number is left to the types.
pub(super) fn check(tree: &Value, origins: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let mut values = BTreeMap::new();
    keys::flatten("", tree, &mut values);
    let refuse = |key: &str, value: &Value, least: u64, most: u64| {
        let origin = origins.get(key).map_or("default", String::as_str);
        let range = format!("it must be a whole number from {least} to {most}");
        Err(ConfigError(format!("{origin}: {key} is {value}: {range}")))
    };
    for &(key, least, most) in RANGES {
        match values.get(key) {
            Some(value @ Value::Number(number))
                if number.as_u64().is_none_or(|number| number < least || number > most) =>
            {
                return refuse(key, value, least, most);
            }
            _ => {}
        }
    }
    let (warn, refusal) = ("store.disk_warn_percent", "store.disk_refuse_percent");
    match (values.get(warn).and_then(Value::as_u64), values.get(refusal).and_then(Value::as_u64)) {
        (Some(at), Some(limit)) if at > limit => Err(ConfigError(format!(
            "{warn} is {at} and {refusal} {limit}: the warning must come no later, from 1 to {limit}"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_range_that_holds_its_default_and_is_documented() {
        let known = keys::known();
        let mut ranged: Vec<&str> = RANGES.iter().map(|(key, ..)| *key).collect();
        ranged.sort_unstable();
        let numbers: Vec<&str> =
            known.iter().filter(|(_, value)| value.is_number()).map(|(key, _)| key.as_str()).collect();
        assert_eq!(ranged, numbers);
        let page = include_str!("../../../../docs/configuration.md");
        for (key, least, most) in RANGES {
            let default = known[*key].as_u64().unwrap();
            assert!((*least..=*most).contains(&default), "{key}");
            let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).unwrap();
            let range = format!("; {least} to {most} |");
            assert!(row.ends_with(&range), "{row} does not end with «{range}»");
        }
    }
}
