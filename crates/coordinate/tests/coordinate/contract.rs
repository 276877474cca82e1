//! What holds whichever adapter is behind the handle. Two handles on one Redis are two processes;
//! of the local adapter, two clones are the same process.

use crate::support::{PATIENCE, Redis, after, announced, eventually};
use rollcall_coordinate::{Coordination, Settings, State};

/// Two handles that hear each other.
struct Pair {
    a: Coordination,
    b: Coordination,
    /// How many processes they are.
    processes: u8,
    _redis: Option<Redis>,
}

impl Pair {
    async fn local() -> Self {
        let a = Coordination::connect(Settings::default(), "a").await.unwrap();
        assert_eq!(a.state(), State::Local);
        Self { b: a.clone(), a, processes: 1, _redis: None }
    }

    async fn redis() -> Self {
        let redis = Redis::start();
        let (a, b) = (redis.process("a").await, redis.process("b").await);
        assert_eq!(
            (a.state(), b.state()),
            (State::Connected, State::Connected),
            "it is there, so they use it"
        );
        Self { a, b, processes: 2, _redis: Some(redis) }
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test] async fn $name() { super::$name(super::Pair::local().await).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $name() { super::$name(super::Pair::redis().await).await; })*
        }
    };
}

contract! {
    the_newest_revision_reaches_everybody
    an_open_breaker_is_known_until_its_time_or_its_closing
    the_later_end_wins
    a_flood_arrives_as_the_newest
    a_limit_is_divided_among_those_who_are_active
    a_ping_takes_a_moment
    who_closes_goes_on_alone
    names_and_numbers_of_any_kind_do_no_harm
}

async fn the_newest_revision_reaches_everybody(pair: Pair) {
    let (mut at_a, mut at_b) = (pair.a.catalog_announcements(), pair.b.catalog_announcements());
    assert_eq!((*at_a.borrow(), *at_b.borrow()), (0, 0));
    for (from, revision, known) in [(&pair.a, 4, 4), (&pair.b, 7, 7), (&pair.a, 5, 7), (&pair.a, 8, 8)] {
        from.announce_catalog(revision);
        for receiver in [&mut at_a, &mut at_b] {
            let newest = tokio::time::timeout(PATIENCE, receiver.wait_for(|newest| *newest >= known)).await;
            assert_eq!(*newest.unwrap().unwrap(), known);
        }
    }
}

async fn an_open_breaker_is_known_until_its_time_or_its_closing(pair: Pair) {
    let mut changes = pair.b.breaker_changes();
    let until = after(60);
    pair.a.breaker_opened("ep_1", until);
    assert_eq!(pair.a.breaker("ep_1"), Some(until), "one's own is known at once");
    announced(&mut changes, "ep_1 is open", || pair.b.breaker("ep_1") == Some(until)).await;
    assert_eq!(pair.b.breaker("ep_2"), None);

    pair.b.breaker_closed("ep_1");
    assert_eq!(pair.b.breaker("ep_1"), None);
    eventually("ep_1 is closed", || pair.a.breaker("ep_1").is_none()).await;

    pair.a.breaker_opened("ep_past", after(-1));
    assert_eq!(pair.a.breaker("ep_past"), None);
    pair.a.breaker_opened("ep_soon", after(1));
    announced(&mut changes, "ep_soon is open", || pair.b.breaker("ep_soon").is_some()).await;
    for handle in [&pair.a, &pair.b] {
        eventually("its time passes", || handle.breaker("ep_soon").is_none()).await;
    }
}

async fn the_later_end_wins(pair: Pair) {
    let (sooner, later) = (after(60), after(90));
    pair.a.breaker_opened("ep", later);
    pair.b.breaker_opened("ep", sooner);
    eventually("b knows the later", || pair.b.breaker("ep") == Some(later)).await;
    // What b says next comes after what it said before.
    pair.b.announce_catalog(1);
    let mut revisions = pair.a.catalog_announcements();
    tokio::time::timeout(PATIENCE, revisions.wait_for(|newest| *newest == 1)).await.unwrap().unwrap();
    assert_eq!(pair.a.breaker("ep"), Some(later));
    pair.a.breaker_closed("ep");
    eventually("it is closed", || pair.b.breaker("ep").is_none()).await;
    pair.a.breaker_opened("ep", sooner);
    eventually("the later is forgotten", || pair.b.breaker("ep") == Some(sooner)).await;
}

