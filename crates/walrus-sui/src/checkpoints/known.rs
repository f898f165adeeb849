//! The committees that are known, and the file that outlives the process.

use std::{io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use sui_crypto::bls12381::ValidatorCommitteeSignatureVerifier;
use sui_sdk_types::{Digest, EndOfEpochData, ValidatorCommittee};
use walrus_files::{durable, input};

/// How many committees are kept. The one before the last is still needed when a process is killed
/// after an epoch ended and before it has written down how far it had come.
const KEPT: usize = 2;
/// More validators than Sui can have by far.
const MEMBERS_MAX: usize = 10_000;
/// A file of that many validators fits.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Committees of consecutive epochs, the last ones that are known. Never empty.
pub(super) struct Known(Vec<Arc<ValidatorCommitteeSignatureVerifier>>);

#[derive(Serialize, Deserialize)]
struct Contents {
    trusted_checkpoint: Option<Digest>,
    committees: Vec<ValidatorCommittee>,
}

impl Known {
    pub(super) fn new(first: ValidatorCommittee) -> Result<Self, String> {
        Ok(Self(vec![Arc::new(verifier(first)?)]))
    }

    /// What is in the file; `None` if there is none, or it began with another trusted checkpoint.
    pub(super) fn read(path: &Path, trusted: Option<Digest>) -> Result<Option<Self>, String> {
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
        let bytes = input::read_at_most(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
        let contents: Contents =
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        // Without a trusted checkpoint in the configuration, what was proven from one stands.
        if trusted.is_some() && contents.trusted_checkpoint != trusted {
            return Ok(None);
        }
        let verifiers: Result<Vec<_>, _> = contents
            .committees
            .into_iter()
            .map(|committee| verifier(committee).map(Arc::new))
            .collect();
        let known = Self(verifiers?);
        let mut epochs = known.0.iter().map(|it| it.committee().epoch);
        let Some(first) = epochs.next() else {
            return Err("it has no committee".to_owned());
        };
        if !epochs
            .zip(1..)
            .all(|(epoch, after)| first.checked_add(after) == Some(epoch))
        {
            return Err("its committees are not of consecutive epochs".to_owned());
        }
        Ok(Some(known))
    }

    pub(super) fn write(&self, path: &Path, trusted: Option<Digest>) -> io::Result<()> {
        let contents = Contents {
            trusted_checkpoint: trusted,
            committees: self.0.iter().map(|it| it.committee().clone()).collect(),
        };
        let json = serde_json::to_vec_pretty(&contents)?;
        durable::write(path, &json, durable::Readers::Everybody)
    }

    pub(super) fn first_epoch(&self) -> u64 {
        self.0.first().map_or(0, |it| it.committee().epoch)
    }

    pub(super) fn last(&self) -> &Arc<ValidatorCommitteeSignatureVerifier> {
        self.0.last().expect("there is at least one committee")
    }

    pub(super) fn of_epoch(&self, epoch: u64) -> Option<&Arc<ValidatorCommitteeSignatureVerifier>> {
        self.0.iter().find(|it| it.committee().epoch == epoch)
    }

    /// Takes the committee that follows the last one from the end of the epoch `ended`; false if it
    /// is known already.
    pub(super) fn follow(&mut self, ended: u64, end: &EndOfEpochData) -> Result<bool, String> {
        if ended != self.last().committee().epoch {
            return Ok(false);
        }
        self.0
            .push(Arc::new(verifier(next_committee(ended, end)?)?));
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
        Ok(true)
    }
}

/// The committee of the epoch after `ended`.
pub(super) fn next_committee(
    ended: u64,
    end: &EndOfEpochData,
) -> Result<ValidatorCommittee, String> {
    Ok(ValidatorCommittee {
        epoch: ended.checked_add(1).ok_or("no epoch comes after it")?,
        members: end.next_epoch_committee.clone(),
    })
}

/// Refuses what no chain has: nobody, no stake, or more than can be counted.
fn verifier(committee: ValidatorCommittee) -> Result<ValidatorCommitteeSignatureVerifier, String> {
    let epoch = committee.epoch;
    let refused = |why: &str| format!("the committee of epoch {epoch} {why}");
    if committee.members.len() > MEMBERS_MAX {
        return Err(refused("has too many members"));
    }
    let stakes = committee.members.iter().map(|member| member.stake);
    match stakes.into_iter().try_fold(0u64, u64::checked_add) {
        None => Err(refused("has too much stake")),
        Some(0) => Err(refused("has no stake")),
        Some(_) => ValidatorCommitteeSignatureVerifier::new(committee)
            .map_err(|error| refused(&format!("has a key that is none: {error}"))),
    }
}
