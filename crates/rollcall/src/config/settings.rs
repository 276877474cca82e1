//! What there is to set, section by section. A crate's own settings are defined in that crate.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The whole configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The data folder.
    pub(crate) data_dir: PathBuf,
    /// What `meta.location` and `scim_base_url` begin with; unset: the public listener's address.
    pub(crate) public_url: Option<PublicUrl>,
    /// A key of the owner, valid as long as it is set, beside those in the store.
    pub(crate) api_key: Option<ApiKey>,
    /// What endpoints' secrets are sealed with; unset: the data folder's `master.key`.
    pub(crate) master_key: Option<MasterKey>,
    /// What this process does.
    pub(crate) role: Roles,
    /// The two listeners.
    pub(crate) server: Server,
    /// The record of everything.
    pub(crate) store: rollcall_store::Settings,
    /// The feed of committed events.
    pub(crate) stream: rollcall_stream::Settings,
    /// Where events are put for other processes and other programs.
    pub(crate) kafka: rollcall_stream::kafka::Settings,
    /// Where processes tell each other what may be lost.
    pub(crate) redis: rollcall_coordinate::Settings,
    /// SCIM in from providers.
    pub(crate) ingest: rollcall_ingest::Settings,
    /// Webhooks out to applications.
    pub(crate) dispatch: rollcall_dispatch::Settings,
    /// Which addresses webhooks may reach.
    pub(crate) egress: rollcall_dispatch::egress::Settings,
    /// The log.
    pub(crate) log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("rollcall-data"),
            public_url: None,
            api_key: None,
            master_key: None,
            role: Roles::ALL,
            server: Server::default(),
            store: rollcall_store::Settings::default(),
            stream: rollcall_stream::Settings::default(),
            kafka: rollcall_stream::kafka::Settings::default(),
            redis: rollcall_coordinate::Settings::default(),
            ingest: rollcall_ingest::Settings::default(),
            dispatch: rollcall_dispatch::Settings::default(),
            egress: rollcall_dispatch::egress::Settings::default(),
            log: Log::default(),
        }
    }
}

/// The two listeners and how they are served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// SCIM and `/v1`. Port 0 picks a free one.
    pub(crate) listen: SocketAddr,
    /// `/healthz`, `/readyz` and `/metrics`. Port 0 picks a free one.
    pub(crate) admin_listen: SocketAddr,
    /// Threads that serve the public listener; 0: one per core.
    pub(crate) workers: usize,
    /// Connections that may be open on the public listener.
    pub(crate) max_connections: usize,
    /// How long an idle connection stays open. Longer than the idle time of usual load balancers
    /// (60 s), so that it is they who close.
    pub(crate) keep_alive_seconds: u64,
    /// How long a client may take to send a request's head.
    pub(crate) request_timeout_seconds: u64,
    /// How long requests and deliveries in flight may take to finish at the end.
    pub(crate) shutdown_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            workers: 0,
            max_connections: 20_000,
            keep_alive_seconds: 75,
            request_timeout_seconds: 10,
            shutdown_seconds: 20,
        }
    }
}

/// The log, on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// A level, or directives as in `info,rollcall_dispatch=debug`. `RUST_LOG` wins.
    pub(crate) level: String,
    /// For people or for machines.
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Human }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text, coloured on a terminal.
    Human,
    /// One JSON object per line.
    Json,
}

/// What a process does: `all`, or some of `ingest,dispatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    /// Serves SCIM and `/v1`.
    pub(crate) ingest: bool,
    /// Sends webhooks.
    pub(crate) dispatch: bool,
}

impl Roles {
    /// Both.
    pub(crate) const ALL: Self = Self { ingest: true, dispatch: true };
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut roles = Self { ingest: false, dispatch: false };
        for role in text.split(',').map(str::trim) {
            match role {
                "all" => roles = Self::ALL,
                "ingest" => roles.ingest = true,
                "dispatch" => roles.dispatch = true,
                other => {
                    return Err(format!(
                        "unknown role {other:?}: write all, ingest or dispatch, several with commas"
                    ));
                }
            }
        }
        Ok(roles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.ingest, self.dispatch) {
            (true, false) => "ingest",
            (false, true) => "dispatch",
            _ => "all",
        })
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An absolute http or https URL without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PublicUrl(String);

impl PublicUrl {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |why: &str| serde::de::Error::custom(format!("{text:?} is no public URL: {why}"));
        let url = url::Url::parse(&text).map_err(|e| wrong(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("it must begin with https:// or http:// and name a host"));
        }
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(wrong("it must have no query, fragment or user"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

/// The key that endpoints' secrets are sealed with. It is never printed.
#[derive(Clone, Debug)]
pub(crate) struct MasterKey(SecretString);

impl MasterKey {
    pub(crate) fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl Serialize for MasterKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for MasterKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = SecretString::deserialize(deserializer)?;
        let text = secret.expose_secret();
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(serde::de::Error::custom(
                "a master key has 64 hex digits: make one with `openssl rand -hex 32`",
            ));
        }
        Ok(Self(secret))
    }
}

/// An API key that the owner chose. It is never printed.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey(SecretString);

impl ApiKey {
    /// Shorter keys are refused.
    pub(crate) const MIN_CHARACTERS: usize = 32;

    pub(crate) fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl Serialize for ApiKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for ApiKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = SecretString::deserialize(deserializer)?;
        let count = secret.expose_secret().chars().count();
        if count < Self::MIN_CHARACTERS {
            return Err(serde::de::Error::custom(format!(
                "an API key must have at least {} characters; this one has {count}",
                Self::MIN_CHARACTERS
            )));
        }
        Ok(Self(secret))
    }
}
