//! A server with one directory, and endpoints as a variant needs them.

use rollcall_tests::{owner::Owner, provider::Provider, server::Server};
use serde_json::json;

/// A server that a variant is measured on.
pub(crate) struct Stage {
    /// Kept alive for as long as it is measured.
    pub(crate) server: Server,
    pub(crate) owner: Owner,
    pub(crate) dir: Provider,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let server = Server::start();
        let owner = Owner::new(server.public.clone());
        let organization = owner.organization("bench").await;
        let dir = owner.directory(&organization, "entra_id").await;
        Self { server, owner, dir }
    }

    pub(crate) async fn subscribe(&self, url: &str) {
        self.owner.post("/endpoints", json!({"url": url, "event_types": ["user.created"]})).await.expect(201);
    }

    /// The server's resident memory in MiB, if the machine tells.
    pub(crate) fn memory(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.process_id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
    }
}
