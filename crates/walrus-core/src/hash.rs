//! The one hash function of Walrus: BLAKE2b with 32 bytes of output, unkeyed.
//!
//! Encoding a blob for a thousand shards takes three million hashes, nearly all of one block. The
//! functions for many inputs compute several at a time in SIMD lanes, chosen for the CPU at run
//! time; their results are those of [`blake2b256`].

use blake2b_simd::{Params, many};

/// Length of every digest, in bytes.
pub const DIGEST_LEN: usize = 32;

/// A digest.
pub type Digest = [u8; DIGEST_LEN];

/// Length of the message an inner node of a Merkle tree is the hash of.
const INNER_MESSAGE_LEN: usize = 1 + 2 * DIGEST_LEN;

/// Inputs handed to the lanes at once: more than there are lanes, so that all stay busy.
const BATCH: usize = 16;

/// Domain prefix of the leaves of a Merkle tree.
pub const LEAF_PREFIX: u8 = 0;

/// Domain prefix of the inner nodes of a Merkle tree.
pub const INNER_PREFIX: u8 = 1;

/// `H(parts[0] ‖ parts[1] ‖ …)`.
pub fn blake2b256(parts: &[&[u8]]) -> Digest {
    let mut state = params().to_state();
    for part in parts {
        state.update(part);
    }
    digest(&state.finalize())
}

/// Hashes every message; `messages` and `digests` have the same length.
///
/// Panics if the lengths differ.
pub fn hash_many<'a>(messages: impl ExactSizeIterator<Item = &'a [u8]>, digests: &mut [Digest]) {
    assert_eq!(messages.len(), digests.len(), "one digest per message");
    let params = params();
    let mut messages = messages;
    for digests in digests.chunks_mut(BATCH) {
        let mut jobs: Vec<_> = messages
            .by_ref()
            .take(digests.len())
            .map(|message| many::HashManyJob::new(&params, message))
            .collect();
        many::hash_many(jobs.iter_mut());
        for (slot, job) in digests.iter_mut().zip(&jobs) {
            *slot = digest(&job.to_hash());
        }
    }
}

/// Hashes neighbours together: `nodes[i] = H(1 ‖ nodes[2i] ‖ nodes[2i + 1])` for each full pair.
/// Returns how many pairs there were; a last node without neighbour is left alone.
pub fn hash_pairs_in_place(nodes: &mut [Digest]) -> usize {
    let pairs = nodes.len() / 2;
    let mut messages = [[INNER_PREFIX; INNER_MESSAGE_LEN]; BATCH];
    let mut digests = [[0; DIGEST_LEN]; BATCH];
    for start in (0..pairs).step_by(BATCH) {
        let count = BATCH.min(pairs - start);
        for (i, message) in messages[..count].iter_mut().enumerate() {
            message[1..].copy_from_slice(nodes[2 * (start + i)..][..2].as_flattened());
        }
        hash_many(
            messages[..count]
                .iter()
                .map(<[u8; INNER_MESSAGE_LEN]>::as_slice),
            &mut digests[..count],
        );
        nodes[start..start + count].copy_from_slice(&digests[..count]);
    }
    pairs
}

fn params() -> Params {
    let mut params = Params::new();
    params.hash_length(DIGEST_LEN);
    params
}

/// The 32 bytes of a hash made with [`params`].
fn digest(hash: &blake2b_simd::Hash) -> Digest {
    let mut digest = [0; DIGEST_LEN];
    digest.copy_from_slice(hash.as_bytes());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_the_concatenation() {
        assert_eq!(blake2b256(&[b"ab", b"c"]), blake2b256(&[b"abc"]));
        assert_eq!(
            hex::encode(blake2b256(&[b"abc"])),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
        );
    }

    #[test]
    fn many_are_like_one_by_one() {
        let data: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for count in [0, 1, 15, 16, 17, 50] {
            let messages: Vec<&[u8]> = (0..count).map(|i| &data[i..i * 151]).collect();
            let mut digests = vec![[0; 32]; count];
            hash_many(messages.iter().copied(), &mut digests);
            for (message, digest) in messages.iter().zip(&digests) {
                assert_eq!(*digest, blake2b256(&[message]));
            }
        }
    }

    #[test]
    fn pairs_are_hashed_and_the_odd_one_left() {
        for count in [0_u8, 1, 2, 3, 31, 32, 33, 35] {
            let original: Vec<Digest> = (0..count).map(|i| [i; 32]).collect();
            let mut nodes = original.clone();
            assert_eq!(hash_pairs_in_place(&mut nodes), original.len() / 2);
            for (pair, node) in original.chunks_exact(2).zip(&nodes) {
                assert_eq!(*node, blake2b256(&[&[INNER_PREFIX], &pair[0], &pair[1]]));
            }
        }
    }
}
