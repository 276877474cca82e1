//! An object's keys, however they are spelled, as operations on attributes.
//!
//! Plain names, dotted names, URN-qualified names, whole extension objects and even value paths occur as keys,
//! in bodies and in PATCH values without a path. Unknown names are ignored (a decision of this project: real
//! senders have attributes of their own); a key that cannot be understood is refused.

use serde_json::{Map, Value};

use super::{
    change::{Origin, Verb, change},
    rules::{Dialect, Rule},
    schemas,
};
use crate::{
    error::{ScimError, excerpt},
    kind::ResourceKind,
    patch::Operation,
    path::{AttrPath, BadPath, PatchPath, PatchTarget, Unresolved},
    schema::{self, Schema},
};

pub(super) struct Expansion<'d> {
    pub(super) kind: ResourceKind,
    pub(super) verb: Verb,
    pub(super) origin: Origin,
    pub(super) dialect: &'d mut Dialect,
    pub(super) operations: Vec<Operation>,
}

impl Expansion<'_> {
    /// The entries of a resource or of a PATCH value without path.
    pub(super) fn object(&mut self, map: Map<String, Value>) -> Result<(), ScimError> {
        for (key, value) in map {
            self.entry(&key, value)?;
        }
        Ok(())
    }

    fn entry(&mut self, key: &str, value: Value) -> Result<(), ScimError> {
        if let Some(root) = schema::attribute(self.kind, key) {
            if root.name == "schemas" {
                return schemas::check_resource(&value, self.kind, self.dialect);
            }
            return self.one(PatchPath { attr: AttrPath::new(None, root), filter: None }, value);
        }
        match self.target(key)? {
            Target::Unknown => self.unknown(key),
            Target::Dropped => Ok(()),
            Target::Path(path) => self.one(path, value),
            Target::Schema(schema) => self.schema(schema, value),
        }
    }

    fn one(&mut self, path: PatchPath, value: Value) -> Result<(), ScimError> {
        self.operations.extend(change(self.verb, path, Some(value), self.origin, self.dialect)?);
        Ok(())
    }

    /// The entries below a schema's URN.
    pub(super) fn schema(&mut self, schema: &'static Schema, value: Value) -> Result<(), ScimError> {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return self.no_schema(schema),
            Value::String(text) if text.is_empty() && self.dialect.bend(Rule::EmptyStringIsUnassigned) => {
                return self.no_schema(schema);
            }
            _ => return Err(ScimError::invalid_value(format!("\"{}\" must be an object.", schema.urn))),
        };
        if schema.urn == self.kind.schema() {
            return self.object(map);
        }
        for (key, value) in map {
            if let Some(root) = schema::find(schema.attributes, &key) {
                self.one(PatchPath { attr: AttrPath::new(Some(schema.urn), root), filter: None }, value)?;
            } else if key.contains('.')
                && let Target::Path(path) = self.target(&format!("{}:{key}", schema.urn))?
            {
                self.one(path, value)?;
            } else {
                self.unknown(&key)?;
            }
        }
        Ok(())
    }

    /// A key that names nothing.
    fn unknown(&mut self, key: &str) -> Result<(), ScimError> {
        if self.dialect.bend(Rule::IgnoreUnknownAttributes) {
            return Ok(());
        }
        Err(ScimError::invalid_syntax(format!("\"{}\" is not an attribute here.", excerpt(key))))
    }

    fn no_schema(&mut self, schema: &'static Schema) -> Result<(), ScimError> {
        if self.verb == Verb::Replace && schema.urn != self.kind.schema() {
            self.operations.push(Operation::UnsetExtension { urn: schema.urn });
        }
        Ok(())
    }

    /// What a key that is no plain attribute name stands for.
    fn target(&mut self, key: &str) -> Result<Target, ScimError> {
        let mut trial = *self.dialect;
        let target = match PatchTarget::parse(key, self.kind, &mut trial) {
            Ok(target) => target,
            Err(BadPath::Name(Unresolved::Schema)) => {
                if self.dialect.bend(Rule::UnknownSchemaUris) {
                    return Ok(Target::Dropped);
                }
                return Err(ScimError::invalid_value(format!(
                    "The schema of \"{}\" is unknown.",
                    excerpt(key)
                )));
            }
            Err(BadPath::Name(_)) => return Ok(Target::Unknown),
            Err(error @ BadPath::Filter(_)) => return Err(error.into_path_error(key)),
        };
        let head = key.split('[').next().unwrap_or(key);
        let needs = [
            (Rule::ExpandFlatUrnKeys, head.contains(':') && matches!(target, PatchTarget::Path(_))),
            (Rule::ExpandDottedKeys, is_dotted(&target)),
        ];
        for (rule, needed) in needs {
            if needed && !trial.bend(rule) {
                return Ok(Target::Unknown);
            }
        }
        *self.dialect = trial;
        Ok(match target {
            PatchTarget::Path(path) => Target::Path(path),
            PatchTarget::Schema(schema) => Target::Schema(schema),
        })
    }
}

/// What a key is.
enum Target {
    Path(PatchPath),
    Schema(&'static Schema),
    /// Below a schema that is not known, and to be left out.
    Dropped,
    /// The name of nothing.
    Unknown,
}

fn is_dotted(target: &PatchTarget) -> bool {
    match target {
        PatchTarget::Schema(_) => false,
        PatchTarget::Path(path) => path.filter.is_some() || path.attr.sub.is_some(),
    }
}
