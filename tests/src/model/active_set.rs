//! The candidates for the next committee.

use walrus_core::ObjectId;

/// Nodes and their stakes, in the order in which they got their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveSet {
    /// The nodes.
    pub nodes: Vec<(ObjectId, u64)>,
    max_size: usize,
}

impl ActiveSet {
    /// An empty set with this many places.
    pub fn new(max_size: usize) -> Self {
        Self {
            nodes: Vec::new(),
            max_size,
        }
    }

    /// Sets the stake of a node. A node without stake leaves, and the last node takes its place; a
    /// new node takes a free place, or that of the first of the nodes with the least stake, if that
    /// is less.
    ///
    /// # Panics
    ///
    /// When there are no places at all.
    pub fn set(&mut self, node: ObjectId, stake: u64) {
        let place = self.nodes.iter().position(|(member, _)| *member == node);
        match place {
            Some(place) if stake == 0 => {
                self.nodes.swap_remove(place);
            }
            Some(place) => self.nodes[place].1 = stake,
            None if stake == 0 => {}
            None if self.nodes.len() < self.max_size => self.nodes.push((node, stake)),
            None => {
                let stakes = self.nodes.iter_mut();
                // Of equal ones, the minimum is the first.
                let least = stakes
                    .min_by_key(|(_, stake)| *stake)
                    .expect("it has places");
                if least.1 < stake {
                    *least = (node, stake);
                }
            }
        }
    }

    /// Sum of all stakes.
    pub fn total_stake(&self) -> u64 {
        self.nodes.iter().map(|(_, stake)| stake).sum()
    }
}
