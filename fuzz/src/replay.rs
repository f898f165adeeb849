//! Replays the seeds of a fuzz target, and small changes of each, without a fuzzer.

use std::path::Path;

/// Changed copies of each seed that are tried.
const CHANGES: usize = 60;

/// A small generator of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// Cuts, extends or changes some bytes.
fn change(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    match numbers.below(8) {
        0 => bytes.truncate(numbers.below(seed.len())),
        1 => bytes.extend_from_slice(&seed[numbers.below(seed.len())..]),
        _ => {
            for _ in 0..=numbers.below(3) {
                let position = numbers.below(bytes.len());
                if let Some(byte) = bytes.get_mut(position) {
                    *byte = [0, 1, 0x7f, 0xff, byte.wrapping_add(1)][numbers.below(5)];
                }
            }
        }
    }
    bytes
}

/// Feeds the seeds of a target, and changed copies of each, to its decoder.
pub(crate) fn replay(target: &str, decoder: fn(&[u8])) {
    // Of the crate that includes this file: all of them are at the same depth.
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut numbers = Numbers(1);
    let mut seeds: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    for seed in seeds {
        let seed = std::fs::read(seed).unwrap();
        decoder(&seed);
        for _ in 0..CHANGES {
            decoder(&change(&seed, &mut numbers));
        }
    }
}
