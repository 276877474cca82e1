//! The embedded profile's folder: one process at a time, and keys for its eyes only. In a cluster the
//! folder holds nothing, and keys come from the configuration.

use std::{os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

use rollcall_tests::{
    http::Client,
    server::{API_KEY, Options, wait},
};

use crate::PROFILE;

#[test]
fn a_second_process_on_the_folder_is_refused_in_one_line() {
    let mut server = PROFILE.server();
    let mut second = Options::default().command(&server.data());
    second.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = second.spawn().expect("it starts");
    let status = wait(&mut child, Duration::from_secs(30)).expect("it gives up at once");
    assert!(!status.success());
    let output = child.wait_with_output().expect("its output can be read");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> =
        errors.lines().filter(|line| line.to_lowercase().contains("error") || line.contains("use")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {errors}");
    assert!(errors.contains("data"), "it names the folder: {errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    server.stop();
}

#[test]
fn secrets_are_for_the_servers_eyes_only() {
    let mut server = PROFILE.server_with(Options::default().without("ROLLCALL_API_KEY"));
    let mut private = 0;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data().join("owner.key")), 0o600);
    for entry in std::fs::read_dir(server.data()).expect("the folder can be read") {
        let path = entry.expect("its entries too").path();
        if path.extension().is_some_and(|e| e == "key") {
            private += 1;
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    assert!(private >= 2, "the owner's key and the key that seals secrets");
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_from_outside_the_server_makes_one() {
    let world = Options::default().without("ROLLCALL_API_KEY");
    let mut server = PROFILE.server_with(world);
    let path = server.data().join("owner.key");
    let key = std::fs::read_to_string(&path).expect("it is kept").trim().to_owned();
    assert!(key.len() >= 32, "{key}");
    let client = Client::new(server.public.clone(), "/v1", Some(&key));
    client.get("/organizations").await.expect(200);
    client.with_token(Some(API_KEY)).get("/organizations").await.expect_problem(401);
    let said = format!("{}{}", server.stdout(), server.stderr());
    assert_eq!(said.matches(&key).count(), 1, "it is printed once");
    server.restart();
    client.get("/organizations").await.expect(200);
    let said = format!("{}{}", server.stdout(), server.stderr());
    assert!(said.matches(&key).count() <= 1, "not again");
}
