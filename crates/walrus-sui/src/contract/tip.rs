//! Paying an upload relay.

use walrus_core::{SuiAddress, upload_relay::AuthPayload};

use crate::{ptb::transfer, transaction::Program};

/// A transaction that gives `mist` of the owner's SUI to `receiver` and says what for: its first
/// input, which no command uses, is the payload.
pub fn tip(payload: &AuthPayload, mist: u64, receiver: SuiAddress) -> Program {
    let mut program = Program::new();
    program.pure_bytes(payload.to_bytes().to_vec());
    let gas = program.gas(mist);
    let amount = program.pure(&mist);
    let coins = program.split_coins(gas, vec![amount]);
    transfer(&mut program, coins, receiver);
    program
}
