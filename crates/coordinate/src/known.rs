//! What this process knows, by itself and from others.

use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{activity::Activity, breakers::Breakers, clock::now, message::Message, metric::Dropped};

/// See the module.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) catalog: watch::Sender<u64>,
    pub(crate) breakers: Breakers,
    pub(crate) activity: Activity,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self { catalog: watch::Sender::new(0), breakers: Breakers::new(), activity: Activity::default() }
    }

    /// True if it is newer than what was known.
    pub(crate) fn catalog(&self, revision: u64) -> bool {
        self.catalog.send_if_modified(|known| {
            let newer = revision > *known;
            *known = revision.max(*known);
            newer
        })
    }

    /// Takes in what another process said.
    pub(crate) fn apply(&self, message: Message) {
        if let Some(revision) = message.catalog {
            self.catalog(revision);
        }
        let time = now();
        for (endpoint, until) in message.opened {
            let room = match Timestamp::from_microsecond(until) {
                Ok(until) => self.breakers.opened(&endpoint, until, false, time),
                Err(_) => false,
            };
            if !room {
                Dropped::Breaker.count();
            }
        }
        for endpoint in message.closed {
            self.breakers.closed(&endpoint);
        }
        if message.leaving {
            self.activity.left(&message.from);
        } else if let Some(active) = message.active
            && !self.activity.heard(&message.from, active, Instant::now())
        {
            Dropped::Activity.count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::hash;

    #[test]
    fn what_others_say_is_known() {
        let known = Known::new();
        let until = now() + jiff::SignedDuration::from_secs(60);
        let mut message = Message {
            from: "p2".into(),
            catalog: Some(7),
            opened: [("ep_1".into(), until.as_microsecond()), ("never".into(), i64::MAX)].into(),
            active: Some(vec![hash("a.example")]),
            ..Message::default()
        };
        known.apply(message.clone());
        assert_eq!(*known.catalog.borrow(), 7);
        assert_eq!(known.breakers.until("ep_1", now()), Some(until));
        assert_eq!(known.breakers.until("never", now()), None, "a moment that does not exist");
        assert_eq!(known.breakers.own(now()), vec![], "it is not this process's to repeat");
        assert_eq!(known.activity.processes_at("a.example", Instant::now()), 2);

        message = Message { from: "p2".into(), catalog: Some(6), leaving: true, ..Message::default() };
        message.closed = vec!["ep_1".into()];
        known.apply(message);
        assert_eq!(*known.catalog.borrow(), 7, "only newer revisions count");
        assert_eq!(known.breakers.until("ep_1", now()), None);
        assert_eq!(known.activity.processes_at("a.example", Instant::now()), 1);
    }
}
