//! From arguments of commands to values: what may be moved, copied or borrowed.

use move_vm::{Address as MoveAddress, Slot, Type, TypeTag, Value, ability::Ability};
use sui_sdk_types::{Argument, CommandArgumentError, Owner};

use super::{
    Interpreter, TypeInfo,
    entanglement::is_hot,
    pure,
    values::{Held, InputState, Place, object_id},
};
use crate::execution::{failure::Failure, inputs::Access, runtime::ObjectValue};

/// How one command uses a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Move,
    Copy,
    Borrow,
    BorrowMut,
}

/// The uses of places by the arguments of one command.
#[derive(Debug, Default)]
pub(super) struct Uses {
    noted: Vec<(Place, Use)>,
    /// Where the hot values were that the command consumes.
    pub(super) hot_consumed: Vec<Place>,
    /// Whether the command takes a shared object by value.
    pub(super) takes_shared: bool,
}

impl Uses {
    fn note(&mut self, place: Place, new: Use) -> Result<(), CommandArgumentError> {
        for (_, old) in self.noted.iter().filter(|(used, _)| *used == place) {
            match (old, new) {
                (Use::Borrow | Use::BorrowMut, Use::Move) => {
                    return Err(CommandArgumentError::CannotMoveBorrowedValue);
                }
                (Use::BorrowMut, _) | (_, Use::BorrowMut) => {
                    return Err(CommandArgumentError::InvalidReferenceArgument);
                }
                _ => {}
            }
        }
        self.noted.push((place, new));
        Ok(())
    }

    /// The places used, one for each argument.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.noted.iter().map(|(place, _)| *place)
    }
}

/// A value that the gas coin's special rule applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GasRule {
    /// By reference only.
    NotByValue,
    /// Transfers may take the coin itself.
    ByValue,
}

