//! The names under which enums stand in the database, where the domain does not name them itself.

use rollcall_domain::{
    delivery::Trigger,
    directory::{DirectoryState, Mode, Provider},
    endpoint::{EndpointState, Format, OnExhausted},
};
use serde::{Serialize, de::IntoDeserializer};

/// The name that an enum of unit variants has on the wire, and so in the store.
pub(crate) fn of<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn named<'a, T: serde::Deserialize<'a>>(name: &'a str) -> Option<T> {
    let deserializer: serde::de::value::StrDeserializer<'a, serde::de::value::Error> =
        name.into_deserializer();
    T::deserialize(deserializer).ok()
}

pub(crate) fn provider(name: &str) -> Option<Provider> {
    Provider::parse(name)
}

pub(crate) fn directory_state(name: &str) -> Option<DirectoryState> {
    named(name)
}

pub(crate) fn mode(name: &str) -> Option<Mode> {
    named(name)
}

pub(crate) fn endpoint_state(name: &str) -> Option<EndpointState> {
    named(name)
}

pub(crate) fn format(name: &str) -> Option<Format> {
    named(name)
}

pub(crate) fn on_exhausted(name: &str) -> Option<OnExhausted> {
    named(name)
}

pub(crate) fn trigger(name: &str) -> Option<Trigger> {
    named(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for state in [DirectoryState::Active, DirectoryState::Disabled, DirectoryState::Deleted] {
            assert_eq!(directory_state(state.as_str()), Some(state));
            assert_eq!(of(state), state.as_str());
        }
        for state in [
            EndpointState::Active,
            EndpointState::Paused,
            EndpointState::Disabled,
            EndpointState::Quarantined,
        ] {
            assert_eq!(endpoint_state(state.as_str()), Some(state));
        }
        for cause in [Trigger::Schedule, Trigger::Resend, Trigger::Test, Trigger::Replay] {
            assert_eq!(trigger(cause.as_str()), Some(cause));
        }
        assert_eq!(mode(&of(Mode::Sandbox)), Some(Mode::Sandbox));
        assert_eq!(format(&of(Format::Standard)), Some(Format::Standard));
        assert_eq!(on_exhausted(&of(OnExhausted::Block)), Some(OnExhausted::Block));
        assert_eq!(mode("dead"), None);
    }
}
