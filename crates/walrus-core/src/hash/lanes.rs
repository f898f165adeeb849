//! The compression function of BLAKE2b, on one message or on several side by side.
//!
//! Lane `l` of every vector belongs to message `l`: the function is the plain one, on vectors
//! instead of words. The instruction sets are chosen at run time. AVX-512 has registers and rotations
//! for eight lanes.

use std::sync::OnceLock;

use super::Digest;

/// Bytes that the function takes in at once.
pub(super) const BLOCK_LEN: usize = 128;

/// Words of a block.
const BLOCK_WORDS: usize = 16;

/// The chaining values of `L` messages: word by word, and in each the lanes.
pub(super) type State<const L: usize> = [[u64; L]; 8];

/// A block of `L` messages each, in the same order.
type Block<const L: usize> = [[u64; L]; BLOCK_WORDS];

const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The order in which each round takes the words of the block.
const SIGMA: [[usize; BLOCK_WORDS]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// Chaining value of an unkeyed hash of 32 bytes: the parameters go into the first word.
pub(super) const fn initial_state() -> [u64; 8] {
    let mut state = IV;
    state[0] ^= 0x0101_0000 | 32;
    state
}

/// What this CPU offers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lanes {
    /// Eight lanes in 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Eight(Avx512),
    /// Four lanes in 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Four(Avx2),
    /// One message after the other.
    One(Portable),
}

impl Lanes {
    /// The fastest that this CPU has.
    pub(super) fn detect() -> Self {
        static DETECTED: OnceLock<Lanes> = OnceLock::new();
        *DETECTED.get_or_init(|| Self::available()[0])
    }

    /// All that this CPU has, fastest first.
    pub(super) fn available() -> Vec<Self> {
        let mut available = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            available.extend(Avx512::detect().map(Self::Eight));
            available.extend(Avx2::detect().map(Self::Four));
        }
        available.push(Self::One(Portable));
        available
    }

    /// How many messages are hashed side by side.
    pub(super) fn count(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Eight(_) => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Four(_) => 4,
            Self::One(_) => 1,
        }
    }
}

/// Runs an expression with the instructions of this CPU and their number of lanes.
macro_rules! with_lanes {
    ($lanes:expr, $with:ident, $count:ident => $body:expr) => {
        match $lanes {
            #[cfg(target_arch = "x86_64")]
            $crate::hash::lanes::Lanes::Eight($with) => {
                const $count: usize = 8;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            $crate::hash::lanes::Lanes::Four($with) => {
                const $count: usize = 4;
                $body
            }
            $crate::hash::lanes::Lanes::One($with) => {
                const $count: usize = 1;
                $body
            }
        }
    };
}
pub(super) use with_lanes;

/// Stretches of `L` messages to be compressed, all of the same length.
pub(super) struct Stretch<'a, const L: usize> {
    /// The byte before each stretch: a domain prefix, or the last byte of the stretch before.
    pub(super) first: [u8; L],
    /// The stretches. What follows them in memory may be attached: where there is enough of it, the
    /// end of a stretch is loaded without copying.
    pub(super) bytes: [&'a [u8]; L],
    /// Length of each stretch.
    pub(super) length: usize,
    /// Bytes of each message that were compressed before, a multiple of the block length.
    pub(super) done: u64,
    /// Whether the messages end here. If not, the last byte of each stretch, which must be a
    /// multiple of the block length long, is left for the next one.
    pub(super) last: bool,
}

/// What differs between instruction sets.
pub(super) trait Compress<const L: usize>: Copy {
    /// The hashes of pairs of nodes: `H(prefix ‖ left ‖ right)` in each lane.
    fn nodes(self, prefix: u8, left: [&Digest; L], right: [&Digest; L]) -> [Digest; L];

    /// Compresses a block of which words from `used` on are zero.
    fn compress(
        self,
        state: &mut State<L>,
        block: &Block<L>,
        used: usize,
        counter: u64,
        last: bool,
    );

    /// Compresses whole blocks, none of them the last one of its message. `counter`: bytes before.
    fn compress_whole(self, state: &mut State<L>, bytes: [&[u8]; L], counter: u64);

    /// Puts 32 bytes of every lane into four words of the block, from `word` on.
    fn load(self, sources: [&[u8; QUAD_LEN]; L], block: &mut Block<L>, word: usize);

    /// Shifts the first `used` words of every lane up by a byte, and `first` in.
    fn shift(self, block: &mut Block<L>, used: usize, first: [u8; L]);

    /// The digests in the state.
    fn digests(self, state: &State<L>) -> [Digest; L];
}

/// Bytes that are loaded at a time.
const QUAD_LEN: usize = 32;

impl<const L: usize> Stretch<'_, L> {
    /// Compresses all blocks.
    pub(super) fn compress(&self, state: &mut State<L>, with: impl Compress<L>) {
        let total = self.length + usize::from(self.last);
        let blocks = total.div_ceil(BLOCK_LEN);
        let mut block = [[0; L]; BLOCK_WORDS];
        // All blocks but the first and the last are loaded from where they lie.
        let whole = blocks.saturating_sub(1 + usize::from(self.last));
        for index in 0..blocks {
            if index == 1 && whole > 0 {
                let start = BLOCK_LEN - 1;
                let bytes = self
                    .bytes
                    .map(|bytes| &bytes[start..start + whole * BLOCK_LEN]);
                with.compress_whole(state, bytes, self.done + BLOCK_LEN as u64);
            }
            if (1..=whole).contains(&index) {
                continue;
            }
            let end = total.min((index + 1) * BLOCK_LEN);
            let used = self.load(index, end - index * BLOCK_LEN, &mut block, with);
            let counter = self.done + end as u64;
            with.compress(
                state,
                &block,
                used,
                counter,
                self.last && index + 1 == blocks,
            );
        }
    }

    /// Loads block `index` of `first ‖ bytes`, of `total` bytes. Returns how many words that are.
    fn load(
        &self,
        index: usize,
        total: usize,
        block: &mut Block<L>,
        with: impl Compress<L>,
    ) -> usize {
        // The first block is loaded as if there were no first byte, which is then shifted in.
        let (start, length) = match (index * BLOCK_LEN).checked_sub(1) {
            Some(start) => (start, total),
            None => (0, self.length.min(BLOCK_LEN)),
        };
        for quad in 0..length.div_ceil(QUAD_LEN) {
            let from = start + quad * QUAD_LEN;
            let mut copies = [[0; QUAD_LEN]; L];
            for (copy, bytes) in copies.iter_mut().zip(&self.bytes) {
                let bytes = &bytes[from..];
                match bytes.first_chunk() {
                    Some(whole) => *copy = *whole,
                    None => copy[..bytes.len()].copy_from_slice(bytes),
                }
            }
            with.load(copies.each_ref(), block, 4 * quad);
        }
        let (whole, rest) = (length / 8, length % 8);
        if let Some(word) = block.get_mut(whole) {
            // What was loaded beyond the end does not belong to the message.
            let mask = (1_u64 << (8 * rest)) - 1;
            for lane in word {
                *lane &= mask;
            }
        }
        let used = total.div_ceil(8);
        if index == 0 {
            with.shift(block, used, self.first);
        }
        block[used..].fill([0; L]);
        used
    }
}

