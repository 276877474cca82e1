//! The feed by one contract: in one process, and between processes over a real Kafka.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod contract;
mod faults;
mod group;
mod memory;
mod process;
mod topic;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rollcall_stream::kafka;
use rollcall_tests::servers::kafka::Kafka;

/// The broker that the tests share which leave it in peace.
fn shared() -> Arc<Kafka> {
    static SHARED: Mutex<Weak<Kafka>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let broker = Arc::new(Kafka::start());
        *shared = Arc::downgrade(&broker);
        broker
    })
}

/// A topic and a group of its own on a broker.
fn settings(broker: &Kafka) -> kafka::Settings {
    let topic = broker.topic();
    kafka::Settings {
        brokers: Some(broker.brokers().to_owned()),
        group: format!("{topic}.dispatch"),
        topic,
        ..kafka::Settings::default()
    }
}
