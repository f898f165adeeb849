//! MoveCall.

use move_vm::{
    Address as MoveAddress, FunctionSignature, LoadedFunction, Session, Slot, StatusCode, Type,
    TypeTag, Value, Visibility,
};
use stdx::SaturatingFrom as _;
use sui_sdk_types::{Argument, CommandArgumentError, ExecutionError, MoveCall};

use super::{Interpreter, TypeInfo, arguments::Uses, values::ResultState};
use crate::execution::{
    convert::{from_move_tag, to_move, to_move_tag},
    failure::Failure,
    private::{INIT, is_private_generic},
};

/// An argument passed by mutable reference.
struct Mutated {
    argument: Argument,
    tag: TypeTag,
    info: TypeInfo,
    slot: Slot,
}

impl<'a> Interpreter<'a> {
    pub(super) fn move_call(
        &mut self,
        index: usize,
        call: &MoveCall,
    ) -> Result<Vec<ResultState>, Failure> {
        let tags = type_arguments(&call.type_arguments)?;
        let session = self.call_session(call, &tags)?;
        let function = self.function(&session, call, &tags)?;
        let mut uses = Uses::default();
        let mut mutated = Vec::new();
        let arguments = self.arguments(&session, &function, call, &mut uses, &mut mutated)?;
        self.release(&uses);
        if self.enforced && function.signature.visibility != Visibility::Public {
            self.check_untangled(&uses)?;
        }
        let group = self.groups.join(uses.places());
        if uses.takes_shared {
            self.groups.heat(group);
        }
        self.runtime
            .set_event_source(to_move(call.package), call.module.clone());
        let values = session
            .call(&function, arguments, &mut self.runtime, &mut self.gas.meter)
            .map_err(|error| Failure::of_vm(&error, session.linkage()))?;
        let results = Self::results_of(&session, &function, values)?;
        self.entangle(index, group, &results);
        self.note_mutated(&mutated)?;
        Ok(results)
    }

    /// The arguments of a private function must not hang together with anything that is still to be
    /// consumed.
    fn check_untangled(&self, uses: &Uses) -> Result<(), Failure> {
        let tangled = uses.places().position(|place| self.groups.is_hot(place));
        tangled.map_or(Ok(()), |index| {
            let kind = CommandArgumentError::InvalidArgumentToPrivateEntryFunction;
            Err(Failure::argument(index, kind).with_detail(
                "the argument hangs together with a value that is still to be consumed",
            ))
        })
    }

