//! Values in bodies that know what is allowed in their place, so that a refusal can say it.

use std::{fmt, marker::PhantomData};

use jiff::Timestamp;
use rollcall_domain::{
    directory::{Mode, Provider},
    endpoint::OnExhausted,
    event::EventType,
};
use rollcall_store::config_ops::Start;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};

use crate::error::clipped;

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Within<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Within<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WithinVisitor::<MIN, MAX>)
    }
}

struct WithinVisitor<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> WithinVisitor<MIN, MAX> {
    fn out_of_range<E: Error>() -> E {
        E::custom(format_args!("must be a whole number from {MIN} to {MAX}"))
    }
}

impl<const MIN: u32, const MAX: u32> Visitor<'_> for WithinVisitor<MIN, MAX> {
    type Value = Within<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Within)
            .ok_or_else(Self::out_of_range)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_u64(u64::try_from(number).map_err(|_| Self::out_of_range())?)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(Self::out_of_range())
    }
}

/// A value that has one of some names.
pub(crate) trait Choice: Sized + Copy + 'static {
    /// Every value with its name, in the order of the documentation.
    fn all() -> Vec<(&'static str, Self)>;
}

impl Choice for EventType {
    fn all() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect()
    }
}

impl Choice for Provider {
    fn all() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|provider| (provider.as_str(), *provider)).collect()
    }
}

impl Choice for Mode {
    fn all() -> Vec<(&'static str, Self)> {
        vec![("live", Self::Live), ("sandbox", Self::Sandbox)]
    }
}

impl Choice for OnExhausted {
    fn all() -> Vec<(&'static str, Self)> {
        vec![("dead_letter", Self::DeadLetter), ("block", Self::Block), ("coalesce", Self::Coalesce)]
    }
}

/// A kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signature {
    /// HMAC-SHA256 by the endpoint's secret.
    V1,
    /// Ed25519 by a key whose public half anybody may have.
    V1a,
}

impl Choice for Signature {
    fn all() -> Vec<(&'static str, Self)> {
        vec![("v1", Self::V1), ("v1a", Self::V1a)]
    }
}

/// The value of this name, or what to say: "must be one of a, b, not `c`".
pub(crate) fn choose<T: Choice>(name: &str) -> Result<T, String> {
    let all = T::all();
    all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(known, _)| *known).collect();
        format!("must be one of {}, not `{}`", names.join(", "), clipped(name))
    })
}

/// A string that must be one of the names of `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OneOf<T>(pub(crate) T);

impl<'de, T: Choice> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OneOfVisitor(PhantomData))
    }
}

struct OneOfVisitor<T>(PhantomData<T>);

impl<T: Choice> Visitor<'_> for OneOfVisitor<T> {
    type Value = OneOf<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        choose(name).map(OneOf).map_err(E::custom)
    }
}

/// One entry of a list of event types: a name, or a pattern (`user.*`, `*`) that stands for several. Operator events
/// are in no pattern but one that begins as they do: they have to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventTypes {
    kinds: Vec<EventType>,
    is_pattern: bool,
}

impl EventTypes {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let prefix = match text {
            "*" => Some(""),
            _ => text.strip_suffix('*').filter(|prefix| prefix.ends_with('.')),
        };
        let Some(prefix) = prefix else {
            return choose(text).map(|kind| Self { kinds: vec![kind], is_pattern: false });
        };
        let is_meant = |kind: &&EventType| {
            kind.as_str().starts_with(prefix) && (!prefix.is_empty() || !kind.is_operator())
        };
        let kinds: Vec<EventType> = EventType::ALL.iter().filter(is_meant).copied().collect();
        if kinds.is_empty() {
            return Err(format!("must be a type or a pattern such as user.*, not `{}`", clipped(text)));
        }
        Ok(Self { kinds, is_pattern: true })
    }

    /// The types that these entries stand for, each once.
    pub(crate) fn all_of(entries: Vec<Self>) -> Vec<EventType> {
        let mut all = Vec::new();
        for kind in entries.into_iter().flat_map(|entry| entry.kinds) {
            if !all.contains(&kind) {
                all.push(kind);
            }
        }
        all
    }

    /// The first type that is named twice.
    pub(crate) fn twice(entries: &[Self]) -> Option<EventType> {
        let named: Vec<EventType> =
            entries.iter().filter(|entry| !entry.is_pattern).flat_map(|entry| entry.kinds.clone()).collect();
        (1..named.len()).find(|at| named[..*at].contains(&named[*at])).map(|at| named[at])
    }
}

