//! The known-good data for the codes alone.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{bytes, generate, list, load, number, sha256, text};

use crate::{
    code::Code,
    transform::Transforms,
    words::{Kernel, Workspace, encode_words},
};

#[test]
fn reed_solomon() {
    for case in list(&load("core-reed_solomon.json")["cases"]) {
        let original: usize = number(&case["original_count"]);
        let recovery: usize = number(&case["recovery_count"]);
        let symbol: usize = number(&case["shard_bytes"]);
        let data = generate(&case["generator"], original * symbol);
        let code = Code::new(original, original + recovery).expect("small enough");
        let mut actual = vec![0; recovery * symbol];
        encode_words(
            Kernel {
                transforms: &Transforms::new(code.positions()),
                code: &code,
            },
            &mut Workspace::default(),
            1,
            symbol,
            |index, stretch, cells| {
                cells.copy_from_slice(&data[index * symbol..][..symbol][stretch.clone()]);
            },
            |part| {
                for index in part.positions.start.max(original)..part.positions.end {
                    let start = (index - original) * symbol + part.stretch.start;
                    actual[start..start + part.stretch.len()].copy_from_slice(part.at(index));
                }
            },
        );
        assert_eq!(sha256(&actual), text(&case["recovery_sha256"]), "{case}");
        if case.get("recovery").is_some() {
            assert_eq!(actual, bytes(&case["recovery"]));
        }
    }
}
