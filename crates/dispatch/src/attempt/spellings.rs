//! More than two hundred ways to write an address that is not on the public internet: none of them reaches a listener there.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use rollcall_domain::delivery::ErrorClass;
use tokio::time::timeout;

use super::{Courier as _, Marks, Sender, tests::entry};
use crate::{Settings, egress};

/// What an IPv4 address can look like in a URL, IPv6 addresses that hold it included.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let number = u32::from(address);
    let (high, low) = (number >> 16, number & 0xffff);
    let last_three = number & 0x00ff_ffff;
    let plain = address.to_string();
    let map = |from: fn(char) -> char| plain.chars().map(from).collect::<String>();
    let wide = |digit: char| digit.to_digit(10).and_then(|n| char::from_u32(0xff10 + n)).unwrap_or(digit);
    let bold = |digit: char| digit.to_digit(10).and_then(|n| char::from_u32(0x1d7ce + n)).unwrap_or(digit);
    let encoded: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        plain.clone(),
        format!("{plain}."),
        format!("{number}"),
        format!("0x{number:x}"),
        format!("0X{number:08X}"),
        format!("0{number:o}"),
        format!("000000{number:o}"),
        format!("{a}.{last_three}"),
        format!("{a}.{b}.{low}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("00000{a:o}.{b}.{c}.{d}"),
        format!("0x{a:x}.{last_three}"),
        format!("0{a:o}.0x{b:x}.{low}"),
        encoded,
        map(wide),
        map(bold),
        plain.replace('.', "\u{3002}"),
        plain.replace('.', "\u{ff0e}"),
        plain.replace('.', "\u{ff61}"),
        format!("\u{ad}{plain}"),
        format!("[::ffff:{plain}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
        format!("[0000:0000:0000:0000:0000:FFFF:{high:04X}:{low:04X}]"),
        format!("[::{plain}]"),
        format!("[::{high:x}:{low:x}]"),
        format!("[::ffff:0:{plain}]"),
        format!("[64:ff9b::{plain}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[64:ff9b:1::{plain}]"),
        format!("[2002:{high:x}:{low:x}::]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}::]"),
        format!("[2001:0:4136:e378:8000:63bf:{:x}:{:x}]", !high & 0xffff, !low & 0xffff),
        format!("[fe80::5efe:{plain}]"),
        format!("[fe80::200:5efe:{plain}]"),
    ]
}

/// The address that this machine would send from, if it has a network.
fn own() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent by that.
    socket.connect("192.0.2.1:9").ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(own) if own.is_private() => Some(own),
        _ => None,
    }
}

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_reaches_anybody() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    // Plain http is allowed, so that nothing but the address is in the way.
    let egress = egress::Settings { allow_http: true, ..egress::Settings::default() };
    let sender = Sender::new(&Settings::default(), egress, "Rollcall/0").unwrap();

    let marks = Marks::default();
    let mut hosts: Vec<String> =
        ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.1.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .chain(own())
            .flat_map(spellings)
            .collect();
    hosts.extend(
        [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "ip6-localhost",
            "\u{24c1}ocalhost",
            "loc%61lhost",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "127.0.0.1#@example.com",
            "127.0.0.1?@example.com",
            "127.0.0.1\\@example.com",
            "example.com@127.0.0.1",
            "example.com:80@127.0.0.1",
            "example.com%40127.0.0.1",
            "0",
            "127.1",
            "1.1.1.1@0x7f.1",
        ]
        .map(str::to_owned),
    );
    assert!(hosts.len() >= 200, "{}", hosts.len());
    for host in &hosts {
        // The port belongs before what is no host.
        let end = host.find(['#', '?', '\\']).unwrap_or(host.len());
        let url = format!("http://{}:{port}{}/", &host[..end], &host[end..]);
        let target = sender.target(&entry(&url, &[]));
        let sent = sender.send(&target, "evt_1", Bytes::from_static(b"{}"), &marks);
        let answer = timeout(Duration::from_secs(40), sent).await.unwrap();
        assert_eq!(answer.status, None, "{url}");
        assert!(
            matches!(answer.error, Some(ErrorClass::BlockedAddress | ErrorClass::Dns)),
            "{url}: {:?} {:?}",
            answer.error,
            answer.detail
        );
    }
    // Whoever came through would stand in the queue by now.
    assert!(listener.accept().now_or_never().is_none(), "somebody came through");

    // With the network admitted the same listener is reached: it was the policy that kept everybody away.
    let egress = egress::Settings {
        allow_http: true,
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ..egress::Settings::default()
    };
    let sender = Sender::new(&Settings::default(), egress, "Rollcall/0").unwrap();
    let target = sender.target(&entry(&format!("http://127.1:{port}/"), &[]));
    let (reached, _) = tokio::join!(
        timeout(Duration::from_secs(10), listener.accept()),
        timeout(Duration::from_millis(500), sender.send(&target, "evt_1", Bytes::new(), &marks)),
    );
    assert!(reached.unwrap().is_ok());
}
