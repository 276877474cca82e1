//! How a product speaks, as data: everything in which one persona differs from another.
//!
//! The engine ([`crate::Persona`]) and the writers ([`crate::write`]) read it; each product's value
//! is a constant in [`crate::styles`].

use std::time::Duration;

/// A product's way of speaking SCIM.
#[derive(Debug)]
pub(crate) struct Style {
    /// The product's name for people.
    pub(crate) name: &'static str,
    /// What goes with requests about users and to the discovery endpoints.
    pub(crate) headers: Headers,
    /// What goes with requests about groups.
    pub(crate) group_headers: Headers,
    pub(crate) urls: Urls,
    pub(crate) retry: Retry,
    /// What «Test connection» sends, in order.
    pub(crate) connect: &'static [Probe],
    pub(crate) user: UserStyle,
    /// `None`: the product provisions users only.
    pub(crate) group: Option<GroupStyle>,
}

/// The headers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) user_agent: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) accept_charset: Option<&'static str>,
}

/// How URLs are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Urls {
    /// How a space in a filter is written: `%20` or `+`.
    pub(crate) space: &'static str,
    /// What ends a URL that has no query.
    pub(crate) end: &'static str,
    /// What ends a query.
    pub(crate) query_end: &'static str,
}

impl Urls {
    /// As most products write them.
    pub(crate) const PLAIN: Self = Self { space: "%20", end: "", query_end: "" };
}

/// What happens after 429, 502, 503, 504 or no answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    /// How often a request is sent at most.
    pub(crate) attempts: u32,
    /// The wait before the second attempt where no `Retry-After` says otherwise; it doubles.
    pub(crate) wait: Duration,
    /// How long the product waits for an answer.
    pub(crate) timeout: Duration,
}

/// One request of a connection test, and what it must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// A list.
    List(&'static str),
    /// A single document.
    Document(&'static str),
    /// A filter for a user that cannot exist: an empty list.
    NobodyFound(&'static str),
    /// A user and a group for trial are created, changed and deleted.
    TrialUserAndGroup,
}

/// How users are written.
#[derive(Debug)]
pub(crate) struct UserStyle {
    /// What follows the filter in the query that looks for a user.
    pub(crate) find_suffix: &'static str,
    pub(crate) schemas: &'static [&'static str],
    /// The attributes of a whole user, in the product's order.
    pub(crate) fields: &'static [Field],
    /// How a profile is changed.
    pub(crate) profile: Change,
    /// How an account is disabled and enabled.
    pub(crate) active: Change,
    /// Whether it asks who the manager is before it sets one.
    pub(crate) asks_manager: bool,
    /// Whether it looks for the user before it enables the account again.
    pub(crate) looks_before_enabling: bool,
    pub(crate) leave: Leave,
    /// Whether a PUT that is answered 404 makes the user anew.
    pub(crate) recreates: bool,
}

impl UserStyle {
    /// The URN under which enterprise attributes are sent, if they are.
    pub(crate) fn enterprise(&self) -> Option<&'static str> {
        self.fields.iter().find_map(|field| match field {
            Field::Enterprise(urn) => Some(*urn),
            _ => None,
        })
    }
}

/// An attribute of a whole user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The product's own id of the person.
    ExternalId(ExternalId),
    UserName,
    Active,
    DisplayName,
    Title,
    /// The given and the family name.
    Name,
    /// The same with `formatted`, before them.
    NameFormatted,
    /// One address with type work, primary.
    Emails,
    /// One primary address without a type.
    EmailsUntyped,
    /// One address with type work, once it is known.
    Address,
    /// The enterprise extension under this URN: employee number, department, manager.
    Enterprise(&'static str),
    /// `meta` with `resourceType` alone.
    Meta,
    /// An empty array.
    Nothing(&'static str),
    /// A fixed text.
    Text(&'static str, &'static str),
}

/// What a product calls a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExternalId {
    /// A UUID.
    ObjectId,
    /// `00u` and 17 digits.
    Okta,
    /// 24 hexadecimal digits.
    Hex24,
}

/// How a resource is changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// PUT of the whole resource.
    Put(Source),
    /// PATCH.
    Patch(PatchStyle),
}

