//! An embedded server's folder becomes a cluster: `rollcall migrate`, killed in the middle and run
//! again, and a server on the other side that goes on where the old one was.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use rollcall_tests::{
    event::Event,
    owner::Owner,
    profile::Services,
    receiver::{Receiver, Reply},
    server::{Options, Server, binary, wait},
    servers::shared::POSTGRES,
    wait::{SOON, eventually},
    world::Cast,
};
use serde_json::json;

fn command(folder: &Path, services: &Services) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().arg("migrate").arg("--from").arg(folder);
    command.args(["--store-url", &services.store]);
    let key = services.options(Options::closed()).get("ROLLCALL_MASTER_KEY").expect("a cluster has one");
    command.env("ROLLCALL_MASTER_KEY", key);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn migrate(folder: &Path, services: &Services) -> Output {
    command(folder, services).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// How a server that is refused says why.
fn refused(options: Options, data: &Path) -> String {
    let mut child =
        options.command(data).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let Some(status) = wait(&mut child, Duration::from_secs(30)) else {
        let _ = child.kill();
        panic!("a server that is to be refused goes on");
    };
    let output = child.wait_with_output().expect("its output can be read");
    assert!(!status.success(), "{}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_on_where_the_folder_was() {
    let mut server = Server::start();
    let cast = Cast::gather(Owner::new(server.public.clone()), Receiver::start().await).await;
    let dirs =
        [cast.directory("okta").await, cast.directory("entra_id").await, cast.directory("generic").await];
    let quick = json!({"retry_schedule": [0, 0]});
    let app = cast.subscribe("app", quick.clone()).await;
    let tail = cast.subscribe("tail", json!({})).await;
    // What both take, then a dead letter and a parked user at the one, and a backlog at the other.
    let mut users = Vec::new();
    for (n, dir) in dirs.iter().enumerate() {
        for m in 0..4 {
            users.push((n, dir.user(&format!("user{n}{m}")).await));
        }
        dir.group("All", &[&users.last().expect("just made").1]).await;
        cast.drained("app", dir).await;
        cast.drained("tail", dir).await;
    }
    let dead = users[0].1.clone();
    let poison = dead.clone();
    cast.receiver.plan("app", move |attempt| {
        Reply::Status(if attempt.event().subject() == poison { 400 } else { 200 })
    });
    dirs[0].set(&dead, "title", json!("dead")).await.expect(200);
    let path = format!("/deliveries?endpoint_id={}&status=dead", app.id);
    eventually("a dead letter", SOON, || async {
        let page = cast.owner.get(&path).await.expect(200);
        page["data"].as_array().is_some_and(|rows| rows.len() == 1).then_some(())
    })
    .await;
    cast.owner
        .patch(&format!("/endpoints/{}", app.id), json!({"retry_schedule": [0, 4, 4, 4, 4, 4, 4, 4, 4, 4]}))
        .await
        .expect(200);
    let parked = users[5].1.clone();
    let poison = parked.clone();
    cast.receiver.plan("app", move |attempt| {
        Reply::Status(if attempt.event().subject() == poison { 400 } else { 200 })
    });
    dirs[1].set(&parked, "title", json!("parked")).await.expect(200);
    cast.receiver
        .wait_until("the first attempt at the parked one", SOON, |log| {
            log.iter().any(|a| a.hook == "app" && a.event().subject() == parked)
        })
        .await;
    cast.receiver.always("tail", Reply::Status(503));
    for (n, user) in &users {
        dirs[*n].set(user, "nickName", json!("behind")).await.expect(200);
    }
    let before: Vec<Vec<Event>> = {
        let mut all = Vec::new();
        for dir in &dirs {
            all.push(cast.owner.events(&dir.directory).await);
        }
        all
    };
    let cursor = cast.owner.get("/events?limit=5").await.expect(200).text("next_cursor");

    let services = Services::shared();
    let data = server.data();
    let output = migrate(&data, &services);
    assert!(!output.status.success() && said(&output).contains("in use"), "{}", said(&output));
    server.stop();
    let settled: BTreeSet<String> = cast
        .receiver
        .attempts()
        .iter()
        .filter(|a| a.accepted())
        .map(|a| format!("{} {}", a.hook, a.webhook_id()))
        .collect();
    cast.receiver.recover("app");
    cast.receiver.recover("tail");
    cast.receiver.forget();

    let output = migrate(&data, &services);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("12 users, 3 groups"), "{}", said(&output));
    let why = refused(Options::default(), &data);
    assert!(why.contains("has moved to PostgreSQL") && why.contains("moved.json"), "{why}");

    let cluster = Server::start_with(services.options(Options::default()));
    server.public.set(&cluster.public.get());
    // Everything that was not settled comes, in order; nothing else.
    for (dir, before) in dirs.iter().zip(&before) {
        let ids: Vec<&str> = before.iter().map(Event::id).collect();
        let missing = |hook: &str| -> Vec<&str> {
            ids.iter().copied().filter(|id| !settled.contains(&format!("{hook} {id}"))).collect()
        };
        cast.receiver.wait_accepted("tail", &missing("tail"), SOON).await;
        let of_app: Vec<&str> = before
            .iter()
            .filter(|event| !settled.contains(&format!("app {}", event.id())))
            .filter(|event| {
                !(event.subject() == dead
                    && event.0["data"]["title"] == "dead"
                    && event.changed_paths().contains(&"title"))
            })
            .map(Event::id)
            .collect();
        cast.receiver.wait_accepted("app", &of_app, SOON).await;
        let after = cast.owner.events(&dir.directory).await;
        assert_eq!(after.len(), before.len());
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.0, after.0);
        }
    }
    for attempt in cast.receiver.attempts() {
        assert!(!settled.contains(&format!("{} {}", attempt.hook, attempt.webhook_id())), "sent again");
        assert!(attempt.verified.is_ok(), "{:?}", attempt.verified);
    }
    for hook in ["app", "tail"] {
        let mut last = std::collections::BTreeMap::new();
        for attempt in cast.receiver.attempts_at(hook) {
            let event = attempt.event();
            let earlier = last.insert(event.subject().to_owned(), event.version());
            assert!(earlier.is_none_or(|earlier| earlier <= event.version()), "{hook}: out of order");
        }
    }
    let page = cast.owner.get(&path).await.expect(200);
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1), "the dead letter is there: {page}");
    // The old cursor is no place here; an event's id is.
    let problem = cast.owner.get(&format!("/events?after={cursor}")).await.expect_problem(400);
    assert!(problem.text("detail").contains("moved"), "{problem}");
    let id = before[0][2].id();
    let page =
        cast.owner.get(&format!("/events?directory_id={}&after={id}", dirs[0].directory)).await.expect(200);
    assert_eq!(page["data"][0]["sequence"], before[0][3].sequence(), "{page}");
    // And new writes go on.
    for (dir, before) in dirs.iter().zip(&before) {
        dir.user("new").await;
        let events = cast.drained("tail", dir).await;
        let newest = events.last().expect("there are some");
        assert_eq!(newest.sequence(), before.last().expect("there are some").sequence() + 1);
    }
    assert_eq!(tail.hook, "tail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_killed_goes_on() {
    let mut server = Server::start();
    let cast = Cast::gather(Owner::new(server.public.clone()), Receiver::start().await).await;
    let dir = cast.directory("okta").await;
    for n in 0..3 {
        dir.user(&format!("user{n}")).await;
    }
    let before = cast.owner.events(&dir.directory).await;
    server.stop();
    let data = server.data();
    multiply(&data);
    let services = Services::shared();
    let database = services.store.rsplit('/').next().expect("it names one").to_owned();
    let rows = || POSTGRES.query(&database, "SELECT value FROM rollcall.meta WHERE name = 'migration'");
    let mut kills = 0;
    let mut seen = BTreeSet::new();
    loop {
        let mut child = command(&data, &services).spawn().expect("it starts");
        let mut ended = None;
        // Until it has come further than the one before.
        eventually("some progress", Duration::from_secs(120), || {
            ended = child.try_wait().expect("a child can be asked");
            let is_new = rows().is_ok_and(|row| {
                row.contains("running") && !row.contains("\"tables\":0") && seen.insert(row)
            });
            std::future::ready((ended.is_some() || is_new).then_some(()))
        })
        .await;
        if ended.is_some() {
            let output = child.wait_with_output().expect("its output can be read");
            assert!(output.status.success(), "{}", said(&output));
            break;
        }
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
        kills += 1;
        if kills == 1 {
            let why = refused(services.options(Options::default()), &data.join("other"));
            assert!(why.contains("run `rollcall migrate` again"), "{why}");
            let why = refused(Options::default(), &data);
            assert!(why.contains("is being moved"), "{why}");
        }
        if kills >= 4 {
            let output = migrate(&data, &services);
            assert!(output.status.success(), "{}", said(&output));
            break;
        }
    }
    assert!(kills > 0, "it was never killed in the middle");
    let counted = POSTGRES.query(&database, "SELECT COUNT(*) FROM rollcall.users").expect("it can be asked");
    assert_eq!(counted, (3 + MORE).to_string());
    let cluster = Server::start_with(services.options(Options::default()));
    server.public.set(&cluster.public.get());
    assert_eq!(cast.owner.events(&dir.directory).await.len(), before.len());
    dir.user("new").await;
    let events = cast.owner.events(&dir.directory).await;
    assert_eq!(events.last().expect("one").sequence(), before.len() as u64 + 1);
}

/// So many users more, to have something to copy.
const MORE: usize = 250_000;

fn multiply(data: &Path) {
    let sql = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MORE})
         INSERT INTO users (directory_pk, id, user_name_key, user_name, active, version, event_version, created_at,
            updated_at, document)
         SELECT u.directory_pk, printf('usr_%026d', n.i), 'more' || n.i, 'more' || n.i, 1, 1, 1, u.created_at,
            u.updated_at, u.document FROM n, (SELECT * FROM users LIMIT 1) u"
    );
    let c = rusqlite::Connection::open(data.join("main.db")).expect("it can be opened");
    c.execute(&sql, []).expect("rows can be added");
}
