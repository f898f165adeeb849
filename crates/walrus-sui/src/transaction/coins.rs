//! Which coins pay. Full nodes say what coins there are; the choice is ours.

use sui_sdk_types::ObjectReference;

use crate::rpc::Coin;

/// Coins of one account and type that are looked at.
pub(crate) const COINS_LISTED_MAX: usize = 2000;
/// Coins that pay for gas in one transaction: a limit of Sui.
const GAS_COINS_MAX: usize = 256;
/// Coins that are merged with those that pay for gas, in one transaction that does nothing else.
const MERGED_COINS_MAX: usize = 500;
/// Coins that are used for a payment, at most.
const PAYING_COINS_MAX: usize = 1000;
/// Coins that are merged in passing when fewer would do: whoever is paid often has many small ones.
const SWEPT_COINS_MAX: usize = 100;

/// Coins that pay for gas and are worth merging when they are not enough.
const SCATTERED_COINS_MIN: usize = 16;
/// Budget for gas of a transaction that merges coins, in MIST. Merging gives storage back, so it
/// costs next to nothing; the estimate of full nodes, made for each coin, would be above what small
/// coins hold.
pub(crate) const MERGE_BUDGET_MIST: u64 = 20_000_000;

/// Coins, and what they hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The coins, the largest first.
    pub(crate) coins: Vec<ObjectReference>,
    /// Their sum.
    pub(crate) sum: u64,
    /// What the coins that were not taken hold.
    pub(crate) left: u64,
}

/// Coins that pay `amount`: as few as possible, and some small ones with them. Less if there is
/// less.
pub(crate) fn for_payment(coins: Vec<Coin>, amount: u64) -> Choice {
    choose(coins, |taken, sum| {
        taken < PAYING_COINS_MAX && (sum < amount || taken < SWEPT_COINS_MAX)
    })
}

/// Coins that pay for gas up to `budget`, as few as possible. Less if there is less.
pub(crate) fn for_gas(coins: Vec<Coin>, budget: u64) -> Choice {
    choose(coins, |taken, sum| taken < GAS_COINS_MAX && sum < budget)
}

/// Coins to merge: those that pay for the gas of that, and those that are merged with them.
pub(crate) fn for_merging(coins: Vec<Coin>) -> (Vec<ObjectReference>, Vec<ObjectReference>) {
    let mut all = choose(coins, |taken, _| taken < GAS_COINS_MAX + MERGED_COINS_MAX).coins;
    let others = all.split_off(all.len().min(GAS_COINS_MAX));
    (all, others)
}

/// Whether gas for which `choice` is not enough may be had by merging coins first: some did not fit
/// in, or there are so many that a full node's estimate, which counts every coin, is above what
/// they hold.
pub(crate) fn is_scattered(choice: &Choice) -> bool {
    choice.left > 0 || choice.coins.len() >= SCATTERED_COINS_MIN
}

fn choose(mut coins: Vec<Coin>, takes_more: impl Fn(usize, u64) -> bool) -> Choice {
    coins.sort_by(|a, b| {
        let by_id = || a.reference.object_id().cmp(b.reference.object_id());
        b.balance.cmp(&a.balance).then_with(by_id)
    });
    let mut choice = Choice {
        coins: Vec::new(),
        sum: 0,
        left: 0,
    };
    for coin in coins {
        if takes_more(choice.coins.len(), choice.sum) {
            choice.sum = choice.sum.saturating_add(coin.balance);
            choice.coins.push(coin.reference);
        } else {
            choice.left = choice.left.saturating_add(coin.balance);
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use sui_sdk_types::{Address, Digest};

    use super::*;

    fn coins(balances: impl IntoIterator<Item = u64>) -> Vec<Coin> {
        let coin = |(index, balance): (usize, u64)| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&index.to_be_bytes());
            Coin {
                reference: ObjectReference::new(Address::new(id), 1, Digest::ZERO),
                balance,
            }
        };
        balances.into_iter().enumerate().map(coin).collect()
    }

    #[test]
    fn the_largest_coins_pay_for_gas_and_no_more_than_needed() {
        let choice = for_gas(coins([5, 100, 50, 1]), 120);
        assert_eq!((choice.coins.len(), choice.sum, choice.left), (2, 150, 6));
        assert_eq!(for_gas(coins([1, 2]), 120).sum, 3);
        let many = for_gas(coins([600_000; 500]), 176_000_000);
        assert_eq!(many.coins.len(), GAS_COINS_MAX);
        assert_eq!((many.sum, many.left), (153_600_000, 146_400_000));
        let (payment, others) = for_merging(coins([600_000; 500]));
        assert_eq!((payment.len(), others.len()), (256, 244));
    }

    #[test]
    fn payments_sweep_some_dust() {
        let choice = for_payment(coins([1000, 1, 1]), 10);
        assert_eq!((choice.coins.len(), choice.sum), (3, 1002));
        assert_eq!(
            for_payment(coins([10; 500]), 10).coins.len(),
            SWEPT_COINS_MAX
        );
        assert_eq!(for_payment(coins([10; 500]), 4000).coins.len(), 400);
        assert_eq!(for_payment(coins([1; 2000]), 2000).sum, 1000);
    }
}
