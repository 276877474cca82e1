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

/// A ListResponse to a request by cursor: RFC 9865 §2. `next` is absent on the last page. There is no `startIndex`.
#[must_use]
pub fn cursor_response(resources: Vec<Value>, total: u64, next: Option<String>) -> Value {
    let mut response = json!({
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "itemsPerPage": resources.len(),
    });
    if let Some(next) = next {
        response["nextCursor"] = next.into();
    }
    response["Resources"] = resources.into();
    response
}
