//! Replays in the store: which part of the log they are, what is told of them, and how they end.

use rollcall_domain::{
    delivery::{Attempt, ErrorClass, Trigger},
    directory::Mode,
    endpoint::Scope,
    event::EventType,
    ids::{AttemptId, EndpointId, ReplayId},
    replay::{Replay, ReplayFilter, ReplayStatus},
};
use rollcall_store::{
    clock,
    ledger::{DeadLetter, LaneRecord, ProgressBatch},
    replays::{NewReplay, ReplayError, Replayed},
};

use crate::support::{Fixture, on_both, request};

on_both!(
    a_range_is_a_part_of_the_log,
    what_was_delivered_is_left_out_where_that_is_asked_for,
    it_runs_until_its_lanes_are_at_their_ends,
    it_is_cancelled_or_fails_with_its_endpoint,
    only_so_many_run_at_a_time,
);

async fn made(f: &Fixture, endpoint: &EndpointId, filter: ReplayFilter) -> Replay {
    let new = NewReplay { endpoint_id: endpoint.clone(), filter, rate_per_second: 5 };
    f.store.create_replay(new).await.unwrap()
}

async fn a_range_is_a_part_of_the_log(f: Fixture) {
    // Sequences 1 to 3, and one event of another directory between.
    let ann = f.user("ann").await;
    // A millisecond of its own.
    let pause = async || {
        let until = clock::now().as_millisecond() + 2;
        while clock::now().as_millisecond() < until {
            tokio::task::yield_now().await;
        }
    };
    pause().await;
    let middle = jiff::Timestamp::from_millisecond(clock::now().as_millisecond()).unwrap();
    pause().await;
    let other = f.second_directory(Mode::Live).await;
    f.store.write(request(&other, crate::support::create_user("zoe"))).await.unwrap();
    let group = f.group("G", &[&ann.id]).await;
    let _ = group;
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let all = f.heard.events();
    assert_eq!(all.len(), 4);
    let of = |filter: ReplayFilter| made(&f, &endpoint, filter);
    let here = || ReplayFilter { directory_id: Some(f.directory.clone()), ..ReplayFilter::default() };
    for (filter, total) in [
        (ReplayFilter::default(), 4),
        (here(), 3),
        (ReplayFilter { from_sequence: Some(2), ..here() }, 2),
        (ReplayFilter { to_sequence: Some(2), ..here() }, 2),
        (ReplayFilter { from_sequence: Some(2), to_sequence: Some(2), ..here() }, 1),
        (ReplayFilter { from_sequence: Some(4), ..here() }, 0),
        (ReplayFilter { types: vec![EventType::UserCreated], ..ReplayFilter::default() }, 2),
        (ReplayFilter { subject_id: Some(ann.id.as_str().into()), ..ReplayFilter::default() }, 2),
        (ReplayFilter { from_time: Some(middle), ..ReplayFilter::default() }, 3),
        (ReplayFilter { to_time: Some(middle), ..ReplayFilter::default() }, 1),
        (ReplayFilter { from_time: Some(middle), to_time: Some(middle), ..here() }, 0),
        (ReplayFilter { organization_id: Some(f.organization.clone()), ..ReplayFilter::default() }, 4),
    ] {
        let replay = of(filter.clone()).await;
        assert_eq!(replay.total, total, "{filter:?}");
        let status = if total == 0 { ReplayStatus::Done } else { ReplayStatus::Running };
        assert_eq!(replay.status, status, "{filter:?}");
        let report = f.store.replay(&replay.id).await.unwrap().unwrap();
        assert_eq!((&report.replay, report.delivered, report.failed), (&replay, 0, 0));
        f.store.cancel_replay(&replay.id).await.unwrap();
    }
    // The endpoint's own wishes narrow it too.
    let few = f.endpoint(Scope::Directory(other.clone()), vec![]).await.id;
    assert_eq!(made(&f, &few, ReplayFilter::default()).await.total, 1);
    assert_eq!(made(&f, &few, here()).await.total, 0);
    let few = f.endpoint(Scope::All, vec![EventType::GroupCreated]).await.id;
    let replay = made(&f, &few, ReplayFilter::default()).await;
    assert_eq!(replay.total, 1);
    // What comes later is not in it.
    f.group("H", &[]).await;
    assert_eq!(f.store.replay(&replay.id).await.unwrap().unwrap().replay.total, 1);
    let listed = f.store.replays(None, None, 100).await.unwrap();
    assert_eq!((listed.len(), &listed[0].replay.id), (15, &replay.id));
    let older = f.store.replays(Some(few), Some(replay.id.clone()), 100).await.unwrap();
    assert!(older.is_empty());
}

