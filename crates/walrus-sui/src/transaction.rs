//! What a transaction is to do, as a value, and the proof that the one about to be signed does that
//! and nothing else.
//!
//! [`Program`]: commands and the inputs they name. `Intent`: a program with the coins that pay, the
//! account and the limits of gas. [`CheckedTransaction`]: what a full node made of an intent,
//! compared with it field by field; the only thing a [`Signer`](crate::Signer) signs. Nothing here
//! does I/O.

mod check;
mod coins;
mod intent;
mod lower;
mod program;

pub use self::{
    check::{GAS_BUDGET_MIST_MAX, GAS_PRICE_MIST_MAX},
    intent::CheckedTransaction,
    program::{Argument, Function, Program},
};
pub(crate) use self::{
    coins::{
        COINS_LISTED_MAX, Choice, MERGE_BUDGET_MIST, for_gas, for_merging, for_payment,
        is_scattered,
    },
    intent::Intent,
    lower::Funds,
};
