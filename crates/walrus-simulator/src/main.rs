//! `walrus-simulator`: makes histories from seeds, and says which went wrong.
//!
//! Every seed gets a process of its own, so that nothing that has happened before can tell it from
//! itself.

mod chance;

use std::{
    num::NonZeroUsize,
    process::{Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Instant,
};

use anyhow::Context as _;
use clap::Parser;
use stdx::Mutex;
use walrus_simulator::{Event, HistoryOutcome, Options, Simulator};

/// Lives through random histories of whole networks, each from a seed
#[derive(Debug, Parser)]
#[command(version, args_override_self = true)]
struct Arguments {
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first_seed: u64,
    /// How many seeds
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    seeds: u64,
    /// How many things happen in each history before everything heals
    #[arg(long, value_name = "COUNT", default_value_t = Options::default().steps)]
    steps: u32,
    /// Histories at a time
    #[arg(long, value_name = "COUNT", default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// Show everything that happens; for one seed
    #[arg(long)]
    trace: bool,
    /// Let all disks lie about what they have synced, so that histories go wrong
    #[arg(long)]
    disks_lie: bool,
    /// Let only this happen of all that can go wrong, and more often
    #[arg(long, value_name = "FAULT")]
    only: Option<Event>,
    /// Go on after a failure
    #[arg(long)]
    keep_going: bool,
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            steps: self.steps,
            trace: self.trace,
            disks_lie: self.disks_lie,
            only: self.only,
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.seeds == 1 {
        return one(&arguments);
    }
    many(&arguments)
}

/// Makes the history of one seed.
fn one(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .without_time()
            .init();
    }
    let seed = arguments.first_seed;
    let outcome = Simulator::new()?.run(seed, arguments.options())?;
    println!("{}", describe(&outcome));
    let Some(failure) = &outcome.failure else {
        return Ok(ExitCode::SUCCESS);
    };
    if !arguments.trace {
        for line in &failure.lines {
            eprintln!("{line}");
        }
    }
    eprintln!("seed {seed} failed: {}", failure.reason);
    let only = arguments.only.map(|only| format!(" --only {only}"));
    eprintln!(
        "replay it with: cargo run -p walrus-simulator -- --first-seed {seed} --steps {}{} --trace",
        arguments.steps,
        only.unwrap_or_default()
    );
    Ok(ExitCode::FAILURE)
}

/// Makes the histories of many seeds, each in a process of its own.
fn many(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let began = Instant::now();
    let next = AtomicU64::new(arguments.first_seed);
    let end = arguments.first_seed.saturating_add(arguments.seeds);
    let is_over = AtomicBool::new(false);
    let failed = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let history = Command::new(&program)
                .args(["--first-seed", &seed.to_string()])
                .args(["--steps", &arguments.steps.to_string()])
                .args(arguments.disks_lie.then_some("--disks-lie"))
                .args(arguments.only.map(|only| format!("--only={only}")))
                .stdin(Stdio::null())
                .status();
            if !history
                .context("cannot start this program again")?
                .success()
            {
                failed.lock().push(seed);
                is_over.store(!arguments.keep_going, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs.get())
            .map(|_| scope.spawn(work))
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let outcome = worker.join();
            outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("a worker panicked")))
        })
    })?;
    let mut failed = failed.into_inner();
    failed.sort_unstable();
    let made = next.load(Ordering::Relaxed).min(end) - arguments.first_seed;
    eprintln!(
        "{made} histories in {:.0?}, {} of them failed",
        began.elapsed(),
        failed.len()
    );
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("failed seeds: {failed:?}");
    Ok(ExitCode::FAILURE)
}

fn describe(outcome: &HistoryOutcome) -> String {
    let end = match outcome.failure {
        Some(_) => "FAILED",
        None => "well",
    };
    format!(
        "seed {} {end} {:016x}: {} s, {} events, {} checkpoints, {} operations, {} more failed",
        outcome.seed,
        outcome.digest,
        outcome.duration.as_secs(),
        outcome.events,
        outcome.checkpoints,
        outcome.done,
        outcome.failed
    )
}
