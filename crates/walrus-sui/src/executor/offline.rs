//! Transactions that are signed elsewhere: by another machine, by several people, by hardware.

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Digest, Transaction, UserSignature};
use walrus_core::SuiAddress;

use super::{CHECKPOINT_TIMEOUT, Executed, send};
use crate::{error::SuiError, ids::sui_address, rpc::SuiRpc};

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

    /// Sends it with its signatures, in base64, and waits until it is in a checkpoint.
    pub async fn execute(&self, rpc: &SuiRpc, signatures: &[String]) -> Result<Executed, SuiError> {
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
        send(rpc, &self.0, &signatures, CHECKPOINT_TIMEOUT).await
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
