//! Transactions of one account with the Walrus contracts.

mod attributes;
mod blobs;
mod call;
mod epoch;
mod event_blobs;
mod exchange;
mod governance;
mod key_servers;
mod nodes;
mod operators;
mod peripheral;
mod policies;
mod publish;
mod staking;
mod tip;
mod upgrade;

use futures::future::BoxFuture;
use walrus_contracts::abort::{
    ContractError,
    walrus::{StakingError, SystemError},
};
use walrus_core::{Frost, SuiAddress};

pub use self::{
    attributes::{EXTENSIONS_PER_TRANSACTION_MAX, Shared},
    blobs::{BlobToCertify, BlobToRegister, Persistence, Receipt, Registered, StorageSource},
    call::{Call, Proof},
    event_blobs::EventBlobAttestation,
    exchange::exchange_for_wal,
    governance::{NewProposal, Vote, Voter},
    key_servers::{
        CommitteeMemberEntry, committee_registration, committee_rotation, key_server_registration,
    },
    nodes::{
        COMMISSION_RATE_MAX, NodeDescription, NodeRegistration, NodeVotes, RegisteredNode,
        VoteChanges,
    },
    operators::{NodeChanges, NodeRight},
    peripheral::{
        CreditRates, GovernanceInit, Managed, NodeSubsidies, credits_creation, exchange_creation,
        governance_creation, subsidies_creation, subsidies_funding,
    },
    policies::{
        Decision, ListingRef, Membership, Offer, PolicyKind, PolicyObjects, allowlist_change,
        allowlist_creation, board_creation, board_decision, gate_creation, holder_creation,
        holder_transfer, market_creation, market_purchase, market_terms, policy_transfer,
        subscription_creation, subscription_price, subscription_purchase, subscription_revocation,
    },
    publish::{
        InitObjects, InitParams, Initialized, Published, initialization, initialized, publication,
        published,
    },
    staking::STAKES_PER_TRANSACTION_MAX,
    tip::tip,
    upgrade::{
        GovernanceUpgradeAuthority, UpgradeAuthority, UpgradePlan, Upgraded, governance_upgrade,
        migration, owned_upgrade, upgraded,
    },
};
pub use crate::{deployment::GovernanceRefs, reader::Attributes};
use crate::{
    error::{MoveAbort, SuiError},
    executor::{Executed, Executor, Journal, Paid, Priced, Source, Unrecorded},
    reader::SuiReader,
    signer::Signer,
};

/// Calls the Walrus contracts in the name of one account.
///
/// Transactions are executed one after another and are in a checkpoint when a method returns.
/// Clones share the account and its queue.
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

    /// Executes a call; every transaction is written down in `journal` before it is sent.
    ///
    /// When the contracts were upgraded or prices changed since the state was read, it is read
    /// again and the transaction built anew.
    pub async fn submit(&self, call: &Call, journal: &dyn Journal) -> Result<Paid, SuiError> {
        let source = OnContracts {
            contract: self,
            call,
        };
        self.executor.submit_from(&source, journal).await
    }

    /// Executes a call; what was read of the contracts before is forgotten.
    pub async fn execute(&self, call: &Call) -> Result<Executed, SuiError> {
        let paid = self.submit(call, &Unrecorded).await?;
        self.reader.refresh().await;
        Ok(paid.executed)
    }
}

/// A call of the contracts as they are now.
struct OnContracts<'a> {
    contract: &'a WalrusContract,
    call: &'a Call,
}

impl Source for OnContracts<'_> {
    fn read(&self, anew: bool) -> BoxFuture<'_, Result<Priced, SuiError>> {
        let reader = &self.contract.reader;
        Box::pin(async move {
            if anew {
                reader.refresh().await;
            }
            self.call.price(reader, self.contract.address()).await
        })
    }

    fn is_outdated(&self, error: &SuiError, cost: Frost) -> bool {
        is_outdated_state(error, cost)
    }
}

/// Aborts that say our view of the contracts is old: another version, or prices that moved after we
/// computed the exact sum (then the payment is too small, or something is left of it).
fn is_outdated_state(error: &SuiError, cost: Frost) -> bool {
    let wrong_version = matches!(
        error.contract_error(),
        Some(
            ContractError::System(SystemError::WrongVersion)
                | ContractError::Staking(StakingError::WrongVersion)
        )
    );
    let framework = error.move_abort().and_then(MoveAbort::explanation);
    let wrong_price = framework.is_some_and(|abort| {
        abort.package == "sui"
            && abort.module == "balance"
            && ["ENonZero", "ENotEnough"].contains(&abort.name)
    });
    wrong_version || (cost > Frost(0) && wrong_price)
}