async fn a_flood_arrives_as_the_newest(pair: Pair) {
    for n in 1..=100_000 {
        pair.a.announce_catalog(n);
    }
    for n in 0..20_000 {
        pair.a.breaker_opened(&format!("ep_{n}"), after(60));
    }
    let mut revisions = pair.b.catalog_announcements();
    tokio::time::timeout(PATIENCE, revisions.wait_for(|newest| *newest == 100_000)).await.unwrap().unwrap();
    eventually("the first breakers are known", || pair.b.breaker("ep_0").is_some()).await;
    assert_eq!(pair.a.breaker("ep_19999"), None, "there is an end to what is kept");
}

async fn a_limit_is_divided_among_those_who_are_active(pair: Pair) {
    let part = 1.0 / f64::from(pair.processes);
    assert!(pair.a.share("both.example") >= 1.0, "nobody said anything yet");
    // As attempts do: they say so each time.
    eventually("it is divided", || {
        for handle in [&pair.a, &pair.b] {
            handle.active_at("both.example");
        }
        pair.a.active_at("a.example");
        [&pair.a, &pair.b].iter().all(|handle| (handle.share("both.example") - part).abs() < 1e-9)
    })
    .await;
    assert!(pair.a.share("a.example") >= 1.0, "b sends nothing there");
    // b stops; a goes on.
    eventually("a has it for itself again", || {
        pair.a.active_at("both.example");
        pair.a.share("both.example") >= 1.0
    })
    .await;
}

async fn a_ping_takes_a_moment(pair: Pair) {
    for handle in [&pair.a, &pair.b] {
        assert!(handle.ping().await.unwrap() < PATIENCE);
    }
}

async fn who_closes_goes_on_alone(pair: Pair) {
    eventually("they divide", || {
        pair.b.active_at("both.example");
        pair.a.share("both.example") <= 1.0 / f64::from(pair.processes)
    })
    .await;
    pair.b.announce_catalog(3);
    pair.b.close().await;
    pair.b.close().await;
    assert_eq!(pair.b.state(), State::Local);
    let mut revisions = pair.a.catalog_announcements();
    tokio::time::timeout(PATIENCE, revisions.wait_for(|newest| *newest == 3)).await.unwrap().unwrap();
    eventually("b is gone", || pair.a.share("both.example") >= 1.0).await;
    pair.b.announce_catalog(5);
    pair.b.breaker_opened("ep", after(60));
    assert_eq!(*pair.b.catalog_announcements().borrow(), 5);
    assert!(pair.b.breaker("ep").is_some() && pair.b.share("both.example") >= 1.0);
    pair.b.ping().await.unwrap();
}

async fn names_and_numbers_of_any_kind_do_no_harm(pair: Pair) {
    let long = "x".repeat(100_000);
    for name in ["", " ", "\r\n*1\r\n$8\r\nFLUSHALL\r\n", "{\"from\":\"a\"}", "ü\u{0}", &long] {
        for until in [jiff::Timestamp::MIN, jiff::Timestamp::MAX, after(60)] {
            pair.a.breaker_opened(name, until);
        }
        pair.a.active_at(name);
        assert!(pair.a.share(name) > 0.0);
        pair.a.breaker_closed(name);
    }
    pair.a.announce_catalog(u64::MAX);
    let mut revisions = pair.b.catalog_announcements();
    tokio::time::timeout(PATIENCE, revisions.wait_for(|newest| *newest == u64::MAX)).await.unwrap().unwrap();
    assert!(!matches!(pair.a.state(), State::Away { .. }), "{:?}", pair.a.state());
}
