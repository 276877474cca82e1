//! The effective configuration as TOML that could be a file, with where each value came from.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::{Loaded, keys};

/// Where the comments begin, if the line is short enough.
const COMMENT_COLUMN: usize = 44;

/// Writes every key, defaults included. Secrets are not shown.
pub(crate) fn print(loaded: &Loaded) -> String {
    let tree = serde_json::to_value(&loaded.settings).unwrap_or_default();
    let mut out = String::from("# The effective configuration. Each value with where it came from.\n");
    let Value::Object(fields) = tree else { return out };
    let (sections, top): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(_, value)| value.is_object());
    for (name, value) in &top {
        line(&mut out, name, name, value, &loaded.origins);
    }
    for (section, value) in &sections {
        print_section(&mut out, section, value, &loaded.origins);
    }
    out
}

/// A section, and then those in it.
fn print_section(out: &mut String, section: &str, value: &Value, origins: &BTreeMap<String, String>) {
    let _ = writeln!(out, "\n[{section}]");
    let mut inner = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let key = format!("{section}.{name}");
        if value.is_object() && !keys::TABLES.contains(&key.as_str()) {
            inner.push((key, value));
        } else if key != "store.data_dir" {
            line(out, &key, name, value, origins);
        }
    }
    for (section, value) in inner {
        print_section(out, &section, value, origins);
    }
}

fn line(out: &mut String, key: &str, name: &str, value: &Value, origins: &BTreeMap<String, String>) {
    let origin = origins.get(key).map_or("default", String::as_str);
    let shown = match (key, value) {
        (key, Value::String(_)) if keys::SECRETS.contains(&key) => format!("# {name} is set (not shown)"),
        (_, Value::Object(table)) if !table.is_empty() => {
            return of_table(out, name, table, origin);
        }
        (_, Value::Null) => format!("# {name} is not set"),
        (_, value) => match toml::Value::try_from(value) {
            Ok(value) => format!("{name} = {value}"),
            Err(_) => format!("# {name} = {value}"),
        },
    };
    let _ = writeln!(out, "{shown:<COMMENT_COLUMN$} # {origin}");
}

/// A table of its owner's names, one line for each; what may be a secret is not shown.
fn of_table(out: &mut String, name: &str, table: &serde_json::Map<String, Value>, origin: &str) {
    for (key, value) in table {
        let may_be_secret = ["password", "secret", "key.pem", "jaas", "token"];
        let shown = if may_be_secret.iter().any(|part| key.contains(part)) {
            format!("# {name}.{key:?} is set (not shown)")
        } else {
            format!("{name}.{key:?} = {value}")
        };
        let _ = writeln!(out, "{shown:<COMMENT_COLUMN$} # {origin}");
    }
}
