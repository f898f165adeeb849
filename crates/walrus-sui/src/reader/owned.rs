//! Objects of accounts: blobs, storage, capabilities, stake, balances.

use serde::de::DeserializeOwned;
use sui_sdk_types::StructTag;
use walrus_contracts::types::{Blob, StakedWal, StakingPool, Storage, StorageNodeCap};
use walrus_core::{Frost, ObjectId, SuiAddress};

use super::SuiReader;
use crate::{deployment::ContractRefs, error::SuiError};

impl SuiReader {
    /// A blob object.
    pub async fn blob(&self, id: ObjectId) -> Result<Blob, SuiError> {
        let object = self.rpc().object(id).await?;
        if object.is("blob", "Blob") {
            object.decode("Blob")
        } else {
            Err(SuiError::unexpected_type(
                id,
                "a Walrus blob",
                object.type_.as_ref(),
            ))
        }
    }

    /// Blob objects in the order of `ids`; all must exist.
    pub async fn blobs(&self, ids: &[ObjectId]) -> Result<Vec<Blob>, SuiError> {
        let objects = self.rpc().objects(ids).await?;
        objects.iter().map(|object| object.decode("Blob")).collect()
    }

    /// All blob objects of an account, expired ones included.
    pub async fn owned_blobs(&self, owner: SuiAddress) -> Result<Vec<Blob>, SuiError> {
        self.owned(owner, "blob", "Blob").await
    }

    /// All unused storage of an account, expired included.
    pub async fn owned_storage(&self, owner: SuiAddress) -> Result<Vec<Storage>, SuiError> {
        self.owned(owner, "storage_resource", "Storage").await
    }

    /// The node capabilities of an account: one per node it operates.
    pub async fn owned_node_caps(
        &self,
        owner: SuiAddress,
    ) -> Result<Vec<StorageNodeCap>, SuiError> {
        self.owned(owner, "storage_node", "StorageNodeCap").await
    }

    /// All stake of an account.
    pub async fn owned_stake(&self, owner: SuiAddress) -> Result<Vec<StakedWal>, SuiError> {
        self.owned(owner, "staked_wal", "StakedWal").await
    }

    /// A node capability.
    pub async fn node_cap(&self, id: ObjectId) -> Result<StorageNodeCap, SuiError> {
        self.rpc().object(id).await?.decode("StorageNodeCap")
    }

    /// The staking pool of a node: its registration, votes and stake.
    pub async fn staking_pool(&self, node_id: ObjectId) -> Result<StakingPool, SuiError> {
        let object = self.rpc().object(node_id).await?;
        if object.is("staking_pool", "StakingPool") {
            object.decode("StakingPool")
        } else {
            Err(SuiError::unexpected_type(
                node_id,
                "a Walrus node",
                object.type_.as_ref(),
            ))
        }
    }

    /// WAL of an account, stake not included.
    pub async fn wal_balance(&self, owner: SuiAddress) -> Result<Frost, SuiError> {
        let wal = self.wal_type().await?;
        self.rpc().balance(owner, &wal).await.map(Frost)
    }

    /// SUI of an account, in MIST.
    pub async fn sui_balance_mist(&self, owner: SuiAddress) -> Result<u64, SuiError> {
        self.rpc().balance(owner, &StructTag::sui()).await
    }

    async fn owned<T: DeserializeOwned>(
        &self,
        owner: SuiAddress,
        module: &'static str,
        name: &'static str,
    ) -> Result<Vec<T>, SuiError> {
        let package = self.contract_state().await?.original_package;
        let tag = ContractRefs::tag_of(package, module, name);
        let objects = self.rpc().owned_objects(owner, &tag.to_string()).await?;
        objects.iter().map(|object| object.decode(name)).collect()
    }
}
