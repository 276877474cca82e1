//! A PATCH body as operations (RFC 7644 §3.5.2): its envelope, its verbs, its paths.

use serde_json::{Map, Value};

use super::{
    change::{Origin, Verb, change},
    expand::Expansion,
    rules::{Applied, Dialect, Rule, Rules},
    schemas, take,
};
use crate::{
    error::{ScimError, excerpt},
    kind::ResourceKind,
    patch::{Operation, PatchRequest},
    path::{BadPath, PatchTarget, Unresolved},
};

/// The most operations in one PATCH.
pub const MAX_OPERATIONS: usize = 1_000;

/// The body of a PATCH, as operations to apply, and the rules that it needed.
///
/// A password in any operation is dropped; a request with nothing else is a PATCH that changes nothing.
/// Attributes below an undeclared extension's URN are dropped too, and operations on unknown attributes: an
/// attribute that somebody mapped in vain must not keep the deactivation beside it from happening. A request of
/// nothing else is refused, so that nobody believes it done.
///
/// # Errors
/// 400 `invalidSyntax`, `invalidPath`, `invalidValue`, `mutability` or `noTarget`; 413 for more than
/// [`MAX_OPERATIONS`].
pub fn patch_request(
    kind: ResourceKind,
    body: Map<String, Value>,
    rules: &Rules,
) -> Result<(PatchRequest, Applied), ScimError> {
    let mut applied = Applied::default();
    patch_request_noting(kind, body, rules, &mut applied).map(|request| (request, applied))
}

/// As [`patch_request`], noting the rules that the body needed also when it is refused.
///
/// # Errors
/// As [`patch_request`].
pub fn patch_request_noting(
    kind: ResourceKind,
    body: Map<String, Value>,
    rules: &Rules,
    applied: &mut Applied,
) -> Result<PatchRequest, ScimError> {
    let operations = Dialect::noting(rules, applied, |dialect| operations(kind, body, dialect))?;
    Ok(PatchRequest { operations, rules: *rules })
}

fn operations(
    kind: ResourceKind,
    mut body: Map<String, Value>,
    dialect: &mut Dialect,
) -> Result<Vec<Operation>, ScimError> {
    schemas::check_patch(take(&mut body, "schemas").as_ref().map(|(_, value)| value), dialect)?;
    let items = match take(&mut body, "Operations") {
        Some((key, Value::Array(items)))
            if !items.is_empty() && (key == "Operations" || dialect.bend(Rule::LowercaseOperations)) =>
        {
            items
        }
        _ => {
            return Err(ScimError::invalid_syntax("A PATCH body has a list \"Operations\" of at least one."));
        }
    };
    if items.len() > MAX_OPERATIONS {
        return Err(ScimError::too_large(format!("A PATCH may have {MAX_OPERATIONS} operations.")));
    }
    let count = items.len();
    let mut operations = Vec::with_capacity(count);
    let mut left_out = Vec::new();
    for item in items {
        let Value::Object(item) = item else {
            return Err(ScimError::invalid_syntax("Each of \"Operations\" must be an object."));
        };
        match operation(kind, item, dialect)? {
            Read::Operations(mut read) => operations.append(&mut read),
            Read::UnknownAttribute(error) => left_out.push(error),
        }
    }
    if left_out.len() == count {
        return Err(left_out.swap_remove(0));
    }
    Ok(operations)
}

/// What one operation of the body comes to.
enum Read {
    Operations(Vec<Operation>),
    /// Its path names nothing; what to say if the same is true of all.
    UnknownAttribute(ScimError),
}

fn operation(
    kind: ResourceKind,
    mut item: Map<String, Value>,
    dialect: &mut Dialect,
) -> Result<Read, ScimError> {
    let verb = match take(&mut item, "op") {
        Some((_, Value::String(op))) => verb(&op, dialect)?,
        _ => return Err(ScimError::invalid_syntax("Each of \"Operations\" has an \"op\".")),
    };
    let value = take(&mut item, "value").map(|(_, value)| value);
    let path = match take(&mut item, "path") {
        None | Some((_, Value::Null)) => None,
        Some((_, Value::String(path))) => Some(path).filter(|path| !path.trim().is_empty()),
        Some(_) => return Err(ScimError::invalid_path("A path must be a string.")),
    };
    let Some(path) = path else {
        if verb == Verb::Remove {
            return Err(ScimError::no_target("A remove must have a path."));
        }
        return without_path(kind, verb, value, dialect).map(Read::Operations);
    };
    let operations = match PatchTarget::parse(&path, kind, dialect) {
        Ok(PatchTarget::Path(path)) => {
            change(verb, path, value, Origin::Path, dialect)?.into_iter().collect()
        }
        Ok(PatchTarget::Schema(schema)) if schema.urn == kind.schema() => {
            if verb == Verb::Remove {
                return Err(ScimError::mutability("The core schema cannot be removed."));
            }
            without_path(kind, verb, value, dialect)?
        }
        Ok(PatchTarget::Schema(schema)) if verb == Verb::Remove => {
            vec![Operation::UnsetExtension { urn: schema.urn }]
        }
        Ok(PatchTarget::Schema(schema)) => {
            let value = value.ok_or_else(no_value)?;
            let mut expansion =
                Expansion { kind, verb, origin: Origin::Value, dialect, operations: Vec::new() };
            expansion.schema(schema, value)?;
            expansion.operations
        }
        Err(BadPath::Name(Unresolved::Schema)) if dialect.bend(Rule::UnknownSchemaUris) => Vec::new(),
        Err(error @ BadPath::Name(Unresolved::Attribute)) if dialect.bend(Rule::IgnoreUnknownAttributes) => {
            return Ok(Read::UnknownAttribute(error.into_path_error(&path)));
        }
        Err(error) => return Err(error.into_path_error(&path)),
    };
    Ok(Read::Operations(operations))
}

fn verb(op: &str, dialect: &mut Dialect) -> Result<Verb, ScimError> {
    for (name, verb) in [("add", Verb::Add), ("replace", Verb::Replace), ("remove", Verb::Remove)] {
        if op == name || (op.eq_ignore_ascii_case(name) && dialect.bend(Rule::OpCaseInsensitive)) {
            return Ok(verb);
        }
    }
    Err(ScimError::invalid_syntax(format!("\"{}\" is not an operation of PATCH.", excerpt(op))))
}

fn no_value() -> ScimError {
    ScimError::invalid_value("The operation needs a value.")
}

fn without_path(
    kind: ResourceKind,
    verb: Verb,
    value: Option<Value>,
    dialect: &mut Dialect,
) -> Result<Vec<Operation>, ScimError> {
    let map = match value.ok_or_else(no_value)? {
        Value::Object(map) => map,
        Value::Array(mut items) if items.len() == 1 && dialect.bend(Rule::UnwrapSingletonArray) => {
            match items.swap_remove(0) {
                Value::Object(map) => map,
                _ => return Err(not_an_object()),
            }
        }
        _ => return Err(not_an_object()),
    };
    let mut expansion = Expansion { kind, verb, origin: Origin::Value, dialect, operations: Vec::new() };
    expansion.object(map)?;
    Ok(expansion.operations)
}

fn not_an_object() -> ScimError {
    ScimError::invalid_value("The value of an operation without path must be an object.")
}
