//! The application's side: a small HTTP server that verifies each webhook before it believes it.

use std::{
    net::SocketAddr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use anyhow::Context as _;
use serde_json::Value;
use tokio::sync::mpsc;

use super::verify;

/// Webhooks that arrived and were not looked at yet; beyond it the receiver answers 503.
const QUEUE: usize = 1024;

/// A webhook as it arrived.
#[derive(Debug)]
pub(crate) struct Received {
    /// `webhook-id`.
    pub(crate) id: String,
    /// When it was verified, or not.
    pub(crate) at: Instant,
    /// The event in its body, or why it was refused.
    pub(crate) event: Result<Value, &'static str>,
}

/// A running receiver.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// What arrives.
    pub(crate) webhooks: mpsc::Receiver<Received>,
    state: web::Data<State>,
    handle: ServerHandle,
}

struct State {
    key: OnceLock<Vec<u8>>,
    arrived: mpsc::Sender<Received>,
}

impl Receiver {
    /// Listens on a free port of this machine.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (arrived, webhooks) = mpsc::channel(QUEUE);
        let listener = crate::server::bind("the receiver", SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = listener.local_addr()?;
        let state = web::Data::new(State { key: OnceLock::new(), arrived });
        let data = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(4 * 1024 * 1024))
                .route("/webhooks", web::post().to(receive))
        })
        .workers(1)
        .keep_alive(Duration::from_secs(75))
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)
        .context("the receiver cannot listen")?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { addr, webhooks, state, handle })
    }

    /// From now on webhooks signed with this secret are accepted.
    pub(crate) fn trust(&self, secret: &str) -> anyhow::Result<()> {
        let key = verify::key(secret).map_err(anyhow::Error::msg)?;
        self.state.key.set(key).map_err(|_| anyhow::anyhow!("the receiver has a secret already"))
    }

    /// Stops listening.
    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
    }
}

async fn receive(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let id = header(&request, "webhook-id").to_owned();
    let event = check(&request, &id, &body, &state);
    let accepted = event.is_ok();
    let received = Received { id, at: Instant::now(), event };
    match (state.arrived.try_send(received), accepted) {
        (Err(_), _) => HttpResponse::ServiceUnavailable().finish(),
        (Ok(()), true) => HttpResponse::Ok().finish(),
        (Ok(()), false) => HttpResponse::Unauthorized().finish(),
    }
}

fn check(request: &HttpRequest, id: &str, body: &[u8], state: &State) -> Result<Value, &'static str> {
    let key = state.key.get().ok_or("the receiver has no secret yet")?;
    let (timestamp, signatures) =
        (header(request, "webhook-timestamp"), header(request, "webhook-signature"));
    let now = rollcall_store::clock::now().as_second();
    verify::verify(key, id, timestamp, signatures, body, now)?;
    let event: Value = serde_json::from_slice(body).map_err(|_| "the body is no JSON")?;
    if event["id"] != id {
        return Err("webhook-id is not the event's id");
    }
    Ok(event)
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}
