//! `rediss://`: whom a process trusts. The certificates are made by openssl for each run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use rollcall_coordinate::{Coordination, PingError, Settings, State};

use crate::support::{Redis, settings};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
    let output = output.unwrap_or_else(|e| panic!("this test needs openssl in PATH: {e}"));
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and what it certifies: a server at 127.0.0.1.
fn certify(folder: &Path) -> PathBuf {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    for authority in ["ca", "stranger"] {
        openssl(
            folder,
            &format!("req -x509 {key} -subj /CN={authority} -keyout {authority}.key -out {authority}.pem"),
        );
    }
    openssl(folder, &format!("req {key} -subj /CN=redis -keyout redis.key -out redis.csr"));
    std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        folder,
        "x509 -req -in redis.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out redis.pem",
    );
    folder.to_owned()
}

#[tokio::test]
async fn only_whom_the_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let made = certify(folder.path());
    let redis = Redis::start_in(
        folder,
        &[
            &["--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no"][..],
            &["--tls-cert-file", "redis.pem", "--tls-key-file", "redis.key", "--tls-ca-cert-file", "ca.pem"],
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
