//! The products that can be played, by name.

use std::{fmt, str::FromStr};

use crate::{style::Style, styles};

/// Which product, and which of its ways of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Microsoft Entra ID, as it speaks unless told otherwise.
    Entra,
    /// Microsoft Entra ID with `aadOptscim062020` on the tenant URL.
    Entra2020,
    /// Okta, an application of the integration network.
    Okta,
    /// Okta, a custom application.
    OktaCustom,
    /// OneLogin.
    OneLogin,
    /// JumpCloud.
    JumpCloud,
    /// PingOne and PingFederate.
    PingOne,
    /// CyberArk Identity.
    CyberArk,
    /// Rippling.
    Rippling,
    /// SailPoint.
    SailPoint,
    /// Keycloak with a SCIM extension.
    Keycloak,
    /// authentik.
    Authentik,
    /// Google Workspace's automatic provisioning.
    Google,
}

impl Provider {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Entra,
        Self::Entra2020,
        Self::Okta,
        Self::OktaCustom,
        Self::OneLogin,
        Self::JumpCloud,
        Self::PingOne,
        Self::Google,
        Self::Rippling,
        Self::CyberArk,
        Self::SailPoint,
        Self::Keycloak,
        Self::Authentik,
    ];

    /// The product's name for people.
    pub const fn name(self) -> &'static str {
        self.style().name
    }

    /// Its name on a command line.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Entra2020 => "entra-2020",
            Self::Okta => "okta",
            Self::OktaCustom => "okta-custom",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::PingOne => "pingone",
            Self::CyberArk => "cyberark",
            Self::Rippling => "rippling",
            Self::SailPoint => "sailpoint",
            Self::Keycloak => "keycloak",
            Self::Authentik => "authentik",
            Self::Google => "google",
        }
    }

    pub(crate) const fn style(self) -> &'static Style {
        match self {
            Self::Entra => &styles::ENTRA,
            Self::Entra2020 => &styles::ENTRA_2020,
            Self::Okta => &styles::OKTA,
            Self::OktaCustom => &styles::OKTA_CUSTOM,
            Self::OneLogin => &styles::ONELOGIN,
            Self::JumpCloud => &styles::JUMPCLOUD,
            Self::PingOne => &styles::PINGONE,
            Self::CyberArk => &styles::CYBERARK,
            Self::Rippling => &styles::RIPPLING,
            Self::SailPoint => &styles::SAILPOINT,
            Self::Keycloak => &styles::KEYCLOAK,
            Self::Authentik => &styles::AUTHENTIK,
            Self::Google => &styles::GOOGLE,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// There is no persona of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no persona {name:?}; there are {}", Provider::ALL.map(Provider::slug).join(", "))]
pub struct UnknownProvider {
    name: String,
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.slug().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownProvider { name: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_persona_is_found_by_its_name() {
        for provider in Provider::ALL {
            assert_eq!(provider.slug().parse(), Ok(provider));
        }
        let error = "lotus".parse::<Provider>().unwrap_err();
        assert!(error.to_string().contains("entra, entra-2020, okta"), "{error}");
    }
}
