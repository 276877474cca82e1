//! Why a request was refused, as one name of a closed set, and what its sender should do instead.
//!
//! The names are the labels of metrics, the words of the log, and what the request log is searched by.

use crate::ScimType;

/// Why a request was refused: the `scimType` where the RFC has one, else a word of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is explained by its advice")]
pub enum Reason {
    Unauthorized,
    DirectoryDisabled,
    NoSuchEndpoint,
    NoSuchResource,
    MethodNotAllowed,
    BodyTimeout,
    VersionMismatch,
    BodyTooLarge,
    UnsupportedMediaType,
    NotImplemented,
    Unavailable,
    Internal,
    /// The RFC's own word.
    Scim(ScimType),
    Refused,
}

impl Reason {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let own = [
            Self::Unauthorized,
            Self::DirectoryDisabled,
            Self::NoSuchEndpoint,
            Self::NoSuchResource,
            Self::MethodNotAllowed,
            Self::BodyTimeout,
            Self::VersionMismatch,
            Self::BodyTooLarge,
            Self::UnsupportedMediaType,
            Self::NotImplemented,
            Self::Unavailable,
            Self::Internal,
        ];
        let of_the_rfc = ScimType::ALL.iter().copied().map(Self::Scim);
        own.into_iter().chain(of_the_rfc).chain([Self::Refused])
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::DirectoryDisabled => "directory_disabled",
            Self::NoSuchEndpoint => "no_such_endpoint",
            Self::NoSuchResource => "no_such_resource",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTimeout => "body_timeout",
            Self::VersionMismatch => "version_mismatch",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::NotImplemented => "not_implemented",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Scim(scim_type) => scim_type.as_str(),
            Self::Refused => "refused",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|reason| reason.as_str() == name)
    }

    /// What the provider, or who set it up, should do instead. The `detail` of the answer says where it was wrong; this
    /// says how to put it right.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unauthorized => {
                "Send the directory's own token as `Authorization: Bearer <token>`. A token opens one directory and \
                 may have expired or been deleted: make another one for this directory and put it into the provider."
            }
            Self::DirectoryDisabled => {
                "Nothing is wrong with the request. Enable the directory, then let the provider run again."
            }
            Self::NoSuchEndpoint => {
                "Check the base URL at the provider: it ends with the directory's id, and what follows it is /Users, \
                 /Groups, /Bulk, /ServiceProviderConfig, /ResourceTypes or /Schemas."
            }
            Self::NoSuchResource => {
                "The id is of no user or group of this directory: it was deleted, or the provider holds an id of \
                 another directory. Look the resource up by userName, displayName or externalId, and create it if it \
                 is not there; most providers do so when their provisioning is restarted."
            }
            Self::MethodNotAllowed => "Use one of the methods that the answer's Allow header names.",
            Self::BodyTimeout => {
                "Send the body at once. If it is large, send it in parts: members in several PATCH requests."
            }
            Self::VersionMismatch => {
                "Somebody changed the resource since it was read. Read it again, take its ETag, and send the change \
                 with that If-Match; or send it without If-Match."
            }
            Self::BodyTooLarge => {
                "Send less at once: the members of a large group in several PATCH requests, a bulk request in parts."
            }
            Self::UnsupportedMediaType => {
                "Send `Content-Type: application/scim+json` (or application/json, where the directory's compatibility \
                 rules allow it), and no Content-Encoding."
            }
            Self::NotImplemented => {
                "This part of SCIM is not offered; /ServiceProviderConfig says which parts are. Switch it off at the \
                 provider."
            }
            Self::Unavailable => {
                "Nothing is wrong with the request. Send it again after the seconds that Retry-After names."
            }
            Self::Internal => {
                "This is a fault of the service and not of the request. Its log says more, under the request's id."
            }
            Self::Scim(ScimType::InvalidFilter) => {
                "Write the filter as RFC 7644 section 3.4.2.2 has it, as `userName eq \"ada@example.com\"`: the name \
                 of an attribute, an operator, a JSON value, and URL-encoded as a whole."
            }
            Self::Scim(ScimType::TooMany) => {
                "Narrow the query: filter by id, userName, externalId, displayName or emails.value, which are indexed."
            }
            Self::Scim(ScimType::Uniqueness) => {
                "Another user of this directory has that userName. Look it up by `userName eq` and update that user \
                 instead of creating one, or give this one another userName."
            }
            Self::Scim(ScimType::Mutability) => {
                "The attribute cannot be changed by a client. Leave it out of the request (id, meta and groups are \
                 kept by the service; memberships are changed at the group)."
            }
            Self::Scim(ScimType::InvalidSyntax) => {
                "Send one JSON object of the form that the operation asks for: a resource with its `schemas` for POST \
                 and PUT, `Operations` for PATCH. Each name may stand in it once."
            }
            Self::Scim(ScimType::InvalidPath) => {
                "Write the path as RFC 7644 section 3.5.2 has it: `title`, `name.familyName`, `emails[type eq \
                 \"work\"].value`, or with the schema's URN before it."
            }
            Self::Scim(ScimType::NoTarget) => {
                "Nothing matches the path's filter, or a remove operation has no path. Name what is there, or add the \
                 value as a whole (`path` emails, `value` a list)."
            }
            Self::Scim(ScimType::InvalidValue) => {
                "Send the attribute with the type that /Schemas shows: a string, true or false, a list of objects. \
                 Required attributes must be there: userName of a user, displayName of a group."
            }
            Self::Scim(ScimType::InvalidVers) => {
                "Use /scim/v2: no other version of the protocol is spoken here."
            }
            Self::Scim(ScimType::Sensitive) => {
                "Do not put such values into the URL. Send the query as a POST to .search, with the filter in the body."
            }
            Self::Scim(ScimType::InvalidCursor) => {
                "Begin again without a cursor. A cursor belongs to one query of one directory: send it back as it was \
                 given, with the same filter and sorting."
            }
            Self::Scim(ScimType::ExpiredCursor) => {
                "Begin again without a cursor; this one was given too long ago."
            }
            Self::Scim(ScimType::InvalidCount) => {
                "Send `count` as a whole number; how many there may be /ServiceProviderConfig says."
            }
            Self::Refused => "The detail of the answer says what was wrong.",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_and_an_advice_of_its_own() {
        let names: BTreeSet<_> = Reason::all().map(Reason::as_str).collect();
        let advices: BTreeSet<_> = Reason::all().map(Reason::advice).collect();
        assert_eq!((names.len(), advices.len()), (Reason::all().count(), Reason::all().count()));
        for reason in Reason::all() {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
            assert!(reason.advice().ends_with('.') && !reason.advice().contains("  "), "{reason:?}");
        }
        assert_eq!(Reason::parse("nothing"), None);
    }
}
