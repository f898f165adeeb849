//! Writing transactions down before they are sent.
//!
//! Whoever must not do a thing twice, even after a crash between sending a transaction and learning
//! of its effects, keeps a journal. There is one rule for what a journal may forget:
//! [`SuiError::leaves_outcome_open`] is false, or the effects are known.

use super::SignedTransaction;
use crate::error::SuiError;

/// Where transactions are written down.
pub trait Journal: Send + Sync {
    /// Writes down a transaction that is about to be sent, durably; if this fails, it is not sent.
    /// It takes the place of an earlier one of the same call, which then can no longer be executed.
    fn record(&self, transaction: &SignedTransaction) -> Result<(), SuiError>;

    /// What was written down last had no effect but gas, and never will have one.
    fn forget(&self);
}

/// For transactions that do no harm if they are lost or done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecorded;

impl Journal for Unrecorded {
    fn record(&self, _: &SignedTransaction) -> Result<(), SuiError> {
        Ok(())
    }

    fn forget(&self) {}
}
