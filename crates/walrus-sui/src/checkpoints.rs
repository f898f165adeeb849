//! Checkpoints that prove themselves: signed by the validators, with everything that follows from
//! the signature.
//!
//! The validators sign a summary. It names the digest of the contents, the contents name the
//! digests of transactions and effects in order, and effects name the digest of the events. Whoever
//! knows the committee of the epoch needs to believe no full node. [`Validators`] knows it.

mod known;
mod validators;

use stdx::root_cause;
use sui_crypto::bls12381::ValidatorCommitteeSignatureVerifier;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{
    CheckpointContents, CheckpointSummary, Digest, Event, TransactionEffects, TransactionEvents,
    ValidatorAggregatedSignature,
};

pub use self::validators::{Trust, Validators};

/// What a full node has to send with a checkpoint, so that its events are proven.
pub(crate) const MASK: &str = "sequence_number,summary.bcs,signature,contents.bcs,\
                               transactions.effects.bcs,transactions.events.bcs";
/// What it has to send so that the summary is.
const SUMMARY_MASK: &str = "sequence_number,summary.bcs,signature";

/// A checkpoint whose events the validators have signed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proven {
    pub(crate) summary: CheckpointSummary,
    /// All transactions in order, with their events.
    pub(crate) transactions: Vec<(Digest, Vec<Event>)>,
}

/// Why a checkpoint is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("the full node left out {0}")]
    Missing(&'static str),
    #[error("{what} cannot be understood: {reason}")]
    Malformed { what: &'static str, reason: String },
    #[error("it is checkpoint {got} instead of {expected}")]
    OtherNumber { expected: u64, got: u64 },
    #[error("it is of epoch {got}, and the committee is of epoch {expected}")]
    OtherEpoch { expected: u64, got: u64 },
    #[error("the validators have not signed it: {0}")]
    Signature(String),
    #[error("its contents are not those that the validators signed")]
    Contents,
    #[error("it came with {got} transactions and has {expected}")]
    Count { expected: usize, got: usize },
    #[error("the effects of its transaction {0} are not those that the validators signed")]
    Effects(usize),
    #[error("the events of its transaction {0} are not those that the validators signed")]
    Events(usize),
}

impl Flaw {
    fn malformed(what: &'static str, reason: &impl ToString) -> Self {
        Self::Malformed {
            what,
            reason: reason.to_string(),
        }
    }
}

/// What a full node says is the summary of a checkpoint. Only good for finding out whose
/// signature it needs.
pub(crate) fn claimed_summary(checkpoint: &proto::Checkpoint) -> Result<CheckpointSummary, Flaw> {
    let summary = checkpoint.summary_opt().and_then(|it| it.bcs_opt());
    decode(summary, "the summary")
}

/// The summary of checkpoint `expected`, if the committee has signed it.
pub(crate) fn prove_summary(
    checkpoint: &proto::Checkpoint,
    expected: u64,
    committee: &ValidatorCommitteeSignatureVerifier,
) -> Result<CheckpointSummary, Flaw> {
    let summary = claimed_summary(checkpoint)?;
    if summary.sequence_number != expected {
        return Err(Flaw::OtherNumber {
            expected,
            got: summary.sequence_number,
        });
    }
    let epoch = committee.committee().epoch;
    if summary.epoch != epoch {
        return Err(Flaw::OtherEpoch {
            expected: epoch,
            got: summary.epoch,
        });
    }
    let signature = checkpoint
        .signature_opt()
        .ok_or(Flaw::Missing("the signature"))?;
    let signature = ValidatorAggregatedSignature::try_from(signature)
        .map_err(|error| Flaw::malformed("the signature", &error))?;
    committee
        .verify_checkpoint_summary(&summary, &signature)
        .map_err(|error| Flaw::Signature(root_cause(&error)))?;
    Ok(summary)
}

/// Checkpoint `expected` with its events, if the committee has signed all of it.
pub(crate) fn prove(
    checkpoint: &proto::Checkpoint,
    expected: u64,
    committee: &ValidatorCommitteeSignatureVerifier,
) -> Result<Proven, Flaw> {
    let summary = prove_summary(checkpoint, expected, committee)?;
    let contents = checkpoint.contents_opt().and_then(|it| it.bcs_opt());
    let contents: CheckpointContents = decode(contents, "the contents")?;
    if contents.digest() != summary.content_digest {
        return Err(Flaw::Contents);
    }
    let (infos, told) = (contents.transactions(), checkpoint.transactions());
    if infos.len() != told.len() {
        return Err(Flaw::Count {
            expected: infos.len(),
            got: told.len(),
        });
    }
    let mut transactions = Vec::with_capacity(infos.len());
    for (index, (info, told)) in infos.iter().zip(told).enumerate() {
        let effects = told.effects_opt().and_then(|it| it.bcs_opt());
        let effects: TransactionEffects = decode(effects, "effects")?;
        if effects.digest() != *info.effects() || effects.transaction_digest() != info.transaction()
        {
            return Err(Flaw::Effects(index));
        }
        let events = events(told, effects.events_digest(), index)?;
        transactions.push((*info.transaction(), events));
    }
    Ok(Proven {
        summary,
        transactions,
    })
}

/// The events of a transaction whose effects name `digest`; no digest means that there are none.
fn events(
    told: &proto::ExecutedTransaction,
    digest: Option<&Digest>,
    index: usize,
) -> Result<Vec<Event>, Flaw> {
    let Some(digest) = digest else {
        // What a full node adds to this is not looked at: nothing of it is used.
        return Ok(Vec::new());
    };
    let events = told.events_opt().and_then(|it| it.bcs_opt());
    let events: TransactionEvents = decode(events, "events")?;
    if events.digest() != *digest {
        return Err(Flaw::Events(index));
    }
    Ok(events.0)
}

fn decode<T: serde::de::DeserializeOwned>(
    bytes: Option<&proto::Bcs>,
    what: &'static str,
) -> Result<T, Flaw> {
    let bytes = bytes.and_then(|bytes| bytes.value.as_ref());
    let bytes = bytes.ok_or(Flaw::Missing(what))?;
    bcs::from_bytes(bytes).map_err(|error| Flaw::malformed(what, &error))
}

#[cfg(test)]
mod tests;
