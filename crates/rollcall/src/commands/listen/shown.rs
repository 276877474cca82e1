//! What `listen` shows: each event, and how it was answered.

use std::io::Write as _;

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::forward::{Answer, Forward};
use crate::demo::{
    lines,
    paint::{Look, Paint},
};

/// Where it is shown, and what was counted.
pub(super) struct Screen {
    paint: Paint,
    /// Standard output is for the events' bodies.
    aside: bool,
    /// What never began has no farewell.
    begun: bool,
    events: u64,
    accepted: u64,
    refused: u64,
}

impl Screen {
    pub(super) fn new(paint: Paint, aside: bool) -> Self {
        Self { paint, aside, begun: false, events: 0, accepted: 0, refused: 0 }
    }

    fn print(&self, line: &str) {
        if self.aside {
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            self.paint.print(line);
        }
    }

    pub(super) fn greeting(&mut self, forward: Option<&Forward>) {
        self.begun = true;
        let Some(forward) = forward else {
            self.print("Listening. Ctrl-C ends it.");
            return;
        };
        self.print(&format!(
            "Listening; each event goes to {} as a signed webhook. Ctrl-C ends it.",
            forward.url
        ));
        if let Some(secret) = &forward.made {
            self.print(&format!(
                "  The signing secret: {}",
                self.paint.on(Look::Bold, secret.expose_secret())
            ));
        }
    }

    pub(super) fn event(&mut self, event: &Value) {
        self.events += 1;
        self.print("");
        for line in lines::event(self.paint, event, None) {
            self.print(&line);
        }
        let id = event["id"].as_str().unwrap_or_default();
        let directory = event["directory_id"].as_str().unwrap_or_default();
        self.print(&self.paint.row(
            (Look::Plain, "           "),
            (Look::Dim, &format!("{id} of {directory}")),
            "",
        ));
    }

    pub(super) fn answer(&mut self, answer: &Answer) {
        let right = lines::milliseconds(answer.took);
        let (look, mark, text) = match &answer.outcome {
            Ok(status @ 200..=299) => (Look::Good, "  ✓ ", format!("accepted with {status}")),
            Ok(status) if answer.text.is_empty() => (Look::Bad, "  ✗ ", format!("answered {status}")),
            Ok(status) => (Look::Bad, "  ✗ ", format!("answered {status}: {}", answer.text)),
            Err(why) => (Look::Bad, "  ✗ ", why.clone()),
        };
        *(if look == Look::Good { &mut self.accepted } else { &mut self.refused }) += 1;
        self.print(&self.paint.row((look, mark), (look, &text), &right));
    }

    pub(super) fn broke_off(&self, why: &str) {
        let text = format!("waiting for the server, to go on where it was: {why}");
        self.print(&self.paint.row((Look::Bad, "  … "), (Look::Dim, &text), ""));
    }

    pub(super) fn farewell(&self) {
        if !self.begun {
            return;
        }
        let (events, accepted, refused) = (self.events, self.accepted, self.refused);
        let mut line = format!("\n{events} event{}", if events == 1 { "" } else { "s" });
        if accepted + refused > 0 {
            line.push_str(&format!(", {accepted} accepted, {refused} not"));
        }
        self.print(&format!("{line}."));
    }
}
