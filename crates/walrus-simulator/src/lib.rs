//! Whole networks in one thread: storage nodes, clients and the chain live random histories in
//! virtual time.
//!
//! A history comes from a seed alone: who does what and when, which packet is late, which process
//! dies, what a disk loses. The code that runs is the product's, down to HTTP and BLS signatures;
//! only the world around it is made up: time, chance and threads by [`ambient`], the network and
//! the way to the chain by this crate, disks by [`walrus_node::storage::simulated`]. In the end
//! everything that was wrong heals, and it is checked that nothing is lost.
//!
//! The same seed gives the same history, so a seed that fails fails again:
//!
//! ```text
//! cargo run -p walrus-simulator -- --first-seed 42 --seeds 1 --trace
//! ```
//!
//! Virtual time passes when nobody has anything to do, so that minutes of pauses and time-outs take
//! no time.

mod base;
mod chain;
mod check;
mod event;
mod malicious;
mod network;
mod node;
mod trace;
mod user;
mod world;

use std::{
    thread,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;

use base::Base;
pub use event::{Event, UnknownEvent};
use trace::Trace;
use world::World;

/// Stack of a simulation: deep Move calls recurse.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Histories begin so long after the network was made.
const BASE_AGE: Duration = Duration::from_secs(60 * 60);

/// How histories are made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many things happen before everything heals.
    pub steps: u32,
    /// Show every line of the trace on stderr.
    pub trace: bool,
    /// Let all disks say that they have synced when they have not, which nothing can survive: the
    /// checks must notice.
    pub disks_lie: bool,
    /// The one fault there is, which happens the more often; all of them if there is none.
    pub only: Option<Event>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steps: 60,
            trace: false,
            disks_lie: false,
            only: None,
        }
    }
}

/// What became of one history.
#[derive(Debug, Clone)]
pub struct HistoryOutcome {
    /// Its seed.
    pub seed: u64,
    /// Stands for everything that has happened.
    pub digest: u64,
    /// How many things have happened.
    pub events: u64,
    /// How long it lasted, by its own clock.
    pub duration: Duration,
    /// Operations of users that came to a good end.
    pub done: u64,
    /// Operations of users that failed.
    pub failed: u64,
    /// Checkpoints of the chain.
    pub checkpoints: u64,
    /// What is wrong in the end, and what happened last.
    pub failure: Option<Failure>,
}

/// Why a history is not a good one.
#[derive(Debug, Clone)]
pub struct Failure {
    /// In words.
    pub reason: String,
    /// The last lines of the trace.
    pub lines: Vec<String>,
}

/// Makes histories. What they have in common is made once.
pub struct Simulator {
    base: Base,
}

impl Simulator {
    /// Deploys the contracts and registers the nodes.
    pub fn new() -> anyhow::Result<Self> {
        let base = alone(|| simulate(0, base::began(), Base::create()))??;
        Ok(Self { base })
    }

    /// Makes the history of a seed.
    pub fn run(&self, seed: u64, options: Options) -> anyhow::Result<HistoryOutcome> {
        let began = base::began() + BASE_AGE;
        alone(|| simulate(seed, began, history(&self.base, seed, options)))?
    }
}

/// Runs on a thread with room for deep calls, on which nothing has happened before.
fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("the simulation panicked"))
    })
}

fn simulate<T>(
    seed: u64,
    began: SystemTime,
    history: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .context("cannot make a runtime")?;
    runtime.block_on(async {
        let _simulation = ambient::Simulation::enter(seed, began);
        history.await
    })
}

async fn history(base: &Base, seed: u64, options: Options) -> anyhow::Result<HistoryOutcome> {
    let trace = Trace::new(options.trace);
    let mut world = World::begin(base, seed, options, trace.clone()).await?;
    for _ in 0..options.steps {
        world.step().await?;
    }
    world.heal().await?;
    let failure = check::check(&mut world).await.err().map(|reason| Failure {
        reason,
        lines: trace.lines(),
    });
    let known = world.known.lock();
    Ok(HistoryOutcome {
        seed,
        digest: trace.digest(),
        events: trace.count(),
        duration: trace.elapsed(),
        done: known.done,
        failed: known.failed,
        checkpoints: world.chain_height(),
        failure,
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::user::Action;

    /// Changes of a disk while a small blob is stored, certified and its event processed; more are
    /// another blob's.
    const CHANGES: u32 = 24;

    /// Wherever a node is cut off while it stores a blob, it comes back with all that it has
    /// signed.
    #[test]
    fn a_node_is_cut_off_at_every_change_of_its_disk() {
        let simulator = Simulator::new().expect("the contracts can be deployed");
        let live = async {
            let trace = Trace::new(false);
            let mut world = World::begin(&simulator.base, 3, Options::default(), trace).await?;
            for changes in 0..CHANGES {
                let length = 1 + usize::try_from(changes)? * 100;
                world.nodes[0].disk.stop_after(changes);
                world.users[0].begin(Action::Store {
                    bytes: vec![u8::try_from(changes)?; length],
                    epochs: 15,
                    deletable: false,
                });
                while world.users[0].is_busy() {
                    sleep(Duration::from_secs(1)).await;
                }
                world.nodes[0].crash(&mut ambient::rng()).await;
                world.nodes[0].start()?;
            }
            world.heal().await?;
            check::check(&mut world).await.map_err(anyhow::Error::msg)?;
            let known = world.known.lock();
            assert_eq!((known.done, known.failed), (CHANGES.into(), 0));
            Ok(())
        };
        alone(|| simulate(3, base::began() + BASE_AGE, live))
            .expect("it does not panic")
            .expect("everything is well");
    }

    /// Reads that fail for good are no better than writes that do: a node must not stay as if it
    /// followed the chain.
    #[test]
    fn a_node_whose_disk_is_gone_gives_up() {
        let simulator = Simulator::new().expect("the contracts can be deployed");
        let live = async {
            let world =
                World::begin(&simulator.base, 1, Options::default(), Trace::new(false)).await?;
            sleep(Duration::from_secs(30)).await;
            let node = &world.nodes[0];
            assert_eq!(node.failure(), None);
            // Whoever mounts a disk anew takes it away.
            drop(node.disk.mount());
            let fails = async {
                while node.failure().is_none() {
                    sleep(Duration::from_secs(1)).await;
                }
            };
            timeout(Duration::from_secs(300), fails).await?;
            Ok(())
        };
        alone(|| simulate(1, base::began() + BASE_AGE, live))
            .expect("it does not panic")
            .expect("the node gives up");
    }
}
