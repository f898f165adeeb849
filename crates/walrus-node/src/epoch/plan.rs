//! What a committee means for this node, as a pure function from a snapshot to a plan.
//!
//! The caller collects the snapshot, writes the plan down and hands its work on; it decides
//! nothing. Planning again from what a plan left behind changes nothing, so a crash anywhere is
//! cured by doing it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use walrus_core::{Epoch, ObjectId, ShardIndex};
use walrus_sui::Committee;

use super::{EpochView, ShardRecord, ShardStatus};
use crate::progress::NodePhase;

/// Epochs for which a lost shard is still served to readers and to its new owner.
pub const SHARD_RETENTION_EPOCHS: Epoch = 2;

/// Everything the plan depends on.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Who this node is. `None` if the chain has not said so yet: then nothing is taken away from
    /// it.
    pub node_id: Option<ObjectId>,
    /// The committee of the epoch.
    pub current: Arc<Committee>,
    /// The committee of the epoch before, if there was one.
    pub previous: Option<Arc<Committee>>,
    /// Shards with storage.
    pub shards: BTreeMap<ShardIndex, ShardRecord>,
    /// Those of the owned shards that lack slivers they should have.
    pub incomplete: BTreeSet<ShardIndex>,
}

/// What follows from a committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochPlan {
    /// The epoch.
    pub epoch: Epoch,
    /// Shards the committee assigns to this node, ascending.
    pub owned: Vec<ShardIndex>,
    /// All shards with storage from now on.
    pub shards: BTreeMap<ShardIndex, ShardRecord>,
    /// Shards that are new here, or come back after they had gone to another node.
    pub gained: Vec<ShardIndex>,
    /// Shards that go to another node: they are served, but take no more slivers.
    pub lost: Vec<ShardIndex>,
    /// Shards that are incomplete, and where what they lack can be had.
    pub work: Vec<ShardTask>,
    /// Shards whose storage can go.
    pub delete: Vec<ShardIndex>,
    /// What to tell the chain.
    pub attestation: Attestation,
    /// What the node is now.
    pub phase: NodePhase,
}

/// A shard that has to be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardTask {
    /// The shard.
    pub shard: ShardIndex,
    /// Where its slivers are.
    pub source: ShardSource,
}

/// Where the slivers of a shard can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardSource {
    /// The member of the previous committee that held it.
    Member(ObjectId),
    /// Nobody else has held it: slivers are recovered from symbols of other shards.
    Symbols,
}

/// When the node says on chain that it holds its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attestation {
    /// Never: it has no shards.
    None,
    /// Now.
    Now,
    /// When the work is done.
    WhenComplete,
}

impl Snapshot {
    /// Shards the committee assigns to this node, ascending.
    pub fn owned(&self) -> Vec<ShardIndex> {
        let member = self.node_id.and_then(|id| self.current.member(id));
        let mut shards = member.map_or_else(Vec::new, |(_, member)| member.shards.clone());
        shards.sort_unstable();
        shards
    }

    fn source(&self, shard: ShardIndex) -> ShardSource {
        self.previous
            .as_ref()
            .and_then(|previous| previous.member_of_shard(shard))
            .map(|(_, member)| member.node_id)
            .filter(|holder| Some(*holder) != self.node_id)
            .map_or(ShardSource::Symbols, ShardSource::Member)
    }

    /// Whether the committee is this node's first one in a while: it lacks the metadata, too.
    fn is_new_member(&self) -> bool {
        let was_member = |previous: &Arc<Committee>| {
            self.node_id.is_some_and(|id| previous.member(id).is_some())
        };
        self.previous
            .as_ref()
            .is_some_and(|previous| !was_member(previous))
    }
}

/// Plans what to do with the shards in the epoch of the snapshot.
pub fn plan_epoch(snapshot: &Snapshot) -> EpochPlan {
    let epoch = snapshot.current.epoch;
    let owned = snapshot.owned();
    let mut plan = EpochPlan {
        epoch,
        shards: BTreeMap::new(),
        gained: Vec::new(),
        lost: Vec::new(),
        work: Vec::new(),
        delete: Vec::new(),
        attestation: Attestation::None,
        phase: NodePhase::Standby,
        owned,
    };
    for (shard, record) in &snapshot.shards {
        if !plan.owned.contains(shard) {
            plan.release(*shard, *record, snapshot.node_id.is_some());
        }
    }
    for shard in plan.owned.clone() {
        plan.hold(shard, snapshot);
    }
    if plan.owned.is_empty() {
        return plan;
    }
    plan.phase = if plan.work.is_empty() {
        NodePhase::Active
    } else if snapshot.is_new_member() {
        NodePhase::RecoverMetadata
    } else {
        phase(plan.work.iter().map(|task| status_for(task.source)))
    };
    plan.attestation = if plan.work.is_empty() {
        Attestation::Now
    } else {
        Attestation::WhenComplete
    };
    plan
}

