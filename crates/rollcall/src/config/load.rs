//! Merging the sources. Every error is one line that names where the value came from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    value::{Dict, Map},
};
use serde_json::Value;

use super::{ConfigError, Roles, Settings, environment, keys, ranges};

/// Where the configuration comes from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The file, if one was named.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) environment: Vec<(String, String)>,
    /// What the command line set: key, the flag's name, value.
    pub(crate) flags: Vec<(&'static str, &'static str, Value)>,
}

/// The configuration, and where it came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The result.
    pub(crate) settings: Settings,
    /// For each key that is not at its default: where it was set.
    pub(crate) origins: BTreeMap<String, String>,
    /// What should be said once the log is there.
    pub(crate) warnings: Vec<String>,
}

/// Merges defaults, file, environment and flags.
pub(crate) fn load(sources: Sources) -> Result<Loaded, ConfigError> {
    let known = keys::known();
    let mut figment = Figment::from(Layer::new("default", &Settings::default())?);
    let mut origins = BTreeMap::new();
    if let Some(path) = &sources.file {
        let (table, set) = read_file(path, &known)?;
        let origin = path.display().to_string();
        origins.extend(set.into_iter().map(|key| (key, origin.clone())));
        figment = figment.merge(Layer::new(&origin, &table)?);
    }
    let (variables, warnings) = environment::read(sources.environment, &known)?;
    for variable in variables {
        let origin = format!("environment {}", variable.name);
        figment = figment.merge(Layer::new(&origin, &nest(&variable.key, variable.value))?);
        origins.insert(variable.key, origin);
    }
    for (key, flag, value) in sources.flags {
        figment = figment.merge(Layer::new(flag, &nest(key, value))?);
        origins.insert(key.to_owned(), flag.to_owned());
    }
    let tree: Value = figment.extract().map_err(|e| ConfigError(in_one_line(e)))?;
    ranges::check(&tree, &origins)?;
    let mut settings: Settings = figment.extract().map_err(|e| ConfigError(in_one_line(e)))?;
    settings.store.data_dir.clone_from(&settings.data_dir);
    settings.store.master_key = settings.master_key.as_ref().map(|key| key.secret().clone());
    check(&settings, &origins)?;
    Ok(Loaded { settings, origins, warnings })
}

/// What the types alone do not say.
fn check(settings: &Settings, origins: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let server = &settings.server;
    if server.listen.port() != 0 && server.listen == server.admin_listen {
        return Err(ConfigError(format!("server.listen and server.admin_listen are both {}", server.listen)));
    }
    if settings.data_dir.as_os_str().is_empty() {
        return Err(ConfigError("data_dir must name a folder".to_owned()));
    }
    together(settings)?;
    let origin = |key: &str| origins.get(key).map_or("default", String::as_str);
    settings.kafka.validate().map_err(|why| ConfigError(format!("{}: {why}", origin(why.key()))))?;
    crate::telemetry::check_level(&settings.log.level)
        .map_err(|why| ConfigError(format!("{}: log.level: {why}", origin("log.level"))))
}

/// What works only together with something else.
fn together(settings: &Settings) -> Result<(), ConfigError> {
    let shared = settings.store.url.is_some();
    let alone = settings.role == Roles::ALL;
    let missing = if !shared && !alone {
        Some(format!(
            "role is {}, and store.url is not set: several processes need a PostgreSQL that they share; files are \
             for one process with the role all",
            settings.role
        ))
    } else if shared && !alone && settings.kafka.brokers.is_none() {
        Some(format!(
            "role is {}, and kafka.brokers is not set: Kafka divides the shards among the dispatchers and brings them \
             the events; without it, every process has the role all",
            settings.role
        ))
    } else if shared && settings.master_key.is_none() {
        Some(
            "store.url is set, and master_key is not: every process needs the same one (64 hex digits, as `openssl rand \
             -hex 32` makes them), best given as ROLLCALL_MASTER_KEY"
                .to_owned(),
        )
    } else {
        None
    };
    missing.map_or(Ok(()), |why| Err(ConfigError(why)))
}

/// The file's table and the keys that it sets; an unknown key is refused.
fn read_file(
    path: &Path,
    known: &BTreeMap<String, Value>,
) -> Result<(toml::Table, Vec<String>), ConfigError> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{name}: {e}")))?;
    let table: toml::Table = toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        ConfigError(format!("{name}:{line}: {}", e.message().replace('\n', " ")))
    })?;
    let mut set = BTreeMap::new();
    keys::flatten("", &serde_json::to_value(&table).unwrap_or_default(), &mut set);
    // An empty section sets nothing.
    let unknown: Vec<String> = set
        .keys()
        .filter(|key| !key.is_empty() && !known.contains_key(*key))
        .map(|key| match (key.as_str(), keys::nearest(key, known.keys())) {
            ("store.data_dir", _) => "`store.data_dir` (set `data_dir` at the top)".to_owned(),
            (key, Some(near)) => format!("`{key}` (did you mean `{near}`?)"),
            (key, None) => format!("`{key}`"),
        })
        .collect();
    if !unknown.is_empty() {
        let plural = if unknown.len() == 1 { "key" } else { "keys" };
        return Err(ConfigError(format!("{name}: unknown {plural} {}", unknown.join(", "))));
    }
    Ok((table, set.into_keys().collect()))
}

/// `a.b` and a value as `{"a":{"b":value}}`.
fn nest(key: &str, value: Value) -> Value {
    key.rsplit('.').fold(value, |value, name| Value::Object([(name.to_owned(), value)].into_iter().collect()))
}

fn in_one_line(error: figment::Error) -> String {
    let lines = error.into_iter().map(|e| {
        let origin = e.metadata.as_ref().map_or("configuration", |m| m.name.as_ref());
        format!("{origin}: {}: {}", e.path.join("."), e.kind)
    });
    lines.collect::<Vec<_>>().join("; ").replace('\n', " ")
}

/// One source as figment wants it.
struct Layer {
    name: String,
    dict: Dict,
}

impl Layer {
    fn new(name: &str, value: &impl serde::Serialize) -> Result<Self, ConfigError> {
        let value =
            figment::value::Value::serialize(value).map_err(|e| ConfigError(format!("{name}: {e}")))?;
        let dict = value.into_dict().ok_or_else(|| ConfigError(format!("{name}: no table")))?;
        Ok(Self { name: name.to_owned(), dict })
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

#[cfg(test)]
mod tests;
