//! The whole stage: a real server, its owner, one customer, and a receiver that listens.
//!
//! The [`Cast`] is the same whether there is one process ([`World`]) or several
//! ([`crate::cluster::Cluster`]).

use std::{ops::Deref, sync::Arc};

use serde_json::{Value, json};

use crate::{
    event::Event,
    owner::Owner,
    provider::Provider,
    receiver::{Attempt, Receiver},
    server::{Options, Server},
    wait::SOON,
};

/// A subscribed endpoint and the hook of the receiver that it points to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `ep_…`
    pub id: String,
    /// `whsec_…`
    pub secret: String,
    /// The receiver's name for it.
    pub hook: String,
}

/// A server with everything around it.
#[derive(Debug)]
pub struct World {
    /// The binary.
    pub server: Server,
    cast: Cast,
}

/// Those around the server.
#[derive(Debug)]
pub struct Cast {
    /// The owner of the application.
    pub owner: Owner,
    /// Where webhooks go.
    pub receiver: Receiver,
    /// `org_…`
    pub organization: String,
}

impl World {
    /// Starts everything.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts everything, the server with these options.
    pub async fn start_with(options: Options) -> Self {
        let server = Server::start_with(options);
        let cast = Cast::gather(Owner::new(server.public.clone()), Receiver::start().await).await;
        Self { server, cast }
    }
}

impl Deref for World {
    type Target = Cast;

    fn deref(&self) -> &Cast {
        &self.cast
    }
}

impl Cast {
    /// These two, and a first customer.
    pub async fn gather(owner: Owner, receiver: Receiver) -> Self {
        let organization = owner.organization("acme").await;
        Self { owner, receiver, organization }
    }

    /// A new directory of the customer.
    pub async fn directory(&self, provider: &str) -> Provider {
        self.owner.directory(&self.organization, provider).await
    }

    /// Subscribes the receiver's hook of this name; `more` is merged into the request.
    pub async fn subscribe(&self, hook: &str, more: Value) -> Endpoint {
        let mut body = json!({"url": self.receiver.url(hook)});
        for (key, value) in more.as_object().expect("more is an object") {
            body[key] = value.clone();
        }
        let made = self.owner.post("/endpoints", body).await.expect(201);
        assert_eq!(made["state"], "active", "{made}");
        let secret = made.text("secret");
        self.receiver.trust(hook, &secret);
        Endpoint { id: made.text("id"), secret, hook: hook.to_owned() }
    }

    /// Subscribes a hook to one directory and all its events.
    pub async fn subscribe_to(&self, hook: &str, provider: &Provider) -> Endpoint {
        self.subscribe(hook, json!({"directory_id": provider.directory})).await
    }

    /// Waits until the hook has accepted `count` events of people and groups, and gives them in the
    /// order of their acceptance.
    pub async fn accepted(&self, hook: &str, count: usize) -> Vec<Event> {
        self.receiver
            .wait_until(&format!("{count} events at {hook}"), SOON, |log| {
                resource_events(log, hook).len() >= count
            })
            .await;
        resource_events(&self.receiver.attempts(), hook)
    }

    /// Waits until the hook has accepted everything that the directory's log holds now, and gives
    /// the log.
    pub async fn drained(&self, hook: &str, provider: &Provider) -> Vec<Event> {
        let events = self.owner.events(&provider.directory).await;
        let wanted: Vec<&str> = events.iter().map(Event::id).collect();
        self.receiver.wait_accepted(hook, &wanted, SOON).await;
        events
    }
}

fn resource_events(log: &[Arc<Attempt>], hook: &str) -> Vec<Event> {
    let mut seen = std::collections::HashSet::new();
    log.iter()
        .filter(|a| a.hook == hook && a.accepted() && seen.insert(a.webhook_id().to_owned()))
        .map(|a| a.event())
        .filter(Event::is_about_resources)
        .collect()
}
