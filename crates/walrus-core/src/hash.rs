//! The one hash function of Walrus: BLAKE2b with 32 bytes of output, unkeyed.
//!
//! Encoding a blob for a thousand shards takes three million hashes, nearly all of one block. The
//! functions for many inputs compute several at a time in SIMD lanes, chosen for the CPU at run
//! time, and equal neighbours, such as the zeros behind a small blob, only once; their results are
//! those of [`blake2b256`].

mod lanes;

use lanes::{Lanes, State, Stretch, compress_one, initial_state};

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

/// Messages that are looked through for equal neighbours before they are hashed.
const BATCH: usize = 64;

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

/// Hashes every message, with the prefix before it; all messages have the same length, and there is
/// one digest for each.
///
/// Panics if the lengths of the messages or the numbers differ.
pub fn hash_prefixed<'a>(
    prefix: u8,
    messages: impl IntoIterator<Item = &'a [u8]>,
    digests: &mut [Digest],
) {
    let mut deduplicated = Deduplicated::new(Lanes::detect(), prefix);
    let mut messages = messages.into_iter();
    for digests in digests.chunks_mut(BATCH) {
        let mut batch: [&[u8]; BATCH] = [&[]; BATCH];
        for slot in &mut batch[..digests.len()] {
            *slot = messages.next().expect("one message for each digest");
        }
        deduplicated.hash(&batch[..digests.len()], digests);
    }
    assert!(messages.next().is_none(), "one digest for each message");
}

/// Hashes neighbours together: `nodes[i] = H(1 ‖ nodes[2i] ‖ nodes[2i + 1])` for each full pair.
/// Returns how many pairs there were; a last node without neighbour is left alone.
pub fn hash_pairs_in_place(nodes: &mut [Digest]) -> usize {
    let pairs = nodes.len() / 2;
    let lanes = Lanes::detect();
    // The last pair of the batch before, whose nodes are overwritten, and its digest.
    let mut previous: Option<([Digest; 2], Digest)> = None;
    for start in (0..pairs).step_by(BATCH) {
        let count = BATCH.min(pairs - start);
        let mut batch: [&[u8]; BATCH] = [&[]; BATCH];
        for (slot, pair) in batch.iter_mut().zip(nodes[2 * start..].as_chunks::<2>().0) {
            *slot = pair.as_flattened();
        }
        let mut digests = [[0; DIGEST_LEN]; BATCH];
        Deduplicated {
            lanes,
            prefix: INNER_PREFIX,
            previous: previous
                .as_ref()
                .map(|(pair, digest)| (pair.as_flattened(), *digest)),
        }
        .hash(&batch[..count], &mut digests[..count]);
        let last = 2 * (start + count - 1);
        previous = Some(([nodes[last], nodes[last + 1]], digests[count - 1]));
        nodes[start..start + count].copy_from_slice(&digests[..count]);
    }
    pairs
}

/// Hashes messages of one length in order, and those equal to the one before only once.
struct Deduplicated<'a> {
    lanes: Lanes,
    prefix: u8,
    /// The last message and its digest.
    previous: Option<(&'a [u8], Digest)>,
}

impl<'a> Deduplicated<'a> {
    fn new(lanes: Lanes, prefix: u8) -> Self {
        Self {
            lanes,
            prefix,
            previous: None,
        }
    }

