//! Net changes of coin balances caused by a transaction.

use super::keys::coin_balance;
use std::collections::BTreeMap;
use sui_sdk_types::{Address, BalanceChange, Object, Owner, TypeTag};

/// Per owner and coin type, what the coins in `after` hold more than the coins in `before`; only
/// differences, sorted by owner and type. Coins count for address, object and consensus owners.
pub(crate) fn balance_changes<'a>(
    before: impl IntoIterator<Item = &'a Object>,
    after: impl IntoIterator<Item = &'a Object>,
) -> Vec<BalanceChange> {
    let mut sums: BTreeMap<(Address, TypeTag), i128> = BTreeMap::new();
    for (holder, balance) in before.into_iter().filter_map(coin) {
        *sums.entry(holder).or_default() -= balance;
    }
    for (holder, balance) in after.into_iter().filter_map(coin) {
        *sums.entry(holder).or_default() += balance;
    }
    sums.into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|((address, coin_type), amount)| BalanceChange {
            address,
            coin_type,
            amount,
        })
        .collect()
}

fn coin(object: &Object) -> Option<((Address, TypeTag), i128)> {
    let owner = match object.owner() {
        Owner::Address(owner) | Owner::Object(owner) | Owner::ConsensusAddress { owner, .. } => {
            *owner
        }
        _ => return None,
    };
    let coin_type = object.as_struct()?.object_type().is_coin()?.clone();
    Some(((owner, coin_type), i128::from(coin_balance(object)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sui_sdk_types::{Digest, MoveStruct, ObjectData, StructTag};

    fn coin(id: u8, owner: Owner, balance: u64) -> Object {
        let mut contents = vec![id; Address::LENGTH];
        contents.extend(balance.to_le_bytes());
        let coin = MoveStruct::new(StructTag::gas_coin(), true, 1, contents).expect("has an id");
        Object::new(ObjectData::Struct(coin), owner, Digest::ZERO, 0)
    }

    #[test]
    fn a_transfer_moves_the_balance_and_zero_sums_vanish() {
        let alice = Address::new([1; 32]);
        let bob = Address::new([2; 32]);
        let before = [
            coin(1, Owner::Address(alice), 100),
            coin(3, Owner::Address(alice), 7),
        ];
        let after = [
            coin(1, Owner::Address(bob), 100),
            coin(3, Owner::Address(alice), 7),
        ];
        let changes = balance_changes(&before, &after);
        let amounts: Vec<_> = changes.iter().map(|c| (c.address, c.amount)).collect();
        assert_eq!(amounts, [(alice, -100), (bob, 100)]);
        assert!(balance_changes(&after, &after).is_empty());
    }

    #[test]
    fn shared_and_immutable_coins_do_not_count() {
        let before = [coin(1, Owner::Shared(1), 5), coin(2, Owner::Immutable, 5)];
        assert!(balance_changes(&before, &[]).is_empty());
    }
}
