//! Which addresses may be reached.
//!
//! Whoever may name a URL could name one inside the network that Rollcall runs in. So a URL is
//! checked when an endpoint is made ([`check_url`]) and before each attempt; names are resolved
//! once, by a [`resolver`] that refuses a name if any of its addresses is not public, and only the
//! vetted addresses are connected to; the peer's address is looked at again on the answer.

use serde::{Deserialize, Serialize};

mod address;
mod cidr;
pub(crate) mod resolver;
mod url_policy;

pub use cidr::{Cidr, NoCidr};
pub use url_policy::{EgressRefusal, check_url};

pub(crate) use address::Reach;
pub(crate) use url_policy::needs_admission;

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
