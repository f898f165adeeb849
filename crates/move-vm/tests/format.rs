//! The file format against every framework module, and against damaged ones.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use move_vm::{Address, CompiledModule, FormatError};
use proptest::prelude::*;

#[test]
fn framework_modules_are_written_back_to_identical_bytes() {
    let modules = common::framework_bytes();
    assert_eq!(modules.len(), 22 + 62);
    for bytes in modules {
        let module = CompiledModule::deserialize(&bytes).unwrap();
        assert_eq!(module.serialize(), bytes, "{}", module.self_id());
    }
}

/// `module t::t; public fun f(x: u64): u64 { if (x > 9) abort 7; x + 1 }`
const SMALL: &str = "a11ceb0b07000005060100020302050507030 70a04080e200c2e2c \
    0001 0000000000 0103 00 0166 0174 \
    0000000000000000000000000000000000000000000000000000000000000000 \
    00010000 010a 0a00 060900000000000000 24 0406 060700000000000000 27 0b00 060100000000000000 16 02 \
    00 00";

fn small() -> Vec<u8> {
    hex::decode(SMALL.split_whitespace().collect::<String>()).unwrap()
}

#[test]
fn small_module_reads_as_written_in_the_format_description() {
    let module = CompiledModule::deserialize(&small()).unwrap();
    assert_eq!(module.version, 7);
    assert_eq!(module.self_id().to_string(), "0x0::t");
    let (index, function) = module.find_function("f").unwrap();
    assert_eq!(index, 0);
    assert_eq!(function.code.as_ref().unwrap().code.len(), 10);
    assert_eq!(module.serialize(), small());
}

#[test]
fn version_6_has_no_jump_tables() {
    let mut module = CompiledModule::deserialize(&small()).unwrap();
    module.version = 6;
    let bytes = module.serialize();
    assert_eq!(&bytes[4..8], [6, 0, 0, 0]);
    assert_eq!(CompiledModule::deserialize(&bytes).unwrap(), module);
}

#[test]
fn relocation_moves_only_the_address_entry() {
    let mut module = CompiledModule::deserialize(&small()).unwrap();
    assert!(module.relocate_self(Address::from_u8(0xab)));
    let bytes = module.serialize();
    let differing = bytes
        .iter()
        .zip(small())
        .filter(|(new, old)| *new != old)
        .count();
    assert_eq!(differing, 1);
    assert_eq!(module.self_id().address, Address::from_u8(0xab));
}

#[test]
fn broken_containers_are_refused() {
    let with = |at: usize, byte: u8| {
        let mut bytes = small();
        bytes[at] = byte;
        CompiledModule::deserialize(&bytes)
    };
    assert_eq!(with(0, 0), Err(FormatError::BadMagic));
    assert_eq!(with(7, 0), Err(FormatError::UnsupportedVersion(7)));
    assert_eq!(
        with(4, 8),
        Err(FormatError::UnsupportedVersion(0x0500_0008))
    );
    assert_eq!(
        with(4, 5),
        Err(FormatError::UnsupportedVersion(0x0500_0005))
    );
    assert!(
        matches!(with(9, 0x10), Err(FormatError::BadTables(_))),
        "metadata"
    );
    assert!(
        matches!(with(9, 0x03), Err(FormatError::BadTables(_))),
        "duplicate table"
    );
    assert!(matches!(with(10, 1), Err(FormatError::BadTables(_))), "gap");
    let mut long = small();
    long.push(0);
    assert_eq!(
        CompiledModule::deserialize(&long),
        Err(FormatError::TrailingBytes(1))
    );
    let mut test_mode = small();
    test_mode[..4].copy_from_slice(&[0xde, 0xad, 0xc0, 0xde]);
    assert_eq!(
        CompiledModule::deserialize(&test_mode),
        Err(FormatError::BadMagic)
    );
    for length in 0..small().len() {
        assert!(
            CompiledModule::deserialize(&small()[..length]).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn integers_must_be_canonical() {
    // The table count 6 written in two bytes.
    let mut bytes = small();
    bytes.splice(8..9, [0x86, 0x00]);
    assert_eq!(
        CompiledModule::deserialize(&bytes),
        Err(FormatError::BadInteger(8))
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = CompiledModule::deserialize(&bytes);
    }

    #[test]
    fn mutated_modules_never_panic_and_stay_writable(
        which in 0usize..84,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = common::framework_bytes().swap_remove(which);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(module) = CompiledModule::deserialize(&bytes) {
            let written = module.serialize();
            prop_assert_eq!(CompiledModule::deserialize(&written), Ok(module));
        }
    }
}
