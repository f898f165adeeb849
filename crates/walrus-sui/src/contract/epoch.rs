//! The life of epochs and the stake that decides about committees.

use walrus_core::{Epoch, Frost, ObjectId};

use super::WalrusContract;
use crate::{TransactionDigest, error::SuiError, executor::Executed, ptb::Ptb};

/// Pools staked with by one transaction.
const POOLS_PER_TRANSACTION_MAX: usize = 100;

impl WalrusContract {
    /// Stakes WAL with nodes; returns the IDs of the new `StakedWal` objects.
    ///
    /// Stake made before the next committee is selected counts for it.
    pub async fn stake_with_pools(
        &self,
        stakes: &[(ObjectId, Frost)],
    ) -> Result<Vec<ObjectId>, SuiError> {
        let mut staked = Vec::with_capacity(stakes.len());
        for batch in stakes.chunks(POOLS_PER_TRANSACTION_MAX) {
            let paid = self.run(|ptb, _| self.stake(ptb, batch)).await?;
            staked.extend(
                paid.executed
                    .created("staked_wal", "StakedWal")
                    .map(|object| object.id),
            );
        }
        Ok(staked)
    }

    /// Ends the voting of the current epoch: selects the next committee and its parameters.
    pub async fn voting_end(&self) -> Result<TransactionDigest, SuiError> {
        self.change_epoch(|ptb| {
            voting_end(ptb);
            Ok(Frost(0))
        })
        .await
    }

    /// Starts the next epoch with the selected committee. Needs the treasury object in the configuration.
    pub async fn initiate_epoch_change(&self) -> Result<TransactionDigest, SuiError> {
        self.change_epoch(|ptb| {
            initiate_epoch_change(ptb)?;
            Ok(Frost(0))
        })
        .await
    }

    /// Stakes, ends the voting and starts epoch 1, in one transaction. Only epoch 0 can be ended like this,
    /// and only after its end was reached.
    pub async fn end_epoch_zero(
        &self,
        stakes: &[(ObjectId, Frost)],
    ) -> Result<TransactionDigest, SuiError> {
        self.change_epoch(|ptb| {
            let cost = self.stake(ptb, stakes)?;
            voting_end(ptb);
            initiate_epoch_change(ptb)?;
            Ok(cost)
        })
        .await
    }

    /// Attests that the node of `node_cap` holds its shards of `epoch`. The account must own the capability.
    pub async fn epoch_sync_done(
        &self,
        node_cap: ObjectId,
        epoch: Epoch,
    ) -> Result<TransactionDigest, SuiError> {
        self.change_epoch(|ptb| {
            let arguments = vec![
                ptb.staking(),
                ptb.object(node_cap),
                ptb.pure(&epoch),
                ptb.clock(),
            ];
            ptb.call("staking", "epoch_sync_done", arguments);
            Ok(Frost(0))
        })
        .await
    }

    async fn change_epoch(
        &self,
        commands: impl Fn(&mut Ptb<'_>) -> Result<Frost, SuiError> + Send + Sync,
    ) -> Result<TransactionDigest, SuiError> {
        let paid = self.run(|ptb, _| commands(ptb)).await?;
        self.reader().refresh().await;
        let Executed { digest, .. } = paid.executed;
        Ok(digest)
    }

    fn stake(&self, ptb: &mut Ptb<'_>, stakes: &[(ObjectId, Frost)]) -> Result<Frost, SuiError> {
        if stakes.is_empty() {
            return Ok(Frost(0));
        }
        let total = stakes
            .iter()
            .try_fold(0u64, |total, (_, amount)| total.checked_add(amount.0))
            .ok_or_else(|| {
                SuiError::InvalidInput("the stakes exceed all WAL there is".to_owned())
            })?;
        let payment = ptb.wal(Frost(total));
        let amounts: Vec<_> = stakes.iter().map(|(_, amount)| amount.0).collect();
        let coins = ptb.split(payment, &amounts);
        let mut staked = Vec::with_capacity(stakes.len());
        for ((node_id, _), coin) in stakes.iter().zip(coins) {
            let arguments = vec![ptb.staking(), coin, ptb.raw32(node_id.0)];
            staked.push(ptb.call("staking", "stake_with_pool", arguments));
        }
        ptb.destroy_empty_wal(payment);
        ptb.transfer(staked, self.address());
        Ok(Frost(total))
    }
}

fn voting_end(ptb: &mut Ptb<'_>) {
    let arguments = vec![ptb.staking(), ptb.clock()];
    ptb.call("staking", "voting_end", arguments);
}

fn initiate_epoch_change(ptb: &mut Ptb<'_>) -> Result<(), SuiError> {
    let arguments = vec![ptb.staking(), ptb.system(), ptb.treasury()?, ptb.clock()];
    ptb.call("staking", "initiate_epoch_change_v2", arguments);
    Ok(())
}
