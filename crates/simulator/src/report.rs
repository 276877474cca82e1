//! What a simulation found.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Check, Failure, Provider, ledger::Ledger};

/// What became of one check. A check that nothing touched has no result.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// How many looks found it kept.
    pub passed: u64,
    /// How many found it broken.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<Failure>,
}

/// How long the answers took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// Half of them were not longer, to within an eighth.
    pub p50: Duration,
    /// 99 of 100 were not longer, to within an eighth.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
}

/// A simulation's result.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who was played.
    pub provider: Provider,
    /// What was found, in the order of [`Check::ALL`].
    pub results: Vec<CheckResult>,
    /// How many requests were sent.
    pub requests: u64,
    /// From the first to the last.
    pub elapsed: Duration,
    /// How long the answers took.
    pub latencies: Latencies,
    /// How many people of the script the target had before.
    pub found: u64,
    /// Why the script was not played to its end, if it was not.
    pub stopped: Option<String>,
}

impl Report {
    pub(crate) fn new(
        provider: Provider,
        ledger: &Ledger,
        elapsed: Duration,
        found: u64,
        stopped: Option<String>,
    ) -> Self {
        let results = Check::ALL
            .into_iter()
            .filter_map(|check| {
                let count = ledger.checks.get(&check)?.clone();
                Some(CheckResult {
                    check,
                    passed: count.passed,
                    failed: count.failed,
                    failures: count.failures,
                })
            })
            .collect();
        let latencies =
            Latencies { p50: ledger.percentile(50), p99: ledger.percentile(99), longest: ledger.longest };
        Self { provider, results, requests: ledger.requests, elapsed, latencies, found, stopped }
    }

    /// How many checks were kept at every look, and how many were looked at: the required ones, or
    /// the others.
    pub fn score(&self, required: bool) -> (usize, usize) {
        let looked_at = self.results.iter().filter(|result| result.check.is_required() == required);
        (looked_at.clone().filter(|result| result.failed == 0).count(), looked_at.count())
    }

    /// Whether the script was played to its end and all required checks were kept.
    pub fn is_conformant(&self) -> bool {
        let (kept, all) = self.score(true);
        self.stopped.is_none() && kept == all && all > 0
    }

    /// For programs. Holds no token.
    pub fn to_json(&self) -> Value {
        let score = |required| {
            let (passed, total) = self.score(required);
            json!({"passed": passed, "total": total})
        };
        let millis = |duration: Duration| (duration.as_secs_f64() * 1e5).round() / 100.0;
        let checks: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                json!({
                    "id": result.check.name(),
                    "source": result.check.source(),
                    "title": result.check.title(),
                    "required": result.check.is_required(),
                    "passed": result.passed,
                    "failed": result.failed,
                    "failures": result.failures.iter().map(failure).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "provider": self.provider.slug(),
            "conformant": self.is_conformant(),
            "stopped": self.stopped,
            "score": {"required": score(true), "recommended": score(false)},
            "requests": self.requests,
            "elapsed_seconds": self.elapsed.as_secs_f64(),
            "latency_ms": {
                "p50": millis(self.latencies.p50),
                "p99": millis(self.latencies.p99),
                "max": millis(self.latencies.longest),
            },
            "found_before": self.found,
            "checks": checks,
        })
    }
}

fn failure(failure: &Failure) -> Value {
    let Failure { why, method, path, request, status, answer } = failure;
    json!({
        "why": why,
        "request": {"method": method, "path": path, "body": request},
        "answer": {"status": status, "body": answer},
    })
}
