//! What a client may discover: RFC 7644 §4, RFC 7643 §5 to §7.

use serde_json::{Value, json};

/// What the documents depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoverySettings {
    /// The SCIM base URL without a trailing slash.
    pub base_url: String,
    /// The largest page of a list.
    pub max_results: u64,
    /// Where people read on, if there is such a page.
    pub documentation_uri: Option<String>,
}

/// The ServiceProviderConfig.
#[must_use]
pub fn service_provider_config(_settings: &DiscoverySettings) -> Value {
    json!({})
}

/// All resource types, as a list.
#[must_use]
pub fn resource_types(_base_url: &str) -> Value {
    json!({})
}

/// One resource type by its name.
#[must_use]
pub fn resource_type(_base_url: &str, _name: &str) -> Option<Value> {
    None
}

/// All schemas, as a list.
#[must_use]
pub fn schemas(_base_url: &str) -> Value {
    json!({})
}

/// One schema by its URN.
#[must_use]
pub fn schema(_base_url: &str, _urn: &str) -> Option<Value> {
    None
}
