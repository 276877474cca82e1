//! Several processes on PostgreSQL, Kafka and Redis of their own, each of which can be killed, frozen
//! and restarted by its role and number.

use std::{ops::Deref, time::Duration};

use crate::{
    http::Address,
    owner::Owner,
    profile::Services,
    receiver::Receiver,
    server::{Options, Server},
    servers::{
        kafka::Kafka,
        network::{Host, Neighbour},
        postgres::Postgres,
        redis::Redis,
    },
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
    /// Where `dispatch 1` runs, if it runs apart. The last to be dropped.
    host: Option<Host>,
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
        Self::start_on(size, None).await
    }

    /// Starts everything, the first of those who deliver on a host apart, from which the ways to the
    /// servers can be cut.
    pub async fn start_apart(size: Size) -> Self {
        Self::start_on(size, Some(Host::make())).await
    }

    async fn start_on(size: Size, host: Option<Host>) -> Self {
        let at = |neighbour| host.as_ref().map_or("127.0.0.1".to_owned(), |host| host.address(neighbour));
        let (postgres, kafka, redis) = std::thread::scope(|scope| {
            let kafka = scope.spawn(|| Kafka::start_at(&at(Neighbour::Kafka), size.brokers));
            let postgres = Postgres::start_at(&at(Neighbour::Postgres));
            let redis = Redis::start_at(&at(Neighbour::Redis));
            (postgres, kafka.join().expect("Kafka starts"), redis)
        });
        let services = Services {
            store: postgres.url_of(&postgres.database()),
            kafka: kafka.brokers().to_owned(),
            topic: kafka.topic(),
            redis: redis.url(),
            prefix: "rollcall".to_owned(),
        };
        let mut options = Options::default();
        if host.is_some() {
            options = options.env("ROLLCALL_EGRESS__ALLOW_NETWORKS", r#"["10.0.0.0/8"]"#);
        }
        let ingest: Vec<Server> =
            (1..=size.ingest).map(|n| process(&services, options.clone(), "ingest", n)).collect();
        let mut dispatch = Vec::new();
        for n in 1..=size.dispatch {
            let options = match &host {
                Some(host) if n == 1 => options.clone().within(&host.prefix()),
                _ => options.clone(),
            };
            dispatch.push(process(&services, options, "dispatch", n));
        }
        let address = Address::each(ingest.iter().map(|server| server.public.clone()).collect());
        let receiver = Receiver::start_at(&at(Neighbour::Receiver)).await;
        let cast = Cast::gather(Owner::new(address).patient(PATIENCE), receiver).await;
        Self { ingest, dispatch, postgres, kafka, redis, services, options, cast, host }
    }

    /// The host apart.
    pub fn host(&self) -> &Host {
        self.host.as_ref().expect("it was started apart")
    }

    /// One more process that delivers.
    pub fn join(&mut self) {
        let number = self.dispatch.len() + 1;
        self.dispatch.push(process(&self.services, self.options.clone(), "dispatch", number));
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

fn process(services: &Services, options: Options, role: &str, number: usize) -> Server {
    let options = services.options(options).arg("--role").arg(role);
    Server::start_as(&format!("{role} {number}"), options)
}
