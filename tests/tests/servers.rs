//! The real servers do what the tests of faults ask of them, and none is left behind.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use rollcall_tests::servers::{
    kafka::Kafka,
    network::{Host, Neighbour},
    postgres::{Postgres, Stop},
    process::{lives, until},
    redis::Redis,
};

#[test]
fn postgresql_keeps_what_was_committed_through_every_end() {
    let mut server = Postgres::start();
    let database = server.database();
    server.query(&database, "create table t (n int)").expect("a table can be made");
    for (n, end) in ["kill", "fast", "immediate"].iter().enumerate() {
        server.query(&database, &format!("insert into t values ({n})")).expect("it is written");
        match *end {
            "kill" => {
                server.kill();
                assert!(server.query(&database, "select 1").is_err(), "it is down");
                server.launch();
            }
            "fast" => server.restart(Stop::Fast),
            _ => server.restart(Stop::Immediate),
        }
        assert_eq!(server.query(&database, "select count(*) from t"), Ok((n + 1).to_string()), "{end}");
    }
    server.freeze();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| server.query(&database, "select count(*) from t"));
        server.thaw();
        assert_eq!(answer.join().expect("it does not panic"), Ok("3".to_owned()));
    });
    assert_eq!(server.query("postgres", "show fsync"), Ok("on".to_owned()));
    assert_eq!(server.query("postgres", "show synchronous_commit"), Ok("on".to_owned()));
}

#[test]
fn redis_comes_back_empty() {
    let mut server = Redis::start();
    server.kill();
    assert!(!server.answers());
    server.launch();
    server.freeze();
    server.thaw();
    assert!(server.answers());
    server.wipe();
    assert!(server.answers());
}

#[test]
fn kafka_keeps_its_topics_until_it_is_wiped() {
    let cluster = Kafka::start();
    let topic = cluster.topic();
    let make = ["topics", "--create", "--topic", &topic, "--partitions", "2"];
    cluster.command("tool", &make);
    cluster.kill(1);
    cluster.launch();
    assert!(cluster.command("tool", &["topics", "--list"]).contains(&topic), "SIGKILL loses no topic");
    cluster.wipe();
    // A topic that exists cannot be made.
    cluster.command("tool", &make);
}

#[test]
fn a_way_that_is_cut_loses_everything_until_it_is_mended() {
    let host = Host::make();
    let server = Redis::start_at(&host.address(Neighbour::Redis));
    let reaches = || {
        let mut command = Command::new(host.prefix()[0]);
        command.args(&host.prefix()[1..]).args(["timeout", "1", "redis-cli", "-u", &server.url(), "ping"]);
        command.output().expect("it runs").stdout == b"PONG\n"
    };
    assert!(reaches());
    host.cut(Neighbour::Postgres);
    assert!(reaches(), "the ways to the others stay open");
    host.cut(Neighbour::Redis);
    assert!(!reaches());
    assert!(server.answers(), "on this side");
    host.mend(Neighbour::Redis);
    assert!(reaches());
}

/// Not a test of anything by itself: the process that the next test kills.
#[test]
#[ignore = "it waits until it is killed"]
fn a_victim() {
    let _redis = Redis::start();
    let postgres = Postgres::start();
    let kafka = Kafka::start();
    let status = kafka.command("status", &[]);
    let broker = status.split_whitespace().nth(2).expect("the third field is the process");
    let family = postgres.query("postgres", "select string_agg(pid::text, ' ') from pg_stat_activity");
    println!("victims: {broker} {}", family.expect("it answers"));
    std::thread::park();
}

#[test]
fn nothing_outlives_tests_that_are_killed() {
    let me = std::env::current_exe().expect("a running test has an executable");
    let mut victim = Command::new(me)
        .args(["--exact", "a_victim", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(victim.stdout.take().expect("it is piped")).lines();
    let line =
        lines.by_ref().map_while(Result::ok).find_map(|l| Some(l.split_once("victims: ")?.1.to_owned()));
    let started: Vec<u32> =
        line.expect("it says who runs").split_whitespace().map(|id| id.parse().expect("a number")).collect();
    assert!(started.len() > 3 && started[0] != victim.id(), "{started:?}");
    assert!(lives(started[0]), "the broker runs");
    victim.kill().expect("a child can be killed");
    victim.wait().expect("a killed child ends");
    until("everything to end", || !started.iter().any(|id| lives(*id)));
}
