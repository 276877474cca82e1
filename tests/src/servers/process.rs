//! Signals to a server as a whole: PostgreSQL is a family of processes, each of which the system would
//! freeze or kill by itself.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start or to stop.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a signal; a process that is gone already is no error.
pub fn send(process: u32, signal: Signal) {
    if let Some(id) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, signal);
    }
}

/// Sends a signal to a process and to all its children. The parent comes first: a frozen one starts no
/// more of them, and a killed one does not see them die.
pub fn send_all(process: u32, signal: Signal) {
    let children = children(process);
    send(process, signal);
    for child in children {
        send(child, signal);
    }
    if signal == Signal::STOP {
        for late in self::children(process) {
            send(late, signal);
        }
    }
}

/// The children of a process.
pub fn children(process: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    numbers.filter(|id| parent(*id) == Some(process)).collect()
}

/// `PID (name) STATE PARENT …`, where the name may hold anything.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process is there and is more than a name: one that has ended but that its parent has not
/// asked for is gone.
pub fn lives(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .ok()
        .and_then(|stat| Some(!stat.rsplit_once(')')?.1.trim_start().starts_with('Z')))
        .unwrap_or(false)
}

/// Asks until the answer is yes, and panics with `what` when [`PATIENCE`] has passed.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
