//! Inputs: which object version, and in what role.

use stdx::SaturatingFrom as _;
use sui_rpc::proto::sui::rpc::{v2 as proto, v2::input::InputKind};
use sui_sdk_types::{
    Address, Command, Digest, Input, MoveCall, Object, ObjectReference, Owner, SharedInput,
};
use tonic::Status;

use super::{
    Resolver,
    uses::{self, Use},
};
use crate::{
    execution::limits,
    rpc::{errors, parse},
};

const FIELD: &str = "transaction.kind.programmable_transaction.inputs";

impl Resolver<'_> {
    pub(super) fn inputs(
        &self,
        messages: &[proto::Input],
        commands: &[Command],
    ) -> Result<Vec<Input>, Status> {
        let limit = usize::saturating_from(limits::INPUT_OBJECTS_MAX);
        if messages.len() > limit {
            return Err(errors::invalid_field(
                FIELD,
                format!("a transaction has at most {limit} inputs"),
            ));
        }
        let uses = uses::of_inputs(commands, messages.len(), |call| self.signature(call))?;
        messages
            .iter()
            .zip(uses)
            .map(|(message, used)| self.input(message, used))
            .collect()
    }

    fn signature(
        &self,
        call: &MoveCall,
    ) -> Result<std::sync::Arc<move_vm::FunctionSignature>, Status> {
        let (module, function) = (call.module.as_str(), call.function.as_str());
        let found = self
            .engine
            .function(&self.view, &call.package, module, function);
        self.view.check()?;
        found.ok_or_else(|| {
            errors::invalid(format!(
                "unable to find function {}::{module}::{function}",
                call.package
            ))
        })
    }

    fn input(&self, message: &proto::Input, used: Use) -> Result<Input, Status> {
        if message.literal.is_some() {
            return Err(errors::invalid_field(
                FIELD,
                "literal inputs are not supported: send a pure value",
            ));
        }
        match (message.kind(), &message.pure, &message.object_id) {
            (InputKind::Pure, Some(pure), _) | (InputKind::Unknown, Some(pure), None) => {
                Ok(Input::Pure(pure.to_vec()))
            }
            (InputKind::Pure, None, _) => Err(errors::missing_field(&format!("{FIELD}.pure"))),
            (InputKind::FundsWithdrawal, ..) => Err(errors::invalid_field(
                FIELD,
                "withdrawals from address balances are not supported by this chain",
            )),
            (InputKind::Unknown, None, None) => Err(errors::invalid_field(
                FIELD,
                "an input has neither object_id nor pure",
            )),
            (kind, _, id) => {
                let field = format!("{FIELD}.object_id");
                let id: Address = parse::required(&field, id.as_deref())?;
                let object = self.live(&id)?;
                object_input(kind, message, &object, used)
            }
        }
    }
}

/// The role of a live object: as declared, else as its owner and its use demand.
fn object_input(
    kind: InputKind,
    message: &proto::Input,
    object: &Object,
    used: Use,
) -> Result<Input, Status> {
    let supplied = || reference(object, message.version, message.digest.as_deref());
    match kind {
        InputKind::ImmutableOrOwned => supplied().map(Input::ImmutableOrOwned),
        InputKind::Receiving => supplied().map(Input::Receiving),
        InputKind::Shared if message.digest.is_some() => {
            Err(errors::invalid_field(FIELD, "a shared input has no digest"))
        }
        InputKind::Shared => shared(object, used),
        _ => match object.owner() {
            Owner::Address(_) if used.receiving => supplied().map(Input::Receiving),
            Owner::Immutable | Owner::Address(_) => supplied().map(Input::ImmutableOrOwned),
            Owner::Object(parent) => Err(errors::invalid_field(
                FIELD,
                format!(
                    "object {} is owned by object {parent} and cannot be an input",
                    object.object_id()
                ),
            )),
            _ => shared(object, used),
        },
    }
}

fn shared(object: &Object, used: Use) -> Result<Input, Status> {
    let start_version = match object.owner() {
        Owner::Shared(version)
        | Owner::ConsensusAddress {
            start_version: version,
            ..
        } => *version,
        _ => {
            return Err(errors::invalid_field(
                FIELD,
                format!("object {} is not a shared object", object.object_id()),
            ));
        }
    };
    Ok(Input::Shared(SharedInput::new(
        object.object_id(),
        start_version,
        used.mutable,
    )))
}

/// The reference to a live object; what the client supplied of it must agree.
pub(super) fn reference(
    object: &Object,
    version: Option<u64>,
    digest: Option<&str>,
) -> Result<ObjectReference, Status> {
    let id = object.object_id();
    let actual = (object.version(), object.digest());
    if let Some(version) = version
        && version != actual.0
    {
        return Err(errors::invalid(format!(
            "provided version doesn't match the live version of object {id}, provided: {version} actual: {}",
            actual.0
        )));
    }
    let digest: Option<Digest> = parse::optional("digest", digest)?;
    if let Some(digest) = digest
        && digest != actual.1
    {
        return Err(errors::invalid(format!(
            "provided digest doesn't match the live digest of object {id}, provided: {digest} actual: {}",
            actual.1
        )));
    }
    Ok(ObjectReference::new(id, actual.0, actual.1))
}
