//! What goes over the channel: one JSON object with what has changed since the sender's last one.
//! Fields that are not known are passed over, so that versions can run beside each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{activity::MAX_DESTINATIONS, breakers::MAX_BREAKERS};

/// Longer messages are not read. The longest that this crate sends is a quarter of it.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longer names of processes and endpoints are not sent and not read.
pub(crate) const MAX_NAME: usize = 256;

/// One sender's news.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    /// Who sends it: a receiver passes over its own.
    pub(crate) from: String,
    /// The catalog's revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) catalog: Option<u64>,
    /// Endpoints whose breaker opened, with its end in microseconds since the epoch.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) opened: BTreeMap<String, i64>,
    /// Endpoints whose breaker closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) closed: Vec<String>,
    /// All destinations that the sender is active at (their [hashes](crate::activity::hash)). It
    /// is there once per second, so it also says that the sender lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) active: Option<Vec<u64>>,
    /// The sender ends.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) leaving: bool,
}

impl Message {
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Nothing in it can fail to be JSON; if it ever did, an empty message is passed over.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None` if it is too long, is not a message, or names too much.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let message: Self = serde_json::from_slice(bytes).ok()?;
        let name = |name: &String| !name.is_empty() && name.len() <= MAX_NAME;
        let sane = name(&message.from)
            && message.opened.len() <= MAX_BREAKERS
            && message.opened.keys().all(name)
            && message.closed.len() <= MAX_BREAKERS
            && message.active.as_ref().is_none_or(|active| active.len() <= MAX_DESTINATIONS);
        sane.then_some(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_sent_is_read_and_only_what_changed_is_sent() {
        let message = Message {
            from: "p1".into(),
            catalog: Some(u64::MAX),
            opened: [("ep_1".into(), 5)].into(),
            closed: vec!["ep_2".into()],
            active: Some(vec![u64::MAX]),
            leaving: true,
        };
        assert_eq!(Message::decode(&message.encode()), Some(message));
        let little = Message { from: "p1".into(), catalog: Some(3), ..Message::default() };
        assert_eq!(String::from_utf8(little.encode()).unwrap(), r#"{"from":"p1","catalog":3}"#);
        let newer = br#"{"from":"p1","catalog":7,"invented_later":[1]}"#;
        assert_eq!(Message::decode(newer).and_then(|m| m.catalog), Some(7));
    }

    #[test]
    fn what_makes_no_sense_is_not_read() {
        let long = "x".repeat(MAX_NAME + 1);
        let many = vec!["1"; MAX_DESTINATIONS + 1].join(",");
        for text in [
            String::new(),
            "7".to_owned(),
            "{}".to_owned(),
            r#"{"from":""}"#.to_owned(),
            format!(r#"{{"from":"{long}"}}"#),
            format!(r#"{{"from":"p","opened":{{"{long}":1}}}}"#),
            r#"{"from":"p","catalog":-1}"#.to_owned(),
            format!(r#"{{"from":"p","active":[{many}]}}"#),
            format!(r#"{{"from":"p","x":"{}"}}"#, "x".repeat(MAX_BYTES)),
        ] {
            assert_eq!(Message::decode(text.as_bytes()), None, "{text:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>) {
            let _ = Message::decode(&bytes);
        }
    }
}
