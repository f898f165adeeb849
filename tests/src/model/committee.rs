//! Which node holds which shards.

use std::collections::BTreeMap;

use walrus_core::ObjectId;

/// Node → its shards, in the order that decides which of them leave next. Ids sort as big-endian
/// numbers.
pub type Assignment = BTreeMap<ObjectId, Vec<u16>>;

/// The first committee: consecutive shards, in the order of the nodes.
pub fn first_committee(counts: &[(ObjectId, u16)]) -> Assignment {
    let sorted: BTreeMap<_, _> = counts.iter().copied().collect();
    let mut shards = 0..;
    sorted
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(node, count)| (node, shards.by_ref().take(count.into()).collect()))
        .collect()
}

/// The committee with new numbers of shards, which are given in the order of the active set.
///
/// Nodes give up shards from the ends of their lists, in node order; these go, last one first, to
/// the new nodes in the order of the active set and then to the growing ones in node order.
///
/// # Panics
///
/// When the numbers do not add up to those of the committee.
pub fn next_committee(current: &Assignment, counts: &[(ObjectId, u16)]) -> Assignment {
    let wanted: BTreeMap<_, _> = counts.iter().copied().collect();
    let want = |node: &ObjectId| usize::from(wanted.get(node).copied().unwrap_or(0));
    let mut freed = Vec::new();
    let mut next = Assignment::new();
    for (node, shards) in current {
        let mut kept = shards.clone();
        if want(node) == 0 {
            freed.append(&mut kept);
        } else {
            while kept.len() > want(node) {
                freed.extend(kept.pop());
            }
            next.insert(*node, kept);
        }
    }
    let new = counts
        .iter()
        .map(|(node, _)| node)
        .filter(|node| !current.contains_key(node));
    let growing = current
        .keys()
        .filter(|node| want(node) > current[node].len());
    for node in new.chain(growing) {
        if want(node) == 0 {
            continue;
        }
        let shards = next.entry(*node).or_default();
        while shards.len() < want(node) {
            shards.push(freed.pop().expect("the counts add up"));
        }
    }
    assert!(freed.is_empty(), "the counts add up");
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(u8, u16)]) -> Vec<(ObjectId, u16)> {
        counts
            .iter()
            .map(|(node, count)| (ObjectId([*node; 32]), *count))
            .collect()
    }

    fn shards(committee: &Assignment) -> Vec<(u8, Vec<u16>)> {
        committee
            .iter()
            .map(|(node, shards)| (node.0[0], shards.clone()))
            .collect()
    }

    #[test]
    fn the_examples_of_the_specification_hold() {
        let first = first_committee(&counts(&[(4, 3), (1, 2), (3, 3), (2, 2)]));
        assert_eq!(
            shards(&first),
            [
                (1, vec![0, 1]),
                (2, vec![2, 3]),
                (3, vec![4, 5, 6]),
                (4, vec![7, 8, 9])
            ]
        );
        let second = next_committee(&first, &counts(&[(5, 3), (3, 4), (1, 1), (2, 2)]));
        assert_eq!(
            shards(&second),
            [
                (1, vec![0]),
                (2, vec![2, 3]),
                (3, vec![4, 5, 6, 1]),
                (5, vec![9, 8, 7])
            ]
        );
        let third = next_committee(&second, &counts(&[(2, 3), (6, 2), (5, 2), (1, 3)]));
        assert_eq!(
            shards(&third),
            [
                (1, vec![0, 6, 5]),
                (2, vec![2, 3, 4]),
                (5, vec![9, 8]),
                (6, vec![7, 1])
            ]
        );
    }
}
