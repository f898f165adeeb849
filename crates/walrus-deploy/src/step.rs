//! Transactions that are done once, whatever happens in between.
//!
//! Before a transaction is sent, the signed transaction is written to the state file; what it did replaces it there.
//! A run that finds such a record sends the very same transaction again, which executes once: it either learns what
//! the earlier run could not write down, or does what that run could not.

use std::sync::Mutex;

use walrus_sui::{Executed, SignedTransaction, SuiError, TransactionBuilder};

use crate::{
    deployer::Deployer,
    error::{DeployError, Step as _},
    state::Pending,
};

impl Deployer {
    /// Executes the transaction of `step`, or finishes the one that an earlier run recorded for it. The caller puts
    /// what it did into the progress and calls [`Deployer::finish_step`].
    pub(crate) async fn execute(
        &mut self,
        step: &str,
        commands: impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync,
    ) -> Result<Executed, DeployError> {
        if let Some(executed) = self.recover(step).await? {
            return Ok(executed);
        }
        let state = self.state();
        let last = Mutex::new(None);
        let record = |signed: &SignedTransaction| {
            let pending = Pending {
                step: step.to_owned(),
                transaction: signed.clone(),
            };
            *last
                .lock()
                .expect("no thread panics while it holds the lock") = Some(pending.clone());
            state
                .save_pending(pending)
                .map_err(|error| SuiError::NotRecorded(error.to_string()))
        };
        let result = self.executor().run_recorded(commands, record).await;
        let pending = last
            .into_inner()
            .expect("no thread panics while it holds the lock");
        match &result {
            Ok(_) => {}
            Err(error) if has_no_effects(error) => self.finish_step()?,
            // Whether it was executed is not known.
            Err(_) => self.progress_mut().pending = pending,
        }
        result.step(step)
    }

    /// Writes down what a step did, and forgets its transaction.
    pub(crate) fn finish_step(&mut self) -> Result<(), DeployError> {
        self.progress_mut().pending = None;
        self.save()
    }

    /// Whether an earlier run may have sent the transaction of `step`.
    pub(crate) fn is_pending(&self, step: &str) -> bool {
        let pending = self.state().progress.pending.as_ref();
        pending.is_some_and(|pending| pending.step == step)
    }

    /// What the recorded transaction of `step` did; `None` if there is none that had, or can still have, effects.
    async fn recover(&mut self, step: &str) -> Result<Option<Executed>, DeployError> {
        let Some(pending) = self.state().progress.pending.clone() else {
            return Ok(None);
        };
        let executed = match self.executor().resume(&pending.transaction).await {
            Err(error) if has_no_effects(&error) => None,
            result => result.step(format!("finishing an interrupted run ({})", pending.step))?,
        };
        if executed.is_some() && pending.step != step {
            return Err(DeployError::Interrupted { step: pending.step });
        }
        if executed.is_some() {
            tracing::info!(step, "an earlier run had sent this transaction");
        } else {
            self.finish_step()?;
        }
        Ok(executed)
    }
}

/// Failures after which a transaction is known to have changed nothing but gas.
fn has_no_effects(error: &SuiError) -> bool {
    matches!(
        error,
        SuiError::MoveAbort(_) | SuiError::Execution { .. } | SuiError::UpgradeRefused(_)
    )
}
