//! The body of a bulk request as operations.
//!
//! What is wrong with one operation is that operation's answer; only what makes the whole unreadable, or its
//! references ambiguous, refuses the request, and then nothing of it is carried out.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::BULK_ID_PREFIX;
use crate::{
    compat::{Applied, Dialect, Rule, Rules, take},
    error::{ScimError, excerpt},
    kind::ResourceKind,
    schema::{BULK_REQUEST, PATCH_OP},
};

/// The longest bulkId and the longest path, in bytes.
const MAX_NAME: usize = 1_024;

/// A bulk request, read.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkRequest {
    /// After how many failed operations the rest is left; `None`: never.
    pub fail_on_errors: Option<u64>,
    /// In the order of the request.
    pub operations: Vec<BulkOperation>,
}

/// One operation, and what the answer repeats of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkOperation {
    /// The method, in capitals; of an unknown one, its beginning.
    pub method: String,
    /// The bulkId, if there is one.
    pub bulk_id: Option<String>,
    /// The path as it was sent.
    pub path: String,
    /// What to do, or what is wrong.
    pub change: Result<BulkChange, ScimError>,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkChange {
    /// How.
    pub method: BulkMethod,
    /// To resources of which kind.
    pub kind: ResourceKind,
    /// To which; `None` for a POST.
    pub target: Option<BulkTarget>,
    /// The entity tag that the resource must have, as it would stand in `If-Match`.
    pub version: Option<String>,
    /// The body; empty for a DELETE.
    pub data: Map<String, Value>,
}

/// The methods that a bulk operation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the HTTP method of the same name")]
pub enum BulkMethod {
    Post,
    Put,
    Patch,
    Delete,
}

/// Which resource an operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkTarget {
    /// The one with this id.
    Id(String),
    /// The one that the operation with this bulkId creates.
    BulkId(String),
}

impl BulkMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl BulkRequest {
    /// Reads the body, noting the rules that it needed, also when it is refused.
    ///
    /// # Errors
    /// 413 for more than `max_operations`; 400 `invalidSyntax` for a body that is no BulkRequest; 400
    /// `invalidValue` for a `failOnErrors` that is no number from 1, and for a bulkId that two POSTs have.
    pub fn parse(
        body: Map<String, Value>,
        rules: &Rules,
        max_operations: usize,
        applied: &mut Applied,
    ) -> Result<Self, ScimError> {
        Dialect::noting(rules, applied, |dialect| read(body, dialect, max_operations))
    }
}

fn read(
    mut body: Map<String, Value>,
    dialect: &mut Dialect,
    max_operations: usize,
) -> Result<BulkRequest, ScimError> {
    let listed = take(&mut body, "schemas").is_some_and(|(_, value)| {
        let mut urns = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        urns.any(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST))
    });
    if !listed && !dialect.bend(Rule::ToleratePatchSchemas) {
        return Err(ScimError::invalid_syntax(format!("A bulk request lists the schema {BULK_REQUEST}.")));
    }
    let fail_on_errors = match take(&mut body, "failOnErrors") {
        None | Some((_, Value::Null)) => None,
        Some((_, value)) => Some(value.as_u64().filter(|count| *count > 0).ok_or_else(|| {
            ScimError::invalid_value("\"failOnErrors\" must be a whole number, at least 1.")
        })?),
    };
    let items = match take(&mut body, "Operations") {
        Some((key, Value::Array(items)))
            if !items.is_empty() && (key == "Operations" || dialect.bend(Rule::LowercaseOperations)) =>
        {
            items
        }
        _ => {
            return Err(ScimError::invalid_syntax(
                "A bulk request has a list \"Operations\" of at least one.",
            ));
        }
    };
    if items.len() > max_operations {
        return Err(ScimError::too_large(format!(
            "The request has {} operations; the most are {max_operations} (maxOperations).",
            items.len()
        )));
    }
    let operations: Vec<BulkOperation> = items.into_iter().map(|item| operation(item, dialect)).collect();
    let mut seen = HashSet::with_capacity(operations.len());
    for bulk_id in operations.iter().filter(|one| one.method == "POST").filter_map(|one| one.bulk_id.as_ref())
    {
        if !seen.insert(bulk_id) {
            return Err(ScimError::invalid_value(format!(
                "The bulkId \"{}\" stands twice; it has to be unique in the request.",
                excerpt(bulk_id)
            )));
        }
    }
    Ok(BulkRequest { fail_on_errors, operations })
}

