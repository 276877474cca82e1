//! The reference for people (`docs/api.md`) says what the code does.

use std::collections::BTreeSet;

use rollcall_api::{ErrorCode, OPENAPI};
use rollcall_domain::{
    delivery::{DeliveryStatus, ErrorClass},
    directory::Provider,
    endpoint::{EndpointState, RetrySchedule},
};
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/api.md");

/// The rows of the table that begins with this line, as cells.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(&format!("\n{head}\n|---")).unwrap_or_else(|| panic!("no table {head}"));
    rest.lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("it is JSON")
}

/// A list of names in the document.
fn listed(pointer: &str) -> Vec<String> {
    serde_json::from_value(document().pointer(pointer).expect(pointer).clone()).expect("they are names")
}

/// Every status; a new one does not compile until it is here.
const STATUSES: [DeliveryStatus; 7] = {
    use DeliveryStatus as S;
    match S::Pending {
        S::Pending | S::Delivering | S::Delivered | S::Retrying | S::Parked | S::Dead | S::Discarded => {}
    }
    [S::Pending, S::Delivering, S::Delivered, S::Retrying, S::Parked, S::Dead, S::Discarded]
};

/// Every state of an endpoint, likewise.
const STATES: [EndpointState; 4] = {
    use EndpointState as S;
    match S::Active {
        S::Active | S::Paused | S::Disabled | S::Quarantined => {}
    }
    [S::Active, S::Paused, S::Disabled, S::Quarantined]
};

#[test]
fn it_has_every_code_with_its_status() {
    let documented: Vec<_> =
        table("| code | status | when |").iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    let codes: Vec<_> =
        ErrorCode::ALL.iter().map(|code| format!("`{}` {}", code.as_str(), code.status())).collect();
    assert_eq!(documented, codes);
}

#[test]
fn it_has_every_route_and_no_other() {
    // The document is held against the code by a test of its own.
    let document = document();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("there are paths") {
        for method in item.as_object().expect("they are objects").keys().filter(|key| *key != "parameters") {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let documented: Vec<_> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(route, _)| route.to_owned())
        .filter(|route| route.contains(" /v1/"))
        .collect();
    assert_eq!(documented.len(), routes.len(), "a route is there twice, or is missing");
    assert_eq!(BTreeSet::from_iter(documented), routes);
}

#[test]
fn it_has_every_status_of_a_delivery() {
    let names = STATUSES.map(DeliveryStatus::as_str);
    let documented: Vec<_> =
        table("| status | meaning |").iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(documented, names);
    assert_eq!(listed("/components/schemas/DeliveryStatus/enum"), names);
    assert!(names.iter().all(|name| DeliveryStatus::parse(name).is_some()));
}

#[test]
fn it_has_every_state_of_an_endpoint() {
    let names = STATES.map(EndpointState::as_str);
    let documented: Vec<_> = table("| state | how it came about | what ends it |")
        .iter()
        .map(|row| row[0].trim_matches('`'))
        .collect();
    assert_eq!(documented, names);
    assert_eq!(listed("/components/schemas/Endpoint/properties/state/enum"), names);
}

#[test]
fn its_names_and_defaults_are_those_of_the_code() {
    let providers: Vec<_> = Provider::ALL.iter().map(|provider| format!("`{}`", provider.as_str())).collect();
    assert!(PAGE.contains(&format!("required: {} |", providers.join(" "))));
    let errors = listed("/components/schemas/Attempt/properties/error/enum");
    assert!(errors.iter().all(|name| ErrorClass::parse(name).is_some()));
    let errors: Vec<_> = errors.iter().map(|name| format!("`{name}`")).collect();
    assert!(PAGE.contains(&format!("({})", errors.join(" "))));
    let schedule = serde_json::to_string(&RetrySchedule::default()).expect("it is a list");
    assert!(PAGE.contains(&format!("Unless given `{schedule}`")));
    assert!(PAGE.contains(&format!("1 to {} entries of 0 to 604,800", RetrySchedule::MAX_ATTEMPTS)));
    assert_eq!(RetrySchedule::MAX_WAIT_SECONDS, 604_800);
    assert!(PAGE.contains(&format!("At most {} streams", rollcall_api::State::MAX_STREAMS)));
}
