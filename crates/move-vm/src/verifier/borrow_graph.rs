//! Which reference may reach what another one refers to.
//!
//! Nodes are references, and one root for the frame's locals. An edge from a parent to a child says
//! that the child was borrowed from what the parent refers to, along a path of labels. A strong
//! edge knows the whole path; a weak one knows a prefix, and that anything may follow. Removing a
//! node connects its parents with its children, so that what is known about the others stays.

use std::collections::{BTreeMap, BTreeSet};

/// A reference, or the root.
pub(super) type RefId = usize;

/// More edges between two nodes are merged into one that says less.
const EDGES_MAX: usize = 10;

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    /// From the frame to a local.
    Local(u8),
    /// From a struct to a field.
    Field(u16),
    /// From an enum value to a field of a variant.
    VariantField(u16, u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    strong: bool,
    path: Vec<Label>,
}

impl Edge {
    /// The path of `self`, then that of `next`.
    fn then(&self, next: &Self) -> Self {
        if self.strong {
            let path = self.path.iter().chain(&next.path).copied().collect();
            Self {
                strong: next.strong,
                path,
            }
        } else {
            self.clone()
        }
    }

    /// Whether everything that `other` says may be so is allowed by `self` too.
    fn covers(&self, other: &Self) -> bool {
        self == other || (!self.strong && other.path.starts_with(&self.path))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    mutable: bool,
    children: BTreeMap<RefId, Vec<Edge>>,
    parents: BTreeSet<RefId>,
}

/// See the module's description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BorrowGraph {
    nodes: BTreeMap<RefId, Node>,
}

impl BorrowGraph {
    pub(super) fn add(&mut self, id: RefId, mutable: bool) {
        self.nodes.insert(
            id,
            Node {
                mutable,
                ..Node::default()
            },
        );
    }

