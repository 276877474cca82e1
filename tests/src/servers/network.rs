//! Another host on this machine: a network namespace with one link to this one. Each server that its
//! processes talk to has an address of its own on this side, so that the way to one can be cut while
//! the others stay open. It takes root and iproute2.
//!
//! A way is cut by sending its packets to a neighbour that is not there: nothing is refused, nothing
//! comes back, and no connection learns that it is over. That is how partitions look from inside.

use std::process::{Command, Output};

use super::{port::Port, process::lives};

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// The record of everything.
    Postgres = 1,
    /// The feed.
    Kafka = 2,
    /// What may be lost.
    Redis = 3,
    /// Where webhooks go.
    Receiver = 4,
}

use Neighbour::{Kafka, Postgres, Receiver, Redis};

/// The other host.
#[derive(Debug)]
pub struct Host {
    name: String,
    /// Its number makes the addresses, so that no two hosts share any.
    port: Port,
}

impl Host {
    /// Makes one, with a link.
    pub fn make() -> Self {
        remove_abandoned();
        let port = Port::reserve();
        let host = Self { name: format!("rollcall-{}-{}", std::process::id(), port.number), port };
        let (name, near, far) = (host.name.as_str(), host.near(), format!("rcb{}", host.port.number));
        ip(&["netns", "add", name]);
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", name]);
        for neighbour in [Postgres, Kafka, Redis, Receiver] {
            ip(&["address", "add", &format!("{}/24", host.address(neighbour)), "dev", &near]);
        }
        ip(&["link", "set", &near, "up"]);
        ip(&["-n", name, "address", "add", &format!("{}/24", host.number(10)), "dev", &far]);
        ip(&["-n", name, "link", "set", &far, "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        host
    }

    fn near(&self) -> String {
        format!("rca{}", self.port.number)
    }

    fn number(&self, last: u16) -> String {
        let [high, low] = self.port.number.to_be_bytes();
        format!("10.{high}.{low}.{last}")
    }

    /// Where this side listens for the other.
    pub fn address(&self, neighbour: Neighbour) -> String {
        self.number(neighbour as u16)
    }

    /// What a command begins with to run there.
    pub fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Whatever is sent from there to this neighbour is lost.
    pub fn cut(&self, neighbour: Neighbour) {
        let (address, far) = (self.address(neighbour), format!("rcb{}", self.port.number));
        let nobody = "02:00:00:00:00:01";
        ip(&[
            "-n",
            &self.name,
            "neighbour",
            "replace",
            &address,
            "lladdr",
            nobody,
            "dev",
            &far,
            "nud",
            "permanent",
        ]);
    }

    /// The way is open again.
    pub fn mend(&self, neighbour: Neighbour) {
        let (address, far) = (self.address(neighbour), format!("rcb{}", self.port.number));
        ip(&["-n", &self.name, "neighbour", "delete", &address, "dev", &far]);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The link goes with it.
        let _ = run(&["netns", "delete", &self.name]);
        let _ = run(&["link", "delete", &self.near()]);
    }
}

/// Hosts of tests that were killed.
fn remove_abandoned() {
    let listed = run(&["netns", "list"]);
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let Some(name) = line.split_whitespace().next() else { continue };
        let owner = name.strip_prefix("rollcall-").and_then(|rest| rest.split('-').next()?.parse().ok());
        if owner.is_some_and(|process| !lives(process)) {
            let _ = run(&["netns", "delete", name]);
        }
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new("ip").args(arguments).output().expect("iproute2 is installed: tests/run does it")
}

fn ip(arguments: &[&str]) {
    let output = run(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {complaint}", arguments.join(" "));
}
