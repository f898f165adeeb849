//! Commands and their inputs, put together step by step.

use serde::Serialize;
use sui_sdk_types::{Address, FundsWithdrawal, Identifier, ObjectReference, StructTag, TypeTag};
use walrus_core::ObjectId;

use crate::ids::{CLOCK, object_address};

/// A value that a command takes: an input, or the result of an earlier command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument(pub(super) Place);

/// Where the value of an argument comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Gas,
    Input(usize),
    Result(usize),
    /// One of several results.
    Nested(usize, usize),
    /// A coin that was asked for with [`Program::coin`].
    Coin(usize),
}

/// A Move function and its type arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub(super) package: Address,
    pub(super) module: Identifier,
    pub(super) name: Identifier,
    pub(super) types: Vec<TypeTag>,
}

impl Function {
    /// A function without type arguments.
    pub fn new(package: ObjectId, module: &'static str, name: &'static str) -> Self {
        Self {
            package: object_address(package),
            module: Identifier::from_static(module),
            name: Identifier::from_static(name),
            types: Vec::new(),
        }
    }

    /// A function of the Sui framework without type arguments.
    pub(crate) fn of_framework(module: &'static str, name: &'static str) -> Self {
        Self {
            package: Address::TWO,
            module: Identifier::from_static(module),
            name: Identifier::from_static(name),
            types: Vec::new(),
        }
    }

    /// The same function with type arguments.
    #[must_use]
    pub fn with_types(mut self, types: Vec<TypeTag>) -> Self {
        self.types = types;
        self
    }
}

/// An input. Full nodes fill in versions, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// BCS of a plain value.
    Pure(Vec<u8>),
    /// An object of the sender, or an immutable one, at its newest version.
    Owned(Address),
    /// A shared object.
    Shared { id: Address, mutable: bool },
    /// A coin of the sender at a version we know.
    Coin(ObjectReference),
    /// Money from the account's balance outside of coins.
    Withdrawal(FundsWithdrawal),
}

impl Input {
    /// The object, if it is one.
    pub(super) fn object(&self) -> Option<Address> {
        match self {
            Self::Owned(id) | Self::Shared { id, .. } => Some(*id),
            Self::Coin(reference) => Some(*reference.object_id()),
            Self::Pure(_) | Self::Withdrawal(_) => None,
        }
    }
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    MoveCall {
        function: Function,
        arguments: Vec<Argument>,
    },
    TransferObjects {
        objects: Vec<Argument>,
        recipient: Argument,
    },
    SplitCoins {
        coin: Argument,
        amounts: Vec<Argument>,
    },
    MergeCoins {
        into: Argument,
        coins: Vec<Argument>,
    },
    MakeVector {
        type_: StructTag,
        elements: Vec<Argument>,
    },
    Publish {
        modules: Vec<Vec<u8>>,
        dependencies: Vec<Address>,
    },
    Upgrade {
        modules: Vec<Vec<u8>>,
        dependencies: Vec<Address>,
        package: Address,
        ticket: Argument,
    },
}

/// A coin of exactly `amount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedCoin {
    pub(super) type_: StructTag,
    pub(super) amount: u64,
}

/// The commands of a transaction and the inputs they use, in order. It names no account: whoever
/// sends it is its sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    pub(super) inputs: Vec<Input>,
    pub(super) commands: Vec<Command>,
    pub(super) coins: Vec<WantedCoin>,
    pub(super) from_gas_mist: u64,
}

impl Program {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// True if it does nothing.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The BCS of `value` as an input.
    pub fn pure<T: Serialize + ?Sized>(&mut self, value: &T) -> Argument {
        self.pure_bytes(bcs::to_bytes(value).expect("plain values have a BCS form"))
    }

    /// BCS as an input. The same bytes are one input, however often they are used.
    pub fn pure_bytes(&mut self, bytes: Vec<u8>) -> Argument {
        self.input(Input::Pure(bytes))
    }

