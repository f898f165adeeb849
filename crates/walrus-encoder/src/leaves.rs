//! Hashing of cells as leaves of Merkle trees.

use walrus_core::hash::{Digest, LEAF_PREFIX, blake2b256, hash_many};

/// Cells handed to the lanes of the hash function at once.
const BATCH: usize = 16;

/// Hashes every cell of `cell_len` bytes. Cells that are all zeros, as they are wherever a small blob
/// does not reach, are hashed only once.
pub(crate) fn hash_cells(cells: &[u8], cell_len: usize, digests: &mut [Digest]) {
    debug_assert_eq!(cells.len(), cell_len * digests.len());
    let message_len = cell_len + 1;
    let zero = blake2b256(&[&vec![0; message_len]]);
    let mut messages = vec![LEAF_PREFIX; BATCH * message_len];
    let mut places = [0; BATCH];
    let mut results = [[0; 32]; BATCH];
    let mut pending = 0;
    let mut flush = |messages: &[u8], places: &[usize], digests: &mut [Digest]| {
        let results = &mut results[..places.len()];
        hash_many(
            messages.chunks_exact(message_len).take(places.len()),
            results,
        );
        for (place, result) in places.iter().zip(results) {
            digests[*place] = *result;
        }
    };
    for (place, cell) in cells.chunks_exact(cell_len).enumerate() {
        if is_zero(cell) {
            digests[place] = zero;
            continue;
        }
        messages[pending * message_len + 1..][..cell_len].copy_from_slice(cell);
        places[pending] = place;
        pending += 1;
        if pending == BATCH {
            flush(&messages, &places, digests);
            pending = 0;
        }
    }
    flush(&messages, &places[..pending], digests);
}

fn is_zero(cell: &[u8]) -> bool {
    let (words, rest) = cell.as_chunks::<8>();
    rest.iter().all(|byte| *byte == 0) && words.iter().all(|word| *word == [0; 8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus_core::merkle::leaf_hash;

    #[test]
    fn cells_hash_like_leaves_zero_or_not() {
        for cell_len in [1, 2, 8, 127, 128, 200] {
            let mut cells: Vec<u8> = (0..=255).cycle().step_by(7).take(cell_len * 50).collect();
            cells[cell_len * 5..cell_len * 30].fill(0);
            let mut digests = vec![[0; 32]; 50];
            hash_cells(&cells, cell_len, &mut digests);
            for (cell, digest) in cells.chunks_exact(cell_len).zip(&digests) {
                assert_eq!(*digest, leaf_hash(cell));
            }
        }
    }
}
