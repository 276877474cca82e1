//! A list request, by GET or by `.search`: RFC 7644 §3.4.2, §3.4.3.

use serde_json::{Map, Value};

use crate::{
    compat::Rules,
    error::ScimError,
    filter::{Filter, parse_filter},
    kind::ResourceKind,
    project::Projection,
    schema::SEARCH_REQUEST,
    sort::Sort,
};

/// A list request.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// Which resources.
    pub filter: Option<Filter>,
    /// In which order; by creation if absent.
    pub sort: Option<Sort>,
    /// 1-based place of the first.
    pub start_index: u64,
    /// At most this many, never above the server's maximum; 0 asks only for the total. `None`: as many as the
    /// server gives by default.
    pub count: Option<u64>,
    /// Which attributes.
    pub projection: Projection,
}

/// The parameters, as text.
#[derive(Default)]
struct Raw {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i128>,
    count: Option<i128>,
    attributes: Option<String>,
    excluded: Option<String>,
}

impl Raw {
    fn into_query(self, kind: ResourceKind, rules: &Rules, max_results: u64) -> Result<ListQuery, ScimError> {
        let filter = self.filter.map(|text| parse_filter(&text, kind, rules)).transpose()?;
        let sort = match self.sort_by.filter(|by| !by.trim().is_empty()) {
            Some(by) => Some(Sort::parse(&by, self.sort_order.as_deref(), kind)?),
            None => None,
        };
        let at_least = |number: i128, least: i128| u64::try_from(number.max(least)).unwrap_or(u64::MAX);
        Ok(ListQuery {
            filter,
            sort,
            start_index: self.start_index.map_or(1, |number| at_least(number, 1)),
            count: self.count.map(|number| at_least(number, 0).min(max_results)),
            projection: Projection::parse(self.attributes.as_deref(), self.excluded.as_deref(), kind)?,
        })
    }
}

impl ListQuery {
    /// Reads decoded query parameters. Names are taken in any case, unknown ones are ignored, and of a repeated
    /// one the first counts.
    ///
    /// # Errors
    /// 400 `invalidFilter`; `invalidPath` for `sortBy`; `invalidValue` for the others.
    pub fn parse(
        pairs: impl IntoIterator<Item = (String, String)>,
        kind: ResourceKind,
        rules: &Rules,
        max_results: u64,
    ) -> Result<Self, ScimError> {
        let mut raw = Raw::default();
        for (name, value) in pairs {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("filter") {
                raw.filter.get_or_insert(value);
            } else if is("sortBy") {
                raw.sort_by.get_or_insert(value);
            } else if is("sortOrder") {
                raw.sort_order.get_or_insert(value);
            } else if is("attributes") {
                raw.attributes.get_or_insert(value);
            } else if is("excludedAttributes") {
                raw.excluded.get_or_insert(value);
            } else if is("startIndex") {
                raw.start_index = raw.start_index.or(number("startIndex", &value)?);
            } else if is("count") {
                raw.count = raw.count.or(number("count", &value)?);
            }
        }
        raw.into_query(kind, rules, max_results)
    }

    /// Reads the body of a `.search` request. `attributes` and `excludedAttributes` may be lists or, as in a
    /// query, comma-separated.
    ///
    /// # Errors
    /// As [`ListQuery::parse`], and 400 `invalidSyntax` for a body that is no SearchRequest.
    pub fn from_search_request(
        body: &Map<String, Value>,
        kind: ResourceKind,
        rules: &Rules,
        max_results: u64,
    ) -> Result<Self, ScimError> {
        let mut raw = Raw::default();
        let mut named = false;
        for (name, value) in body {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if value.is_null() {
                continue;
            }
            if is("schemas") {
                named = value.as_array().is_some_and(|urns| {
                    urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(SEARCH_REQUEST))
                });
            } else if is("filter") {
                raw.filter = Some(text("filter", value)?);
            } else if is("sortBy") {
                raw.sort_by = Some(text("sortBy", value)?);
            } else if is("sortOrder") {
                raw.sort_order = Some(text("sortOrder", value)?);
            } else if is("attributes") {
                raw.attributes = Some(list("attributes", value)?);
            } else if is("excludedAttributes") {
                raw.excluded = Some(list("excludedAttributes", value)?);
            } else if is("startIndex") {
                raw.start_index = integer("startIndex", value)?;
            } else if is("count") {
                raw.count = integer("count", value)?;
            }
        }
        if !named {
            return Err(ScimError::invalid_syntax(format!("A search lists the schema {SEARCH_REQUEST}.")));
        }
        raw.into_query(kind, rules, max_results)
    }
}