    fn call_session(&self, call: &MoveCall, tags: &[TypeTag]) -> Result<Session<'a>, Failure> {
        let package = self
            .packages
            .find(call.package)
            .ok_or_else(|| Failure::from(ExecutionError::FunctionNotFound))?;
        let mut linkage = self.packages.linkage_of(&package);
        for (index, tag) in tags.iter().enumerate() {
            if !self.packages.link_type(&mut linkage, tag) {
                let missing = move_vm::VmError::new(StatusCode::TypeNotFound)
                    .with_message(format!("a package of type {tag} does not exist"));
                return Err(Failure::type_argument(index, &missing));
            }
        }
        Ok(self.vm.session(self.packages, linkage))
    }

    /// The function, if a transaction may call it with these type arguments.
    fn function(
        &self,
        session: &Session<'_>,
        call: &MoveCall,
        tags: &[TypeTag],
    ) -> Result<LoadedFunction, Failure> {
        let package = to_move(call.package);
        let (module, name) = (call.module.as_str(), call.function.as_str());
        let vm_failure = |error: &_| Failure::of_vm(error, session.linkage());
        let signature = session
            .function_signature(&package, module, name)
            .map_err(|error| {
                Failure::from(ExecutionError::FunctionNotFound).with_detail(error.to_string())
            })?;
        self.check_callable(&signature)?;
        if signature.type_parameters.len() != tags.len() {
            return Err(ExecutionError::TypeArityMismatch.into());
        }
        for (index, tag) in tags.iter().enumerate() {
            let type_ = session
                .load_type(tag)
                .map_err(|error| Failure::type_argument(index, &error))?;
            if !signature.type_parameters[index].is_subset(type_.abilities()) {
                let detail = format!("type argument {index}, {tag}, lacks an ability");
                let error = ExecutionError::VmVerificationOrDeserializationError;
                return Err(Failure::from(error).with_detail(detail));
            }
        }
        let function = session
            .load_function(&package, module, name, tags)
            .map_err(|error| vm_failure(&error))?;
        if let Some(index) = function
            .returns
            .iter()
            .position(|type_| type_.as_reference().is_some())
        {
            let index = u16::saturating_from(index);
            return Err(ExecutionError::InvalidPublicFunctionReturnType { index }.into());
        }
        Ok(function)
    }

    fn check_callable(&self, signature: &FunctionSignature) -> Result<(), Failure> {
        let refused = |why: &str| {
            let text = format!("{}::{} {why}", signature.module, signature.name);
            Err(Failure::from(ExecutionError::NonEntryFunctionInvoked).with_detail(text))
        };
        if is_private_generic(&signature.module, signature.name.as_str()) {
            return refused("can only be called by the module that defines the type");
        }
        if signature.name.as_str() == INIT {
            return refused("runs at publishing only");
        }
        let is_open = signature.visibility == Visibility::Public || signature.is_entry;
        if self.enforced && !is_open {
            return refused("is neither public nor entry");
        }
        Ok(())
    }

    /// Values for all parameters, with the transaction context where one is expected.
    fn arguments(
        &mut self,
        session: &Session<'_>,
        function: &LoadedFunction,
        call: &MoveCall,
        uses: &mut Uses,
        mutated: &mut Vec<Mutated>,
    ) -> Result<Vec<Value>, Failure> {
        let expected = function
            .parameters
            .iter()
            .filter(|type_| !is_context(type_))
            .count();
        if expected != call.arguments.len() {
            return Err(
                Failure::from(ExecutionError::ArityMismatch).with_detail(format!(
                    "{expected} arguments expected, {} given",
                    call.arguments.len()
                )),
            );
        }
        let mut given = call.arguments.iter().copied().enumerate();
        let mut values = Vec::with_capacity(function.parameters.len());
        for parameter in &function.parameters {
            if is_context(parameter) {
                values.push(self.context().borrow());
                continue;
            }
            let Some((index, argument)) = given.next() else {
                return Err(ExecutionError::ArityMismatch.into());
            };
            let (type_, borrow) = match parameter.as_reference() {
                Some((inner, is_mutable)) => (inner, Some(is_mutable)),
                None => (parameter, None),
            };
            let info = TypeInfo::load(session, type_.clone())?;
            let tag = type_
                .to_tag()
                .ok_or_else(|| Failure::argument(index, CommandArgumentError::TypeMismatch))?;
            values.push(match borrow {
                None => self.take(index, argument, &info, &tag, uses)?,
                Some(is_mutable) => {
                    let slot = self.borrow(index, argument, &info, &tag, is_mutable, uses)?;
                    let reference = slot.borrow();
                    if is_mutable && self.collect_outputs {
                        mutated.push(Mutated {
                            argument,
                            tag,
                            info,
                            slot,
                        });
                    }
                    reference
                }
            });
        }
        Ok(values)
    }

    /// The transaction context: its fields are read through natives, only the digest is read from
    /// the value.
    pub(super) fn context(&self) -> Slot {
        let digest = self.runtime.tx.digest.into_inner().to_vec();
        Slot::new(Value::structure(vec![
            Value::address(MoveAddress::ZERO),
            Value::bytes(digest),
            Value::U64(0),
            Value::U64(0),
            Value::U64(0),
        ]))
    }

    fn results_of(
        session: &Session<'_>,
        function: &LoadedFunction,
        values: Vec<Value>,
    ) -> Result<Vec<ResultState>, Failure> {
        let result = |(type_, value): (&Type, Value)| {
            let info = TypeInfo::load(session, type_.clone())?;
            let tag = type_
                .to_tag()
                .ok_or_else(|| Failure::invariant("a result has no type tag"))?;
            Ok(ResultState {
                tag,
                abilities: info.abilities,
                layout: info.layout,
                value: Some(Slot::new(value)),
            })
        };
        function.returns.iter().zip(values).map(result).collect()
    }

    fn note_mutated(&mut self, mutated: &[Mutated]) -> Result<(), Failure> {
        let mut found = Vec::with_capacity(mutated.len());
        for Mutated {
            argument,
            tag,
            info,
            slot,
        } in mutated
        {
            let bytes = slot
                .with(|value| value.to_bcs(&info.layout))
                .map_err(Failure::from)?;
            found.push((*argument, from_move_tag(tag), bytes));
        }
        if let Some(output) = self.outputs.last_mut() {
            output.mutated = found;
        }
        Ok(())
    }
}

/// Whether the runtime supplies a parameter: `&TxContext` or `&mut TxContext`.
fn is_context(parameter: &Type) -> bool {
    parameter.as_reference().is_some_and(|(inner, _)| {
        inner.is_datatype(MoveAddress::FRAMEWORK, "tx_context", "TxContext")
    })
}

fn type_arguments(tags: &[sui_sdk_types::TypeTag]) -> Result<Vec<TypeTag>, Failure> {
    let convert = |(index, tag)| {
        to_move_tag(tag).ok_or_else(|| {
            Failure::type_argument(index, &move_vm::VmError::new(StatusCode::TypeNotFound))
        })
    };
    tags.iter().enumerate().map(convert).collect()
}
