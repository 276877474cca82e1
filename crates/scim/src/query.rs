//! A list request, by GET or by `.search`: RFC 7644 §3.4.2, §3.4.3.
//!
//! A [`ListQuery`] asks for one kind of resources; [`AllQuery`] puts one question to both.

use serde_json::{Map, Value};

use crate::{
    compat::{Applied, Dialect, Rule, Rules},
    error::{ScimError, ScimType},
    filter::{Among, Filter, Parser},
    kind::ResourceKind,
    project::Projection,
    schema::SEARCH_REQUEST,
    sort::Sort,
};

/// The largest place in a list, as the answer repeats it: beyond 2^53 - 1 not every reader of JSON has whole
/// numbers (RFC 8259 §6).
const MAX_START_INDEX: u64 = (1 << 53) - 1;

/// A list request.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// Which resources.
    pub filter: Option<Filter>,
    /// In which order; by creation if absent.
    pub sort: Option<Sort>,
    /// 1-based place of the first, at most 2^53 - 1.
    pub start_index: u64,
    /// At most this many, never above the server's maximum; 0 asks only for the total. `None`: as many as the
    /// server gives by default.
    pub count: Option<u64>,
    /// Which attributes.
    pub projection: Projection,
    /// Set where the page is asked for by cursor; the place of the first resource then follows from it.
    pub cursor: Option<CursorRequest>,
}

/// A request for a page by cursor: RFC 9865.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorRequest {
    /// What the client sent, not checked; empty for the first page.
    pub cursor: String,
    /// The parameters that have to stay the same from page to page, in one text. `count` is not among them: that
    /// it changed is to be told apart.
    pub query: String,
}

/// What a request is read by.
#[derive(Clone, Copy, Debug)]
pub struct QueryTerms<'a> {
    /// Which dialect the sender may speak.
    pub rules: &'a Rules,
    /// The largest page.
    pub max_results: u64,
    /// The SCIM base URL without a trailing slash, which `meta.location` and every `$ref` begin with. Without it
    /// they cannot be compared.
    pub base_url: Option<&'a str>,
}

/// A request for users and groups at once (RFC 7644 §3.4.2.1), as one request for each kind. Both have the
/// `start_index` and the `count` of the whole, which is the users that match followed by the groups.
#[derive(Clone, Debug, PartialEq)]
pub struct AllQuery {
    /// Which users; `None` if none can match.
    pub users: Option<ListQuery>,
    /// Which groups; `None` if none can match.
    pub groups: Option<ListQuery>,
    /// See [`ListQuery::start_index`].
    pub start_index: u64,
    /// See [`ListQuery::count`].
    pub count: Option<u64>,
    /// See [`ListQuery::cursor`].
    pub cursor: Option<CursorRequest>,
}

/// The parameters, as text.
#[derive(Default)]
struct Raw {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i128>,
    /// Read only when it is known whether there is a cursor, which decides what is wrong with it.
    count: Option<Result<i128, ScimError>>,
    cursor: Option<String>,
    attributes: Option<String>,
    excluded: Option<String>,
}

