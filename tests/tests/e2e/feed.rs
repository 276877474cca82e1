//! The topic as others read it: an independent client finds CloudEvents 1.0 in binary mode, all of
//! them, each directory's in order. Only a cluster has a topic.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

use rollcall_tests::event::Event;
use serde_json::{Value, json};

use crate::PROFILE;

/// Python with the packages of `tests/consumer`: the interpreter that the test command made.
fn consume(brokers: &str, topic: &str, count: usize) -> Vec<Value> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/consumer"));
    let python = std::env::var_os("ROLLCALL_TEST_PYTHON").expect("tests/run makes an interpreter");
    let output = Command::new(python)
        .arg(folder.join("consume.py"))
        .args([brokers, topic, &count.to_string(), "60"])
        .stdin(Stdio::null())
        .output()
        .expect("the interpreter runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("lines of JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_consumer_finds_cloudevents_in_order() {
    let mut world = PROFILE.world().await;
    let directories = [world.directory("entra_id").await, world.directory("okta").await];
    for dir in &directories {
        let user = dir.user("ada").await;
        let group = dir.group("Engineers", &[&user]).await;
        for n in 0..20 {
            dir.set(&user, "title", json!(format!("title {n}"))).await.expect(200);
        }
        dir.remove_member(&group, &user).await.expect(200);
        dir.delete(&format!("/Users/{user}")).await.expect(204);
    }
    let mut logs = BTreeMap::new();
    for dir in &directories {
        logs.insert(dir.directory.clone(), world.owner.events(&dir.directory).await);
    }
    let count = logs.values().map(Vec::len).sum();
    let options = world.server.options();
    let brokers = options.get("ROLLCALL_KAFKA__BROKERS").expect("it has a topic");
    let topic = options.get("ROLLCALL_KAFKA__TOPIC").expect("it has a name");
    let found = consume(&brokers, &topic, count);

    let mut read: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    let mut partitions: BTreeMap<String, Value> = BTreeMap::new();
    for message in &found {
        let event = Event(message["data"].clone());
        let headers = &message["headers"];
        for (name, value) in [
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", event.id().to_owned()),
            ("ce_type", event.kind().to_owned()),
            ("ce_subject", event.subject().to_owned()),
            ("ce_time", event.0["timestamp"].as_str().unwrap_or_default().to_owned()),
            ("ce_partitionkey", event.directory().to_owned()),
            ("content-type", "application/json".to_owned()),
        ] {
            assert_eq!(headers[name], value, "{name} of {message}");
        }
        // The extension for sequences wants strings that sort as the numbers do, or plain numbers.
        let sequence = headers["ce_sequence"].as_str().and_then(|s| s.parse().ok());
        assert_eq!(sequence, Some(event.sequence()), "{message}");
        assert!(headers["ce_source"].as_str().is_some_and(|s| s.contains(event.directory())), "{message}");
        assert_eq!(message["key"], event.directory(), "{message}");
        let partition = &message["partition"];
        let known = partitions.entry(event.directory().to_owned()).or_insert_with(|| partition.clone());
        assert_eq!(known, partition, "a directory has one partition: {message}");
        read.entry(event.directory().to_owned()).or_default().push(event);
    }
    // The very bodies of the log, in its order.
    assert_eq!(read, logs);
}
