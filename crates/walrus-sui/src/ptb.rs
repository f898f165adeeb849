//! Programmable transactions against the Walrus packages.

use serde::Serialize;
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use sui_transaction_builder::{Argument, Function, ObjectInput, TransactionBuilder};
use walrus_contracts::packages::LinkedPackage;
use walrus_core::{Frost, ObjectId, SuiAddress};

use crate::{
    contract::upgrade_command,
    ids::{account_address, object_address},
};

/// The framework's Clock.
pub(crate) const CLOCK: Address = Address::from_static("0x6");

/// Packages and objects of one Walrus deployment, as transactions need them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractRefs {
    /// The package to call: changes with every upgrade.
    pub package: ObjectId,
    /// The package that defines the types: never changes.
    pub original_package: ObjectId,
    /// The type of WAL, without `Coin`.
    pub wal_type: StructTag,
    /// The System object.
    pub system_object: ObjectId,
    /// The Staking object.
    pub staking_object: ObjectId,
}

impl ContractRefs {
    /// The type `module::name` of the Walrus package.
    pub fn struct_tag(&self, module: &'static str, name: &'static str) -> StructTag {
        Self::tag_of(self.original_package, module, name)
    }

    /// The type `module::name` of `package`.
    pub(crate) fn tag_of(package: ObjectId, module: &'static str, name: &'static str) -> StructTag {
        StructTag::new(
            object_address(package),
            Identifier::from_static(module),
            Identifier::from_static(name),
            vec![],
        )
    }
}

/// A transaction under construction.
pub(crate) struct Ptb<'a> {
    builder: TransactionBuilder,
    refs: &'a ContractRefs,
}

impl<'a> Ptb<'a> {
    pub(crate) fn new(refs: &'a ContractRefs) -> Self {
        Self {
            builder: TransactionBuilder::new(),
            refs,
        }
    }

    pub(crate) fn finish(self) -> TransactionBuilder {
        self.builder
    }

    /// Calls a function of the Walrus package.
    pub(crate) fn call(
        &mut self,
        module: &'static str,
        function: &'static str,
        arguments: Vec<Argument>,
    ) -> Argument {
        let package = object_address(self.refs.package);
        self.builder
            .move_call(function_of(package, module, function), arguments)
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
        let function = function_of(object_address(package), module, function).with_type_args(types);
        self.builder.move_call(function, arguments)
    }

    /// Upgrades `current` to `package`; returns the receipt.
    pub(crate) fn upgrade(
        &mut self,
        package: &LinkedPackage,
        current: ObjectId,
        ticket: Argument,
    ) -> Argument {
        upgrade_command(&mut self.builder, package, current, ticket)
    }

    /// The Walrus package.
    pub(crate) fn package(&self) -> ObjectId {
        self.refs.package
    }

    pub(crate) fn pure<T: Serialize>(&mut self, value: &T) -> Argument {
        self.builder.pure(value)
    }

    /// A byte vector as an argument.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Argument {
        self.builder.pure(&bytes.to_vec())
    }

    /// 32 bytes as an argument without length: an ID, an address, or a little-endian `u256`.
    pub(crate) fn raw32(&mut self, bytes: [u8; 32]) -> Argument {
        self.builder.pure_bytes(bytes.to_vec())
    }

    /// An object by ID: the full node finds out version and ownership.
    pub(crate) fn object(&mut self, id: ObjectId) -> Argument {
        self.builder.object(ObjectInput::new(object_address(id)))
    }

    pub(crate) fn system(&mut self) -> Argument {
        self.object(self.refs.system_object)
    }

    pub(crate) fn staking(&mut self) -> Argument {
        self.object(self.refs.staking_object)
    }

    pub(crate) fn clock(&mut self) -> Argument {
        clock(&mut self.builder)
    }

    /// A coin of exactly `amount`, taken from the sender's WAL.
    pub(crate) fn wal(&mut self, amount: Frost) -> Argument {
        self.builder.coin(self.refs.wal_type.clone(), amount.0)
    }

    /// Splits `amounts` off a coin.
    pub(crate) fn split(&mut self, coin: Argument, amounts: &[u64]) -> Vec<Argument> {
        let amounts = amounts
            .iter()
            .map(|amount| self.builder.pure(amount))
            .collect();
        self.builder.split_coins(coin, amounts)
    }

    /// Merges coins into one.
    pub(crate) fn merge(&mut self, into: Argument, coins: Vec<Argument>) {
        self.builder.merge_coins(into, coins);
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
        let function = function_of(Address::TWO, "vec_map", "from_keys_values")
            .with_type_args(vec![string.clone(), string]);
        let arguments = vec![self.builder.pure(&keys), self.builder.pure(&values)];
        self.builder.move_call(function, arguments)
    }

    /// Destroys a WAL coin that must be empty by now.
    pub(crate) fn destroy_empty_wal(&mut self, coin: Argument) {
        destroy_empty(&mut self.builder, &self.refs.wal_type, coin);
    }

    pub(crate) fn transfer(&mut self, objects: Vec<Argument>, to: SuiAddress) {
        transfer(&mut self.builder, objects, to);
    }
}

/// Gives objects to an account.
pub(crate) fn transfer(builder: &mut TransactionBuilder, objects: Vec<Argument>, to: SuiAddress) {
    let recipient = builder.pure(&account_address(to));
    builder.transfer_objects(objects, recipient);
}

/// Destroys a coin that must be empty by now.
pub(crate) fn destroy_empty(
    builder: &mut TransactionBuilder,
    coin_type: &StructTag,
    coin: Argument,
) {
    let function = function_of(Address::TWO, "coin", "destroy_zero")
        .with_type_args(vec![TypeTag::from(coin_type.clone())]);
    builder.move_call(function, vec![coin]);
}

/// The framework's Clock as an argument.
pub(crate) fn clock(builder: &mut TransactionBuilder) -> Argument {
    builder.object(ObjectInput::new(CLOCK))
}

/// A function without type arguments.
pub(crate) fn function_of(
    package: Address,
    module: &'static str,
    function: &'static str,
) -> Function {
    Function::new(
        package,
        Identifier::from_static(module),
        Identifier::from_static(function),
    )
}
