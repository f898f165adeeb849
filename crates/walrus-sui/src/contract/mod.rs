//! Transactions of one account with the Walrus contracts.

mod blobs;
mod call;
mod epoch;
mod governance;
mod nodes;
mod operators;
mod peripheral;
mod publish;
mod staking;
mod upgrade;

use walrus_core::{Frost, SuiAddress};

pub use self::{
    blobs::{BlobToCertify, BlobToRegister, Lifetime, Registered, StorageSource},
    call::{Call, Proof},
    governance::{GovernanceRefs, NewProposal, Vote, Voter},
    nodes::{COMMISSION_RATE_MAX, NodeDescription, NodeRegistration, NodeVotes, RegisteredNode},
    operators::{NodeChanges, NodeRight, VoteChanges},
    peripheral::{
        CreditRates, GovernanceInit, Managed, NodeSubsidies, credits_creation, exchange_creation,
        governance_creation, subsidies_creation, subsidies_funding,
    },
    publish::{
        InitObjects, InitParams, Initialized, Published, initialization, initialized, publication,
        published,
    },
    staking::STAKES_PER_TRANSACTION_MAX,
    upgrade::{
        GovernanceUpgradeAuthority, UpgradeAuthority, UpgradePlan, Upgraded, governance_upgrade,
        migration, owned_upgrade, upgrade_command, upgraded,
    },
};
use crate::{
    error::SuiError,
    executor::{Executed, Executor, SignedTransaction},
    ptb::{ContractRefs, Ptb},
    reader::{ContractState, SuiReader},
    signer::Signer,
};

/// How often a transaction is built on newly read state, because prices or the package changed.
const STATE_READS_MAX: u32 = 3;

/// What sees a signed transaction before it is sent, and can keep it from being sent.
type Recorder<'a> = dyn Fn(&SignedTransaction) -> Result<(), SuiError> + Send + Sync + 'a;

/// Calls the Walrus contracts in the name of one account.
///
/// Transactions are executed one after another and are in a checkpoint when a method returns. Clones share
/// the account and its queue.
#[derive(Debug, Clone)]
pub struct WalrusContract {
    reader: SuiReader,
    executor: Executor,
}

impl WalrusContract {
    /// Signs with `signer`; gas is estimated by simulation.
    pub fn new(reader: SuiReader, signer: Signer) -> Self {
        let executor = Executor::new(reader.rpc().clone(), signer);
        Self::with_executor(reader, executor)
    }

    /// Uses an executor with other options.
    pub fn with_executor(reader: SuiReader, executor: Executor) -> Self {
        Self { reader, executor }
    }

    /// The account.
    pub fn address(&self) -> SuiAddress {
        self.executor.address()
    }

    /// Reads of the same deployment.
    pub fn reader(&self) -> &SuiReader {
        &self.reader
    }

    /// Transactions outside the deployment.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// Executes the transaction that `commands` builds and that pays the WAL `commands` returns.
    ///
    /// When the contracts were upgraded or prices changed since the state was read, it is read again and the
    /// transaction built anew.
    async fn run(
        &self,
        commands: impl Fn(&mut Ptb<'_>, &ContractState) -> Result<Frost, SuiError> + Send + Sync,
    ) -> Result<Paid, SuiError> {
        self.run_recorded(commands, &|_| Ok(())).await
    }

    /// The same; `record` sees every signed transaction before it is sent.
    async fn run_recorded(
        &self,
        commands: impl Fn(&mut Ptb<'_>, &ContractState) -> Result<Frost, SuiError> + Send + Sync,
        record: &Recorder<'_>,
    ) -> Result<Paid, SuiError> {
        let mut attempt = 0;
        loop {
            let state = self.reader.contract_state().await?;
            let refs = self.reader.refs().await?;
            let cost = commands(&mut Ptb::new(&refs), &state)?;
            let error = match self.attempt(&refs, &state, &commands, record).await {
                Ok(executed) => return Ok(Paid { executed, cost }),
                Err(error) => error,
            };
            attempt += 1;
            if is_outdated_state(&error, cost) && attempt < STATE_READS_MAX {
                tracing::debug!(%error, "reading the contracts again");
                self.reader.refresh().await;
                continue;
            }
            return Err(explain(&self.reader, self.address(), error, cost).await);
        }
    }

    async fn attempt(
        &self,
        refs: &ContractRefs,
        state: &ContractState,
        commands: &(impl Fn(&mut Ptb<'_>, &ContractState) -> Result<Frost, SuiError> + Send + Sync),
        record: &Recorder<'_>,
    ) -> Result<Executed, SuiError> {
        let build = || {
            let mut ptb = Ptb::new(refs);
            commands(&mut ptb, state)?;
            Ok(ptb.finish())
        };
        self.executor.run_recorded(build, record).await
    }
}

/// A transaction that cannot be built although it should is one that cannot be paid.
async fn explain(reader: &SuiReader, sender: SuiAddress, error: SuiError, cost: Frost) -> SuiError {
    let may_be_funds = matches!(error, SuiError::Build(_) | SuiError::Execution { .. });
    if cost == Frost(0) || !may_be_funds {
        return error;
    }
    match reader.wal_balance(sender).await {
        Ok(have) if have < cost => SuiError::NotEnoughWal {
            address: sender,
            need: cost,
            have,
        },
        _ => error,
    }
}

/// An executed transaction and the WAL it paid.
struct Paid {
    executed: Executed,
    cost: Frost,
}

/// Aborts that say our view of the contracts is old: another version, or prices that moved after we computed
/// the exact sum (then the payment is too small, or something is left of it).
fn is_outdated_state(error: &SuiError, cost: Frost) -> bool {
    const WRONG_VERSION: u64 = 1;
    const BALANCE_NOT_ZERO: u64 = 0;
    const BALANCE_TOO_SMALL: u64 = 2;
    let wrong_version =
        error.is_abort("system", WRONG_VERSION) || error.is_abort("staking", WRONG_VERSION);
    let wrong_price =
        error.is_abort("balance", BALANCE_NOT_ZERO) || error.is_abort("balance", BALANCE_TOO_SMALL);
    wrong_version || (cost > Frost(0) && wrong_price)
}
