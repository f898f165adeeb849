//! Upgrades of the governance package itself: whose approval counts, from when on, and whether it
//! is enough.

use std::collections::BTreeSet;

use stdx::SaturatingFrom as _;
use walrus_contracts::types::voting::Approval;
use walrus_core::ObjectId;

/// How old an approval has to be to count, in ms: `own_package::APPROVAL_DELAY_MS`.
pub const APPROVAL_DELAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A node that decides about upgrades, because it has handed its authority over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovingNode {
    /// The node.
    pub node_id: ObjectId,
    /// Its shards.
    pub weight: u16,
    /// What it approved last, be it of this version or of an earlier one.
    pub approval: Option<Approval>,
}

/// All nodes that decide, and what they have said.
///
/// Nodes with more than two thirds of all shards decide alone. As long as they are fewer, the
/// holder of the `BootstrapUpgradeCap` decides with more than two thirds of those that have handed
/// their authority over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// Version of the package that would be upgraded. Approvals of other versions are void.
    pub version: u64,
    /// Shards of all nodes of the last committee that the governance has seen.
    pub total_weight: u16,
    /// The nodes that handed their authority over, of the last committee that the governance has
    /// seen.
    pub nodes: Vec<ApprovingNode>,
}

/// How far one upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Shards whose approval counts already.
    pub counting: u16,
    /// Shards whose approval is too young to count.
    pub waiting: u16,
    /// Shards whose approval has to count.
    pub needed: u16,
    /// When enough approvals count, in ms since 1970; `None` as long as more are needed.
    pub enough_from_ms: Option<u64>,
}

impl Support {
    /// Whether the upgrade can be made now.
    pub fn is_enough(&self) -> bool {
        self.counting >= self.needed
    }
}

impl Approvals {
    /// Shards whose approval an upgrade needs: more than two thirds of all.
    pub fn needed(&self) -> u16 {
        over_two_thirds(u32::from(self.total_weight))
    }

    /// Shards whose approval an upgrade needs with the `BootstrapUpgradeCap`: more than two thirds
    /// of those that have handed their authority over, and none if nobody has.
    pub fn needed_with_cap(&self) -> u16 {
        match self.nodes.iter().map(|node| u32::from(node.weight)).sum() {
            0 => 0,
            delegated => over_two_thirds(delegated),
        }
    }

    /// What `node` approves now.
    pub fn of(&self, node: ObjectId) -> Option<&Approval> {
        let node = self.nodes.iter().find(|known| known.node_id == node)?;
        self.valid(node)
    }

    /// The digests that anybody approves now.
    pub fn digests(&self) -> BTreeSet<&[u8]> {
        let valid = self.nodes.iter().filter_map(|node| self.valid(node));
        valid.map(|approval| approval.digest.as_slice()).collect()
    }

    /// How far the upgrade to the package with `digest` is at `now_ms`, by approval alone.
    pub fn support(&self, digest: &[u8], now_ms: u64) -> Support {
        self.support_of(digest, now_ms, self.needed())
    }

    /// How far the upgrade to the package with `digest` is at `now_ms`, for the holder of the
    /// `BootstrapUpgradeCap`.
    pub fn support_with_cap(&self, digest: &[u8], now_ms: u64) -> Support {
        self.support_of(digest, now_ms, self.needed_with_cap())
    }

    fn support_of(&self, digest: &[u8], now_ms: u64, needed: u16) -> Support {
        let mut approving: Vec<(u64, u16)> = self
            .nodes
            .iter()
            .filter_map(|node| Some((self.valid(node)?, node.weight)))
            .filter(|(approval, _)| approval.digest == digest)
            .map(|(approval, weight)| (approval.given_at_ms, weight))
            .collect();
        approving.sort_unstable();
        let mut support = Support {
            counting: 0,
            waiting: 0,
            needed,
            enough_from_ms: None,
        };
        for (given_at_ms, weight) in approving {
            let counts_from_ms = given_at_ms.saturating_add(APPROVAL_DELAY_MS);
            if counts_from_ms <= now_ms {
                support.counting += weight;
            } else {
                support.waiting += weight;
            }
            if support.counting + support.waiting >= support.needed {
                support.enough_from_ms.get_or_insert(counts_from_ms);
            }
        }
        support
    }

