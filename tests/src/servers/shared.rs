//! One set of servers for all tests of an executable that break none of them. Each test has a database,
//! a topic and a prefix of its own.

use std::sync::LazyLock;

use super::{kafka::Kafka, postgres::Postgres, redis::Redis};

/// PostgreSQL, which the leash ends.
pub static POSTGRES: LazyLock<Postgres> = LazyLock::new(Postgres::start);
/// Kafka, one broker.
pub static KAFKA: LazyLock<Kafka> = LazyLock::new(Kafka::start);
/// Redis.
pub static REDIS: LazyLock<Redis> = LazyLock::new(Redis::start);