impl<'de> Deserialize<'de> for EventTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(Self::parse))
    }
}

/// A moment, as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(|text: &str| {
            text.parse().map(Moment).map_err(|_| "must be a time such as 2026-01-31T12:00:00Z".to_owned())
        }))
    }
}

/// A place in a directory, from 1; the store counts in 63 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    fn of(number: u64) -> Option<Self> {
        (1..=i64::MAX as u64).contains(&number).then_some(Self(number))
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl Form {
            fn wrong<E: Error>() -> E {
                E::custom("must be a whole number from 1")
            }
        }

        impl Visitor<'_> for Form {
            type Value = Sequence;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 1")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Sequence, E> {
                Sequence::of(number).ok_or_else(Self::wrong)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Sequence, E> {
                Err(Self::wrong())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Sequence, E> {
                Err(Self::wrong())
            }
        }
        deserializer.deserialize_u64(Form)
    }
}

/// From where on an endpoint begins: `"now"`, `"beginning"`, a sequence, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartAt(pub(crate) Start);

impl StartAt {
    const FORM: &str = "now, beginning, a sequence from 1, or a time such as 2026-01-31T12:00:00Z";
}

impl<'de> Deserialize<'de> for StartAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl Visitor<'_> for Form {
            type Value = StartAt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(StartAt::FORM)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StartAt, E> {
                match text {
                    "now" => Ok(StartAt(Start::Now)),
                    "beginning" => Ok(StartAt(Start::Beginning)),
                    _ => text
                        .parse()
                        .map(|time| StartAt(Start::Time(time)))
                        .map_err(|_| E::custom(format_args!("must be {}", StartAt::FORM))),
                }
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<StartAt, E> {
                Sequence::of(number)
                    .map(|sequence| StartAt(Start::Sequence(sequence.0)))
                    .ok_or_else(|| E::custom(format_args!("must be {}", StartAt::FORM)))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<StartAt, E> {
                Err(E::custom(format_args!("must be {}", StartAt::FORM)))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// A string that is read by this function, which says what it must be.
struct Text<F>(F);

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_the_types_that_begin_so() {
        let all = |texts: &[&str]| -> Vec<&str> {
            let entries = texts.iter().map(|text| EventTypes::parse(text).unwrap()).collect();
            EventTypes::all_of(entries).into_iter().map(EventType::as_str).collect()
        };
        assert_eq!(
            all(&["directory.*"]),
            ["directory.activated", "directory.deactivated", "directory.deleted"]
        );
        assert_eq!(all(&["user.created", "user.*"])[0], "user.created");
        assert_eq!(all(&["user.created", "user.*"]).len(), all(&["user.*"]).len());
        assert_eq!(all(&["group.member_added"]), ["group.member_added"]);
        assert!(all(&["*"]).iter().all(|kind| !kind.starts_with("endpoint.")));
        assert!(all(&["endpoint.*"]).contains(&"endpoint.failing"));
        for text in ["user*", "use.*", ".*", "**", "", "*.created", "user.created.*"] {
            assert!(EventTypes::parse(text).is_err(), "{text}");
        }
        let twice = ["user.created", "user.*", "user.created"].map(|text| EventTypes::parse(text).unwrap());
        assert_eq!(EventTypes::twice(&twice), Some(EventType::UserCreated));
        assert_eq!(EventTypes::twice(&twice[..2]), None);
    }

    #[test]
    fn the_names_are_those_of_the_domain() {
        for (name, value) in Mode::all() {
            assert_eq!(serde_json::to_value(value).unwrap(), name);
        }
        for (name, value) in OnExhausted::all() {
            assert_eq!(serde_json::to_value(value).unwrap(), name);
        }
    }
}
