//! Telling the chain that a blob was encoded wrongly.

use std::cmp::Reverse;

use tracing::{info, warn};
use walrus_core::{
    BlobId, bft,
    certificate::ProtocolCertificate,
    inconsistency::InconsistencyProof,
    messages::{InvalidBlobId, SignedMessage},
};

use super::healer::{HealError, Healer};

impl Healer {
    /// Shows the proof to members of the committee until those that attest it hold enough shards
    /// for at least one of them to be correct, and gives their certificate to the chain. The event
    /// that follows makes every node drop the data.
    pub(super) async fn invalidate(
        &self,
        blob_id: BlobId,
        proof: &InconsistencyProof,
    ) -> Result<(), HealError> {
        let state = self.service.state();
        let view = state.view();
        let Some(committee) = view.current.clone() else {
            return Err(HealError::NotAttested { weight: 0 });
        };
        warn!(
            %blob_id, axis = %proof.axis(), sliver = proof.target_sliver_index().0,
            "the blob was encoded inconsistently; asking other nodes to attest it"
        );
        let epoch = committee.epoch;
        let mut members: Vec<_> = committee.indexed().collect();
        members.sort_by_key(|(_, member)| Reverse(member.shards.len()));
        let mut weight = 0;
        let mut attestations: Vec<(u16, SignedMessage<InvalidBlobId>)> = Vec::new();
        for (position, member) in members {
            if bft::is_above_validity(weight, committee.n_shards) {
                break;
            }
            let attestation = if Some(member.node_id) == view.node_id {
                state
                    .signing_key(&view)
                    .map(|key| key.sign_message(epoch, InvalidBlobId(blob_id)))
            } else {
                let Some(peer) = self.peers.of(member) else {
                    continue;
                };
                let answer = peer
                    .ask(|client| async move { client.attest_inconsistency(&blob_id, proof).await })
                    .await;
                answer
                    .inspect_err(|error| info!(node = %member.node_id, %error, "no attestation"))
                    .ok()
            };
            let Some(attestation) = attestation else {
                continue;
            };
            match attestation.verify(&member.public_key, epoch, &InvalidBlobId(blob_id)) {
                Ok(_) => {
                    weight += member.shards.len();
                    attestations.push((position, attestation));
                }
                Err(error) => warn!(node = %member.node_id, %error, "an attestation is wrong"),
            }
        }
        if !bft::is_above_validity(weight, committee.n_shards) {
            return Err(HealError::NotAttested { weight });
        }
        // Other nodes meet the same blob and may have been faster.
        let record = state.record(blob_id).await?;
        if record.is_some_and(|record| record.is_invalid()) {
            return Ok(());
        }
        let certificate = ProtocolCertificate::aggregate(attestations)
            .map_err(|_| HealError::NotAttested { weight })?;
        self.chain.invalidate_blob_id(certificate).await?;
        info!(%blob_id, weight, "the chain knows that the blob is inconsistent");
        Ok(())
    }
}