impl Raw {
    fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, ScimError> {
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
                raw.count = raw.count.or(number("count", &value).transpose());
            } else if is("cursor") {
                raw.cursor.get_or_insert(value);
            }
        }
        Ok(raw)
    }

    fn of_search(body: &Map<String, Value>, dialect: &mut Dialect) -> Result<Self, ScimError> {
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
                raw.count = integer("count", value).transpose();
            } else if is("cursor") {
                raw.cursor = Some(text("cursor", value)?);
            }
        }
        if !named && !dialect.bend(Rule::ToleratePatchSchemas) {
            return Err(ScimError::invalid_syntax(format!("A search lists the schema {SEARCH_REQUEST}.")));
        }
        Ok(raw)
    }

    fn into_query(
        self,
        kind: ResourceKind,
        dialect: &mut Dialect,
        terms: &QueryTerms<'_>,
    ) -> Result<ListQuery, ScimError> {
        let base = terms.base_url;
        let filter =
            self.filter.as_deref().map(|text| Parser::filter(text, kind, base, dialect)).transpose()?;
        let sort = self.sort(kind)?;
        self.query(filter, sort, kind, &self.page(terms.max_results)?)
    }

    fn into_all_query(self, dialect: &mut Dialect, terms: &QueryTerms<'_>) -> Result<AllQuery, ScimError> {
        let sorts = match (self.sort(ResourceKind::User), self.sort(ResourceKind::Group)) {
            // Of two complaints, the one about the order is about something that was found.
            (Err(_), Err(error)) if error.scim_type == Some(ScimType::InvalidValue) => return Err(error),
            (Err(error), Err(_)) => return Err(error),
            // By what one kind does not have its resources are not sorted.
            (users, groups) => (users.ok().flatten(), groups.ok().flatten()),
        };
        let page = self.page(terms.max_results)?;
        let mut one = |kind, sort| {
            let among = self.filter.as_deref().map(|text| Among::parse(text, kind, terms.base_url, dialect));
            let filter = match among.transpose()? {
                Some(Among::None) => return Ok(None),
                Some(Among::Some(filter)) => Some(filter),
                Some(Among::Every) | None => None,
            };
            self.query(filter, sort, kind, &page).map(Some)
        };
        let (users, groups) = (one(ResourceKind::User, sorts.0)?, one(ResourceKind::Group, sorts.1)?);
        Ok(AllQuery { users, groups, start_index: page.start_index, count: page.count, cursor: page.cursor })
    }

    fn query(
        &self,
        filter: Option<Filter>,
        sort: Option<Sort>,
        kind: ResourceKind,
        page: &Page,
    ) -> Result<ListQuery, ScimError> {
        Ok(ListQuery {
            filter,
            sort,
            start_index: page.start_index,
            count: page.count,
            projection: Projection::parse(self.attributes.as_deref(), self.excluded.as_deref(), kind)?,
            cursor: page.cursor.clone(),
        })
    }

    fn page(&self, max_results: u64) -> Result<Page, ScimError> {
        let Some(cursor) = &self.cursor else {
            let start_index = self.start_index.map_or(1, |number| at_least(number, 1).min(MAX_START_INDEX));
            let count = self.count.clone().transpose()?;
            let count = count.map(|number| at_least(number, 0).min(max_results));
            return Ok(Page { start_index, count, cursor: None });
        };
        if self.start_index.is_some() {
            return Err(ScimError::invalid_value(
                "A page is asked for by \"cursor\" or by \"startIndex\", not by both.",
            ));
        }
        let count = match &self.count {
            None => None,
            Some(Ok(number)) if *number <= i128::from(max_results) => Some(at_least(*number, 0)),
            Some(_) => {
                return Err(ScimError::invalid_count(format!(
                    "\"count\" must be a whole number, at most {max_results} (maxPageSize)."
                )));
            }
        };
        let parts = [&self.filter, &self.sort_by, &self.sort_order, &self.attributes, &self.excluded];
        // With their lengths, so that no two queries have one text.
        let query =
            parts.map(|part| part.as_ref().map_or(String::new(), |text| format!("{}:{text}", text.len())));
        let cursor = CursorRequest { cursor: cursor.clone(), query: query.join(",") };
        Ok(Page { start_index: 1, count, cursor: Some(cursor) })
    }

    fn sort(&self, kind: ResourceKind) -> Result<Option<Sort>, ScimError> {
        let by = self.sort_by.as_deref().filter(|by| !by.trim().is_empty());
        by.map(|by| Sort::parse(by, self.sort_order.as_deref(), kind)).transpose()
    }
}

/// Which part of the list.
struct Page {
    start_index: u64,
    count: Option<u64>,
    cursor: Option<CursorRequest>,
}

fn at_least(number: i128, least: i128) -> u64 {
    u64::try_from(number.max(least)).unwrap_or(u64::MAX)
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
        let terms = QueryTerms { rules, max_results, base_url: None };
        Self::parse_noting(pairs, kind, &terms, &mut Applied::default())
    }

    /// As [`ListQuery::parse`], noting the rules that the query needed, also when it is refused.
    ///
    /// # Errors
    /// As [`ListQuery::parse`]; with a cursor 400 `invalidCount` for a bad `count`, and `invalidValue` for a
    /// `startIndex` beside it.
    pub fn parse_noting(
        pairs: impl IntoIterator<Item = (String, String)>,
        kind: ResourceKind,
        terms: &QueryTerms<'_>,
        applied: &mut Applied,
    ) -> Result<Self, ScimError> {
        let raw = Raw::of_pairs(pairs)?;
        Dialect::noting(terms.rules, applied, |dialect| raw.into_query(kind, dialect, terms))
    }

    /// Reads the body of a `.search` request. `attributes` and `excludedAttributes` may be lists or, as in a
    /// query, comma-separated. The rules that the body needed are noted, also when it is refused.
    ///
    /// # Errors
    /// As [`ListQuery::parse`], and 400 `invalidSyntax` for a body that is no SearchRequest.
    pub fn from_search_request(
        body: &Map<String, Value>,
        kind: ResourceKind,
        terms: &QueryTerms<'_>,
        applied: &mut Applied,
    ) -> Result<Self, ScimError> {
        Dialect::noting(terms.rules, applied, |dialect| {
            Raw::of_search(body, dialect)?.into_query(kind, dialect, terms)
        })
    }
}

