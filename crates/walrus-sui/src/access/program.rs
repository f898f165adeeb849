//! Programs that ask a policy for approval, as key servers take them.

use std::collections::BTreeMap;

use sui_sdk_types::{
    Argument, Command, Identifier, Input, MoveCall, Mutability, ObjectReference,
    ProgrammableTransaction, SharedInput, TypeTag,
};
use walrus_core::ObjectId;

use crate::{
    error::SuiError,
    ids::{CLOCK, object_address},
    rpc::{ObjectData, ObjectOwner, SuiRpc},
};

/// The version since when the clock is shared.
const CLOCK_INITIAL_VERSION: u64 = 1;

/// An argument of a policy's function, after the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalArgument {
    /// An object: shared, immutable, or of the reader.
    Object(ObjectId),
    /// The chain's clock.
    Clock,
    /// BCS of a plain value.
    Pure(Vec<u8>),
}

/// The function of a policy that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalCall {
    /// The version of the package to call.
    pub package: ObjectId,
    /// Its module.
    pub module: Identifier,
    /// The function; its name begins with `seal_approve`.
    pub function: Identifier,
    /// Its type arguments.
    pub types: Vec<TypeTag>,
    /// What it takes after the identity.
    pub arguments: Vec<ApprovalArgument>,
}

impl ApprovalCall {
    /// A function without type arguments.
    pub fn new(package: ObjectId, module: &'static str, arguments: Vec<ApprovalArgument>) -> Self {
        Self {
            package,
            module: Identifier::from_static(module),
            function: Identifier::from_static("seal_approve"),
            types: Vec::new(),
            arguments,
        }
    }

    /// The same with type arguments.
    #[must_use]
    pub fn with_types(mut self, types: Vec<TypeTag>) -> Self {
        self.types = types;
        self
    }
}

impl SuiRpc {
    /// The program that asks for all of these identities, each without its package, one call after
    /// the other.
    pub async fn approval_program(
        &self,
        call: &ApprovalCall,
        inner_ids: &[Vec<u8>],
    ) -> Result<ProgrammableTransaction, SuiError> {
        let wanted: Vec<ObjectId> = call
            .arguments
            .iter()
            .filter_map(|argument| match argument {
                ApprovalArgument::Object(id) => Some(*id),
                _ => None,
            })
            .collect();
        let objects = self.objects(&wanted).await?;
        let objects: BTreeMap<_, _> = objects.iter().map(|object| (object.id, object)).collect();
        let mut inputs = Vec::new();
        for argument in &call.arguments {
            inputs.push(match argument {
                ApprovalArgument::Object(id) => object_input(objects[id])?,
                ApprovalArgument::Clock => {
                    let version = CLOCK_INITIAL_VERSION;
                    Input::Shared(SharedInput::new(CLOCK, version, Mutability::Immutable))
                }
                ApprovalArgument::Pure(bytes) => Input::Pure(bytes.clone()),
            });
        }
        assemble(call, inputs, inner_ids)
    }
}

/// `inputs` are those of the arguments, in order.
fn assemble(
    call: &ApprovalCall,
    mut inputs: Vec<Input>,
    inner_ids: &[Vec<u8>],
) -> Result<ProgrammableTransaction, SuiError> {
    // An object may be an input only once.
    let mut places: Vec<usize> = Vec::new();
    let mut distinct: Vec<Input> = Vec::new();
    for input in inputs.drain(..) {
        let known = distinct.iter().position(|other| *other == input);
        places.push(known.unwrap_or_else(|| {
            distinct.push(input);
            distinct.len() - 1
        }));
    }
    let fixed = distinct.len();
    distinct.extend(inner_ids.iter().map(|id| {
        let bytes = bcs::to_bytes(id).expect("bytes have a BCS form");
        Input::Pure(bytes)
    }));
    let argument = |place: usize| {
        let index = u16::try_from(place).map_err(|_| {
            SuiError::InvalidInput("a program cannot have so many inputs".to_owned())
        })?;
        Ok::<_, SuiError>(Argument::Input(index))
    };
    let commands = (0..inner_ids.len())
        .map(|index| {
            let id = argument(fixed + index);
            let rest = places.iter().map(|place| argument(*place));
            Ok(Command::MoveCall(MoveCall {
                package: object_address(call.package),
                module: call.module.clone(),
                function: call.function.clone(),
                type_arguments: call.types.clone(),
                arguments: std::iter::once(id).chain(rest).collect::<Result<_, _>>()?,
            }))
        })
        .collect::<Result<_, SuiError>>()?;
    Ok(ProgrammableTransaction {
        inputs: distinct,
        commands,
    })
}

fn object_input(object: &ObjectData) -> Result<Input, SuiError> {
    let address = object_address(object.id);
    Ok(match object.owner {
        ObjectOwner::Address(_) | ObjectOwner::Immutable => {
            Input::ImmutableOrOwned(ObjectReference::new(address, object.version, object.digest))
        }
        ObjectOwner::Shared { initial_version } => Input::Shared(SharedInput::new(
            address,
            initial_version,
            Mutability::Immutable,
        )),
        ObjectOwner::ConsensusAddress { start_version, .. } => Input::Shared(SharedInput::new(
            address,
            start_version,
            Mutability::Immutable,
        )),
        ObjectOwner::Object(_) => {
            return Err(SuiError::InvalidInput(format!(
                "object {} is inside another one and cannot be an argument",
                object.id
            )));
        }
    })
}
