//! How much work reading filters has been in this thread, counted where loops and recursions turn: so that a test can
//! show a bound without a clock.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Counts bytes that are looked at, or terms that are begun.
pub(super) fn did(work: usize) {
    DONE.set(DONE.get() + work);
}

/// The work since the last call.
pub(super) fn taken() -> usize {
    DONE.replace(0)
}
