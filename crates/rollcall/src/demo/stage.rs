//! The stage: shows a request, asks `/v1` which events it gave, and waits for the webhook of each.

use std::{
    collections::HashMap,
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use rollcall_simulator::{Exchange, Observer};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    lines,
    order::{Order, Place},
    paint::Paint,
    receiver::Received,
    tally::Tally,
};
use crate::owner::Owner;

/// How long a webhook may take before the demo says that it did not come.
const PATIENCE: Duration = Duration::from_secs(15);

/// A pause after each change, so that a person can follow.
const PACE: Duration = Duration::from_millis(150);

/// Shows what happens and keeps the score.
pub(crate) struct Stage {
    pub(crate) tally: Tally,
    paint: Paint,
    owner: Owner,
    /// Where the events of each directory go on.
    cursors: HashMap<String, String>,
    /// The directory that is playing.
    directory: String,
    /// A question whose lines wait for the change that it leads to, so that they stand together.
    question: Option<Exchange>,
    webhooks: mpsc::Receiver<Received>,
    /// Webhooks that came before they were asked for.
    early: HashMap<String, (Received, Place)>,
    order: Order,
    /// The names that people were last seen with.
    names: HashMap<String, String>,
    /// Whether somebody watches at a terminal.
    paced: bool,
    /// What went wrong beside what the tally counts.
    pub(crate) trouble: Option<anyhow::Error>,
}

impl Stage {
    pub(crate) fn new(paint: Paint, owner: Owner, webhooks: mpsc::Receiver<Received>, exit: bool) -> Self {
        Self {
            tally: Tally::default(),
            paint,
            owner,
            cursors: HashMap::new(),
            directory: String::new(),
            question: None,
            webhooks,
            early: HashMap::new(),
            order: Order::default(),
            names: HashMap::new(),
            paced: !exit && std::io::stdout().is_terminal(),
            trouble: None,
        }
    }

    /// The requests that follow go to this directory.
    pub(crate) fn enter(&mut self, directory: &str) {
        self.show_question(true);
        self.directory = directory.to_owned();
    }

    /// After the last request: what nobody asked for, and the gaps.
    pub(crate) fn finish(&mut self) {
        self.show_question(true);
        while let Ok(received) = self.webhooks.try_recv() {
            let _ = self.take(received);
        }
        for (received, _) in std::mem::take(&mut self.early).into_values() {
            self.complain(&format!("a webhook came that no request explains: {}", received.id));
        }
        self.tally.gaps = self.order.gaps();
    }

    /// Shows webhooks of changes that somebody else makes, for as long as it is polled.
    pub(crate) async fn watch(&mut self) {
        while let Some(received) = self.webhooks.recv().await {
            if let Some((Received { event: Ok(event), .. }, place)) = self.take(received) {
                self.paint.print("");
                self.show_event(&event);
                self.paint.print(&lines::webhook(self.paint, place, None));
            }
        }
    }

    /// The events after the last one that was shown.
    async fn new_events(&mut self) -> anyhow::Result<Vec<Value>> {
        let mut events = Vec::new();
        loop {
            let mut path = format!("/v1/events?directory_id={}&limit=1000", self.directory);
            if let Some(cursor) = self.cursors.get(&self.directory) {
                path.push_str(&format!("&after={cursor}"));
            }
            let mut page = self.owner.get(&path).await?;
            if let Some(cursor) = page["next_cursor"].as_str() {
                self.cursors.insert(self.directory.clone(), cursor.to_owned());
            }
            match page["data"].take() {
                Value::Array(more) if !more.is_empty() => events.extend(more),
                _ => return Ok(events),
            }
        }
    }

    /// The webhook of this event; `None` if it does not come.
    async fn webhook(&mut self, id: &str) -> Option<(Received, Place)> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.early.remove(id) {
                return Some(found);
            }
            let received = tokio::time::timeout_at(deadline, self.webhooks.recv()).await.ok()??;
            if let Some((received, place)) = self.take(received) {
                self.early.insert(received.id.clone(), (received, place));
            }
        }
    }

    /// Counts a webhook. One that did not verify, or was here before, is shown and goes no further.
    fn take(&mut self, received: Received) -> Option<(Received, Place)> {
        let event = match &received.event {
            Ok(event) => event,
            Err(why) => {
                self.tally.webhooks += 1;
                self.complain(&format!("a webhook was refused: {why}"));
                return None;
            }
        };
        let place = self.order.note(&received.id, event);
        if place == Place::Repeated {
            self.paint.print(&lines::webhook(self.paint, place, None));
            return None;
        }
        self.tally.webhooks += 1;
        self.tally.verified += 1;
        self.tally.out_of_order += u64::from(place == Place::OutOfOrder);
        Some((received, place))
    }

    fn show_event(&mut self, event: &Value) {
        let subject = event["subject"]["id"].as_str().unwrap_or("");
        let name = event["data"]["display_name"].as_str().or(event["data"]["user_name"].as_str());
        if let Some(name) = name {
            self.names.insert(subject.to_owned(), name.to_owned());
        }
        let who = self.names.get(subject).map(String::as_str);
        for line in lines::event(self.paint, event, who) {
            self.paint.print(&line);
        }
    }

    /// Shows the question that waits, if one does.
    fn show_question(&mut self, with_heading: bool) {
        let Some(question) = self.question.take() else { return };
        if with_heading {
            self.paint.print(&lines::heading(self.paint, &question));
        }
        self.show_lines(&question);
    }

    fn show_lines(&self, exchange: &Exchange) {
        for line in lines::exchange(self.paint, exchange) {
            self.paint.print(&line);
        }
    }

    fn complain(&self, what: &str) {
        self.paint.print(&lines::wrong(self.paint, what));
    }

    async fn show(&mut self, exchange: Exchange) -> anyhow::Result<()> {
        let started = Instant::now().checked_sub(exchange.duration).unwrap_or_else(Instant::now);
        self.tally.requests += 1;
        if exchange.method == "GET" {
            self.show_question(true);
            self.question = Some(exchange);
            return Ok(());
        }
        self.paint.print(&lines::heading(self.paint, &exchange));
        self.show_question(false);
        self.show_lines(&exchange);
        let events = self.new_events().await?;
        if events.is_empty() && exchange.status < 300 {
            self.paint.print(&lines::no_event(self.paint));
        }
        for event in events {
            self.tally.events += 1;
            self.show_event(&event);
            match self.webhook(event["id"].as_str().unwrap_or("")).await {
                Some((received, place)) => {
                    let took = received.at.saturating_duration_since(started);
                    self.tally.latencies.push(took);
                    self.paint.print(&lines::webhook(self.paint, place, Some(took)));
                }
                None => self.complain(&format!("no webhook came within {} s", PATIENCE.as_secs())),
            }
        }
        if self.paced {
            tokio::time::sleep(PACE).await;
        }
        Ok(())
    }
}

impl Observer for Stage {
    async fn seen(&mut self, exchange: Exchange) {
        if let Err(error) = self.show(exchange).await {
            self.complain(&crate::causes(&error));
            self.trouble.get_or_insert(error);
        }
    }
}
