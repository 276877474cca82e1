//! The whole server as one object.
//!
//! Plot: [`Application::build`] binds both listeners, opens the store, makes the first API key if
//! there is none, and starts nothing yet; [`Application::start`] serves and delivers;
//! [`Running::run_until`] waits for the end and takes everything down in order: no new
//! connections, requests in flight finish, then deliveries in flight, then the store closes.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{Server, ServerHandle},
    web,
};
use anyhow::{Context as _, anyhow};
use futures_util::FutureExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use rollcall_api::{TriedOut, TryOut};
use rollcall_dispatch::{Dispatcher, egress};
use rollcall_store::Store;
use rollcall_stream::Feed;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{net::TcpSocket, sync::watch, task::JoinHandle};

use crate::{cluster::Cluster, config::Settings, health::Health, metrics, owner_key};

/// What webhooks are sent as.
pub(crate) const USER_AGENT: &str = concat!("Rollcall/", env!("CARGO_PKG_VERSION"));

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// How often old samples leave the histograms.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long it may take to leave the others.
const FAREWELL: Duration = Duration::from_secs(5);

/// What to do about a port that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Fail: others expect the server there.
    AsSet,
    /// Take a free one of the same address. The listener that is tried is the one that serves:
    /// a port that was free a moment ago need not be free any more.
    FreeIfTaken,
}

impl Ports {
    fn bind(self, key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
        let bound = bind(key, address);
        match self {
            Self::FreeIfTaken if bound.is_err() => bind(key, SocketAddr::new(address.ip(), 0)),
            _ => bound,
        }
    }
}

/// A server that is ready to start.
pub(crate) struct Application {
    /// Where SCIM and `/v1` are served.
    pub(crate) public_addr: SocketAddr,
    /// Where health and metrics are served.
    pub(crate) private_addr: SocketAddr,
    /// What URLs are built from.
    pub(crate) public_url: String,
    /// The owner's key, if it was made just now.
    pub(crate) new_key: Option<SecretString>,
    /// The record of everything.
    pub(crate) store: Store,
    settings: Settings,
    feed: Arc<Feed>,
    cluster: Cluster,
    dispatcher: Option<Dispatcher>,
    public: TcpListener,
    private: TcpListener,
    metrics: PrometheusHandle,
}

