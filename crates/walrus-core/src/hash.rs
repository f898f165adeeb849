//! The one hash function of Walrus: BLAKE2b with 32 bytes of output, unkeyed.
//!
//! Encoding a blob for a thousand shards takes three million hashes, nearly all of one block. The
//! functions for many inputs compute several at a time in SIMD lanes, chosen for the CPU at run
//! time, and equal neighbours, such as the zeros behind a small blob, only once; their results are
//! those of [`blake2b256`].

mod lanes;
mod striped;

use std::sync::OnceLock;

use lanes::{Compress, Lanes, Stretch, initial_state, with_lanes};

pub use striped::StripedLeaves;

/// Length of every digest, in bytes.
pub const DIGEST_LEN: usize = 32;

/// A digest.
pub type Digest = [u8; DIGEST_LEN];

/// Domain prefix of the leaves of a Merkle tree.
pub const LEAF_PREFIX: u8 = 0;

/// Domain prefix of the inner nodes of a Merkle tree.
pub const INNER_PREFIX: u8 = 1;

/// Bytes that BLAKE2b takes in at once. Stretches of striped hashes are multiples of it.
pub const BLOCK_LEN: usize = lanes::BLOCK_LEN;

/// `H(parts[0] ‖ parts[1] ‖ …)`.
pub fn blake2b256(parts: &[&[u8]]) -> Digest {
    let mut state = blake2b_simd::Params::new()
        .hash_length(DIGEST_LEN)
        .to_state();
    for part in parts {
        state.update(part);
    }
    let mut digest = [0; DIGEST_LEN];
    digest.copy_from_slice(state.finalize().as_bytes());
    digest
}

/// Hashes leaves: `digests[i] = H(0 ‖ cells[i * length..][..length])`.
///
/// What follows the last cell in memory may be attached to `cells`; it is not hashed.
///
/// Panics if there are fewer cells than digests.
pub fn hash_leaves(cells: &[u8], length: usize, digests: &mut [Digest]) {
    assert!(
        cells.len() >= length * digests.len(),
        "one cell for each digest"
    );
    if length == 2
        && let Some(table) = leaves_of_two_bytes(digests.len())
    {
        for (digest, cell) in digests.iter_mut().zip(cells.as_chunks::<2>().0) {
            *digest = table[usize::from(u16::from_le_bytes(*cell))];
        }
        return;
    }
    hash_leaves_with(Lanes::detect(), cells, length, digests);
}

fn hash_leaves_with(lanes: Lanes, cells: &[u8], length: usize, digests: &mut [Digest]) {
    with_lanes!(lanes, with, L => hash_leaves_in::<L>(with, cells, length, digests));
}

fn hash_leaves_in<const L: usize>(
    with: impl Compress<L>,
    cells: &[u8],
    length: usize,
    digests: &mut [Digest],
) {
    let group = L * length;
    let mut previous = [[0; DIGEST_LEN]; L];
    for (index, digests) in digests.chunks_mut(L).enumerate() {
        let start = index * group;
        let whole = digests.len() == L;
        let equal =
            whole && index > 0 && cells[start - group..start] == cells[start..start + group];
        if !equal {
            // The lanes that are left over hash the last cell again.
            let cell = |lane: usize| &cells[start + lane.min(digests.len() - 1) * length..];
            previous = hash_lanes::<L>(std::array::from_fn(cell), length, LEAF_PREFIX, with);
        }
        digests.copy_from_slice(&previous[..digests.len()]);
    }
}

/// Leaves of two bytes that must be hashed at once for [`leaves_of_two_bytes`] to be worth it.
const TABLE_PAYS_FROM: usize = 4096;

/// The leaf hashes of all cells of two bytes, which are those of small blobs: 2 MiB, computed when
/// `count` hashes are the first to be worth it.
fn leaves_of_two_bytes(count: usize) -> Option<&'static [Digest]> {
    static TABLE: OnceLock<Vec<Digest>> = OnceLock::new();
    if count < TABLE_PAYS_FROM {
        return TABLE.get().map(Vec::as_slice);
    }
    let table = TABLE.get_or_init(|| {
        let cells: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let mut table = vec![[0; DIGEST_LEN]; cells.len() / 2];
        hash_leaves_with(Lanes::detect(), &cells, 2, &mut table);
        table
    });
    Some(table)
}

