//! Any text as the path of a PATCH operation, with each verb: it is refused, or what comes of it is a right resource.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall_fuzz::{check_user, group, user};
use rollcall_scim::{ResourceKind, Rules, apply_group, apply_user, patch_request};
use serde_json::{Map, Value, json};

fuzz_target!(|text: &str| {
    let values = [
        json!(null),
        json!("v"),
        json!(false),
        json!([{"value": "v"}]),
        json!({"value": "v", "type": "work"}),
    ];
    for (op, value) in
        ["add", "remove", "replace"].into_iter().flat_map(|op| values.iter().map(move |v| (op, v)))
    {
        let operation = json!({"op": op, "path": text, "value": value});
        let body = || Map::from_iter([("Operations".to_owned(), Value::Array(vec![operation.clone()]))]);
        if let Ok((request, _)) = patch_request(ResourceKind::User, body(), &Rules::default())
            && let Ok(document) = apply_user(&user(), &request)
        {
            check_user(&document);
        }
        if let Ok((request, _)) = patch_request(ResourceKind::Group, body(), &Rules::default()) {
            let _ = apply_group(&group(), &request);
        }
    }
});
