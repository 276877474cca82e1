//! What Redis may do to a process: be absent, die, come back empty, stand still, refuse. Nothing
//! of it makes a call hang or needs a hand to recover.

use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Redis, after, away, connect, connected, eventually, settings};
use rollcall_coordinate::{ConnectError, Coordination, PingError, State};

/// As `settings` has it, with room for a busy machine.
const TWO_TIMEOUTS: Duration = Duration::from_millis(1_500);

async fn is_known(process: &Coordination, revision: u64) {
    let mut revisions = process.catalog_announcements();
    let waiting = tokio::time::timeout(PATIENCE, revisions.wait_for(|newest| *newest == revision));
    waiting.await.expect("the revision is announced").unwrap();
}

async fn halved(a: &Coordination, b: &Coordination) {
    eventually("the limit is halved", || {
        for process in [a, b] {
            process.active_at("both.example");
        }
        [a, b].iter().all(|process| (process.share("both.example") - 0.5).abs() < 1e-9)
    })
    .await;
}

#[tokio::test]
async fn killed_and_back_with_nothing() {
    let mut redis = Redis::start();
    let (a, b) = (redis.process("a").await, redis.process("b").await);
    let before = after(600);
    a.breaker_opened("before", before);
    b.breaker_opened("closed_while_away", before);
    eventually("they know each other's", || {
        b.breaker("before").is_some() && a.breaker("closed_while_away").is_some()
    })
    .await;
    halved(&a, &b).await;

    redis.kill();
    away(&a).await;
    away(&b).await;
    assert!(matches!(a.ping().await, Err(PingError::Unreachable(_))));
    assert!(a.share("both.example") >= 1.0, "local limits");
    assert_eq!(b.breaker("before"), Some(before), "what was known still is");
    a.breaker_opened("meanwhile", before);
    b.breaker_closed("closed_while_away");
    a.announce_catalog(7);
    assert_eq!(b.breaker("meanwhile"), None, "there is nobody to tell it");

    redis.restart_empty();
    connected(&a).await;
    connected(&b).await;
    is_known(&b, 7).await;
    eventually("b hears what it missed", || b.breaker("meanwhile") == Some(before)).await;
    eventually("a hears of the closing", || a.breaker("closed_while_away").is_none()).await;
    halved(&a, &b).await;
    a.ping().await.unwrap();

    let newcomer = redis.process("c").await;
    is_known(&newcomer, 7).await;
    assert_eq!(newcomer.breaker("before"), Some(before), "it was written again");
    assert_eq!(newcomer.breaker("closed_while_away"), None);
}

