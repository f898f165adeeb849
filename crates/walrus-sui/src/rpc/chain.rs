//! Which chain it is, and what time.

use std::ops::RangeInclusive;

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use walrus_core::ObjectId;

use super::SuiRpc;
use crate::{
    error::SuiError,
    ids::{CLOCK, object_id},
};

impl SuiRpc {
    /// The first four bytes of the digest of the genesis checkpoint in hex: the name of a chain in
    /// package files.
    pub async fn chain_id(&self) -> Result<String, SuiError> {
        let response = self
            .call("GetServiceInfo", |mut client| async move {
                client
                    .ledger_client()
                    .get_service_info(proto::GetServiceInfoRequest::default())
                    .await
            })
            .await?;
        let digest: sui_sdk_types::Digest = response
            .get_ref()
            .chain_id()
            .parse()
            .map_err(|error| SuiError::decode("the chain ID", error))?;
        Ok(hex::encode(&digest.inner()[..4]))
    }

    /// The time of the chain's Clock, in ms since 1970.
    pub async fn clock_ms(&self) -> Result<u64, SuiError> {
        #[derive(serde::Deserialize)]
        struct Clock {
            _id: ObjectId,
            timestamp_ms: u64,
        }
        let id = object_id(CLOCK);
        let clock: Clock = self.object(id).await?.decode("Clock")?;
        Ok(clock.timestamp_ms)
    }

    /// The checkpoints the full node has: the first and the last. Those before were pruned.
    pub async fn available_checkpoints(&self) -> Result<RangeInclusive<u64>, SuiError> {
        let response = self
            .call("GetServiceInfo", |mut client| async move {
                client
                    .ledger_client()
                    .get_service_info(proto::GetServiceInfoRequest::default())
                    .await
            })
            .await?;
        let info = response.get_ref();
        let latest = info.checkpoint_height.ok_or_else(|| {
            SuiError::decode("the answer of GetServiceInfo", "no checkpoint_height")
        })?;
        Ok(info.lowest_available_checkpoint.unwrap_or(0)..=latest)
    }

    /// Sequence number of the latest checkpoint.
    pub async fn latest_checkpoint(&self) -> Result<u64, SuiError> {
        let request = proto::GetCheckpointRequest::latest()
            .with_read_mask(FieldMask::from_str("sequence_number"));
        let response = self
            .call("GetCheckpoint", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().get_checkpoint(request).await }
            })
            .await?;
        Ok(response.get_ref().checkpoint().sequence_number())
    }
}
