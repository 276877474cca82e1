//! What every handler shares.

use std::{future::pending, sync::Arc};

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use rollcall_domain::ids::DirectoryId;
use rollcall_scim::Reason;
use rollcall_store::Store;
use rollcall_stream::Feed;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};

/// Says whether an endpoint may have this URL, or why not, in words for the owner. It must not
/// block: it looks at the URL, not at the network.
pub type CheckEndpointUrl = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// A provider's request that is to be tried.
#[derive(Clone, Debug)]
pub struct TryOut {
    /// Of which directory.
    pub directory_id: DirectoryId,
    /// `POST`, `PUT`, `PATCH`, …
    pub method: String,
    /// Path and query behind the directory's base URL.
    pub path: String,
    /// The body, or nothing.
    pub body: Bytes,
}

/// What it would be answered with, and the events that it would give.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as the request log has them")]
pub struct TriedOut {
    pub status: u16,
    pub body: Vec<u8>,
    pub reason: Option<Reason>,
    pub rules: Vec<&'static str>,
    pub events: Vec<Bytes>,
}

/// Tries a provider's request and changes nothing; `None` for one that cannot be tried (Bulk).
pub type TryRequest = Arc<dyn Fn(TryOut) -> LocalBoxFuture<'static, Option<TriedOut>> + Send + Sync>;

/// What the API is given at its start.
pub struct Options {
    /// The record of everything.
    pub store: Store,
    /// Wakes long polls and streams.
    pub feed: Arc<Feed>,
    /// What `scim_base_url` is built from, without a slash at its end.
    pub public_url: String,
    /// A key that is valid beside those in the store (`ROLLCALL_API_KEY`).
    pub env_api_key: Option<SecretString>,
    /// The egress policy's opinion of an endpoint's URL.
    pub check_endpoint_url: CheckEndpointUrl,
    /// The SCIM service's dry run.
    pub try_out: TryRequest,
    /// Becomes `true` when the server shuts down: long polls answer at once with what they have,
    /// and streams end.
    pub shutdown: watch::Receiver<bool>,
}

/// What every handler shares. Made once per process and handed to [`configure`](crate::configure).
pub struct State {
    pub(crate) store: Store,
    pub(crate) feed: Arc<Feed>,
    pub(crate) public_url: String,
    pub(crate) check_endpoint_url: CheckEndpointUrl,
    pub(crate) try_out: TryRequest,
    pub(crate) streams: Arc<Semaphore>,
    env_api_key: Option<[u8; 32]>,
    shutdown: watch::Receiver<bool>,
}

impl State {
    /// At most so many event streams are open at once.
    pub const MAX_STREAMS: usize = 256;

    /// The state made from these options.
    pub fn new(options: Options) -> Self {
        let Options { store, feed, mut public_url, env_api_key, check_endpoint_url, try_out, shutdown } =
            options;
        public_url.truncate(public_url.trim_end_matches('/').len());
        Self {
            store,
            feed,
            public_url,
            check_endpoint_url,
            try_out,
            streams: Arc::new(Semaphore::new(Self::MAX_STREAMS)),
            env_api_key: env_api_key.map(|key| Sha256::digest(key.expose_secret().as_bytes()).into()),
            shutdown,
        }
    }

    /// The SHA-256 of every valid API key.
    pub(crate) fn api_key_hashes(&self) -> impl Iterator<Item = [u8; 32]> {
        let stored = self.store.catalog();
        let stored: Vec<_> = stored.api_keys.clone();
        stored.into_iter().chain(self.env_api_key)
    }

    /// Resolves when the server shuts down.
    pub(crate) fn shut_down(&self) -> impl Future<Output = ()> + 'static {
        let mut shutdown = self.shutdown.clone();
        async move {
            if shutdown.wait_for(|down| *down).await.is_err() {
                // Nobody is left to shut the server down.
                pending::<()>().await;
            }
        }
    }
}
