//! The commands beside `serve`, and how a configuration is refused. They do not depend on where a
//! server keeps its data.

use std::{process::Stdio, time::Duration};

use rollcall_tests::server::{binary, wait};

/// Runs a command of the binary to its end.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = std::process::Command::new(binary());
    command.env_clear().envs(environment.iter().copied()).args(arguments).current_dir(folder.path());
    // Files: a pipe that nobody reads would hold up what says much.
    let (out, err) = (folder.path().join("stdout"), folder.path().join("stderr"));
    let to = |path| std::fs::File::create(path).expect("a file can be made");
    command.stdin(Stdio::null()).stdout(to(&out)).stderr(to(&err));
    let mut child = command.spawn().expect("it starts");
    let Some(status) = wait(&mut child, Duration::from_secs(30)) else {
        let _ = child.kill();
        panic!("{arguments:?} does not end");
    };
    let text = |path| String::from_utf8_lossy(&std::fs::read(path).expect("it can be read")).into_owned();
    (status.success(), text(&out), text(&err))
}

#[test]
fn a_misspelt_key_in_the_file_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (text, named) in [
        ("[egress]\nalow_http = true\n", "alow_http"),
        ("publik_url = \"http://x\"\n", "publik_url"),
        ("[egress]\nallow_http = \"perhaps\"\n", "allow_http"),
        ("[egress\n", "rollcall.toml"),
    ] {
        let file = folder.path().join("rollcall.toml");
        std::fs::write(&file, text).expect("it can be written");
        let path = file.to_str().expect("the path is text");
        for command in [
            &["serve", "--config", path, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"][..],
            &["check", "--config", path],
        ] {
            let (good, stdout, stderr) = run(command, &[]);
            assert!(!good, "{command:?} accepted {text}");
            assert!(
                format!("{stdout}{stderr}").contains(named),
                "{command:?}: {named} is not in {stdout}{stderr}"
            );
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
    }
    let (good, _, stderr) = run(&["serve", "--config", "/nowhere/rollcall.toml"], &[]);
    assert!(!good && stderr.contains("/nowhere/rollcall.toml"), "{stderr}");
    let (good, _, stderr) = run(&["serve", "--listen", "nonsense"], &[]);
    assert!(!good && stderr.contains("nonsense"), "{stderr}");
    let (good, _, _) = run(&["serve"], &[("ROLLCALL_API_KEY", "short")]);
    assert!(!good, "a key of five characters is none");
}

#[test]
fn configuration_and_openapi_can_be_printed() {
    let secret = "rck_0123456789abcdef0123456789abcdef";
    let (good, stdout, stderr) =
        run(&["config"], &[("ROLLCALL_EGRESS__ALLOW_HTTP", "true"), ("ROLLCALL_API_KEY", secret)]);
    assert!(good, "{stderr}");
    assert!(stdout.contains("allow_http"), "{stdout}");
    assert!(
        stdout.contains("ROLLCALL_EGRESS__ALLOW_HTTP") || stdout.contains("environment"),
        "its sources: {stdout}"
    );
    assert!(!stdout.contains(secret), "secrets are not printed");
    let (good, stdout, stderr) = run(&["check"], &[]);
    assert!(good, "{stdout}{stderr}");
    let (good, stdout, stderr) = run(&["openapi"], &[]);
    assert!(good, "{stderr}");
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")), "{}", document["openapi"]);
    assert!(document["paths"].as_object().is_some_and(|p| p.keys().any(|k| k.ends_with("/events"))));
    // A name that a container platform injects is no error.
    let (good, _, stderr) = run(&["check"], &[("ROLLCALL_SERVICE_HOST", "10.0.0.1")]);
    assert!(good, "{stderr}");
}

#[test]
fn the_demonstration_ends_well() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let data = folder.path().join("demo");
    let mut command = std::process::Command::new(binary());
    command.env_clear().args(["demo", "--exit", "--data"]).arg(&data).current_dir(folder.path());
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stdout}{stderr}");
    for shown in ["user.created", "group.member_added", "user.deactivated"] {
        assert!(stdout.contains(shown), "{shown} is not shown:\n{stdout}");
    }
}
