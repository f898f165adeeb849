//! Who the validators are, from a first committee on, epoch by epoch.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::join_all;
use sui_crypto::bls12381::ValidatorCommitteeSignatureVerifier;
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{CheckpointSummary, Digest, ValidatorCommittee};
use tokio::sync::Mutex;

use super::{
    Proven, SUMMARY_MASK, claimed_summary,
    known::{Known, next_committee},
    prove, prove_summary,
};
use crate::{error::SuiError, rpc::SuiRpc};

/// Where trust in validators begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Digest of the last checkpoint of a Sui epoch: it names the validators of the next one. If
    /// it is not given, all full nodes are asked once who the validators are, and have to agree.
    pub trusted_checkpoint: Option<Digest>,
    /// Where the committees are written down that were proven since. Without a file they are
    /// forgotten when the process ends.
    pub file: Option<PathBuf>,
}

/// The validators of Sui: proves checkpoints. Cheap to clone.
#[derive(Clone)]
pub struct Validators(Arc<Inner>);

struct Inner {
    trust: Trust,
    /// `None` until it is needed for the first time.
    known: Mutex<Option<Known>>,
    refused: AtomicU64,
}

impl Validators {
    /// Validators that are found out about when first needed.
    pub fn new(trust: Trust) -> Self {
        Self(Arc::new(Inner {
            trust,
            known: Mutex::new(None),
            refused: AtomicU64::new(0),
        }))
    }

    /// How many checkpoints were not used because they were not proven.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Checkpoint `expected` as the full node `url` told it, if it is proven.
    pub(crate) async fn prove(
        &self,
        rpc: &SuiRpc,
        url: &str,
        expected: u64,
        checkpoint: &proto::Checkpoint,
    ) -> Result<Proven, SuiError> {
        let proven = self.prove_from(rpc, url, expected, checkpoint).await;
        if let Err(SuiError::Unproven { .. }) = &proven {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
        }
        proven
    }

    async fn prove_from(
        &self,
        rpc: &SuiRpc,
        url: &str,
        expected: u64,
        checkpoint: &proto::Checkpoint,
    ) -> Result<Proven, SuiError> {
        let unproven = |reason: String| SuiError::Unproven {
            url: url.to_owned(),
            checkpoint: expected,
            reason,
        };
        let claimed = claimed_summary(checkpoint).map_err(|flaw| unproven(flaw.to_string()))?;
        let prove_with = async |known: &mut Known| {
            let committee = self.committee(rpc, known, claimed.epoch).await?;
            let proven = prove(checkpoint, expected, &committee);
            let proven = proven.map_err(|flaw| unproven(flaw.to_string()))?;
            if follow(known, &proven.summary)? {
                self.write(known)?;
            }
            Ok(proven)
        };
        let mut held = self.0.known.lock().await;
        if let Some(known) = &mut *held {
            return prove_with(known).await;
        }
        // Kept only once it has proven something: until then the epoch is what a full node claims.
        let mut known = self.begin(rpc, claimed.epoch).await?;
        let proven = prove_with(&mut known).await?;
        self.write(&known)?;
        *held = Some(known);
        Ok(proven)
    }

    /// The first committee: written down before, or of the trusted checkpoint, or as all full nodes
    /// say.
    async fn begin(&self, rpc: &SuiRpc, epoch: u64) -> Result<Known, SuiError> {
        let Trust {
            trusted_checkpoint,
            file,
        } = &self.0.trust;
        if let Some(path) = file {
            let read = Known::read(path, *trusted_checkpoint).map_err(|reason| {
                SuiError::Validators(format!(
                    "cannot read {}: {reason}; remove the file to begin anew",
                    path.display()
                ))
            })?;
            if let Some(known) = read {
                return Ok(known);
            }
        }
        let committee = match trusted_checkpoint {
            Some(digest) => committee_after(rpc, *digest).await?,
            None => agreed_committee(rpc, epoch).await?,
        };
        tracing::info!(
            epoch = committee.epoch,
            validators = committee.members.len(),
            "checkpoints are proven from this committee of Sui on"
        );
        Known::new(committee).map_err(SuiError::Validators)
    }

    /// The committee of `epoch`, reached over the ends of the epochs before it.
    async fn committee(
        &self,
        rpc: &SuiRpc,
        known: &mut Known,
        epoch: u64,
    ) -> Result<Arc<ValidatorCommitteeSignatureVerifier>, SuiError> {
        loop {
            if let Some(committee) = known.of_epoch(epoch) {
                return Ok(Arc::clone(committee));
            }
            let first = known.first_epoch();
            if epoch < first {
                return Err(SuiError::Validators(format!(
                    "events of Sui epoch {epoch} are needed, but its validators are unknown: the first epoch with \
                     known ones is {first}"
                )));
            }
            let last = Arc::clone(known.last());
            let summary = end_of_epoch(rpc, &last).await?;
            if !follow(known, &summary)? {
                return Err(SuiError::Validators(format!(
                    "checkpoint {} does not end epoch {}",
                    summary.sequence_number, summary.epoch
                )));
            }
            self.write(known)?;
        }
    }

