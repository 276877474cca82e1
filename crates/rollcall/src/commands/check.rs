//! `rollcall check`: is the configuration usable, and is there what it names? One line each.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use rollcall_coordinate::Coordination;
use rollcall_store::Store;
use rollcall_stream::Feed;

use crate::{
    Failure, causes,
    cli::Serve,
    config::{self, Settings},
    server,
};

pub(super) fn run(options: Serve) -> Result<ExitCode, Failure> {
    let file = options.config.clone();
    let loaded = config::load(options.sources(super::environment()))?;
    for warning in &loaded.warnings {
        println!("warning  {warning}");
    }
    println!("ok       configuration: {}", sources(file.as_deref(), &loaded.origins));
    super::runtime()?.block_on(async {
        let mut fine = true;
        for result in checks(&loaded.settings).await {
            match result {
                Ok(what) => println!("ok       {what}"),
                Err(why) => {
                    println!("failed   {}", why.replace('\n', " "));
                    fine = false;
                }
            }
        }
        Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// How many values each source set.
fn sources(file: Option<&Path>, origins: &BTreeMap<String, String>) -> String {
    let count = |of: &dyn Fn(&str) -> bool| origins.values().filter(|origin| of(origin)).count();
    let is_variable = |origin: &str| origin.starts_with("environment ");
    let is_flag = |origin: &str| origin.starts_with("--");
    let file_name = file.map(|file| file.display().to_string());
    let counts = [
        (file_name.as_deref(), count(&|origin| !is_variable(origin) && !is_flag(origin))),
        (Some("the environment"), count(&is_variable)),
        (Some("the command line"), count(&is_flag)),
    ];
    let named: Vec<String> = counts
        .into_iter()
        .filter_map(|(name, count)| Some((name?, count)))
        .filter(|(name, count)| *count > 0 || Some(*name) == file_name.as_deref())
        .map(|(name, count)| format!("{count} {} from {name}", if count == 1 { "value" } else { "values" }))
        .collect();
    if named.is_empty() {
        "the defaults".to_owned()
    } else {
        format!("{}; the defaults for the rest", named.join(", "))
    }
}

/// What is as it should be, or what is not.
async fn checks(settings: &Settings) -> Vec<Result<String, String>> {
    let mut results = Vec::new();
    for (key, address) in
        [("server.listen", settings.server.listen), ("server.admin_listen", settings.server.admin_listen)]
    {
        let free = match address.port() {
            0 => format!("{key}: a free port of {}", address.ip()),
            _ => format!("{key}: {address} is free"),
        };
        results.push(server::bind(key, address).map(|_| free).map_err(|e| causes(&e)));
    }
    let mut shards = None;
    results.push(open_store(settings, &mut shards).await);
    results.extend(kafka(settings, shards).await);
    results.extend(redis(settings).await);
    results
}

/// Asks Kafka, if it is configured.
async fn kafka(settings: &Settings, shards: Option<u16>) -> Option<Result<String, String>> {
    settings.kafka.brokers.as_ref()?;
    let kafka = settings.kafka.clone();
    let asked = tokio::task::spawn_blocking(move || rollcall_stream::kafka::ping(&kafka)).await;
    let topic = &settings.kafka.topic;
    Some(match asked {
        Ok(Ok(info)) => {
            let brokers =
                if info.brokers == 1 { "1 broker".to_owned() } else { format!("{} brokers", info.brokers) };
            match info.partitions {
                Some(partitions) if shards.is_some_and(|shards| usize::from(shards) != partitions) => {
                    Err(format!(
                        "Kafka: the topic {topic} has {partitions} partitions, and the store {} shards: name another topic, or \
                     make this one anew",
                        shards.unwrap_or_default()
                    ))
                }
                Some(partitions) => {
                    Ok(format!("Kafka: {brokers}, the topic {topic} has {partitions} partitions"))
                }
                None if settings.kafka.create_topic => {
                    Ok(format!("Kafka: {brokers}, the topic {topic} is not there yet and will be created"))
                }
                None => {
                    Err(format!("Kafka: the topic {topic} does not exist, and kafka.create_topic is false"))
                }
            }
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("Kafka could not be asked".to_owned()),
    })
}

/// Asks Redis, if it is configured.
async fn redis(settings: &Settings) -> Option<Result<String, String>> {
    settings.redis.url.as_ref()?;
    let coordination = match Coordination::connect(settings.redis.clone(), "check").await {
        Ok(coordination) => coordination,
        Err(error) => return Some(Err(format!("Redis: {error}"))),
    };
    let asked = coordination.ping().await;
    coordination.close().await;
    Some(match asked {
        Ok(time) => Ok(format!("Redis: answers in {:.1} ms", time.as_secs_f64() * 1000.0)),
        Err(error) => Err(format!("Redis: {error}")),
    })
}

/// Opens the store and closes it again, which brings a server's schema to this version. A folder that
/// is not there yet is not made: only whether it could be is looked at.
async fn open_store(settings: &Settings, found: &mut Option<u16>) -> Result<String, String> {
    if settings.store.url.is_some() {
        let opened = Store::open(settings.store.clone(), Feed::new(settings.stream.clone()));
        let store = opened.map_err(|e| causes(&e.into()))?;
        let (health, shards) = (store.health(), store.shards());
        *found = Some(shards);
        store.close().await;
        return health
            .map(|()| format!("PostgreSQL: can be used, {shards} shards"))
            .map_err(|why| format!("PostgreSQL: {why}"));
    }
    let dir = &settings.data_dir;
    let name = dir.display();
    if !dir.exists() {
        let parent = dir.ancestors().skip(1).find(|p| p.as_os_str().is_empty() || p.exists());
        let parent = parent.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match tempfile_in(parent) {
            Ok(()) => Ok(format!("data folder {name}: not there yet, can be made")),
            Err(e) => Err(format!(
                "data folder {name}: not there yet, and cannot be made in {}: {e}",
                parent.display()
            )),
        };
    }
    let opened = Store::open(settings.store.clone(), Feed::new(settings.stream.clone()));
    let store = opened.map_err(|e| causes(&e.into()))?;
    let health = store.health();
    store.close().await;
    health.map(|()| format!("data folder {name}")).map_err(|why| format!("data folder {name}: {why}"))
}

/// Whether something can be made in a folder.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".rollcall-check-{}", std::process::id()));
    std::fs::create_dir(&probe)?;
    std::fs::remove_dir(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_where_the_values_come_from() {
        let origins = |list: &[&str]| -> BTreeMap<String, String> {
            list.iter().enumerate().map(|(i, origin)| (i.to_string(), (*origin).to_owned())).collect()
        };
        let file = Some(Path::new("a.toml"));
        let table: [(_, &[&str], _); 4] = [
            (None, &[], "the defaults"),
            (file, &[], "0 values from a.toml; the defaults for the rest"),
            (None, &["--data"], "1 value from the command line; the defaults for the rest"),
            (
                file,
                &["a.toml", "a.toml", "environment ROLLCALL_ROLE", "--data"],
                "2 values from a.toml, 1 value from the environment, 1 value from the command line; \
                 the defaults for the rest",
            ),
        ];
        for (file, list, expected) in table {
            assert_eq!(sources(file, &origins(list)), expected);
        }
    }
}
