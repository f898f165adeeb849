//! Which values were used together, and whether a value that must still be consumed is among them.
//!
//! A private entry function may rely on nothing else in the transaction depending on its outcome: none of its
//! arguments may hang together with a live hot potato (a value with neither `drop` nor `store`) or with a shared
//! object taken by value.

use super::values::Place;
use std::collections::BTreeMap;

/// Groups of values that met in a command.
#[derive(Debug, Default)]
pub(super) struct Entanglement {
    group_of: BTreeMap<Place, usize>,
    /// Parent of each group; a root is its own parent.
    parents: Vec<usize>,
    /// Live hot values by root.
    hot: Vec<usize>,
}

impl Entanglement {
    fn new_group(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.hot.push(0);
        self.parents.len() - 1
    }

    fn root(&self, mut group: usize) -> usize {
        while self.parents[group] != group {
            group = self.parents[group];
        }
        group
    }

    /// Joins the groups of all values that a command uses, and returns the joint group.
    pub(super) fn join(&mut self, places: &[Place]) -> usize {
        let joint = self.new_group();
        for place in places {
            if let Some(group) = self.group_of.get(place) {
                let root = self.root(*group);
                if root != joint {
                    self.parents[root] = joint;
                    self.hot[joint] += self.hot[root];
                }
            }
            self.group_of.insert(*place, joint);
        }
        joint
    }

    /// Puts a result into a group.
    pub(super) fn add(&mut self, place: Place, group: usize, is_hot: bool) {
        let root = self.root(group);
        self.group_of.insert(place, root);
        self.hot[root] += usize::from(is_hot);
    }

    /// Notes that a hot value of the group was consumed.
    pub(super) fn consumed(&mut self, group: usize) {
        let root = self.root(group);
        self.hot[root] = self.hot[root].saturating_sub(1);
    }

    /// Notes something in the group that never cools down.
    pub(super) fn heat(&mut self, group: usize) {
        let root = self.root(group);
        self.hot[root] += 1;
    }

    /// Whether a live hot value is in the group.
    pub(super) fn is_hot(&self, group: usize) -> bool {
        self.hot[self.root(group)] > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_spreads_to_values_used_together_and_cools_when_consumed() {
        let mut groups = Entanglement::default();
        let flash = groups.join(&[Place::Input(0)]);
        groups.add(Place::Result(0, 0), flash, false);
        groups.add(Place::Result(0, 1), flash, true);
        let used = groups.join(&[Place::Result(0, 0), Place::Input(1)]);
        assert!(groups.is_hot(used));
        let repaid = groups.join(&[Place::Result(0, 1)]);
        groups.consumed(repaid);
        assert!(!groups.is_hot(used));
        let other = groups.join(&[Place::Input(2)]);
        groups.heat(used);
        assert!(!groups.is_hot(other));
        assert!(groups.is_hot(repaid));
    }
}
