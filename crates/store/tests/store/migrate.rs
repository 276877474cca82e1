//! A folder moves into PostgreSQL: everything is there, in its place, and goes on.

use std::{collections::BTreeMap, path::Path};

use rollcall_domain::{
    delivery::{Attempt, ErrorClass, Trigger},
    directory::Mode,
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::{AttemptId, DirectoryId, EventId},
    operator::Notice,
    replay::ReplayFilter,
    shard::shard_of,
};
use rollcall_store::{
    OpenError, Settings, Store, clock,
    ledger::{DeadLetter, LaneRecord, ManualSendWhat, ParkedRecord, ProgressBatch, Replaced},
    migrate::{MigrateError, Summary, migrate},
    read::EventQuery,
    replays::NewReplay,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{Fixture, Heard, SERVER, create_user, request, server_settings};

/// On a thread without a runtime, as the command does.
fn run(from: &Path, settings: &Settings) -> Result<Summary, MigrateError> {
    std::thread::scope(|scope| scope.spawn(|| migrate(from, settings, &mut |_, _, _, _| {})).join().unwrap())
}

fn open(settings: &Settings) -> Result<Store, OpenError> {
    Store::open(settings.clone(), std::sync::Arc::new(Heard::default()))
}

async fn log(store: &Store) -> Vec<std::sync::Arc<LoggedEvent>> {
    let mut query = EventQuery { limit: 1000, ..EventQuery::default() };
    let mut all = Vec::new();
    loop {
        let read = store.events(query.clone()).await.unwrap();
        if read.events.is_empty() {
            return all;
        }
        all.extend(read.events);
        query.after = read.scanned_to;
    }
}

/// Three directories whose events are mixed, and an endpoint that has settled some of them.
async fn filled() -> (Fixture, Vec<DirectoryId>) {
    let f = Fixture::new().await;
    let mut directories = vec![f.directory.clone()];
    while directories.len() < 3 {
        let made = f.second_directory(Mode::Live).await;
        let is_new = directories.iter().all(|known| shard_of(known, 32) != shard_of(&made, 32));
        if is_new {
            directories.push(made);
        }
    }
    for n in 0..60 {
        let directory = &directories[n % 3];
        f.store.write(request(directory, create_user(&format!("user{n}")))).await.unwrap();
    }
    let ann = f.user("ann").await;
    f.group("All", &[&ann.id]).await;
    (f, directories)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_in_its_place_and_goes_on() {
    let (f, directories) = filled().await;
    let all = f.endpoint(Scope::All, vec![]).await;
    let one = f.endpoint(Scope::Directory(directories[1].clone()), vec![EventType::UserCreated]).await;
    f.store.write(request(&directories[2], create_user("late"))).await.unwrap();
    let events = log(&f.store).await;
    let of = |position: u64| events.iter().find(|event| event.position == position).unwrap();
    let attempt = |position: u64, error, trigger| Attempt {
        id: AttemptId::from_uuid(clock::new_uuid()),
        endpoint_id: all.id.clone(),
        event_id: of(position).id.clone(),
        shard: 0,
        position,
        number: 1,
        trigger,
        started_at: clock::now(),
        duration_ms: 3,
        response_status: Some(400),
        error,
        error_detail: None,
        response_body: Some("no\0thing".into()),
    };
    let lane = |endpoint_id, frontier, settled_above| LaneRecord {
        endpoint_id,
        shard: 0,
        frontier,
        settled_above,
        breaker: r#"{"state":"closed"}"#.into(),
        failing_since: None,
    };
    let held = f.store.claim_shards("d", &[0]).await.unwrap();
    f.store
        .save_progress(ProgressBatch {
            epochs: held,
            lanes: vec![lane(all.id.clone(), 30, vec![31, 33, 40]), lane(one.id.clone(), 64, vec![])],
            parked: vec![ParkedRecord {
                endpoint_id: all.id.clone(),
                shard: 0,
                subject_id: of(20).subject.id.to_string(),
                first_position: 20,
                attempts: 2,
                next_at: Some(clock::now()),
                waits_for: None,
                endpoint_scope: false,
                replaces: vec![1],
            }],
            attempts: vec![
                attempt(20, Some(ErrorClass::Status), Trigger::Schedule),
                attempt(21, None, Trigger::Schedule),
            ],
            dead: vec![DeadLetter {
                endpoint_id: all.id.clone(),
                shard: 0,
                position: 22,
                event_id: of(22).id.clone(),
                subject_id: of(22).subject.id.to_string(),
                attempts: 9,
                died_at: clock::now(),
            }],
            replaced: vec![Replaced { endpoint_id: all.id.clone(), shard: 0, position: 5, by: 62 }],
            notices: vec![(
                0,
                Notice {
                    id: EventId::from_uuid(clock::new_uuid()),
                    endpoint_id: all.id.clone(),
                    kind: EventType::EndpointFailing,
                    at: clock::now(),
                    data: json!({}),
                },
            )],
            ..ProgressBatch::default()
        })
        .await
        .unwrap();
    f.store.request_manual_send(&all.id, ManualSendWhat::Event { shard: 0, position: 22 }).await.unwrap();
    let catalog = f.store.catalog();
    f.store.close().await;

    let data = f.folder.path().join("data");
    let settings = server_settings(&SERVER.database());
    let summary = run(&data, &settings).unwrap();
    assert_eq!(summary.shards, 32);
    let rows: BTreeMap<&str, u64> =
        summary.tables.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(rows["main.events"], events.len() as u64);
    assert_eq!(summary.copied, rows.values().sum::<u64>());

    let store = open(&settings).unwrap();
    let moved = log(&store).await;
    assert_eq!(moved.len(), events.len());
    // Where each event stands: as many before it in its shard as there were before.
    let mut place: BTreeMap<u64, (u16, u64)> = BTreeMap::new();
    let mut last: BTreeMap<u16, u64> = BTreeMap::new();
    for event in &events {
        let shard = shard_of(&event.directory_id, 32);
        let position = last.entry(shard).or_default();
        *position += 1;
        place.insert(event.position, (shard, *position));
        let there = store.event(&event.id).await.unwrap().unwrap();
        assert_eq!((there.shard, there.position), (shard, *position));
        assert_eq!(
            (&there.body, there.sequence, there.timestamp, &there.subject),
            (&event.body, event.sequence, event.timestamp, &event.subject)
        );
    }
    for (shard, position) in &last {
        assert_eq!(store.head(*shard), *position);
    }
    // The lane of every shard has settled what the one had.
    let settled = |position: u64| position <= 31 || position == 33 || position == 40;
    for shard in 0..32 {
        let lanes = store.load_lanes(shard).await.unwrap();
        let found = lanes.iter().find(|lane| lane.endpoint_id == all.id).unwrap();
        for (old, (of_shard, position)) in place.iter().filter(|(_, (of, _))| *of == shard) {
            let is = *position <= found.frontier || found.settled_above.contains(position);
            assert_eq!(is, settled(*old), "{old} at {of_shard}:{position}, {found:?}");
        }
        let has_one = lanes.iter().any(|lane| lane.endpoint_id == one.id);
        assert_eq!(has_one, shard == shard_of(&directories[1], 32));
    }
    let (shard, position) = place[&20];
    let parked = store.load_parked(&all.id, shard).await.unwrap();
    assert_eq!((parked.len(), parked[0].first_position, &parked[0].replaces), (1, position, &vec![1]));
    assert_eq!(store.notices(0, 9).await.unwrap().len(), 1);
    let (shard, position) = place[&22];
    let sends = store.manual_sends(shard, 9).await.unwrap();
    assert_eq!(sends.len(), 1);
    assert_eq!(sends[0].what, ManualSendWhat::Event { shard, position });
    let id = rollcall_domain::delivery::DeliveryId {
        endpoint_id: all.id.clone(),
        shard: place[&20].0,
        position: place[&20].1,
    };
    let (_, attempts) = store.delivery(&id).await.unwrap().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].response_body.as_deref(), Some("no\u{fffd}thing"));
    // The endpoint that was made late starts there too.
    let there = store.catalog();
    let start = &there.endpoints[&all.id].endpoint.start;
    let late = place.iter().filter(|(old, _)| **old > catalog.endpoints[&all.id].endpoint.start.at(0));
    for (_, (shard, position)) in late {
        assert!(start.at(*shard) < *position);
    }
    for (id, entry) in &catalog.endpoints {
        assert_eq!(
            there.endpoints[id].secrets[0].0.expose_secret(),
            entry.secrets[0].0.expose_secret(),
            "sealed with another key, and the same"
        );
    }
    // New writes get the next of everything.
    for (n, directory) in directories.iter().enumerate() {
        let before = events.iter().filter(|event| event.directory_id == *directory).count() as u64;
        store.write(request(directory, create_user(&format!("new{n}")))).await.unwrap();
        let after = log(&store).await.into_iter().filter(|event| event.directory_id == *directory);
        let newest = after.max_by_key(|event| event.sequence).unwrap();
        assert_eq!(newest.sequence, before + 1);
        assert_eq!(newest.position, last[&newest.shard] + 1);
    }
    store.create_endpoint(crate::support::new_endpoint(Scope::All, vec![])).await.unwrap();
    store.close().await;

    // Again, there is nothing to do; the folder is not used any more.
    assert!(run(&data, &settings).unwrap().already);
    let Err(refused) = open(&f.settings) else { panic!("the folder opens") };
    assert!(refused.to_string().contains("moved.json"), "{refused}");
    let other = server_settings(&SERVER.database());
    assert!(matches!(run(&data, &other), Err(MigrateError::Elsewhere { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_not_be_is_refused() {
    let (f, _) = filled().await;
    let data = f.folder.path().join("data");
    let settings = server_settings(&SERVER.database());
    assert!(matches!(run(&data, &settings), Err(MigrateError::Open(OpenError::Locked(_)))));
    f.store.close().await;
    let nowhere = f.folder.path().join("nowhere");
    assert!(matches!(run(&nowhere, &settings), Err(MigrateError::NoStore(_))));
    assert!(!nowhere.exists());

    // One that somebody uses, and one that holds something.
    let occupied = server_settings(&SERVER.database());
    let used = open(&occupied).unwrap();
    assert!(matches!(run(&data, &occupied), Err(MigrateError::InUse(_))));
    used.create_organization("Other".into(), None).await.unwrap();
    used.close().await;
    drop(used);
    let refused = run(&data, &occupied);
    assert!(matches!(refused, Err(MigrateError::Occupied { .. } | MigrateError::InUse(_))), "{refused:?}");

    // A name with a character that PostgreSQL cannot hold is named. What has arrived stays unfinished.
    let c = rusqlite::Connection::open(data.join("main.db")).unwrap();
    c.execute("UPDATE users SET display_name = 'a' || char(0) WHERE user_name = 'ann'", []).unwrap();
    let Err(MigrateError::Nul { table, column, id, .. }) = run(&data, &settings) else { panic!("it went") };
    assert_eq!((table.as_str(), column.as_str()), ("main.users", "display_name"));
    assert!(id.starts_with("usr_"), "{id}");
    assert!(matches!(open(&settings), Err(OpenError::Unfinished { .. })));
    assert!(matches!(open(&f.settings), Err(OpenError::Moved { begun: true, .. })));
    // Another folder does not go on with it.
    let (other, _) = filled().await;
    other.store.close().await;
    let refused = run(&other.folder.path().join("data"), &settings);
    assert!(matches!(refused, Err(MigrateError::Foreign { .. })), "{refused:?}");
    // The way back: the folder is used again once its marker is gone.
    c.execute("UPDATE users SET display_name = 'a' WHERE user_name = 'ann'", []).unwrap();
    assert!(run(&data, &settings).is_ok());
    std::fs::remove_file(data.join("moved.json")).unwrap();
    open(&f.settings).unwrap().close().await;

    // A newer one than this program.
    c.execute(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
         SELECT 9999, 'x', applied_on, checksum FROM refinery_schema_history LIMIT 1",
        [],
    )
    .unwrap();
    let Err(error) = run(&data, &server_settings(&SERVER.database())) else { panic!("it went") };
    assert!(format!("{error:?}").contains("newer version"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_has_to_end_first() {
    let f = Fixture::new().await;
    f.user("ann").await;
    let endpoint_id = f.endpoint(Scope::All, vec![]).await.id;
    let new = NewReplay { endpoint_id, filter: ReplayFilter::default(), rate_per_second: 1 };
    let replay = f.store.create_replay(new).await.unwrap();
    f.store.close().await;
    let settings = server_settings(&SERVER.database());
    let data = f.settings.data_dir.clone();
    assert!(matches!(run(&data, &settings), Err(MigrateError::Replays(1))));
    let again = open(&f.settings).unwrap();
    again.cancel_replay(&replay.id).await.unwrap();
    again.close().await;
    run(&data, &settings).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_cannot_be_made_leaves_nothing_behind() {
    let f = Fixture::new().await;
    f.endpoint(Scope::All, vec![]).await;
    f.store.close().await;
    let data = f.settings.data_dir.clone();
    let right = std::fs::read_to_string(data.join("master.key")).unwrap();
    std::fs::write(data.join("master.key"), "0f".repeat(32)).unwrap();
    let database = SERVER.database();
    let settings = server_settings(&database);
    let refused = run(&data, &settings);
    assert!(matches!(refused, Err(MigrateError::Secret(_))), "{refused:?}");
    let made = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'rollcall'";
    assert_eq!(SERVER.query(&database, made), Ok("0".to_owned()));
    std::fs::write(data.join("master.key"), right).unwrap();
    open(&f.settings).unwrap().close().await;
    run(&data, &settings).unwrap();
}
