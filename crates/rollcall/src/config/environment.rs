//! `ROLLCALL_SECTION__KEY` and `ROLLCALL_TOPLEVEL`. Text stays text where the key wants text;
//! elsewhere the value is read as JSON, or else as TOML.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ConfigError;

const PREFIX: &str = "ROLLCALL_";

/// Names that configure the command line, not the server.
const OTHERS: &[&str] = &["ROLLCALL_CONFIG"];

/// A value from the environment.
#[derive(Debug, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) value: Value,
}

/// The variables that set something, and a warning for each that nobody knows: container
/// platforms put names of their own beside ours.
pub(super) fn read(
    environment: impl IntoIterator<Item = (String, String)>,
    known: &BTreeMap<String, Value>,
) -> Result<(Vec<Variable>, Vec<String>), ConfigError> {
    let (mut variables, mut warnings) = (Vec::new(), Vec::new());
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if OTHERS.contains(&name.as_str()) {
            continue;
        }
        let key = rest.replace("__", ".").to_lowercase();
        let Some(default) = known.get(&key) else {
            warnings.push(format!("the environment's {name} sets nothing that is known; it is ignored"));
            continue;
        };
        let value = parse(&text, default)
            .ok_or_else(|| ConfigError(format!("environment {name}: the value is no {}", kind(default))))?;
        variables.push(Variable { name, key, value });
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((variables, warnings))
}

/// The value that `text` spells for a key with this default.
fn parse(text: &str, default: &Value) -> Option<Value> {
    match default {
        // What is unset by default is text: URLs and keys.
        Value::String(_) | Value::Null => Some(Value::String(text.to_owned())),
        _ => {
            let text = text.trim();
            let value = serde_json::from_str(text).ok().or_else(|| {
                let table: toml::Table = format!("value = {text}").parse().ok()?;
                serde_json::to_value(table.get("value")?).ok()
            })?;
            (std::mem::discriminant(&value) == std::mem::discriminant(default)).then_some(value)
        }
    }
}

fn kind(default: &Value) -> &'static str {
    match default {
        Value::Bool(_) => "boolean: write true or false",
        Value::Number(_) => "number",
        Value::Array(_) => "list: write it as [\"one\", \"two\"]",
        Value::Object(_) => "table",
        Value::Null | Value::String(_) => "text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_their_key_wants_them() {
        let table = [
            ("true", json!(false), Some(json!(true))),
            ("yes", json!(false), None),
            ("1", json!(false), None),
            ("30", json!(20), Some(json!(30))),
            ("1_000", json!(20), Some(json!(1000))),
            ("\"30\"", json!(20), None),
            (r#"["127.0.0.0/8"]"#, json!([]), Some(json!(["127.0.0.0/8"]))),
            ("['127.0.0.0/8',]", json!([]), Some(json!(["127.0.0.0/8"]))),
            ("127.0.0.0/8", json!([]), None),
            ("12345", json!("text"), Some(json!("12345"))),
            (
                "12345678901234567890123456789012",
                Value::Null,
                Some(json!("12345678901234567890123456789012")),
            ),
        ];
        for (text, default, expected) in table {
            assert_eq!(parse(text, &default), expected, "{text}");
        }
    }
}
