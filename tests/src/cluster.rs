//! Several processes on PostgreSQL, Kafka and Redis of their own, each of which can be killed, frozen
//! and restarted by its role and number.

use std::{ops::Deref, time::Duration};

use crate::{
    http::Address,
    owner::Owner,
    profile::Services,
    server::{Options, Server},
    servers::{kafka::Kafka, postgres::Postgres, redis::Redis},
    world::Cast,
};

/// How long the owner and the providers ask again before a test fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// How many processes of each role.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Processes that take writes in and publish events.
    pub ingest: usize,
    /// Processes that deliver.
    pub dispatch: usize,
    /// Kafka's brokers: 1 or 3.
    pub brokers: u32,
}

/// A cluster with everything around it.
#[derive(Debug)]
pub struct Cluster {
    /// Those who take writes in. Requests go to them in turn.
    pub ingest: Vec<Server>,
    /// Those who deliver.
    pub dispatch: Vec<Server>,
    /// The record of everything.
    pub postgres: Postgres,
    /// The feed.
    pub kafka: Kafka,
    /// What may be lost.
    pub redis: Redis,
    services: Services,
    options: Options,
    cast: Cast,
}

impl Deref for Cluster {
    type Target = Cast;

    fn deref(&self) -> &Cast {
        &self.cast
    }
}

impl Cluster {
    /// Starts everything.
    pub async fn start(size: Size) -> Self {
        Self::start_with(size, Options::default()).await
    }

    /// Starts everything, the processes with these options.
    pub async fn start_with(size: Size, options: Options) -> Self {
        let (postgres, kafka, redis) = std::thread::scope(|scope| {
            let kafka = scope.spawn(|| Kafka::start_with(size.brokers));
            (Postgres::start(), kafka.join().expect("Kafka starts"), Redis::start())
        });
        let services = Services {
            store: postgres.url_of(&postgres.database()),
            kafka: kafka.brokers().to_owned(),
            topic: kafka.topic(),
            redis: redis.url(),
            prefix: "rollcall".to_owned(),
        };
        let start = |role: &str, count: usize| -> Vec<Server> {
            (1..=count).map(|n| process(&services, &options, role, n)).collect()
        };
        let (ingest, dispatch) = (start("ingest", size.ingest), start("dispatch", size.dispatch));
        let address = Address::each(ingest.iter().map(|server| server.public.clone()).collect());
        let cast = Cast::gather(Owner::new(address).patient(PATIENCE)).await;
        Self { ingest, dispatch, postgres, kafka, redis, services, options, cast }
    }

    /// One more process that delivers.
    pub fn join(&mut self) {
        let number = self.dispatch.len() + 1;
        self.dispatch.push(process(&self.services, &self.options, "dispatch", number));
    }

    /// The bootstrap servers and the topic, for other consumers.
    pub fn feed(&self) -> (&str, &str) {
        (&self.services.kafka, &self.services.topic)
    }

    /// Stops all processes; each has to end well.
    pub fn stop(&mut self) {
        for server in self.dispatch.iter_mut().chain(&mut self.ingest) {
            server.stop();
        }
    }
}

fn process(services: &Services, options: &Options, role: &str, number: usize) -> Server {
    let options = services.options(options.clone()).arg("--role").arg(role);
    Server::start_as(&format!("{role} {number}"), options)
}
