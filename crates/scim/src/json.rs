//! Reading a body: bytes in, a JSON value out, in one pass and within bounds.
//!
//! serde_json alone would keep the last of two equal keys and accept any depth up to its own limit. A visitor
//! of our own refuses duplicate keys (also when they differ only by case, since attribute names ignore case:
//! RFC 7643 §2.1), counts the depth, and refuses numbers that a 64-bit value cannot hold.

use std::{collections::HashSet, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{ScimError, excerpt};

/// Bounds of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and objects may nest.
    pub max_depth: usize,
    /// The size of the body in bytes.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: 64, max_bytes: 16 * 1024 * 1024 }
    }
}

/// Reads any JSON value. A UTF-8 byte order mark is tolerated.
///
/// # Errors
/// 413 beyond `max_bytes`, else 400 `invalidSyntax`.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, ScimError> {
    if bytes.len() > limits.max_bytes {
        return Err(ScimError::too_large(format!("The body is larger than {} bytes.", limits.max_bytes)));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ScimError::invalid_syntax(format!("The body is not UTF-8: {error}.")))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    Bounded { depth: limits.max_depth }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| ScimError::invalid_syntax(format!("The body is not acceptable JSON: {error}.")))
}

/// Reads a JSON object, which every SCIM message is.
///
/// # Errors
/// As [`parse`], and 400 `invalidSyntax` for anything but an object.
pub fn parse_object(bytes: &[u8], limits: &Limits) -> Result<Map<String, Value>, ScimError> {
    match parse(bytes, limits)? {
        Value::Object(map) => Ok(map),
        _ => Err(ScimError::invalid_syntax("The body must be a JSON object.")),
    }
}

/// How many more levels may be opened.
#[derive(Clone, Copy)]
struct Bounded {
    depth: usize,
}

impl Bounded {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // An integer that does not fit 64 bits arrives here too, already rounded.
        if value.abs() >= 18_446_744_073_709_551_615.0 {
            return Err(E::custom("number out of range"));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        let mut seen = SeenKeys::default();
        while let Some(key) = access.next_key::<String>()? {
            if !seen.insert(&map, &key) {
                return Err(de::Error::custom(format_args!("the key \"{}\" stands twice", excerpt(&key))));
            }
            let value = access.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// Which keys an object has had. Small objects, nearly all, are compared pairwise without allocating.
#[derive(Default)]
struct SeenKeys {
    lower: Option<HashSet<String>>,
}

impl SeenKeys {
    const SMALL: usize = 16;

    fn insert(&mut self, map: &Map<String, Value>, key: &str) -> bool {
        if self.lower.is_none() {
            if map.len() < Self::SMALL {
                return !map.keys().any(|known| known.eq_ignore_ascii_case(key));
            }
            self.lower = Some(map.keys().map(|known| known.to_ascii_lowercase()).collect());
        }
        self.lower.as_mut().is_some_and(|lower| lower.insert(key.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::error::ScimType;

    fn read(text: &str) -> Result<Value, ScimError> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn ordinary_bodies() {
        assert_eq!(
            read(r#"{"a":[1,-2,0.5,true,null,"é"]}"#),
            Ok(json!({"a": [1, -2, 0.5, true, null, "é"]}))
        );
        assert_eq!(read("\u{feff}{}"), Ok(json!({})));
        assert_eq!(parse_object(b"[]", &Limits::default()).unwrap_err().status, 400);
    }

    #[test]
    fn what_is_refused() {
        let wide = |last: &str| {
            let keys: Vec<String> = (0..40).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("{{{},\"{last}\":1}}", keys.join(","))
        };
        for text in [
            "",
            "{",
            "{} {}",
            "{'a':1}",
            r#"{"a":NaN}"#,
            r#"{"a":1e999}"#,
            r#"{"a":1e300}"#,
            r#"{"a":99999999999999999999999999}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"userName":"a","USERNAME":"a"}"#,
            r#"{"a":{"b":1,"B":2}}"#,
            r#"{"a":"\ud800"}"#,
            &wide("K7"),
        ] {
            assert_eq!(read(text).unwrap_err().scim_type, Some(ScimType::InvalidSyntax), "{text}");
        }
        assert!(read(&wide("k40")).is_ok());
        assert!(parse(b"{\"a\":\"\xff\"}", &Limits::default()).is_err());
        assert_eq!(parse(b"{}   ", &Limits { max_bytes: 4, ..Limits::default() }).unwrap_err().status, 413);
    }

    #[test]
    fn depth_is_capped_long_before_the_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(64)).is_ok());
        assert!(read(&nested(65)).is_err());
        assert!(read(&nested(1_000_000)).is_err());
        assert!(read(&"{\"a\":".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &Limits::default());
        }
    }
}
