//! Query strings at the door. A handler says which parameters it knows; any other is refused by
//! name, because a misspelt filter that is silently ignored returns what nobody asked for.

use std::{
    future::{Ready, ready},
    ops::RangeInclusive,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    cursor::{Cursor, List},
    error::{ApiError, ApiResult, ErrorCode},
};

/// The parameters as they were sent.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

/// The query of a route that knows no parameters.
pub(crate) struct NoQuery;

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::parse(request.query_string())))
    }
}

impl FromRequest for NoQuery {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Query::parse(request.query_string()).only(&[]).map(|_| Self))
    }
}

impl Query {
    /// How many rows a list gives unless told.
    pub(crate) const DEFAULT_LIMIT: u32 = 100;
    /// How many rows a list gives at most.
    pub(crate) const MAX_LIMIT: u32 = 1_000;

    fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Refuses every parameter but these.
    pub(crate) fn only(self, known: &[&str]) -> ApiResult<Self> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some((name, _)) => {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(ApiError::new(
                    ErrorCode::UnknownParameter,
                    format!("`{name}` is not known here; known are: {known}."),
                )
                .at(name.as_str()))
            }
        }
    }

    /// The value of a parameter that may be there once.
    pub(crate) fn one(&self, name: &str) -> ApiResult<Option<&str>> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(ApiError::invalid_parameter(name, "is given twice"));
        }
        Ok(first)
    }

    /// The values of a parameter that may be repeated or hold a list with commas.
    pub(crate) fn many<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).flat_map(|(_, value)| value.split(','))
    }

    /// A value that `parse` understands; `form` says what it looks like.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        form: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> ApiResult<Option<T>> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        match parse(value) {
            Some(value) => Ok(Some(value)),
            None => Err(ApiError::invalid_parameter(name, format!("must be {form}"))),
        }
    }

    /// A number in this range.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<u32>) -> ApiResult<Option<u32>> {
        let form = format!("a number from {} to {}", range.start(), range.end());
        self.parsed(name, &form, |value| value.parse().ok().filter(|number| range.contains(number)))
    }

    /// `limit`.
    pub(crate) fn limit(&self) -> ApiResult<u32> {
        Ok(self.number("limit", 1..=Self::MAX_LIMIT)?.unwrap_or(Self::DEFAULT_LIMIT))
    }

    /// The place that `after`, a cursor of this list, stands for.
    pub(crate) fn after(&self, list: List) -> ApiResult<Option<String>> {
        self.one("after")?.map(|text| Cursor::decode(list, text)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_floor_and_a_ceiling() {
        for (text, limit) in [("", Some(100)), ("limit=1", Some(1)), ("limit=1000", Some(1_000))] {
            assert_eq!(Query::parse(text).limit().ok(), limit, "{text}");
        }
        for text in ["limit=0", "limit=1001", "limit=ten", "limit=", "limit=-1", "limit=1&limit=2"] {
            let error = Query::parse(text).limit().expect_err(text);
            assert_eq!(
                (error.code, error.field.as_deref()),
                (ErrorCode::InvalidParameter, Some("limit")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_repeated_parameter_and_a_list_are_the_same() {
        let query = Query::parse("type=a,b&type=c");
        assert_eq!(query.many("type").collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        let error = Query::parse("limit=1&offset=2").only(&["limit"]).expect_err("offset is not known");
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::UnknownParameter, Some("offset")));
    }
}
