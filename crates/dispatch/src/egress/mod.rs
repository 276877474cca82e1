//! Which addresses may be reached.

use serde::{Deserialize, Serialize};

mod cidr;

pub use cidr::Cidr;

/// What the deployment allows beyond the public internet over https, and what it forbids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks that may be reached although they are not public; there, any port is allowed.
    pub allow_networks: Vec<Cidr>,
    /// Networks that may not be reached although they are public. They win over `allow_networks`.
    pub deny_networks: Vec<Cidr>,
    /// Whether plain `http` URLs are allowed.
    pub allow_http: bool,
}
