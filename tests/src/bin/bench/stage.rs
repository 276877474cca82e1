//! A server with one directory, and endpoints as a variant needs them.

use rollcall_tests::{
    owner::Owner,
    provider::Provider,
    server::{Options, Server},
};
use serde_json::{Value, json};

/// A server that a variant is measured on.
pub(crate) struct Stage {
    /// Kept alive for as long as it is measured.
    pub(crate) server: Server,
    pub(crate) owner: Owner,
    pub(crate) dir: Provider,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let server = Server::start_with(options);
        let owner = Owner::new(server.public.clone());
        let organization = owner.organization("bench").await;
        let dir = owner.directory(&organization, "entra_id").await;
        Self { server, owner, dir }
    }

    pub(crate) async fn subscribe(&self, url: &str) {
        self.subscribe_to(&self.dir, url, json!({"event_types": ["user.created"]})).await;
    }

    /// An endpoint of one directory; its id.
    pub(crate) async fn subscribe_to(&self, dir: &Provider, url: &str, more: Value) -> String {
        let mut body = json!({"url": url, "directory_id": dir.directory});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.owner.post("/endpoints", body).await.expect(201).text("id")
    }

    /// The server's resident memory in MiB, if the machine tells.
    pub(crate) fn memory(&self) -> Option<f64> {
        memory(&self.server)
    }
}

/// A server's resident memory in MiB, if the machine tells.
pub(crate) fn memory(server: &Server) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
