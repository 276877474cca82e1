//! The score for people: a row for each check, and below one that failed what was seen.

use rollcall_simulator::{CheckResult, Failure, Report};

use crate::demo::paint::{Look, Paint, cut};

/// How much of a body is shown.
const BODY: usize = 1_500;

/// Everything, line by line.
pub(super) fn lines(paint: Paint, report: &Report) -> Vec<String> {
    let mut lines = vec![paint.rule(&format!("{} and this server", report.provider.name()))];
    for result in &report.results {
        lines.push(row(paint, result));
        lines.extend(result.failures.iter().flat_map(|failure| what_was_seen(paint, failure)));
    }
    lines.push(String::new());
    let latencies = report.latencies;
    lines.push(format!(
        "  {} requests in {:.1} s; answers took p50 {}, p99 {}, at most {}",
        report.requests,
        report.elapsed.as_secs_f64(),
        crate::demo::lines::milliseconds(latencies.p50),
        crate::demo::lines::milliseconds(latencies.p99),
        crate::demo::lines::milliseconds(latencies.longest),
    ));
    if report.found > 0 {
        lines.push(format!(
            "  {} of the people were there before: an empty directory, or another --seed, says more",
            report.found
        ));
    }
    if let Some(why) = &report.stopped {
        lines.push(paint.on(Look::Bad, &format!("  stopped before the end: {}", cut(why, BODY))));
    }
    let [(required, of_required), (recommended, of_recommended)] = [report.score(true), report.score(false)];
    let look = if report.is_conformant() { Look::Good } else { Look::Bad };
    lines.push(paint.on(
        look,
        &format!(
            "  score: {required} of {of_required} required checks, {recommended} of {of_recommended} recommended ones"
        ),
    ));
    lines
}

fn row(paint: Paint, result: &CheckResult) -> String {
    let CheckResult { check, passed, failed, .. } = result;
    let (mark, right) = match (failed, check.is_required()) {
        (0, _) => ((Look::Good, "✓ "), passed.to_string()),
        (failed, true) => ((Look::Bad, "✗ "), format!("{failed} of {}", passed + failed)),
        (failed, false) => ((Look::Event, "! "), format!("{failed} of {}", passed + failed)),
    };
    let text = format!("{:18} {}", check.source(), check.title());
    paint.row(mark, (Look::Plain, &text), &right)
}

fn what_was_seen(paint: Paint, failure: &Failure) -> Vec<String> {
    let Failure { why, method, path, request, status, answer } = failure;
    let mut lines = vec![paint.on(Look::Bad, &format!("    {}", cut(why, BODY)))];
    let body = |body: &Option<_>| {
        body.as_ref()
            .map_or_else(String::new, |body: &serde_json::Value| format!(" {}", cut(&body.to_string(), BODY)))
    };
    lines.push(format!("    {method} {}{}", cut(path, BODY), body(request)));
    match status {
        0 => lines.push("    no answer".to_owned()),
        _ => lines.push(format!("    answer: {status}{}", body(answer))),
    }
    lines
}
