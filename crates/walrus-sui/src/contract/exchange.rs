//! Exchanging SUI for WAL, where a network has an exchange for that.

use walrus_core::{ObjectId, SuiAddress};

use crate::{
    ptb::transfer,
    reader::ExchangeState,
    transaction::{Function, Program},
};

/// A transaction that gives `mist` of the owner's SUI to an exchange, for WAL.
pub fn exchange_for_wal(exchange: &ExchangeState, mist: u64, owner: SuiAddress) -> Program {
    let mut program = Program::new();
    let gas = program.gas(mist);
    let amount = program.pure(&mist);
    let coins = program.split_coins(gas, vec![amount]);
    let object: ObjectId = exchange.exchange.id;
    let arguments = std::iter::once(program.shared(object)).chain(coins);
    let arguments = arguments.collect();
    let function = Function::new(exchange.package, "wal_exchange", "exchange_all_for_wal");
    let wal = program.move_call(function, arguments);
    transfer(&mut program, vec![wal], owner);
    program
}
