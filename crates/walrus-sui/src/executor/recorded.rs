//! Transactions that are written down before they are sent.
//!
//! Whoever must not do a thing twice, even after a crash between sending a transaction and learning
//! of its effects, records the signed transaction first. Sending the very same one again is safe:
//! it executes once, and answers with the same effects.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sui_sdk_types::{Digest, Transaction, UserSignature};

use super::{Executed, Executor};
use crate::{error::SuiError, signer::Signer, transaction::CheckedTransaction};

/// A transaction and the signature of its sender: everything that is needed to send it, now or
/// later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct SignedTransaction {
    pub(super) transaction: Transaction,
    pub(super) signature: UserSignature,
}

impl SignedTransaction {
    pub(super) fn new(signer: &Signer, transaction: &CheckedTransaction) -> Self {
        Self {
            signature: signer.sign(transaction),
            transaction: transaction.transaction().clone(),
        }
    }

    /// The digest by which the chain knows it.
    pub fn digest(&self) -> Digest {
        self.transaction.digest()
    }
}

/// The form in files.
#[derive(Serialize, Deserialize)]
struct Text {
    digest: String,
    /// Base64 of the BCS.
    transaction: String,
    /// Base64, as wallets write it.
    signature: String,
}

impl From<SignedTransaction> for Text {
    fn from(signed: SignedTransaction) -> Self {
        let bytes = bcs::to_bytes(&signed.transaction).expect("transactions are plain data");
        Self {
            digest: signed.digest().to_string(),
            transaction: STANDARD.encode(bytes),
            signature: signed.signature.to_base64(),
        }
    }
}

impl TryFrom<Text> for SignedTransaction {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        let bytes = STANDARD
            .decode(&text.transaction)
            .map_err(|error| format!("transaction: {error}"))?;
        let transaction: Transaction =
            bcs::from_bytes(&bytes).map_err(|error| format!("transaction: {error}"))?;
        let digest = Digest::from_str(&text.digest).map_err(|error| format!("digest: {error}"))?;
        if transaction.digest() != digest {
            return Err(format!("the transaction is not {digest}"));
        }
        let signature = UserSignature::from_base64(&text.signature)
            .map_err(|error| format!("signature: {error}"))?;
        Ok(Self {
            transaction,
            signature,
        })
    }
}

impl Executor {
    /// Finishes a recorded transaction: its effects if it was executed, else executes it. `None` if
    /// it had no effect but gas and never will have one: it failed, or its objects were used
    /// otherwise. An error leaves open what became of it.
    pub async fn resume(&self, signed: &SignedTransaction) -> Result<Option<Executed>, SuiError> {
        let _turn = self.shared.turn.lock().await;
        match self.send(signed).await {
            Ok(executed) => Ok(Some(executed)),
            Err(SuiError::ObjectsInUse(_) | SuiError::ObjectNotFound(_)) => Ok(None),
            Err(error) if !error.leaves_outcome_open() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use sui_sdk_types::{
        Address, GasPayment, ProgrammableTransaction, TransactionExpiration, TransactionKind,
    };

    use super::*;

    fn signed() -> SignedTransaction {
        let signer = Signer::from_seed([7; 32]);
        let sender = Address::new(signer.address().0);
        let transaction = Transaction {
            kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                inputs: vec![],
                commands: vec![],
            }),
            sender,
            gas_payment: GasPayment {
                objects: vec![],
                owner: sender,
                price: 1000,
                budget: 5000,
            },
            expiration: TransactionExpiration::None,
        };
        SignedTransaction::new(&signer, &CheckedTransaction::for_test(transaction))
    }

    #[test]
    fn recorded_transactions_are_read_back() {
        let signed = signed();
        let text = serde_json::to_string(&signed).unwrap();
        assert!(text.contains(&signed.digest().to_string()), "{text}");
        let again: SignedTransaction = serde_json::from_str(&text).unwrap();
        assert_eq!(again, signed);
    }

    #[test]
    fn a_record_that_was_changed_is_refused() {
        let mut text = Text::from(signed());
        text.digest = Digest::new([3; 32]).to_string();
        let text = serde_json::to_string(&text).unwrap();
        let error = serde_json::from_str::<SignedTransaction>(&text).unwrap_err();
        assert!(error.to_string().contains("is not"), "{error}");
    }
}
