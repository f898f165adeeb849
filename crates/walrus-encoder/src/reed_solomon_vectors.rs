//! The known-good data for the codes alone.

#[path = "../tests/common/mod.rs"]
mod common;

use std::ops::Range;

use common::{bytes, generate, list, load, number, sha256, text};

use crate::{
    code::Code,
    line::{Kernel, LineSymbols, Visited, Workspace},
    transform::Transforms,
};

#[test]
fn reed_solomon() {
    for case in list(&load("core-reed_solomon.json")["cases"]) {
        let original: usize = number(&case["original_count"]);
        let recovery: usize = number(&case["recovery_count"]);
        let symbol: usize = number(&case["shard_bytes"]);
        let data = generate(&case["generator"], original * symbol);
        let code = Code::new(original, original + recovery).expect("small enough");
        let mut symbols = Symbols {
            data: &data,
            symbol,
            recovery: vec![0; recovery * symbol],
        };
        let kernel = Kernel {
            transforms: &Transforms::new(code.twist_factors()),
            code: &code,
        };
        kernel.encode(&mut Workspace::default(), &(0..1), symbol, &mut symbols);
        let actual = symbols.recovery;
        assert_eq!(sha256(&actual), text(&case["recovery_sha256"]), "{case}");
        if case.get("recovery").is_some() {
            assert_eq!(actual, bytes(&case["recovery"]));
        }
    }
}

/// A line with these source symbols.
struct Symbols<'a> {
    data: &'a [u8],
    symbol: usize,
    recovery: Vec<u8>,
}

impl LineSymbols for Symbols<'_> {
    fn read(&self, position: usize, _: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        target.copy_from_slice(&self.data[position * self.symbol..][bytes.clone()]);
    }

    fn visit(&mut self, visited: &Visited<'_>) {
        let source = self.data.len() / self.symbol;
        for position in visited.positions.start.max(source)..visited.positions.end {
            let start = (position - source) * self.symbol + visited.bytes.start;
            self.recovery[start..start + visited.bytes.len()].copy_from_slice(visited.at(position));
        }
    }
}
