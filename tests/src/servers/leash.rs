//! What a test starts must not outlive it, even if the test is killed. A small watcher holds the ids of
//! all processes and the folders; when its standard input ends, which the kernel sees to however this
//! process ends, it kills the former and removes the latter.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex},
};

/// Reads `hold PID`, `hold /FOLDER` and `free …`, one per line.
const WATCHER: &str = r#"
declare -A held
while read -r what which; do
  if [ "$what" = hold ]; then held[$which]=yes; else unset "held[$which]"; fi
done
for which in "${!held[@]}"; do
  case $which in
    /*) ;;
    # A server that is frozen is killed as well as any, and its children do not notice its end by
    # themselves if they are frozen too.
    *) children=$(cat /proc/"$which"/task/*/children 2> /dev/null)
       kill -KILL "$which" $children 2> /dev/null ;;
  esac
done
for try in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for which in "${!held[@]}"; do
    case $which in /*) rm -rf "$which" 2> /dev/null || left=yes; [ ! -e "$which" ] || left=yes ;; esac
  done
  [ -n "$left" ] || break
  sleep 0.2
done
"#;

static WATCHER_PROCESS: LazyLock<Mutex<Child>> = LazyLock::new(|| {
    let watcher = Command::new("bash")
        .args(["-c", WATCHER])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Control-C at the terminal ends the tests, not the watcher.
        .process_group(0)
        .spawn()
        .expect("bash is there");
    Mutex::new(watcher)
});

fn say(what: &str, which: &str) {
    let line = format!("{what} {which}\n");
    let mut watcher = WATCHER_PROCESS.lock().expect("no holder panics");
    let pipe = watcher.stdin.as_mut().expect("it is piped");
    pipe.write_all(line.as_bytes()).expect("the watcher listens");
}

/// Kills this process, and its children, when the tests end.
pub fn hold(process: u32) {
    say("hold", &process.to_string());
}

/// The process has ended: its number may belong to somebody else now.
pub fn free(process: u32) {
    say("free", &process.to_string());
}

/// Removes this folder when the tests end, after the processes.
pub fn hold_folder(folder: &Path) {
    say("hold", folder.to_str().expect("temporary folders have plain names"));
}

/// The folder is gone.
pub fn free_folder(folder: &Path) {
    say("free", folder.to_str().expect("temporary folders have plain names"));
}
