//! Where the commands of a transaction come from.

use futures::future::BoxFuture;
use walrus_core::Frost;

use super::Executed;
use crate::{error::SuiError, transaction::Program};

/// Commands, and the WAL that they pay.
#[derive(Debug, Clone)]
pub(crate) struct Priced {
    pub(crate) program: Program,
    pub(crate) cost: Frost,
}

/// An executed transaction and the WAL that it paid.
#[derive(Debug, Clone)]
pub struct Paid {
    /// What it did.
    pub executed: Executed,
    /// What was paid.
    pub cost: Frost,
}

/// What gives the commands of one transaction, as often as it has to be built.
pub(crate) trait Source: Send + Sync {
    /// The commands. With `anew`, what they depend on is read from the chain again.
    fn read(&self, anew: bool) -> BoxFuture<'_, Result<Priced, SuiError>>;

    /// Whether an error says that what the commands depend on has changed since it was read.
    fn is_outdated(&self, error: &SuiError, cost: Frost) -> bool;
}

impl Source for Program {
    fn read(&self, _: bool) -> BoxFuture<'_, Result<Priced, SuiError>> {
        let program = self.clone();
        let cost = Frost(0);
        Box::pin(async move { Ok(Priced { program, cost }) })
    }

    fn is_outdated(&self, _: &SuiError, _: Frost) -> bool {
        false
    }
}