impl AllQuery {
    /// Reads the body of a `.search` request at the root. Filter, attributes and order are those of either
    /// kind: where a kind does not have an attribute, no resource of it has a value (RFC 7644 §3.4.2.1).
    ///
    /// # Errors
    /// As [`ListQuery::from_search_request`]; an attribute is unknown if neither kind has it.
    pub fn from_search_request(
        body: &Map<String, Value>,
        terms: &QueryTerms<'_>,
        applied: &mut Applied,
    ) -> Result<Self, ScimError> {
        Dialect::noting(terms.rules, applied, |dialect| {
            Raw::of_search(body, dialect)?.into_all_query(dialect, terms)
        })
    }

    /// Reads decoded query parameters at the root, as [`ListQuery::parse_noting`] does below it.
    ///
    /// # Errors
    /// As [`ListQuery::parse_noting`]; an attribute is unknown if neither kind has it.
    pub fn parse_noting(
        pairs: impl IntoIterator<Item = (String, String)>,
        terms: &QueryTerms<'_>,
        applied: &mut Applied,
    ) -> Result<Self, ScimError> {
        let raw = Raw::of_pairs(pairs)?;
        Dialect::noting(terms.rules, applied, |dialect| raw.into_all_query(dialect, terms))
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
        let noted = &mut Applied::default();
        ListQuery::from_search_request(body, ResourceKind::User, &terms(&Rules::default()), noted)
    }

