//! The chain's only validator: certifies checkpoints so that light clients have something to
//! verify.
//!
//! Its key follows from the chain id. That is no secret, and on a development chain nothing depends
//! on it being one.

use sui_crypto::bls12381::Bls12381PrivateKey;
use sui_sdk_types::{
    Bitmap, CheckpointSummary, Digest, ValidatorAggregatedSignature, ValidatorCommittee,
    ValidatorCommitteeMember, hash::Hasher,
};

/// Voting power of a whole committee.
const TOTAL_STAKE: u64 = 10_000;
const KEY_DOMAIN: &str = "sui-localnet validator";

fn key(chain_id: &Digest) -> Bls12381PrivateKey {
    let mut hasher = Hasher::new();
    hasher.update(KEY_DOMAIN);
    hasher.update(chain_id.as_bytes());
    let mut seed = hasher.finalize().into_inner();
    // Keeps the big-endian scalar below the group order, whose top bits are 01.
    seed[0] &= 0x3f;
    Bls12381PrivateKey::new(seed).expect("a nonzero scalar below the group order is a key")
}

/// The committee of every epoch.
pub(crate) fn committee(chain_id: &Digest, epoch: u64) -> ValidatorCommittee {
    ValidatorCommittee {
        epoch,
        members: vec![ValidatorCommitteeMember {
            public_key: key(chain_id).public_key(),
            stake: TOTAL_STAKE,
        }],
    }
}

/// The committee's signature of a checkpoint.
pub(crate) fn certify(
    chain_id: &Digest,
    summary: &CheckpointSummary,
) -> ValidatorAggregatedSignature {
    let signature = key(chain_id).sign_checkpoint_summary(summary).signature;
    let mut bitmap = Bitmap::new();
    bitmap.insert(0);
    ValidatorAggregatedSignature {
        epoch: summary.epoch,
        signature,
        bitmap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sui_crypto::bls12381::ValidatorCommitteeSignatureVerifier;
    use sui_sdk_types::GasCostSummary;

    #[test]
    fn certificates_verify_against_the_committee() {
        let summary = CheckpointSummary {
            epoch: 0,
            sequence_number: 3,
            network_total_transactions: 4,
            content_digest: Digest::ZERO,
            previous_digest: None,
            epoch_rolling_gas_cost_summary: GasCostSummary::new(1, 2, 3, 4),
            timestamp_ms: 5,
            checkpoint_commitments: Vec::new(),
            end_of_epoch_data: None,
            version_specific_data: Vec::new(),
        };
        let chain_id = Digest::new([7; 32]);
        let verifier = ValidatorCommitteeSignatureVerifier::new(committee(&chain_id, 0))
            .expect("valid committee");
        let certificate = certify(&chain_id, &summary);
        verifier
            .verify_checkpoint_summary(&summary, &certificate)
            .expect("own signature");
        let mut other = summary;
        other.timestamp_ms += 1;
        assert!(
            verifier
                .verify_checkpoint_summary(&other, &certificate)
                .is_err()
        );
    }
}