    fn valid<'a>(&self, node: &'a ApprovingNode) -> Option<&'a Approval> {
        let approval = node.approval.as_ref();
        approval.filter(|approval| approval.version == self.version)
    }
}

/// Smallest number of shards that is more than two thirds of `total`.
fn over_two_thirds(total: u32) -> u16 {
    u16::saturating_from(2 * total / 3 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = APPROVAL_DELAY_MS;

    fn node(index: u8, weight: u16, approval: Option<(u64, u8, u64)>) -> ApprovingNode {
        ApprovingNode {
            node_id: ObjectId([index; 32]),
            weight,
            approval: approval.map(|(version, digest, given_at_ms)| Approval {
                version,
                digest: vec![digest; 32],
                given_at_ms,
            }),
        }
    }

    #[test]
    fn approvals_count_a_day_later_and_for_one_digest_and_version() {
        let approvals = Approvals {
            version: 2,
            total_weight: 10,
            nodes: vec![
                node(1, 3, Some((2, 7, 1_000))),
                node(2, 3, Some((2, 7, 5_000))),
                node(3, 2, Some((2, 8, 1_000))),
                node(4, 2, Some((1, 7, 1_000))),
            ],
        };
        assert_eq!(approvals.needed(), 7);
        let young = approvals.support(&[7; 32], DAY + 999);
        assert_eq!((young.counting, young.waiting), (0, 6));
        let partly = approvals.support(&[7; 32], DAY + 1_000);
        assert_eq!((partly.counting, partly.waiting), (3, 3));
        assert_eq!(partly.enough_from_ms, None);
        assert_eq!(approvals.support(&[9; 32], DAY).counting, 0);
        assert_eq!(approvals.digests().len(), 2);
        assert!(approvals.of(ObjectId([3; 32])).is_some());
        assert!(
            approvals.of(ObjectId([4; 32])).is_none(),
            "of another version"
        );
    }

    #[test]
    fn enough_is_when_the_last_needed_approval_counts() {
        let approvals = Approvals {
            version: 1,
            total_weight: 10,
            nodes: vec![
                node(1, 3, Some((1, 7, 9_000))),
                node(2, 3, Some((1, 7, 1_000))),
                node(3, 2, Some((1, 7, 2_000))),
                node(4, 2, None),
            ],
        };
        let support = approvals.support(&[7; 32], DAY + 8_999);
        assert_eq!((support.counting, support.waiting), (5, 3));
        assert_eq!(support.enough_from_ms, Some(DAY + 9_000));
        assert!(!support.is_enough());
        assert!(approvals.support(&[7; 32], DAY + 9_000).is_enough());
    }

    #[test]
    fn nobody_decides_where_nobody_handed_anything_over() {
        let approvals = Approvals {
            version: 1,
            total_weight: 10,
            nodes: vec![],
        };
        let support = approvals.support(&[7; 32], u64::MAX);
        assert_eq!((support.needed, support.is_enough()), (7, false));
        let support = approvals.support_with_cap(&[7; 32], 0);
        assert_eq!((support.needed, support.is_enough()), (0, true));
    }

    #[test]
    fn early_nodes_decide_with_the_holder_of_the_capability_only() {
        let approvals = Approvals {
            version: 1,
            total_weight: 10,
            nodes: vec![node(1, 2, Some((1, 7, 0))), node(2, 1, None)],
        };
        let alone = approvals.support(&[7; 32], DAY);
        assert_eq!((alone.counting, alone.needed), (2, 7));
        let together = approvals.support_with_cap(&[7; 32], DAY);
        assert_eq!((together.counting, together.needed), (2, 3));
        assert!(!together.is_enough(), "two thirds are not more than them");
    }
}