    fn terms(rules: &Rules) -> QueryTerms<'_> {
        QueryTerms { rules, max_results: 200, base_url: None }
    }

    #[test]
    fn a_page_by_cursor() {
        let page = |pairs: &[(&str, &str)]| {
            let pairs = [&[("cursor", "c")], pairs].concat();
            query(&pairs).map(|query| (query.count, query.cursor.unwrap()))
        };
        assert_eq!(query(&[("count", "5")]).unwrap().cursor, None);
        assert_eq!(query(&[("cursor", "")]).unwrap().cursor.unwrap().cursor, "");
        assert_eq!(
            search(&json!({"schemas": [SEARCH_REQUEST], "cursor": ""})).unwrap().cursor.unwrap().cursor,
            ""
        );
        for (count, expected) in
            [("", None), ("7", Some(7)), ("200", Some(200)), ("-3", Some(0)), ("0", Some(0))]
        {
            assert_eq!(page(&[("count", count)]).unwrap().0, expected, "{count}");
        }
        for count in ["201", "x", "1.5"] {
            assert_eq!(
                page(&[("count", count)]).unwrap_err().scim_type,
                Some(ScimType::InvalidCount),
                "{count}"
            );
        }
        assert_eq!(page(&[("startIndex", "1")]).unwrap_err().scim_type, Some(ScimType::InvalidValue));
        // Everything but the count belongs to the query.
        let one = page(&[("filter", "title pr"), ("count", "1")]).unwrap().1;
        assert_eq!(page(&[("filter", "title pr"), ("count", "2")]).unwrap().1, one);
        for other in [("filter", "title  pr"), ("sortBy", "title"), ("attributes", "title pr")] {
            assert_ne!(page(&[other]).unwrap().1, one, "{other:?}");
        }
    }

    #[test]
    fn paging_is_clamped() {
        for (start, count, expected) in [
            ("", "", (1, None)),
            ("0", "10", (1, Some(10))),
            ("-5", "-1", (1, Some(0))),
            ("7", "0", (7, Some(0))),
            ("26", "5000", (26, Some(200))),
            ("99999999999999999999999", "99999999999999999999999", ((1 << 53) - 1, Some(200))),
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
        for body in [json!({"count": 1.5}), json!({"filter": 1}), json!({"attributes": [1]})] {
            let mut body = body;
            body["schemas"] = json!([SEARCH_REQUEST]);
            assert!(search(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_search_without_its_schema_is_a_rule() {
        for body in
            [json!({}), json!({"schemas": null}), json!({"schemas": []}), json!({"schemas": ["urn:x"]})]
        {
            let body = body.as_object().unwrap();
            for (rules, scim_type) in
                [(Rules::default(), None), (Rules::strict(), Some(ScimType::InvalidSyntax))]
            {
                let mut noted = Applied::default();
                let terms = terms(&rules);
                let of_users = ListQuery::from_search_request(body, ResourceKind::User, &terms, &mut noted);
                let of_all = AllQuery::from_search_request(body, &terms, &mut noted);
                assert_eq!(of_users.err().and_then(|error| error.scim_type), scim_type);
                assert_eq!(of_all.err().and_then(|error| error.scim_type), scim_type);
                assert_eq!(noted.contains(Rule::ToleratePatchSchemas), scim_type.is_none());
            }
        }
    }

    #[test]
    fn rules_are_noted_whatever_becomes_of_the_query() {
        for (filter, accepted) in [("active eq \"true\"", true), ("active eq \"true\" and nope pr", false)] {
            let mut noted = Applied::default();
            let pairs = [("filter".to_owned(), filter.to_owned())];
            let query =
                ListQuery::parse_noting(pairs, ResourceKind::User, &terms(&Rules::default()), &mut noted);
            assert_eq!(query.is_ok(), accepted);
            assert_eq!(noted.iter().collect::<Vec<_>>(), ["coerce_boolean_strings"]);
        }
    }

    fn all(body: &Value) -> Result<AllQuery, ScimError> {
        let mut body = body.clone();
        body["schemas"] = json!([SEARCH_REQUEST]);
        let noted = &mut Applied::default();
        AllQuery::from_search_request(body.as_object().unwrap(), &terms(&Rules::default()), noted)
    }

    #[test]
    fn one_filter_for_both_kinds() {
        // What is left of the filter for each kind: "-" if nothing can match, "*" if everything does.
        let left = |query: Option<ListQuery>| match query {
            None => "-".to_owned(),
            Some(ListQuery { filter: None, .. }) => "*".to_owned(),
            Some(ListQuery { filter: Some(filter), .. }) => filter.to_string(),
        };
        for (filter, users, groups) in [
            ("displayName eq \"a\"", "displayName eq \"a\"", "displayName eq \"a\""),
            ("userName eq \"a\"", "userName eq \"a\"", "-"),
            ("userName pr", "userName pr", "-"),
            ("members.value eq \"a\"", "-", "members.value eq \"a\""),
            ("members[value eq \"a\"]", "-", "members[value eq \"a\"]"),
            ("userName ne \"a\"", "userName ne \"a\"", "*"),
            ("not (userName eq \"a\")", "not (userName eq \"a\")", "*"),
            ("userName eq \"a\" and members pr", "-", "-"),
            ("members pr and id pr", "-", "members pr and id pr"),
            ("not (members pr) or not (userName pr)", "*", "*"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:displayName eq \"a\"", "displayName eq \"a\"", "-"),
            ("urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq \"a\"", "-", "displayName eq \"a\""),
        ] {
            let query = all(&json!({"filter": filter})).unwrap();
            assert_eq!(
                (left(query.users).as_str(), left(query.groups).as_str()),
                (users, groups),
                "{filter}"
            );
        }
        for unknown in ["nope eq \"a\"", "userName eq \"a\" or nope pr", "urn:x:y pr", "userName eq"] {
            let error = all(&json!({"filter": unknown})).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidFilter), "{unknown}");
        }
    }

    #[test]
    fn what_the_other_kind_has_is_without_a_value_here() {
        let query = all(&json!({"filter": "userName eq \"a\" or id eq \"g\""})).unwrap();
        let filter = query.groups.unwrap().filter.unwrap();
        for (id, matches) in [("g", true), ("h", false)] {
            // A group never has a userName; if it had one, it would be another attribute.
            let group = json!({"id": id, "displayName": "a", "userName": "a"});
            assert_eq!(filter.matches(group.as_object().unwrap()), matches);
        }
    }

    #[test]
    fn the_order_and_the_attributes_of_both_kinds() {
        let sorted = |by: &str| {
            let query = all(&json!({"sortBy": by})).unwrap();
            (query.users.unwrap().sort.is_some(), query.groups.unwrap().sort.is_some())
        };
        assert_eq!(sorted("displayName"), (true, true));
        assert_eq!(sorted("userName"), (true, false));
        assert_eq!(sorted("members"), (false, true));
        for (body, scim_type) in [
            (json!({"sortBy": "nope"}), ScimType::InvalidPath),
            (json!({"sortBy": "userName", "sortOrder": "up"}), ScimType::InvalidValue),
            (json!({"sortBy": "members", "sortOrder": "up"}), ScimType::InvalidValue),
            (json!({"attributes": "id", "excludedAttributes": "meta"}), ScimType::InvalidValue),
        ] {
            assert_eq!(all(&body).unwrap_err().scim_type, Some(scim_type), "{body}");
        }
        let query = all(&json!({"attributes": ["userName"], "startIndex": 3, "count": 500})).unwrap();
        assert_eq!((query.start_index, query.count), (3, Some(200)));
        assert!(query.users.unwrap().projection.wants("userName"));
        assert!(!query.groups.unwrap().projection.wants("displayName"));
    }
}
