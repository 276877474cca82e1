//! What must not be kept is taken out of a request before it is written: passwords, in any case and at any depth.

use serde_json::Value;

/// The attribute that no log may hold (RFC 7643 §4.1.1).
const PASSWORD: &str = "password";
/// Longer bodies are not looked into, and so not kept.
const LONGEST: usize = 4 << 20;

/// A body as it may be kept, at most so many bytes of it; and whether that is all. What is no JSON is kept only if
/// nothing in it looks like a password.
pub(super) fn body(bytes: &[u8], most: usize) -> (Option<String>, bool) {
    if bytes.is_empty() {
        return (None, true);
    }
    if bytes.len() > LONGEST {
        return (None, false);
    }
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            // Most bodies have none, and stay as they were sent.
            if mentions(bytes) {
                strip(&mut value);
                value.to_string()
            } else {
                String::from_utf8_lossy(bytes).into_owned()
            }
        }
        Err(_) if mentions(bytes) => return (None, false),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    // PostgreSQL's text cannot hold the character 0.
    let text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    cut(text, most)
}

/// The path and query of a request; a query that names a password is left out.
pub(super) fn path(path: String) -> String {
    let Some((before, query)) = path.split_once('?') else { return path };
    let decoded = percent(query);
    if mentions(decoded.as_slice()) { format!("{before}?(names a password)") } else { path }
}

fn percent(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// The beginning of a text, and whether it is all of it.
fn cut(mut text: String, most: usize) -> (Option<String>, bool) {
    if text.len() <= most {
        return (Some(text), true);
    }
    text.truncate(text.floor_char_boundary(most));
    (Some(text), false)
}

/// Whether it says the word in any case, or an escape could hide it.
fn mentions(bytes: &[u8]) -> bool {
    let word = PASSWORD.as_bytes();
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
        || bytes.windows(2).any(|w| w == b"\\u")
}

fn names(text: &str) -> bool {
    // `password`, `urn:…:User:password`, `urn:…:User.password`
    let last = text.rsplit([':', '.']).next().unwrap_or_default();
    last.trim().eq_ignore_ascii_case(PASSWORD)
}

/// Takes passwords out: members of objects, and the value of an operation on one.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !names(key));
            let is_of_one = map
                .iter()
                .any(|(key, value)| key.eq_ignore_ascii_case("path") && value.as_str().is_some_and(names));
            if is_of_one {
                map.retain(|key, _| !key.eq_ignore_ascii_case("value"));
            }
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        Value::String(text) => {
            // A filter may compare with one.
            if text.len() > PASSWORD.len() && mentions(text.as_bytes()) && text.contains('"') {
                *text = "(names a password)".to_owned();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_go_wherever_they_stand() {
        let secret = "tr0ub4dor";
        for given in [
            json!({"userName": "a", "password": secret}),
            json!({"userName": "a", "PassWord": {"value": secret}}),
            json!({"Operations": [{"op": "replace", "path": "password", "value": secret}]}),
            json!({"Operations": [{"Op": "Add", "Value": secret, "Path": "Password"}]}),
            json!({"Operations": [{"op": "replace", "value": {"password": secret, "title": "T"}}]}),
            json!({"Operations": [{"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:password": secret}}]}),
            json!({"Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:password", "value": [secret]}]}),
            json!({"Operations": [{"method": "POST", "path": "/Users", "data": {"password": secret}}]}),
            json!({"filter": format!("password eq \"{secret}\"")}),
        ] {
            let (kept, whole) = body(given.to_string().as_bytes(), 10_000);
            assert!(whole && !kept.unwrap().contains(secret), "{given}");
        }
        // Hidden by an escape, and in what is no JSON.
        let (kept, _) = body(br#"{"p\u0061ssword":"tr0ub4dor"}"#, 10_000);
        assert_eq!(kept.as_deref(), Some("{}"));
        assert_eq!(body(br#"{"password":"tr0ub4dor""#, 10_000), (None, false));
        for (given, expected) in [
            ("/Users?filter=password%20eq%20%22x%22", "/Users?(names a password)"),
            ("/Users?filter=%70assword+eq+%22x%22", "/Users?(names a password)"),
            ("/Users?filter=userName%20eq%20%22x%22", "/Users?filter=userName%20eq%20%22x%22"),
            ("/Users/usr_1", "/Users/usr_1"),
        ] {
            assert_eq!(path(given.to_owned()), expected);
        }
    }

    #[test]
    fn what_has_none_stays_as_it_was_and_is_cut() {
        let given = br#"{ "userName" : "a",  "n":1.50 }"#;
        assert_eq!(body(given, 1_000).0.unwrap().as_bytes(), given);
        assert_eq!(body("{\"a\":\"\u{fc}\u{fc}\"}".as_bytes(), 7), (Some("{\"a\":\"".to_owned()), false));
        assert_eq!(body(b"", 10), (None, true));
        assert_eq!(body(b"a\0b", 10), (Some("a\u{fffd}b".to_owned()), true));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>, most in 0..50_usize, text: String) {
            let (kept, _) = body(&bytes, most);
            prop_assert!(kept.is_none_or(|kept| kept.len() <= most.max(3)));
            path(text);
        }
    }
}
