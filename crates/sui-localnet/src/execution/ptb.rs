//! The interpreter of programmable transactions: commands, their arguments and results.

mod arguments;
mod call;
mod coins;
mod entanglement;
mod publish;
mod pure;
mod upgrade;
mod values;

use std::collections::{BTreeMap, HashMap};

use arguments::Uses;
use entanglement::Entanglement;
use move_vm::{Linkage, Session, Slot, TypeTag, Value, Vm, ability::Ability};
use stdx::SaturatingFrom as _;
use sui_sdk_types::{
    Address, Command, ExecutionError, MovePackage, Object, ProgrammableTransaction,
};
use values::{Held, InputState, ObjectState, Place, ResultState};

use super::{
    convert::to_move_struct,
    failure::Failure,
    gas::GasMeter,
    inputs::{Access, CheckedInput, Inputs},
    packages::Packages,
    runtime::{NewOwner, ObjectRuntime, ObjectValue, Ticket},
    types::CommandOutput,
};

pub(crate) use values::TypeInfo;

/// Runs the commands of one transaction.
pub(crate) struct Interpreter<'a> {
    vm: &'a Vm,
    packages: &'a Packages<'a>,
    pub(crate) runtime: ObjectRuntime<'a>,
    pub(crate) gas: GasMeter,
    /// Whether the rules of real execution apply.
    enforced: bool,
    /// Whether results are wanted.
    collect_outputs: bool,
    inputs: Vec<InputState>,
    gas_coin: ObjectState,
    /// Part of the gas coin that commands must not touch: the budget.
    reserved: u64,
    results: Vec<Vec<ResultState>>,
    groups: Entanglement,
    /// Shared objects that the running command took by value.
    taken_shared: Vec<Address>,
    types: HashMap<TypeTag, TypeInfo>,
    pub(crate) outputs: Vec<CommandOutput>,
    pub(crate) new_packages: Vec<MovePackage>,
}

/// What the interpreter is told besides the inputs.
pub(crate) struct Settings {
    pub(crate) enforced: bool,
    pub(crate) collect_outputs: bool,
    /// Balance of all gas coins together.
    pub(crate) gas_balance: u64,
    pub(crate) budget: u64,
}

/// An input object after the last command.
pub(crate) struct Returned {
    pub(crate) object: Object,
    pub(crate) access: Access,
    /// Contents now; `None` if the object was taken by value.
    pub(crate) contents: Option<Vec<u8>>,
}

impl<'a> Interpreter<'a> {
    pub(crate) fn new(
        vm: &'a Vm,
        packages: &'a Packages<'a>,
        runtime: ObjectRuntime<'a>,
        gas: GasMeter,
        inputs: &Inputs,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let gas_object = inputs
            .gas
            .first()
            .ok_or_else(|| Failure::invariant("there is no gas coin"))?;
        let gas_tag = super::convert::gas_coin_tag();
        let reserved = settings.budget.min(settings.gas_balance);
        let mut interpreter = Self {
            vm,
            packages,
            runtime,
            gas,
            enforced: settings.enforced,
            collect_outputs: settings.collect_outputs,
            inputs: Vec::new(),
            gas_coin: ObjectState {
                object: gas_object.clone(),
                access: Access::Owned,
                tag: gas_tag.clone(),
                held: Held::Taken,
            },
            reserved,
            results: Vec::new(),
            groups: Entanglement::default(),
            taken_shared: Vec::new(),
            types: HashMap::new(),
            outputs: Vec::new(),
            new_packages: Vec::new(),
        };
        let info = interpreter.type_info(&gas_tag)?;
        let available = values::coin(gas_object.object_id(), settings.gas_balance - reserved);
        interpreter.gas_coin.held = Held::Loaded(ObjectValue {
            tag: gas_tag,
            layout: info.layout,
            public_transfer: true,
            value: Slot::new(available),
        });
        interpreter.note_input(gas_object);
        for input in &inputs.arguments {
            let state = interpreter.input_state(input)?;
            interpreter.inputs.push(state);
        }
        Ok(interpreter)
    }

    fn note_input(&mut self, object: &Object) {
        self.runtime
            .input_owners
            .insert(object.object_id(), *object.owner());
    }

