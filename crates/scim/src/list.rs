//! The envelope of every list: RFC 7644 §3.4.2.

use serde_json::{Value, json};

use crate::schema::LIST_RESPONSE;

/// A ListResponse. `total` counts the matches before paging, `start_index` is 1-based. `Resources` is always
/// there, also when it is empty: some clients read it unasked.
#[must_use]
pub fn list_response(resources: Vec<Value>, total: u64, start_index: u64) -> Value {
    json!({
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
