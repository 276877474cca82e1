//! Writes to a real server: many processes at once, lost connections, and batches that must come to
//! what their commands would come to one by one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rollcall_domain::{
    Command, Precondition, Refusal, Reply,
    directory::Mode,
    event::LoggedEvent,
    ids::{DirectoryId, GroupId, UserId},
    shard::shard_of,
};
use rollcall_scim::{Rules, group_input};
use rollcall_store::{Committed, Settings, Store, WriteError, read::EventQuery};
use serde_json::json;

use crate::support::SERVER;
use crate::support::{
    Fixture, Heard, create_user, document, map, new_directory, patch_group, patch_user, request, user_of,
};

fn open(database: &str) -> (Store, Arc<Heard>) {
    let settings = Settings {
        url: Some(SERVER.url_of(database).into()),
        master_key: Some("5a".repeat(32).into()),
        ..Settings::default()
    };
    let heard = Arc::new(Heard::default());
    (Store::open(settings, heard.clone()).unwrap(), heard)
}

async fn directory(store: &Store) -> DirectoryId {
    let organization = store.create_organization("Acme".into(), None).await.unwrap().id;
    store.create_directory(new_directory(&organization, Mode::Live)).await.unwrap().0.id
}

async fn logged(store: &Store, directory: &DirectoryId) -> Vec<Arc<LoggedEvent>> {
    let mut query =
        EventQuery { directory_id: Some(directory.clone()), limit: 1000, ..EventQuery::default() };
    let mut events = Vec::new();
    loop {
        let page = store.events(query.clone()).await.unwrap();
        if page.events.is_empty() {
            return events;
        }
        events.extend(page.events);
        query.after = page.scanned_to;
    }
}

