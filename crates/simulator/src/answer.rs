//! What the products need an answer to be, checked where they would stumble: each function gives
//! what the product takes from the answer, or why it cannot.

use serde_json::Value;

use crate::{
    Check,
    check::Failure,
    schema::{ENTERPRISE, ERROR, LIST_RESPONSE},
    wire::Ask,
};

/// An answer, with what is needed to complain about it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ask: Ask,
    /// The `Accept` that it answers.
    pub(crate) accepted: String,
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) is_empty: bool,
    /// The body, if it is JSON.
    pub(crate) body: Option<Value>,
}

impl Answer {
    /// What is shown when this answer fails a check.
    pub(crate) fn failure(&self, why: String) -> Box<Failure> {
        self.ask.failure(self.status, self.body.clone(), why)
    }

    /// The body of an answer with one of these statuses; `None` for 204.
    fn accept(&self, statuses: &[u16]) -> Result<Option<&Value>, String> {
        if !statuses.contains(&self.status) {
            let detail = self.body.as_ref().and_then(|b| b.get("detail")).and_then(Value::as_str);
            let wanted = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
            return Err(match detail {
                Some(detail) => format!("expected {wanted}; it says: {detail}"),
                None => format!("expected {wanted}"),
            });
        }
        match &self.body {
            Some(body) => Ok(Some(body)),
            None if self.status == 204 => Ok(None),
            None => Err("the answer is no JSON".to_owned()),
        }
    }

    fn resource(&self, statuses: &[u16]) -> Result<&Value, String> {
        self.accept(statuses)?.ok_or_else(|| "the answer has no body".to_owned())
    }
}

/// What every answer owes, whatever was asked.
pub(crate) fn common(answer: &Answer) -> Vec<(Check, Result<(), String>)> {
    let mut verdicts = Vec::new();
    if !answer.is_empty {
        verdicts.push((Check::MediaType, media_type(answer)));
    }
    if answer.status >= 400 {
        verdicts.push((Check::ErrorMessage, error_message(answer)));
    }
    if let Some(user) = answer.body.as_ref().filter(|body| body.get("userName").is_some()) {
        let leaks = user.get("password").is_some();
        let verdict = if leaks { Err("the answer has a password".to_owned()) } else { Ok(()) };
        verdicts.push((Check::PasswordNeverReturned, verdict));
        if let Some(manager) = user[ENTERPRISE].get("manager") {
            verdicts.push((Check::Manager, manager_object(manager)));
        }
    }
    verdicts
}

fn media_type(answer: &Answer) -> Result<(), String> {
    let full = answer.content_type.as_deref().unwrap_or("");
    let essence = full.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let plain_fits = !answer.accepted.contains("scim+json");
    match essence.as_str() {
        "application/scim+json" => Ok(()),
        "application/json" if plain_fits => Ok(()),
        _ => Err(format!("Content-Type is {full:?} where {} was accepted", answer.accepted)),
    }
}

fn error_message(answer: &Answer) -> Result<(), String> {
    let Some(body) = &answer.body else { return Err("the error is no JSON".to_owned()) };
    if !has_schema(body, ERROR) {
        return Err("schemas of the error do not name the Error message".to_owned());
    }
    match body["status"].as_str() {
        Some(status) if status == answer.status.to_string() => Ok(()),
        _ => Err(format!("status of the error must be the string {:?}", answer.status.to_string())),
    }
}

fn has_schema(body: &Value, urn: &str) -> bool {
    body["schemas"].as_array().is_some_and(|schemas| schemas.iter().any(|schema| schema == urn))
}

/// A document: 200 and an object.
pub(crate) fn document(answer: &Answer) -> Result<Value, String> {
    let body = answer.resource(&[200])?;
    if body.is_object() { Ok(body.clone()) } else { Err("the document must be an object".to_owned()) }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// How many match.
    pub(crate) total: u64,
    pub(crate) resources: Vec<Value>,
}

