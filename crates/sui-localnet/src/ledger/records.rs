//! What the ledger stores per transaction and per checkpoint. Values are BCS.

use serde::{Deserialize, Serialize};
use sui_sdk_types::{
    Address, BalanceChange, CheckpointContents, CheckpointSummary, Transaction, TransactionEffects,
    TransactionEvents, UserSignature,
};

/// An executed transaction and everything clients may ask about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TransactionRecord {
    /// The transaction as executed.
    pub transaction: Transaction,
    /// The signatures it was admitted with; empty for system transactions.
    pub signatures: Vec<UserSignature>,
    /// What it did.
    pub effects: TransactionEffects,
    /// The events it emitted; `None` when it emitted none.
    pub events: Option<TransactionEvents>,
    /// The checkpoint that contains it.
    pub checkpoint: u64,
    /// Its position in that checkpoint, from 0.
    pub index: u64,
    /// The time of that checkpoint, in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// Net changes of coin balances per owner and coin type.
    pub balance_changes: Vec<BalanceChange>,
    /// Id and version of every object it read or replaced.
    pub inputs: Vec<(Address, u64)>,
    /// Id and version of every object it wrote.
    pub outputs: Vec<(Address, u64)>,
    /// Why it failed, in words, beyond what the effects can say.
    pub failure_detail: Option<String>,
}

/// A sealed checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckpointRecord {
    /// The summary whose digest names the checkpoint.
    pub summary: CheckpointSummary,
    /// The transactions in execution order.
    pub contents: CheckpointContents,
}
