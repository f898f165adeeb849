//! Signing, sending and waiting for transactions of one account.

mod composer;
mod journal;
mod offline;
mod recorded;
mod retries;
mod source;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sui_rpc::{
    client::ExecuteAndWaitError,
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Digest, Transaction};
use tokio::sync::Mutex;
use walrus_core::SuiAddress;

use self::retries::{Again, Retries};
pub(crate) use self::source::{Priced, Source};
pub use self::{
    composer::{Composer, Draft},
    journal::{Journal, Unrecorded},
    offline::OfflineTransaction,
    recorded::SignedTransaction,
    source::Paid,
};
pub use crate::rpc::{ChangedObject, Executed, RawEvent};
use crate::{
    error::{SuiError, is_stale_object},
    rpc::{SuiRpc, executed},
    signer::Signer,
    transaction::Program,
};

/// How long executing may take, besides the wait for the checkpoint.
const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(60);
/// Default wait for a transaction to be in a checkpoint.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_secs(30);
const MASK: &str = "digest,checkpoint,timestamp,effects.status,effects.gas_used,effects.changed_objects,\
                    events.events.event_type,events.events.contents";

/// Sends the transactions of one account, one after another.
///
/// One at a time, because transactions of an account share its gas coins: two at once would
/// invalidate each other. Use several accounts to work in parallel.
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

    /// Builds the transaction of `program`, executes it, and waits until it is in a checkpoint.
    pub async fn run(&self, program: &Program) -> Result<Executed, SuiError> {
        self.submit(program, &Unrecorded).await
    }

    /// The same; every transaction is written down in `journal` before it is sent.
    pub async fn submit(
        &self,
        program: &Program,
        journal: &dyn Journal,
    ) -> Result<Executed, SuiError> {
        Ok(self.submit_from(program, journal).await?.executed)
    }

    /// The one way in which transactions are made: read, build, compare, sign, write down, send.
    /// Whatever goes wrong is tried again from where it must, within one budget.
    pub(crate) async fn submit_from(
        &self,
        source: &dyn Source,
        journal: &dyn Journal,
    ) -> Result<Paid, SuiError> {
        let _turn = self.shared.turn.lock().await;
        let mut retries = Retries::new();
        let mut under_way = UnderWay::default();
        loop {
            let error = match self.attempt(source, journal, &mut under_way).await {
                Ok(paid) => return Ok(paid),
                Err(error) => error,
            };
            let is_outdated = under_way
                .priced
                .as_ref()
                .is_some_and(|priced| source.is_outdated(&error, priced.cost));
            let is_sent = under_way.sent.is_some();
            let Some((again, delay)) = retries.after(&error, is_sent, is_outdated) else {
                if !(is_sent && error.leaves_outcome_open()) {
                    journal.forget();
                }
                return Err(error);
            };
            tracing::debug!(%error, ?again, "trying again");
            if again != Again::Send
                && let Some(paid) = self.executed_after_all(&mut under_way).await?
            {
                return Ok(paid);
            }
            match again {
                Again::Send => self.rpc().rotate(),
                Again::Build => {}
                Again::Merge => self.merge_coins().await?,
                Again::Read => {
                    under_way.priced = None;
                    under_way.is_outdated = true;
                }
            }
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(
        &self,
        source: &dyn Source,
        journal: &dyn Journal,
        under_way: &mut UnderWay,
    ) -> Result<Paid, SuiError> {
        if under_way.priced.is_none() {
            under_way.priced = Some(source.read(under_way.is_outdated).await?);
        }
        let priced = under_way.priced.as_ref().expect("it was just read");
        if under_way.sent.is_none() {
            let draft = self.shared.composer.draft_once(&priced.program).await?;
            let signed = SignedTransaction::new(&self.shared.signer, draft.checked());
            journal.record(&signed)?;
            under_way.sent = Some(signed);
        }
        let sent = under_way.sent.as_ref().expect("it was just signed");
        let executed = self.send_once(sent).await?;
        Ok(Paid {
            executed,
            cost: priced.cost,
        })
    }

    /// Makes sure that a transaction which was sent, and is to be replaced by another, was not
    /// executed after all: the answer to the first attempt may have been lost on the way.
    async fn executed_after_all(&self, under_way: &mut UnderWay) -> Result<Option<Paid>, SuiError> {
        let Some(sent) = under_way.sent.take() else {
            return Ok(None);
        };
        match self.rpc().transaction(sent.digest()).await {
            Ok(found) => Ok(found
                .zip(under_way.priced.as_ref())
                .map(|(executed, priced)| Paid {
                    executed,
                    cost: priced.cost,
                })),
            Err(error) if error.is_transient() => {
                under_way.sent = Some(sent);
                Err(error)
            }
            // It was executed, but failed: that changed nothing.
            Err(_) => Ok(None),
        }
    }

    /// Merges coins of SUI that are too many: what the account has stays the same, but for gas.
    async fn merge_coins(&self) -> Result<(), SuiError> {
        let draft = self.shared.composer.draft_merge().await?;
        tracing::info!(digest = %draft.digest(), "merging the SUI of the account first");
        let signed = SignedTransaction::new(&self.shared.signer, draft.checked());
        self.send(&signed).await.map(|_| ())
    }

    /// Sends a signed transaction until an answer comes.
    async fn send(&self, signed: &SignedTransaction) -> Result<Executed, SuiError> {
        let signatures = [signed.signature.clone().into()];
        let timeout = self.shared.checkpoint_timeout;
        send(self.rpc(), &signed.transaction, &signatures, timeout).await
    }

    async fn send_once(&self, signed: &SignedTransaction) -> Result<Executed, SuiError> {
        let signatures = [signed.signature.clone().into()];
        let timeout = self.shared.checkpoint_timeout;
        send_once(self.rpc(), &signed.transaction, &signatures, timeout).await
    }
}

/// How far a transaction has come.
#[derive(Default)]
struct UnderWay {
    priced: Option<Priced>,
    /// Whether what `priced` was made of is old.
    is_outdated: bool,
    /// Signed and written down; sent, unless writing it down failed.
    sent: Option<SignedTransaction>,
}

/// Sends a signed transaction until an answer comes.
async fn send(
    rpc: &SuiRpc,
    transaction: &Transaction,
    signatures: &[proto::UserSignature],
    checkpoint_timeout: Duration,
) -> Result<Executed, SuiError> {
    let mut retries = Retries::new();
    loop {
        let error = match send_once(rpc, transaction, signatures, checkpoint_timeout).await {
            Ok(executed) => return Ok(executed),
            Err(error) => error,
        };
        let Some((Again::Send, delay)) = retries.after(&error, true, false) else {
            return Err(error);
        };
        rpc.rotate();
        tokio::time::sleep(delay).await;
    }
}

/// Sends a signed transaction and waits until it is in a checkpoint.
async fn send_once(
    rpc: &SuiRpc,
    transaction: &Transaction,
    signatures: &[proto::UserSignature],
    checkpoint_timeout: Duration,
) -> Result<Executed, SuiError> {
    let digest = transaction.digest();
    let request = proto::ExecuteTransactionRequest::default()
        .with_transaction(transaction.clone())
        .with_signatures(signatures.to_vec())
        .with_read_mask(FieldMask::from_str(MASK));
    let mut client = rpc.client();
    let sending: BoxFuture<'_, _> =
        Box::pin(client.execute_transaction_and_wait_for_checkpoint(request, checkpoint_timeout));
    let patience = SUBMISSION_TIMEOUT + checkpoint_timeout;
    let Ok(sent) = tokio::time::timeout(patience, sending).await else {
        let status = tonic::Status::deadline_exceeded("no answer in time");
        return Err(rpc.failed("ExecuteTransaction", status));
    };
    match sent {
        // With these errors it was executed for sure; only the wait failed. The caller sees that no
        // checkpoint is known.
        Ok(response)
        | Err(
            ExecuteAndWaitError::CheckpointTimeout(response)
            | ExecuteAndWaitError::CheckpointStreamError { response, .. },
        ) => done(response.get_ref().transaction(), digest),
        Err(ExecuteAndWaitError::RpcError(status)) if is_stale_object(status.message()) => {
            Err(SuiError::ObjectsInUse(first_line(status.message())))
        }
        Err(ExecuteAndWaitError::RpcError(status)) => Err(rpc.failed("ExecuteTransaction", status)),
        // The answer that came makes no sense.
        Err(error) => Err(SuiError::decode("the answer to ExecuteTransaction", error)),
    }
}

/// What the transaction with `digest` did, if the answer is about that one.
fn done(answer: &proto::ExecutedTransaction, digest: Digest) -> Result<Executed, SuiError> {
    let executed = executed(answer)?;
    if executed.digest == digest {
        return Ok(executed);
    }
    let reason = format!("they are those of {} instead of {digest}", executed.digest);
    Err(SuiError::decode("the effects of a transaction", reason))
}

/// Full nodes may append much more to a message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
