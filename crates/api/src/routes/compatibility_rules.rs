//! `GET /v1/compatibility-rules`: which liberties with SCIM are known, each with a switch per directory.

use rollcall_domain::directory::Rule;
use serde::Serialize;

use crate::{error::ApiResult, json, query::NoQuery};

#[derive(Serialize)]
struct Rules {
    data: Vec<RuleView>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct RuleView {
    name: &'static str,
    description: &'static str,
}

pub(crate) async fn list(_: NoQuery) -> ApiResult {
    let view = |rule: &Rule| RuleView { name: rule.name(), description: rule.description() };
    Ok(json::ok(&Rules { data: Rule::ALL.iter().map(view).collect(), next_cursor: None }))
}
