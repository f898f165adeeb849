//! Stake: putting it in, announcing that it leaves, taking it out.

use walrus_core::{Frost, ObjectId};

use super::{
    WalrusContract,
    call::{Call, total},
};
use crate::{error::SuiError, ptb::Ptb, transaction::Argument};

/// Stakes handled by one transaction.
pub const STAKES_PER_TRANSACTION_MAX: usize = 100;

impl Call {
    /// Stakes WAL with nodes. The sender gets one `StakedWal` object for each, in this order.
    ///
    /// Stake made before the next committee is selected counts for it.
    pub fn stake(stakes: Vec<(ObjectId, Frost)>) -> Self {
        Self::new(move |ptb, _, sender| {
            if stakes.is_empty() {
                return Ok(Frost(0));
            }
            let cost = total(stakes.iter().map(|(_, amount)| *amount))?;
            let payment = ptb.wal(cost);
            let amounts: Vec<_> = stakes.iter().map(|(_, amount)| amount.0).collect();
            let coins = ptb.split(payment, &amounts);
            let mut staked = Vec::with_capacity(stakes.len());
            for ((node_id, _), coin) in stakes.iter().zip(coins) {
                let arguments = vec![ptb.staking(), coin, ptb.raw32(node_id.0)];
                staked.push(ptb.call("staking", "stake_with_pool", arguments));
            }
            ptb.destroy_empty_wal(payment);
            ptb.transfer(staked, sender);
            Ok(cost)
        })
    }

    /// Announces that stake leaves; it is paid out by [`Call::withdraw`] once its epoch is reached.
    pub fn request_withdrawal(stakes: Vec<ObjectId>) -> Self {
        Self::free(move |ptb| {
            for stake in &stakes {
                let arguments = vec![ptb.staking(), ptb.owned(*stake)];
                ptb.call("staking", "request_withdraw_stake", arguments);
            }
        })
    }

    /// Pays stake out to the sender, with its rewards, as one coin.
    pub fn withdraw(stakes: Vec<ObjectId>) -> Self {
        Self::new(move |ptb, _, sender| {
            let mut coins: Vec<_> = stakes
                .iter()
                .map(|stake| {
                    let arguments = vec![ptb.staking(), ptb.owned(*stake)];
                    ptb.call("staking", "withdraw_stake", arguments)
                })
                .collect();
            let Some(first) = coins.pop() else {
                return Ok(Frost(0));
            };
            if !coins.is_empty() {
                ptb.merge(first, coins);
            }
            ptb.transfer(vec![first], sender);
            Ok(Frost(0))
        })
    }

    /// Announces that `amount` of a stake leaves; the sender gets it as a `StakedWal` object of its
    /// own.
    pub fn request_partial_withdrawal(stake: ObjectId, amount: Frost) -> Self {
        Self::new(move |ptb, _, sender| {
            let part = split(ptb, stake, amount);
            let arguments = vec![ptb.staking(), part];
            ptb.call("staking", "request_withdraw_stake", arguments);
            ptb.transfer(vec![part], sender);
            Ok(Frost(0))
        })
    }

    /// Pays `amount` of a stake out to the sender, with its rewards.
    pub fn withdraw_part(stake: ObjectId, amount: Frost) -> Self {
        Self::new(move |ptb, _, sender| {
            let part = split(ptb, stake, amount);
            let arguments = vec![ptb.staking(), part];
            let coin = ptb.call("staking", "withdraw_stake", arguments);
            ptb.transfer(vec![coin], sender);
            Ok(Frost(0))
        })
    }
}

fn split(ptb: &mut Ptb<'_>, stake: ObjectId, amount: Frost) -> Argument {
    let arguments = vec![ptb.owned(stake), ptb.pure(&amount.0)];
    ptb.call("staked_wal", "split", arguments)
}

impl WalrusContract {
    /// Stakes WAL with nodes; returns the IDs of the new `StakedWal` objects.
    ///
    /// Stake made before the next committee is selected counts for it.
    pub async fn stake_with_pools(
        &self,
        stakes: &[(ObjectId, Frost)],
    ) -> Result<Vec<ObjectId>, SuiError> {
        let mut staked = Vec::with_capacity(stakes.len());
        for batch in stakes.chunks(STAKES_PER_TRANSACTION_MAX) {
            let executed = self.execute(&Call::stake(batch.to_vec())).await?;
            staked.extend(
                executed
                    .created("staked_wal", "StakedWal")
                    .map(|object| object.id),
            );
        }
        Ok(staked)
    }
}
