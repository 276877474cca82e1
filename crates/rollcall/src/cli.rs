//! What can be typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::{Roles, Sources};

/// Takes people and groups from directory providers over SCIM, and hands each change to your
/// application as a signed, ordered webhook.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole path on this machine: SCIM requests in, signed webhooks out
    Demo(Demo),
    /// Run the server
    Serve(Serve),
    /// Print the effective configuration, each value with where it came from
    Config(Serve),
    /// Check the configuration and what it names
    Check(Serve),
    /// Copy the data folder, while a server uses it
    Backup(crate::commands::backup::Backup),
    /// Move a data folder into PostgreSQL; run again, it goes on where it was
    Migrate(crate::commands::migrate::Migrate),
    /// Print the OpenAPI document of /v1
    Openapi,
    /// Play a directory provider against any SCIM server, and score the server
    Simulate(crate::commands::simulate::Simulate),
    /// Follow the events at your desk, and hand them on, signed, to a program there
    Listen(crate::commands::listen::Listen),
    /// Let a realistic event happen in a sandbox directory
    Trigger(crate::commands::trigger::Trigger),
}

/// `rollcall demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Demo {
    /// The folder for the demo's data; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "rollcall-demo")]
    pub(crate) data: PathBuf,
    /// Stop when the day is over; status 0 only if every event arrived, verified and in order
    #[arg(long)]
    pub(crate) exit: bool,
}

/// What chooses a configuration: `serve`, `config` and `check` take the same.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Serve {
    /// The configuration, a TOML file
    #[arg(long, value_name = "FILE", env = "ROLLCALL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder; made if it is not there [default: rollcall-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where SCIM and /v1 are served; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where health and metrics are served; port 0 picks a free one [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// What this process does: all, ingest, dispatch; several with commas [default: all]
    #[arg(long, value_name = "ROLES")]
    pub(crate) role: Option<Roles>,
}

impl Serve {
    /// These flags with this environment.
    pub(crate) fn sources(self, environment: impl IntoIterator<Item = (String, String)>) -> Sources {
        let text = |value: &dyn std::fmt::Display| json!(value.to_string());
        let flags: [(&'static str, &'static str, Option<Value>); 4] = [
            ("data_dir", "--data", self.data.map(|dir| json!(dir))),
            ("server.listen", "--listen", self.listen.map(|a| text(&a))),
            ("server.admin_listen", "--admin-listen", self.admin_listen.map(|a| text(&a))),
            ("role", "--role", self.role.map(|r| text(&r))),
        ];
        Sources {
            file: self.config,
            environment: environment.into_iter().collect(),
            flags: flags.into_iter().filter_map(|(key, flag, value)| Some((key, flag, value?))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_sources_and_mistakes_are_usage_errors() {
        let line =
            "rollcall serve --data d --listen 127.0.0.1:0 --admin-listen [::1]:0 --role ingest,dispatch";
        let Command::Serve(serve) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
            panic!("{line}")
        };
        let sources = serve.sources([]);
        let flags: Vec<String> =
            sources.flags.iter().map(|(key, flag, value)| format!("{flag} {key} {value}")).collect();
        insta::assert_snapshot!(flags.join("\n"), @r#"
        --data data_dir "d"
        --listen server.listen "127.0.0.1:0"
        --admin-listen server.admin_listen "[::1]:0"
        --role role "all"
        "#);
        for wrong in [
            "rollcall",
            "rollcall fly",
            "rollcall serve --listen here",
            "rollcall serve --role cook",
            "rollcall serve extra",
            "rollcall demo --listen 127.0.0.1:1",
        ] {
            let error = Cli::try_parse_from(wrong.split(' ')).expect_err(wrong);
            assert_eq!(error.exit_code(), 2, "{wrong}");
        }
        let Command::Demo(demo) = Cli::try_parse_from(["rollcall", "demo"]).unwrap().command else {
            panic!("demo")
        };
        assert!(!demo.exit && demo.data.as_os_str() == "rollcall-demo");
    }
}