async fn what_was_delivered_is_left_out_where_that_is_asked_for(f: Fixture) {
    f.user("before").await;
    let endpoint = f.endpoint(Scope::All, vec![]).await;
    for name in ["delivered", "dead", "pending"] {
        f.user(name).await;
    }
    let events = f.heard.events();
    let attempt = |at: usize, error: Option<ErrorClass>| Attempt {
        id: AttemptId::from_uuid(clock::new_uuid()),
        endpoint_id: endpoint.id.clone(),
        event_id: events[at].id.clone(),
        shard: 0,
        position: events[at].position,
        number: 1,
        trigger: Trigger::Schedule,
        started_at: clock::now(),
        duration_ms: 1,
        response_status: Some(200),
        error,
        error_detail: None,
        response_body: None,
    };
    let dead = DeadLetter {
        endpoint_id: endpoint.id.clone(),
        shard: 0,
        position: events[2].position,
        event_id: events[2].id.clone(),
        subject_id: events[2].subject.id.to_string(),
        attempts: 1,
        died_at: clock::now(),
    };
    let batch = ProgressBatch {
        attempts: vec![attempt(1, None), attempt(2, Some(ErrorClass::Status))],
        dead: vec![dead],
        ..ProgressBatch::default()
    };
    f.store.save_progress(batch).await.unwrap();
    let filter = ReplayFilter { only_undelivered: true, ..ReplayFilter::default() };
    // The one from before it was there, and the dead one; its own lane brings the last.
    assert_eq!(made(&f, &endpoint.id, filter.clone()).await.total, 2);
    let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
    let shared = std::sync::Arc::new(endpoint.clone());
    let mut left: Vec<u64> =
        f.store.undelivered(&shared, 0, positions.clone()).await.unwrap().into_iter().collect();
    left.sort_unstable();
    assert_eq!(left, [positions[0], positions[2]]);
    // Delivered by a replay, it is not replayed once more.
    let by_replay = Attempt { trigger: Trigger::Replay, ..attempt(0, None) };
    f.store
        .save_progress(ProgressBatch { attempts: vec![by_replay], ..ProgressBatch::default() })
        .await
        .unwrap();
    assert_eq!(made(&f, &endpoint.id, filter.clone()).await.total, 1);
    // Nothing was ever sent to this one.
    let other = f.endpoint(Scope::All, vec![]).await.id;
    assert_eq!(made(&f, &other, filter).await.total, 4);
}

fn lane(replay: &Replay, frontier: u64) -> LaneRecord {
    LaneRecord {
        endpoint_id: replay.lane_id(),
        shard: 0,
        frontier,
        settled_above: Vec::new(),
        breaker: "{}".to_owned(),
        failing_since: None,
    }
}

