//! Scratch.
#![allow(clippy::all, missing_docs, clippy::unwrap_used)]
use super::*;
use crate::{Settings, db::*, seal::Sealer, write::*};
use rollcall_domain::{Command, event::*, ids::*, shard::shard_of};
use rollcall_scim::{ResourceKind, Rules, group_input, patch_request, user_input};
use secrecy::SecretString;
use serde_json::json;
use std::time::Instant;
use tokio::sync::oneshot;

struct Nobody(Mutex<Vec<(u16, u64)>>);
impl CommitListener for Nobody {
    fn committed(&self, e: &[Arc<LoggedEvent>]) {
        self.0.lock().unwrap().extend(e.iter().map(|e| (e.shard, e.position)));
    }
}

fn map(v: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    v.as_object().cloned().unwrap()
}

fn create(n: u64) -> Command {
    Command::CreateUser { document: user_input(map(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("user{n}@example.com"), "externalId": format!("00u{n:032x}"),
        "name": {"formatted": format!("Ms. Given{n} Family"), "familyName": "Family", "givenName": format!("Given{n}")},
        "displayName": format!("Given{n} Family"), "title": "Engineer", "preferredLanguage": "en-US", "active": true,
        "emails": [{"value": format!("user{n}@example.com"), "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+1 555 0100", "type": "work"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": format!("{n}"), "department": "Sales", "division": "EMEA", "organization": "Acme"},
    })), &Rules::default()).unwrap().0.document }
}

struct H {
    writers: Arc<Writers>,
    shared: Arc<Shared>,
    heard: Arc<Nobody>,
}
impl H {
    fn open(url: &str, writers: usize) -> H {
        let target = Target::new(&SecretString::from(url), None).unwrap();
        let sealer = Sealer::configured(&SecretString::from("00".repeat(32)), &[]).unwrap();
        let shared = Arc::new(Shared::with_shards(sealer, 32));
        let heard = Arc::new(Nobody(Mutex::default()));
        let s = WritersSettings {
            threads: writers,
            queue: 4096,
            batch: 256,
            shards: 32,
            search_path: "rollcall",
        };
        let (shared2, target2) = (shared.clone(), target.clone());
        std::thread::spawn(move || {
            let shared = shared2;
            let db = Db::Postgres(Session::connect(&target2, "t", "rollcall").unwrap());
            let r = revision(&db).unwrap();
            let mut c = crate::catalog::complete(&db, &shared).unwrap();
            c.revision = r;
            shared.catalog.store(Arc::new(c));
        })
        .join()
        .unwrap();
        let writers = Arc::new(Writers::start(&target, &s, shared.clone(), heard.clone()).unwrap());
        H { writers, shared, heard }
    }
    fn fresh(url: &str) {
        let target = Target::new(&SecretString::from(url), None).unwrap();
        std::thread::spawn(move || {
            let db = Db::Postgres(Session::connect(&target, "t", "rollcall").unwrap());
            db.batch("DROP SCHEMA IF EXISTS rollcall CASCADE; CREATE SCHEMA rollcall").unwrap();
            db.batch(include_str!("../../schema/postgres/V1__first.sql")).unwrap();
        })
        .join()
        .unwrap();
    }
    async fn write(&self, d: &DirectoryId, command: Command, members: u64) -> Result<Committed, WriteError> {
        let (t, r) = oneshot::channel();
        let m = Message::Write(
            Box::new(WriteRequest {
                directory_id: d.clone(),
                command,
                request_id: RequestId::from_uuid(crate::clock::new_uuid()),
                method: "POST",
                members_up_to: members,
            }),
            t,
        );
        self.shared.waiting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.writers.queue(&m).try_send(m).map_err(|_| WriteError::Failed)?;
        r.await.unwrap()
    }
    async fn directory(&self) -> DirectoryId {
        let (c, r) = change(move |a| {
            let id = DirectoryId::from_uuid(crate::clock::new_uuid());
            a.connection.execute("INSERT INTO directories (id, organization_id, name, provider, state, mode, created_at) VALUES ($1, 'org_x', 'n', 'okta', 'active', 'live', 0)", bind![id.as_str()])?;
            let o = OrganizationId::from_uuid(crate::clock::new_uuid());
            a.connection.execute(
                "UPDATE directories SET organization_id = $1 WHERE id = $2",
                bind![o.as_str(), id.as_str()],
            )?;
            a.touched.push(Touched::Directory(id.clone()));
            Ok(id)
        });
        self.writers.config.send(Message::Change(c)).unwrap();
        self.shared.waiting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        r.await.unwrap().unwrap()
    }
}

