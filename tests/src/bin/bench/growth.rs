//! What a write costs in a directory of ten thousand people, of a hundred thousand, of a million: it must
//! be the same.
//!
//! The cost is the processor time of the server (and of PostgreSQL) for each request, which other programs
//! disturb less than rates. The people come about through the server itself; as many of them at each size, from
//! the first to the last, are changed and looked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rollcall_tests::{
    provider::{PATCH, Provider},
    server::Options,
    servers::{postgres::Postgres, process::children},
};
use serde_json::json;

use crate::{
    Plan,
    figures::Windows,
    load::{Connection, Request},
    stage::Stage,
};

/// The sizes that are compared with the first of them.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const CONNECTIONS: usize = 16;
/// So many people are changed and looked for, whatever the size: what a cache can hold of them is no matter.
const TARGETS: usize = 10_000;
/// What a request may cost at the last size, as a multiple of what it costs at the first.
const FLAT: f64 = 1.3;
const NOISE: f64 = 0.25;
/// A tick of the processor times of `/proc`, by POSIX's usual `CLK_TCK` of 100.
const TICK_MICROS: f64 = 10_000.0;

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Create,
    Change,
    Look,
    Join,
}

const KINDS: [(Kind, &str); 4] = [
    (Kind::Create, "POST /Users (1 KB)"),
    (Kind::Change, "PATCH of a user's title"),
    (Kind::Look, "GET /Users?filter=userName eq …"),
    (Kind::Join, "PATCH: a member joins and leaves a small group"),
];

/// Measures, prints, and says whether costs are flat and the windows agree.
pub(crate) async fn run(plan: Plan, on_postgres: bool) -> bool {
    let postgres = on_postgres.then(Postgres::start);
    let options = match &postgres {
        None => Options::default(),
        Some(postgres) => Options::default()
            .env("ROLLCALL_STORE__URL", &postgres.url_of(&postgres.database()))
            .env("ROLLCALL_MASTER_KEY", &"5c".repeat(32)),
    };
    println!(
        "\nProcessor time of a request by the size of the directory, on {}, {CONNECTIONS} connections; medians of \
         {} windows of {:?}",
        if on_postgres { "PostgreSQL" } else { "files" },
        plan.windows,
        plan.window
    );
    let stage = Stage::with(options).await;
    let mut known: Vec<Person> = Vec::new();
    let mut people = 0;
    let mut first: Vec<f64> = Vec::new();
    let mut fine = true;
    for size in SIZES {
        let begun = Instant::now();
        while people < size {
            // Some more than are needed, for not all of the directory is made here.
            let stride = (size / TARGETS / 2).max(1);
            let (made, more) = create(&stage.dir, (size - people).min(20_000), stride).await;
            people += made;
            known.extend(more);
        }
        let targets: Vec<Person> = (0..TARGETS.min(known.len()))
            .map(|n| known[n * known.len() / TARGETS.min(known.len())].clone())
            .collect();
        println!("\n  {size} people (the rest made in {:.0?})", begun.elapsed());
        for (at, (kind, name)) in KINDS.into_iter().enumerate() {
            let (mut cost, mut rate) = (Windows::default(), Windows::default());
            // The first window warms up.
            for window in 0..=plan.windows {
                let before = processor_time(&stage, postgres.as_ref());
                let begun = Instant::now();
                let requests = window_of(kind, &stage.dir, &targets, plan, window).await;
                let elapsed = begun.elapsed().as_secs_f64();
                let spent = processor_time(&stage, postgres.as_ref()) - before;
                if matches!(kind, Kind::Create) {
                    people += requests;
                }
                if window > 0 {
                    cost.push(spent * TICK_MICROS / requests as f64);
                    rate.push(requests as f64 / elapsed);
                }
            }
            if size == SIZES[0] {
                first.push(cost.median());
            }
            let ratio = cost.median() / first[at];
            println!("    {name:<48} {} µs, ratio {ratio:.2}; {:.0} per s", cost.show(NOISE), rate.median());
            fine &= cost.quiet(NOISE) && ratio <= FLAT;
        }
    }
    fine
}

/// Somebody to change and to look for.
#[derive(Clone, Debug)]
struct Person {
    id: String,
    user_name: String,
}

