//! Which URLs an endpoint may have.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Reach, Settings};

/// Ports from 1024 up where no webhook receiver listens, but something does that would take a
/// request for something else.
const FORBIDDEN_PORTS: [u16; 14] =
    [2375, 2376, 2379, 2380, 3306, 5432, 5672, 6379, 6443, 9092, 9200, 10250, 11211, 27017];

/// Why a URL may not be sent to, in words for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressRefusal {
    /// It is no absolute URL.
    #[error("this is not a complete URL: {0}")]
    NotAUrl(String),
    /// The scheme is not allowed.
    #[error("the URL must begin with https://")]
    Scheme,
    /// There is a user name or a password in it.
    #[error("the URL must not contain a user name or a password")]
    Credentials,
    /// There is no host in it.
    #[error("the URL names no host")]
    NoHost,
    /// The port is not allowed.
    #[error("port {0} is not allowed; use 443, 8443 or a port from 1024 up")]
    Port(u16),
    /// The address is not allowed.
    #[error("the address {0} is not on the public internet; `egress.allow_networks` can admit it")]
    Address(IpAddr),
}

/// The URL, if it may be sent to as far as the URL alone says; a host's addresses are looked at on
/// each connection.
pub fn check_url(settings: &Settings, text: &str) -> Result<Url, EgressRefusal> {
    let url = Url::parse(text.trim()).map_err(|e| EgressRefusal::NotAUrl(e.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if settings.allow_http => {}
        _ => return Err(EgressRefusal::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EgressRefusal::Credentials);
    }
    let address: Option<IpAddr> = match url.host() {
        None | Some(Host::Domain("")) => return Err(EgressRefusal::NoHost),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(v4)) => Some(v4.into()),
        Some(Host::Ipv6(v6)) => Some(v6.into()),
    };
    let reach = address.map(|address| (address, settings.reach(address)));
    if let Some((address, Reach::Forbidden)) = reach {
        return Err(EgressRefusal::Address(address));
    }
    let admitted = match reach {
        Some((_, reach)) => reach == Reach::Admitted,
        // The connection will tell: see `needs_admission`.
        None => !settings.allow_networks.is_empty(),
    };
    match url.port_or_known_default() {
        Some(port) if admitted || is_usual(&url, port) => Ok(url),
        port => Err(EgressRefusal::Port(port.unwrap_or(0))),
    }
}

/// Whether the URL's port is only allowed for addresses in `allow_networks`.
pub(crate) fn needs_admission(url: &Url) -> bool {
    url.port_or_known_default().is_none_or(|port| !is_usual(url, port))
}

fn is_usual(url: &Url, port: u16) -> bool {
    // Port 80 is the usual one of a scheme that was allowed.
    port == 443
        || (port == 80 && url.scheme() == "http")
        || (port >= 1024 && !FORBIDDEN_PORTS.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_accepted_or_refused_with_a_reason() {
        use EgressRefusal as E;
        let public = Settings::default();
        for (text, expected) in [
            ("https://example.com/hook", None),
            ("https://example.com:443/", None),
            ("https://example.com:8443/", None),
            ("https://example.com:3000/", None),
            ("https://1.1.1.1/", None),
            ("https://[2606:4700::1111]/", None),
            ("http://example.com/", Some(E::Scheme)),
            ("ftp://example.com/", Some(E::Scheme)),
            ("file:///etc/passwd", Some(E::Scheme)),
            ("gopher://127.0.0.1:6379/", Some(E::Scheme)),
            ("https://user@example.com/", Some(E::Credentials)),
            ("https://user:pass@example.com/", Some(E::Credentials)),
            ("https://example.com:22/", Some(E::Port(22))),
            ("https://example.com:80/", Some(E::Port(80))),
            ("https://example.com:6379/", Some(E::Port(6379))),
            ("https://example.com:0/", Some(E::Port(0))),
        ] {
            assert_eq!(check_url(&public, text).err(), expected, "{text}");
        }
        for text in [
            "",
            "example.com",
            "/hook",
            "https://",
            "https://exa mple.com/",
            "https://[::1/",
            "https://a:99999/",
        ] {
            assert!(matches!(check_url(&public, text), Err(E::NotAUrl(_))), "{text}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_seen() {
        let public = Settings::default();
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://127.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://127.0.0.1./",
            "https://0/",
            "https://%31%32%37.0.0.1/",
            "https://①②⑦.0.0.1/",
            "https://127。0。0。1/",
            "https://[::1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://0xa9fea9fe/",
            "https://10.1/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
        ] {
            assert!(matches!(check_url(&public, text), Err(EgressRefusal::Address(_))), "{text}");
        }
    }

    #[test]
    fn where_a_network_is_admitted_any_port_is() {
        let settings = Settings {
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            allow_http: true,
            ..Settings::default()
        };
        for text in [
            "http://127.0.0.1:1/",
            "https://127.0.0.1:6379/",
            "http://receiver.test:25/",
            "http://example.com/",
        ] {
            assert!(check_url(&settings, text).is_ok(), "{text}");
        }
        assert_eq!(check_url(&settings, "https://1.1.1.1:25/").err(), Some(EgressRefusal::Port(25)));
        assert!(needs_admission(&Url::parse("http://receiver.test:25/").unwrap()));
        assert!(!needs_admission(&Url::parse("http://receiver.test/").unwrap()));
    }
}
