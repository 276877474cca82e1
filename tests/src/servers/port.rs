//! Free ports that stay reserved while a server is down, between all test processes of this machine.

use std::{
    fs::File,
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range from which Linux gives ports to clients, and from which `deploy/kafka/broker` takes
/// its own.
const RANGE: std::ops::Range<u16> = 10_000..20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody else takes while this lives.
#[derive(Debug)]
pub struct Port {
    /// The port on the loopback.
    pub number: u16,
    /// Locked by this process; the kernel lets go of it however this process ends.
    _lock: File,
}

impl Port {
    /// Reserves one on which nobody listens.
    pub fn reserve() -> Self {
        let folder =
            std::env::temp_dir().join(format!("rollcall-ports-{}", rustix::process::getuid().as_raw()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let span = u32::from(RANGE.end - RANGE.start);
        for _ in 0..span {
            // Processes begin at different places, so that they seldom meet.
            let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
            let offset = (process::id().wrapping_mul(61) + step) % span;
            let number = RANGE.start + u16::try_from(offset).expect("it is below the span");
            let lock = File::create(folder.join(number.to_string())).expect("its file can be made");
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self { number, _lock: lock };
            }
        }
        panic!("no port of {RANGE:?} is free");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_a_port_twice() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve()).collect();
        let different: std::collections::BTreeSet<u16> = ports.iter().map(|p| p.number).collect();
        assert_eq!(different.len(), 50);
        // A server that listens does not have to hold the lock to be respected.
        let taken = TcpListener::bind(("127.0.0.1", ports[0].number)).expect("it is free");
        drop(ports);
        NEXT.store(0, Ordering::Relaxed);
        let number = taken.local_addr().expect("it is bound").port();
        assert!((0..50).all(|_| Port::reserve().number != number));
    }
}
