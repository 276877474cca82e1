//! What the products need an answer to be, checked where they would stumble.

use serde_json::Value;

use crate::{Error, wire::Answer};

/// The list in an answer: `totalResults` and `itemsPerPage` integers, `Resources` an array.
pub(crate) fn list(answer: Answer) -> Result<Vec<Value>, Error> {
    let (answer, mut body) = answer.accept(&[200])?;
    let is_list = body["schemas"]
        .as_array()
        .is_some_and(|s| s.iter().any(|u| u == "urn:ietf:params:scim:api:messages:2.0:ListResponse"));
    if !is_list {
        return Err(answer.unusable("a query must be answered with a ListResponse"));
    }
    if !body["totalResults"].is_u64() {
        return Err(answer.unusable("totalResults must be an integer"));
    }
    match body["Resources"].take() {
        Value::Array(resources) => Ok(resources),
        // RFC 7644 section 3.4.2 lets an empty list leave it out.
        Value::Null if body["totalResults"] == 0 => Ok(Vec::new()),
        _ => Err(answer.unusable("Resources must be an array")),
    }
}

/// The id of the resource that was made.
pub(crate) fn created(answer: Answer) -> Result<String, Error> {
    let (answer, body) = answer.accept(&[201])?;
    match body["id"].as_str() {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(answer.unusable("returned a resource without an id")),
    }
}

/// The user that an update was answered with, if it was: the same id, `active` a boolean (and
/// this one, if the update was about it), and `manager` an object.
pub(crate) fn updated_user(answer: Answer, id: &str, active: Option<bool>) -> Result<Value, Error> {
    let (answer, body) = answer.accept(&[200, 204])?;
    if body.is_null() {
        return Ok(body);
    }
    if body["id"] != id {
        return Err(answer.unusable("returned a user with another id"));
    }
    match (&body["active"], active) {
        (Value::Bool(is), Some(wanted)) if *is != wanted => {
            return Err(answer.unusable(format!("active is {is} after it was set to {wanted}")));
        }
        (Value::Bool(_), _) => {}
        (Value::Null, None) => {}
        _ => return Err(answer.unusable("active must be a boolean")),
    }
    let manager = &body[crate::persona::ENTERPRISE]["manager"];
    if !manager.is_null() && !manager["value"].is_string() {
        return Err(answer.unusable("manager must be an object with a value"));
    }
    Ok(body)
}

/// A group's update: 200 with that group, or 204.
pub(crate) fn updated_group(answer: Answer, id: &str) -> Result<(), Error> {
    let (answer, body) = answer.accept(&[200, 204])?;
    if !body.is_null() && body["id"] != id {
        return Err(answer.unusable("returned a group with another id"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::Ask;

    fn answer(status: u16, body: Option<Value>) -> Answer {
        Answer { persona: "Test", ask: Ask::new("asks", "GET", "/Users", None), status, body }
    }

    #[test]
    fn a_list_is_what_the_products_need() {
        let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]);
        let table = [
            (200, json!({"schemas": schemas, "totalResults": 0, "Resources": []}), Ok(0)),
            (200, json!({"schemas": schemas, "totalResults": 0}), Ok(0)),
            (200, json!({"schemas": schemas, "totalResults": 1, "Resources": [{}]}), Ok(1)),
            (
                200,
                json!({"schemas": schemas, "totalResults": "1", "Resources": [{}]}),
                Err("totalResults must be an integer"),
            ),
            (200, json!({"schemas": schemas, "totalResults": 1}), Err("Resources must be an array")),
            (200, json!({"totalResults": 0}), Err("a query must be answered with a ListResponse")),
            (401, json!({"detail": "no such token"}), Err("no such token")),
        ];
        for (status, body, expected) in table {
            match (list(answer(status, Some(body.clone()))), expected) {
                (Ok(found), Ok(count)) => assert_eq!(found.len(), count, "{body}"),
                (Err(Error::Unusable { why, .. }), Err(wanted)) => assert_eq!(why, wanted, "{body}"),
                (found, wanted) => panic!("{body}: {found:?} instead of {wanted:?}"),
            }
        }
    }

    #[test]
    fn a_user_that_would_confuse_the_provider_is_refused() {
        let enterprise = crate::persona::ENTERPRISE;
        let table = [
            (json!({"id": "u", "active": false}), Some(false), true),
            (json!({"id": "u", "active": true}), Some(false), false),
            (json!({"id": "u", "active": "False"}), Some(false), false),
            (json!({"id": "v", "active": false}), Some(false), false),
            (json!({"id": "u", "active": true, enterprise: {"manager": "m"}}), None, false),
            (json!({"id": "u", "active": true, enterprise: {"manager": {"value": "m"}}}), None, true),
        ];
        for (body, active, fine) in table {
            assert_eq!(updated_user(answer(200, Some(body.clone())), "u", active).is_ok(), fine, "{body}");
        }
        assert!(updated_user(answer(204, None), "u", Some(false)).is_ok());
        assert!(created(answer(201, Some(json!({"id": ""})))).is_err());
        assert!(created(answer(200, Some(json!({"id": "u"})))).is_err());
    }
}
