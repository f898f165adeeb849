//! What a node has to do when the committee changes, as a pure function.

use std::collections::BTreeMap;

use walrus_core::{Epoch, ShardIndex};

use crate::storage::{ShardRecord, ShardStatus};

/// Epochs for which a lost shard is still served to readers and to its new owner.
pub const SHARD_RETENTION_EPOCHS: Epoch = 2;

/// The consequences of an epoch change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EpochPlan {
    /// All shards with storage after the change.
    pub shards: BTreeMap<ShardIndex, ShardRecord>,
    /// Shards the node did not own before.
    pub gained: Vec<ShardIndex>,
    /// Shards the node owned before.
    pub lost: Vec<ShardIndex>,
    /// Shards whose storage can go.
    pub expired: Vec<ShardIndex>,
}

/// Plans the change into `epoch`, in which the node owns `owned`.
///
/// `nothing_to_copy` tells that no blob was certified before `epoch`: then a gained shard is complete from the start, as
/// all are in the first epoch. Otherwise a gained shard starts as [`ShardStatus::ActiveSync`].
pub fn plan_epoch_change(
    shards: &BTreeMap<ShardIndex, ShardRecord>,
    owned: &[ShardIndex],
    epoch: Epoch,
    nothing_to_copy: bool,
) -> EpochPlan {
    let fresh = if nothing_to_copy {
        ShardStatus::Active
    } else {
        ShardStatus::ActiveSync
    };
    let mut plan = EpochPlan::default();
    for (shard, record) in shards {
        if owned.contains(shard) {
            continue;
        }
        if record.owned_in.saturating_add(SHARD_RETENTION_EPOCHS) <= epoch {
            plan.expired.push(*shard);
            continue;
        }
        if record.status != ShardStatus::LockedToMove {
            plan.lost.push(*shard);
        }
        plan.shards.insert(
            *shard,
            ShardRecord {
                status: ShardStatus::LockedToMove,
                ..*record
            },
        );
    }
    for shard in owned {
        let status = match shards.get(shard).map(|record| record.status) {
            // Regained before its storage went: what was written meanwhile is missing.
            None | Some(ShardStatus::LockedToMove) => {
                plan.gained.push(*shard);
                fresh
            }
            Some(ShardStatus::None) => fresh,
            Some(status) if nothing_to_copy && status != ShardStatus::Active => fresh,
            Some(status) => status,
        };
        plan.shards.insert(
            *shard,
            ShardRecord {
                status,
                owned_in: epoch,
            },
        );
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(status: ShardStatus, owned_in: Epoch) -> ShardRecord {
        ShardRecord { status, owned_in }
    }

    fn indices(numbers: &[u16]) -> Vec<ShardIndex> {
        numbers.iter().copied().map(ShardIndex).collect()
    }

    #[test]
    fn the_first_committee_starts_complete() {
        let plan = plan_epoch_change(&BTreeMap::new(), &indices(&[0, 3]), 1, true);
        assert_eq!(plan.gained, indices(&[0, 3]));
        assert!(
            plan.shards
                .values()
                .all(|record| *record == shard(ShardStatus::Active, 1))
        );
    }

    #[test]
    fn gained_kept_lost_and_expired() {
        let before = BTreeMap::from([
            (ShardIndex(0), shard(ShardStatus::Active, 4)),
            (ShardIndex(1), shard(ShardStatus::Active, 4)),
            (ShardIndex(2), shard(ShardStatus::LockedToMove, 3)),
            (ShardIndex(5), shard(ShardStatus::LockedToMove, 4)),
        ]);
        let plan = plan_epoch_change(&before, &indices(&[0, 9, 5]), 5, false);
        assert_eq!(plan.gained, indices(&[9, 5]));
        assert_eq!(plan.lost, indices(&[1]));
        assert_eq!(plan.expired, indices(&[2]));
        assert_eq!(
            plan.shards,
            BTreeMap::from([
                (ShardIndex(0), shard(ShardStatus::Active, 5)),
                (ShardIndex(1), shard(ShardStatus::LockedToMove, 4)),
                (ShardIndex(5), shard(ShardStatus::ActiveSync, 5)),
                (ShardIndex(9), shard(ShardStatus::ActiveSync, 5)),
            ])
        );
    }

    #[test]
    fn repeating_a_change_changes_nothing() {
        let before = BTreeMap::from([(ShardIndex(1), shard(ShardStatus::Active, 1))]);
        let owned = indices(&[2]);
        let once = plan_epoch_change(&before, &owned, 2, false);
        let twice = plan_epoch_change(&once.shards, &owned, 2, false);
        assert_eq!(once.shards, twice.shards);
        assert!(twice.gained.is_empty() && twice.lost.is_empty());
    }
}
