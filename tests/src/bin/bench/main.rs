//! The benchmark: ratios within one run, with medians, on the loopback of one machine.
//!
//! Load, receiver and server share the machine, so absolute figures say little about another one;
//! the ratios do. Each figure is the median of several windows, and the windows of the variants
//! that are compared alternate. A run whose windows differ too much is printed and is not called a
//! result (exit status 2).
//!
//! Build both with `cargo build --release --workspace`, then `target/release/rollcall-bench all`.

mod accept;
mod backlog;
mod figures;
mod growth;
mod isolation;
mod latency;
mod load;
mod members;
mod sink;
mod stage;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

/// Measures a release build of Rollcall against itself.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// How long one window lasts, in seconds.
    #[arg(long, global = true, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Of how many windows a median is made.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=25))]
    windows: u32,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// Durable `POST /Users` per second at 1, 16 and 64 connections: with nobody subscribed, with one
    /// endpoint that is delivered to, and with one that is dead.
    Accept,
    /// From the write to the webhook's arrival, at 100 writes per second.
    Latency,
    /// Seventy healthy endpoints at 10 writes per second, alone and beside ten that hang, ten that fail,
    /// ten that are slow and a tenant that floods; beside a thousand dead ones; beside a backlog of a
    /// million events.
    Isolation,
    /// The memory and the start with many endpoints and a great backlog. Takes minutes and some GB of disk.
    Backlog {
        /// How many endpoints.
        #[arg(long, default_value_t = 10_000)]
        lanes: usize,
        /// How many events they are behind.
        #[arg(long, default_value_t = 5_000_000)]
        events: usize,
        /// Measures the dispatcher of a cluster instead of one process with files.
        #[arg(long)]
        cluster: bool,
    },
    /// What a write costs in directories of ten thousand to a million people. Takes some ten minutes and
    /// some GB of disk.
    Growth {
        /// On a PostgreSQL that is started for it, instead of files.
        #[arg(long)]
        postgres: bool,
    },
    /// All of these but the backlog and the growth.
    All,
}

/// How to measure.
#[derive(Clone, Copy)]
struct Plan {
    window: Duration,
    windows: u32,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plan = Plan { window: Duration::from_secs(arguments.seconds), windows: arguments.windows };
    if cfg!(debug_assertions) {
        println!("This is a debug build: whatever it prints is no result.");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the machine can run threads");
    let quiet = runtime.block_on(async {
        match arguments.what {
            What::Accept => accept::run(plan).await,
            What::Latency => latency::run(plan).await,
            What::Isolation => isolation::run(plan).await,
            What::Backlog { lanes, events, cluster } => backlog::run(lanes, events, cluster).await,
            What::Growth { postgres } => growth::run(plan, postgres).await,
            What::All => {
                let accept = accept::run(plan).await;
                let latency = latency::run(plan).await;
                let isolation = isolation::run(plan).await;
                accept && latency && isolation
            }
        }
    });
    if quiet && !cfg!(debug_assertions) {
        ExitCode::SUCCESS
    } else {
        println!(
            "\nNOT A RESULT: the windows differ too much (or this is no release build). Run it on a quiet machine."
        );
        ExitCode::from(2)
    }
}
