//! How far a simulation is: a bar on a terminal, else a line for each phase.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressStyle};
use rollcall_simulator::Progress;

/// Shows the phases.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    /// Standard output is for the result alone.
    aside: bool,
    phase: &'static str,
    done: u64,
    total: u64,
}

impl Bar {
    /// On a terminal a bar. Elsewhere lines, to standard error if `aside`.
    pub(super) fn new(terminal: bool, aside: bool) -> Self {
        let bar = terminal.then(|| {
            let style = ProgressStyle::with_template("  {msg:26} {bar:30} {pos}/{len} {per_sec} {eta}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, aside, phase: "", done: 0, total: 0 }
    }

    /// The last phase is over.
    pub(super) fn finish(&mut self) {
        self.end_phase();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn end_phase(&mut self) {
        if self.phase.is_empty() {
            return;
        }
        let line = format!("  {:26} {} of {}", self.phase, self.done, self.total);
        // A closed pipe is nobody watching, not an error.
        let _ = match &self.bar {
            Some(bar) => {
                bar.println(line);
                Ok(())
            }
            None if self.aside => writeln!(std::io::stderr(), "{line}"),
            None => writeln!(std::io::stdout(), "{line}"),
        };
    }
}

impl Progress for Bar {
    fn begin(&mut self, phase: &'static str, total: u64) {
        self.end_phase();
        (self.phase, self.done, self.total) = (phase, 0, total);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(0);
            bar.reset_eta();
            bar.set_message(phase);
        }
    }

    fn advance(&mut self) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn reading_back(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_message("reading back");
        }
    }
}
