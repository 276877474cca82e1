//! `rediss://`: whom a process trusts. The certificates are made by openssl for each run.

use rollcall_coordinate::{Coordination, PingError, Settings, State};
use rollcall_tests::servers::certificates::certify;

use crate::support::{Redis, settings};

#[tokio::test]
async fn only_whom_the_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let made = folder.path().to_owned();
    let redis = Redis::start_in(
        folder,
        &[
            &["--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no"][..],
            &[
                "--tls-cert-file",
                "server.pem",
                "--tls-key-file",
                "server.key",
                "--tls-ca-cert-file",
                "ca.pem",
            ],
        ]
        .concat(),
    );
    let url = format!("rediss://127.0.0.1:{}", redis.port);
    let by = async |url: &str, authority: Option<&str>| {
        let tls_ca = authority.map(|name| made.join(name));
        Coordination::connect(Settings { tls_ca, ..settings(url) }, "a").await.unwrap()
    };

    let trusting = by(&url, Some("ca.pem")).await;
    assert_eq!(trusting.state(), State::Connected);
    trusting.ping().await.unwrap();

    for authority in [Some("stranger.pem"), None] {
        let process = by(&url, authority).await;
        assert!(matches!(process.state(), State::Away { .. }), "{authority:?}");
        let error = process.ping().await.unwrap_err();
        assert!(matches!(error, PingError::Unreachable(_)), "{error}");
        assert!(error.to_string().contains("certificate"), "{authority:?}: {error}");
    }
    let plain = by(&url.replace("rediss", "redis"), None).await;
    assert!(plain.ping().await.is_err(), "a plain connection to a TLS port");
}
