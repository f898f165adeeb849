//! Upgrades that are voted about, and those that wait for their migration.

use walrus_contracts::types::{UpgradeManager, UpgradeProposal};
use walrus_core::ObjectId;

use super::{SuiReader, dynamic_field_id, field_value};
use crate::{deployment::ContractRefs, error::SuiError};

impl SuiReader {
    /// The object that holds the upgrade capability and the votes.
    pub async fn upgrade_manager(&self, id: ObjectId) -> Result<UpgradeManager, SuiError> {
        let object = self.rpc().object(id).await?;
        if object.is("upgrade", "UpgradeManager") {
            object.decode("UpgradeManager")
        } else {
            Err(SuiError::unexpected_type(
                id,
                "a Walrus upgrade manager",
                object.type_.as_ref(),
            ))
        }
    }

    /// The votes for an upgrade to the package with `digest`; `None` if nobody has voted for it.
    /// They count only if they are of the current epoch.
    pub async fn upgrade_proposal(
        &self,
        upgrade_manager: ObjectId,
        digest: [u8; 32],
    ) -> Result<Option<UpgradeProposal>, SuiError> {
        let manager = self.upgrade_manager(upgrade_manager).await?;
        let package = self.contract_state().await?.original_package;
        let key = ContractRefs::tag_of(package, "upgrade", "PackageDigest");
        let id = dynamic_field_id(manager.upgrade_proposals.id, &key.into(), &digest.to_vec());
        let found = self.rpc().try_objects(&[id]).await?.pop().flatten();
        found
            .map(|field| field_value::<Vec<u8>, _>(&field, "UpgradeProposal"))
            .transpose()
    }

    /// The version that was committed but not migrated to, if there is one.
    pub async fn pending_migration(&self) -> Result<Option<ObjectId>, SuiError> {
        Ok(self.contract_state().await?.system.new_package_id)
    }
}