    /// An object that the sender owns, or that nobody can change.
    pub fn owned(&mut self, id: ObjectId) -> Argument {
        self.input(Input::Owned(object_address(id)))
    }

    /// A shared object that a command may change.
    pub fn shared(&mut self, id: ObjectId) -> Argument {
        self.shared_at(object_address(id), true)
    }

    /// A shared object that commands only read. It counts as changed if another use changes it.
    pub fn shared_read(&mut self, id: ObjectId) -> Argument {
        self.shared_at(object_address(id), false)
    }

    /// The framework's clock.
    pub fn clock(&mut self) -> Argument {
        self.shared_at(CLOCK, false)
    }

    fn shared_at(&mut self, id: Address, mutable: bool) -> Argument {
        self.input(Input::Shared { id, mutable })
    }

    fn input(&mut self, new: Input) -> Argument {
        for (index, known) in self.inputs.iter_mut().enumerate() {
            match (known, &new) {
                (
                    Input::Shared { id: known, mutable },
                    Input::Shared {
                        id,
                        mutable: changed,
                    },
                ) if known == id => {
                    *mutable |= changed;
                    return Argument(Place::Input(index));
                }
                (known, new) if known == new => return Argument(Place::Input(index)),
                _ => {}
            }
        }
        self.inputs.push(new);
        Argument(Place::Input(self.inputs.len() - 1))
    }

    /// The coin that pays for gas. `mist` is how much the commands take out of it, so that enough
    /// is chosen.
    pub fn gas(&mut self, mist: u64) -> Argument {
        self.from_gas_mist = self.from_gas_mist.saturating_add(mist);
        Argument(Place::Gas)
    }

    /// A coin of exactly `amount`, in its smallest unit, out of what the sender has. `type_` is
    /// without `Coin`.
    pub fn coin(&mut self, type_: &StructTag, amount: u64) -> Argument {
        self.coins.push(WantedCoin {
            type_: type_.clone(),
            amount,
        });
        Argument(Place::Coin(self.coins.len() - 1))
    }

    /// Calls a function; returns its result.
    pub fn move_call(&mut self, function: Function, arguments: Vec<Argument>) -> Argument {
        self.command(Command::MoveCall {
            function,
            arguments,
        })
    }

    /// Splits `amounts` off `coin`.
    pub fn split_coins(&mut self, coin: Argument, amounts: Vec<Argument>) -> Vec<Argument> {
        let (index, count) = (self.commands.len(), amounts.len());
        self.command(Command::SplitCoins { coin, amounts });
        (0..count)
            .map(|nested| Argument(Place::Nested(index, nested)))
            .collect()
    }

    /// Merges coins into one.
    pub fn merge_coins(&mut self, into: Argument, coins: Vec<Argument>) {
        self.command(Command::MergeCoins { into, coins });
    }

    /// Gives objects to an account.
    pub fn transfer_objects(&mut self, objects: Vec<Argument>, recipient: Argument) {
        self.command(Command::TransferObjects { objects, recipient });
    }

    /// A vector of values that earlier commands returned.
    pub fn make_vector(&mut self, type_: &StructTag, elements: Vec<Argument>) -> Argument {
        self.command(Command::MakeVector {
            type_: type_.clone(),
            elements,
        })
    }

    /// Publishes a package; returns its upgrade capability.
    pub fn publish(&mut self, modules: Vec<Vec<u8>>, dependencies: Vec<Address>) -> Argument {
        self.command(Command::Publish {
            modules,
            dependencies,
        })
    }

    /// Upgrades `package`; returns the receipt.
    pub fn upgrade(
        &mut self,
        modules: Vec<Vec<u8>>,
        dependencies: Vec<Address>,
        package: ObjectId,
        ticket: Argument,
    ) -> Argument {
        self.command(Command::Upgrade {
            modules,
            dependencies,
            package: object_address(package),
            ticket,
        })
    }

    fn command(&mut self, command: Command) -> Argument {
        self.commands.push(command);
        Argument(Place::Result(self.commands.len() - 1))
    }
}
