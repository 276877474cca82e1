//! The products, each a constant: see the file of its name for what it is known for.

mod authentik;
mod cyberark;
mod entra;
mod google;
mod jumpcloud;
mod keycloak;
mod okta;
mod onelogin;
mod pingone;
mod rippling;
mod sailpoint;

use std::time::Duration;

pub(crate) use self::{
    authentik::AUTHENTIK,
    cyberark::CYBERARK,
    entra::{ENTRA, ENTRA_2020},
    google::GOOGLE,
    jumpcloud::JUMPCLOUD,
    keycloak::KEYCLOAK,
    okta::{OKTA, OKTA_CUSTOM},
    onelogin::ONELOGIN,
    pingone::PINGONE,
    rippling::RIPPLING,
    sailpoint::SAILPOINT,
};
use crate::{
    schema::{ENTERPRISE, GROUP, USER},
    style::{Booleans, ExternalId, Field, Form, GroupField, Headers, PatchStyle, Retry, Words},
};

const SCIM_JSON: &str = "application/scim+json";
const JSON: &str = "application/json";

/// The user agent of a product whose own is not known.
macro_rules! agent {
    ($name:literal) => {
        concat!("Rollcall-Simulator/", env!("CARGO_PKG_VERSION"), " (", $name, ")")
    };
}
use agent;

/// The headers of a product that sends one media type and accepts the same.
const fn headers(user_agent: &'static str, media_type: &'static str) -> Headers {
    Headers { user_agent, content_type: media_type, accept: media_type, accept_charset: None }
}

/// What is assumed of products whose waiting is not documented.
const RETRY: Retry = Retry { attempts: 4, wait: Duration::from_secs(1), timeout: Duration::from_secs(30) };

const USER_SCHEMAS: &[&str] = &[USER, ENTERPRISE];
const GROUP_SCHEMAS: &[&str] = &[GROUP];
const GROUP_FIELDS: &[GroupField] = &[GroupField::DisplayName, GroupField::NoMembers];

/// A user in the order of RFC 7643 section 4.1, with what all directories know.
const FIELDS: &[Field] = &[
    Field::ExternalId(ExternalId::Hex24),
    Field::UserName,
    Field::Name,
    Field::DisplayName,
    Field::Title,
    Field::Emails,
    Field::Address,
    Field::Active,
    Field::Enterprise(ENTERPRISE),
];

/// PATCH as the RFC's examples have it.
const STANDARD_PATCH: PatchStyle =
    PatchStyle { words: Words::Lower, form: Form::Paths, booleans: Booleans::Json };