    fn input_state(&mut self, input: &CheckedInput) -> Result<InputState, Failure> {
        Ok(match input {
            CheckedInput::Pure(bytes) => InputState::Pure {
                bytes: bytes.clone(),
                borrowed: BTreeMap::new(),
            },
            CheckedInput::Object(object, access) => {
                self.note_input(object);
                let tag = object
                    .as_struct()
                    .and_then(|object| to_move_struct(object.object_type()));
                let tag = tag.ok_or_else(|| Failure::invariant("an input without Move type"))?;
                InputState::Object(Box::new(ObjectState {
                    object: object.clone(),
                    access: *access,
                    tag: TypeTag::Struct(Box::new(tag)),
                    held: Held::Stored,
                }))
            }
            CheckedInput::Received(id, version) => InputState::Receiving {
                id: *id,
                version: *version,
                taken: false,
            },
            CheckedInput::Receiving(object) => {
                let (id, version) = (object.object_id(), object.version());
                let ticket = Ticket {
                    version,
                    object: object.clone(),
                    received: false,
                };
                self.runtime.tickets.insert(id, ticket);
                InputState::Receiving {
                    id,
                    version,
                    taken: false,
                }
            }
        })
    }

    /// Runs every command. On failure the state is void.
    pub(crate) fn run(&mut self, transaction: &ProgrammableTransaction) -> Result<(), Failure> {
        for (index, command) in transaction.commands.iter().enumerate() {
            self.outputs.push(CommandOutput::default());
            let results = self
                .command(index, command)
                .and_then(|results| self.check_taken_shared().map(|()| results))
                .map_err(|failure| failure.in_command(index))?;
            if self.collect_outputs {
                let returned = results.iter().map(Self::output);
                let returned = returned.collect::<Result<Vec<_>, _>>()?;
                if let Some(output) = self.outputs.last_mut() {
                    output.returned = returned;
                }
            }
            self.results.push(results);
        }
        self.check_leftovers()
    }

    fn command(&mut self, index: usize, command: &Command) -> Result<Vec<ResultState>, Failure> {
        match command {
            Command::MoveCall(call) => self.move_call(index, call),
            Command::TransferObjects(transfer) => self.transfer_objects(transfer),
            Command::SplitCoins(split) => self.split_coins(index, split),
            Command::MergeCoins(merge) => self.merge_coins(merge),
            Command::MakeMoveVector(make) => self.make_vector(index, make),
            Command::Publish(publish) => self.publish(index, publish),
            Command::Upgrade(upgrade) => self.upgrade(index, upgrade),
            _ => Err(ExecutionError::FeatureNotYetSupported.into()),
        }
    }

    /// A shared object taken by value must be shared again or deleted by the command that took it.
    fn check_taken_shared(&mut self) -> Result<(), Failure> {
        for id in std::mem::take(&mut self.taken_shared) {
            let shared_again =
                matches!(self.runtime.transfers.get(&id), Some((NewOwner::Shared, _)));
            if !shared_again && !self.runtime.deleted_ids.contains(&id) {
                return Err(
                    Failure::from(ExecutionError::ConsensusObjectOperationNotAllowed).with_detail(
                        format!("shared object {id} is neither shared again nor deleted"),
                    ),
                );
            }
        }
        Ok(())
    }

    /// Results that nobody consumed must have `drop`.
    fn check_leftovers(&self) -> Result<(), Failure> {
        if !self.enforced {
            return Ok(());
        }
        for (command, results) in self.results.iter().enumerate() {
            for (index, result) in results.iter().enumerate() {
                if result.value.is_some() && !result.abilities.has(Ability::Drop) {
                    let error = ExecutionError::UnusedValueWithoutDrop {
                        result: u16::saturating_from(command),
                        subresult: u16::saturating_from(index),
                    };
                    return Err(Failure::from(error)
                        .with_detail(format!("a value of type {} is left over", result.tag)));
                }
            }
        }
        Ok(())
    }

