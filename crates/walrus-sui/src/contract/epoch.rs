//! The life of epochs. Anybody may move it on when the time has come; only nodes attest.

use walrus_core::{Epoch, Frost, ObjectId};

use super::{WalrusContract, call::Call};
use crate::{TransactionDigest, error::SuiError};

impl Call {
    /// Ends the voting of the current epoch: selects the next committee and its parameters.
    pub fn voting_end() -> Self {
        Self::free(|ptb| {
            let arguments = vec![ptb.staking(), ptb.clock()];
            ptb.call("staking", "voting_end", arguments);
        })
    }

    /// Starts the next epoch with the selected committee. `treasury` is the treasury of WAL.
    pub fn initiate_epoch_change(treasury: ObjectId) -> Self {
        Self::free(move |ptb| {
            let arguments = vec![
                ptb.staking(),
                ptb.system(),
                ptb.shared(treasury),
                ptb.clock(),
            ];
            ptb.call("staking", "initiate_epoch_change_v2", arguments);
        })
    }

    /// Attests that the node of `node_cap` holds its shards of `epoch`. The sender must own the
    /// capability.
    pub fn epoch_sync_done(node_cap: ObjectId, epoch: Epoch) -> Self {
        Self::free(move |ptb| {
            let arguments = vec![
                ptb.staking(),
                ptb.owned(node_cap),
                ptb.pure(&epoch),
                ptb.clock(),
            ];
            ptb.call("staking", "epoch_sync_done", arguments);
        })
    }

    /// Pays the subsidies that are due to nodes. `package` is the one the object `subsidies` names.
    pub fn pay_subsidies(package: ObjectId, subsidies: ObjectId) -> Self {
        Self::free(move |ptb| {
            let arguments = vec![
                ptb.shared(subsidies),
                ptb.staking(),
                ptb.system(),
                ptb.clock(),
            ];
            let (module, function) = ("walrus_subsidies", "process_subsidies");
            ptb.call_package(package, module, function, vec![], arguments);
        })
    }

    /// Computes prices from the votes of the current committee.
    pub fn update_prices() -> Self {
        Self::free(|ptb| {
            let arguments = vec![ptb.staking(), ptb.system()];
            ptb.call("staking", "update_prices", arguments);
        })
    }
}

impl WalrusContract {
    /// Ends the voting of the current epoch: selects the next committee and its parameters.
    pub async fn voting_end(&self) -> Result<TransactionDigest, SuiError> {
        Ok(self.execute(&Call::voting_end()).await?.digest)
    }

    /// Starts the next epoch with the selected committee.
    pub async fn initiate_epoch_change(&self) -> Result<TransactionDigest, SuiError> {
        let treasury = self.reader().treasury().await?;
        let call = Call::initiate_epoch_change(treasury);
        Ok(self.execute(&call).await?.digest)
    }

    /// Stakes, ends the voting and starts epoch 1, in one transaction. Only epoch 0 can be ended
    /// like this, and only after its end was reached.
    pub async fn end_epoch_zero(
        &self,
        stakes: &[(ObjectId, Frost)],
    ) -> Result<TransactionDigest, SuiError> {
        let treasury = self.reader().treasury().await?;
        let call = Call::stake(stakes.to_vec())
            .then(Call::voting_end())
            .then(Call::initiate_epoch_change(treasury));
        Ok(self.execute(&call).await?.digest)
    }

    /// Attests that the node of `node_cap` holds its shards of `epoch`. The account must own the
    /// capability.
    pub async fn epoch_sync_done(
        &self,
        node_cap: ObjectId,
        epoch: Epoch,
    ) -> Result<TransactionDigest, SuiError> {
        let call = Call::epoch_sync_done(node_cap, epoch);
        Ok(self.execute(&call).await?.digest)
    }

    /// Pays what is due to nodes from the WalrusSubsidies object `subsidies`.
    pub async fn pay_subsidies(&self, subsidies: ObjectId) -> Result<TransactionDigest, SuiError> {
        let package = self
            .reader()
            .subsidies(subsidies)
            .await?
            .subsidies
            .package_id;
        let call = Call::pay_subsidies(package, subsidies);
        Ok(self.execute(&call).await?.digest)
    }

    /// Computes prices from the votes of the current committee.
    pub async fn update_prices(&self) -> Result<TransactionDigest, SuiError> {
        Ok(self.execute(&Call::update_prices()).await?.digest)
    }
}
