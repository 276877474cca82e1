//! Names to vetted addresses.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Reach, Settings};

/// No look-up takes longer, whatever the attempt's deadline.
const LOOKUP: Duration = Duration::from_secs(10);

/// The policy forbids an address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the address {0} is forbidden by the egress policy")]
pub(crate) struct Forbidden(pub(crate) IpAddr);

/// A name did not resolve.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve: {0}")]
pub(crate) struct Unresolved(String);

/// Resolves with the system's resolver and refuses a name if any of its addresses is forbidden, so
/// that it does not matter which one is connected to.
pub(crate) struct Vetting {
    settings: Arc<Settings>,
    /// Refuse public addresses too: the port is only allowed in admitted networks.
    admitted_only: bool,
}

impl Vetting {
    pub(crate) fn new(settings: Arc<Settings>, admitted_only: bool) -> Self {
        Self { settings, admitted_only }
    }
}

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let settings = Arc::clone(&self.settings);
        let admitted_only = self.admitted_only;
        Box::pin(async move {
            let lookup = tokio::net::lookup_host((name.as_str(), 0));
            let found: Vec<SocketAddr> = match tokio::time::timeout(LOOKUP, lookup).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(error)) => return Err(Unresolved(error.to_string()).into()),
                Err(_) => return Err(Unresolved("the look-up took too long".into()).into()),
            };
            vet(&settings, admitted_only, &found)?;
            if found.is_empty() {
                return Err(Unresolved("it has no address".into()).into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

fn vet(settings: &Settings, admitted_only: bool, addresses: &[SocketAddr]) -> Result<(), Forbidden> {
    for address in addresses {
        match settings.reach(address.ip()) {
            Reach::Admitted => {}
            Reach::Public if !admitted_only => {}
            Reach::Public | Reach::Forbidden => return Err(Forbidden(address.ip())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_forbidden_address_refuses_the_name() {
        let settings =
            Settings { allow_networks: vec!["10.0.0.0/8".parse().unwrap()], ..Settings::default() };
        let list = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|t| SocketAddr::new(t.parse().unwrap(), 0)).collect()
        };
        assert!(vet(&settings, false, &list(&["1.1.1.1", "10.0.0.1"])).is_ok());
        assert!(vet(&settings, true, &list(&["10.0.0.1"])).is_ok());
        assert!(vet(&settings, true, &list(&["1.1.1.1"])).is_err());
        assert!(vet(&settings, false, &list(&["1.1.1.1", "127.0.0.1"])).is_err());
        assert!(vet(&settings, false, &list(&["1.1.1.1", "::ffff:192.168.0.1"])).is_err());
    }
}