    /// A session for commands that call no package: it links what the types in `tags` need.
    pub(super) fn session_for_types<'t>(
        &self,
        tags: impl IntoIterator<Item = &'t TypeTag>,
    ) -> Option<Session<'a>> {
        let mut linkage = Linkage::new();
        self.packages.link_system(&mut linkage);
        for tag in tags {
            if !self.packages.link_type(&mut linkage, tag) {
                return None;
            }
        }
        Some(self.vm.session(self.packages, linkage))
    }

    /// Layout and abilities of a type that exists on chain.
    pub(crate) fn type_info(&mut self, tag: &TypeTag) -> Result<TypeInfo, Failure> {
        if let Some(info) = self.types.get(tag) {
            return Ok(info.clone());
        }
        let missing = || Failure::invariant(format!("type {tag} does not load"));
        let session = self.session_for_types([tag]).ok_or_else(missing)?;
        let type_ = session
            .load_type(tag)
            .map_err(|error| missing().with_detail(error.to_string()))?;
        let info = TypeInfo::load(&session, type_)?;
        self.types.insert(tag.clone(), info.clone());
        Ok(info)
    }

    fn output(result: &ResultState) -> Result<(sui_sdk_types::TypeTag, Vec<u8>), Failure> {
        let bytes = match &result.value {
            Some(slot) => slot
                .with(|value| value.to_bcs(&result.layout))
                .map_err(Failure::from)?,
            None => Vec::new(),
        };
        Ok((super::convert::from_move_tag(&result.tag), bytes))
    }

    /// A result that holds an object or value of a known type.
    fn result(&mut self, tag: TypeTag, value: Value) -> Result<ResultState, Failure> {
        let info = self.type_info(&tag)?;
        Ok(ResultState {
            tag,
            abilities: info.abilities,
            layout: info.layout,
            value: Some(Slot::new(value)),
        })
    }

    /// Ends the interpretation: the budget goes back to the gas coin, and the input objects come
    /// back. The gas coin is the first.
    pub(crate) fn finish(&mut self) -> Result<Vec<Returned>, Failure> {
        self.return_reserve()?;
        let inputs = std::mem::take(&mut self.inputs);
        let gas = ObjectState {
            object: self.gas_coin.object.clone(),
            access: Access::Owned,
            tag: self.gas_coin.tag.clone(),
            held: std::mem::replace(&mut self.gas_coin.held, Held::Taken),
        };
        let objects = inputs.into_iter().filter_map(|input| match input {
            InputState::Object(object) => Some(*object),
            InputState::Pure { .. } | InputState::Receiving { .. } => None,
        });
        std::iter::once(gas)
            .chain(objects)
            .map(|state| {
                let contents = match &state.held {
                    Held::Taken => None,
                    Held::Stored => state
                        .object
                        .as_struct()
                        .map(|object| object.contents().to_vec()),
                    Held::Loaded(object) => Some(object.contents().map_err(Failure::from)?),
                };
                Ok(Returned {
                    object: state.object,
                    access: state.access,
                    contents,
                })
            })
            .collect()
    }

    /// Gives the part that was kept from the commands back to the gas coin, wherever it is by now.
    fn return_reserve(&mut self) -> Result<(), Failure> {
        let id = self.gas_coin.object.object_id();
        let slot = match &self.gas_coin.held {
            Held::Loaded(object) => object.value.clone(),
            _ => match self.runtime.transfers.get(&id) {
                Some((_, object)) => object.value.clone(),
                None => return Err(Failure::invariant("the gas coin is gone")),
            },
        };
        let balance = values::coin_balance(&slot).map_err(Failure::from)?;
        let whole = balance
            .checked_add(self.reserved)
            .ok_or_else(|| Failure::from(ExecutionError::CoinBalanceOverflow))?;
        values::set_coin_balance(&slot, whole).map_err(Failure::from)
    }

    /// Notes that a command consumes the hot values among its arguments.
    fn release(&mut self, uses: &Uses) {
        for place in &uses.hot_consumed {
            self.groups.consumed(*place);
        }
    }

    /// Notes what a command used and made, for the rule on private entry functions.
    fn entangle(&mut self, index: usize, group: usize, results: &[ResultState]) {
        for (position, result) in results.iter().enumerate() {
            let is_hot = entanglement::is_hot(result.abilities);
            self.groups
                .add(Place::Result(index, position), group, is_hot);
        }
    }
}
