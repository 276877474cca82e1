//! Which product sent a request, as far as the request tells: for an operator who looks at a directory and wonders who
//! is on the other side. Nothing is decided by it: what a directory may send is said by its rules.
//!
//! A name in the user agent or a flag in the URL is certain. Else the shape counts: how operations are spelled, which
//! schemas are listed, how a list is asked for. Shapes that several products share give no answer.

use serde_json::{Map, Value};

/// A product that provisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the products")]
pub enum Sender {
    EntraId,
    /// Entra ID with the flag `aadOptscim062020`, which makes it follow the RFC.
    EntraIdStandard,
    Okta,
    OneLogin,
    JumpCloud,
    Ping,
    GoogleWorkspace,
    Rippling,
    CyberArk,
    SailPoint,
    Keycloak,
    Authentik,
}

impl Sender {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::EntraId,
        Self::EntraIdStandard,
        Self::Okta,
        Self::OneLogin,
        Self::JumpCloud,
        Self::Ping,
        Self::GoogleWorkspace,
        Self::Rippling,
        Self::CyberArk,
        Self::SailPoint,
        Self::Keycloak,
        Self::Authentik,
    ];

    /// The name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EntraId => "entra_id",
            Self::EntraIdStandard => "entra_id_standard",
            Self::Okta => "okta",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::Ping => "ping",
            Self::GoogleWorkspace => "google_workspace",
            Self::Rippling => "rippling",
            Self::CyberArk => "cyberark",
            Self::SailPoint => "sailpoint",
            Self::Keycloak => "keycloak",
            Self::Authentik => "authentik",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|sender| sender.name() == name).copied()
    }

    /// The name of the product, whichever dialect it speaks.
    #[must_use]
    pub fn product(self) -> &'static str {
        match self {
            Self::EntraIdStandard => Self::EntraId.name(),
            other => other.name(),
        }
    }

    /// What their user agents contain, in lower case.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::EntraId => &["entra id", "azure active directory", "windowsazureactivedirectory"],
            Self::EntraIdStandard => &["aadoptscim062020"],
            Self::Okta => &["okta"],
            Self::OneLogin => &["onelogin"],
            Self::JumpCloud => &["jumpcloud"],
            Self::Ping => &["pingone", "pingfederate", "pingidentity"],
            Self::GoogleWorkspace => &["google-auto-provisioning"],
            Self::Rippling => &["rippling"],
            Self::CyberArk => &["cyberark", "idaptive"],
            Self::SailPoint => &["sailpoint"],
            Self::Keycloak => &["keycloak"],
            Self::Authentik => &["authentik"],
        }
    }
}

/// What a request tells of its sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs<'a> {
    /// The user agent.
    pub user_agent: Option<&'a str>,
    /// What follows the first question mark of the URL, undecoded; empty also where there is only the mark.
    pub query: Option<&'a str>,
    /// The body, as it was sent.
    pub body: Option<&'a Map<String, Value>>,
}

/// How much of a user agent is looked at, in bytes.
const USER_AGENT: usize = 256;
/// How many operations of a PATCH are looked at.
const OPERATIONS: usize = 8;

/// Which product sent it; `None` if nothing tells.
#[must_use]
pub fn recognise(signs: &Signs<'_>) -> Option<Sender> {
    signs.user_agent.and_then(by_user_agent).or_else(|| by_shape(signs))
}

fn by_user_agent(user_agent: &str) -> Option<Sender> {
    let end = user_agent.char_indices().map(|(at, _)| at).find(|at| *at >= USER_AGENT);
    let user_agent = user_agent[..end.unwrap_or(user_agent.len())].to_ascii_lowercase();
    let named = |sender: &&Sender| sender.words().iter().any(|word| user_agent.contains(word));
    // The more special name stands later in the list.
    Sender::ALL.iter().rev().find(named).copied()
}

fn by_shape(signs: &Signs<'_>) -> Option<Sender> {
    let query = signs.query.unwrap_or_default();
    let has_flag = |flag: &str| {
        query
            .split(['&', '/', '?'])
            .any(|part| part.get(..flag.len()).is_some_and(|p| p.eq_ignore_ascii_case(flag)))
    };
    if has_flag("aadOptscim062020") {
        return Some(Sender::EntraIdStandard);
    }
    if has_flag("AzureAdScimPatch2017") {
        return Some(Sender::EntraId);
    }
    signs.body.and_then(by_body).or_else(|| by_query(signs.query))
}

fn by_body(body: &Map<String, Value>) -> Option<Sender> {
    let mut urns = texts(body.get("schemas"));
    if let Some(urn) = urns.find(|urn| !urn.starts_with("urn:ietf:")) {
        if urn.starts_with("http://schemas.microsoft.com/2006/11/") {
            return Some(Sender::EntraId);
        }
        if urn.starts_with("urn:scim:schemas:core:2.0") {
            return Some(Sender::OneLogin);
        }
    }
    let operations = body.get("Operations")?.as_array()?.iter().take(OPERATIONS);
    operations.filter_map(Value::as_object).find_map(by_operation)
}

