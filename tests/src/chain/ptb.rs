//! A transaction in the making.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use sui_localnet::execution::{Engine, ObjectSource};
pub use sui_sdk_types::Argument;
use sui_sdk_types::{
    Address, Command, Identifier, Input, MakeMoveVector, MergeCoins, MoveCall, ObjectReference,
    Owner, ProgrammableTransaction, Publish, SharedInput, SplitCoins, TransferObjects, TypeTag,
    Upgrade,
};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::ids::{account_address, object_address};

/// The framework's clock.
const CLOCK: ObjectId = {
    let mut id = [0; 32];
    id[31] = 6;
    ObjectId(id)
};

/// Inputs and commands. Objects are named by id; whether the transaction takes a shared object to
/// change it, the functions called decide.
#[derive(Clone, Default)]
pub struct Ptb {
    packages: Arc<BTreeMap<&'static str, Address>>,
    inputs: Vec<Unresolved>,
    commands: Vec<Command>,
}

#[derive(Clone)]
enum Unresolved {
    Pure(Vec<u8>),
    Object(ObjectId),
}

impl Ptb {
    /// An empty transaction that knows packages by these names.
    pub(super) fn new(packages: Arc<BTreeMap<&'static str, Address>>) -> Self {
        Self {
            packages,
            ..Self::default()
        }
    }

    /// A value as an argument.
    pub fn pure<T: Serialize + ?Sized>(&mut self, value: &T) -> Argument {
        self.input(Unresolved::Pure(
            bcs::to_bytes(value).expect("arguments can be encoded"),
        ))
    }

    /// An object as an argument.
    pub fn object(&mut self, id: ObjectId) -> Argument {
        let known = self
            .inputs
            .iter()
            .position(|input| matches!(input, Unresolved::Object(known) if *known == id));
        match known {
            Some(index) => Argument::Input(short(index)),
            None => self.input(Unresolved::Object(id)),
        }
    }

    /// The clock as an argument.
    pub fn clock(&mut self) -> Argument {
        self.object(CLOCK)
    }

    /// Calls `package::module::function`.
    ///
    /// # Panics
    ///
    /// When no package has this name.
    pub fn call(&mut self, function: &str, arguments: &[Argument]) -> Argument {
        self.call_generic(function, &[], arguments)
    }

    /// Calls a function with type arguments.
    ///
    /// # Panics
    ///
    /// When no package has this name.
    pub fn call_generic(
        &mut self,
        function: &str,
        type_arguments: &[TypeTag],
        arguments: &[Argument],
    ) -> Argument {
        let mut path = function.split("::");
        let mut next = || path.next().unwrap_or_else(|| panic!("no path: {function}"));
        let (package, module, name) = (next(), next(), next());
        let package = *self
            .packages
            .get(package)
            .unwrap_or_else(|| panic!("package {package} is not published"));
        let identifier = |name: &str| Identifier::new(name).expect("a Move name");
        self.command(Command::MoveCall(MoveCall {
            package,
            module: identifier(module),
            function: identifier(name),
            type_arguments: type_arguments.to_vec(),
            arguments: arguments.to_vec(),
        }))
    }

    /// Splits amounts off a coin; [`result`] names the new coins.
    pub fn split(&mut self, coin: Argument, amounts: &[u64]) -> Argument {
        let amounts = amounts.iter().map(|amount| self.pure(amount)).collect();
        self.command(Command::SplitCoins(SplitCoins { coin, amounts }))
    }

    /// Merges coins into the first.
    pub fn merge(&mut self, coin: Argument, coins: &[Argument]) {
        self.command(Command::MergeCoins(MergeCoins {
            coin,
            coins_to_merge: coins.to_vec(),
        }));
    }

    /// Gives objects to an account.
    pub fn transfer(&mut self, objects: &[Argument], to: SuiAddress) {
        let address = self.pure(&account_address(to));
        let objects = objects.to_vec();
        self.command(Command::TransferObjects(TransferObjects {
            objects,
            address,
        }));
    }