async fn it_runs_until_its_lanes_are_at_their_ends(f: Fixture) {
    f.user("ann").await;
    f.user("bob").await;
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let replay = made(&f, &endpoint, ReplayFilter::default()).await;
    let running = || f.store.catalog().endpoints[&endpoint].replays.len();
    let status = async || f.store.replay(&replay.id).await.unwrap().unwrap().replay.status;
    assert_eq!(running(), 1);
    f.store.finish_replay(&replay).await.unwrap();
    assert_eq!(status().await, ReplayStatus::Running, "nothing is saved of it");
    for (frontier, delivered) in [(1, 1), (2, 1)] {
        assert_eq!(status().await, ReplayStatus::Running);
        let replayed = vec![Replayed { id: replay.id.clone(), shard: 0, delivered, failed: 0 }];
        let lanes = vec![lane(&replay, frontier)];
        f.store.save_progress(ProgressBatch { lanes, replayed, ..ProgressBatch::default() }).await.unwrap();
        f.store.finish_replay(&replay).await.unwrap();
    }
    let report = f.store.replay(&replay.id).await.unwrap().unwrap();
    assert_eq!((report.replay.status, report.delivered, report.failed), (ReplayStatus::Done, 2, 0));
    assert!(report.replay.finished_at.is_some());
    assert_eq!(running(), 0);
    // Its lanes went with it, and progress that was under way does not bring them back.
    f.store
        .save_progress(ProgressBatch { lanes: vec![lane(&replay, 2)], ..ProgressBatch::default() })
        .await
        .unwrap();
    assert!(f.store.load_lanes(0).await.unwrap().iter().all(|lane| lane.endpoint_id != replay.lane_id()));
    // It has ended.
    f.store.cancel_replay(&replay.id).await.unwrap();
    assert_eq!(status().await, ReplayStatus::Done);
}

async fn it_is_cancelled_or_fails_with_its_endpoint(f: Fixture) {
    f.user("ann").await;
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let (one, two) = (
        made(&f, &endpoint, ReplayFilter::default()).await,
        made(&f, &endpoint, ReplayFilter::default()).await,
    );
    f.store.cancel_replay(&one.id).await.unwrap();
    let running: Vec<ReplayId> =
        f.store.catalog().endpoints[&endpoint].replays.iter().map(|replay| replay.id.clone()).collect();
    assert_eq!(running, std::slice::from_ref(&two.id));
    f.store.delete_endpoint(&endpoint).await.unwrap();
    let status = async |id| f.store.replay(id).await.unwrap().unwrap().replay.status;
    assert_eq!(
        (status(&one.id).await, status(&two.id).await),
        (ReplayStatus::Cancelled, ReplayStatus::Failed)
    );
    let new = NewReplay { endpoint_id: endpoint, filter: ReplayFilter::default(), rate_per_second: 1 };
    assert!(matches!(f.store.create_replay(new).await, Err(ReplayError::NoEndpoint)));
    assert!(f.store.replay(&ReplayId::from_uuid(clock::new_uuid())).await.unwrap().is_none());
}

async fn only_so_many_run_at_a_time(f: Fixture) {
    f.user("ann").await;
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    for _ in 0..Replay::MAX_RUNNING {
        made(&f, &endpoint, ReplayFilter::default()).await;
    }
    let new = NewReplay { endpoint_id: endpoint, filter: ReplayFilter::default(), rate_per_second: 1 };
    assert!(matches!(f.store.create_replay(new).await, Err(ReplayError::TooMany(Replay::MAX_RUNNING))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_one_goes_on_after_a_restart() {
    let f = Fixture::new().await;
    f.user("ann").await;
    f.user("bob").await;
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let replay = made(&f, &endpoint, ReplayFilter::default()).await;
    f.store
        .save_progress(ProgressBatch { lanes: vec![lane(&replay, 1)], ..ProgressBatch::default() })
        .await
        .unwrap();
    f.store.close().await;
    let again = rollcall_store::Store::open(f.settings.clone(), f.heard.clone()).unwrap();
    assert_eq!(*again.catalog().endpoints[&endpoint].replays[0], replay);
    let lanes = again.load_lanes(0).await.unwrap();
    assert_eq!(
        lanes.iter().find(|lane| lane.endpoint_id == replay.lane_id()).map(|lane| lane.frontier),
        Some(1)
    );
    again.close().await;
}