fn number(name: &str, text: &str) -> Result<Option<i128>, ScimError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| not_a_number(name))
}

fn not_a_number(name: &str) -> ScimError {
    ScimError::invalid_value(format!("\"{name}\" must be a whole number."))
}

fn integer(name: &str, value: &Value) -> Result<Option<i128>, ScimError> {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            whole.map(Some).ok_or_else(|| not_a_number(name))
        }
        Value::String(text) => number(name, text),
        _ => Err(not_a_number(name)),
    }
}

fn text(name: &str, value: &Value) -> Result<String, ScimError> {
    let text =
        value.as_str().ok_or_else(|| ScimError::invalid_value(format!("\"{name}\" must be a string.")))?;
    Ok(text.to_owned())
}

fn list(name: &str, value: &Value) -> Result<String, ScimError> {
    let Value::Array(items) = value else { return text(name, value) };
    let names: Result<Vec<String>, ScimError> = items.iter().map(|item| text(name, item)).collect();
    Ok(names?.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ScimType;

    fn query(pairs: &[(&str, &str)]) -> Result<ListQuery, ScimError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ListQuery::parse(pairs, ResourceKind::User, &Rules::default(), 200)
    }

    fn search(body: &Value) -> Result<ListQuery, ScimError> {
        let body = body.as_object().unwrap();
        ListQuery::from_search_request(body, ResourceKind::User, &Rules::default(), 200)
    }

    #[test]
    fn paging_is_clamped() {
        for (start, count, expected) in [
            ("", "", (1, None)),
            ("0", "10", (1, Some(10))),
            ("-5", "-1", (1, Some(0))),
            ("7", "0", (7, Some(0))),
            ("26", "5000", (26, Some(200))),
            ("99999999999999999999999", "99999999999999999999999", (u64::MAX, Some(200))),
        ] {
            let query = query(&[("startIndex", start), ("COUNT", count)]).unwrap();
            assert_eq!((query.start_index, query.count), expected, "{start} {count}");
        }
        for bad in ["x", "1.5", "1e3"] {
            let error = query(&[("count", bad)]).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
            assert!(query(&[("startIndex", bad)]).is_err());
        }
    }

    #[test]
    fn the_rest_of_a_query() {
        assert_eq!(query(&[("aadOptscim062020", ""), ("", "")]), query(&[]));
        assert_eq!(query(&[("sortOrder", "sideways")]), query(&[]));
        assert!(query(&[("sortBy", "userName"), ("sortOrder", "sideways")]).is_err());
        assert_eq!(query(&[("filter", "")]).unwrap_err().scim_type, Some(ScimType::InvalidFilter));
        assert!(query(&[("sortBy", "title")]).unwrap().sort.is_some());
        assert!(query(&[("attributes", "id")]).unwrap().projection.is_selection());
    }

    #[test]
    fn a_search_is_the_same_query() {
        let by_get = query(&[
            ("filter", "userName sw \"a\""),
            ("startIndex", "2"),
            ("count", "10"),
            ("attributes", "userName,title"),
        ]);
        for attributes in [json!(["userName", "title"]), json!("userName,title")] {
            let body = json!({"schemas": [SEARCH_REQUEST], "filter": "userName sw \"a\"", "startIndex": 2,
                              "count": "10", "attributes": attributes, "sortBy": null});
            assert_eq!(search(&body), by_get);
        }
        assert_eq!(search(&json!({})).unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
        for body in [json!({"count": 1.5}), json!({"filter": 1}), json!({"attributes": [1]})] {
            let mut body = body;
            body["schemas"] = json!([SEARCH_REQUEST]);
            assert!(search(&body).is_err(), "{body}");
        }
    }
}
