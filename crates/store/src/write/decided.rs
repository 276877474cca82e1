//! Has the domain decide a request.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use rollcall_domain::{Context, Decision, Loaded, Refusal, event::Cause};

use super::{WriteRequest, directories::DirectoryRow};
use crate::clock;

/// Why there is no decision.
pub(super) enum Undecided {
    /// The command was refused.
    Refused(Refusal),
    /// A fault in this program, which was logged.
    Panicked,
}

/// Decides one request by what was loaded for it.
pub(super) fn decide(
    request: &WriteRequest,
    directory: &DirectoryRow,
    loaded: Loaded,
    now: Timestamp,
) -> Result<Decision, Undecided> {
    let mut context = Context {
        now,
        new_uuid: &mut clock::new_uuid,
        directory: &directory.directory,
        last_sequence: directory.sequence,
        cause: Cause {
            provider: directory.directory.provider.as_str().into(),
            request_id: request.request_id.clone(),
            method: request.method.into(),
        },
    };
    // A panic in there must not end the writer.
    catch_unwind(AssertUnwindSafe(|| rollcall_domain::decide(&request.command, loaded, &mut context)))
        .map_err(|_| {
            tracing::error!(request_id = %request.request_id, "a decision panicked");
            Undecided::Panicked
        })?
        .map_err(Undecided::Refused)
}
