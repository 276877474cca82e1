//! An event as a consumer sees it: the webhook's body, or one entry of `GET /v1/events`.

use serde_json::Value;

/// An event's body, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(pub Value);

impl Event {
    /// Reads a body; one that is no event panics, because every consumer would choke on it.
    #[track_caller]
    pub fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) if value["id"].is_string() && value["type"].is_string() => Self(value),
            other => panic!("not an event: {other:?}"),
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `evt_…`
    pub fn id(&self) -> &str {
        self.text("/id")
    }

    /// `user.updated` and the like.
    pub fn kind(&self) -> &str {
        self.text("/type")
    }

    /// `dir_…`
    pub fn directory(&self) -> &str {
        self.text("/directory_id")
    }

    /// The place in the directory, from 1; 0 if it has none, as a test event.
    pub fn sequence(&self) -> u64 {
        self.0["sequence"].as_u64().unwrap_or_default()
    }

    /// `usr_…` or `grp_…`
    pub fn subject(&self) -> &str {
        self.text("/subject/id")
    }

    /// The place among the subject's events, from 1.
    pub fn version(&self) -> u64 {
        self.0["subject"]["version"].as_u64().unwrap_or_default()
    }

    /// The group of a membership event.
    pub fn group(&self) -> Option<&str> {
        self.kind().starts_with("group.member_").then(|| self.text("/data/group/id"))
    }

    /// Whether the event is about a person, a group or a membership.
    pub fn is_about_resources(&self) -> bool {
        self.kind().starts_with("user.") || self.kind().starts_with("group.")
    }

    /// The changed paths, sorted.
    pub fn changed_paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> =
            self.0["changes"].as_array().into_iter().flatten().filter_map(|c| c["path"].as_str()).collect();
        paths.sort_unstable();
        paths
    }

    /// The change at a path.
    pub fn change(&self, path: &str) -> Option<&Value> {
        self.0["changes"].as_array()?.iter().find(|c| c["path"] == path)
    }
}

/// The types of these events, in their order.
pub fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::kind).collect()
}