    fn hash(&mut self, messages: &[&'a [u8]], digests: &mut [Digest]) {
        let mut distinct: [&[u8]; BATCH] = [&[]; BATCH];
        // For each message, how many distinct ones there are up to it; zero: the previous one.
        let mut places = [0; BATCH];
        let mut count = 0;
        let mut before = self.previous.map(|(message, _)| message);
        for (place, message) in places.iter_mut().zip(messages) {
            if before != Some(message) {
                distinct[count] = message;
                count += 1;
            }
            *place = count;
            before = Some(message);
        }
        let mut results = [[0; DIGEST_LEN]; BATCH];
        hash_whole(
            self.lanes,
            self.prefix,
            &distinct[..count],
            &mut results[..count],
        );
        for (place, digest) in places.iter().zip(digests.iter_mut()) {
            *digest = match (place.checked_sub(1), &self.previous) {
                (Some(place), _) => results[place],
                (None, Some((_, digest))) => *digest,
                (None, None) => unreachable!("the first message is distinct from none"),
            };
        }
        if let (Some(message), Some(digest)) = (messages.last(), digests.last()) {
            self.previous = Some((message, *digest));
        }
    }
}

/// Hashes every message with the prefix before it, in the lanes there are.
fn hash_whole(lanes: Lanes, prefix: u8, messages: &[&[u8]], digests: &mut [Digest]) {
    let done = match lanes {
        #[cfg(target_arch = "x86_64")]
        Lanes::Avx512 => hash_groups::<8>(prefix, messages, digests, lanes::compress_eight),
        #[cfg(target_arch = "x86_64")]
        Lanes::Avx2 => hash_groups::<4>(prefix, messages, digests, lanes::compress_four),
        Lanes::Portable => 0,
    };
    for (message, digest) in messages[done..].iter().zip(&mut digests[done..]) {
        *digest = hash_lanes([*message], prefix, compress_one)[0];
    }
}

/// Hashes groups of `L` messages, the last of which is filled up unless it is a single message.
/// Returns how many messages were hashed.
#[cfg(target_arch = "x86_64")]
fn hash_groups<const L: usize>(
    prefix: u8,
    messages: &[&[u8]],
    digests: &mut [Digest],
    compress: impl Fn(&mut State<L>, &[[u64; L]; 16], u64, bool) + Copy,
) -> usize {
    let mut done = 0;
    for (messages, digests) in messages.chunks(L).zip(digests.chunks_mut(L)) {
        if messages.len() == 1 {
            break;
        }
        let filled = std::array::from_fn(|lane| messages[lane.min(messages.len() - 1)]);
        let results = hash_lanes::<L>(filled, prefix, compress);
        digests.copy_from_slice(&results[..digests.len()]);
        done += messages.len();
    }
    done
}

fn hash_lanes<const L: usize>(
    messages: [&[u8]; L],
    prefix: u8,
    compress: impl Fn(&mut State<L>, &[[u64; L]; 16], u64, bool),
) -> [Digest; L] {
    let mut state: State<L> = initial_state().map(|word| [word; L]);
    let stretch = Stretch {
        first: [prefix; L],
        bytes: messages,
        done: 0,
        last: true,
    };
    stretch.compress(&mut state, compress);
    let mut digests = [[0; DIGEST_LEN]; L];
    for (lane, digest) in digests.iter_mut().enumerate() {
        for (bytes, word) in digest.chunks_exact_mut(8).zip(&state) {
            bytes.copy_from_slice(&word[lane].to_le_bytes());
        }
    }
    digests
}

/// Leaf hashes of messages that arrive in stripes: the same stretch of every message at a time. So
/// many long messages are hashed without ever being in memory.
#[derive(Debug, Clone)]
pub struct StripedLeaves {
    states: Vec<[u64; 8]>,
    /// The last byte of each message so far, at first the prefix, as blocks end before it.
    carry: Vec<u8>,
    done: u64,
}

impl StripedLeaves {
    /// Starts `count` hashes.
    pub fn new(count: usize) -> Self {
        Self {
            states: vec![initial_state(); count],
            carry: vec![LEAF_PREFIX; count],
            done: 0,
        }
    }

