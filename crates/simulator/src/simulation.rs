//! Plays a whole plan against a target and keeps the score.

use std::time::Instant;

use futures_util::{StreamExt as _, stream};

use crate::{
    Error, Persona, Phase, Plan, Provider, Report, Step, Target,
    audit::{self, Auditor},
    ledger::Recorder,
    protocol::Examiner,
};

/// After so many requests in a row without an answer the target is taken for gone.
const GONE: u32 = 25;

/// Is told how far a simulation is.
pub trait Progress: Send {
    /// A phase of `total` errands begins.
    fn begin(&mut self, phase: &'static str, total: u64);
    /// One more errand is done.
    fn advance(&mut self);
    /// The phase is over and is read back now.
    fn reading_back(&mut self) {}
}

/// Tells nobody.
impl Progress for () {
    fn begin(&mut self, _phase: &'static str, _total: u64) {}
    fn advance(&mut self) {}
}

/// A persona, its target, and what happens.
#[derive(Clone)]
pub struct Simulation {
    /// Who is played.
    pub provider: Provider,
    /// Against whom.
    pub target: Target,
    /// What happens.
    pub plan: Plan,
    /// How many errands are under way at once; 1 gives the same requests in the same order each
    /// time, more gives the same requests.
    pub concurrency: usize,
    /// Whether everything that was made is deleted at the end, which products do not do.
    pub clean_up: bool,
}

impl Simulation {
    /// Plays the plan, reads back after each phase, and reports. It ends early if the connection
    /// test fails, as the products do, or if the target no longer answers.
    ///
    /// # Errors
    /// [`Error::Target`] if the target cannot be spoken to at all.
    pub async fn run(&self, progress: &mut impl Progress) -> Result<Report, Error> {
        let started = Instant::now();
        let concurrency = self.concurrency.max(1);
        let persona = Persona::new(self.provider, &self.target, self.plan.people().clone())?;
        let wire = audit::wire(&persona, &self.target)?;
        let recorder = Recorder::default();
        let auditor = Auditor { wire: &wire, persona: &persona, recorder: &recorder, concurrency };
        let examiner = Examiner { wire: &wire, target: &self.target, persona: &persona, recorder: &recorder };
        let mut total_before = None;
        let mut stopped = None;
        for phase in Phase::ALL {
            let groupless = persona.style().group.is_none();
            if groupless && matches!(phase, Phase::Groups | Phase::Members | Phase::GroupChanges) {
                continue;
            }
            progress.begin(phase.name(), self.plan.count(phase) as u64);
            let sample = auditor.before(&self.plan, phase).await;
            let failed = self.play(&persona, phase, concurrency, &recorder, progress).await;
            if phase == Phase::Connect {
                if let Some(error) = failed {
                    stopped = Some(error.to_string());
                    break;
                }
                total_before = examiner.total().await;
                continue;
            }
            if recorder.ledger().unanswered < GONE {
                progress.reading_back();
                auditor.after(phase, &sample).await;
            }
            if phase == Phase::Again {
                examiner.examine(total_before).await?;
            }
            if recorder.ledger().unanswered >= GONE {
                stopped = Some(format!("{GONE} requests in a row were not answered"));
                break;
            }
        }
        if let (None, Some(before)) = (&stopped, total_before) {
            let growth = persona.memory().growth;
            examiner.pages(before + growth).await;
        }
        if self.clean_up {
            let made = persona.memory().paths();
            progress.begin("clean up", made.len() as u64);
            let mut deleted =
                stream::iter(made).map(|path| examiner.delete(path)).buffer_unordered(concurrency);
            while deleted.next().await.is_some() {
                progress.advance();
            }
        }
        let found = persona.memory().found;
        Ok(Report::new(self.provider, &recorder.ledger(), started.elapsed(), found, stopped))
    }

    /// Plays a phase and gives the last error.
    async fn play(
        &self,
        persona: &Persona,
        phase: Phase,
        concurrency: usize,
        recorder: &Recorder,
        progress: &mut impl Progress,
    ) -> Option<Error> {
        let errands = self.plan.errands(phase).map(|errand| run_errand(persona, errand, recorder.clone()));
        let mut under_way = stream::iter(errands).buffer_unordered(concurrency);
        let mut last = None;
        while let Some(played) = under_way.next().await {
            last = played.err().or(last);
            progress.advance();
            if recorder.ledger().unanswered >= GONE {
                break;
            }
        }
        last
    }
}

/// The steps one after the other; the first that fails ends the errand, as the rest builds on it.
async fn run_errand(persona: &Persona, errand: Vec<Step>, mut recorder: Recorder) -> Result<(), Error> {
    for step in &errand {
        persona.play(step, &mut recorder).await?;
    }
    Ok(())
}