/// The phase of a node with the shards of `view`.
pub fn phase_of(view: &EpochView) -> NodePhase {
    if view.owned.is_empty() {
        return NodePhase::Standby;
    }
    let statuses = view.owned.iter().map(|shard| {
        view.shards
            .get(shard)
            .map_or(ShardStatus::ActiveRecover, |record| record.status)
    });
    phase(statuses)
}

/// A member that copies shards from their old holders is active; one that repairs its own is not.
fn phase(mut owned: impl Iterator<Item = ShardStatus>) -> NodePhase {
    if owned.all(|status| matches!(status, ShardStatus::Active | ShardStatus::ActiveSync)) {
        NodePhase::Active
    } else {
        NodePhase::Recovery
    }
}

fn status_for(source: ShardSource) -> ShardStatus {
    match source {
        ShardSource::Member(_) => ShardStatus::ActiveSync,
        ShardSource::Symbols => ShardStatus::ActiveRecover,
    }
}

impl EpochPlan {
    /// What becomes of a shard that another node holds now, or of any shard while we do not know
    /// who we are.
    fn release(&mut self, shard: ShardIndex, record: ShardRecord, identity_is_known: bool) {
        if !identity_is_known {
            self.shards.insert(shard, record);
            return;
        }
        if record.owned_in.saturating_add(SHARD_RETENTION_EPOCHS) <= self.epoch {
            self.delete.push(shard);
            return;
        }
        if record.status != ShardStatus::LockedToMove {
            self.lost.push(shard);
        }
        let status = ShardStatus::LockedToMove;
        self.shards.insert(shard, ShardRecord { status, ..record });
    }

