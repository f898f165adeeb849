//! Building transactions with the help of a full node. No key is needed for that.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::future::BoxFuture;
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::Transaction;
use sui_transaction_builder::TransactionBuilder;
use walrus_core::SuiAddress;

use super::{
    SUBMISSIONS_MAX,
    effects::{Executed, executed},
    essence,
};
use crate::{
    error::{SuiError, is_stale_object, missing_object},
    ids::account_address,
    rpc::{SuiRpc, backoff},
};

/// How long resolving coins, inputs and gas may take.
const BUILD_TIMEOUT: Duration = Duration::from_secs(60);
const SIMULATE_MASK: &str = "transaction.digest,transaction.effects.status,transaction.effects.gas_used,\
     transaction.effects.changed_objects,transaction.events.events.event_type,\
     transaction.events.events.contents";
/// Full nodes say this when no coin is left to pay for gas.
const NO_GAS_TEXTS: [&str; 3] = [
    "insufficient SUI balance",
    "Insufficient gas balance",
    "No valid gas coins found",
];

/// Builds and simulates the transactions of one account, whoever holds its key.
#[derive(Debug, Clone)]
pub struct Composer {
    rpc: SuiRpc,
    sender: SuiAddress,
    gas_budget: Option<u64>,
}

/// A complete transaction without signature, and what it would do now.
#[derive(Debug, Clone)]
pub struct Draft {
    transaction: Transaction,
    /// What simulating it did.
    pub outcome: Executed,
}

impl Draft {
    /// BCS of the transaction in base64: what offline signers and multisig tools take.
    pub fn to_base64(&self) -> String {
        let bytes =
            bcs::to_bytes(&self.transaction).expect("a transaction from the chain is valid BCS");
        BASE64_STANDARD.encode(bytes)
    }

    /// The digest that the transaction will have on chain.
    pub fn digest(&self) -> sui_sdk_types::Digest {
        self.transaction.digest()
    }

    /// Most gas it can cost, in MIST.
    pub fn gas_budget_mist(&self) -> u64 {
        self.transaction.gas_payment.budget
    }

    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }
}

impl Composer {
    /// A composer for `sender`. The gas budget, in MIST, is estimated if not given.
    pub fn new(rpc: SuiRpc, sender: SuiAddress, gas_budget: Option<u64>) -> Self {
        Self {
            rpc,
            sender,
            gas_budget,
        }
    }

    /// The account.
    pub fn sender(&self) -> SuiAddress {
        self.sender
    }

    /// Where transactions are built.
    pub fn rpc(&self) -> &SuiRpc {
        &self.rpc
    }

    /// Builds a transaction and simulates it. A transaction that would fail is an error, the same that
    /// executing it would be.
    pub async fn draft(
        &self,
        commands: impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync,
    ) -> Result<Draft, SuiError> {
        let transaction = self.build(&commands).await?;
        let request = proto::SimulateTransactionRequest::default()
            .with_transaction(transaction.clone())
            .with_read_mask(FieldMask::from_str(SIMULATE_MASK));
        let response = self
            .rpc
            .call("SimulateTransaction", |mut client| {
                let request = request.clone();
                async move {
                    client
                        .execution_client()
                        .simulate_transaction(request)
                        .await
                }
            })
            .await?;
        Ok(Draft {
            transaction,
            outcome: executed(response.get_ref().transaction())?,
        })
    }

    /// Resolves inputs, coins and gas with the help of a full node.
    pub(super) async fn build(
        &self,
        commands: &(impl Fn() -> Result<TransactionBuilder, SuiError> + Send + Sync),
    ) -> Result<Transaction, SuiError> {
        let mut attempt = 0;
        loop {
            let mut builder = commands()?;
            builder.set_sender(account_address(self.sender));
            if let Some(budget) = self.gas_budget {
                builder.set_gas_budget(budget);
            }
            let mut client = self.rpc.client();
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
                return Err(self.rpc.failed("SimulateTransaction", status));
            }
            self.rpc.rotate();
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
                address: self.sender,
                detail: essence(&text),
            };
        }
        SuiError::Build(essence(&text))
    }
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
