//! What can go wrong between us and the chain.

mod abort;
mod failure;

use std::fmt;

use sui_rpc::proto::sui::rpc::v2::{self as proto, execution_error::ErrorDetails};
use sui_sdk_types::{Digest, StructTag};
use walrus_contracts::abort::ContractError;
use walrus_core::{Epoch, Frost, ObjectId, SuiAddress};

pub use self::{abort::MoveAbort, failure::UpgradeRefusal};

/// A failed read of, or transaction on, the chain.
#[derive(Debug, thiserror::Error)]
pub enum SuiError {
    /// The URL of a full node cannot be used.
    #[error("{url:?} is not the URL of a Sui full node: {reason}")]
    InvalidUrl {
        /// The text given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No URL of a full node is known.
    #[error("no Sui full node is configured; give at least one RPC URL")]
    NoFullNode,
    /// Too few full nodes say the same about the contracts.
    #[error("of {asked} full nodes, fewer than {needed} agree about the contracts: {why}")]
    NoQuorum {
        /// How many have to agree.
        needed: usize,
        /// How many were asked.
        asked: usize,
        /// In what they differ, or why they did not answer.
        why: String,
    },
    /// A call failed on every full node.
    #[error("Sui full node {url}: {method} failed: {}", status_text(.status))]
    Rpc {
        /// The full node asked last.
        url: String,
        /// The remote procedure.
        method: &'static str,
        /// Its answer.
        status: Box<tonic::Status>,
    },
    /// The chain has no such object (any more).
    #[error("object {0} does not exist on this chain")]
    ObjectNotFound(ObjectId),
    /// An object is of another type than needed.
    #[error("object {id} is not {expected} but {found}")]
    UnexpectedType {
        /// The object.
        id: ObjectId,
        /// What it should be.
        expected: &'static str,
        /// Its type.
        found: String,
    },
    /// Bytes from the chain cannot be understood.
    #[error("cannot understand {what} from the chain: {reason}")]
    Decode {
        /// What the bytes should have been.
        what: String,
        /// Why they are not.
        reason: String,
    },
    /// The account has too few WAL.
    #[error("not enough WAL in {address}: need {need}, have {have}")]
    NotEnoughWal {
        /// The paying account.
        address: SuiAddress,
        /// The price.
        need: Frost,
        /// The balance.
        have: Frost,
    },
    /// The account has too few SUI for gas.
    #[error("not enough SUI in {address} to pay for gas: {detail}")]
    NotEnoughSui {
        /// The paying account.
        address: SuiAddress,
        /// What the full node says.
        detail: String,
    },
    /// The account has enough coins, but too many of them are needed at once.
    #[error(
        "the {coin} of {address} is spread over too many coins: the largest of them that fit into one transaction hold \
         {usable} of {have} (in its smallest unit), and that is not enough; merge some of them first"
    )]
    CoinsScattered {
        /// The paying account.
        address: SuiAddress,
        /// Name of the coin.
        coin: String,
        /// What the largest coins hold that fit into one transaction, in the smallest unit.
        usable: u64,
        /// What all coins hold that were looked at.
        have: u64,
    },
    /// Storage was asked for too few or too many epochs.
    #[error("storage can be bought for 1 to {max} epochs ahead, not {requested}")]
    InvalidEpochs {
        /// What was asked for, counted from the current epoch.
        requested: u64,
        /// The limit of the system.
        max: u32,
    },
    /// The period a blob is stored for is over.
    #[error("blob object {object} expired at the start of epoch {end_epoch}; now is epoch {epoch}")]
    BlobExpired {
        /// The blob object.
        object: ObjectId,
        /// First epoch in which the blob is not stored.
        end_epoch: Epoch,
        /// The current epoch.
        epoch: Epoch,
    },
    /// The input does not fit what the chain can take.
    #[error("{0}")]
    InvalidInput(String),
    /// The transaction could not be built.
    #[error("cannot build the transaction: {0}")]
    Build(String),
    /// A full node made something else of a transaction than what was asked for.
    #[error(
        "nothing was signed: the transaction that full node {url} answered is not the one that was asked for: \
         {difference}; do not use this full node"
    )]
    NotWhatWasAsked {
        /// The full node.
        url: String,
        /// The first difference.
        difference: String,
    },
    /// A Move function aborted; nothing changed on chain (but gas may be spent).
    #[error("{0}")]
    MoveAbort(MoveAbort),
    /// The transaction failed for another reason than an abort.
    #[error("transaction failed{}: {description}", command_text(*.command))]
    Execution {
        /// Kind of failure as the protocol names it, such as `INSUFFICIENT_GAS`.
        kind: String,
        /// Index of the failed command.
        command: Option<u64>,
        /// Description by the full node.
        description: String,
    },
    /// The transaction did what it should not: its effects lack what we need.
    #[error("transaction {digest} succeeded but {missing}")]
    UnexpectedEffects {
        /// The transaction.
        digest: Digest,
        /// What is missing.
        missing: String,
    },
    /// The chain is younger than what we have seen of it.
    #[error(
        "the chain is at checkpoint {latest} but {cursor} was processed before: it was reset, or the full node \
         belongs to another network"
    )]
    ChainReset {
        /// The checkpoint we processed last.
        cursor: u64,
        /// The latest checkpoint the full node has.
        latest: u64,
    },
    /// The full nodes no longer have checkpoints we need.
    #[error(
        "checkpoint {needed} was pruned: the full node has checkpoints from {lowest} on; add one that keeps more history"
    )]
    Pruned {
        /// The first checkpoint that is needed.
        needed: u64,
        /// The first checkpoint there is.
        lowest: u64,
    },
    /// A checkpoint does not follow from what the validators signed.
    #[error(
        "full node {url} does not prove checkpoint {checkpoint}, nothing of it was used: {reason}"
    )]
    Unproven {
        /// The full node.
        url: String,
        /// The checkpoint that was asked for.
        checkpoint: u64,
        /// What does not fit.
        reason: String,
    },
    /// Who the validators are cannot be found out.
    #[error("checkpoints cannot be proven: {0}")]
    Validators(String),
    /// A new version of a package was refused.
    #[error("{0}")]
    UpgradeRefused(UpgradeRefusal),
    /// The transaction could not be written down, hence was not sent.
    #[error("the transaction was not sent, because it could not be recorded: {0}")]
    NotRecorded(String),
    /// Objects of the transaction kept changing under us.
    #[error("the objects of the transaction are in use by other transactions: {0}")]
    ObjectsInUse(String),
}

