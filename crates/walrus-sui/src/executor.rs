//! Signing, sending and waiting for transactions of one account.

mod composer;
mod effects;
mod offline;
mod recorded;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sui_rpc::{
    client::ExecuteAndWaitError,
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_transaction_builder::TransactionBuilder;
use tokio::sync::Mutex;
use walrus_core::SuiAddress;

pub(crate) use self::effects::{executed, raw_event};
pub use self::{
    composer::{Composer, Draft},
    effects::{ChangedObject, Executed, RawEvent},
    offline::OfflineTransaction,
    recorded::SignedTransaction,
};
use crate::{
    error::{SuiError, is_stale_object, is_transient},
    rpc::{SuiRpc, backoff},
    signer::Signer,
};

/// How often a transaction is built anew because its objects changed meanwhile.
const REBUILDS_MAX: u32 = 6;
/// How often one signed transaction is sent. Sending again is safe: it executes once.
const SUBMISSIONS_MAX: u32 = 4;
/// How long executing may take, besides the wait for the checkpoint.
const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(60);
/// Default wait for a transaction to be in a checkpoint.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_secs(30);
const MASK: &str = "digest,checkpoint,timestamp,effects.status,effects.gas_used,effects.changed_objects,\
                    events.events.event_type,events.events.contents";

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
    composer: Composer,
    signer: Signer,
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
                composer: Composer::new(rpc, signer.address(), gas_budget),
                signer,
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

    /// Builds transactions of the account without sending them.
    pub fn composer(&self) -> &Composer {
        &self.shared.composer
    }

    /// Where transactions go.
    pub fn rpc(&self) -> &SuiRpc {
        self.shared.composer.rpc()
    }

    /// Builds the transaction with `commands`, executes it, and waits until it is in a checkpoint.
    ///
    /// `commands` is called again when the transaction has to be rebuilt because its objects changed.
    pub async fn run(
        &self,
        commands: impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync,
    ) -> Result<Executed, SuiError> {
        self.run_with(&commands, &|_: &SignedTransaction| Ok(()))
            .await
    }

    /// The same; `before_sending` sees every signed transaction before it is sent.
    async fn run_with(
        &self,
        commands: &(impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync),
        before_sending: &(impl Fn(&SignedTransaction) -> Result<(), SuiError> + Send + Sync),
    ) -> Result<Executed, SuiError> {
        let _turn = self.shared.turn.lock().await;
        let mut attempt = 0;
        loop {
            let (error, attempts_max) = match self.attempt(commands, before_sending).await {
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
        before_sending: &(impl Fn(&SignedTransaction) -> Result<(), SuiError> + Send + Sync),
    ) -> Result<Executed, SuiError> {
        let transaction = self.shared.composer.build(commands).await?;
        let signature = self.shared.signer.sign(&transaction);
        let signed = SignedTransaction {
            transaction,
            signature,
        };
        before_sending(&signed)?;
        self.send(&signed).await
    }

    async fn send(&self, signed: &SignedTransaction) -> Result<Executed, SuiError> {
        let request = proto::ExecuteTransactionRequest::default()
            .with_transaction(signed.transaction.clone())
            .with_signatures(vec![signed.signature.clone().into()])
            .with_read_mask(FieldMask::from_str(MASK));
        self.submit(request).await
    }

    async fn submit(
        &self,
        request: proto::ExecuteTransactionRequest,
    ) -> Result<Executed, SuiError> {
        submit(self.rpc(), request, self.shared.checkpoint_timeout).await
    }
}

/// Sends a signed transaction and waits until it is in a checkpoint.
async fn submit(
    rpc: &SuiRpc,
    request: proto::ExecuteTransactionRequest,
    checkpoint_timeout: Duration,
) -> Result<Executed, SuiError> {
    let mut attempt = 0;
    loop {
        let mut client = rpc.client();
        let sending: BoxFuture<'_, _> = Box::pin(
            client.execute_transaction_and_wait_for_checkpoint(request.clone(), checkpoint_timeout),
        );
        let patience = SUBMISSION_TIMEOUT + checkpoint_timeout;
        let Ok(sent) = tokio::time::timeout(patience, sending).await else {
            let status = tonic::Status::deadline_exceeded("no answer in time");
            return Err(rpc.failed("ExecuteTransaction", status));
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
            return Err(rpc.failed("ExecuteTransaction", status));
        }
        tracing::debug!(attempt, %status, "sending the transaction again");
        rpc.rotate();
        tokio::time::sleep(backoff(attempt)).await;
    }
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
    use walrus_core::ObjectId;

    use super::*;
    use crate::error::missing_object;

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
