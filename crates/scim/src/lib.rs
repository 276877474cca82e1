//! SCIM 2.0 semantics: schemas, filters, paths, PATCH and provider dialects. Pure.
//!
//! JSON goes in, JSON comes out: nothing here reads a clock, a socket or a disk. A body is read by [`json`],
//! brought from its sender's dialect into canonical form by [`compat`] (named rules, each with a switch), and
//! is then either a [`Document`] (POST, PUT) or a [`PatchRequest`] that [`patch`] applies to a stored one.
//! Queries are [`filter`], [`query`] and [`project`]; what a client may discover about all this is
//! [`discovery`]. Everything looks attributes up in the one table of [`schema`].

pub mod bulk;
pub mod compat;
pub mod discovery;
pub mod document;
pub mod error;
pub mod filter;
pub mod fold;
pub mod json;
pub mod kind;
pub mod list;
pub mod patch;
pub mod path;
pub mod project;
#[cfg(test)]
mod properties;
pub mod query;
pub mod reason;
pub mod schema;
pub mod sender;
pub mod sort;

pub use bulk::{BulkChange, BulkMethod, BulkOperation, BulkPlan, BulkRequest, BulkStep, BulkTarget};
pub use compat::{
    Applied, Rule, RuleMode, RuleSwitches, Rules, group_input, group_input_noting, patch_request,
    patch_request_noting, user_input, user_input_noting,
};
pub use discovery::DiscoverySettings;
pub use document::{Document, GroupInput, MemberInput, UserInput};
pub use error::{ScimError, ScimType};
pub use filter::{CompareOp, CompareValue, Filter, IndexedAttribute, equality_hints, parse_filter};
pub use fold::fold;
pub use json::Limits;
pub use kind::ResourceKind;
pub use list::{cursor_response, list_response};
pub use patch::{GroupPatch, MemberOp, MemberSelector, PatchRequest, apply_group, apply_user};
pub use path::{AttrPath, PatchPath};
pub use project::Projection;
pub use query::{AllQuery, CursorRequest, ListQuery, QueryTerms};
pub use reason::Reason;
pub use sender::{Sender, Signs, recognise};
pub use sort::Sort;