impl Application {
    /// Binds, opens and prepares. Each failure is one line that says what to change.
    pub(crate) async fn build(settings: Settings, ports: Ports) -> anyhow::Result<Self> {
        // Before the store: its threads take hold of their metrics once, when they begin.
        let metrics = metrics::install()?;
        // Before the listeners: a folder in use says more than a port in use.
        let feed = Feed::new(settings.stream.clone());
        let store = Store::open(settings.store.clone(), Arc::clone(&feed) as _)?;
        match Self::assemble(settings, ports, feed, store.clone(), metrics).await {
            Ok(application) => Ok(application),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    async fn assemble(
        settings: Settings,
        ports: Ports,
        feed: Arc<Feed>,
        store: Store,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let public = ports.bind("server.listen", settings.server.listen)?;
        let private = ports.bind("server.admin_listen", settings.server.admin_listen)?;
        let (public_addr, private_addr) = (public.local_addr()?, private.local_addr()?);
        let public_url = match &settings.public_url {
            Some(url) => url.as_str().to_owned(),
            None => format!("http://{}", reachable(public_addr)),
        };
        let new_key = match settings.api_key {
            None if settings.role.ingest => owner_key::ensure(&settings.data_dir, &store).await?,
            _ => None,
        };
        let cluster = Cluster::start(&settings, &store, &feed).await?;
        let dispatcher = if settings.role.dispatch {
            let (dispatch, egress) = (settings.dispatch.clone(), settings.egress.clone());
            // One process has all of the log.
            let started = rollcall_dispatch::start(
                dispatch,
                egress,
                store.clone(),
                Arc::clone(&feed),
                USER_AGENT.to_owned(),
                cluster.hints(),
            );
            Some(started.context("webhooks cannot be sent")?)
        } else {
            None
        };
        Ok(Self {
            public_addr,
            private_addr,
            public_url,
            new_key,
            store,
            settings,
            feed,
            cluster,
            dispatcher,
            public,
            private,
            metrics,
        })
    }

    /// Shows a key that was made just now, this once.
    pub(crate) fn announce_new_key(&self) {
        if let Some(key) = &self.new_key {
            let path = owner_key::path(&self.settings.data_dir);
            eprintln!(
                "rollcall: the owner's API key, made just now and kept in {}: {}",
                path.display(),
                key.expose_secret()
            );
        }
    }

    /// Serves both listeners.
    pub(crate) fn start(self) -> anyhow::Result<Running> {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            data = %self.settings.data_dir.display(),
            role = %self.settings.role,
            egress = in_short(&self.settings.egress),
            public = %self.public_addr,
            private = %self.private_addr,
            "started"
        );
        let (shutdown, shutting_down) = watch::channel(false);
        let shards = self.dispatcher.as_ref().map(Dispatcher::shards);
        let health = Health::new(self.store.clone(), self.cluster.bonds(), shards);
        let public = self.public_server(shutting_down)?;
        let private = {
            let (health, metrics) = (health.clone(), self.metrics.clone());
            HttpServer::new(move || {
                App::new()
                    .configure(|config| {
                        crate::health::configure_private(config, health.clone(), metrics.clone())
                    })
                    .default_service(web::to(nothing_here))
            })
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .listen(self.private)?
            .run()
        };
        let upkeep = {
            let metrics = self.metrics;
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(METRICS_UPKEEP).await;
                    metrics.run_upkeep();
                }
            })
        };
        Ok(Running {
            public: Serving::spawn(public),
            private: Serving::spawn(private),
            upkeep,
            shutdown,
            health,
            cluster: self.cluster,
            dispatcher: self.dispatcher,
            store: self.store,
            deadline: Duration::from_secs(self.settings.server.shutdown_seconds),
        })
    }

    fn public_server(&self, shutdown: watch::Receiver<bool>) -> anyhow::Result<Server> {
        let settings = &self.settings;
        let server = &settings.server;
        let workers = match server.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        };
        let egress = settings.egress.clone();
        let ingest = web::Data::new(rollcall_ingest::State::new(
            settings.ingest.clone(),
            self.store.clone(),
            self.public_url.clone(),
        ));
        let scim = web::Data::clone(&ingest);
        let api = web::Data::new(rollcall_api::State::new(rollcall_api::Options {
            store: self.store.clone(),
            feed: Arc::clone(&self.feed),
            public_url: self.public_url.clone(),
            env_api_key: settings.api_key.as_ref().map(|key| key.secret().clone()),
            check_endpoint_url: Arc::new(move |url| {
                egress::check_url(&egress, url).map(drop).map_err(|e| e.to_string())
            }),
            try_out: Arc::new(move |asked| try_out(web::Data::clone(&scim), asked).boxed_local()),
            shutdown,
        }));
        let serves = settings.role.ingest;
        let http = HttpServer::new(move || {
            App::new()
                .configure(crate::health::configure_public)
                .configure(|config| {
                    if serves {
                        rollcall_ingest::configure(config, ingest.clone());
                        rollcall_api::configure(config, api.clone());
                        rollcall_api::configure_keys(config, api.clone());
                    }
                })
                .default_service(web::to(nothing_here))
        });
        Ok(http
            .workers(workers)
            .max_connections(server.max_connections.div_ceil(workers))
            .keep_alive(Duration::from_secs(server.keep_alive_seconds))
            .client_request_timeout(Duration::from_secs(server.request_timeout_seconds))
            .client_disconnect_timeout(Duration::from_secs(1))
            .shutdown_timeout(server.shutdown_seconds)
            .disable_signals()
            .listen(self.public.try_clone()?)?
            .run())
    }
}

/// The dry run of the SCIM service, in the words of the API.
async fn try_out(scim: web::Data<rollcall_ingest::State>, asked: TryOut) -> Option<TriedOut> {
    let TryOut { directory_id, method, path, body } = asked;
    let tried = scim.dry_run(&rollcall_ingest::DryRunRequest { directory_id, method, path, body }).await?;
    Some(TriedOut {
        status: tried.status,
        body: tried.body,
        reason: tried.reason,
        rules: tried.rules,
        events: tried.events,
    })
}