/// Makes so many people, and remembers one of each `stride`.
async fn create(dir: &Provider, count: usize, stride: usize) -> (usize, Vec<Person>) {
    let left = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let (mut request, left) = (Request::new(dir), Arc::clone(&left));
        let mut connection = Connection::open(dir).await.expect("the server accepts connections");
        tasks.push(tokio::spawn(async move {
            let mut known = Vec::new();
            loop {
                let number = left.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return known;
                }
                let (user, bytes) = request.next();
                let status = connection.exchange(bytes).await.expect("the server answers");
                assert_eq!(status, 201, "a write was refused");
                if number.is_multiple_of(stride) {
                    let id = text_of(connection.answer(), "\"id\":\"").expect("it has an id");
                    known.push(Person { id, user_name: Request::user_name(user) });
                }
            }
        }));
    }
    let mut known = Vec::new();
    for task in tasks {
        known.extend(task.await.expect("no connection panics"));
    }
    (count, known)
}

/// As many requests as the connections can make in a window.
async fn window_of(kind: Kind, dir: &Provider, known: &[Person], plan: Plan, window: u32) -> usize {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for worker in 0..CONNECTIONS {
        let mut connection = Connection::open(dir).await.expect("the server accepts connections");
        let group = match kind {
            Kind::Join => dir.group(&format!("group {worker} {window} {}", known.len()), &[]).await,
            Kind::Create | Kind::Change | Kind::Look => String::new(),
        };
        let (mut request, dir, known) = (Request::new(dir), dir.clone(), known.to_vec());
        tasks.push(tokio::spawn(async move {
            let mut requests = 0;
            // Apart from each other, and all over those who are known.
            let mut at = worker * known.len() / CONNECTIONS + window as usize;
            while begun.elapsed() < plan.window {
                at = (at + 7_919) % known.len();
                let person = &known[at];
                let bytes = match kind {
                    Kind::Create => request.next().1.to_vec(),
                    Kind::Change => {
                        let operation = json!({"op": "replace", "path": "title", "value": format!("{worker} {window} {requests}")});
                        patch(&dir, &format!("/Users/{}", person.id), &operation)
                    }
                    Kind::Look => {
                        let path = format!("/Users?filter=userName%20eq%20%22{}%22", person.user_name);
                        message(&dir, "GET", &path, "")
                    }
                    Kind::Join => {
                        let op = if requests % 2 == 0 { "add" } else { "remove" };
                        let person = &known[(at + worker) % known.len()];
                        let operation = match op {
                            "add" => json!({"op": op, "path": "members", "value": [{"value": person.id}]}),
                            _ => json!({"op": op, "path": "members"}),
                        };
                        patch(&dir, &format!("/Groups/{group}"), &operation)
                    }
                };
                let status = connection.exchange(&bytes).await.expect("the server answers");
                assert!((200..300).contains(&status), "{kind:?}: {status}");
                requests += 1;
            }
            requests
        }));
    }
    let mut requests = 0;
    for task in tasks {
        requests += task.await.expect("no connection panics");
    }
    requests
}

fn patch(dir: &Provider, path: &str, operation: &serde_json::Value) -> Vec<u8> {
    message(dir, "PATCH", path, &json!({"schemas": [PATCH], "Operations": [operation]}).to_string())
}

fn message(dir: &Provider, method: &str, path: &str, body: &str) -> Vec<u8> {
    let url = dir.client.url(path);
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("the URL has a host and a path");
    format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
         content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n{body}",
        dir.token,
        body.len()
    )
    .into_bytes()
}

/// What stands between this and the next quotation mark.
fn text_of(answer: &[u8], after: &str) -> Option<String> {
    let text = std::str::from_utf8(answer).ok()?;
    Some(text.split_once(after)?.1.split('"').next()?.to_owned())
}

/// The processor time of the server and of PostgreSQL so far, in ticks.
fn processor_time(stage: &Stage, postgres: Option<&Postgres>) -> f64 {
    let mut ids = vec![stage.server.process_id()];
    if let Some(postgres) = postgres {
        ids.extend(children(postgres.process_id()));
    }
    ids.into_iter().filter_map(ticks).sum()
}

fn ticks(id: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold anything; what follows it does not.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}
