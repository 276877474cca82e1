//! Values in bodies that know what is allowed in their place, so that a refusal can say it.

use std::{fmt, marker::PhantomData};

use rollcall_domain::{
    directory::{Mode, Provider},
    endpoint::OnExhausted,
    event::EventType,
};
use serde::{
    Deserialize, Deserializer,
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

#[cfg(test)]
mod tests {
    use super::*;

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