/// Hashes neighbours together: `nodes[i] = H(1 ‖ nodes[2i] ‖ nodes[2i + 1])` for each full pair.
/// Returns how many pairs there were; a last node without neighbour is left alone.
pub fn hash_pairs_in_place(nodes: &mut [Digest]) -> usize {
    let pairs = nodes.len() / 2;
    hash_pairs_with(Lanes::detect(), nodes, pairs, |pair| {
        (2 * pair, 2 * pair + 1)
    });
    pairs
}

/// Hashes neighbouring rows together, node by node: `nodes` are rows of `width` nodes, one row
/// after the other. Returns how many pairs of rows there were; their hashes are in the first rows.
/// A last row without neighbour is left alone.
pub fn hash_row_pairs_in_place(nodes: &mut [Digest], width: usize) -> usize {
    let pairs = nodes.len() / width / 2;
    let lanes = Lanes::detect();
    if width.is_power_of_two() {
        // Nearly always: and a division for each pair would be noticed.
        let bits = width.ilog2();
        hash_pairs_with(lanes, nodes, pairs * width, |pair| {
            let left = pair + (pair >> bits << bits);
            (left, left + width)
        });
    } else {
        hash_pairs_with(lanes, nodes, pairs * width, |pair| {
            let left = pair + pair / width * width;
            (left, left + width)
        });
    }
    pairs
}

/// `nodes[i] = H(1 ‖ nodes[l] ‖ nodes[r])` for `(l, r) = locate(i)`. Both must be at least `i`, and
/// grow with it.
fn hash_pairs_with(
    lanes: Lanes,
    nodes: &mut [Digest],
    pairs: usize,
    locate: impl Fn(usize) -> (usize, usize),
) {
    with_lanes!(lanes, with, L => hash_pairs_in::<L>(with, nodes, pairs, locate));
}

fn hash_pairs_in<const L: usize>(
    with: impl Compress<L>,
    nodes: &mut [Digest],
    pairs: usize,
    locate: impl Fn(usize) -> (usize, usize),
) {
    // The pair before, and its hash: groups of equal pairs are runs that began before them.
    let mut previous: Option<([Digest; 2], Digest)> = None;
    for start in (0..pairs).step_by(L) {
        let count = L.min(pairs - start);
        // The lanes that are left over hash the last pair again.
        let places: [_; L] = std::array::from_fn(|lane| locate(start + lane.min(count - 1)));
        let [lefts, rights] = [
            places.map(|(left, _)| &nodes[left]),
            places.map(|(_, right)| &nodes[right]),
        ];
        let pair = [*lefts[L - 1], *rights[L - 1]];
        let digests = match &previous {
            Some(([left, right], digest))
                if lefts.iter().all(|other| *other == left)
                    && rights.iter().all(|other| *other == right) =>
            {
                [*digest; L]
            }
            _ => with.nodes(INNER_PREFIX, lefts, rights),
        };
        match nodes[start..].first_chunk_mut() {
            Some(group) if count == L => *group = digests,
            _ => nodes[start..start + count].copy_from_slice(&digests[..count]),
        }
        previous = Some((pair, digests[L - 1]));
    }
}

