//! `GET /v1/directories/{id}/requests`: what its provider asked, the newest first.

use actix_web::web::{Data, Path};
use jiff::Timestamp;
use rollcall_domain::{directory::Rule, ids::DirectoryId};
use rollcall_scim::{Reason, Sender};
use rollcall_store::requests::RequestQuery;

use crate::{
    State,
    cursor::{List, number_of},
    error::ApiResult,
    json,
    page::Page,
    query::Query,
};

const KNOWN: &[&str] =
    &["status", "method", "path", "reason", "rule", "sender", "since", "until", "after", "limit"];
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];
const TIME: &str = "a time as 2026-01-31T12:00:00Z";

pub(crate) async fn list_requests(state: Data<State>, id: Path<DirectoryId>, query: Query) -> ApiResult {
    let query = query.only(KNOWN)?;
    let time = |name| query.parsed(name, TIME, |text| text.parse::<Timestamp>().ok());
    let asked = RequestQuery {
        before: query.after(List::Requests)?.map(|place| number_of(&place)).transpose()?,
        status: query.parsed("status", "a status (409) or a class of them (4xx)", statuses)?,
        method: query.parsed("method", "one of GET, POST, PUT, PATCH, DELETE, OPTIONS, OTHER", |text| {
            METHODS.contains(&text).then(|| text.to_owned())
        })?,
        path: query.one("path")?.map(str::to_owned),
        reason: query
            .parsed("reason", &one_of(Reason::all().map(Reason::as_str)), Reason::parse)?
            .map(|reason| reason.as_str().to_owned()),
        rule: query.parsed("rule", "a name that GET /v1/compatibility-rules gives", |text| {
            Rule::by_name(text).map(|rule| rule.name().to_owned())
        })?,
        sender: query.parsed(
            "sender",
            &one_of(Sender::ALL.iter().map(|it| it.name()).chain(["unknown"])),
            |name| (name == "unknown" || Sender::parse(name).is_some()).then(|| name.to_owned()),
        )?,
        since: time("since")?,
        until: time("until")?,
        limit: query.limit()?,
    };
    super::find(&state, &id)?;
    let page = state.store.requests(&id, asked).await?;
    let next = page.next.map(|place| place.to_string());
    Ok(json::ok(&Page::up_to(page.requests, List::Requests, next)))
}

/// `409`: from it to it; `4xx`: from 400 to 499.
fn statuses(text: &str) -> Option<(u16, u16)> {
    let (first, rest) = text.split_at_checked(1)?;
    let hundred: u16 = first.parse().ok().filter(|digit| (1..=5).contains(digit))?;
    if rest == "xx" {
        return Some((hundred * 100, hundred * 100 + 99));
    }
    let status = text.parse().ok().filter(|status| text.len() == 3 && (100..600).contains(status))?;
    Some((status, status))
}

fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    format!("one of {}", names.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_a_class_of_them() {
        for (text, expected) in [
            ("409", Some((409, 409))),
            ("4xx", Some((400, 499))),
            ("5xx", Some((500, 599))),
            ("6xx", None),
            ("0xx", None),
            ("40", None),
            ("4090", None),
            ("+09", None),
            ("4XX", None),
            ("", None),
            ("ü", None),
        ] {
            assert_eq!(statuses(text), expected, "{text}");
        }
    }
}