impl SuiError {
    /// The abort of a Move function, if that is what happened.
    pub fn move_abort(&self) -> Option<&MoveAbort> {
        match self {
            Self::MoveAbort(abort) => Some(abort),
            _ => None,
        }
    }

    /// True if `module` aborted with `code`.
    pub fn is_abort(&self, module: &str, code: u64) -> bool {
        self.move_abort()
            .is_some_and(|abort| abort.module == module && abort.code == code)
    }

    /// The error of our contracts, if that is what happened.
    pub fn contract_error(&self) -> Option<ContractError> {
        self.move_abort().and_then(MoveAbort::contract_error)
    }

    /// True if the full node says that it has not got what was asked for.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Rpc { status, .. } => status.code() == tonic::Code::NotFound,
            Self::ObjectNotFound(_) => true,
            _ => false,
        }
    }

    /// True for failures of the way to the chain that may pass, as opposed to refusals.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Rpc { status, .. } => is_transient(status),
            Self::ObjectsInUse(_) => true,
            _ => false,
        }
    }

    /// True if a transaction that was sent may have been executed although this came back.
    pub fn leaves_outcome_open(&self) -> bool {
        use tonic::Code;
        match self {
            // With these codes the full node says no; others come from the way to it, or from a
            // fault inside it.
            Self::Rpc { status, .. } => !matches!(
                status.code(),
                Code::InvalidArgument
                    | Code::NotFound
                    | Code::FailedPrecondition
                    | Code::OutOfRange
                    | Code::PermissionDenied
                    | Code::Unauthenticated
                    | Code::Unimplemented
            ),
            Self::Decode { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn decode(what: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Decode {
            what: what.into(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unexpected_type(
        id: ObjectId,
        expected: &'static str,
        found: Option<&StructTag>,
    ) -> Self {
        Self::UnexpectedType {
            id,
            expected,
            found: found.map_or_else(|| "a package".to_owned(), ToString::to_string),
        }
    }

    /// The error in the effects (or the simulation) of a transaction.
    pub(crate) fn from_execution(error: &proto::ExecutionError) -> Self {
        if let Some(abort) = error.abort_opt() {
            return Self::MoveAbort(MoveAbort::new(abort, error.command));
        }
        if let Some(ErrorDetails::PackageUpgradeError(refusal)) = &error.error_details {
            return Self::UpgradeRefused(UpgradeRefusal::new(refusal, error.description()));
        }
        let kind = error.kind();
        let description = match (error.description(), failure::meaning(kind)) {
            ("", None) => kind.as_str_name().to_owned(),
            (text, None) => text.to_owned(),
            ("", Some(meaning)) => meaning.to_owned(),
            (text, Some(meaning)) => format!("{meaning} ({text})"),
        };
        Self::Execution {
            kind: kind.as_str_name().to_owned(),
            command: error.command,
            description,
        }
    }
}

/// True for answers that may be different when asked again or asked elsewhere.
pub(crate) fn is_transient(status: &tonic::Status) -> bool {
    use tonic::Code;
    // A connection that breaks while a call is under way has no code of its own, but a cause: no
    // full node said this.
    let is_broken = status.code() == Code::Unknown && std::error::Error::source(status).is_some();
    is_broken
        || matches!(
            status.code(),
            Code::Unavailable
                | Code::Internal
                | Code::DeadlineExceeded
                | Code::ResourceExhausted
                | Code::Aborted
                | Code::Cancelled
        )
}

/// Full nodes print this when a transaction names an outdated version of an object.
pub(crate) fn is_stale_object(text: &str) -> bool {
    const TEXTS: [&str; 6] = [
        "Transaction needs to be rebuilt because object",
        "is unavailable for consumption",
        "doesn't match the live version",
        "doesn't match the live digest",
        "locked by",
        "reserved for another transaction",
    ];
    TEXTS.iter().any(|needle| text.contains(needle))
}

/// The object that a full node says does not exist.
pub(crate) fn missing_object(text: &str) -> Option<ObjectId> {
    let (before, _) = text.split_once(" not found")?;
    let (_, id) = before.rsplit_once("bject ")?;
    id.parse().ok()
}

fn status_text(status: &tonic::Status) -> String {
    let message = status.message();
    if message.is_empty() {
        return status.code().description().to_owned();
    }
    // Transport failures say "tcp connect error"; the cause below says why.
    let mut text = message.to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

fn command_text(command: Option<u64>) -> String {
    command.map_or_else(String::new, |index| format!(" in command {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_no_of_the_full_node_settles_what_became_of_a_transaction() {
        let rpc = |status| SuiError::Rpc {
            url: "http://a".to_owned(),
            method: "ExecuteTransaction",
            status: Box::new(status),
        };
        for status in [
            tonic::Status::unavailable("gone"),
            tonic::Status::deadline_exceeded("slow"),
            tonic::Status::unknown("?"),
            tonic::Status::internal("?"),
            tonic::Status::from_error("connection reset".into()),
        ] {
            assert!(rpc(status.clone()).leaves_outcome_open(), "{status}");
        }
        for status in [
            tonic::Status::invalid_argument("no"),
            tonic::Status::not_found("no"),
        ] {
            assert!(!rpc(status.clone()).leaves_outcome_open(), "{status}");
        }
        assert!(!SuiError::ObjectsInUse("x".to_owned()).leaves_outcome_open());
    }

    #[test]
    fn broken_connections_are_transient_and_unknown_answers_are_not() {
        let broken = tonic::Status::from_error("connection reset".into());
        assert!(is_transient(&broken), "{broken:?}");
        assert!(!is_transient(&tonic::Status::unknown("no idea")));
    }

    #[test]
    fn missing_objects_are_recognised() {
        let id = ObjectId([7; 32]);
        let text = format!("Object {id} not found");
        assert_eq!(missing_object(&text), Some(id));
        assert_eq!(missing_object("Function not found: blob::no"), None);
        assert_eq!(missing_object("fine"), None);
    }
}
