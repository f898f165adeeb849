//! From executed transactions to a sealed checkpoint.

use std::collections::BTreeSet;

use stdx::SaturatingFrom as _;
use sui_sdk_types::{
    Address, CheckpointContents, CheckpointSummary, CheckpointTransactionInfo, Digest,
    GasCostSummary, ObjectIn, Transaction, TransactionEffects, UserSignature,
};

use crate::{
    execution::Executed,
    ledger::{AppliedTransaction, Block, CheckpointRecord, TransactionRecord, balance_changes},
};

/// Where in the ledger a transaction stands.
#[derive(Clone, Copy, Default)]
pub(crate) struct SealedAt {
    pub(crate) checkpoint: u64,
    pub(crate) index: usize,
    pub(crate) timestamp_ms: u64,
}

/// The record of an executed transaction.
pub(crate) fn record(
    transaction: Transaction,
    signatures: Vec<UserSignature>,
    executed: &Executed,
    sealed_at: SealedAt,
) -> TransactionRecord {
    let replaced = replaced_ids(&executed.effects);
    let before = executed
        .inputs
        .iter()
        .filter(|object| replaced.contains(&object.object_id()));
    let reference = |object: &sui_sdk_types::Object| (object.object_id(), object.version());
    TransactionRecord {
        transaction,
        signatures,
        events: executed.events.clone(),
        checkpoint: sealed_at.checkpoint,
        index: u64::saturating_from(sealed_at.index),
        timestamp_ms: sealed_at.timestamp_ms,
        balance_changes: balance_changes(before, &executed.written),
        inputs: executed.inputs.iter().map(reference).collect(),
        outputs: executed.written.iter().map(reference).collect(),
        effects: executed.effects.clone(),
        failure_detail: executed.failure_detail.clone(),
    }
}

/// Ids of objects that existed before the transaction and were changed by it.
fn replaced_ids(effects: &TransactionEffects) -> BTreeSet<Address> {
    match effects {
        TransactionEffects::V2(effects) => effects
            .changed_objects
            .iter()
            .filter(|change| matches!(change.input_state, ObjectIn::Exist { .. }))
            .map(|change| change.object_id)
            .collect(),
        TransactionEffects::V1(_) => BTreeSet::new(),
    }
}

/// A checkpoint of `transactions` after `previous` (none for genesis).
pub(crate) fn seal_block(
    previous: Option<(&CheckpointSummary, Digest)>,
    timestamp_ms: u64,
    clock_offset_ms: u64,
    transactions: Vec<AppliedTransaction>,
) -> Block {
    let infos = transactions
        .iter()
        .map(|applied| {
            let record = &applied.record;
            CheckpointTransactionInfo::new(
                record.transaction.digest(),
                record.effects.digest(),
                record.signatures.clone(),
            )
        })
        .collect();
    let contents = CheckpointContents::new_v1(infos);
    let count = u64::saturating_from(transactions.len());
    let gas_before = previous.map(|(summary, _)| &summary.epoch_rolling_gas_cost_summary);
    let gas = transactions
        .iter()
        .map(|applied| applied.record.effects.gas_summary())
        .chain(gas_before)
        .fold(GasCostSummary::new(0, 0, 0, 0), |sum, gas| {
            add_gas(&sum, gas)
        });
    let summary = CheckpointSummary {
        epoch: previous.map_or(0, |(summary, _)| summary.epoch),
        sequence_number: previous.map_or(0, |(summary, _)| summary.sequence_number + 1),
        network_total_transactions: count
            .saturating_add(previous.map_or(0, |(summary, _)| summary.network_total_transactions)),
        content_digest: contents.digest(),
        previous_digest: previous.map(|(_, digest)| digest),
        epoch_rolling_gas_cost_summary: gas,
        timestamp_ms,
        checkpoint_commitments: Vec::new(),
        end_of_epoch_data: None,
        version_specific_data: VERSION_SPECIFIC_DATA.to_vec(),
    };
    Block {
        checkpoint: CheckpointRecord { summary, contents },
        transactions,
        clock_offset_ms,
    }
}

/// BCS of the only known version-specific data: variant 0 with an empty list of randomness rounds.
const VERSION_SPECIFIC_DATA: [u8; 2] = [0, 0];

fn add_gas(a: &GasCostSummary, b: &GasCostSummary) -> GasCostSummary {
    GasCostSummary::new(
        a.computation_cost.saturating_add(b.computation_cost),
        a.storage_cost.saturating_add(b.storage_cost),
        a.storage_rebate.saturating_add(b.storage_rebate),
        a.non_refundable_storage_fee
            .saturating_add(b.non_refundable_storage_fee),
    )
}
