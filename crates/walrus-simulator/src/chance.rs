//! The system's source of chance, replaced for this program: libraries draw from it, too.
//!
//! The standard library seeds its hash tables from `getrandom`, and tokio takes the order in which
//! `select!` looks at its branches from such a hash. A library that uses either would give every
//! run of a seed another history. So this program brings a `getrandom` of its own, which the linker
//! prefers to that of the C library. It gives the same bytes to every thread in every run, and is
//! of no use for keys: what needs real chance must not be in this program.

#![allow(unsafe_code)]

use std::{
    cell::Cell,
    ffi::{c_uint, c_void},
};

use stdx::SaturatingFrom as _;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Fills `buffer` with bytes that are the same in every run.
///
/// # Safety
///
/// `buffer` is valid for writes of `length` bytes, as for the function of that name in the C
/// library.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, _flags: c_uint) -> isize {
    let bytes = buffer.cast::<u8>();
    for position in 0..length {
        // SAFETY: the caller promises that `length` bytes may be written, and `position` is below
        // that.
        unsafe { bytes.add(position).write(next_byte()) };
    }
    isize::saturating_from(length)
}

/// One step of SplitMix64, of which the highest byte is used.
fn next_byte() -> u8 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let [highest, ..] = mixed.to_be_bytes();
    highest
}
