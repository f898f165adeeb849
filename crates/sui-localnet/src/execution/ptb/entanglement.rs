//! Which values were used together, and whether a value that must still be consumed is among them.
//!
//! A private entry function may rely on nothing else in the transaction depending on its outcome:
//! none of its arguments may hang together with a live hot potato (a value with neither `drop` nor
//! `store`) or with a shared object that an earlier command took by value.

use super::values::Place;
use move_vm::ability::{Ability, AbilitySet};
use std::collections::BTreeMap;

/// Whether values with these abilities must still be consumed.
pub(super) fn is_hot(abilities: AbilitySet) -> bool {
    !abilities.has(Ability::Drop) && !abilities.has(Ability::Store)
}

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
    pub(super) fn join(&mut self, places: impl IntoIterator<Item = Place>) -> usize {
        let joint = self.new_group();
        for place in places {
            if let Some(group) = self.group_of.get(&place) {
                let root = self.root(*group);
                if root != joint {
                    self.parents[root] = joint;
                    self.hot[joint] += self.hot[root];
                }
            }
            self.group_of.insert(place, joint);
        }
        joint
    }

    /// Puts a result into a group.
    pub(super) fn add(&mut self, place: Place, group: usize, is_hot: bool) {
        let root = self.root(group);
        self.group_of.insert(place, root);
        self.hot[root] += usize::from(is_hot);
    }

    /// Notes that the hot value of a place was consumed.
    pub(super) fn consumed(&mut self, place: Place) {
        if let Some(group) = self.group_of.get(&place) {
            let root = self.root(*group);
            self.hot[root] = self.hot[root].saturating_sub(1);
        }
    }

    /// Notes something in the group that never cools down.
    pub(super) fn heat(&mut self, group: usize) {
        let root = self.root(group);
        self.hot[root] += 1;
    }

    /// Whether a live hot value hangs together with what a place holds.
    pub(super) fn is_hot(&self, place: Place) -> bool {
        self.group_of
            .get(&place)
            .is_some_and(|group| self.hot[self.root(*group)] > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_spreads_to_values_used_together_and_cools_when_consumed() {
        let mut groups = Entanglement::default();
        let (number, loan) = (Place::Result(0, 0), Place::Result(0, 1));
        let flash = groups.join([Place::Input(0)]);
        groups.add(number, flash, false);
        groups.add(loan, flash, true);
        assert!(!groups.is_hot(Place::Input(1)));
        let used = groups.join([number, Place::Input(1)]);
        assert!(groups.is_hot(Place::Input(1)));
        groups.consumed(loan);
        assert!(!groups.is_hot(Place::Input(1)));
        groups.join([Place::Input(2)]);
        groups.heat(used);
        assert!(!groups.is_hot(Place::Input(2)));
        assert!(groups.is_hot(Place::Input(0)));
    }
}
