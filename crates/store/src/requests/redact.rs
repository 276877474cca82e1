//! What must not be kept is taken out of a request before it is written: passwords, however they are spelt.
//!
//! A request from which something was taken is not the one that was sent, and says so: it is not tried again.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The attribute that no log may hold (RFC 7643 §4.1.1).
const PASSWORD: &str = "password";
/// Longer bodies are not looked into, and so not kept.
const LONGEST: usize = 4 << 20;
/// What stands for what was taken.
const TAKEN: &str = "(names a password)";

/// What is kept of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) text: Option<String>,
    /// The end is missing, or all of it.
    pub(super) cut: bool,
    /// It would mean something else to a server.
    pub(super) changed: bool,
}

/// A body as it may be kept, at most so many bytes of it. What is no JSON is kept only if nothing in it looks like a
/// password.
pub(super) fn body(bytes: &[u8], most: usize) -> Kept {
    let nothing = Kept { text: None, cut: true, changed: false };
    if bytes.is_empty() {
        return Kept::default();
    }
    if bytes.len() > LONGEST {
        return nothing;
    }
    let plain = || String::from_utf8_lossy(bytes).into_owned();
    // Most bodies have none, and stay as they were sent.
    if !mentions(bytes) && !bytes.windows(2).any(|w| w == b"\\u") {
        return cut(plain(), most, false);
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
        return if mentions(bytes) { nothing } else { cut(plain(), most, false) };
    };
    // A name that stands twice hides what stood first.
    if count(bytes) > count(value.to_string().as_bytes()) {
        return nothing;
    }
    let mut changed = false;
    if strip(&mut value, &mut changed) {
        cut(value.to_string(), most, changed)
    } else {
        cut(plain(), most, false)
    }
}

/// The path and query of a request. A filter that compares with a password is left out.
pub(super) fn path(path: String) -> Kept {
    let (before, query) = path.split_once('?').unwrap_or((&path, ""));
    if mentions(&percent(before)) {
        return Kept { text: Some(TAKEN.to_owned()), cut: false, changed: true };
    }
    let compares = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let harmless = ["attributes", "excludedattributes", "sortby"];
        let name = String::from_utf8_lossy(&percent(name)).to_ascii_lowercase();
        !harmless.contains(&name.as_str()) && names_one(&String::from_utf8_lossy(&percent(value)))
    };
    // Entra ID's flag puts a second question mark into the query.
    if query.split(['&', '?']).any(compares) {
        return Kept { text: Some(format!("{before}?{TAKEN}")), cut: false, changed: true };
    }
    Kept { text: Some(path), cut: false, changed: false }
}

fn percent(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

/// The beginning of a text. PostgreSQL's text cannot hold the character 0.
fn cut(text: String, most: usize, changed: bool) -> Kept {
    let changed = changed || text.contains('\0');
    let mut text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    let cut = text.len() > most;
    if cut {
        text.truncate(text.floor_char_boundary(most));
    }
    Kept { text: Some(text), cut, changed }
}

fn count(bytes: &[u8]) -> usize {
    let word = PASSWORD.as_bytes();
    bytes.windows(word.len()).filter(|window| window.eq_ignore_ascii_case(word)).count()
}

/// Whether it says the word, in any case.
fn mentions(bytes: &[u8]) -> bool {
    count(bytes) > 0
}

/// Whether a filter or a path names the attribute: says the word outside of the strings that it compares with.
fn names_one(text: &str) -> bool {
    let (mut outside, mut quoted, mut escaped) = (String::with_capacity(text.len()), false, false);
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted => outside.push(character),
            _ => {}
        }
    }
    // Where a string does not end, nothing is sure.
    mentions(if quoted { text } else { &outside }.as_bytes())
}

