//! Organizations and their directories.

use jiff::Timestamp;
pub use rollcall_scim::{Rule, RuleMode, RuleSwitches};
use serde::{Deserialize, Serialize};

use crate::ids::{DirectoryId, OrganizationId, TokenId};

/// A customer of the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// `org_…`
    pub id: OrganizationId,
    /// A name for people, 1 to 200 characters.
    pub name: String,
    /// The application's own id for this customer, unique where given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// When it was made.
    #[serde(serialize_with = "crate::timestamp::serialize")]
    pub created_at: Timestamp,
}

/// Which product pushes into a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the products")]
pub enum Provider {
    EntraId,
    Okta,
    #[serde(rename = "onelogin")]
    OneLogin,
    #[serde(rename = "jumpcloud")]
    JumpCloud,
    Ping,
    GoogleWorkspace,
    Rippling,
    #[serde(rename = "cyberark")]
    CyberArk,
    #[serde(rename = "sailpoint")]
    SailPoint,
    Keycloak,
    Generic,
}

impl Provider {
    /// Every provider.
    pub const ALL: &'static [Provider] = &[
        Self::EntraId,
        Self::Okta,
        Self::OneLogin,
        Self::JumpCloud,
        Self::Ping,
        Self::GoogleWorkspace,
        Self::Rippling,
        Self::CyberArk,
        Self::SailPoint,
        Self::Keycloak,
        Self::Generic,
    ];

    /// The name on the wire, such as `entra_id`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EntraId => "entra_id",
            Self::Okta => "okta",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::Ping => "ping",
            Self::GoogleWorkspace => "google_workspace",
            Self::Rippling => "rippling",
            Self::CyberArk => "cyberark",
            Self::SailPoint => "sailpoint",
            Self::Keycloak => "keycloak",
            Self::Generic => "generic",
        }
    }

    /// The provider of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.as_str() == name)
    }
}

/// Whether a directory takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryState {
    /// It takes writes.
    Active,
    /// The owner disabled it: SCIM requests are refused, what is in it stays.
    Disabled,
    /// It was deleted and its rows are being removed; to everybody it is gone.
    Deleted,
}

impl DirectoryState {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

/// Whether a directory's events are for live endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The customer's real directory.
    #[default]
    Live,
    /// For trying things out: its events carry `"sandbox":true` and reach only endpoints that
    /// name the directory.
    Sandbox,
}

/// One SCIM connection of one provider to one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directory {
    /// `dir_…`
    pub id: DirectoryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// A name for people, 1 to 200 characters.
    pub name: String,
    /// Which product pushes into it.
    pub provider: Provider,
    /// Whether it takes writes.
    pub state: DirectoryState,
    /// Live or sandbox.
    pub mode: Mode,
    /// When it was made.
    #[serde(serialize_with = "crate::timestamp::serialize")]
    pub created_at: Timestamp,
    /// Which liberties its provider may take with SCIM.
    pub compatibility: RuleSwitches,
}

/// What may be known of a bearer token after it was shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// `tok_…`
    pub id: TokenId,
    /// The last four characters, to recognise it by.
    pub last_characters: String,
    /// When it was made.
    #[serde(serialize_with = "crate::timestamp::serialize")]
    pub created_at: Timestamp,
    /// When it stops working, if it does.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::timestamp::serialize_option")]
    pub expires_at: Option<Timestamp>,
    /// When it last opened the directory (within some seconds).
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::timestamp::serialize_option")]
    pub last_used_at: Option<Timestamp>,
}
