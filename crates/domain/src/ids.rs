//! Identifiers: a prefix that says what it names, then a UUIDv7 in 32 hex digits, so that ids
//! sort by their time of birth and nothing in them needs escaping.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(Box<str>);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id made from a UUID.
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(format!(concat!($prefix, "{}"), uuid.simple()).into())
            }

            /// The id that `text` spells, if it has the prefix and 32 lower-case hex digits.
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text, $prefix).then(|| Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The UUID inside.
            pub fn uuid(&self) -> Uuid {
                Uuid::try_parse(&self.0[$prefix.len()..]).unwrap_or(Uuid::nil())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    serde::de::Error::custom(concat!("not an id of the form ", $prefix, "<32 hex digits>"))
                })
            }
        }
    };
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

id!(
    /// An organization: a customer of the application.
    OrganizationId, "org_");
id!(
    /// A replay of a range of the log to an endpoint.
    ReplayId, "rpl_");
id!(
    /// A directory: one SCIM connection of one provider.
    DirectoryId, "dir_");
id!(
    /// A user. It is the SCIM `id` too.
    UserId, "usr_");
id!(
    /// A group. It is the SCIM `id` too.
    GroupId, "grp_");
id!(
    /// An event, and the `webhook-id` of each of its deliveries.
    EventId, "evt_");
id!(
    /// An endpoint: a receiver of webhooks.
    EndpointId, "ep_");
id!(
    /// A bearer token of a directory (the name of it, never the token).
    TokenId, "tok_");
id!(
    /// One HTTP attempt at a delivery.
    AttemptId, "att_");
id!(
    /// One request that came in.
    RequestId, "req_");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_what_they_print_and_nothing_else() {
        let id = UserId::from_uuid(Uuid::from_u128(7));
        assert_eq!(UserId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(id.uuid(), Uuid::from_u128(7));
        let upper = id.as_str().to_uppercase();
        for odd in
            ["", "usr_", "grp_00000000000000000000000000000007", upper.as_str(), "usr_%00", "usr_../etc"]
        {
            assert_eq!(UserId::parse(odd), None, "{odd}");
        }
    }
}