    /// What becomes of a shard this node has to hold.
    fn hold(&mut self, shard: ShardIndex, snapshot: &Snapshot) {
        let before = snapshot.shards.get(&shard).map(|record| record.status);
        if matches!(before, None | Some(ShardStatus::LockedToMove)) {
            self.gained.push(shard);
        }
        let status = if snapshot.incomplete.contains(&shard) {
            // A copy that failed once is not begun again: only symbols are left.
            let source = match before {
                Some(ShardStatus::ActiveRecover) => ShardSource::Symbols,
                _ => snapshot.source(shard),
            };
            self.work.push(ShardTask { shard, source });
            status_for(source)
        } else {
            ShardStatus::Active
        };
        let record = ShardRecord {
            status,
            owned_in: self.epoch,
        };
        self.shards.insert(shard, record);
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{Frost, NShards, ProtocolPublicKey};

    use super::*;
    use crate::chain::CommitteeMember;

    const ME: ObjectId = ObjectId([1; 32]);
    const OTHER: ObjectId = ObjectId([2; 32]);

    fn indices(numbers: &[u16]) -> Vec<ShardIndex> {
        numbers.iter().copied().map(ShardIndex).collect()
    }

    fn committee(epoch: Epoch, mine: &[u16]) -> Arc<Committee> {
        let member = |node_id, shards| CommitteeMember {
            node_id,
            name: String::new(),
            network_address: String::new(),
            // The plan must not look at keys.
            public_key: ProtocolPublicKey([u8::try_from(epoch).unwrap(); 48]),
            network_public_key: None,
            shards,
            stake: Frost(1),
        };
        let theirs: Vec<u16> = (0..10).filter(|shard| !mine.contains(shard)).collect();
        let mut members = vec![member(OTHER, indices(&theirs))];
        if !mine.is_empty() {
            members.insert(0, member(ME, indices(mine)));
        }
        Arc::new(Committee {
            epoch,
            n_shards: NShards::new(10).unwrap(),
            members,
        })
    }

    fn snapshot(epoch: Epoch, previous: Option<&[u16]>, mine: &[u16]) -> Snapshot {
        Snapshot {
            node_id: Some(ME),
            current: committee(epoch, mine),
            previous: previous.map(|shards| committee(epoch - 1, shards)),
            shards: BTreeMap::new(),
            incomplete: BTreeSet::new(),
        }
    }

    fn record(status: ShardStatus, owned_in: Epoch) -> ShardRecord {
        ShardRecord { status, owned_in }
    }

    fn with_shards(mut snapshot: Snapshot, shards: &[(u16, ShardStatus, Epoch)]) -> Snapshot {
        snapshot.shards = shards
            .iter()
            .map(|(shard, status, owned_in)| (ShardIndex(*shard), record(*status, *owned_in)))
            .collect();
        snapshot
    }

    fn lacking(mut snapshot: Snapshot, shards: &[u16]) -> Snapshot {
        snapshot.incomplete = indices(shards).into_iter().collect();
        snapshot
    }

    #[test]
    fn the_first_committee_starts_complete() {
        let plan = plan_epoch(&snapshot(1, None, &[3, 0]));
        assert_eq!(plan.owned, indices(&[0, 3]));
        assert_eq!(plan.gained, indices(&[0, 3]));
        assert!(plan.work.is_empty());
        assert_eq!(
            (plan.attestation, plan.phase),
            (Attestation::Now, NodePhase::Active)
        );
        let complete = record(ShardStatus::Active, 1);
        assert!(plan.shards.values().all(|record| *record == complete));
    }

    #[test]
    fn gained_kept_lost_and_deleted() {
        use ShardStatus::{Active, ActiveRecover, ActiveSync, LockedToMove};
        let before = with_shards(
            snapshot(5, Some(&[0, 1]), &[0, 9, 5]),
            &[
                (0, Active, 4),
                (1, Active, 4),
                (2, LockedToMove, 3),
                (5, LockedToMove, 4),
            ],
        );
        let plan = plan_epoch(&lacking(before, &[0, 5, 9]));
        assert_eq!(plan.gained, indices(&[5, 9]));
        assert_eq!(plan.lost, indices(&[1]));
        assert_eq!(plan.delete, indices(&[2]));
        let task = |shard, source| ShardTask {
            shard: ShardIndex(shard),
            source,
        };
        // Shard 0 was ours before: nobody has a copy.
        assert_eq!(
            plan.work,
            [
                task(0, ShardSource::Symbols),
                task(5, ShardSource::Member(OTHER)),
                task(9, ShardSource::Member(OTHER)),
            ]
        );
        let expected = [
            (0, ActiveRecover, 5),
            (1, LockedToMove, 4),
            (5, ActiveSync, 5),
            (9, ActiveSync, 5),
        ];
        assert_eq!(
            plan.shards,
            with_shards(snapshot(5, None, &[]), &expected).shards
        );
        assert_eq!(
            (plan.attestation, plan.phase),
            (Attestation::WhenComplete, NodePhase::Recovery)
        );
    }

    #[test]
    fn planning_again_changes_nothing() {
        use ShardStatus::{Active, ActiveRecover};
        let before = with_shards(
            snapshot(2, Some(&[1, 4]), &[2, 4]),
            &[(1, Active, 1), (4, ActiveRecover, 1)],
        );
        let mut snapshot = lacking(before, &[2, 4]);
        let once = plan_epoch(&snapshot);
        snapshot.shards = once.shards.clone();
        let twice = plan_epoch(&snapshot);
        assert!(twice.gained.is_empty() && twice.lost.is_empty());
        assert_eq!(
            (once.shards, once.work, once.attestation, once.phase),
            (twice.shards, twice.work, twice.attestation, twice.phase)
        );
    }

    #[test]
    fn copying_is_no_recovery_and_new_members_fetch_metadata_first() {
        let kept = with_shards(
            snapshot(4, Some(&[0]), &[0, 1]),
            &[(0, ShardStatus::Active, 3)],
        );
        assert_eq!(plan_epoch(&lacking(kept, &[1])).phase, NodePhase::Active);
        let joined = lacking(snapshot(4, Some(&[]), &[0, 1]), &[1]);
        assert_eq!(plan_epoch(&joined).phase, NodePhase::RecoverMetadata);
        let nothing_to_fetch = snapshot(4, Some(&[]), &[0, 1]);
        assert_eq!(plan_epoch(&nothing_to_fetch).phase, NodePhase::Active);
    }

    #[test]
    fn a_copy_that_failed_is_recovered() {
        let before = with_shards(
            snapshot(4, Some(&[0]), &[1]),
            &[(1, ShardStatus::ActiveRecover, 4)],
        );
        let plan = plan_epoch(&lacking(before, &[1]));
        assert_eq!(plan.work[0].source, ShardSource::Symbols);
    }

    #[test]
    fn a_node_that_left_keeps_its_shards_for_a_while() {
        let shards = [(1, ShardStatus::Active, 3)];
        let plan = plan_epoch(&with_shards(snapshot(4, Some(&[1]), &[]), &shards));
        assert_eq!(
            (plan.attestation, plan.phase),
            (Attestation::None, NodePhase::Standby)
        );
        assert_eq!(plan.lost, indices(&[1]));
        let plan = plan_epoch(&with_shards(snapshot(5, Some(&[]), &[]), &shards));
        assert_eq!(plan.delete, indices(&[1]));
    }

    #[test]
    fn who_does_not_know_who_it_is_loses_nothing() {
        let shards = [
            (1, ShardStatus::Active, 3),
            (2, ShardStatus::LockedToMove, 2),
        ];
        let mut snapshot = with_shards(snapshot(9, Some(&[1]), &[1]), &shards);
        snapshot.node_id = None;
        let plan = plan_epoch(&snapshot);
        assert_eq!(plan.shards, snapshot.shards);
        assert!(plan.delete.is_empty() && plan.lost.is_empty() && plan.owned.is_empty());
    }
}