/// Length of a pair of nodes, with the prefix.
const NODE_LEN: u64 = 2 * QUAD_LEN as u64 + 1;

/// Words of a pair of nodes.
const NODE_WORDS: usize = 2 * QUAD_LEN / 8 + 1;

/// One message at a time, on any CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Compress<1> for Portable {
    fn nodes(self, prefix: u8, [left]: [&Digest; 1], [right]: [&Digest; 1]) -> [Digest; 1] {
        let mut block = [[0; 1]; BLOCK_WORDS];
        self.load([left], &mut block, 0);
        self.load([right], &mut block, 4);
        self.shift(&mut block, NODE_WORDS, [prefix]);
        let mut state = initial_state().map(|word| [word]);
        compress_one(&mut state, &block, NODE_LEN, true);
        self.digests(&state)
    }

    fn compress(
        self,
        state: &mut State<1>,
        block: &Block<1>,
        _used: usize,
        counter: u64,
        last: bool,
    ) {
        compress_one(state, block, counter, last);
    }

    fn compress_whole(self, state: &mut State<1>, [bytes]: [&[u8]; 1], mut counter: u64) {
        let mut block = [[0; 1]; BLOCK_WORDS];
        for bytes in bytes.as_chunks::<BLOCK_LEN>().0 {
            for (word, bytes) in block.iter_mut().zip(bytes.as_chunks::<8>().0) {
                word[0] = u64::from_le_bytes(*bytes);
            }
            counter += BLOCK_LEN as u64;
            compress_one(state, &block, counter, false);
        }
    }

    fn load(self, [source]: [&[u8; QUAD_LEN]; 1], block: &mut Block<1>, word: usize) {
        for (word, bytes) in block[word..].iter_mut().zip(source.as_chunks::<8>().0) {
            word[0] = u64::from_le_bytes(*bytes);
        }
    }

    fn shift(self, block: &mut Block<1>, used: usize, first: [u8; 1]) {
        shift_in(block, used, first);
    }

    fn digests(self, state: &State<1>) -> [Digest; 1] {
        let mut digest = [0; QUAD_LEN];
        for (bytes, word) in digest.chunks_exact_mut(8).zip(state) {
            bytes.copy_from_slice(&word[0].to_le_bytes());
        }
        [digest]
    }
}

/// Shifts `first` into the first `used` words of each lane.
#[inline(always)]
#[allow(clippy::inline_always)] // so that it is compiled for the instruction set of the caller
fn shift_in<const L: usize>(block: &mut Block<L>, used: usize, first: [u8; L]) {
    for word in (1..used).rev() {
        let (before, from_here) = block.split_at_mut(word);
        for (lane, previous) in from_here[0].iter_mut().zip(&before[word - 1]) {
            *lane = *lane << 8 | *previous >> 56;
        }
    }
    for (word, first) in block[0].iter_mut().zip(first) {
        *word = *word << 8 | u64::from(first);
    }
}

/// The compression function, one message at a time.
fn compress_one(state: &mut State<1>, block: &Block<1>, counter: u64, last: bool) {
    let mut v: [u64; 16] = std::array::from_fn(|i| if i < 8 { state[i][0] } else { IV[i - 8] });
    v[12] ^= counter;
    if last {
        v[14] = !v[14];
    }
    let mut mix = |[a, b, c, d]: [usize; 4], x: u64, y: u64| {
        v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
        v[d] = (v[d] ^ v[a]).rotate_right(32);
        v[c] = v[c].wrapping_add(v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(24);
        v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
        v[d] = (v[d] ^ v[a]).rotate_right(16);
        v[c] = v[c].wrapping_add(v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(63);
    };
    for round in 0..12 {
        let order = &SIGMA[round % 10];
        for (i, places) in MIXES.into_iter().enumerate() {
            mix(places, block[order[2 * i]][0], block[order[2 * i + 1]][0]);
        }
    }
    for i in 0..8 {
        state[i][0] ^= v[i] ^ v[i + 8];
    }
}

/// The words that a round mixes: the columns, then the diagonals.
const MIXES: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86;
