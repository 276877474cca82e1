//! Which keys there are, learned from the defaults: whatever serializes can be set.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Settings;

/// Keys whose value is a table with names of its owner's choice.
pub(super) const TABLES: [&str; 1] = ["kafka.options"];

/// Keys whose value is never shown.
pub(super) const SECRETS: [&str; 4] = ["api_key", "master_key", "store.url", "redis.url"];

/// Every key with its default; a key that is unset unless somebody sets it is `Null`. The data
/// folder is set once, for all crates, with `data_dir`.
pub(super) fn known() -> BTreeMap<String, Value> {
    let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    let mut keys = BTreeMap::new();
    flatten("", &defaults, &mut keys);
    keys.remove("store.data_dir");
    keys
}

/// The leaves of a tree of objects by their dotted paths.
pub(super) fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    let fields = match value {
        Value::Object(fields) if !TABLES.contains(&prefix) => fields,
        value => {
            into.insert(prefix.to_owned(), value.clone());
            return;
        }
    };
    for (name, value) in fields {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        flatten(&path, value, into);
    }
}

/// The known key that `key` was probably meant to be.
pub(super) fn nearest<'k>(key: &str, known: impl Iterator<Item = &'k String>) -> Option<&'k String> {
    known
        .map(|candidate| (distance(key, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 || candidate.rsplit('.').next() == Some(key))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_key_finds_its_neighbour() {
        let known = known();
        for (key, expected) in [
            ("server.lisen", Some("server.listen")),
            ("egress.allow_htp", Some("egress.allow_http")),
            ("listen", Some("server.listen")),
            ("pubic_url", Some("public_url")),
            ("nothing.like.it", None),
        ] {
            assert_eq!(nearest(key, known.keys()).map(String::as_str), expected, "{key}");
        }
        assert!(!known.contains_key("store.data_dir"));
    }

    #[test]
    fn every_key_is_documented_with_its_default_and_no_other() {
        let page = include_str!("../../../../docs/configuration.md");
        let rows: BTreeMap<&str, &str> = page
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| `")?.split(" | ");
                Some((cells.next()?.strip_suffix('`')?, cells.next()?.trim_matches('`')))
            })
            .skip(2) // the two examples of names in the environment
            .collect();
        let keys = known();
        assert_eq!(
            rows.keys().copied().collect::<Vec<_>>(),
            keys.keys().map(String::as_str).collect::<Vec<_>>()
        );
        for (key, default) in &keys {
            let shown = match default {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(rows[key.as_str()], shown, "the documented default of {key}");
        }
    }
}
