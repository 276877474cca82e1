//! How many users the store makes per second in one directory, with nobody subscribed: `write_bench
//! [--url postgres://…] [tasks] [users]`. Without a URL it writes to a folder below the present one. Run
//! it in release on a quiet machine.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rollcall_domain::{
    Command,
    directory::{Mode, Provider, RuleSwitches},
    event::LoggedEvent,
    ids::RequestId,
};
use rollcall_scim::{Rules, user_input};
use rollcall_store::{CommitListener, Settings, Store, WriteRequest, clock, config_ops::NewDirectory};
use serde_json::{Value, json};

struct Nobody;

impl CommitListener for Nobody {
    fn committed(&self, _: &[Arc<LoggedEvent>]) {}
}

fn command(n: u64) -> Result<Command, Box<dyn std::error::Error + Send + Sync>> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("user{n}@example.com"),
        "externalId": format!("00u{n:032x}"),
        "name": {"formatted": format!("Ms. Given{n} Family"), "familyName": "Family", "givenName": format!("Given{n}")},
        "displayName": format!("Given{n} Family"),
        "title": "Engineer",
        "preferredLanguage": "en-US",
        "active": true,
        "emails": [{"value": format!("user{n}@example.com"), "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+1 555 0100", "type": "work"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": format!("{n}"), "department": "Sales", "division": "EMEA", "organization": "Acme"
        },
    });
    let Value::Object(body) = body else { return Err("not an object".into()) };
    Ok(Command::CreateUser { document: user_input(body, &Rules::default())?.0.document })
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let url = arguments.next_if(|argument| argument == "--url").and_then(|_| arguments.next());
    let mut numbers = arguments.map(|text| text.parse::<u64>());
    let tasks = numbers.next().transpose()?.unwrap_or(256);
    let users = numbers.next().transpose()?.unwrap_or(100_000);
    let folder = tempfile::TempDir::new_in(".")?;
    let settings = Settings {
        data_dir: folder.path().join("data"),
        url: url.map(Into::into),
        // For nothing but this: no endpoint has a secret.
        master_key: Some("5a".repeat(32).into()),
        ..Settings::default()
    };
    let store = Store::open(settings, Arc::new(Nobody))?;
    let organization = store.create_organization("Acme".into(), None).await?;
    let new = NewDirectory {
        organization_id: organization.id,
        name: "Entra".into(),
        provider: Provider::EntraId,
        mode: Mode::Live,
        compatibility: RuleSwitches::default(),
    };
    let directory = store.create_directory(new).await?.0.id;
    // The bodies are parsed before: that work is not the store's.
    let commands: Vec<Vec<Command>> = (0..tasks)
        .map(|task| (0..users / tasks).map(|n| command(n * tasks + task)).collect())
        .collect::<Result<_, _>>()?;
    let started = Instant::now();
    let running: Vec<_> = commands
        .into_iter()
        .map(|commands| {
            let (store, directory) = (store.clone(), directory.clone());
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(commands.len());
                for command in commands {
                    let started = Instant::now();
                    let request_id = RequestId::from_uuid(clock::new_uuid());
                    let directory_id = directory.clone();
                    let request =
                        WriteRequest { directory_id, command, request_id, method: "POST", members_up_to: 0 };
                    store.write(request).await?;
                    times.push(started.elapsed());
                }
                Ok::<_, rollcall_store::WriteError>(times)
            })
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for task in running {
        times.extend(task.await??);
    }
    let took = started.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = times.len() as f64 / took.as_secs_f64();
    println!("{} users by {tasks} tasks in {took:.2?}: {per_second:.0} per s", times.len());
    println!("p50 {:.2?}  p99 {:.2?}", at(50), at(99));
    store.close().await;
    Ok(())
}