/// What a PUT is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The resource is read, changed, and sent back with everything that came with it.
    Read,
    /// The product's own record.
    Own,
}

/// How a PATCH of a user is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatchStyle {
    pub(crate) words: Words,
    pub(crate) form: Form,
    pub(crate) booleans: Booleans,
}

/// How operations are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// `add`
    Lower,
    /// `Add`
    Capital,
}

impl Words {
    pub(crate) const fn add(self) -> &'static str {
        match self {
            Self::Lower => "add",
            Self::Capital => "Add",
        }
    }

    pub(crate) const fn replace(self) -> &'static str {
        match self {
            Self::Lower => "replace",
            Self::Capital => "Replace",
        }
    }

    pub(crate) const fn remove(self) -> &'static str {
        match self {
            Self::Lower => "remove",
            Self::Capital => "Remove",
        }
    }
}

/// Where a PATCH says which attribute it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One operation with a path for each attribute.
    Paths,
    /// Several attributes go together as dotted keys of one value without a path; one alone, and
    /// whatever a filter selects, with its path.
    DottedKeys,
    /// One operation without a path for each attribute, its value nested as in the resource.
    Nested,
}

/// How a boolean is written in a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Booleans {
    /// `false`
    Json,
    /// `"False"`
    CapitalText,
    /// `"false"`
    LowerText,
}

/// What happens to the account of somebody who left for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It is disabled and stays.
    Deactivate,
    /// It is disabled, and deleted later.
    DeactivateThenDelete,
    /// It is deleted.
    Delete,
}

/// How groups are written.
#[derive(Debug)]
pub(crate) struct GroupStyle {
    pub(crate) find: FindGroup,
    pub(crate) schemas: &'static [&'static str],
    pub(crate) fields: &'static [GroupField],
    pub(crate) rename: Rename,
    pub(crate) members: Members,
    /// Whether a group that is no longer assigned is deleted.
    pub(crate) deletes: bool,
}

/// How a product finds out whether a group is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FindGroup {
    /// By a filter on displayName, with something before and something after it in the query.
    Filter { before: &'static str, after: &'static str },
    /// It reads all groups, page by page, and compares their names itself.
    ReadAll { count: usize },
}

/// An attribute of a new group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupField {
    ExternalId,
    DisplayName,
    /// An empty list of members.
    NoMembers,
    /// `meta` with `resourceType` alone.
    Meta,
}

/// How a group gets another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rename {
    /// PATCH with the path displayName.
    Path(Words),
    /// PATCH without a path, the id beside the name.
    PathlessWithId,
    /// PUT of the whole group.
    Put,
}

/// How members are changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Members {
    /// PUT of the whole group.
    Put(Entry),
    /// PATCH that replaces the whole list.
    ReplaceAll(Entry),
    /// PATCH with what comes and what goes.
    Deltas(Deltas),
}

impl Members {
    /// Whether each change carries the whole list.
    pub(crate) const fn are_whole(self) -> bool {
        matches!(self, Self::Put(_) | Self::ReplaceAll(_))
    }

    /// What stands for a member.
    pub(crate) const fn entry(self) -> Entry {
        match self {
            Self::Put(entry) | Self::ReplaceAll(entry) => entry,
            Self::Deltas(deltas) => deltas.entry,
        }
    }
}

/// How changes of members are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deltas {
    pub(crate) words: Words,
    /// How many members go in one request.
    pub(crate) batch: usize,
    /// Whether the group's name is sent before each change.
    pub(crate) name_first: bool,
    pub(crate) entry: Entry,
    pub(crate) removal: Removal,
    /// Whether a group is emptied by replacing its members with nothing.
    pub(crate) empties_by_replace: bool,
}

/// What stands for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `{"value":"…"}`
    Value,
    /// `{"$ref":null,"value":"…"}`
    NullRef,
    /// `{"value":"…","display":"…"}`
    Display,
}

/// How members are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// `remove` of `members` with the list of those to go.
    ValueArray,
    /// One `remove` of `members[value eq "…"]` for each.
    ValuePath,
}
