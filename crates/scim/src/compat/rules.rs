//! The rules: one table of names, meanings and defaults, and sets of them.
//!
//! A rule bends one thing that some provider sends otherwise than the RFCs have it. Each can be switched off
//! per directory, and each request reports which ones really changed something, so that an operator sees
//! which dialect a directory speaks.

use std::fmt;

use crate::error::ScimError;

macro_rules! rules {
    ($($rule:ident $name:literal $description:literal)*) => {
        /// A named deviation from strict SCIM.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = $description] $rule,)*
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            /// The name in configuration, logs and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// What it does, for a person.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$rule => $description,)* }
            }
        }
    };
}

rules! {
    OpCaseInsensitive "op_case_insensitive"
        "A PATCH `op` or a bulk `method` may be written in any case. Off: invalidSyntax, invalidValue."
    CoerceBooleanStrings "coerce_boolean_strings"
        "\"true\" and \"False\" are booleans where a boolean belongs. Off: invalidValue, in a filter invalidFilter."
    RemoveWithValueArray "remove_with_value_array"
        "`remove` with a `value` removes only the elements listed there. Off: invalidValue."
    ValuePathCreateOnMiss "value_path_create_on_miss"
        "`attr[type eq \"x\"].sub` creates the element when none matches. Off: noTarget."
    ExpandDottedKeys "expand_dotted_keys"
        "Keys such as `name.familyName` and `emails[type eq \"work\"].value` are paths. Off: unknown attributes."
    ExpandFlatUrnKeys "expand_flat_urn_keys"
        "Keys such as `urn:…:User:department` are paths. Off: unknown attributes."
    WrapManagerString "wrap_manager_string"
        "A `manager` given as a string is its `value`. Off: invalidValue."
    UnwrapSingletonArray "unwrap_singleton_array"
        "An array of one stands for its element where one value belongs. Off: invalidValue."
    EmptyStringIsUnassigned "empty_string_is_unassigned"
        "\"\" removes an attribute. Off: it is stored, and is invalidValue for a complex attribute."
    IgnoreReadonlyInValue "ignore_readonly_in_value"
        "Read-only attributes inside a PATCH value are ignored. Off: mutability."
    ToleratePatchSchemas "tolerate_missing_patch_schemas"
        "The body of a PATCH, a `.search` or a bulk request need not list its schema. Off: invalidSyntax."
    LowercaseOperations "lowercase_operations"
        "`Operations` may be written in any case. Off: invalidSyntax."
    LegacyUrns "legacy_urns"
        "SCIM 1 and other old URNs, and `URN.attribute`, name the schemas of today. Off: unknown schemas."
    UnknownSchemaUris "unknown_schema_uris"
        "Unknown URNs in `schemas`, and attributes below them, are dropped. Off: invalidValue, in a path invalidPath."
    IgnoreUnknownAttributes "ignore_unknown_attributes"
        "Unknown attributes are ignored; an operation of a PATCH on nothing else is left out, if others remain. Off: invalidSyntax, in a path invalidPath."
    JsonContentType "json_content_type"
        "A body may be sent as application/json. Off: 415."
    UnqualifiedExtensionAttrs "unqualified_extension_attrs"
        "`manager`, `department` and the like may stand without the extension's URN. Off: unknown attributes."
    ValuePathAsFilterLhs "value_path_as_filter_lhs"
        "`emails[type eq \"work\"].value eq \"x\"` is a filter. Off: invalidFilter."
    GroupPatch204 "group_patch_204"
        "PATCH of a large group answers 204. Off: always 200 with the group."
    PutGroupAbsentMembersKeeps "put_group_absent_members_keeps"
        "PUT of a group without `members` leaves them alone. Off: removes them all."
}

impl Rule {
    /// Whether the rule is on unless configured otherwise. All are.
    #[must_use]
    pub fn default_on(self) -> bool {
        true
    }

    /// The rule of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Which rules are on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules(u32);

impl Default for Rules {
    fn default() -> Self {
        Self(Rule::ALL.iter().filter(|rule| rule.default_on()).map(|rule| rule.bit()).sum())
    }
}

impl Rules {
    /// Every rule off: the RFCs and nothing else.
    #[must_use]
    pub fn strict() -> Self {
        Self(0)
    }

    /// With this rule on.
    #[must_use]
    pub fn with(self, rule: Rule) -> Self {
        Self(self.0 | rule.bit())
    }

    /// With this rule off.
    #[must_use]
    pub fn without(self, rule: Rule) -> Self {
        Self(self.0 & !rule.bit())
    }

    /// Whether the rule is on.
    #[must_use]
    pub fn contains(self, rule: Rule) -> bool {
        self.0 & rule.bit() != 0
    }

    /// The rules that are on.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.contains(*rule))
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Which rules really changed something in a request.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Applied(u32);

impl Applied {
    /// Notes that a rule changed something.
    pub fn insert(&mut self, rule: Rule) {
        self.0 |= rule.bit();
    }

    /// Adds what another part of the same request noted.
    pub fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the rule changed something.
    #[must_use]
    pub fn contains(self, rule: Rule) -> bool {
        self.0 & rule.bit() != 0
    }

    /// Whether the request was plain SCIM.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the rules that changed something.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        Rule::ALL.iter().copied().filter(move |rule| self.contains(*rule)).map(Rule::name)
    }
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The rules that are on, and the note of those that were needed, while one request is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub(crate) rules: Rules,
    pub(crate) applied: Applied,
}

impl Dialect {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self { rules: *rules, applied: Applied::default() }
    }

    /// Reads a part of a request, and notes the rules that it needed, also when it is refused.
    pub(crate) fn noting<T>(
        rules: &Rules,
        applied: &mut Applied,
        read: impl FnOnce(&mut Self) -> Result<T, ScimError>,
    ) -> Result<T, ScimError> {
        let mut dialect = Self::new(rules);
        let outcome = read(&mut dialect);
        applied.merge(dialect.applied);
        outcome
    }

    /// Whether the rule is on; if so, it is noted as needed.
    pub(crate) fn bend(&mut self, rule: Rule) -> bool {
        let on = self.rules.contains(rule);
        if on {
            self.applied.insert(rule);
        }
        on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_found_again() {
        for rule in Rule::ALL {
            assert_eq!(Rule::by_name(rule.name()), Some(*rule));
            assert!(!rule.description().is_empty());
        }
        assert_eq!(Rule::by_name("nope"), None);
    }

    #[test]
    fn sets() {
        assert_eq!(Rules::default().iter().count(), Rule::ALL.len());
        assert_eq!(Rules::strict().iter().count(), 0);
        let one = Rules::strict().with(Rule::LegacyUrns);
        assert_eq!(one.iter().collect::<Vec<_>>(), [Rule::LegacyUrns]);
        assert_eq!(one.without(Rule::LegacyUrns), Rules::strict());
        let mut dialect = Dialect::new(&one);
        assert!(dialect.bend(Rule::LegacyUrns));
        assert!(!dialect.bend(Rule::WrapManagerString));
        assert_eq!(dialect.applied.iter().collect::<Vec<_>>(), ["legacy_urns"]);
    }
}
