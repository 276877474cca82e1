//! What an address is to the policy: public, admitted by the deployment, or forbidden.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Settings;

/// See above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On the public internet.
    Public,
    /// In one of `allow_networks`.
    Admitted,
    /// Neither, or in one of `deny_networks`.
    Forbidden,
}

impl Settings {
    pub(crate) fn reach(&self, address: IpAddr) -> Reach {
        // Denied is what is denied in either spelling: as it is given, which a network such as
        // 64:ff9b::/96 holds, and as the address that it stands for.
        let given = address;
        let address = inner(given);
        if self.deny_networks.iter().any(|network| network.contains(address) || network.contains(given)) {
            Reach::Forbidden
        } else if self.allow_networks.iter().any(|network| network.contains(address)) {
            Reach::Admitted
        } else if is_public(address) {
            Reach::Public
        } else {
            Reach::Forbidden
        }
    }
}

/// The IPv4 address that an IPv6 one stands for (mapped, or through the well-known NAT64 prefix of
/// RFC 6052), else the address itself.
fn inner(address: IpAddr) -> IpAddr {
    if let IpAddr::V6(v6) = address {
        let [a, b, c, d, e, f, g, h] = v6.segments();
        if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
            let [[p, q], [r, s]] = [g.to_be_bytes(), h.to_be_bytes()];
            return IpAddr::V4(Ipv4Addr::new(p, q, r, s));
        }
    }
    address.to_canonical()
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Not in the IANA registry of special IPv4 addresses (RFC 6890), nor multicast or reserved.
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 31, 196, _]
            | [192, 52, 193, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [192, 175, 48, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
    )
}

/// In the global unicast range, without the parts of it that are for documentation, tunnels
/// (Teredo, 6to4) and protocols. All that embeds an IPv4 address otherwise is outside that range.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    (0x2000..=0x3fff).contains(&a)
        && !(a == 0x2001 && b < 0x0200)
        && !(a == 0x2001 && b == 0x0db8)
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        let settings = Settings::default();
        for forbidden in [
            "0.0.0.0",
            "0.255.1.1",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.168.1.1",
            "192.175.48.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(settings.reach(forbidden.parse().unwrap()), Reach::Forbidden, "{forbidden}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3fff:1000::1",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(settings.reach(public.parse().unwrap()), Reach::Public, "{public}");
        }
    }

    #[test]
    fn networks_of_the_deployment_come_first() {
        let settings = Settings {
            allow_networks: vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            deny_networks: vec!["127.0.0.53/32".parse().unwrap(), "8.8.8.0/24".parse().unwrap()],
            allow_http: false,
        };
        for (address, reach) in [
            ("127.0.0.1", Reach::Admitted),
            ("::ffff:127.0.0.1", Reach::Admitted),
            ("64:ff9b::127.0.0.1", Reach::Admitted),
            ("127.0.0.53", Reach::Forbidden),
            ("::ffff:127.0.0.53", Reach::Forbidden),
            ("8.8.8.8", Reach::Forbidden),
            ("64:ff9b::8.8.8.8", Reach::Forbidden),
            ("8.8.4.4", Reach::Public),
            ("fd12::1", Reach::Admitted),
            ("::1", Reach::Forbidden),
        ] {
            assert_eq!(settings.reach(address.parse().unwrap()), reach, "{address}");
        }
    }

    #[test]
    fn a_denied_prefix_that_embeds_ipv4_is_denied() {
        let settings = Settings {
            deny_networks: vec!["64:ff9b::/96".parse().unwrap(), "::ffff:0:0/96".parse().unwrap()],
            ..Settings::default()
        };
        for (address, reach) in [
            ("64:ff9b::8.8.8.8", Reach::Forbidden),
            ("::ffff:8.8.8.8", Reach::Forbidden),
            ("8.8.8.8", Reach::Public),
            ("2606:4700::1111", Reach::Public),
        ] {
            assert_eq!(settings.reach(address.parse().unwrap()), reach, "{address}");
        }
    }
}
