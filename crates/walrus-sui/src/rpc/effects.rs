//! What a transaction did, as its effects and events tell.

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Digest, StructTag};
use walrus_core::ObjectId;

use super::{ObjectOwner, owner as object_owner};
use crate::error::SuiError;

/// An object a transaction created or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedObject {
    /// The object.
    pub id: ObjectId,
    /// Its type; `None` for a package.
    pub type_: Option<StructTag>,
    /// Its owner after the transaction; `None` for a deleted or wrapped object.
    pub owner: Option<ObjectOwner>,
    /// True if this transaction created it.
    pub created: bool,
}

/// An event of a transaction: its type and BCS contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// Type of the event.
    pub type_: StructTag,
    /// BCS of its Move value.
    pub contents: Vec<u8>,
}

/// What a successful transaction did.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The transaction.
    pub digest: Digest,
    /// The checkpoint that holds it; `None` if it was executed but not seen in a checkpoint in
    /// time.
    pub checkpoint: Option<u64>,
    /// Gas paid, rebate subtracted, in MIST; negative if the rebate was larger.
    pub gas_mist: i128,
    /// Created and changed objects.
    pub changed: Vec<ChangedObject>,
    /// Events in order.
    pub events: Vec<RawEvent>,
}

impl Executed {
    /// Objects created with type `module::name` (of whatever package), in the order of their IDs.
    pub fn created<'a>(
        &'a self,
        module: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a ChangedObject> {
        self.changed.iter().filter(move |object| {
            object.created
                && object.type_.as_ref().is_some_and(|tag| {
                    tag.module().as_str() == module && tag.name().as_str() == name
                })
        })
    }

    /// The only object created with type `module::name`.
    pub fn only_created(&self, module: &str, name: &str) -> Result<ObjectId, SuiError> {
        let mut created = self.created(module, name);
        match (created.next(), created.next()) {
            (Some(object), None) => Ok(object.id),
            (first, _) => Err(SuiError::UnexpectedEffects {
                digest: self.digest,
                missing: format!(
                    "it created {} {module}::{name} instead of one",
                    if first.is_some() { "several" } else { "no" }
                ),
            }),
        }
    }
}

/// Converts effects: an error if the transaction failed.
pub(crate) fn executed(transaction: &proto::ExecutedTransaction) -> Result<Executed, SuiError> {
    let status = transaction.effects().status();
    if !status.success() {
        return Err(SuiError::from_execution(status.error()));
    }
    let digest: Digest = transaction
        .digest()
        .parse()
        .map_err(|error| SuiError::decode("the digest of a transaction", error))?;
    let gas = transaction.effects().gas_used();
    let changed = transaction
        .effects()
        .changed_objects()
        .iter()
        .map(changed_object)
        .collect::<Result<_, _>>()?;
    let events = transaction
        .events()
        .events()
        .iter()
        .map(raw_event)
        .collect::<Result<_, _>>()?;
    Ok(Executed {
        digest,
        checkpoint: transaction.checkpoint_opt(),
        gas_mist: i128::from(gas.computation_cost()) + i128::from(gas.storage_cost())
            - i128::from(gas.storage_rebate()),
        changed,
        events,
    })
}

fn changed_object(object: &proto::ChangedObject) -> Result<ChangedObject, SuiError> {
    use proto::changed_object::{IdOperation, OutputObjectState};
    let invalid = |reason: String| SuiError::decode("the effects of a transaction", reason);
    let id = object
        .object_id()
        .parse()
        .map_err(|error| invalid(format!("object ID: {error}")))?;
    let type_ = match object.object_type() {
        "" | "package" => None,
        text => Some(
            text.parse()
                .map_err(|error| invalid(format!("type: {error}")))?,
        ),
    };
    let owner = match object.output_state() {
        OutputObjectState::ObjectWrite => {
            Some(object_owner(object.output_owner()).map_err(invalid)?)
        }
        OutputObjectState::PackageWrite => Some(ObjectOwner::Immutable),
        _ => None,
    };
    Ok(ChangedObject {
        id,
        type_,
        owner,
        created: object.id_operation() == IdOperation::Created,
    })
}

pub(crate) fn raw_event(event: &proto::Event) -> Result<RawEvent, SuiError> {
    Ok(RawEvent {
        type_: event
            .event_type()
            .parse()
            .map_err(|error| SuiError::decode("the type of an event", error))?,
        contents: event.contents().value().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_converted() {
        use proto::changed_object::{IdOperation, OutputObjectState};
        let created = proto::ChangedObject::default()
            .with_object_id("0x5")
            .with_object_type("0x2::coin::Coin<0x2::sui::SUI>")
            .with_output_state(OutputObjectState::ObjectWrite)
            .with_output_owner(sui_sdk_types::Owner::Immutable)
            .with_id_operation(IdOperation::Created);
        let package = proto::ChangedObject::default()
            .with_object_id("0x6")
            .with_object_type("package")
            .with_output_state(OutputObjectState::PackageWrite)
            .with_id_operation(IdOperation::Created);
        let transaction = proto::ExecutedTransaction::default()
            .with_digest(Digest::new([3; 32]).to_string())
            .with_checkpoint(9u64)
            .with_effects(
                proto::TransactionEffects::default()
                    .with_status(proto::ExecutionStatus::default().with_success(true))
                    .with_changed_objects(vec![created, package]),
            );
        let executed = executed(&transaction).unwrap();
        assert_eq!(executed.checkpoint, Some(9));
        assert_eq!(executed.created("coin", "Coin").count(), 1);
        assert!(executed.only_created("coin", "Coin").is_ok());
        assert!(executed.only_created("blob", "Blob").is_err());
        assert_eq!(executed.changed[1].type_, None);
    }

    #[test]
    fn aborts_become_errors_that_name_the_module() {
        let abort = proto::MoveAbort::default()
            .with_abort_code(2u64)
            .with_location(
                proto::MoveLocation::default()
                    .with_package("0x1")
                    .with_module("bls_aggregate")
                    .with_function_name("verify"),
            );
        let error = proto::ExecutionError::default()
            .with_command(1u64)
            .with_abort(abort);
        let transaction = proto::ExecutedTransaction::default().with_effects(
            proto::TransactionEffects::default().with_status(
                proto::ExecutionStatus::default()
                    .with_success(false)
                    .with_error(error),
            ),
        );
        let error = executed(&transaction).unwrap_err();
        assert!(error.is_abort("bls_aggregate", 2), "{error}");
        assert!(error.to_string().contains("bls_aggregate"), "{error}");
    }
}
