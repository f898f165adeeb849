//! What is staked with each node, as the committee attests it before a vote opens.

use walrus_contracts::types::voting::Census;
use walrus_core::{Epoch, NShards, ObjectId, hash::blake2b256};

/// How far the census of the current epoch is. Without one no vote opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusStanding {
    /// The current epoch, which the census is of.
    pub epoch: Epoch,
    /// What is staked with each member of the committee, in FROST, in its order.
    pub totals: Vec<u64>,
    /// Whether a list stands, so that votes can open in this epoch.
    pub is_confirmed: bool,
    /// Shards whose nodes attest `totals`.
    pub attested: u16,
    /// Shards whose nodes have to attest the same list.
    pub needed: u16,
    /// Nodes that have attested some list; they cannot attest another one.
    pub attesters: Vec<ObjectId>,
}

impl CensusStanding {
    /// How far `census`, which is that of `epoch`, is with the list `totals`.
    pub fn of(epoch: Epoch, n_shards: NShards, totals: Vec<u64>, census: Option<&Census>) -> Self {
        let hash = hash(&totals);
        let attested = census.and_then(|census| census.candidates.get(&hash).copied());
        Self {
            epoch,
            totals,
            is_confirmed: census.is_some_and(|census| census.totals.is_some()),
            attested: attested.unwrap_or(0),
            needed: n_shards.get() / 3 + 1,
            attesters: census.map_or_else(Vec::new, |census| census.attesters.contents.clone()),
        }
    }

    /// Whether it is of use that `node` attests `totals`.
    pub fn wants(&self, node: ObjectId) -> bool {
        !self.is_confirmed && !self.attesters.contains(&node)
    }

    /// Whether votes can open once `more` shards attest `totals`.
    pub fn stands_with(&self, more: u16) -> bool {
        self.is_confirmed || self.attested.saturating_add(more) >= self.needed
    }
}

/// The hash under which a list is counted: of its BCS.
fn hash(totals: &[u64]) -> Vec<u8> {
    let bytes = bcs::to_bytes(totals).expect("numbers can be encoded");
    blake2b256(&[&bytes]).to_vec()
}

#[cfg(test)]
mod tests {
    use walrus_contracts::types::{VecMap, VecSet};

    use super::*;

    fn node(index: u8) -> ObjectId {
        ObjectId([index; 32])
    }

    fn standing(census: Option<&Census>) -> CensusStanding {
        let n_shards = NShards::new(10).expect("not zero");
        CensusStanding::of(7, n_shards, vec![1, 2, 3], census)
    }

    #[test]
    fn a_list_stands_with_more_than_a_third() {
        let none = standing(None);
        assert_eq!((none.epoch, none.attested, none.needed), (7, 0, 4));
        assert_eq!(none.totals, [1, 2, 3]);
        assert!(none.wants(node(1)));
        assert!(!none.stands_with(3));
        assert!(none.stands_with(4));

        // Three shards for what is true, four for something else.
        let census = Census {
            attesters: VecSet {
                contents: vec![node(1), node(3)],
            },
            candidates: VecMap {
                contents: vec![(hash(&[1, 2, 4]), 4), (hash(&[1, 2, 3]), 3)],
            },
            totals: None,
        };
        let partial = standing(Some(&census));
        assert_eq!(partial.attested, 3);
        assert!(!partial.wants(node(1)));
        assert!(partial.wants(node(2)));
        assert!(partial.stands_with(1));

        let census = Census {
            totals: Some(vec![1, 2, 3]),
            ..census
        };
        let confirmed = standing(Some(&census));
        assert!(confirmed.stands_with(0));
        assert!(!confirmed.wants(node(2)));
    }
}