    fn write(&self, known: &Known) -> Result<(), SuiError> {
        let Trust {
            trusted_checkpoint,
            file,
        } = &self.0.trust;
        let Some(path) = file else { return Ok(()) };
        known.write(path, *trusted_checkpoint).map_err(|error| {
            SuiError::Validators(format!("cannot write {}: {error}", path.display()))
        })
    }
}

/// Takes the next committee from a proven summary, if it ends an epoch.
fn follow(known: &mut Known, proven: &CheckpointSummary) -> Result<bool, SuiError> {
    match &proven.end_of_epoch_data {
        Some(end) => known
            .follow(proven.epoch, end)
            .map_err(SuiError::Validators),
        None => Ok(false),
    }
}

/// The committee that every full node which answers names for `epoch`.
async fn agreed_committee(rpc: &SuiRpc, epoch: u64) -> Result<ValidatorCommittee, SuiError> {
    let each = rpc.each();
    let answers = join_all(each.iter().map(|alone| told_committee(alone, epoch))).await;
    let mut agreed: Option<(String, ValidatorCommittee)> = None;
    let mut away = None;
    for (alone, answer) in each.iter().zip(answers) {
        let committee = match answer {
            Ok(committee) => committee,
            Err(error) if error.is_transient() => {
                away = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let url = alone.active_url();
        match &agreed {
            Some((other, first)) if *first != committee => {
                return Err(SuiError::Validators(format!(
                    "the full nodes {other} and {url} name different validators for Sui epoch {epoch}; find out who \
                     is right and configure a trusted checkpoint"
                )));
            }
            Some(_) => {}
            None => agreed = Some((url, committee)),
        }
    }
    match (agreed, away) {
        (Some((_, committee)), _) => Ok(committee),
        (None, Some(error)) => Err(error),
        (None, None) => Err(SuiError::NoFullNode),
    }
}

async fn told_committee(rpc: &SuiRpc, epoch: u64) -> Result<ValidatorCommittee, SuiError> {
    let told = epoch_info(rpc, epoch, "epoch,committee").await?;
    let what = || format!("the committee of Sui epoch {epoch}");
    let committee = told
        .committee_opt()
        .ok_or_else(|| SuiError::decode(what(), "it is missing"))?;
    let committee =
        ValidatorCommittee::try_from(committee).map_err(|error| SuiError::decode(what(), error))?;
    if committee.epoch != epoch {
        return Err(SuiError::decode(what(), "it is of another epoch"));
    }
    Ok(committee)
}

/// The committee that the checkpoint with this digest names.
async fn committee_after(rpc: &SuiRpc, digest: Digest) -> Result<ValidatorCommittee, SuiError> {
    let request = proto::GetCheckpointRequest::by_digest(&digest);
    let checkpoint = get_checkpoint(rpc, request).await?;
    let refused =
        |why: String| SuiError::Validators(format!("the trusted checkpoint {digest} {why}"));
    let summary = claimed_summary(&checkpoint)
        .map_err(|flaw| refused(format!("cannot be read from {}: {flaw}", rpc.active_url())))?;
    if summary.digest() != digest {
        let url = rpc.active_url();
        rpc.rotate();
        return Err(refused(format!("is not what {url} answers for it")));
    }
    let end = summary
        .end_of_epoch_data
        .as_ref()
        .ok_or_else(|| refused("is not the last one of an epoch: choose one that is".to_owned()))?;
    next_committee(summary.epoch, end).map_err(SuiError::Validators)
}

/// The summary of the last checkpoint of the committee's epoch, signed by it.
async fn end_of_epoch(
    rpc: &SuiRpc,
    committee: &ValidatorCommitteeSignatureVerifier,
) -> Result<CheckpointSummary, SuiError> {
    let epoch = committee.committee().epoch;
    let told = epoch_info(rpc, epoch, "epoch,last_checkpoint").await?;
    let url = rpc.active_url();
    let last = told.last_checkpoint.ok_or_else(|| {
        let what = format!("the end of Sui epoch {epoch}");
        SuiError::decode(what, format!("{url} says that it has not ended"))
    })?;
    let request = proto::GetCheckpointRequest::by_sequence_number(last);
    let checkpoint = get_checkpoint(rpc, request).await?;
    prove_summary(&checkpoint, last, committee).map_err(|flaw| SuiError::Unproven {
        url: rpc.active_url(),
        checkpoint: last,
        reason: flaw.to_string(),
    })
}

async fn epoch_info(rpc: &SuiRpc, epoch: u64, mask: &str) -> Result<proto::Epoch, SuiError> {
    let request = proto::GetEpochRequest::new(epoch).with_read_mask(FieldMask::from_str(mask));
    let response = rpc
        .call("GetEpoch", |mut client| {
            let request = request.clone();
            async move { client.ledger_client().get_epoch(request).await }
        })
        .await?;
    Ok(response.into_inner().epoch.unwrap_or_default())
}

async fn get_checkpoint(
    rpc: &SuiRpc,
    request: proto::GetCheckpointRequest,
) -> Result<proto::Checkpoint, SuiError> {
    let request = request.with_read_mask(FieldMask::from_str(SUMMARY_MASK));
    let response = rpc
        .call("GetCheckpoint", |mut client| {
            let request = request.clone();
            async move { client.ledger_client().get_checkpoint(request).await }
        })
        .await?;
    Ok(response.into_inner().checkpoint.unwrap_or_default())
}
