//! Sorting: RFC 7644 §3.4.2.3.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::{
    compat::{Dialect, Rules},
    error::{ScimError, excerpt},
    filter::parse_time,
    fold::folded,
    kind::ResourceKind,
    path::{AttrPath, Resolved, resolve},
    schema::{Attribute, DataType, Returned},
};

/// By what a list is sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The attribute; a complex one stands for its `value`.
    pub path: AttrPath,
    /// Largest first.
    pub descending: bool,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`.
    ///
    /// # Errors
    /// 400 `invalidPath` for what is no attribute or has no single value, `invalidValue` for another order.
    pub fn parse(by: &str, order: Option<&str>, kind: ResourceKind) -> Result<Self, ScimError> {
        let refuse = |what: &str| ScimError::invalid_path(format!("The sortBy \"{}\" {what}.", excerpt(by)));
        let Ok(Resolved::Attribute(path)) = resolve(by.trim(), kind, &mut Dialect::new(&Rules::default()))
        else {
            return Err(refuse("is not an attribute"));
        };
        if path.leaf().returned == Returned::Never {
            return Err(refuse("cannot be sorted by"));
        }
        let path = if path.leaf().is_complex() {
            let value = path.root().sub("value").ok_or_else(|| refuse("has parts; name one"))?;
            path.with_sub(value)
        } else {
            path
        };
        let descending = match order.map(str::trim) {
            None | Some("") => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(_) => {
                return Err(ScimError::invalid_value("The sortOrder is \"ascending\" or \"descending\"."));
            }
        };
        Ok(Self { path, descending })
    }

    /// Compares two full representations: those without a value last when ascending, first when descending;
    /// equal ones by `id`, ascending.
    #[must_use]
    pub fn compare(&self, a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
        let leaf = self.path.leaf();
        let ascending = match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => order(leaf, a, b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let by_key = if self.descending { ascending.reverse() } else { ascending };
        by_key.then_with(|| id(a).cmp(&id(b)))
    }

    /// The value to sort by: of several, the primary one's, else the first.
    fn value<'a>(&self, resource: &'a Map<String, Value>) -> Option<&'a Value> {
        let root = match self.path.schema {
            Some(urn) => resource.get(urn)?.get(self.path.attribute),
            None => resource.get(self.path.attribute),
        }?;
        let one = match root {
            Value::Array(items) => items
                .iter()
                .find(|item| item.get("primary") == Some(&Value::Bool(true)))
                .or_else(|| items.first())?,
            one => one,
        };
        match self.path.sub {
            Some(sub) => one.get(sub),
            None => Some(one),
        }
        .filter(|value| !value.is_null())
    }
}

fn id(resource: &Map<String, Value>) -> Option<&str> {
    resource.get("id")?.as_str()
}

fn order(leaf: &Attribute, a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => {
            if leaf.data_type == DataType::DateTime
                && let (Some(a), Some(b)) = (parse_time(a), parse_time(b))
            {
                return a.cmp(&b);
            }
            if leaf.case_exact { a.cmp(b) } else { folded(a).cmp(&folded(b)) }
        }
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(by: &str, order: &str) -> Vec<String> {
        let mut all: Vec<Map<String, Value>> = [
            json!({"id": "4", "userName": "b", "meta": {"created": "2026-01-01T01:00:00+02:00"}}),
            json!({"id": "1", "userName": "B", "emails": [{"value": "z"}, {"value": "a", "primary": true}]}),
            json!({"id": "2", "userName": "a", "meta": {"created": "2026-01-01T00:00:00Z"}}),
            json!({"id": "3", "userName": "C", "emails": [{"value": "M"}]}),
        ]
        .iter()
        .map(|value| value.as_object().cloned().unwrap())
        .collect();
        let sort = Sort::parse(by, Some(order), ResourceKind::User).unwrap();
        all.sort_by(|a, b| sort.compare(a, b));
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn orders() {
        assert_eq!(ids("userName", ""), ["2", "1", "4", "3"]);
        assert_eq!(ids("USERNAME", "Descending"), ["3", "1", "4", "2"]);
        assert_eq!(ids("emails", "ascending"), ["1", "3", "2", "4"]);
        assert_eq!(ids("emails.value", "descending"), ["2", "4", "3", "1"]);
        assert_eq!(ids("meta.created", "ascending"), ["4", "2", "1", "3"]);
    }

    #[test]
    fn refusals() {
        for (by, order) in
            [("nope", ""), ("name", ""), ("password", ""), ("addresses", ""), ("userName", "up"), ("", "")]
        {
            assert_eq!(
                Sort::parse(by, Some(order), ResourceKind::User).map_err(|e| e.status),
                Err(400),
                "{by}"
            );
        }
    }
}
