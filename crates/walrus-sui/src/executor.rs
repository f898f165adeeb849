//! Building, signing, sending and waiting for transactions of one account.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sui_rpc::{
    client::ExecuteAndWaitError,
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Digest, StructTag, Transaction};
use sui_transaction_builder::TransactionBuilder;
use tokio::sync::Mutex;
use walrus_core::{ObjectId, SuiAddress};

use crate::{
    error::{SuiError, is_stale_object, is_transient, missing_object},
    ids::account_address,
    rpc::{ObjectOwner, SuiRpc, backoff},
    signer::Signer,
};

/// How often a transaction is built anew because its objects changed meanwhile.
const REBUILDS_MAX: u32 = 6;
/// How often one signed transaction is sent. Sending again is safe: it executes once.
const SUBMISSIONS_MAX: u32 = 4;
/// How long resolving coins, inputs and gas may take.
const BUILD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long executing may take, besides the wait for the checkpoint.
const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(60);
/// Default wait for a transaction to be in a checkpoint.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_secs(30);
const MASK: &str = "digest,checkpoint,timestamp,effects.status,effects.gas_used,effects.changed_objects,\
                    events.events.event_type,events.events.contents";
/// Full nodes say this when no coin is left to pay for gas.
const NO_GAS_TEXTS: [&str; 3] = [
    "insufficient SUI balance",
    "Insufficient gas balance",
    "No valid gas coins found",
];

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
    /// The checkpoint that holds it; `None` if it was executed but not seen in a checkpoint in time.
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

/// Sends the transactions of one account, one after another.
///
/// One at a time, because transactions of an account share its gas coins: two at once would invalidate each
/// other. Use several accounts to work in parallel.
#[derive(Clone, Debug)]
pub struct Executor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rpc: SuiRpc,
    signer: Signer,
    gas_budget: Option<u64>,
    checkpoint_timeout: Duration,
    /// Held from building to the end of execution.
    turn: Mutex<()>,
}

impl Executor {
    /// An executor for `signer` that estimates gas by simulation.
    pub fn new(rpc: SuiRpc, signer: Signer) -> Self {
        Self::with_options(rpc, signer, None, None)
    }

