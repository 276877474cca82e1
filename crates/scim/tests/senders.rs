//! The recogniser on requests as real products send them: what it names, it names rightly.

use std::collections::BTreeMap;

use rollcall_scim::{Sender, Signs, recognise};
use serde_json::Value;

/// The products of the corpus by the names that it has for them.
fn product(name: &str) -> Option<Sender> {
    Some(match name.split('(').next().unwrap_or(name) {
        "entra" | "entra-validator" => Sender::EntraId,
        "okta" | "okta-spec" | "okta-aiw" | "okta-oin" => Sender::Okta,
        "onelogin" => Sender::OneLogin,
        "google" => Sender::GoogleWorkspace,
        "keycloak" => Sender::Keycloak,
        _ => return None,
    })
}

#[test]
fn nobody_of_the_corpus_is_taken_for_somebody_else() {
    let corpus = include_str!("../../../tests/fixtures/corpus.jsonl");
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for line in corpus.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let provider = line["provider"].as_str().unwrap();
        let url = line["path"].as_str().unwrap();
        let signs = Signs {
            user_agent: line["headers"]["User-Agent"].as_str(),
            query: url.split_once('?').map(|(_, query)| query),
            body: line["body"].as_object(),
        };
        let id = line["id"].as_str().unwrap();
        let expected = product(provider);
        let named = recognise(&signs);
        // The other way to speak of the same product.
        let named = if named == Some(Sender::EntraIdStandard) { Some(Sender::EntraId) } else { named };
        if let (Some(named), false) = (named, matches!(id.split('-').next(), Some("rfc" | "sec"))) {
            assert_eq!(Some(named), expected, "{id}");
        }
        if let Some(expected) = expected {
            let (right, all) = seen.entry(expected.name()).or_default();
            *all += 1;
            *right += usize::from(named.is_some());
        }
    }
    // A POST, a GET by id and a DELETE tell nothing: of the rest, most are told.
    let enough = |name: &str, least: usize| {
        let (right, all) = seen[name];
        assert!(right >= least, "{name}: {right} of {all}");
    };
    enough("entra_id", 19);
    enough("okta", 9);
    enough("onelogin", 2);
    enough("google_workspace", 1);
    enough("keycloak", 1);
}
