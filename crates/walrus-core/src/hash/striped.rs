//! Leaf hashes of messages that are never in memory as a whole.

use super::{
    BLOCK_LEN, Digest, LEAF_PREFIX,
    lanes::{Compress, Lanes, State, Stretch, initial_state, with_lanes},
};

/// Leaf hashes of messages that arrive in stripes: the same stretch of every message at a time. So
/// many long messages are hashed without ever being in memory.
#[derive(Debug, Clone)]
pub struct StripedLeaves {
    lanes: Lanes,
    /// The chaining values of groups of messages: for each group, word by word, the lanes.
    states: Vec<u64>,
    /// The last byte of each message so far, at first the prefix, as blocks end before it.
    carry: Vec<u8>,
    done: u64,
}

impl StripedLeaves {
    /// Starts `count` hashes.
    pub fn new(count: usize) -> Self {
        Self::with_lanes(Lanes::detect(), count)
    }

    fn with_lanes(lanes: Lanes, count: usize) -> Self {
        let mut leaves = Self {
            lanes,
            states: vec![0; count.next_multiple_of(lanes.count()) * initial_state().len()],
            carry: vec![0; count],
            done: 0,
        };
        leaves.restart();
        leaves
    }

    /// Starts again, with as many hashes.
    pub fn restart(&mut self) {
        let lanes = self.lanes.count();
        for state in self.states.chunks_exact_mut(lanes * initial_state().len()) {
            for (words, initial) in state.chunks_exact_mut(lanes).zip(initial_state()) {
                words.fill(initial);
            }
        }
        self.carry.fill(LEAF_PREFIX);
        self.done = 0;
    }

    /// Number of messages.
    pub fn count(&self) -> usize {
        self.carry.len()
    }

    /// Takes in the next stretch of each message, of `length` bytes, not zero: in `cells`, one
    /// starts every `stride` bytes. Unless the messages end with it, the length is a multiple of
    /// [`BLOCK_LEN`], and the stretch not all of the message. What follows the last stretch in
    /// memory may be attached to `cells`.
    ///
    /// With the last stretch, `digests` receives the hashes.
    ///
    /// Panics if the lengths do not fit.
    pub fn absorb(
        &mut self,
        cells: &[u8],
        stride: usize,
        length: usize,
        digests: Option<&mut [Digest]>,
    ) {
        let Some(before_last) = self.count().checked_sub(1) else {
            return;
        };
        assert!(
            stride >= length && cells.len() >= stride * before_last + length,
            "a stretch for each message"
        );
        assert!(
            length > 0 && (digests.is_some() || length.is_multiple_of(BLOCK_LEN)),
            "stretches are whole blocks"
        );
        if let Some(digests) = &digests {
            assert_eq!(digests.len(), self.count(), "a digest for each message");
        }
        with_lanes!(self.lanes, with, L => {
            self.absorb_in::<L>(with, cells, [stride, length], digests);
        });
    }

    fn absorb_in<const L: usize>(
        &mut self,
        with: impl Compress<L>,
        cells: &[u8],
        [stride, length]: [usize; 2],
        mut digests: Option<&mut [Digest]>,
    ) {
        let states = self.states.as_chunks_mut::<L>().0.as_chunks_mut::<8>().0;
        let groups = states.iter_mut().zip(self.carry.chunks_mut(L));
        for (index, (state, carry)) in groups.enumerate() {
            let state: &mut State<L> = state;
            let count = carry.len();
            // The lanes that are left over hash the last message again.
            let start = |lane: usize| (index * L + lane.min(count - 1)) * stride;
            let stretch = Stretch {
                first: std::array::from_fn(|lane| carry[lane.min(count - 1)]),
                bytes: std::array::from_fn(|lane| &cells[start(lane)..]),
                length,
                done: self.done,
                last: digests.is_some(),
            };
            with.stretch(state, &stretch);
            if let Some(digests) = &mut digests {
                digests[index * L..][..count].copy_from_slice(&with.digests(state)[..count]);
            }
            for (lane, carry) in carry.iter_mut().enumerate() {
                *carry = cells[start(lane) + length - 1];
            }
        }
        self.done += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::blake2b256;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stripes_add_up(
            count in 1_usize..20,
            stripes in prop::collection::vec(1_usize..4, 0..4),
            rest in 1_usize..400,
            gap in 0_usize..200,
        ) {
            let lengths: Vec<usize> =
                stripes.iter().map(|blocks| blocks * BLOCK_LEN).chain([rest]).collect();
            let total = lengths.iter().sum::<usize>();
            let data = (0..count * total).map(|i| (i * i % 251).to_le_bytes()[0]);
            let data: Vec<u8> = data.collect();
            for lanes in Lanes::available() {
                let mut leaves = StripedLeaves::with_lanes(lanes, count);
                let mut digests = vec![[0; 32]; count];
                // The second time, with hashes that were used before.
                for _ in 0..2 {
                    let mut start = 0;
                    for (i, length) in lengths.iter().enumerate() {
                        let mut cells = Vec::new();
                        for message in data.chunks(total) {
                            cells.extend_from_slice(&message[start..start + length]);
                            cells.resize(cells.len() + gap, 7);
                        }
                        let last = i + 1 == lengths.len();
                        let stride = length + gap;
                        leaves.absorb(&cells, stride, *length, last.then_some(&mut digests[..]));
                        start += length;
                    }
                    for (message, digest) in data.chunks(total).zip(&digests) {
                        prop_assert_eq!(*digest, blake2b256(&[&[LEAF_PREFIX], message]));
                    }
                    leaves.restart();
                }
            }
        }
    }
}
