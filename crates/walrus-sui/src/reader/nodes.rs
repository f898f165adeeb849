//! Finding nodes by their keys, and proving that a key is ours.

use walrus_contracts::types::StorageNodeCap;
use walrus_core::{ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature, SuiAddress};

use super::SuiReader;
use crate::error::SuiError;

impl SuiReader {
    /// Signs the proof that lets `sender` register `key` in the current epoch.
    pub async fn prove_possession(
        &self,
        key: &ProtocolKeyPair,
        sender: SuiAddress,
    ) -> Result<ProtocolSignature, SuiError> {
        // A proof of a past epoch is worthless.
        self.refresh().await;
        let epoch = self.contract_state().await?.epoch();
        Ok(key.proof_of_possession(epoch, sender).signature)
    }

    /// The capability that `owner` has of the node with this protocol key, if it is registered.
    pub async fn find_node_cap(
        &self,
        owner: SuiAddress,
        key: ProtocolPublicKey,
    ) -> Result<Option<StorageNodeCap>, SuiError> {
        for cap in self.owned_node_caps(owner).await? {
            let pool = self.staking_pool(cap.node_id).await?;
            if pool.node_info.public_key.to_compressed_g1() == Some(key.0) {
                return Ok(Some(cap));
            }
        }
        Ok(None)
    }
}
