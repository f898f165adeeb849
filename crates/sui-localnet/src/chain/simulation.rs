//! Simulations: executions that nobody keeps, beside the executor, a few at a time, for a limited
//! time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sui_sdk_types::Transaction;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    EXECUTOR_STACK_BYTES, RunError,
    seal::{SealedAt, record},
    worker::{SubmitError, environment},
};
use crate::{
    execution::{CommandOutput, Engine, Mode},
    ledger::{Ledger, StoreError, Tip, TransactionRecord, View},
};

/// Simulations that run at the same time; more wait.
const RUNNING_MAX: usize = 4;
/// Longest that one simulation runs.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(30);
/// How often a simulation begins anew because the chain changed what it had read.
const ATTEMPTS_MAX: usize = 3;

/// The outcome of a simulation.
pub(crate) struct Simulated {
    /// What would be recorded, with its place in the chain left zero.
    pub(crate) record: TransactionRecord,
    /// Object versions it read or would write.
    pub(crate) objects: Vec<sui_sdk_types::Object>,
    /// What each command returned.
    pub(crate) outputs: Vec<CommandOutput>,
}

/// Starts simulations.
pub(super) struct Simulations {
    ledger: Arc<Ledger>,
    engine: Arc<Engine>,
    running: Arc<Semaphore>,
}

impl Simulations {
    pub(super) fn new(ledger: Arc<Ledger>, engine: Arc<Engine>) -> Self {
        Self {
            ledger,
            engine,
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }

    /// Runs `job` on a thread of its own. It is told to stop when its time is over, when the chain
    /// shuts down, and when the caller drops the future.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        stopping: &CancellationToken,
        job: impl FnOnce(&Simulator) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let stopped = stopping.cancelled();
        tokio::pin!(stopped);
        let permit = tokio::select! {
            biased;
            permit = Arc::clone(&self.running).acquire_owned() => permit,
            () = &mut stopped => return Err(RunError::Stopped),
        };
        let permit = permit.map_err(|_| RunError::Stopped)?;
        let stop = StopOnDrop(Arc::default());
        let simulator = Simulator {
            ledger: Arc::clone(&self.ledger),
            engine: Arc::clone(&self.engine),
            stop: Arc::clone(&stop.0),
        };
        let (answer, result) = oneshot::channel();
        ambient::run_beside("simulation", EXECUTOR_STACK_BYTES, move || {
            let done = job(&simulator);
            drop(simulator);
            drop(permit);
            // A caller that went away needs no answer.
            let _ = answer.send(done);
        })
        .map_err(|error| {
            tracing::error!(%error, "cannot start a thread for a simulation");
            RunError::Defect
        })?;
        tokio::select! {
            biased;
            result = result => result.map_err(|_| RunError::Defect),
            () = tokio::time::sleep(TIME_MAX) => Err(RunError::TooLong),
            () = &mut stopped => Err(RunError::Stopped),
        }
    }

    /// Waits until no simulation runs.
    pub(super) async fn ended(&self) {
        let all = u32::try_from(RUNNING_MAX).expect("a few");
        let _ = self.running.acquire_many(all).await;
    }
}

/// Tells a simulation to stop when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lives on the thread of one simulation.
pub(crate) struct Simulator {
    ledger: Arc<Ledger>,
    engine: Arc<Engine>,
    stop: Arc<AtomicBool>,
}

impl Simulator {
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether nobody waits for the outcome any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn tip(&self) -> Result<Tip, StoreError> {
        self.ledger
            .tip()
            .ok_or_else(|| StoreError::corrupt("the chain has no genesis"))
    }

    /// Executes without committing. The chain goes on meanwhile: if it changes what was read, the
    /// simulation begins anew.
    pub(crate) fn simulate(
        &self,
        transaction: &Transaction,
        mode: Mode,
    ) -> Result<Simulated, SubmitError> {
        let mut attempt = 1;
        loop {
            let view = View::recording(&self.ledger);
            let env = environment(&self.tip()?);
            let stop = Some(Arc::clone(&self.stop));
            let executed = self
                .engine
                .execute_until(&view, &env, transaction, mode, stop);
            view.check()?;
            if attempt < ATTEMPTS_MAX && !self.is_stopped() && !view.is_current()? {
                attempt += 1;
                continue;
            }
            let executed = executed?;
            let objects = executed.inputs.iter().chain(&executed.written);
            return Ok(Simulated {
                objects: objects.cloned().collect(),
                outputs: executed.command_outputs.clone(),
                record: record(
                    transaction.clone(),
                    Vec::new(),
                    &executed,
                    SealedAt::default(),
                ),
            });
        }
    }
}