/// Entra ID writes the operations with a capital, each with a path, and booleans as text. A removal of members is also
/// written so by others, but without the reference that Entra ID leaves empty.
fn by_operation(operation: &Map<String, Value>) -> Option<Sender> {
    let op = operation.get("op")?.as_str()?;
    let path = operation.get("path").and_then(Value::as_str);
    if !matches!(op, "Add" | "Replace" | "Remove") {
        // Keycloak's extensions send the boolean as text, in lower case, without a path.
        let active = operation.get("value").and_then(|value| value.get("active")).and_then(Value::as_str);
        return (path.is_none() && matches!(active, Some("true" | "false"))).then_some(Sender::Keycloak);
    }
    let path = path?;
    let empty_reference = || {
        let mut members = operation.get("value").and_then(Value::as_array).into_iter().flatten();
        members.any(|member| member.get("$ref").is_some_and(Value::is_null))
    };
    (path != "members" || op != "Remove" || empty_reference()).then_some(Sender::EntraId)
}

fn by_query(query: Option<&str>) -> Option<Sender> {
    let query = query?;
    let parts = || query.split('&').filter(|part| !part.is_empty());
    let filter = parts().find_map(|part| part.strip_prefix("filter="));
    match filter {
        // OneLogin puts a question mark at the end of each URL.
        None if query.is_empty() => Some(Sender::OneLogin),
        None => None,
        // And an ampersand at the end of each query.
        Some(_) if query.ends_with('&') => Some(Sender::OneLogin),
        // Okta asks for a hundred of what can be one.
        Some(filter)
            if filter.to_ascii_lowercase().contains("%20eq%20")
                && parts().any(|part| part == "startIndex=1")
                && parts().any(|part| part == "count=100") =>
        {
            Some(Sender::Okta)
        }
        // Entra ID compares by value path, which is no filter of the RFC, and looks up groups without members.
        Some(filter) if filter.contains("%5D.value%20eq") || filter.contains("].value%20eq") => {
            Some(Sender::EntraId)
        }
        Some(_) if parts().any(|part| part == "excludedAttributes=members") => Some(Sender::EntraId),
        Some(_) => None,
    }
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().take(OPERATIONS).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(user_agent: Option<&str>, query: Option<&str>, body: &Value) -> Option<Sender> {
        recognise(&Signs { user_agent, query, body: body.as_object() })
    }

    #[test]
    fn names_in_user_agents() {
        for (user_agent, expected) in [
            ("Okta SCIM Client 1.0.0", Some(Sender::Okta)),
            ("OKTA SCIM Integration", Some(Sender::Okta)),
            ("Google-Auto-Provisioning", Some(Sender::GoogleWorkspace)),
            ("x (Entra ID (aadOptscim062020))", Some(Sender::EntraIdStandard)),
            ("x (Entra ID)", Some(Sender::EntraId)),
            ("Apache-HttpClient/4.5 shopping", None),
            ("", None),
        ] {
            assert_eq!(sent(Some(user_agent), None, &json!(null)), expected, "{user_agent}");
        }
        let long = format!("{}okta", "\u{e9}".repeat(200));
        assert_eq!(sent(Some(&long), None, &json!(null)), None);
    }

    #[test]
    fn flags_and_shapes() {
        let op = |operation: Value| json!({"Operations": [operation]});
        for (query, body, expected) in [
            (Some("aadOptscim062020"), json!(null), Some(Sender::EntraIdStandard)),
            (Some("AADOPTSCIM062020/Users?count=1"), json!(null), Some(Sender::EntraIdStandard)),
            (Some("filter=a&AzureAdScimPatch2017"), json!(null), Some(Sender::EntraId)),
            (Some(""), json!(null), Some(Sender::OneLogin)),
            (Some("filter=userName+eq+%22a%22&"), json!(null), Some(Sender::OneLogin)),
            (Some("filter=userName+eq+%22a%22"), json!(null), None),
            (Some("filter=userName%20eq%20%22a%22&startIndex=1&count=100"), json!(null), Some(Sender::Okta)),
            (Some("startIndex=1&count=100"), json!(null), None),
            (
                Some("filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22a%22"),
                json!(null),
                Some(Sender::EntraId),
            ),
            (
                Some("excludedAttributes=members&filter=displayName%20eq%20%22a%22"),
                json!(null),
                Some(Sender::EntraId),
            ),
            (None, op(json!({"op": "Replace", "path": "active", "value": "False"})), Some(Sender::EntraId)),
            (
                None,
                op(json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a"}]})),
                Some(Sender::EntraId),
            ),
            (None, op(json!({"op": "Remove", "path": "members", "value": [{"value": "a"}]})), None),
            (None, op(json!({"op": "replace", "value": {"active": "false"}})), Some(Sender::Keycloak)),
            (None, op(json!({"op": "replace", "value": {"active": false}})), None),
            (None, op(json!(["x"])), None),
            (None, json!({"schemas": ["urn:scim:schemas:core:2.0"]}), Some(Sender::OneLogin)),
            (None, json!({"schemas": 7, "Operations": {}}), None),
        ] {
            assert_eq!(sent(None, query, &body), expected, "{query:?} {body}");
        }
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> = Sender::ALL.iter().map(|sender| sender.name()).collect();
        assert_eq!(names.len(), Sender::ALL.len());
    }
}