    /// Makes a vector.
    pub fn vector(&mut self, element: TypeTag, elements: &[Argument]) -> Argument {
        self.command(Command::MakeMoveVector(MakeMoveVector {
            type_: Some(element),
            elements: elements.to_vec(),
        }))
    }

    /// Publishes a package; returns its upgrade capability.
    pub fn publish(&mut self, modules: Vec<Vec<u8>>, dependencies: &[[u8; 32]]) -> Argument {
        let dependencies = dependencies.iter().copied().map(Address::new).collect();
        self.command(Command::Publish(Publish {
            modules,
            dependencies,
        }))
    }

    /// Upgrades a package; returns the receipt.
    pub fn upgrade(
        &mut self,
        modules: Vec<Vec<u8>>,
        dependencies: &[[u8; 32]],
        package: ObjectId,
        ticket: Argument,
    ) -> Argument {
        let dependencies = dependencies.iter().copied().map(Address::new).collect();
        self.command(Command::Upgrade(Upgrade {
            modules,
            dependencies,
            package: object_address(package),
            ticket,
        }))
    }

    fn input(&mut self, input: Unresolved) -> Argument {
        self.inputs.push(input);
        Argument::Input(short(self.inputs.len() - 1))
    }

    fn command(&mut self, command: Command) -> Argument {
        self.commands.push(command);
        Argument::Result(short(self.commands.len() - 1))
    }

    /// Fills in versions of objects.
    pub(super) fn resolve(
        self,
        engine: &Engine,
        objects: &dyn ObjectSource,
    ) -> ProgrammableTransaction {
        let mutable: Vec<_> = (0..self.inputs.len())
            .map(|index| self.is_changed(short(index), engine, objects))
            .collect();
        let inputs = self.inputs.into_iter().zip(mutable);
        let inputs = inputs.map(|(input, mutable)| match input {
            Unresolved::Pure(bytes) => Input::Pure(bytes),
            Unresolved::Object(id) => {
                let object = objects
                    .object(&object_address(id))
                    .unwrap_or_else(|| panic!("no object {id}"));
                match *object.owner() {
                    Owner::Shared(version) => {
                        Input::Shared(SharedInput::new(object_address(id), version, mutable))
                    }
                    _ => Input::ImmutableOrOwned(ObjectReference::new(
                        object_address(id),
                        object.version(),
                        object.digest(),
                    )),
                }
            }
        });
        ProgrammableTransaction {
            inputs: inputs.collect(),
            commands: self.commands,
        }
    }

    /// Whether a command takes the input by value or by mutable reference.
    fn is_changed(&self, index: u16, engine: &Engine, objects: &dyn ObjectSource) -> bool {
        let input = Argument::Input(index);
        self.commands.iter().any(|command| match command {
            Command::MoveCall(call) => {
                let function = engine.function(
                    objects,
                    &call.package,
                    call.module.as_str(),
                    call.function.as_str(),
                );
                let positions = call.arguments.iter().enumerate();
                let mut uses = positions.filter(|(_, argument)| **argument == input);
                uses.any(|(position, _)| {
                    let parameters = function.as_ref().map(|function| &function.parameters);
                    let parameter = parameters.and_then(|parameters| parameters.get(position));
                    !matches!(
                        parameter.map(move_vm::Type::as_reference),
                        Some(Some((_, false)))
                    )
                })
            }
            // The other commands take coins and the like, which are not shared.
            _ => false,
        })
    }
}

/// Result `index` of a command that has several.
///
/// # Panics
///
/// When `command` is not a command.
pub fn result(command: Argument, index: u16) -> Argument {
    let Argument::Result(command) = command else {
        panic!("{command:?} is no command");
    };
    Argument::NestedResult(command, index)
}

fn short(index: usize) -> u16 {
    u16::try_from(index).expect("transactions of tests are short")
}