/// The list in an answer: `totalResults` an integer, `Resources` an array.
pub(crate) fn page(answer: &Answer) -> Result<Page, String> {
    let body = answer.resource(&[200])?;
    if !has_schema(body, LIST_RESPONSE) {
        return Err("a query must be answered with a ListResponse".to_owned());
    }
    let Some(total) = body["totalResults"].as_u64() else {
        return Err("totalResults must be an integer".to_owned());
    };
    for member in ["startIndex", "itemsPerPage"] {
        if !(body[member].is_null() || body[member].is_u64()) {
            return Err(format!("{member} must be an integer"));
        }
    }
    match &body["Resources"] {
        Value::Array(resources) => Ok(Page { total, resources: resources.clone() }),
        // RFC 7644 section 3.4.2 lets an empty list leave it out.
        Value::Null if total == 0 => Ok(Page { total, resources: Vec::new() }),
        _ => Err("Resources must be an array".to_owned()),
    }
}

/// The one resource that a filter on a unique attribute can find, if it is there.
pub(crate) fn at_most_one(answer: &Answer) -> Result<Option<Value>, String> {
    let page = page(answer)?;
    match page.resources.as_slice() {
        [] if page.total == 0 => Ok(None),
        [one] if page.total == 1 => Ok(Some(one.clone())),
        many => Err(format!("the filter found {} and {} of them came back", page.total, many.len())),
    }
}

/// Nobody.
pub(crate) fn nobody(answer: &Answer) -> Result<(), String> {
    match at_most_one(answer)? {
        None => Ok(()),
        Some(found) => Err(format!("the filter found {}", found["id"])),
    }
}

/// The id of the resource that was made; `Location` and `meta.location` must agree.
pub(crate) fn created(answer: &Answer) -> Result<String, String> {
    let body = answer.resource(&[201])?;
    let id = match body["id"].as_str() {
        Some(id) if !id.is_empty() => id.to_owned(),
        Some(_) => return Err("the id is empty".to_owned()),
        None => return Err("the id must be a string".to_owned()),
    };
    let Some(location) = &answer.location else { return Err("there is no Location".to_owned()) };
    if body["meta"]["location"].as_str().is_some_and(|other| other != location) {
        return Err(format!("Location is {location:?} but meta.location {}", body["meta"]["location"]));
    }
    Ok(id)
}

/// A user that was read: an object with its `userName`.
pub(crate) fn user(answer: &Answer) -> Result<Value, String> {
    let body = answer.resource(&[200])?;
    match body["userName"].as_str() {
        Some(_) => Ok(body.clone()),
        None => Err("the user has no userName".to_owned()),
    }
}

/// An update's answer: 200 with the user, or 204 where `statuses` has it. The user has the same id,
/// `active` a boolean (and this one, if the update was about it), and `manager` an object.
pub(crate) fn updated_user(
    answer: &Answer,
    statuses: &[u16],
    id: &str,
    active: Option<bool>,
) -> Result<(), String> {
    let Some(body) = answer.accept(statuses)? else { return Ok(()) };
    if body["id"] != id {
        return Err(format!("the answer is another user, {}", body["id"]));
    }
    match (&body["active"], active) {
        (Value::Bool(is), Some(wanted)) if *is != wanted => {
            return Err(format!("active is {is} after it was set to {wanted}"));
        }
        (Value::Bool(_), _) | (Value::Null, None) => {}
        _ => return Err("active must be a boolean".to_owned()),
    }
    manager_object(&body[ENTERPRISE]["manager"])
}

fn manager_object(manager: &Value) -> Result<(), String> {
    match manager.is_null() || manager["value"].is_string() {
        true => Ok(()),
        false => Err("manager must be an object with a value".to_owned()),
    }
}

/// A group's update: 200 with that group, or 204 where `statuses` has it.
pub(crate) fn updated_group(answer: &Answer, statuses: &[u16], id: &str) -> Result<(), String> {
    match answer.accept(statuses)? {
        Some(body) if body["id"] != id => Err(format!("the answer is another group, {}", body["id"])),
        _ => Ok(()),
    }
}

/// 204, or 200.
pub(crate) fn deleted(answer: &Answer) -> Result<(), String> {
    match answer.status {
        200 | 204 => Ok(()),
        _ => Err("expected 204".to_owned()),
    }
}

