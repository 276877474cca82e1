//! How Redis is reached: the URL, the trusted certificates, the time limit, and what its errors
//! mean.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, RedisError, ServerErrorKind, TlsCertificates, aio::MultiplexedConnection,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{ConnectError, PingError, metric};

/// A file of certificates that is longer is none.
const MAX_CA_BYTES: u64 = 1024 * 1024;

/// Opens connections.
#[derive(Clone, Debug)]
pub(super) struct Client {
    redis: redis::Client,
    pub(super) timeout: Duration,
}

impl Client {
    pub(super) fn new(
        url: &SecretString,
        tls_ca: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let info = url.expose_secret().into_connection_info().map_err(|e| unusable(&e))?;
        // Answers and announcements come over one connection with the third protocol only.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_redis_settings(redis);
        let tls = match info.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return Err(ConnectError::Url(
                    "#insecure would trust anybody: name the authority in redis.tls_ca".to_owned(),
                ));
            }
            ConnectionAddr::TcpTls { .. } => true,
            _ => false,
        };
        if tls {
            // The process may have chosen one already; any is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let redis = match tls_ca {
            Some(path) if tls => trusting(info, path),
            Some(path) => Err(ConnectError::TlsCa {
                path: path.to_owned(),
                reason: "redis.url does not begin with rediss://".to_owned(),
            }),
            None => redis::Client::open(info).map_err(|e| unusable(&e)),
        }?;
        Ok(Self { redis, timeout })
    }

    /// A connection that hands what was not asked for to `push`.
    pub(super) async fn connect(
        &self,
        push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, PingError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(move |info: PushInfo| {
                push(info);
                Ok::<(), redis::aio::SendError>(())
            });
        self.within(self.redis.get_multiplexed_async_connection_with_config(&config)).await
    }

    /// One round trip, over a connection of its own if there is none.
    pub(super) async fn ping(
        &self,
        connection: Option<MultiplexedConnection>,
    ) -> Result<Duration, PingError> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connect(|_| ()).await?,
        };
        let began = Instant::now();
        self.within(redis::cmd("PING").exec_async(&mut connection)).await?;
        Ok(began.elapsed())
    }

    /// Every call to Redis goes through here: none takes longer than the limit.
    pub(super) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, PingError> {
        let began = Instant::now();
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(answer)) => {
                metrics::histogram!(metric::ROUND_TRIP).record(began.elapsed());
                Ok(answer)
            }
            Ok(Err(error)) => Err(self.meaning(&error)),
            Err(_) => Err(PingError::Timeout(self.timeout)),
        }
    }

    fn meaning(&self, error: &RedisError) -> PingError {
        if error.code() == Some("NOAUTH") {
            PingError::Denied("it asks for a password, and redis.url has none".to_owned())
        } else if error.code() == Some("WRONGPASS") || error.kind() == ErrorKind::AuthenticationFailed {
            PingError::Denied("the user name or the password in redis.url is wrong".to_owned())
        } else if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) {
            PingError::Denied(one_line(error))
        } else if error.is_timeout() {
            PingError::Timeout(self.timeout)
        } else {
            PingError::Unreachable(one_line(error))
        }
    }
}

fn trusting(info: ConnectionInfo, path: &Path) -> Result<redis::Client, ConnectError> {
    let wrong = |reason: String| ConnectError::TlsCa { path: path.to_owned(), reason };
    let read = || -> io::Result<Vec<u8>> {
        if fs::metadata(path)?.len() > MAX_CA_BYTES {
            return Err(io::Error::other("the file is too long"));
        }
        fs::read(path)
    };
    let pem = read().map_err(|e| wrong(e.to_string()))?;
    // The client would take a file without certificates, and then trust nobody.
    if !pem.windows(27).any(|line| line == b"-----BEGIN CERTIFICATE-----") {
        return Err(wrong("it holds no PEM certificate".to_owned()));
    }
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
    redis::Client::build_with_tls(info, certificates).map_err(|e| wrong(one_line(&e)))
}

fn unusable(error: &RedisError) -> ConnectError {
    ConnectError::Url(one_line(error))
}

fn one_line(error: &RedisError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str, tls_ca: Option<&Path>) -> Result<Client, ConnectError> {
        Client::new(&SecretString::from(url), tls_ca, Duration::from_secs(1))
    }

    #[test]
    fn urls_that_can_work() {
        for url in [
            "redis://cache",
            "redis://:password@cache:6380/2",
            "rediss://user:p%40ss@cache.example",
            "redis://[::1]:6379?protocol=2",
            "redis+unix:///run/redis.sock",
            "valkey://cache",
        ] {
            let client = client(url, None).unwrap();
            assert_eq!(
                client.redis.get_connection_info().redis_settings().protocol(),
                ProtocolVersion::RESP3
            );
        }
    }

    #[test]
    fn urls_that_never_work_are_named_without_their_secret() {
        for url in [
            "",
            "hunter2",
            "http://:hunter2@cache",
            "redis://:hunter2@",
            "redis://:hunter2@cache:99999",
            "redis://:hunter2@cache/notanumber",
            "redis://:hunter2@cache:6379/0?protocol=9",
            "rediss://:hunter2@cache/#insecure",
            "rediss://:hunter2@cache/#other",
            "redis://:hunter2 @ca che",
        ] {
            let error = client(url, None).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(matches!(error, ConnectError::Url(_)), "{url}: {text}");
            assert!(!text.contains("hunter2") && text.lines().count() == 1, "{url}: {text}");
        }
    }

    #[test]
    fn the_authorities_must_be_there_and_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let garbled = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        for (url, path, reason) in [
            ("rediss://cache", folder.path().join("absent.pem"), "No such file"),
            ("rediss://cache", file("none.pem", "hello"), "no PEM certificate"),
            ("rediss://cache", file("garbled.pem", garbled), "parse"),
            ("redis://cache", file("unused.pem", garbled), "rediss://"),
        ] {
            let error = client(url, Some(&path)).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("redis.tls_ca"), "{error}");
        }
    }
}
