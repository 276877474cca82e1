//! The corpus: requests as real directory providers send them, one per line of
//! `fixtures/corpus.jsonl`, with the statuses that they accept.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One request.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// Names the line: the provider and a number.
    pub id: String,
    /// Who sends it.
    pub provider: String,
    /// The method.
    pub method: String,
    /// The path below the directory's base URL, with the query, and with `${U1}` and the like for
    /// ids.
    pub path: String,
    /// The header fields.
    pub headers: BTreeMap<String, String>,
    /// The body; `null` is none.
    pub body: Value,
    /// The statuses that are right.
    pub status: Vec<u16>,
}

impl Line {
    /// The path and the body with the ids filled in.
    pub fn filled(&self, ids: &BTreeMap<String, String>) -> (String, Option<String>) {
        let fill = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("${{{name}}}"), id))
        };
        let body = (!self.body.is_null()).then(|| fill(&self.body.to_string()));
        (fill(&self.path), body)
    }
}

/// All lines.
pub fn lines() -> Vec<Line> {
    include_str!("../fixtures/corpus.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_named_once() {
        let lines = lines();
        let names: std::collections::BTreeSet<&str> = lines.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(names.len(), lines.len());
        for prefix in ["entra-", "okta-", "onelogin-", "jumpcloud-", "ping-", "rfc-"] {
            assert!(names.iter().any(|name| name.starts_with(prefix)), "{prefix}");
        }
    }

    #[test]
    fn ids_are_filled_in_everywhere() {
        let line = &lines().into_iter().find(|l| l.id == "entra-24").expect("it is there");
        let ids = BTreeMap::from([("U1".into(), "usr_1".into()), ("U2".into(), "usr_2".into())]);
        let (path, body) = line.filled(&ids);
        assert_eq!(path, "/Users/usr_1");
        assert!(body.is_some_and(|b| b.contains("usr_2") && !b.contains("${")));
    }
}
