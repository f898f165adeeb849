//! The faucet: hands out SUI to whoever asks, over HTTP.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use sui_crypto::SuiSigner;
use sui_sdk_types::{
    Address, Argument, Command, GasPayment, Input, ObjectReference, Owner, ProgrammableTransaction,
    SplitCoins, StructTag, Transaction, TransactionEffects, TransactionExpiration, TransactionKind,
    TransferObjects,
};

use crate::{
    chain::{Chain, SubmitError, Worker},
    execution::limits,
    faucet_account::{address, key},
    ledger::{StoreError, TypeFilter, keys::coin_balance},
};

/// Coins of a grant.
const GRANT_COINS: u16 = 5;
/// MIST in each of them: 200 SUI.
const GRANT_COIN_MIST: u64 = 200_000_000_000;
/// Ample for one split and one transfer of five coins: 0.5 SUI.
const GRANT_BUDGET_MIST: u64 = 500_000_000;

/// The faucet's HTTP interface.
pub(crate) fn routes(chain: Arc<Chain>) -> Router {
    Router::new()
        .route("/", get(|| async { "OK" }))
        .route("/health", get(|| async { "OK" }))
        .route("/gas", post(grant))
        .route("/v1/gas", post(grant))
        .route("/v2/gas", post(grant))
        .with_state(chain)
}

#[derive(Deserialize)]
enum GasRequest {
    FixedAmountRequest { recipient: String },
}

#[derive(Serialize)]
enum GrantStatus {
    Success,
    Failure(GrantFailure),
}

#[derive(Serialize)]
enum GrantFailure {
    Internal(String),
}

#[derive(Serialize)]
struct GasResponse {
    status: GrantStatus,
    coins_sent: Option<Vec<CoinSent>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CoinSent {
    amount: u64,
    id: String,
    transfer_tx_digest: String,
}

async fn grant(
    State(chain): State<Arc<Chain>>,
    request: Result<Json<GasRequest>, JsonRejection>,
) -> (StatusCode, Json<GasResponse>) {
    let recipient = match request {
        Ok(Json(GasRequest::FixedAmountRequest { recipient })) => recipient,
        Err(rejection) => return failure(StatusCode::BAD_REQUEST, rejection.body_text()),
    };
    let recipient: Address = match recipient.parse() {
        Ok(recipient) => recipient,
        Err(error) => {
            return failure(
                StatusCode::BAD_REQUEST,
                format!("recipient {recipient} is not an address: {error}"),
            );
        }
    };
    match chain.run(move |worker| pay(worker, recipient)).await {
        Ok(Ok(coins)) => {
            let response = GasResponse {
                status: GrantStatus::Success,
                coins_sent: Some(coins),
            };
            (StatusCode::OK, Json(response))
        }
        Ok(Err(error)) => failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Err(error) => failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

fn failure(code: StatusCode, reason: String) -> (StatusCode, Json<GasResponse>) {
    let response = GasResponse {
        status: GrantStatus::Failure(GrantFailure::Internal(reason)),
        coins_sent: None,
    };
    (code, Json(response))
}

#[derive(Debug, thiserror::Error)]
enum GrantError {
    #[error("the faucet is empty")]
    Empty,
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error("the faucet's transaction {0} failed")]
    Failed(String),
}

impl From<StoreError> for GrantError {
    fn from(error: StoreError) -> Self {
        Self::Submit(error.into())
    }
}

/// Sends one grant. Runs on the executor's thread, so the coin it picks stays free until it is
/// spent.
fn pay(worker: &mut Worker, recipient: Address) -> Result<Vec<CoinSent>, GrantError> {
    let transaction = grant_transaction(recipient, richest_coin(worker)?);
    let signature = key()
        .sign_transaction(&transaction)
        .map_err(|error| GrantError::Failed(error.to_string()))?;
    let record = worker.execute(transaction, vec![signature])?;
    let digest = record.transaction.digest().to_string();
    let TransactionEffects::V2(effects) = &record.effects else {
        return Err(GrantError::Failed(digest));
    };
    if *record.effects.status() != sui_sdk_types::ExecutionStatus::Success {
        return Err(GrantError::Failed(digest));
    }
    let sent = effects
        .changed_objects
        .iter()
        .filter(|change| change.id_operation == sui_sdk_types::IdOperation::Created)
        .map(|change| CoinSent {
            amount: GRANT_COIN_MIST,
            id: change.object_id.to_string(),
            transfer_tx_digest: digest.clone(),
        })
        .collect();
    Ok(sent)
}

fn richest_coin(worker: &Worker) -> Result<ObjectReference, GrantError> {
    let ledger = worker.ledger();
    let filter = TypeFilter::Exact(StructTag::gas_coin());
    let page = ledger.owned_objects(&address(), &filter, None, 1)?;
    let entry = page.entries.first().ok_or(GrantError::Empty)?;
    let coin = ledger.object(&entry.id)?.ok_or(GrantError::Empty)?;
    let needed = u64::from(GRANT_COINS) * GRANT_COIN_MIST + GRANT_BUDGET_MIST;
    match (coin.owner(), coin_balance(&coin)) {
        (Owner::Address(_), Some(balance)) if balance >= needed => Ok(ObjectReference::new(
            entry.id,
            coin.version(),
            coin.digest(),
        )),
        _ => Err(GrantError::Empty),
    }
}

fn grant_transaction(recipient: Address, coin: ObjectReference) -> Transaction {
    let amount = Input::Pure(GRANT_COIN_MIST.to_le_bytes().to_vec());
    let receiver = Input::Pure(recipient.as_bytes().to_vec());
    let split = SplitCoins {
        coin: Argument::Gas,
        amounts: (0..GRANT_COINS).map(|_| Argument::Input(0)).collect(),
    };
    let transfer = TransferObjects {
        objects: (0..GRANT_COINS)
            .map(|index| Argument::NestedResult(0, index))
            .collect(),
        address: Argument::Input(1),
    };
    Transaction {
        kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
            inputs: vec![amount, receiver],
            commands: vec![
                Command::SplitCoins(split),
                Command::TransferObjects(transfer),
            ],
        }),
        sender: address(),
        gas_payment: GasPayment {
            objects: vec![coin],
            owner: address(),
            price: limits::REFERENCE_GAS_PRICE,
            budget: GRANT_BUDGET_MIST,
        },
        expiration: TransactionExpiration::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_form_faucet_clients_parse() {
        let (_, Json(failed)) = failure(StatusCode::BAD_REQUEST, "why".to_owned());
        assert_eq!(
            serde_json::to_string(&failed).expect("json"),
            r#"{"status":{"Failure":{"Internal":"why"}},"coins_sent":null}"#
        );
        let sent = GasResponse {
            status: GrantStatus::Success,
            coins_sent: Some(vec![CoinSent {
                amount: 1,
                id: "0x2".to_owned(),
                transfer_tx_digest: "d".to_owned(),
            }]),
        };
        assert_eq!(
            serde_json::to_string(&sent).expect("json"),
            r#"{"status":"Success","coins_sent":[{"amount":1,"id":"0x2","transferTxDigest":"d"}]}"#
        );
    }
}