    pub(super) fn is_mutable(&self, id: RefId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.mutable)
    }

    /// Whether something is borrowed from `id` (through `label`, when given).
    pub(super) fn is_borrowed(&self, id: RefId, label: Option<Label>) -> bool {
        self.borrows(id, label).next().is_some()
    }

    /// Whether something is borrowed mutably from `id` (through `label`, when given).
    pub(super) fn is_mutably_borrowed(&self, id: RefId, label: Option<Label>) -> bool {
        self.borrows(id, label).any(|child| self.is_mutable(child))
    }

    /// Whether all of `id`, or an unknown part, is borrowed.
    pub(super) fn has_full_borrows(&self, id: RefId) -> bool {
        self.edges(id).any(|(_, edge)| edge.path.is_empty())
    }

    /// Children that may overlap with `label`, or all.
    fn borrows(&self, id: RefId, label: Option<Label>) -> impl Iterator<Item = RefId> + '_ {
        self.edges(id)
            .filter(move |(_, edge)| match (edge.path.first(), label) {
                (Some(first), Some(label)) => *first == label,
                _ => true,
            })
            .map(|(child, _)| child)
    }

    /// Number of edges, for bounding work.
    pub(super) fn edge_count(&self) -> usize {
        let children = self.nodes.values().flat_map(|node| node.children.values());
        children.map(Vec::len).sum()
    }

    fn edges(&self, id: RefId) -> impl Iterator<Item = (RefId, &Edge)> {
        let children = self
            .nodes
            .get(&id)
            .into_iter()
            .flat_map(|node| &node.children);
        children.flat_map(|(child, edges)| edges.iter().map(|edge| (*child, edge)))
    }

    fn add_edge(&mut self, parent: RefId, edge: Edge, child: RefId) {
        if parent == child {
            return;
        }
        let Some(node) = self.nodes.get_mut(&parent) else {
            return;
        };
        let edges = node.children.entry(child).or_default();
        if !edges.iter().any(|known| known.covers(&edge)) {
            edges.push(edge);
            if edges.len() > EDGES_MAX {
                *edges = vec![Edge {
                    strong: false,
                    path: Vec::new(),
                }];
            }
        }
        if let Some(node) = self.nodes.get_mut(&child) {
            node.parents.insert(parent);
        }
    }

    /// `child` refers to the same as `parent`. What was borrowed from `parent` before becomes
    /// borrowed from `child`: the newest reference waits for the older ones.
    pub(super) fn add_copy(&mut self, parent: RefId, child: RefId) {
        self.insert_below(parent, None, child);
    }

    /// `child` refers to some part of what `parent` refers to.
    pub(super) fn add_part(&mut self, parent: RefId, child: RefId) {
        self.add_edge(
            parent,
            Edge {
                strong: false,
                path: Vec::new(),
            },
            child,
        );
    }

    /// `child` refers to what is at `label` in what `parent` refers to. What was borrowed there
    /// before becomes borrowed from `child`, as in [`Self::add_copy`].
    pub(super) fn add_label(&mut self, parent: RefId, label: Label, child: RefId) {
        self.insert_below(parent, Some(label), child);
    }

    /// Inserts `child` between `parent` and those of its children whose path begins with `label`,
    /// or all.
    fn insert_below(&mut self, parent: RefId, label: Option<Label>, child: RefId) {
        let mut moved = Vec::new();
        if let Some(node) = self.nodes.get_mut(&parent) {
            for (other, edges) in &mut node.children {
                edges.retain(|edge| {
                    let begins = label.is_none() || edge.path.first() == label.as_ref();
                    if begins {
                        let path = edge.path[usize::from(label.is_some())..].to_vec();
                        moved.push((
                            *other,
                            Edge {
                                strong: edge.strong,
                                path,
                            },
                        ));
                    }
                    !begins
                });
            }
            node.children.retain(|_, edges| !edges.is_empty());
        }
        for (other, _) in &moved {
            self.forget_parent_without_edges(parent, *other);
        }
        let path = label.into_iter().collect();
        self.add_edge(parent, Edge { strong: true, path }, child);
        for (other, edge) in moved {
            self.add_edge(child, edge, other);
        }
    }

    fn forget_parent_without_edges(&mut self, parent: RefId, child: RefId) {
        let has_edges = self
            .nodes
            .get(&parent)
            .is_some_and(|node| node.children.contains_key(&child));
        if !has_edges && let Some(node) = self.nodes.get_mut(&child) {
            node.parents.remove(&parent);
        }
    }

    /// Removes a reference that is no longer used.
    pub(super) fn release(&mut self, id: RefId) {
        let Some(node) = self.nodes.remove(&id) else {
            return;
        };
        for child in node.children.keys() {
            if let Some(child) = self.nodes.get_mut(child) {
                child.parents.remove(&id);
            }
        }
        for parent in node.parents {
            let incoming = self
                .nodes
                .get_mut(&parent)
                .and_then(|parent| parent.children.remove(&id));
            for incoming in incoming.into_iter().flatten() {
                for (child, outgoing) in &node.children {
                    for outgoing in outgoing {
                        self.add_edge(parent, incoming.then(outgoing), *child);
                    }
                }
            }
        }
    }

    /// Renames references.
    pub(super) fn rename(&self, names: &BTreeMap<RefId, RefId>) -> Self {
        let name = |id: &RefId| names.get(id).copied().unwrap_or(*id);
        let nodes = self.nodes.iter().map(|(id, node)| {
            let children = node
                .children
                .iter()
                .map(|(child, edges)| (name(child), edges.clone()))
                .collect();
            let parents = node.parents.iter().map(name).collect();
            (
                name(id),
                Node {
                    mutable: node.mutable,
                    children,
                    parents,
                },
            )
        });
        Self {
            nodes: nodes.collect(),
        }
    }

    /// Adds what `other`, a graph over the same references, allows; true if that is new.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let mut grown = false;
        for id in other.nodes.keys() {
            for (child, edge) in other.edges(*id) {
                if !self.covers(*id, edge, child) {
                    self.add_edge(*id, edge.clone(), child);
                    grown = true;
                }
            }
        }
        grown
    }

    fn covers(&self, parent: RefId, edge: &Edge, child: RefId) -> bool {
        let edges = self
            .nodes
            .get(&parent)
            .and_then(|node| node.children.get(&child));
        edges.is_some_and(|edges| edges.iter().any(|known| known.covers(edge)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(count: usize) -> BorrowGraph {
        let mut graph = BorrowGraph::default();
        (0..count).for_each(|id| graph.add(id, true));
        graph
    }

    #[test]
    fn released_references_connect_their_neighbours() {
        let mut graph = graph(3);
        graph.add_label(0, Label::Field(1), 1);
        graph.add_label(1, Label::Field(2), 2);
        graph.release(1);
        assert!(graph.is_borrowed(0, Some(Label::Field(1))));
        assert!(!graph.is_borrowed(0, Some(Label::Field(2))));
        graph.release(2);
        assert!(!graph.is_borrowed(0, None));
    }

    #[test]
    fn the_newest_borrow_of_a_place_waits_for_older_ones() {
        let mut graph = graph(3);
        graph.add_label(0, Label::Local(4), 1);
        graph.add_label(0, Label::Local(4), 2);
        assert!(graph.is_borrowed(2, None));
        assert!(!graph.is_borrowed(1, None));
        graph.release(1);
        assert!(!graph.is_borrowed(2, None));
    }

    #[test]
    fn unknown_parts_overlap_with_every_label() {
        let mut graph = graph(3);
        graph.add_part(0, 1);
        assert!(graph.has_full_borrows(0));
        assert!(graph.is_borrowed(0, Some(Label::Field(0))));
        graph.add_label(1, Label::Field(3), 2);
        graph.release(1);
        assert!(
            graph.has_full_borrows(0),
            "what follows an unknown part stays unknown"
        );
    }

    #[test]
    fn joining_grows_until_everything_is_covered() {
        let mut left = graph(2);
        let mut right = graph(2);
        right.add_label(0, Label::Field(1), 1);
        assert!(left.join(&right));
        assert!(!left.join(&right));
        let mut weak = graph(2);
        weak.add_part(0, 1);
        assert!(left.join(&weak));
        assert!(!left.join(&right));
    }
}
