//! The log: `tracing` on standard error, for people or as JSON; panics go there too. Log lines
//! carry ids, never a person's attributes.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Whether `level` can be used as a filter, or why not.
pub(crate) fn check_level(level: &str) -> Result<(), String> {
    EnvFilter::builder().parse(level).map(drop).map_err(|e| e.to_string())
}

/// Starts the log of this process. `RUST_LOG` wins over the settings.
pub(crate) fn start(settings: &Log) {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty())
        .and_then(|text| EnvFilter::builder().parse(text).ok())
        .unwrap_or_else(|| EnvFilter::new(&settings.level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Human => builder.with_ansi(std::io::stderr().is_terminal() && !no_color()).try_init(),
    };
    if let Err(error) = started {
        eprintln!("rollcall: the log cannot be started: {error}");
    }
    std::panic::set_hook(Box::new(|panic| {
        let message = panic
            .payload()
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str))
            .unwrap_or("(no message)");
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current().name().map(str::to_owned);
        tracing::error!(location, thread, "a thread panicked: {message}");
    }));
}

/// <https://no-color.org>: any value but the empty one.
pub(crate) fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
