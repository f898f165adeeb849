//! Transactions of the past, as those see them who were paid.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Input, StructTag, Transaction, TransactionKind};
use walrus_core::SuiAddress;

use super::SuiRpc;
use crate::{TransactionDigest, error::SuiError, ids::sui_address};

const PAYMENT_MASK: &str = "digest,timestamp,transaction.bcs,balance_changes";
const MS_PER_SECOND: i64 = 1_000;
const NANOS_PER_MS: i32 = 1_000_000;

/// What a transaction paid, when, and what its first input says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// When its checkpoint was made, in milliseconds of Unix time.
    pub timestamp_ms: u64,
    /// What accounts have gained or lost, in MIST.
    pub sui_changes: Vec<(SuiAddress, i128)>,
    /// What comes first.
    pub first_input: FirstInput,
}

/// The first input of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstInput {
    /// A value, as bytes.
    Pure(Vec<u8>),
    /// Something else, or nothing.
    NoValue,
    /// The transaction has no inputs: the system made it.
    NotProgrammable,
}

impl SuiRpc {
    /// What a transaction paid; `None` if it is in no checkpoint that this full node has.
    pub async fn payment(&self, digest: TransactionDigest) -> Result<Option<Payment>, SuiError> {
        let mut request = proto::GetTransactionRequest::default();
        request.digest = Some(digest.to_string());
        request.read_mask = Some(FieldMask::from_str(PAYMENT_MASK));
        let answer = self
            .call("GetTransaction", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().get_transaction(request).await }
            })
            .await;
        match answer {
            Ok(answer) => payment(answer.get_ref().transaction()),
            Err(SuiError::Rpc { status, .. }) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn payment(transaction: &proto::ExecutedTransaction) -> Result<Option<Payment>, SuiError> {
    let Some(timestamp) = &transaction.timestamp else {
        return Ok(None);
    };
    let ms = timestamp
        .seconds
        .checked_mul(MS_PER_SECOND)
        .and_then(|ms| ms.checked_add(i64::from(timestamp.nanos / NANOS_PER_MS)))
        .and_then(|ms| u64::try_from(ms).ok());
    let timestamp_ms = ms.ok_or_else(|| SuiError::decode("the time of a transaction", "range"))?;
    let sui_changes = transaction
        .balance_changes
        .iter()
        .filter_map(sui_change)
        .collect::<Result<_, _>>()?;
    let bytes = transaction.transaction().bcs().value();
    let transaction: Transaction = bcs::from_bytes(bytes)
        .map_err(|error| SuiError::decode("the bytes of a transaction", error))?;
    let first_input = match &transaction.kind {
        TransactionKind::ProgrammableTransaction(program) => match program.inputs.first() {
            Some(Input::Pure(bytes)) => FirstInput::Pure(bytes.clone()),
            _ => FirstInput::NoValue,
        },
        _ => FirstInput::NotProgrammable,
    };
    Ok(Some(Payment {
        timestamp_ms,
        sui_changes,
        first_input,
    }))
}

/// A change in SUI; `None` for other coins.
fn sui_change(change: &proto::BalanceChange) -> Option<Result<(SuiAddress, i128), SuiError>> {
    let invalid = |reason: String| SuiError::decode("a change of balance", reason);
    let parsed = || {
        let coin: StructTag = parse(change.coin_type()).map_err(invalid)?;
        if coin != StructTag::sui() {
            return Ok(None);
        }
        let account = parse(change.address()).map_err(invalid)?;
        let amount = parse(change.amount()).map_err(invalid)?;
        Ok(Some((sui_address(account), amount)))
    };
    parsed().transpose()
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

#[cfg(test)]
mod tests {
    use sui_sdk_types::{
        Address, Digest, GasPayment, ProgrammableTransaction, TransactionExpiration,
    };

    use super::*;

    fn transaction(inputs: Vec<Input>) -> Transaction {
        Transaction {
            kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                inputs,
                commands: Vec::new(),
            }),
            sender: Address::TWO,
            gas_payment: GasPayment {
                objects: Vec::new(),
                owner: Address::TWO,
                price: 1,
                budget: 1,
            },
            expiration: TransactionExpiration::None,
        }
    }

    fn executed(transaction: &Transaction) -> proto::ExecutedTransaction {
        let change = |coin: &str, amount: &str| {
            proto::BalanceChange::default()
                .with_address("0x5")
                .with_coin_type(coin)
                .with_amount(amount)
        };
        let mut time = prost_types::Timestamp::default();
        (time.seconds, time.nanos) = (7, 8_999_999);
        let bcs = proto::Bcs::default().with_value(bcs::to_bytes(transaction).unwrap());
        proto::ExecutedTransaction::default()
            .with_digest(Digest::new([3; 32]).to_string())
            .with_timestamp(time)
            .with_transaction(proto::Transaction::default().with_bcs(bcs))
            .with_balance_changes(vec![
                change("0x9::wal::WAL", "1"),
                change("0x2::sui::SUI", "42"),
            ])
    }

    #[test]
    fn payments_are_in_sui_and_have_a_time() {
        let mut account = [0; 32];
        account[31] = 5;
        let tip = transaction(vec![Input::Pure(vec![1, 2])]);
        let expected = Payment {
            timestamp_ms: 7_008,
            sui_changes: vec![(SuiAddress(account), 42)],
            first_input: FirstInput::Pure(vec![1, 2]),
        };
        assert_eq!(payment(&executed(&tip)).unwrap(), Some(expected));
        let bare = payment(&executed(&transaction(Vec::new()))).unwrap();
        assert_eq!(bare.unwrap().first_input, FirstInput::NoValue);
    }

    #[test]
    fn what_is_in_no_checkpoint_is_no_payment_yet() {
        let mut pending = executed(&transaction(Vec::new()));
        pending.timestamp = None;
        assert_eq!(payment(&pending).unwrap(), None);
    }

    #[test]
    fn answers_that_make_no_sense_are_errors() {
        let good = executed(&transaction(Vec::new()));
        let mut broken = [good.clone(), good.clone(), good.clone()];
        broken[0].balance_changes[1].amount = Some("much".to_owned());
        broken[1].transaction = None;
        broken[2].timestamp.as_mut().unwrap().seconds = -1;
        for answer in broken {
            assert!(payment(&answer).is_err());
        }
        assert!(payment(&good).is_ok());
    }
}