impl Interpreter<'_> {
    /// The place an argument names.
    pub(super) fn place(&self, argument: Argument) -> Result<Place, CommandArgumentError> {
        let result = |command: u16, subresult: u16| {
            let results = self
                .results
                .get(usize::from(command))
                .ok_or(CommandArgumentError::IndexOutOfBounds { index: command })?;
            if usize::from(subresult) >= results.len() {
                let result = command;
                return Err(CommandArgumentError::SecondaryIndexOutOfBounds { result, subresult });
            }
            Ok(Place::Result(usize::from(command), usize::from(subresult)))
        };
        match argument {
            Argument::Gas => Ok(Place::Gas),
            Argument::Input(index) if usize::from(index) < self.inputs.len() => {
                Ok(Place::Input(usize::from(index)))
            }
            Argument::Input(index) => Err(CommandArgumentError::IndexOutOfBounds { index }),
            Argument::Result(command) => match self.results.get(usize::from(command)) {
                Some(results) if results.len() == 1 => result(command, 0),
                Some(_) => Err(CommandArgumentError::InvalidResultArity { result: command }),
                None => Err(CommandArgumentError::IndexOutOfBounds { index: command }),
            },
            Argument::NestedResult(command, subresult) => result(command, subresult),
        }
    }

    /// A value of type `info` by value, taken from `argument` (position `index` of the command).
    pub(super) fn take(
        &mut self,
        index: usize,
        argument: Argument,
        info: &TypeInfo,
        tag: &TypeTag,
        uses: &mut Uses,
    ) -> Result<Value, Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        let place = self.place(argument).map_err(refuse)?;
        match self.place_tag(place) {
            Some(found) if found != *tag => Err(refuse(CommandArgumentError::TypeMismatch)),
            Some(_) if info.abilities.has(Ability::Copy) => {
                uses.note(place, Use::Copy).map_err(refuse)?;
                let slot = self.slot(index, place)?;
                slot.get().map_err(Failure::from)
            }
            Some(_) => {
                let (slot, _) = self.take_slot(index, place, GasRule::NotByValue, uses)?;
                slot.take().map_err(Failure::from)
            }
            None => self.made_up(index, place, info, tag, uses),
        }
    }

    /// A reference to the value of type `info` that `argument` names.
    pub(super) fn borrow(
        &mut self,
        index: usize,
        argument: Argument,
        info: &TypeInfo,
        tag: &TypeTag,
        is_mutable: bool,
        uses: &mut Uses,
    ) -> Result<Slot, Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        let place = self.place(argument).map_err(refuse)?;
        uses.note(
            place,
            if is_mutable {
                Use::BorrowMut
            } else {
                Use::Borrow
            },
        )
        .map_err(refuse)?;
        match self.place_tag(place) {
            Some(found) if found != *tag => return Err(refuse(CommandArgumentError::TypeMismatch)),
            Some(_) => {}
            None => return self.borrow_made_up(index, place, info, tag),
        }
        if is_mutable
            && self
                .access(place)
                .is_some_and(|access| !access.is_mutable())
        {
            return Err(refuse(CommandArgumentError::InvalidObjectByMutRef));
        }
        self.slot(index, place)
    }

    /// The type of what a place holds; `None` for pure and receiving inputs, which take the type
    /// they are used at.
    pub(super) fn place_tag(&self, place: Place) -> Option<TypeTag> {
        match place {
            Place::Gas => Some(self.gas_coin.tag.clone()),
            Place::Input(index) => match &self.inputs[index] {
                InputState::Object(object) => Some(object.tag.clone()),
                InputState::Pure { .. } | InputState::Receiving { .. } => None,
            },
            Place::Result(command, index) => Some(self.results[command][index].tag.clone()),
        }
    }

    fn access(&self, place: Place) -> Option<Access> {
        match place {
            Place::Input(index) => match &self.inputs[index] {
                InputState::Object(object) => Some(object.access),
                _ => None,
            },
            _ => None,
        }
    }

    /// The slot of an object or result, decoded if it was not.
    fn slot(&mut self, index: usize, place: Place) -> Result<Slot, Failure> {
        let gone = Failure::argument(index, CommandArgumentError::ArgumentWithoutValue);
        match place {
            Place::Result(command, position) => {
                self.results[command][position].value.clone().ok_or(gone)
            }
            Place::Gas | Place::Input(_) => self
                .load_object(place)?
                .map(|object| object.value)
                .ok_or(gone),
        }
    }

    /// The value of an input object or the gas coin; `None` once it is taken.
    fn load_object(&mut self, place: Place) -> Result<Option<ObjectValue>, Failure> {
        let state = match place {
            Place::Gas => &self.gas_coin,
            Place::Input(index) => match &self.inputs[index] {
                InputState::Object(state) => state,
                _ => return Err(Failure::invariant("a pure input is used as an object")),
            },
            Place::Result(..) => return Err(Failure::invariant("a result is used as an input")),
        };
        match &state.held {
            Held::Taken => return Ok(None),
            Held::Loaded(object) => return Ok(Some(object.clone())),
            Held::Stored => {}
        }
        let tag = state.tag.clone();
        let contents = state
            .object
            .as_struct()
            .map(|object| object.contents().to_vec());
        let contents =
            contents.ok_or_else(|| Failure::invariant("a package is used as an object"))?;
        let info = self.type_info(&tag)?;
        let value = Value::from_bcs(&contents, &info.layout)
            .map_err(|error| Failure::invariant(format!("stored object of type {tag}: {error}")))?;
        let object = ObjectValue {
            tag,
            layout: info.layout,
            public_transfer: info.abilities.has(Ability::Store),
            value: Slot::new(value),
        };
        *self.held_mut(place)? = Held::Loaded(object.clone());
        Ok(Some(object))
    }

    fn held_mut(&mut self, place: Place) -> Result<&mut Held, Failure> {
        match place {
            Place::Gas => Ok(&mut self.gas_coin.held),
            Place::Input(index) => match &mut self.inputs[index] {
                InputState::Object(state) => Ok(&mut state.held),
                _ => Err(Failure::invariant("a pure input is used as an object")),
            },
            Place::Result(..) => Err(Failure::invariant("a result is used as an input")),
        }
    }

    /// Takes an object or result out of its place, with its type.
    pub(super) fn take_slot(
        &mut self,
        index: usize,
        place: Place,
        gas_rule: GasRule,
        uses: &mut Uses,
    ) -> Result<(Slot, TypeTag), Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        uses.note(place, Use::Move).map_err(refuse)?;
        if place == Place::Gas && gas_rule == GasRule::NotByValue {
            return Err(refuse(CommandArgumentError::InvalidGasCoinUsage));
        }
        match self.access(place) {
            Some(Access::Immutable | Access::SharedReadOnly) => {
                return Err(refuse(CommandArgumentError::InvalidObjectByValue));
            }
            Some(Access::SharedMutable) => {
                uses.takes_shared = true;
                self.note_taken_shared(place);
            }
            _ => {}
        }
        let slot = self.slot(index, place)?;
        let tag = match place {
            Place::Result(command, position) => {
                let result = &mut self.results[command][position];
                result.value = None;
                if is_hot(result.abilities) {
                    uses.hot_consumed.push(place);
                }
                result.tag.clone()
            }
            Place::Gas | Place::Input(_) => {
                let tag = self.place_tag(place);
                *self.held_mut(place)? = Held::Taken;
                tag.ok_or_else(|| Failure::invariant("an object without type"))?
            }
        };
        Ok((slot, tag))
    }

    /// Notes a shared object that the running command takes: it must be shared again or deleted by
    /// it.
    fn note_taken_shared(&mut self, place: Place) {
        if let Place::Input(index) = place
            && let InputState::Object(state) = &self.inputs[index]
            && matches!(
                state.object.owner(),
                Owner::Shared(_) | Owner::ConsensusAddress { .. }
            )
        {
            self.taken_shared.push(state.object.object_id());
        }
    }

    /// A value made from a pure or receiving input.
    fn made_up(
        &mut self,
        index: usize,
        place: Place,
        info: &TypeInfo,
        tag: &TypeTag,
        uses: &mut Uses,
    ) -> Result<Value, Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        let Place::Input(input) = place else {
            return Err(Failure::invariant("only inputs are without type"));
        };
        match &mut self.inputs[input] {
            InputState::Pure { borrowed, .. } if borrowed.contains_key(tag) => {
                uses.note(place, Use::Copy).map_err(refuse)?;
                let copy = borrowed.get(tag).map(Slot::get);
                copy.unwrap_or_else(|| {
                    Err(move_vm::VmError::invariant("a borrowed input vanished"))
                })
                .map_err(Failure::from)
            }
            InputState::Pure { bytes, .. } => {
                uses.note(place, Use::Copy).map_err(refuse)?;
                decode(bytes, info, self.enforced).map_err(refuse)
            }
            InputState::Receiving { id, version, taken } => {
                if !is_receiving(&info.type_) {
                    return Err(refuse(CommandArgumentError::TypeMismatch));
                }
                uses.note(place, Use::Move).map_err(refuse)?;
                if std::mem::replace(taken, true) {
                    return Err(refuse(CommandArgumentError::ArgumentWithoutValue));
                }
                Ok(Value::structure(vec![object_id(*id), Value::U64(*version)]))
            }
            InputState::Object(_) => Err(Failure::invariant("an object without type")),
        }
    }

    /// A slot with a value made from a pure or receiving input; changes to a pure one stay.
    fn borrow_made_up(
        &mut self,
        index: usize,
        place: Place,
        info: &TypeInfo,
        tag: &TypeTag,
    ) -> Result<Slot, Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        let Place::Input(input) = place else {
            return Err(Failure::invariant("only inputs are without type"));
        };
        let enforced = self.enforced;
        match &mut self.inputs[input] {
            InputState::Pure { bytes, borrowed } => {
                if let Some(slot) = borrowed.get(tag) {
                    return Ok(slot.clone());
                }
                let slot = Slot::new(decode(bytes, info, enforced).map_err(refuse)?);
                borrowed.insert(tag.clone(), slot.clone());
                Ok(slot)
            }
            InputState::Receiving { id, version, taken } => {
                if *taken {
                    return Err(refuse(CommandArgumentError::ArgumentWithoutValue));
                }
                if !is_receiving(&info.type_) {
                    return Err(refuse(CommandArgumentError::TypeMismatch));
                }
                Ok(Slot::new(Value::structure(vec![
                    object_id(*id),
                    Value::U64(*version),
                ])))
            }
            InputState::Object(_) => Err(Failure::invariant("an object without type")),
        }
    }
}

/// Decodes pure bytes. Without the rules of real execution any type may be made up.
fn decode(bytes: &[u8], info: &TypeInfo, enforced: bool) -> Result<Value, CommandArgumentError> {
    match pure::check(&info.type_, bytes) {
        Some(false) => return Err(CommandArgumentError::InvalidBcsBytes),
        None if enforced => return Err(CommandArgumentError::InvalidUsageOfPureArgument),
        _ => {}
    }
    Value::from_bcs(bytes, &info.layout).map_err(|_| CommandArgumentError::InvalidBcsBytes)
}

fn is_receiving(type_: &Type) -> bool {
    type_.is_datatype(MoveAddress::FRAMEWORK, "transfer", "Receiving")
}