    /// Takes in the next stretch of each message: `cells` has them one after the other, all of the
    /// same length, not zero. Unless the messages end with it, a multiple of [`BLOCK_LEN`], and not
    /// all of the message.
    ///
    /// With the last stretch, `digests` receives the hashes.
    ///
    /// Panics if the lengths do not fit.
    pub fn absorb(&mut self, cells: &[u8], digests: Option<&mut [Digest]>) {
        let count = self.states.len();
        if count == 0 {
            return;
        }
        let length = cells.len() / count;
        let last = digests.is_some();
        assert_eq!(
            cells.len(),
            length * count,
            "stretches have the same length"
        );
        assert!(
            length > 0 && (last || length.is_multiple_of(BLOCK_LEN)),
            "stretches are whole blocks"
        );
        let step = Step {
            done: self.done,
            last,
            length,
        };
        match Lanes::detect() {
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512 => self.absorb_lanes::<8>(step, cells, lanes::compress_eight),
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx2 => self.absorb_lanes::<4>(step, cells, lanes::compress_four),
            Lanes::Portable => self.absorb_lanes::<1>(step, cells, compress_one),
        }
        self.done += length as u64;
        for (state, digest) in self.states.iter().zip(digests.into_iter().flatten()) {
            for (bytes, word) in digest.chunks_exact_mut(8).zip(state) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
    }

    fn absorb_lanes<const L: usize>(
        &mut self,
        step: Step,
        cells: &[u8],
        compress: impl Fn(&mut State<L>, &[[u64; L]; 16], u64, bool) + Copy,
    ) {
        let groups = self.states.chunks_mut(L).zip(self.carry.chunks_mut(L));
        for ((states, carry), cells) in groups.zip(cells.chunks(L * step.length)) {
            let lane = |lane: usize| lane.min(states.len() - 1);
            let bytes = std::array::from_fn(|l| &cells[lane(l) * step.length..][..step.length]);
            let first = std::array::from_fn(|l| carry[lane(l)]);
            let mut transposed: State<L> =
                std::array::from_fn(|word| std::array::from_fn(|l| states[lane(l)][word]));
            let stretch = Stretch {
                first,
                bytes,
                done: step.done,
                last: step.last,
            };
            stretch.compress(&mut transposed, compress);
            for (l, (state, carry)) in states.iter_mut().zip(carry).enumerate() {
                *state = std::array::from_fn(|word| transposed[word][l]);
                *carry = bytes[l].last().copied().unwrap_or(*carry);
            }
        }
    }
}

/// What one call of [`StripedLeaves::absorb`] does for every message.
#[derive(Clone, Copy)]
struct Step {
    done: u64,
    last: bool,
    length: usize,
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
        let data = noise(20 * 600);
        for length in [0, 1, 2, 63, 64, 126, 127, 128, 129, 254, 255, 256, 600] {
            for count in [0, 1, 2, 3, 4, 5, 8, 9, 17, 20] {
                let messages: Vec<&[u8]> =
                    data.chunks(600).map(|m| &m[..length]).take(count).collect();
                for lanes in Lanes::available() {
                    let mut digests = vec![[0; 32]; count];
                    hash_whole(lanes, LEAF_PREFIX, &messages, &mut digests);
                    for (message, digest) in messages.iter().zip(&digests) {
                        assert_eq!(*digest, blake2b256(&[&[0], message]), "{lanes:?} {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn pairs_are_hashed_and_the_odd_one_left() {
        for count in [0_u16, 1, 2, 3, 31, 32, 33, 35, 128, 129, 300, 513] {
            // Runs of equal nodes of many lengths, some across the borders of batches.
            let original: Vec<Digest> = (0..count)
                .map(|i| [(i / 37).to_le_bytes()[0]; 32])
                .collect();
            let mut nodes = original.clone();
            assert_eq!(hash_pairs_in_place(&mut nodes), original.len() / 2);
            for (pair, node) in original.chunks_exact(2).zip(&nodes) {
                assert_eq!(*node, blake2b256(&[&[INNER_PREFIX], &pair[0], &pair[1]]));
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
            hash_prefixed(7, messages.iter().map(Vec::as_slice), &mut digests);
            for (message, digest) in messages.iter().zip(&digests) {
                prop_assert_eq!(*digest, blake2b256(&[&[7], message]));
            }
        }

        #[test]
        fn stripes_add_up(
            count in 1_usize..20, stripes in prop::collection::vec(1_usize..4, 0..4), rest in 1_usize..400,
        ) {
            let lengths: Vec<usize> =
                stripes.iter().map(|blocks| blocks * BLOCK_LEN).chain([rest]).collect();
            let total = lengths.iter().sum::<usize>();
            let data = noise(count * total);
            let mut leaves = StripedLeaves::new(count);
            let mut digests = vec![[0; 32]; count];
            let mut start = 0;
            for (i, length) in lengths.iter().enumerate() {
                let cells: Vec<u8> = data
                    .chunks(total)
                    .flat_map(|message| message[start..start + length].iter().copied())
                    .collect();
                let last = i + 1 == lengths.len();
                leaves.absorb(&cells, last.then_some(&mut digests[..]));
                start += length;
            }
            for (message, digest) in data.chunks(total).zip(&digests) {
                prop_assert_eq!(*digest, blake2b256(&[&[LEAF_PREFIX], message]));
            }
        }
    }
}