/// A server that serves.
pub(crate) struct Running {
    public: Serving,
    private: Serving,
    upkeep: JoinHandle<()>,
    shutdown: watch::Sender<bool>,
    health: Health,
    cluster: Cluster,
    dispatcher: Option<Dispatcher>,
    store: Store,
    deadline: Duration,
}

impl Running {
    /// Serves until `stop` resolves with why, or a listener fails, and then takes everything down in order.
    pub(crate) async fn run_until(mut self, stop: impl Future<Output = &'static str>) -> anyhow::Result<()> {
        let (why, failure) = tokio::select! {
            why = stop => (why, None),
            ended = &mut self.public.task => ("failure", Some(describe_end("public", ended))),
            ended = &mut self.private.task => ("failure", Some(describe_end("private", ended))),
        };
        tracing::debug!(why, "stopping");
        let began = Instant::now();
        self.health.stop();
        let _ = self.shutdown.send(true);
        // Both at once: deliveries in flight do not wait for requests in flight.
        let dispatcher = async {
            if let Some(dispatcher) = self.dispatcher.take() {
                dispatcher.stop(self.deadline).await;
            }
        };
        tokio::join!(self.public.handle.stop(true), dispatcher);
        // What was committed last is put on Kafka yet.
        self.cluster.stop(FAREWELL).await;
        self.store.close().await;
        self.private.handle.stop(false).await;
        self.upkeep.abort();
        tracing::info!(why, milliseconds = began.elapsed().as_millis() as u64, "stopped");
        failure.map_or(Ok(()), Err)
    }
}

/// One listener's server.
struct Serving {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    fn spawn(server: Server) -> Self {
        Self { handle: server.handle(), task: tokio::spawn(server) }
    }
}

fn describe_end(which: &str, ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow!("the {which} listener ended by itself"),
        Ok(Err(error)) => anyhow!("the {which} listener failed: {error}"),
        Err(error) => anyhow!("the {which} listener failed: {error}"),
    }
}

async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().content_type("application/problem+json").json(serde_json::json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found",
        "detail": "There is nothing at this path.",
    }))
}

/// A listener on this address. `key` names the setting that chose it.
pub(crate) fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // So that a restart does not wait for connections of the last run to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("{address} is in use by another program ({key}; port 0 picks a free port)")
        }
        ErrorKind::PermissionDenied => anyhow!("{address} may not be listened on by this user ({key})"),
        _ => anyhow!("{address} cannot be listened on ({key}): {error}"),
    })
}

/// Where webhooks may go, in a few words.
fn in_short(egress: &egress::Settings) -> String {
    let list =
        |networks: &[egress::Cidr]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut words = String::from(if egress.allow_http { "public, http too" } else { "public, https only" });
    if !egress.allow_networks.is_empty() {
        words.push_str(&format!(", also {}", list(&egress.allow_networks)));
    }
    if !egress.deny_networks.is_empty() {
        words.push_str(&format!(", not {}", list(&egress.deny_networks)));
    }
    words
}

/// An address that this machine can connect to, for one that may be «all interfaces».
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        std::net::IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_an_error_or_another_port() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let error = Ports::AsSet.bind("server.listen", address).unwrap_err().to_string();
        assert!(error.contains("is in use by another program (server.listen"), "{error}");
        let other = Ports::FreeIfTaken.bind("server.listen", address).unwrap().local_addr().unwrap();
        assert!(other.ip() == address.ip() && other.port() != address.port(), "{other}");
    }

    #[test]
    fn the_egress_policy_in_a_few_words() {
        let mut settings = egress::Settings::default();
        assert_eq!(in_short(&settings), "public, https only");
        settings.allow_http = true;
        settings.allow_networks = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        settings.deny_networks = vec!["192.0.2.0/24".parse().unwrap()];
        assert_eq!(in_short(&settings), "public, http too, also 127.0.0.0/8 10.0.0.0/8, not 192.0.2.0/24");
    }
}