#[tokio::test]
async fn emptied_under_a_living_connection() {
    let redis = Redis::start();
    let a = redis.process("a").await;
    a.breaker_opened("ep", after(600));
    a.announce_catalog(7);
    let mut client = redis.client().await;
    let keys = async |client: &mut redis::aio::MultiplexedConnection| {
        let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(client).await.unwrap();
        keys.sort();
        keys
    };
    // Nobody announces keys: look until they are there.
    let both = async |client: &mut redis::aio::MultiplexedConnection| {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let waiting = async {
            while keys(client).await != ["rollcall:breakers", "rollcall:catalog"] {
                look.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("both keys are there");
    };
    both(&mut client).await;
    redis::cmd("FLUSHALL").exec_async(&mut client).await.unwrap();
    both(&mut client).await;
    for key in ["rollcall:breakers", "rollcall:catalog"] {
        let ttl: i64 = redis::cmd("TTL").arg(key).query_async(&mut client).await.unwrap();
        assert!((1..=172_800).contains(&ttl), "{key} lives {ttl} s");
    }
    let newcomer = redis.process("b").await;
    is_known(&newcomer, 7).await;
    assert!(newcomer.breaker("ep").is_some());
    assert_eq!(a.state(), State::Connected, "nothing was lost but data");
}

#[tokio::test]
async fn a_cut_line_is_mended_and_what_was_missed_is_read() {
    let redis = Redis::start();
    let line = crate::support::line::Line::to(redis.port).await;
    let (a, b) = (redis.process("a").await, connect(&line.url(), "b").await);
    connected(&b).await;
    let until = after(600);
    for endpoint in ["closed_meanwhile", "open_all_along"] {
        a.breaker_opened(endpoint, until);
        eventually("b knows it", || b.breaker(endpoint) == Some(until)).await;
    }
    line.cut();
    away(&b).await;
    a.breaker_closed("closed_meanwhile");
    a.breaker_opened("opened_meanwhile", until);
    a.announce_catalog(9);
    b.breaker_opened("opened_at_b", until);
    eventually("b is gone", || a.share("both.example") >= 1.0).await;
    line.mend();
    connected(&b).await;
    assert_eq!(b.breaker("closed_meanwhile"), None);
    assert_eq!(b.breaker("opened_meanwhile"), Some(until));
    assert_eq!(b.breaker("open_all_along"), Some(until));
    is_known(&b, 9).await;
    eventually("a hears of b's", || a.breaker("opened_at_b") == Some(until)).await;
}

#[tokio::test]
async fn standing_still() {
    let redis = Redis::start();
    let (a, b) = (redis.process("a").await, redis.process("b").await);
    halved(&a, &b).await;
    redis.freeze();
    let began = Instant::now();
    let mut pings = 0;
    while began.elapsed() < Duration::from_secs(3) {
        let call = Instant::now();
        for n in 0..1_000 {
            a.announce_catalog(n);
            a.breaker_opened("ep", after(600));
            a.active_at("both.example");
            a.share("both.example");
        }
        assert!(call.elapsed() < Duration::from_millis(500), "saying something never waits");
        let call = Instant::now();
        assert!(matches!(a.ping().await, Err(PingError::Timeout(_) | PingError::Unreachable(_))));
        assert!(call.elapsed() < TWO_TIMEOUTS, "{:?}", call.elapsed());
        pings += 1;
    }
    assert!(pings >= 2 && matches!(a.state(), State::Away { .. }), "{pings} {:?}", a.state());
    assert!(a.share("both.example") >= 1.0);
    let call = Instant::now();
    let c = redis.process("c").await;
    assert!(call.elapsed() < TWO_TIMEOUTS && matches!(c.state(), State::Away { .. }));
    c.close().await;
    redis.thaw();
    connected(&a).await;
    connected(&b).await;
    is_known(&b, 999).await;
    eventually("b knows it", || b.breaker("ep").is_some()).await;
    halved(&a, &b).await;
}

#[tokio::test]
async fn absent_at_the_start() {
    let mut redis = Redis::start();
    redis.kill();
    let a = redis.process("a").await;
    let State::Away { since } = a.state() else { panic!("{:?}", a.state()) };
    assert!(since <= crate::support::now());
    a.announce_catalog(3);
    assert_eq!(*a.catalog_announcements().borrow(), 3, "it works by itself");
    let error = a.ping().await.unwrap_err();
    assert!(matches!(error, PingError::Unreachable(_)) && error.to_string().contains("refused"), "{error}");
    redis.restart_empty();
    connected(&a).await;
    is_known(&redis.process("b").await, 3).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_apart() {
    let redis = Redis::start_with(&["--requirepass", "open-sesame"]);
    for userinfo in ["", ":wrong-sesame@", "nobody:open-sesame@"] {
        let process = connect(&format!("redis://{userinfo}127.0.0.1:{}", redis.port), "a").await;
        assert!(matches!(process.state(), State::Away { .. }));
        let error = process.ping().await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, PingError::Denied(_)), "{userinfo}: {text}");
        assert!(text.lines().count() == 1 && text.contains("password") && !text.contains("sesame"), "{text}");
    }
    let process = connect(&format!("redis://:open-sesame@127.0.0.1:{}", redis.port), "a").await;
    assert_eq!(process.state(), State::Connected);
    process.ping().await.unwrap();
}

#[tokio::test]
async fn the_documented_rights_are_enough_and_needed() {
    let documented = include_str!("../../src/lib.rs");
    let start = documented.find("`+@connection").expect("the rights are documented") + 1;
    let rights = documented[start..].split('`').next().unwrap().replace("//!", " ");
    let redis = Redis::start();
    let mut client = redis.client().await;
    for (user, rights) in [("enough", rights.clone()), ("little", rights.replace("+publish", ""))] {
        let mut acl = redis::cmd("ACL");
        acl.arg("SETUSER").arg(user).arg("on").arg(">sesame");
        for right in rights.split_whitespace() {
            acl.arg(right);
        }
        acl.exec_async(&mut client).await.unwrap();
    }
    let a = connect(&format!("redis://enough:sesame@127.0.0.1:{}", redis.port), "a").await;
    let b = redis.process("b").await;
    a.breaker_opened("ep", after(600));
    a.announce_catalog(2);
    is_known(&b, 2).await;
    a.breaker_closed("ep");
    b.announce_catalog(3);
    is_known(&a, 3).await;
    assert_eq!(a.state(), State::Connected);
    let c = connect(&format!("redis://little:sesame@127.0.0.1:{}", redis.port), "c").await;
    assert!(matches!(c.state(), State::Away { .. }), "{:?}", c.state());
    let error = c.ping().await.unwrap_err();
    assert!(matches!(&error, PingError::Denied(reason) if reason.contains("publish")), "{error}");
}

#[tokio::test]
async fn settings_that_never_work() {
    for url in ["hunter2", "http://:hunter2@cache", "redis://:hunter2@", "rediss://:hunter2@cache/#insecure"]
    {
        let error = Coordination::connect(settings(url), "a").await.unwrap_err();
        assert!(matches!(error, ConnectError::Url(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    let mut wrong = settings("redis://cache");
    wrong.key_prefix = String::new();
    assert!(matches!(Coordination::connect(wrong, "a").await, Err(ConnectError::Setting(_))));
    let mut wrong = settings("redis://cache");
    wrong.timeout_ms = 0;
    assert!(matches!(Coordination::connect(wrong, "a").await, Err(ConnectError::Setting(_))));
    let unnamed = Coordination::connect(settings("redis://cache"), &"x".repeat(300)).await;
    assert!(matches!(unnamed, Err(ConnectError::Setting(_))));
}

#[tokio::test]
async fn strangers_on_the_channel_do_no_harm() {
    let redis = Redis::start();
    let (a, b) = (redis.process("a").await, redis.process("b").await);
    let mut client = redis.client().await;
    let random: Vec<u8> = (0..=255).collect();
    let long = format!(r#"{{"from":"x","opened":{{"{}":1}}}}"#, "x".repeat(1_000_000));
    for payload in [&b""[..], b"7", b"{", &random, long.as_bytes(), br#"{"from":"x","opened":{"ep":-1}}"#] {
        redis::cmd("PUBLISH")
            .arg("rollcall:announcements")
            .arg(payload)
            .exec_async(&mut client)
            .await
            .unwrap();
    }
    a.announce_catalog(5);
    is_known(&b, 5).await;
    assert_eq!((a.state(), b.state(), b.breaker("ep")), (State::Connected, State::Connected, None));
}

#[tokio::test]
async fn processes_of_one_name_are_two() {
    let redis = Redis::start();
    let (a, b) = (redis.process("same").await, redis.process("same").await);
    a.announce_catalog(5);
    is_known(&b, 5).await;
    halved(&a, &b).await;
}

#[tokio::test]
async fn a_newcomer_reads_the_later_end() {
    let redis = Redis::start();
    let (a, b) = (redis.process("a").await, redis.process("b").await);
    let (sooner, later) = (after(60), after(90));
    for (process, until) in [(&a, later), (&b, sooner)] {
        process.breaker_opened("ep", until);
        process.announce_catalog(1);
        process.close().await;
    }
    assert_eq!(redis.process("c").await.breaker("ep"), Some(later));
}

#[tokio::test]
async fn prefixes_keep_deployments_apart() {
    let redis = Redis::start();
    let a = redis.process("a").await;
    let mut other = settings(&redis.url());
    other.key_prefix = "other".to_owned();
    let other = Coordination::connect(other, "a").await.unwrap();
    let b = redis.process("b").await;
    a.announce_catalog(5);
    a.breaker_opened("ep", after(600));
    is_known(&b, 5).await;
    assert_eq!((*other.catalog_announcements().borrow(), other.breaker("ep")), (0, None));
    other.announce_catalog(2);
    assert_eq!(*other.catalog_announcements().borrow(), 2);
}

#[tokio::test]
async fn the_last_handle_takes_the_task_with_it() {
    let redis = Redis::start();
    let a = redis.process("a").await;
    let clone = a.clone();
    let mut client = redis.client().await;
    let listeners = async |client: &mut redis::aio::MultiplexedConnection| -> u64 {
        let channel = "rollcall:announcements";
        let answer: (String, u64) =
            redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(client).await.unwrap();
        answer.1
    };
    drop(a);
    assert_eq!(clone.state(), State::Connected);
    assert_eq!(listeners(&mut client).await, 1);
    drop(clone);
    let waiting = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while listeners(&mut client).await > 0 {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the connection is closed");
}
