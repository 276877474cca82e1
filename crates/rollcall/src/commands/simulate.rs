//! `rollcall simulate`: plays a directory provider against any SCIM server, and scores the server.
//!
//! The token is better given as `ROLLCALL_SIMULATE_TOKEN`: a command line can be read by everybody
//! on the machine.

mod bar;
mod score;

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::Args;
use rollcall_simulator::{People, Plan, Provider, Simulation, Target};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Failure, demo::paint::Paint};

/// `rollcall simulate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Simulate {
    /// Who is played: entra, entra-2020, okta, okta-custom, onelogin, jumpcloud, pingone, google,
    /// rippling, cyberark, sailpoint, keycloak, authentik
    #[arg(long, value_name = "NAME")]
    provider: Provider,
    /// The SCIM base URL, such as https://host/scim/v2/dir_…
    #[arg(long, value_name = "URL")]
    url: String,
    /// The bearer token; better in the environment, where others cannot read it
    #[arg(long, value_name = "TOKEN", env = "ROLLCALL_SIMULATE_TOKEN", hide_env_values = true)]
    token: SecretString,
    /// How many people the directory has at first
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: u32,
    /// How many groups [default: one for 25 people, and 2 more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    groups: Option<u32>,
    /// The share of the people who join, who move and who leave
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    churn: u8,
    /// Chooses the names; the same seed gives the same requests
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// How many changes are under way at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Delete everything that was made when the script is over
    #[arg(long)]
    clean_up: bool,
    /// Print the result as one JSON document
    #[arg(long)]
    json: bool,
}

impl Simulate {
    fn simulation(&self) -> Simulation {
        let people = People::new(self.seed, &format!("simulation-{}.example", self.seed));
        let users = self.users as usize;
        let groups = self.groups.map_or(users / 25 + 2, |groups| groups as usize);
        Simulation {
            provider: self.provider,
            target: Target { base_url: self.url.clone(), token: self.token.expose_secret().to_owned() },
            plan: Plan::new(people, users, groups, usize::from(self.churn)),
            concurrency: usize::from(self.concurrency),
            clean_up: self.clean_up,
        }
    }
}

pub(super) fn run(options: Simulate) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(async {
        let stop = super::stop_signal()?;
        let mut bar = bar::Bar::new(std::io::stdout().is_terminal() && !options.json, options.json);
        let simulation = options.simulation();
        let report = tokio::select! {
            report = simulation.run(&mut bar) => report.context("the simulation cannot begin")?,
            signal = stop => return Err(anyhow!("stopped by {signal} before the end").into()),
        };
        bar.finish();
        let paint = Paint::for_stdout();
        if options.json {
            paint.print(&format!("{:#}", report.to_json()));
        } else {
            for line in score::lines(paint, &report) {
                paint.print(&line);
            }
        }
        Ok(if report.is_conformant() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
