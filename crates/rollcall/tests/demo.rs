//! `rollcall demo`, the binary itself: it must work twice in one folder, whatever ports are taken,
//! and say at the end what is kept where.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

fn rollcall(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.current_dir(folder).env_clear().env("ROLLCALL_SERVER__LISTEN", "127.0.0.1:0");
    command.env("ROLLCALL_SERVER__ADMIN_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    command
}

fn text(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_day_arrives_verified_and_in_order_and_again_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    for run in ["first", "second"] {
        let output = rollcall(folder.path()).args(["demo", "--exit"]).output().unwrap();
        let (stdout, stderr) = text(&output);
        assert!(output.status.success(), "{run} run: {}\n{stdout}\n{stderr}", output.status);
        assert!(stdout.contains("0 gaps in a directory's sequence, 0 out of order"), "{run} run:\n{stdout}");
        for kind in [
            "user.created",
            "user.updated",
            "user.deactivated",
            "user.reactivated",
            "user.deleted",
            "group.created",
            "group.updated",
            "group.member_added",
            "group.member_removed",
            "no event: nothing changed",
        ] {
            assert!(stdout.contains(kind), "{run} run: no {kind}:\n{stdout}");
        }
        assert!(!stdout.contains('✗') && !stdout.contains('\x1b'), "{run} run:\n{stdout}");
        let wide = stdout.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{run} run");
    }
    let key = folder.path().join("rollcall-demo/owner.key");
    assert!(std::fs::read_to_string(key).unwrap().starts_with("rck_"));
}

#[test]
fn taken_ports_are_replaced_and_the_end_says_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let taken = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let [public, private] = taken.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    let mut command = rollcall(folder.path());
    command.env("ROLLCALL_SERVER__LISTEN", &public).env("ROLLCALL_SERVER__ADMIN_LISTEN", &private);
    let mut child = command.arg("demo").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut seen: Vec<String> = Vec::new();
    for line in lines.by_ref() {
        seen.push(line);
        if seen.last().is_some_and(|line| line.contains("json.tool")) {
            break;
        }
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let after: Vec<String> = lines.collect();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{}", seen.join("\n"), text(&output).1);
    for address in [&public, &private] {
        let line = format!("  {address} is in use by another program: ");
        assert!(seen.iter().any(|l| l.starts_with(&line)), "no {line}\n{}", seen.join("\n"));
    }
    let last = "stopped; kept in rollcall-demo: run the demo again, or delete it";
    assert_eq!(after.iter().filter(|line| !line.is_empty()).collect::<Vec<_>>(), [last]);
}
