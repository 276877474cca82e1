//! The end-to-end suites once more, over the cluster profile: one process in all roles on PostgreSQL,
//! Kafka and Redis. Not here: `commands.rs`, which has no profile, and `folder.rs`, which is about the
//! folder of the other one.

use rollcall_tests::profile::Profile;

const PROFILE: Profile = Profile::Cluster;

#[path = "e2e/api.rs"]
mod api;
#[path = "e2e/bad_input.rs"]
mod bad_input;
#[path = "e2e/compatibility.rs"]
mod compatibility;
#[path = "e2e/concurrency.rs"]
mod concurrency;
#[path = "e2e/consumers.rs"]
mod consumers;
#[path = "e2e/corpus.rs"]
mod corpus;
#[path = "e2e/delivery.rs"]
mod delivery;
#[path = "e2e/desk.rs"]
mod desk;
#[path = "e2e/feed.rs"]
mod feed;
#[path = "e2e/keys.rs"]
mod keys;
#[path = "e2e/lifecycle.rs"]
mod lifecycle;
#[path = "e2e/operator.rs"]
mod operator;
#[path = "e2e/path.rs"]
mod path;
#[path = "e2e/rebuild.rs"]
mod rebuild;
#[path = "e2e/receivers.rs"]
mod receivers;
#[path = "e2e/replay.rs"]
mod replay;
#[path = "e2e/requests.rs"]
mod requests;
#[path = "e2e/tenancy.rs"]
mod tenancy;
