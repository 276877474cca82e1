//! `rollcall demo --exit`, the binary itself: it must work twice in one folder, and say clearly
//! when the folder is taken.

use std::{
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
