//! The OpenAPI 3.1 document of `/v1`. It is written by hand, and the tests hold it against the code.

/// The document, as JSON.
pub const OPENAPI: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rollcall_domain::{directory::Provider, event::EventType};
    use rollcall_scim::{Reason, Sender};
    use serde_json::Value;

    use super::*;
    use crate::ErrorCode;

    fn document() -> Value {
        serde_json::from_str(OPENAPI).expect("it is JSON")
    }

    #[test]
    fn it_has_every_path_and_no_other() {
        let document = document();
        let documented: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let routed: BTreeSet<_> = include_str!("routes.rs")
            .split("\"/")
            .skip(1)
            .map(|rest| format!("/v1/{}", rest.split('"').next().unwrap()))
            .collect();
        assert_eq!(documented, routed);
    }

    #[test]
    fn its_lists_of_names_are_those_of_the_code() {
        let document = document();
        let names = |pointer: &str| -> Vec<String> {
            let list = document.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
            serde_json::from_value(list.clone()).unwrap()
        };
        let schemas = "/components/schemas";
        let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names(&format!("{schemas}/Problem/properties/code/enum")), codes);
        let types: Vec<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names(&format!("{schemas}/EventType/enum")), types);
        let providers: Vec<_> = Provider::ALL.iter().map(|provider| provider.as_str()).collect();
        assert_eq!(names(&format!("{schemas}/NewDirectory/properties/provider/enum")), providers);
        let senders: Vec<_> = Sender::ALL.iter().map(|sender| sender.name()).collect();
        assert_eq!(names(&format!("{schemas}/Sender/enum")), senders);
        let reasons: Vec<_> = Reason::all().map(Reason::as_str).collect();
        assert_eq!(names(&format!("{schemas}/RequestReason/enum")), reasons);
    }

    #[test]
    fn each_reference_leads_somewhere() {
        let document = document();
        let mut waiting = vec![&document];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Object(object) => {
                    if let Some(target) = object.get("$ref").and_then(Value::as_str) {
                        assert!(document.pointer(&target[1..]).is_some(), "{target}");
                    }
                    waiting.extend(object.values());
                }
                Value::Array(list) => waiting.extend(list),
                _ => {}
            }
        }
    }
}
