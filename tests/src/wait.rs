//! Waiting for a condition that can only be asked for, never for a length of time.

use std::time::{Duration, Instant};

/// How long a condition may take that should hold at once: long enough for a loaded machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Asks `probe` until it answers `Some`, and panics with `what` when `timeout` has passed.
pub async fn eventually<T, F>(what: &str, timeout: Duration, mut probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < timeout, "waited {timeout:?} in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn it_returns_what_the_probe_found() {
        let asked = AtomicU32::new(0);
        let found = eventually("the third answer", SOON, || async {
            (asked.fetch_add(1, Ordering::SeqCst) == 2).then_some("here")
        })
        .await;
        assert_eq!((found, asked.load(Ordering::SeqCst)), ("here", 3));
    }

    #[tokio::test]
    #[should_panic(expected = "in vain for: the impossible")]
    async fn it_names_what_never_came() {
        eventually("the impossible", Duration::from_millis(30), || async { None::<()> }).await;
    }
}
