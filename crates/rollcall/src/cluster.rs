//! What ties this process to others: the feed between processes, and the coordination through Redis.
//! In the embedded profile both stay within the process, and no client of anything is started.

mod hints;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use rollcall_coordinate::{Coordination, State};
use rollcall_store::{Store, clock};
use rollcall_stream::{Feed, Link, Role};
use tokio::task::JoinHandle;

use crate::config::Settings;

/// The bonds of a running process.
pub(crate) struct Cluster {
    coordination: Coordination,
    running: rollcall_stream::Running,
    /// Tells others of changes of the configuration, and hears of theirs.
    catalog: Option<JoinHandle<()>>,
}

/// What may be missing without the process being of no use.
#[derive(Clone)]
pub(crate) struct Bonds {
    coordination: Coordination,
    link: tokio::sync::watch::Receiver<Link>,
    trouble: tokio::sync::watch::Receiver<Option<String>>,
}

impl Cluster {
    /// Starts what the configuration asks for. A server that does not answer is no failure.
    pub(crate) async fn start(settings: &Settings, store: &Store, feed: &Arc<Feed>) -> anyhow::Result<Self> {
        // No other process has had this name: leases hang on it.
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let holder = format!("{name}/{}", clock::new_uuid());
        let coordination = match settings.redis.url {
            Some(_) => Coordination::connect(settings.redis.clone(), &holder)
                .await
                .context("Redis cannot be used")?,
            None => Coordination::local(),
        };
        let shared_store = settings.store.url.is_some();
        let role = Role { relay: settings.role.ingest, dispatch: settings.role.dispatch, shared_store };
        let shards = store.shards();
        let running =
            rollcall_stream::start(&settings.kafka, role, store.clone(), Arc::clone(feed), shards, &holder)
                .await
                .context("the feed cannot be used")?;
        let catalog = shared_store.then(|| tokio::spawn(share_catalog(store.clone(), coordination.clone())));
        Ok(Self { coordination, running, catalog })
    }

    /// What other dispatchers know of endpoints, where there can be others.
    pub(crate) fn hints(&self) -> Option<Arc<dyn rollcall_dispatch::Hints>> {
        match self.coordination.state() {
            State::Local => None,
            State::Connected | State::Away { .. } => Some(Arc::new(hints::Hints(self.coordination.clone()))),
        }
    }

    pub(crate) fn bonds(&self) -> Bonds {
        Bonds {
            coordination: self.coordination.clone(),
            link: self.running.link(),
            trouble: self.running.trouble(),
        }
    }

    /// Lets go of everything that others can take over.
    pub(crate) async fn stop(self, deadline: Duration) {
        if let Some(task) = self.catalog {
            task.abort();
        }
        self.running.stop(deadline).await;
        self.coordination.close().await;
    }
}

impl Bonds {
    /// What does not answer, in words; the process does its work all the same.
    pub(crate) fn degraded(&self) -> Vec<String> {
        let mut degraded = Vec::new();
        if let Link::Away { since, reason } = &*self.link.borrow() {
            let seconds = since.elapsed().as_secs();
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            degraded.push(format!(
                "Kafka does not answer for {seconds} s{why}: dispatchers read the store instead"
            ));
        }
        if let (Link::Connected, Some(why)) = (&*self.link.borrow(), &*self.trouble.borrow()) {
            degraded
                .push(format!("events are not being put on Kafka ({why}): they are delivered all the same"));
        }
        if let State::Away { since } = self.coordination.state() {
            degraded.push(format!("Redis does not answer since {since}: limits apply per process"));
        }
        degraded
    }
}

/// Announces each revision of the configuration that is seen here, and looks for those that others
/// announce. Without Redis the store looks by itself, twice a second.
async fn share_catalog(store: Store, coordination: Coordination) {
    let mut own = store.catalog_changes();
    let mut others = coordination.catalog_announcements();
    loop {
        tokio::select! {
            changed = own.changed() => {
                if changed.is_err() {
                    return;
                }
                coordination.announce_catalog(*own.borrow_and_update());
            }
            changed = others.changed() => {
                if changed.is_err() {
                    return;
                }
                store.refresh_catalog_to(*others.borrow_and_update());
            }
        }
    }
}
