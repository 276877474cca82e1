//! The log: `tracing` on standard error, for people or as JSON; panics go there too. Log lines
//! carry ids, never a person's attributes.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::config::{Log, LogFormat};

/// The web server's crates report every thread that begins; only what is wrong with them matters.
const QUIET: &str = "actix_server=warn,actix_rt=warn";

/// Whether `level` can be used as a filter, or why not. A lone word must be a level: as a filter
/// it would be the name of a module, and a misspelled level would show nothing at all.
pub(crate) fn check_level(level: &str) -> Result<(), String> {
    for word in level.split(',').map(str::trim) {
        let is_name = word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '-'));
        if word.is_empty() || (is_name && word.parse::<LevelFilter>().is_err()) {
            return Err(format!(
                "{word:?} is no level: it must be off, error, warn, info, debug or trace, or such as \
                 rollcall_dispatch=debug, several with commas"
            ));
        }
    }
    EnvFilter::builder().parse(level).map(drop).map_err(|e| format!("{level:?}: {e}"))
}

/// The filter for these directives. What they say of [`QUIET`]'s crates wins.
fn filter(directives: &str) -> Option<EnvFilter> {
    let parsed = EnvFilter::builder().parse(directives).ok()?;
    match parsed.max_level_hint() {
        Some(level) if level <= LevelFilter::WARN => Some(parsed),
        _ => EnvFilter::builder().parse(format!("{QUIET},{directives}")).ok(),
    }
}

/// Starts the log of this process. `RUST_LOG` wins over the settings.
pub(crate) fn start(settings: &Log) {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty())
        .and_then(|text| filter(&text))
        .or_else(|| filter(&settings.level))
        .unwrap_or_else(|| EnvFilter::new("info"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_told_from_mistakes() {
        for fine in ["info", "OFF", "warn,rollcall_store=debug", "info,hyper=off", "trace,[span{a=1}]=debug"]
        {
            assert_eq!(check_level(fine), Ok(()), "{fine}");
        }
        for wrong in ["frob", "", "info,", "info, hyper=off", "info,frob", "loud==", "rollcall_store"] {
            assert!(check_level(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_web_server_is_quiet_unless_it_is_asked_for() {
        let shown = |directives| filter(directives).unwrap().to_string();
        assert!(shown("info").contains("actix_server=warn"), "{}", shown("info"));
        assert_eq!(shown("error"), "error");
        let asked = shown("debug,actix_server=info");
        assert!(asked.contains("actix_server=info") && !asked.contains("actix_server=warn"), "{asked}");
    }
}
