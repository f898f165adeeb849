//! Programmable transactions against the Walrus packages.

use serde::Serialize;
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use walrus_contracts::packages::LinkedPackage;
use walrus_core::{Frost, ObjectId, SuiAddress};

use crate::{
    deployment::ContractRefs,
    ids::account_address,
    transaction::{Argument, Function, Program},
};

/// A transaction under construction.
pub(crate) struct Ptb<'a> {
    program: Program,
    refs: &'a ContractRefs,
}

impl<'a> Ptb<'a> {
    pub(crate) fn new(refs: &'a ContractRefs) -> Self {
        Self {
            program: Program::new(),
            refs,
        }
    }

    pub(crate) fn finish(self) -> Program {
        self.program
    }

    /// Calls a function of the Walrus package.
    pub(crate) fn call(
        &mut self,
        module: &'static str,
        function: &'static str,
        arguments: Vec<Argument>,
    ) -> Argument {
        let function = Function::new(self.refs.package, module, function);
        self.program.move_call(function, arguments)
    }

    /// Calls a function of any package.
    pub(crate) fn call_package(
        &mut self,
        package: ObjectId,
        module: &'static str,
        function: &'static str,
        types: Vec<TypeTag>,
        arguments: Vec<Argument>,
    ) -> Argument {
        let function = Function::new(package, module, function).with_types(types);
        self.program.move_call(function, arguments)
    }

    /// Upgrades `current` to `package`; returns the receipt.
    pub(crate) fn upgrade(
        &mut self,
        package: &LinkedPackage,
        current: ObjectId,
        ticket: Argument,
    ) -> Argument {
        upgrade_command(&mut self.program, package, current, ticket)
    }

    /// The Walrus package.
    pub(crate) fn package(&self) -> ObjectId {
        self.refs.package
    }

    pub(crate) fn pure<T: Serialize>(&mut self, value: &T) -> Argument {
        self.program.pure(value)
    }

    /// A byte vector as an argument.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Argument {
        self.program.pure(&bytes.to_vec())
    }

    /// 32 bytes as an argument without length: an ID, an address, or a little-endian `u256`.
    pub(crate) fn raw32(&mut self, bytes: [u8; 32]) -> Argument {
        self.program.pure_bytes(bytes.to_vec())
    }

    /// An object that the sender owns.
    pub(crate) fn owned(&mut self, id: ObjectId) -> Argument {
        self.program.owned(id)
    }

    /// A shared object that the call may change.
    pub(crate) fn shared(&mut self, id: ObjectId) -> Argument {
        self.program.shared(id)
    }

    /// System, for a call that may change it.
    pub(crate) fn system(&mut self) -> Argument {
        self.shared(self.refs.system_object)
    }

    /// System, for a call that reads it.
    pub(crate) fn system_read(&mut self) -> Argument {
        self.program.shared_read(self.refs.system_object)
    }

    /// Staking, for a call that may change it.
    pub(crate) fn staking(&mut self) -> Argument {
        self.shared(self.refs.staking_object)
    }

    /// Staking, for a call that reads it.
    pub(crate) fn staking_read(&mut self) -> Argument {
        self.program.shared_read(self.refs.staking_object)
    }

    pub(crate) fn clock(&mut self) -> Argument {
        self.program.clock()
    }

    /// A coin of exactly `amount`, taken from the sender's WAL.
    pub(crate) fn wal(&mut self, amount: Frost) -> Argument {
        self.program.coin(&self.refs.wal_type, amount.0)
    }

    /// Splits `amounts` off a coin.
    pub(crate) fn split(&mut self, coin: Argument, amounts: &[u64]) -> Vec<Argument> {
        let amounts = amounts
            .iter()
            .map(|amount| self.program.pure(amount))
            .collect();
        self.program.split_coins(coin, amounts)
    }

    /// Merges coins into one.
    pub(crate) fn merge(&mut self, into: Argument, coins: Vec<Argument>) {
        self.program.merge_coins(into, coins);
    }

    /// A `VecMap<String, String>`.
    pub(crate) fn string_map<'p>(
        &mut self,
        pairs: impl Iterator<Item = &'p (String, String)>,
    ) -> Argument {
        let (keys, values): (Vec<_>, Vec<_>) = pairs.cloned().unzip();
        let string = TypeTag::from(StructTag::new(
            Address::from_static("0x1"),
            Identifier::from_static("string"),
            Identifier::from_static("String"),
            vec![],
        ));
        let function = Function::of_framework("vec_map", "from_keys_values")
            .with_types(vec![string.clone(), string]);
        let arguments = vec![self.program.pure(&keys), self.program.pure(&values)];
        self.program.move_call(function, arguments)
    }

    /// Destroys a WAL coin that must be empty by now.
    pub(crate) fn destroy_empty_wal(&mut self, coin: Argument) {
        destroy_empty(&mut self.program, &self.refs.wal_type, coin);
    }

    pub(crate) fn transfer(&mut self, objects: Vec<Argument>, to: SuiAddress) {
        transfer(&mut self.program, objects, to);
    }
}

/// Gives objects to an account.
pub(crate) fn transfer(program: &mut Program, objects: Vec<Argument>, to: SuiAddress) {
    let recipient = program.pure(&account_address(to));
    program.transfer_objects(objects, recipient);
}

/// Destroys a coin that must be empty by now.
pub(crate) fn destroy_empty(program: &mut Program, coin_type: &StructTag, coin: Argument) {
    let function = Function::of_framework("coin", "destroy_zero")
        .with_types(vec![TypeTag::from(coin_type.clone())]);
    program.move_call(function, vec![coin]);
}

/// Adds the Upgrade command; returns the receipt, which the transaction must commit. `ticket` may
/// come from any package that holds the capability of `current`.
pub(crate) fn upgrade_command(
    program: &mut Program,
    package: &LinkedPackage,
    current: ObjectId,
    ticket: Argument,
) -> Argument {
    let dependencies = addresses(&package.dependencies);
    program.upgrade(package.modules.clone(), dependencies, current, ticket)
}

/// IDs of packages, as the commands that make packages take them.
pub(crate) fn addresses(ids: &[[u8; 32]]) -> Vec<Address> {
    ids.iter().copied().map(Address::new).collect()
}