/// Hashes `L` messages that start with these bytes.
fn hash_lanes<const L: usize>(
    messages: [&[u8]; L],
    length: usize,
    prefix: u8,
    with: impl Compress<L>,
) -> [Digest; L] {
    let mut state = initial_state().map(|word| [word; L]);
    let stretch = Stretch {
        first: [prefix; L],
        bytes: messages,
        length,
        done: 0,
        last: true,
    };
    with.stretch(&mut state, &stretch);
    with.digests(&state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            state.to_le_bytes()[3]
        })
        .take(length)
        .collect()
    }

    #[test]
    fn hashes_the_concatenation() {
        assert_eq!(blake2b256(&[b"ab", b"c"]), blake2b256(&[b"abc"]));
        assert_eq!(
            hex::encode(blake2b256(&[b"abc"])),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
        );
    }

    #[test]
    fn every_instruction_set_gives_the_same_digests() {
        // Miri, which has the instructions that this CPU may not have, is some ten thousand times
        // slower.
        let (lengths, counts, tails): (&[usize], &[usize], &[usize]) = if cfg!(miri) {
            (&[0, 7, 63, 127, 128, 300], &[9], &[0, 300])
        } else {
            (
                &[
                    0, 1, 2, 6, 7, 8, 31, 32, 63, 64, 126, 127, 128, 129, 254, 255, 256, 600,
                ],
                &[0, 1, 2, 3, 4, 5, 8, 9, 17, 20],
                &[0, 1, 300],
            )
        };
        let data = noise(20 * 600);
        for &length in lengths {
            for &count in counts {
                // With and without other bytes behind the last cell.
                for &behind in tails {
                    let end = (count * length + behind).min(data.len());
                    for lanes in Lanes::available() {
                        let mut digests = vec![[0; 32]; count];
                        hash_leaves_with(lanes, &data[..end], length, &mut digests);
                        for (i, digest) in digests.iter().enumerate() {
                            let cell = &data[i * length..][..length];
                            assert_eq!(*digest, blake2b256(&[&[0], cell]), "{lanes:?} {length}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_table_of_short_leaves_has_their_digests() {
        let cells = noise(2 * TABLE_PAYS_FROM);
        let mut digests = vec![[0; 32]; TABLE_PAYS_FROM];
        hash_leaves(&cells, 2, &mut digests);
        for (cell, digest) in cells.chunks(2).zip(&digests) {
            assert_eq!(*digest, blake2b256(&[&[0], cell]));
        }
    }

    /// Nodes with runs of equal ones of many lengths, some across the borders of groups.
    fn runs_of_nodes(count: u16) -> Vec<Digest> {
        (0..count)
            .map(|i| [(i / 37).to_le_bytes()[0]; 32])
            .collect()
    }

    #[test]
    fn pairs_are_hashed_and_the_odd_one_left() {
        let counts: &[u16] = if cfg!(miri) {
            &[35]
        } else {
            &[0, 1, 2, 3, 31, 32, 33, 35, 128, 129, 300, 513]
        };
        for &count in counts {
            let original = runs_of_nodes(count);
            for lanes in Lanes::available() {
                let mut nodes = original.clone();
                let pairs = original.len() / 2;
                hash_pairs_with(lanes, &mut nodes, pairs, |pair| (2 * pair, 2 * pair + 1));
                for (pair, node) in original.chunks_exact(2).zip(&nodes) {
                    assert_eq!(*node, blake2b256(&[&[INNER_PREFIX], &pair[0], &pair[1]]));
                }
                if pairs > 0 && count % 2 == 1 {
                    assert_eq!(nodes.last(), original.last());
                }
            }
        }
    }

    #[test]
    fn rows_are_hashed_node_by_node() {
        for (rows, width) in [(1_u16, 5_usize), (2, 1), (7, 3), (9, 16), (4, 33)] {
            let original = runs_of_nodes(rows * u16::try_from(width).unwrap());
            let mut nodes = original.clone();
            assert_eq!(
                hash_row_pairs_in_place(&mut nodes, width),
                usize::from(rows) / 2
            );
            for (pair, hashed) in original.chunks_exact(2 * width).zip(nodes.chunks(width)) {
                for (column, node) in hashed.iter().enumerate() {
                    let (left, right) = (&pair[column], &pair[width + column]);
                    assert_eq!(*node, blake2b256(&[&[INNER_PREFIX], left, right]));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn equal_neighbours_are_like_any_others(
            runs in prop::collection::vec((0_u8..3, 1_usize..90), 0..6), length in 0_usize..140,
        ) {
            let messages: Vec<Vec<u8>> = runs
                .iter()
                .flat_map(|(byte, run)| std::iter::repeat_n(vec![*byte; length], *run))
                .collect();
            let mut digests = vec![[0; 32]; messages.len()];
            hash_leaves(&messages.concat(), length, &mut digests);
            for (message, digest) in messages.iter().zip(&digests) {
                prop_assert_eq!(*digest, blake2b256(&[&[LEAF_PREFIX], message]));
            }
        }
    }
}