fn url() -> String {
    std::env::var("SCRATCH_URL").unwrap_or("postgres://rollcall@127.0.0.1:54611/rollcall".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bench() {
    H::fresh(&url());
    let h = Arc::new(H::open(&url(), 4));
    let d = h.directory().await;
    let tasks: u64 = std::env::var("TASKS").unwrap_or("16".into()).parse().unwrap();
    let users: u64 = std::env::var("USERS").unwrap_or("20000".into()).parse().unwrap();
    for round in 0..3u64 {
        let commands: Vec<Vec<Command>> = (0..tasks)
            .map(|t| (0..users / tasks).map(|n| create(round * users + n * tasks + t)).collect())
            .collect();
        let start = Instant::now();
        let running: Vec<_> = commands
            .into_iter()
            .map(|cs| {
                let (h, d) = (h.clone(), d.clone());
                tokio::spawn(async move {
                    let mut v = Vec::new();
                    for c in cs {
                        let s = Instant::now();
                        h.write(&d, c, 0).await.unwrap();
                        v.push(s.elapsed());
                    }
                    v
                })
            })
            .collect();
        let mut times = Vec::new();
        for r in running {
            times.extend(r.await.unwrap());
        }
        times.sort();
        println!(
            "{} per s, p50 {:?} p99 {:?}",
            times.len() as f64 / start.elapsed().as_secs_f64(),
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_test_writer().init();
    let url = url().replace("/rollcall", "/mixed");
    H::fresh(&url);
    let h = Arc::new(H::open(&url, 4));
    let d = h.directory().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        match h.write(&d, create(n), 0).await.unwrap().reply {
            Reply::User(u) => ids.push(u.id),
            _ => panic!(),
        }
    }
    println!("{:?}", h.write(&d, create(3), 0).await.unwrap_err());
    let g = group_input(
        map(json!({"displayName": "Staff", "members": [{"value": ids[0]}, {"value": "nobody"}]})),
        &Rules::default(),
    )
    .unwrap()
    .0;
    let g = match h
        .write(&d, Command::CreateGroup { document: g.document, members: g.members.unwrap() }, 10)
        .await
        .unwrap()
    {
        Committed { reply: Reply::Group(g), members, .. } => {
            println!("{members:?}");
            g
        }
        _ => panic!(),
    };
    let ops = |k, ops: serde_json::Value| {
        patch_request(
            k,
            map(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": ops})),
            &Rules::default(),
        )
        .unwrap()
        .0
    };
    let pg = |o| Command::PatchGroup {
        id: g.id.clone(),
        patch: ops(ResourceKind::Group, o),
        precondition: Default::default(),
    };
    let all: Vec<_> = ids
        .iter()
        .map(|id| {
            let c = pg(json!([{"op":"add","path":"members","value":[{"value":id}]}]));
            let (h, d) = (h.clone(), d.clone());
            tokio::spawn(async move { h.write(&d, c, 100).await.unwrap() })
        })
        .collect();
    for a in all {
        let c = a.await.unwrap();
        println!("events {} members {}", c.events, c.members.unwrap().len());
    }
    let pu = |id: &UserId, o| Command::PatchUser {
        id: id.clone(),
        patch: ops(ResourceKind::User, o),
        precondition: Default::default(),
    };
    println!(
        "{:?}",
        h.write(&d, pu(&ids[0], json!([{"op":"replace","path":"userName","value":"user1@example.com"}])), 0)
            .await
            .unwrap_err()
    );
    println!("{:?}", h.write(&d, pu(&ids[0], json!([{"op":"replace","path":"userName","value":"new"},{"op":"replace","path":"emails","value":[{"value":"x@y.z"}]}])), 0).await.unwrap().events);
    println!(
        "{:?}",
        h.write(&d, pu(&ids[1], json!([{"op":"replace","path":"title","value":"nul\u{0}"}])), 0)
            .await
            .map(|c| c.events)
    );
    println!(
        "{:?}",
        h.write(&d, pu(&ids[1], json!([{"op":"replace","path":"displayName","value":"nul\u{0}"}])), 0)
            .await
            .map(|c| c.events)
    );
    println!(
        "{:?}",
        h.write(&d, Command::DeleteUser { id: ids[0].clone(), precondition: Default::default() }, 0)
            .await
            .unwrap()
            .events
    );
    println!(
        "{:?}",
        h.write(&d, Command::DeleteGroup { id: g.id.clone(), precondition: Default::default() }, 0)
            .await
            .unwrap()
            .events
    );
    println!("{:?}", h.write(&d, Command::DeactivateDirectory, 0).await.unwrap().events);
    println!("{:?}", h.write(&d, create(1000), 0).await.unwrap_err());
    println!(
        "catalog {} {:?}",
        h.shared.catalog.load().revision,
        h.shared.catalog.load().directories[&d].directory.state
    );
    println!("{:?}", h.write(&d, Command::DeleteDirectory, 0).await.unwrap().events);
    println!(
        "catalog {} {:?}",
        h.shared.catalog.load().revision,
        h.shared.catalog.load().directories.get(&d).is_none()
    );
    println!("heard {:?}", h.heard.0.lock().unwrap());
    let _ = (shard_of(&d, 32), Settings::default());
}
