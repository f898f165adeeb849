//! The running chain: one thread executes, everybody reads.

mod clock;
mod genesis;
pub(crate) mod seal;
mod simulation;
pub(crate) mod validator;
mod worker;

use std::{sync::Arc, time::Duration};

use simulation::Simulations;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{execution::Engine, ledger::Ledger};

pub use clock::ClockError;
pub(crate) use genesis::Genesis;
pub use genesis::GenesisError;
pub(crate) use simulation::{Simulated, Simulator};
pub(crate) use worker::{SubmitError, Worker};

/// What kind of network clients are told this is.
pub(crate) const CHAIN_NAME: &str = "unknown";
/// Total supply of SUI, in MIST.
pub(crate) const SUI_SUPPLY: u64 = 10_000_000_000_000_000_000;
/// Requests that wait for the executor; more wait at the door.
const JOBS_WAITING_MAX: usize = 256;

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RunError {
    /// The executor takes no more jobs.
    #[error("the chain is shutting down")]
    Stopped,
    /// The job panicked.
    #[error("the request met a defect of the chain; see its log")]
    Defect,
    /// A simulation was stopped.
    #[error("the simulation ran for {} s and was stopped", simulation::TIME_MAX.as_secs())]
    TooLong,
}

/// Why the clock of a running chain did not move.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// It cannot be moved so far, or the checkpoint that moves it could not be stored.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The chain is shutting down, or met a defect of its own.
    #[error("{0}")]
    Interrupted(String),
}

impl AdvanceError {
    pub(crate) fn interrupted(error: RunError) -> Self {
        Self::Interrupted(error.to_string())
    }
}

/// Handle to the running chain.
pub(crate) struct Chain {
    ledger: Arc<Ledger>,
    engine: Arc<Engine>,
    jobs: mpsc::Sender<Job>,
    simulations: Simulations,
    sealed: watch::Receiver<u64>,
    stopping: CancellationToken,
}

impl Chain {
    /// Starts the executor over `ledger`, which has its genesis. Returns the handle and the
    /// executor.
    pub(crate) fn start(
        ledger: Arc<Ledger>,
        engine: Arc<Engine>,
        tip: u64,
        stopping: CancellationToken,
    ) -> std::io::Result<(Self, ambient::Worker)> {
        let (jobs, mut queue) = mpsc::channel::<Job>(JOBS_WAITING_MAX);
        let (sealed_sender, sealed) = watch::channel(tip);
        let mut worker = Worker::new(Arc::clone(&ledger), Arc::clone(&engine), sealed_sender);
        let stop = stopping.clone();
        let serve = async move {
            while let Some(job) = queue.recv().await {
                run_guarded(job, &mut worker);
                if stop.is_cancelled() {
                    break;
                }
            }
        };
        let executor = ambient::spawn_worker("executor", Some(EXECUTOR_STACK_BYTES), serve)?;
        let chain = Self {
            simulations: Simulations::new(Arc::clone(&ledger), Arc::clone(&engine)),
            ledger,
            engine,
            jobs,
            sealed,
            stopping,
        };
        Ok((chain, executor))
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Follows the sequence number of the newest sealed checkpoint.
    pub(crate) fn sealed(&self) -> watch::Receiver<u64> {
        self.sealed.clone()
    }

    /// Completes when the chain begins to shut down.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        self.stopping.clone().cancelled_owned()
    }

    /// Runs `job` on the executor's thread, after the jobs before it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            // A caller that went away needs no answer; the work is done all the same.
            let _ = answer.send(job(worker));
        });
        self.jobs.send(job).await.map_err(|_| RunError::Stopped)?;
        result.await.map_err(|_| {
            if self.stopping.is_cancelled() {
                RunError::Stopped
            } else {
                RunError::Defect
            }
        })
    }

    /// Runs `job` beside the executor, for a limited time and as long as the caller waits for it.
    pub(crate) async fn simulate<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Simulator) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        self.simulations.run(&self.stopping, job).await
    }

    /// Waits until no simulation runs. They stop by themselves when the chain shuts down.
    pub(crate) async fn simulations_ended(&self) {
        self.simulations.ended().await;
    }

    /// Seals an empty checkpoint whenever the interval passes without one, so that time moves and
    /// followers see life. Without an interval the chain stands still between transactions.
    pub(crate) async fn heartbeat(&self, mut interval: watch::Receiver<Option<Duration>>) {
        let mut sealed = self.sealed();
        loop {
            sealed.borrow_and_update();
            let pause = *interval.borrow_and_update();
            let pause = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.stopped() => return,
                changed = sealed.changed() => if changed.is_err() { return },
                changed = interval.changed() => if changed.is_err() { return },
                () = pause => {
                    match self.run(Worker::seal_empty).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::error!(%error, "cannot seal a checkpoint"),
                        Err(RunError::Stopped) => return,
                        Err(error) => tracing::error!(%error, "cannot seal a checkpoint"),
                    }
                }
            }
        }
    }

    /// Moves chain time `ms` milliseconds ahead of where it is, now and from now on.
    pub(crate) async fn advance_clock(&self, ms: u64) -> Result<u64, AdvanceError> {
        let moved = self.run(move |worker| worker.advance_clock(ms)).await;
        Ok(moved.map_err(AdvanceError::interrupted)??)
    }
}

/// Stack of the executor: deep Move call chains and values recurse.
const EXECUTOR_STACK_BYTES: usize = 64 * 1024 * 1024;

/// A defect that panics costs the request that met it, not the chain: nothing is written before it
/// is complete.
fn run_guarded(job: Job, worker: &mut Worker) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(worker)));
    if outcome.is_err() {
        tracing::error!("a request made the executor panic; it is dropped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::MemoryStore;

    #[tokio::test]
    async fn a_panic_costs_one_request_and_a_stop_all_of_them() {
        let ledger = Ledger::open(Box::<MemoryStore>::default()).expect("empty ledger");
        let stopping = CancellationToken::new();
        let (chain, executor) = Chain::start(
            Arc::new(ledger),
            Arc::new(Engine::new()),
            0,
            stopping.clone(),
        )
        .expect("starts");
        let defect: Result<(), RunError> = chain.run(|_| panic!("a defect, on purpose")).await;
        assert_eq!(defect, Err(RunError::Defect));
        assert_eq!(chain.run(|_| 7).await, Ok(7));
        // The stop comes while one job runs and another waits: the first is done in full, the
        // second refused. Before the first has begun, a stop would refuse it too: the executor
        // looks for one after each job.
        let (begin, begun) = oneshot::channel();
        let (release, held) = std::sync::mpsc::channel();
        let stop = async {
            begun.await.expect("the first job begins");
            stopping.cancel();
            release.send(()).expect("the job waits for it");
        };
        let first = chain.run(move |_| {
            begin.send(()).expect("the stop waits for it");
            held.recv()
        });
        let (running, waiting, ()) = tokio::join!(first, chain.run(|_| ()), stop);
        assert_eq!(running, Ok(Ok(())));
        assert_eq!(waiting, Err(RunError::Stopped));
        executor.join().await.expect("ends in order");
        assert_eq!(chain.run(|_| ()).await, Err(RunError::Stopped));
    }
}