/// Positions of the shard and sequences of its only directory, from 1.
fn assert_gapless(events: &[Arc<LoggedEvent>]) {
    let places: Vec<(u64, u64)> = events.iter().map(|event| (event.position, event.sequence)).collect();
    let expected: Vec<(u64, u64)> = (1..=events.len() as u64).map(|n| (n, n)).collect();
    assert_eq!(places, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_have_no_gap_whoever_writes_and_whenever_one_looks() {
    let database = SERVER.database();
    let ((one, heard_one), (two, heard_two)) = (open(&database), open(&database));
    let directory = directory(&one).await;
    let shard = usize::from(shard_of(&directory, one.shards()));
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (two, done, directory) = (two.clone(), done.clone(), directory.clone());
        async move {
            let mut seen = 0;
            loop {
                let last = done.load(Ordering::Acquire);
                let mut after = vec![0; shard];
                after.push(seen);
                let query = EventQuery {
                    after: after.into(),
                    directory_id: Some(directory.clone()),
                    limit: 1000,
                    ..EventQuery::default()
                };
                let events = two.events(query).await.unwrap().events;
                for event in &events {
                    seen += 1;
                    assert_eq!(event.position, seen, "a position became visible after a later one");
                }
                if last && events.is_empty() {
                    return seen;
                }
            }
        }
    });
    let writers: Vec<_> = (0..16)
        .map(|task| {
            let store = if task % 2 == 0 { one.clone() } else { two.clone() };
            let directory = directory.clone();
            tokio::spawn(async move {
                for n in 0..25 {
                    // Every fifth name is one that all want.
                    let name = if n % 5 == 0 { format!("same{n}") } else { format!("user{task}-{n}") };
                    match store.write(request(&directory, create_user(&name))).await {
                        Ok(_) | Err(WriteError::Refused(Refusal::UserNameTaken)) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::Release);
    assert_eq!(reader.await.unwrap(), 16 * 20 + 5);
    assert_gapless(&logged(&one, &directory).await);
    let mut heard: Vec<u64> =
        heard_one.events().iter().chain(&heard_two.events()).map(|event| event.position).collect();
    heard.sort_unstable();
    assert_eq!(heard, (1..=16 * 20 + 5).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_loses_and_doubles_nothing() {
    let database = SERVER.database();
    let (store, heard) = open(&database);
    let directory = directory(&store).await;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|task| {
            let (store, directory) = (store.clone(), directory.clone());
            tokio::spawn(async move {
                let mut made = Vec::new();
                for n in 0..60 {
                    let name = format!("user{task}-{n}");
                    loop {
                        match store.write(request(&directory, create_user(&name))).await {
                            Ok(committed) => {
                                made.push(user_of(committed).id);
                                break;
                            }
                            Err(WriteError::Unavailable { retry_after_seconds, .. }) => {
                                assert!((1..=5).contains(&retry_after_seconds));
                                tokio::task::yield_now().await;
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
                made
            })
        })
        .collect();
    let killer = tokio::task::spawn_blocking({
        let (done, database) = (done.clone(), database.clone());
        move || {
            let mut killed = 0;
            while !done.load(Ordering::Acquire) {
                let sql = format!(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity
                     where datname = '{database}' and application_name like 'rollcall writer%' and state <> 'idle'"
                );
                killed += SERVER.query("postgres", &sql).unwrap().parse::<u32>().unwrap();
            }
            killed
        }
    });
    let mut made = Vec::new();
    for writer in writers {
        made.extend(writer.await.unwrap());
    }
    done.store(true, Ordering::Release);
    assert!(killer.await.unwrap() > 0, "nothing was interrupted");
    let events = logged(&store, &directory).await;
    assert_gapless(&events);
    assert_eq!(events.len(), 8 * 60);
    assert_eq!(heard.events(), events);
    for id in made {
        assert!(store.user(&directory, &id).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_taken_by_patch_is_refused_alone() {
    let (store, heard) = open(&SERVER.database());
    let directory = directory(&store).await;
    let mut users = Vec::new();
    for n in 0..6 {
        let committed = store.write(request(&directory, create_user(&format!("user{n}")))).await.unwrap();
        users.push(user_of(committed).id);
    }
    // Each wants the name of the next one but the last, whose new name is free: they are in one batch
    // or in some, and refused or not by what came before them.
    let writes: Vec<_> = users
        .iter()
        .enumerate()
        .map(|(n, id)| {
            let name = if n == 5 { "free".to_owned() } else { format!("USER{}", n + 1) };
            let patch = patch_user(id, json!([{"op": "replace", "path": "userName", "value": name}]));
            store.write(request(&directory, patch))
        })
        .collect();
    let outcomes = futures_util::future::join_all(writes).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(committed) => assert!(n == 5 && committed.events == 1, "{n}"),
            Err(WriteError::Refused(Refusal::UserNameTaken)) => assert!(n < 5),
            Err(other) => panic!("{other:?}"),
        }
    }
    let events = heard.events();
    assert_eq!(events.len(), 7);
    assert_gapless(&events);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_cannot_hold_is_refused_alone() {
    let (store, _) = open(&SERVER.database());
    let directory = directory(&store).await;
    // Longer than an entry of an index may be, and not to be compressed.
    let long: String =
        (1..1000_u64).map(|n| format!("{:08x}", n * n * 2_654_435_761 % 4_294_967_291)).collect();
    let writes: Vec<_> = ["ann", "nul\u{0}", "bob", &long, "cid"]
        .into_iter()
        .map(|name| store.write(request(&directory, create_user(name))))
        .collect();
    let outcomes: Vec<bool> =
        futures_util::future::join_all(writes).await.into_iter().map(|outcome| outcome.is_ok()).collect();
    assert_eq!(outcomes, [true, false, true, false, true]);
    assert_gapless(&logged(&store, &directory).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_configuration_reaches_the_other_process() {
    let database = SERVER.database();
    let ((one, _), (two, _)) = (open(&database), open(&database));
    let mut changes = two.catalog_changes();
    let started = Instant::now();
    let directory = directory(&one).await;
    assert!(one.catalog().directories.contains_key(&directory));
    while !two.catalog().directories.contains_key(&directory) {
        changes.changed().await.unwrap();
    }
    assert_eq!(two.catalog().directories[&directory].tokens, one.catalog().directories[&directory].tokens);
    one.write(request(&directory, Command::DeactivateDirectory)).await.unwrap();
    let refused = two.write(request(&directory, create_user("ann"))).await;
    assert!(matches!(refused, Err(WriteError::Refused(Refusal::DirectoryClosed))));
    one.write(request(&directory, Command::DeleteDirectory)).await.unwrap();
    assert!(!one.catalog().directories.contains_key(&directory));
    while two.catalog().directories.contains_key(&directory) {
        changes.changed().await.unwrap();
    }
    // Twice at most the pause between two looks, and what a busy machine adds.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let events = logged(&two, &directory).await;
    assert_eq!(events.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_directory_is_emptied() {
    let database = SERVER.database();
    let (store, _) = open(&database);
    let directory = directory(&store).await;
    let writes: Vec<_> =
        (0..300).map(|n| store.write(request(&directory, create_user(&format!("user{n}"))))).collect();
    for outcome in futures_util::future::join_all(writes).await {
        outcome.unwrap();
    }
    store.write(request(&directory, Command::DeleteDirectory)).await.unwrap();
    let left = "select (select count(*) from rollcall.users) + (select count(*) from rollcall.user_emails)
                     + (select count(*) from rollcall.directories where purged = 0)";
    while SERVER.query(&database, left).unwrap() != "0" {
        tokio::task::yield_now().await;
    }
    assert_eq!(logged(&store, &directory).await.len(), 301);
}

/// One of two stores that are told the same, with its ids by the names of what they were given to.
struct Side {
    store: Store,
    heard: Arc<Heard>,
    directory: DirectoryId,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
}

/// A command by the numbers of its users and groups.
#[derive(Clone, Copy, Debug)]
enum Step {
    CreateUser(u8),
    Rename(u8, u8),
    Title(u8, u8),
    Replace(u8, u8),
    DeleteUser(u8),
    Join(u8, u8),
    Leave(u8, u8),
    JoinPending(u8, u8),
    Nest(u8, u8),
    RenameGroup(u8, u8),
    SetMembers(u8, u8, u8),
    DeleteGroup(u8),
    CreateGroup(u8, u8),
}

const USERS: u8 = 8;
const GROUPS: u8 = 4;

impl Step {
    fn random(next: &mut impl FnMut(u8) -> u8) -> Self {
        let (user, group) = (next(USERS), next(GROUPS));
        match next(30) {
            0 | 1 => Self::CreateUser(next(20)),
            2..=4 => Self::Rename(user, next(20)),
            5..=7 => Self::Title(user, next(3)),
            8 | 9 => Self::Replace(user, next(20)),
            10 => Self::DeleteUser(user),
            11..=17 => Self::Join(group, user),
            18..=20 => Self::Leave(group, user),
            21 | 22 => Self::JoinPending(group, next(3)),
            23 | 24 => Self::Nest(group, next(GROUPS)),
            25 | 26 => Self::RenameGroup(group, next(5)),
            27 => Self::SetMembers(group, user, next(USERS)),
            28 => Self::DeleteGroup(group),
            _ => Self::CreateGroup(user, group),
        }
    }
}

impl Side {
    async fn new(store: Store, heard: Arc<Heard>, directory: DirectoryId) -> Self {
        let mut side = Self { store, heard, directory, users: Vec::new(), groups: Vec::new() };
        for n in 0..USERS {
            let made = side.store.write(request(&side.directory, side.command(Step::CreateUser(n)))).await;
            side.users.push(user_of(made.unwrap()).id);
        }
        for n in 0..GROUPS {
            let step = Step::CreateGroup(n, n);
            let made = side.store.write(request(&side.directory, side.command(step))).await.unwrap();
            let Reply::Group(group) = made.reply else { panic!("{made:?}") };
            side.groups.push(group.id);
        }
        side
    }

    fn command(&self, step: Step) -> Command {
        let user = |n: u8| &self.users[usize::from(n)];
        let group = |n: u8| &self.groups[usize::from(n)];
        let members = |n: u8, op: &str, values: serde_json::Value| {
            patch_group(group(n), json!([{"op": op, "path": "members", "value": values}]))
        };
        match step {
            Step::CreateUser(name) => create_user(&format!("name{name}")),
            Step::Rename(n, name) => {
                let value = format!("NAME{name}");
                patch_user(user(n), json!([{"op": "replace", "path": "userName", "value": value}]))
            }
            Step::Title(n, title) => {
                let manager = user(title);
                let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
                patch_user(
                    user(n),
                    json!([
                        {"op": "replace", "path": "title", "value": format!("title{title}")},
                        {"op": "replace", "path": path, "value": {"value": manager}},
                    ]),
                )
            }
            Step::Replace(n, name) => Command::ReplaceUser {
                id: user(n).clone(),
                document: document(&format!("name{name}")),
                active_given: true,
                precondition: Precondition::None,
            },
            Step::DeleteUser(n) => {
                Command::DeleteUser { id: user(n).clone(), precondition: Precondition::None }
            }
            Step::Join(of, n) => members(of, "add", json!([{"value": user(n)}])),
            Step::Leave(of, n) => patch_group(
                group(of),
                json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", user(n))}]),
            ),
            Step::JoinPending(of, n) => members(of, "add", json!([{"value": format!("nobody{n}")}])),
            Step::Nest(of, n) => members(of, "add", json!([{"value": group(n)}])),
            Step::RenameGroup(n, name) => patch_group(
                group(n),
                json!([{"op": "replace", "path": "displayName", "value": format!("Group {name}")}]),
            ),
            Step::SetMembers(of, one, two) => {
                members(of, "replace", json!([{"value": user(one)}, {"value": user(two)}]))
            }
            Step::DeleteGroup(n) => {
                Command::DeleteGroup { id: group(n).clone(), precondition: Precondition::None }
            }
            Step::CreateGroup(n, name) => {
                let members = json!([{"value": user(n)}]);
                let body = json!({"displayName": format!("Group {name}"), "members": members});
                let input = group_input(map(body), &Rules::default()).unwrap().0;
                Command::CreateGroup { document: input.document, members: input.members.unwrap_or_default() }
            }
        }
    }

    /// Text with the ids that both sides have replaced by their numbers, and all others left out.
    fn neutral(&self, text: &str) -> String {
        let mut names: HashMap<&str, String> = HashMap::new();
        names.extend(self.users.iter().enumerate().map(|(n, id)| (id.as_str(), format!("user{n}"))));
        names.extend(self.groups.iter().enumerate().map(|(n, id)| (id.as_str(), format!("group{n}"))));
        let mut neutral = String::new();
        let mut rest = text;
        while let Some(at) = ["usr_", "grp_"].iter().filter_map(|prefix| rest.find(prefix)).min() {
            let end =
                at + 4 + rest[at + 4..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - at - 4);
            neutral += &rest[..at];
            neutral += names.get(&rest[at..end]).map_or("another", String::as_str);
            rest = &rest[end..];
        }
        neutral + rest
    }

    fn outcome(&self, outcome: &Result<Committed, WriteError>) -> String {
        match outcome {
            Ok(committed) => {
                let reply = match &committed.reply {
                    Reply::User(user) => {
                        let document = serde_json::to_string(&user.document).unwrap();
                        format!("{} {} {document} {:?}", user.version, user.event_version, user.groups)
                    }
                    Reply::Group(group) => {
                        let mut members: Vec<String> = committed
                            .members
                            .iter()
                            .flatten()
                            .map(|member| self.neutral(&format!("{member:?}")))
                            .collect();
                        members.sort_unstable();
                        let name = group.document.display_name();
                        format!(
                            "{} {} {} {name:?} {members:?}",
                            group.version, group.event_version, group.member_count
                        )
                    }
                    other => format!("{other:?}"),
                };
                self.neutral(&format!("{} events, {:?}: {reply}", committed.events, committed.last_position))
            }
            Err(error) => self.neutral(&error.to_string()),
        }
    }

    /// Each event without what differs from run to run.
    fn events(&self) -> Vec<String> {
        let body = |event: &LoggedEvent| {
            let mut body: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&event.body).unwrap();
            for varying in ["id", "timestamp", "organization_id", "directory_id", "cause"] {
                body.remove(varying);
            }
            if let Some(serde_json::Value::Object(data)) = body.get_mut("data") {
                data.retain(|name, _| !name.ends_with("_at"));
            }
            serde_json::to_string(&body).unwrap()
        };
        let events = self.heard.events();
        events.iter().map(|event| self.neutral(&format!("{} {}", event.position, body(event)))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_comes_to_what_its_commands_come_to_one_by_one() {
    for seed in 1_u64..=4 {
        let fixture = Fixture::new().await;
        let files = Side::new(fixture.store.clone(), fixture.heard.clone(), fixture.directory.clone()).await;
        let (store, heard) = open(&SERVER.database());
        let directory = directory(&store).await;
        let server = Side::new(store, heard, directory).await;

        // A generator of Lehmer's.
        let mut state = seed;
        let mut next = move |below: u8| {
            state = state * 48_271 % 2_147_483_647;
            u8::try_from(state / 7 % u64::from(below)).unwrap()
        };
        let steps: Vec<Step> = (0..120).map(|_| Step::random(&mut next)).collect();
        let mut expected = Vec::new();
        for step in &steps {
            expected.push(files.store.write(request(&files.directory, files.command(*step))).await);
        }
        // They are sent in their order, and as many as wait make a batch.
        let writes: Vec<_> = steps
            .iter()
            .map(|step| server.store.write(request(&server.directory, server.command(*step))))
            .collect();
        let outcomes = futures_util::future::join_all(writes).await;
        for ((step, expected), outcome) in steps.iter().zip(&expected).zip(&outcomes) {
            assert_eq!(server.outcome(outcome), files.outcome(expected), "seed {seed}, {step:?}");
        }
        assert_eq!(server.events(), files.events(), "seed {seed}");
        assert_gapless(&server.heard.events());
    }
}