    /// An executor with a fixed gas budget in MIST, and another time to wait for checkpoints.
    pub fn with_options(
        rpc: SuiRpc,
        signer: Signer,
        gas_budget: Option<u64>,
        checkpoint_timeout: Option<Duration>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                rpc,
                signer,
                gas_budget,
                checkpoint_timeout: checkpoint_timeout.unwrap_or(CHECKPOINT_TIMEOUT),
                turn: Mutex::new(()),
            }),
        }
    }

    /// The account.
    pub fn address(&self) -> SuiAddress {
        self.shared.signer.address()
    }

    /// Its signer.
    pub fn signer(&self) -> &Signer {
        &self.shared.signer
    }

    /// Where transactions go.
    pub fn rpc(&self) -> &SuiRpc {
        &self.shared.rpc
    }

    /// Builds the transaction with `commands`, executes it, and waits until it is in a checkpoint.
    ///
    /// `commands` is called again when the transaction has to be rebuilt because its objects changed.
    pub async fn run(
        &self,
        commands: impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync,
    ) -> Result<Executed, SuiError> {
        let _turn = self.shared.turn.lock().await;
        let mut attempt = 0;
        loop {
            let (error, attempts_max) = match self.attempt(&commands).await {
                Err(error @ SuiError::ObjectsInUse(_)) => (error, REBUILDS_MAX),
                // A coin may just have been merged into another, but most of what is missing never was.
                Err(error @ SuiError::ObjectNotFound(_)) => (error, 2),
                done => return done,
            };
            attempt += 1;
            if attempt >= attempts_max {
                return Err(error);
            }
            tracing::debug!(attempt, %error, "rebuilding the transaction");
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    async fn attempt(
        &self,
        commands: &(impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync),
    ) -> Result<Executed, SuiError> {
        let transaction = self.build(commands).await?;
        let signature = self.shared.signer.sign(&transaction);
        let request = proto::ExecuteTransactionRequest::default()
            .with_transaction(transaction)
            .with_signatures(vec![signature.into()])
            .with_read_mask(FieldMask::from_str(MASK));
        self.submit(request).await
    }

    /// Resolves inputs, coins and gas with the help of a full node.
    async fn build(
        &self,
        commands: &(impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync),
    ) -> Result<Transaction, SuiError> {
        let mut attempt = 0;
        loop {
            let mut builder = commands()?;
            builder.set_sender(account_address(self.address()));
            if let Some(budget) = self.shared.gas_budget {
                builder.set_gas_budget(budget);
            }
            let mut client = self.shared.rpc.client();
            // Boxed: the state of the builder is large and would grow every future that holds it.
            let building: BoxFuture<'_, _> = Box::pin(builder.build(&mut client));
            let error = match tokio::time::timeout(BUILD_TIMEOUT, building).await {
                Ok(Ok(transaction)) => return Ok(transaction),
                Ok(Err(error)) => error,
                // The text that the builder gives to the same failure when the node reports it.
                Err(_) => sui_transaction_builder::Error::Input("Timeout expired".to_owned()),
            };
            attempt += 1;
            // The builder keeps only the text of a failed call.
            let text = error.to_string();
            if !is_transport_text(&text) {
                return Err(self.build_error(&error));
            }
            if attempt >= SUBMISSIONS_MAX {
                let status = tonic::Status::unavailable(essence(&text));
                return Err(self.shared.rpc.failed("SimulateTransaction", status));
            }
            self.shared.rpc.rotate();
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    fn build_error(&self, error: &sui_transaction_builder::Error) -> SuiError {
        use sui_transaction_builder::Error;
        if let Error::SimulationFailure(failure) = error {
            return SuiError::from_execution(failure.execution_error());
        }
        let text = error.to_string();
        if is_stale_object(&text) {
            return SuiError::ObjectsInUse(text);
        }
        if let Some(id) = missing_object(&essence(&text)) {
            return SuiError::ObjectNotFound(id);
        }
        if NO_GAS_TEXTS.iter().any(|needle| text.contains(needle)) {
            return SuiError::NotEnoughSui {
                address: self.address(),
                detail: essence(&text),
            };
        }
        SuiError::Build(essence(&text))
    }

    async fn submit(
        &self,
        request: proto::ExecuteTransactionRequest,
    ) -> Result<Executed, SuiError> {
        let mut attempt = 0;
        loop {
            let mut client = self.shared.rpc.client();
            let sending: BoxFuture<'_, _> =
                Box::pin(client.execute_transaction_and_wait_for_checkpoint(
                    request.clone(),
                    self.shared.checkpoint_timeout,
                ));
            let patience = SUBMISSION_TIMEOUT + self.shared.checkpoint_timeout;
            let Ok(sent) = tokio::time::timeout(patience, sending).await else {
                let status = tonic::Status::deadline_exceeded("no answer in time");
                return Err(self.shared.rpc.failed("ExecuteTransaction", status));
            };
            let status = match sent {
                // With these errors it was executed for sure; only the wait failed. The caller sees that no
                // checkpoint is known.
                Ok(response)
                | Err(
                    ExecuteAndWaitError::CheckpointTimeout(response)
                    | ExecuteAndWaitError::CheckpointStreamError { response, .. },
                ) => return executed(response.get_ref().transaction()),
                Err(ExecuteAndWaitError::RpcError(status)) => status,
                Err(error) => return Err(SuiError::Build(error.to_string())),
            };
            if is_stale_object(status.message()) {
                return Err(SuiError::ObjectsInUse(essence(status.message())));
            }
            attempt += 1;
            if !is_transient(&status) || attempt >= SUBMISSIONS_MAX {
                return Err(self.shared.rpc.failed("ExecuteTransaction", status));
            }
            tracing::debug!(attempt, %status, "sending the transaction again");
            self.shared.rpc.rotate();
            tokio::time::sleep(backoff(attempt)).await;
        }
    }
}

/// Converts effects: an error if the transaction failed.
fn executed(transaction: &proto::ExecutedTransaction) -> Result<Executed, SuiError> {
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
            Some(crate::rpc::owner(object.output_owner()).map_err(invalid)?)
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

/// Texts of transport failures, which the transaction builder hands on without their code.
fn is_transport_text(text: &str) -> bool {
    const TEXTS: [&str; 5] = [
        "tcp connect error",
        "transport error",
        "The service is currently unavailable",
        "Deadline expired",
        "Timeout expired",
    ];
    TEXTS.iter().any(|needle| text.contains(needle))
}

/// Strips what wrappers put around the message of a full node.
fn essence(text: &str) -> String {
    let text = text
        .rsplit_once("message: \"")
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or(text);
    text.lines().next().unwrap_or_default().to_owned()
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

    #[test]
    fn messages_are_freed_from_their_wrapping() {
        assert_eq!(
            essence("error simulating transaction: code: 'x', message: \"no coins\", source: None"),
            "no coins"
        );
        assert_eq!(essence("plain\nsecond line"), "plain");
        let id = ObjectId([7; 32]);
        let text = format!(
            "error simulating transaction: code: 'Some requested entity was not found', message: \"Object {id} not \
             found\""
        );
        assert_eq!(missing_object(&essence(&text)), Some(id));
    }
}
