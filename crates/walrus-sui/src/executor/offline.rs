//! Transactions that are signed elsewhere: by another machine, by several people, by hardware.

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Digest, Transaction, UserSignature};
use walrus_core::SuiAddress;

use super::{CHECKPOINT_TIMEOUT, Executed, MASK, submit};
use crate::{error::SuiError, ids::sui_address, rpc::SuiRpc, signer::Signer};

/// A complete transaction as its signers get it. Its text is the base64 of its BCS, as of
/// [`Draft::to_base64`](super::Draft::to_base64).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineTransaction(Transaction);

impl FromStr for OfflineTransaction {
    type Err = SuiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| {
            SuiError::InvalidInput(format!("this is no transaction in base64: {reason}"))
        };
        let bytes = BASE64_STANDARD
            .decode(text.trim())
            .map_err(|error| invalid(error.to_string()))?;
        bcs::from_bytes(&bytes)
            .map(Self)
            .map_err(|error| invalid(error.to_string()))
    }
}

impl OfflineTransaction {
    /// The digest by which the chain knows it.
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// The account it is of.
    pub fn sender(&self) -> SuiAddress {
        sui_address(self.0.sender)
    }

    /// The signature of one signer, in base64.
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.0).to_base64()
    }
}

impl SuiRpc {
    /// Sends a transaction with its signatures, in base64, and waits until it is in a checkpoint.
    pub async fn execute_signed(
        &self,
        transaction: &OfflineTransaction,
        signatures: &[String],
    ) -> Result<Executed, SuiError> {
        let signatures = signatures
            .iter()
            .map(|text| {
                UserSignature::from_base64(text.trim())
                    .map(Into::into)
                    .map_err(|error| {
                        SuiError::InvalidInput(format!("this is no Sui signature: {error}"))
                    })
            })
            .collect::<Result<Vec<proto::UserSignature>, _>>()?;
        let request = proto::ExecuteTransactionRequest::default()
            .with_transaction(transaction.0.clone())
            .with_signatures(signatures)
            .with_read_mask(FieldMask::from_str(MASK));
        submit(self, request, CHECKPOINT_TIMEOUT).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_transaction_is_refused() {
        for text in ["", "!", "AAAA"] {
            assert!(text.parse::<OfflineTransaction>().is_err(), "{text}");
        }
    }
}