/// This status and no other.
pub(crate) fn status(wanted: u16) -> impl FnOnce(&Answer) -> Result<(), String> {
    move |answer| {
        if answer.status == wanted { Ok(()) } else { Err(format!("expected {wanted}")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: Option<Value>) -> Answer {
        Answer {
            ask: Ask::new("asks", "GET", "/Users", None),
            accepted: "application/scim+json".to_owned(),
            status,
            content_type: Some("application/scim+json".to_owned()),
            location: Some("https://host/Users/u".to_owned()),
            is_empty: body.is_none(),
            body,
        }
    }

    #[test]
    fn a_list_is_what_the_products_need() {
        let schemas = json!([LIST_RESPONSE]);
        let table = [
            (200, json!({"schemas": schemas, "totalResults": 0, "Resources": []}), Ok(0)),
            (200, json!({"schemas": schemas, "totalResults": 0}), Ok(0)),
            (200, json!({"schemas": schemas, "totalResults": 1, "Resources": [{}]}), Ok(1)),
            (
                200,
                json!({"schemas": schemas, "totalResults": "1", "Resources": [{}]}),
                Err("totalResults must be an integer"),
            ),
            (
                200,
                json!({"schemas": schemas, "totalResults": 0, "startIndex": "1"}),
                Err("startIndex must be an integer"),
            ),
            (200, json!({"schemas": schemas, "totalResults": 1}), Err("Resources must be an array")),
            (200, json!({"totalResults": 0}), Err("a query must be answered with a ListResponse")),
            (401, json!({"detail": "no such token"}), Err("expected 200; it says: no such token")),
        ];
        for (status, body, expected) in table {
            let found = page(&answer(status, Some(body.clone()))).map(|page| page.resources.len());
            assert_eq!(found, expected.map_err(str::to_owned), "{body}");
        }
    }

    #[test]
    fn a_user_that_would_confuse_the_provider_is_refused() {
        let table = [
            (json!({"id": "u", "active": false}), Some(false), true),
            (json!({"id": "u", "active": true}), Some(false), false),
            (json!({"id": "u", "active": "False"}), Some(false), false),
            (json!({"id": "v", "active": false}), Some(false), false),
            (json!({"id": "u", "active": true, ENTERPRISE: {"manager": "m"}}), None, false),
            (json!({"id": "u", "active": true, ENTERPRISE: {"manager": {"value": "m"}}}), None, true),
        ];
        for (body, active, fine) in table {
            let verdict = updated_user(&answer(200, Some(body.clone())), &[200], "u", active);
            assert_eq!(verdict.is_ok(), fine, "{body}");
        }
        assert!(updated_user(&answer(204, None), &[200, 204], "u", Some(false)).is_ok());
        assert!(updated_user(&answer(204, None), &[200], "u", Some(false)).is_err());
    }

    #[test]
    fn what_was_made_has_an_id_and_a_place() {
        let made = |body| created(&answer(201, Some(body)));
        assert_eq!(made(json!({"id": "u"})), Ok("u".to_owned()));
        assert!(made(json!({"id": ""})).is_err());
        assert!(made(json!({"id": 7})).is_err());
        assert!(made(json!({"id": "u", "meta": {"location": "https://other/Users/u"}})).is_err());
        assert!(created(&Answer { location: None, ..answer(201, Some(json!({"id": "u"}))) }).is_err());
        assert!(created(&answer(200, Some(json!({"id": "u"})))).is_err());
    }

    #[test]
    fn errors_and_media_types_are_held_to_the_standard() {
        let failed = |answer: &Answer| {
            common(answer)
                .into_iter()
                .filter(|(_, verdict)| verdict.is_err())
                .map(|(check, _)| check)
                .collect::<Vec<_>>()
        };
        let error = json!({"schemas": [ERROR], "status": "404", "detail": "not here"});
        assert_eq!(failed(&answer(404, Some(error.clone()))), []);
        assert_eq!(
            failed(&answer(404, Some(json!({"schemas": [ERROR], "status": 404})))),
            [Check::ErrorMessage]
        );
        assert_eq!(failed(&answer(404, Some(json!({"error": "no"})))), [Check::ErrorMessage]);
        let html = Answer { content_type: Some("text/html".to_owned()), ..answer(404, Some(error)) };
        assert_eq!(failed(&html), [Check::MediaType]);
        let plain =
            Answer { content_type: Some("application/json".to_owned()), ..answer(200, Some(json!({}))) };
        assert_eq!(failed(&plain), [Check::MediaType]);
        assert_eq!(failed(&Answer { accepted: "application/json".to_owned(), ..plain }), []);
        let leak = answer(200, Some(json!({"userName": "a", "password": "x"})));
        assert_eq!(failed(&leak), [Check::PasswordNeverReturned]);
    }
}
