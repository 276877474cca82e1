//! What serde says of a body, in the words of JSON. Serde's own messages name Rust's types and
//! change with its versions, so nothing of them is handed on that is not understood here.

/// What is wrong with a value, by serde's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// A field is missing.
    Missing(&'a str),
    /// A field is not known; these are.
    Unknown(&'a str, Vec<&'a str>),
    /// A field is there twice.
    Twice(&'a str),
    /// The value is not allowed: "must be a string, not a number".
    Value(String),
}

impl<'a> Fault<'a> {
    /// Reads a message of serde_json, of the category `Data`, without its place.
    pub(crate) fn read(message: &'a str) -> Self {
        if let Some((name, _)) = quoted_after(message, "missing field ") {
            return Self::Missing(name);
        }
        if let Some((name, rest)) = quoted_after(message, "unknown field ") {
            return Self::Unknown(name, quoted(rest));
        }
        if let Some((name, _)) = quoted_after(message, "duplicate field ") {
            return Self::Twice(name);
        }
        Self::Value(value(message))
    }
}

fn value(message: &str) -> String {
    // The last one: what was found may be a string that says anything.
    let parts = |rest: &'static str| message.strip_prefix(rest)?.rsplit_once(", expected ");
    if let Some((found, wanted)) = parts("invalid type: ") {
        return format!("must be {}, not {}", wanted_in_json(wanted), found_in_json(found));
    }
    if let Some((_, wanted)) = parts("invalid value: ") {
        return format!("must be {}", wanted_in_json(wanted));
    }
    // The words of `field`, which are meant for people.
    if message.starts_with("must be ") {
        return message.to_owned();
    }
    "is not allowed".to_owned()
}

fn wanted_in_json(wanted: &str) -> &str {
    match wanted {
        "a sequence" => "a list",
        "a map" => "an object",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a number",
        _ if wanted.starts_with("struct ") => "an object",
        _ => wanted,
    }
}

fn found_in_json(found: &str) -> &'static str {
    match found.split([' ', '`']).next() {
        Some("null" | "unit") => "null",
        Some("boolean") => "a boolean",
        Some("integer" | "floating" | "number") => "a number",
        Some("string" | "character") => "a string",
        Some("sequence") => "a list",
        Some("map" | "struct") => "an object",
        _ => "that",
    }
}

/// Why a text is no JSON: "it ends too early".
pub(crate) fn not_json(message: &str) -> String {
    let why = match message {
        _ if message.starts_with("EOF while parsing") => "it ends too early",
        "expected value" => "a value is expected",
        "trailing characters" => "there is more after its end",
        "trailing comma" => "there is a comma too many",
        "recursion limit exceeded" => "it is nested too deeply",
        "number out of range" => "a number is too large",
        "key must be a string" => "the name of a field must be a string",
        _ if message.starts_with("control character") => {
            "a string has a control character that is not escaped"
        }
        // "expected `,` or `}`"
        _ if message.starts_with("expected `") => {
            return format!("{} is expected", &message["expected ".len()..]);
        }
        _ => "it cannot be understood",
    };
    why.to_owned()
}

/// The name in backticks that follows `start`, if the message begins with it, and the rest.
fn quoted_after<'a>(message: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let rest = message.strip_prefix(start)?.strip_prefix('`')?;
    // A name that the caller made up may have backticks; the names that are expected have none.
    let end = rest
        .rfind("`, expected ")
        .or_else(|| rest.rfind("`, there are no fields"))
        .or_else(|| rest.rfind('`'))?;
    Some((&rest[..end], &rest[end + 1..]))
}

/// Everything that is in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_serde_are_understood() {
        let value = |text: &str| Fault::Value(text.to_owned());
        let table = [
            ("missing field `url`", Fault::Missing("url")),
            ("duplicate field `url`", Fault::Twice("url")),
            ("unknown field `a`, expected `b`", Fault::Unknown("a", vec!["b"])),
            ("unknown field `a`, expected `b` or `c`", Fault::Unknown("a", vec!["b", "c"])),
            ("unknown field `a`, expected one of `b`, `c`, `d`", Fault::Unknown("a", vec!["b", "c", "d"])),
            ("unknown field `a`, there are no fields", Fault::Unknown("a", vec![])),
            ("unknown field `a`b`, expected `c`", Fault::Unknown("a`b", vec!["c"])),
            ("invalid type: integer `5`, expected a string", value("must be a string, not a number")),
            ("invalid type: null, expected a sequence", value("must be a list, not null")),
            ("invalid type: sequence, expected a map", value("must be an object, not a list")),
            (
                "invalid type: string \", expected x\", expected a boolean",
                value("must be a boolean, not a string"),
            ),
            ("invalid type: map, expected a string", value("must be a string, not an object")),
            ("invalid value: integer `-1`, expected u32", value("must be a number")),
            ("must be one of a, b, not `c`", value("must be one of a, b, not `c`")),
            ("invalid length 3, expected fewer elements in sequence", value("is not allowed")),
        ];
        for (message, fault) in table {
            assert_eq!(Fault::read(message), fault, "{message}");
        }
    }
}