fn operation(item: Value, dialect: &mut Dialect) -> BulkOperation {
    let Value::Object(mut item) = item else {
        let change = Err(ScimError::invalid_syntax("Each of \"Operations\" must be an object."));
        return BulkOperation { method: String::new(), bulk_id: None, path: String::new(), change };
    };
    let mut text = |name: &str| match take(&mut item, name) {
        Some((_, Value::String(text))) if text.len() <= MAX_NAME => Some(text),
        _ => None,
    };
    let (method, bulk_id, path, version) = (
        text("method").unwrap_or_default(),
        text("bulkId"),
        text("path").unwrap_or_default(),
        text("version"),
    );
    let bulk_id = bulk_id.filter(|id| !id.is_empty());
    let data = take(&mut item, "data").map(|(_, value)| value);
    let change = change(&method, bulk_id.as_deref(), &path, version, data, dialect);
    BulkOperation { method: excerpt(&method.to_ascii_uppercase()), bulk_id, path, change }
}

fn change(
    method: &str,
    bulk_id: Option<&str>,
    path: &str,
    version: Option<String>,
    data: Option<Value>,
    dialect: &mut Dialect,
) -> Result<BulkChange, ScimError> {
    let method = method_named(method, dialect)?;
    let (kind, target) = target(path)?;
    let not_here =
        |what: &str| Err(ScimError::new(405, format!("{what}: {} {}.", method.as_str(), excerpt(path))));
    match (method, &target) {
        (BulkMethod::Post, Some(_)) => return not_here("A resource is not created by its id"),
        (BulkMethod::Post, None) if bulk_id.is_none() => {
            return Err(ScimError::invalid_value("An operation with the method POST needs a \"bulkId\"."));
        }
        (BulkMethod::Post, None) | (_, Some(_)) => {}
        (_, None) => return not_here("The path needs an id"),
    }
    let data = match (method, data) {
        (BulkMethod::Delete, _) => Map::new(),
        (_, Some(Value::Object(data))) => data,
        // Some of the RFC's own examples leave the envelope away (errata EID 5050).
        (BulkMethod::Patch, Some(Value::Array(operations))) if dialect.bend(Rule::ToleratePatchSchemas) => {
            let mut data = Map::new();
            data.insert("schemas".to_owned(), Value::from(vec![PATCH_OP]));
            data.insert("Operations".to_owned(), Value::Array(operations));
            data
        }
        _ => return Err(ScimError::invalid_syntax("The operation needs \"data\", which is an object.")),
    };
    Ok(BulkChange { method, kind, target, version, data })
}

fn method_named(text: &str, dialect: &mut Dialect) -> Result<BulkMethod, ScimError> {
    for method in BulkMethod::ALL {
        let name = method.as_str();
        if text == name || (text.eq_ignore_ascii_case(name) && dialect.bend(Rule::OpCaseInsensitive)) {
            return Ok(method);
        }
    }
    Err(ScimError::invalid_value("The \"method\" of an operation is POST, PUT, PATCH or DELETE."))
}

/// The kind of resources and the id in a path below the base URL, such as `/Users/bulkId:a`.
fn target(path: &str) -> Result<(ResourceKind, Option<BulkTarget>), ScimError> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let (collection, id, more) = (segments.next(), segments.next(), segments.next());
    let kind = ResourceKind::ALL.into_iter().find(|kind| Some(&kind.endpoint()[1..]) == collection);
    let (Some(kind), None) = (kind, more) else {
        return Err(ScimError::not_found(format!(
            "The path \"{}\" names no resources that a bulk operation can change.",
            excerpt(path)
        )));
    };
    let target = id.map(|id| match id.strip_prefix(BULK_ID_PREFIX) {
        Some(bulk_id) => BulkTarget::BulkId(bulk_id.to_owned()),
        None => BulkTarget::Id(id.to_owned()),
    });
    Ok((kind, target))
}