/// Takes passwords out: members of such a name, what stands beside a member that names one, and filters that do. Whether
/// something was taken; `changed` if a server would take the rest for something else.
fn strip(value: &mut Value, changed: &mut bool) -> bool {
    match value {
        Value::Object(map) => {
            let before = map.len();
            map.retain(|key, _| !mentions(key.as_bytes()));
            let mut taken = map.len() < before;
            // `path`, `attribute`, `name` … of an operation, in whatever form.
            let has_value = map.keys().any(|key| is_value(key));
            if has_value && map.iter().any(|(key, value)| !is_value(key) && says_one(value)) {
                map.retain(|key, _| !is_value(key));
                *changed = true;
                taken = true;
            }
            taken | strip_all(map, changed)
        }
        Value::Array(list) => list.iter_mut().fold(false, |taken, one| taken | strip(one, changed)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn strip_all(map: &mut Map<String, Value>, changed: &mut bool) -> bool {
    let mut taken = false;
    for (key, value) in map.iter_mut() {
        taken |= match value {
            // A filter or a path that compares with one.
            Value::String(text)
                if !is_value(key) && is_expression(key) && names_one(text) && text.contains(['"', ' ']) =>
            {
                TAKEN.clone_into(text);
                *changed = true;
                true
            }
            value => strip(value, changed),
        };
    }
    taken
}

fn is_value(key: &str) -> bool {
    key.eq_ignore_ascii_case("value")
}

/// Members that hold a filter or a path, or the URL of a bulk operation.
fn is_expression(key: &str) -> bool {
    ["path", "filter"].iter().any(|name| key.eq_ignore_ascii_case(name))
}

/// Whether a member of an operation says which attribute it is about, and that is a password.
fn says_one(value: &Value) -> bool {
    match value {
        Value::String(text) => names_one(text),
        Value::Array(list) => list.iter().any(|one| one.as_str().is_some_and(names_one)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SECRET: &str = "tr0ub4dor";

    #[test]
    fn passwords_go_wherever_they_stand() {
        let patch = |path: Value| json!({"Operations": [{"op": "replace", "path": path, "value": SECRET}]});
        let mut given = vec![
            json!({"userName": "a", "password": SECRET}),
            json!({"userName": "a", "PassWord": {"value": SECRET}}),
            json!({"userName": "a", "newPassword": SECRET}),
            json!({"Operations": [{"Op": "Add", "Value": SECRET, "Path": "Password"}]}),
            json!({"Operations": [{"op": "replace", "value": {"password": SECRET, "title": "T"}}]}),
            json!({"Operations": [{"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:password": SECRET}}]}),
            json!({"Operations": [{"op": "add", "value": [{"name": "password", "value": SECRET}]}]}),
            json!({"Operations": [{"op": "add", "attribute": "password", "value": SECRET}]}),
            json!({"Operations": [{"method": "POST", "path": "/Users", "data": {"password": SECRET}}]}),
            json!({"Operations": [{"method": "PATCH", "path": "/Users/1", "data": patch(json!("password.value"))}]}),
            json!({"filter": format!("password eq \"{SECRET}\"")}),
            json!({"filter": format!("title pr and Password sw \"{SECRET}")}),
        ];
        given.extend(
            [
                json!("password"),
                json!("urn:ietf:params:scim:schemas:core:2.0:User:password"),
                json!("password.value"),
                json!("password[type eq \"work\"].value"),
                json!("password eq \"x\""),
                json!("\"password"),
                json!("/password"),
                json!(["password"]),
                json!("password ,title"),
            ]
            .map(patch),
        );
        for given in given {
            let kept = body(given.to_string().as_bytes(), 10_000);
            assert!(!kept.cut && !kept.text.clone().unwrap().contains(SECRET), "{given}: {kept:?}");
        }
        // Hidden by an escape, by a name that stands twice, and in what is no JSON.
        assert_eq!(body(br#"{"p\u0061ssword":"tr0ub4dor"}"#, 10_000).text.as_deref(), Some("{}"));
        for hidden in [
            &br#"{"op":"replace","path":"password","value":"tr0ub4dor","path":"title"}"#[..],
            br#"{"password":"tr0ub4dor","password":1,"x":"tr0ub4dor"}"#,
            br#"{"password":"tr0ub4dor""#,
        ] {
            assert!(!body(hidden, 10_000).text.is_some_and(|text| text.contains(SECRET)));
        }
        for (given, expected) in [
            ("/Users?filter=password%20eq%20%22x%22", "/Users?(names a password)"),
            ("/Users?filter=%70assword+eq+%22x%22", "/Users?(names a password)"),
            ("?aadOptscim062020/Users?filter=Password%20eq%20%22x%22", "?(names a password)"),
            ("/Users/password=x", "(names a password)"),
        ] {
            let kept = path(given.to_owned());
            assert_eq!((kept.text.as_deref(), kept.changed), (Some(expected), true), "{given}");
        }
    }

    #[test]
    fn what_has_none_stays_as_it_was() {
        let given = br#"{ "userName" : "a",  "n":1.50 }"#;
        assert_eq!(body(given, 1_000).text.unwrap().as_bytes(), given);
        for given in [
            json!({"userName": "password@x.test", "displayName": "The Password Team"}),
            json!({"filter": "userName eq \"password@x.test\""}),
            json!({"Operations": [{"op": "replace", "path": "emails[value eq \"password@x.test\"].type", "value": "work"}]}),
        ] {
            let kept = body(given.to_string().as_bytes(), 1_000);
            assert_eq!(kept, Kept { text: Some(given.to_string()), cut: false, changed: false });
        }
        for given in [
            "/Users?filter=userName%20eq%20%22password@x.test%22",
            "/Users?attributes=password&sortBy=password",
            "/Users/usr_1",
        ] {
            assert_eq!(
                path(given.to_owned()),
                Kept { text: Some(given.to_owned()), cut: false, changed: false }
            );
        }
        let kept = body("{\"a\":\"\u{fc}\u{fc}\"}".as_bytes(), 7);
        assert_eq!(kept, Kept { text: Some("{\"a\":\"".to_owned()), cut: true, changed: false });
        assert_eq!(body(b"", 10), Kept::default());
        assert_eq!(body(b"a\0b", 10).text.as_deref(), Some("a\u{fffd}b"));
    }

    #[test]
    fn what_was_changed_says_so() {
        let changed = |given: Value| body(given.to_string().as_bytes(), 1_000).changed;
        assert!(!changed(json!({"userName": "a", "password": "x"})), "a creation is the same without");
        assert!(changed(json!({"Operations": [{"op": "replace", "path": "password", "value": "x"}]})));
        assert!(changed(json!({"filter": "password eq \"x\""})));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>, most in 0..50_usize, text: String) {
            let kept = body(&bytes, most);
            prop_assert!(kept.text.is_none_or(|kept| kept.len() <= most.max(3)));
            path(text);
        }

        #[test]
        fn no_operation_on_a_password_keeps_its_value(
            path in "[ /.\\[\"a-z]{0,6}[pP]assword[ .,\\]a-z]{0,6}", key in "(path|Path|attribute|name|ref)",
        ) {
            let given = json!({"Operations": [{"op": "replace", key: path, "value": SECRET}]}).to_string();
            let kept = body(given.as_bytes(), 1_000);
            prop_assert!(!kept.text.unwrap_or_default().contains(SECRET), "{given}");
        }
    }
}
