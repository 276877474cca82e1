//! What operators ask: alive, ready, and the numbers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpResponse, web};
use metrics_exporter_prometheus::PrometheusHandle;
use rollcall_dispatch::Shards;
use rollcall_store::Store;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cluster::Bonds;

/// What readiness depends on.
#[derive(Clone)]
pub(crate) struct Health {
    store: Store,
    bonds: Bonds,
    shards: Option<watch::Receiver<Shards>>,
    stopping: Arc<AtomicBool>,
}

impl Health {
    /// `shards`: those that this process dispatches, if it does.
    pub(crate) fn new(store: Store, bonds: Bonds, shards: Option<watch::Receiver<Shards>>) -> Self {
        Self { store, bonds, shards, stopping: Arc::default() }
    }

    /// From now on the process is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What is missing, in words; nothing if ready.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.stopping.load(Ordering::Relaxed) {
            missing.push("the server is stopping".to_owned());
        }
        if let Err(why) = self.store.health() {
            missing.push(format!("store: {why}"));
        }
        missing
    }

    /// What is not as it should be, though the work goes on; and what is being done.
    fn detail(&self, status: &str) -> Value {
        let mut detail = json!({"status": status});
        let degraded = self.bonds.degraded();
        if !degraded.is_empty() {
            detail["degraded"] = json!(degraded);
        }
        if let Some(shards) = &self.shards {
            let shards = shards.borrow();
            detail["shards"] = json!({"assigned": shards.assigned.len(), "held": shards.held.len()});
        }
        detail
    }
}

/// `/healthz` on the public listener, for load balancers that look there.
pub(crate) fn configure_public(config: &mut web::ServiceConfig) {
    config.route("/healthz", web::get().to(alive));
}

/// `/healthz`, `/readyz` and `/metrics`.
pub(crate) fn configure_private(config: &mut web::ServiceConfig, health: Health, metrics: PrometheusHandle) {
    config
        .app_data(web::Data::new(health))
        .app_data(web::Data::new(metrics))
        .route("/healthz", web::get().to(alive))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(numbers));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

async fn ready(health: web::Data<Health>) -> HttpResponse {
    let missing = health.missing();
    if missing.is_empty() {
        HttpResponse::Ok().json(health.detail("ready"))
    } else {
        let mut detail = health.detail("not ready");
        detail["missing"] = json!(missing);
        HttpResponse::ServiceUnavailable().json(detail)
    }
}

async fn numbers(metrics: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics.render())
}
