//! The two profiles, which no user may tell apart: the suites run over each.

use std::path::Path;

use crate::{
    server::{Options, Server},
    servers::shared::{KAFKA, POSTGRES, REDIS},
    world::World,
};

/// The key that seals secrets, the same in all processes of a cluster.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Where a process keeps and finds everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// One folder.
    Embedded,
    /// PostgreSQL, Kafka and Redis; one process in all roles.
    Cluster,
}

/// What the processes of one cluster have in common.
#[derive(Clone, Debug)]
pub struct Services {
    /// `postgres://…`
    pub store: String,
    /// `host:port,…`
    pub kafka: String,
    /// The topic of the events.
    pub topic: String,
    /// `redis://…`
    pub redis: String,
    /// What Redis's keys begin with.
    pub prefix: String,
}

impl Services {
    /// A database, a topic and a prefix of one's own on the shared servers.
    pub fn shared() -> Self {
        Self {
            store: POSTGRES.url_of(&POSTGRES.database()),
            kafka: KAFKA.brokers().to_owned(),
            topic: KAFKA.topic(),
            redis: REDIS.url(),
            prefix: format!("rollcall-{}", REDIS.number()),
        }
    }

    /// The options with these services.
    pub fn options(&self, options: Options) -> Options {
        options
            .env("ROLLCALL_MASTER_KEY", MASTER_KEY)
            .env("ROLLCALL_STORE__URL", &self.store)
            .env("ROLLCALL_KAFKA__BROKERS", &self.kafka)
            .env("ROLLCALL_KAFKA__TOPIC", &self.topic)
            .env("ROLLCALL_KAFKA__GROUP", &format!("{}.dispatch", self.topic))
            .env("ROLLCALL_REDIS__URL", &self.redis)
            .env("ROLLCALL_REDIS__KEY_PREFIX", &self.prefix)
    }
}

impl Profile {
    fn options(self, options: Options) -> Options {
        match self {
            Self::Embedded => options,
            Self::Cluster => Services::shared().options(options),
        }
    }

    /// Starts a server where loopback receivers are allowed.
    pub fn server(self) -> Server {
        self.server_with(Options::default())
    }

    /// Starts a server with these options.
    pub fn server_with(self, options: Options) -> Server {
        Server::start_with(self.options(options))
    }

    /// Everything that a server of this profile has written down: names, and what is in them.
    pub fn kept(self, server: &mut Server) -> Vec<(String, Vec<u8>)> {
        match self {
            Self::Embedded => files(&server.data()),
            Self::Cluster => {
                let url = server.options().get("ROLLCALL_STORE__URL").expect("it is on PostgreSQL");
                vec![("the database".to_owned(), POSTGRES.dump(&url))]
            }
        }
    }

    /// Starts a server and everyone around it.
    pub async fn world(self) -> World {
        self.world_with(Options::default()).await
    }

    /// Starts everything, the server with these options.
    pub async fn world_with(self, options: Options) -> World {
        World::start_with(self.options(options)).await
    }
}

/// The files of a folder, and of those in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).expect("files can be read")));
        }
    }
    found
}
