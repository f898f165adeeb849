//! SignatureVerificationService, and the signature checks of submitted transactions.

use std::collections::BTreeSet;

use sui_crypto::{SuiVerifier, multisig::UserSignatureVerifier};
use sui_rpc::proto::sui::rpc::{
    v2 as proto, v2::signature_verification_service_server::SignatureVerificationService,
};
use sui_sdk_types::{Address, PersonalMessage, Transaction, UserSignature};
use tonic::{Request, Response, Status};

use super::{Rpc, errors, parse};

/// The address a signature speaks for; `None` for schemes this chain does not accept.
fn signer(signature: &UserSignature) -> Option<Address> {
    use sui_sdk_types::SimpleSignature as Simple;
    match signature {
        UserSignature::Simple(Simple::Ed25519 { public_key, .. }) => {
            Some(public_key.derive_address())
        }
        UserSignature::Simple(Simple::Secp256k1 { public_key, .. }) => {
            Some(public_key.derive_address())
        }
        UserSignature::Simple(Simple::Secp256r1 { public_key, .. }) => {
            Some(public_key.derive_address())
        }
        UserSignature::Multisig(multisig) => Some(multisig.committee().derive_address()),
        _ => None,
    }
}

/// Checks that `signatures` are exactly one valid signature of each required signer, in any order.
pub(super) fn check_transaction(
    transaction: &Transaction,
    signatures: &[UserSignature],
) -> Result<(), Status> {
    let refuse = |reason: String| errors::invalid(format!("Invalid user signature: {reason}"));
    let required = BTreeSet::from([transaction.sender, transaction.gas_payment.owner]);
    if signatures.len() != required.len() {
        return Err(refuse(format!(
            "expect {} signer signatures but got {}",
            required.len(),
            signatures.len()
        )));
    }
    let mut signed = BTreeSet::new();
    for signature in signatures {
        let address = signer(signature).ok_or_else(|| {
            let scheme = signature.scheme().name();
            refuse(format!(
                "the {scheme} scheme is not supported by this chain"
            ))
        })?;
        if !required.contains(&address) {
            return Err(refuse(format!(
                "signer {address} is neither the sender nor the gas owner"
            )));
        }
        UserSignatureVerifier::new()
            .verify_transaction(transaction, signature)
            .map_err(|error| refuse(format!("signature of {address} is not valid: {error}")))?;
        signed.insert(address);
    }
    match required.difference(&signed).next() {
        Some(missing) => Err(refuse(format!("missing signature of {missing}"))),
        None => Ok(()),
    }
}

/// Whether a signature stands for a message, and if not, why.
fn verify(
    message: &proto::Bcs,
    signature: &UserSignature,
    address: Option<Address>,
) -> Result<proto::VerifySignatureResponse, Status> {
    let Some(actual) = signer(signature) else {
        let scheme = signature.scheme().name();
        return Err(errors::invalid_field(
            "signature",
            format!("the {scheme} scheme is not supported by this chain"),
        ));
    };
    let malformed =
        |error: bcs::Error| errors::invalid_field("message", format!("invalid message: {error}"));
    let verifier = UserSignatureVerifier::new();
    let verified = match message.name() {
        "TransactionData" => {
            let transaction: Transaction = message.deserialize().map_err(malformed)?;
            verifier.verify_transaction(&transaction, signature)
        }
        "PersonalMessage" => {
            let bytes: Vec<u8> = message.deserialize().map_err(malformed)?;
            verifier.verify_personal_message(&PersonalMessage(bytes.into()), signature)
        }
        other => {
            return Err(errors::invalid_field(
                "message.name",
                format!("unsupported message name: {other}"),
            ));
        }
    };
    let reason = match (verified, address) {
        (Err(error), _) => Some(format!("invalid signature: {error}")),
        (Ok(()), Some(expected)) if expected != actual => Some(format!(
            "signature is by {actual}, but the provided address is {expected}"
        )),
        (Ok(()), _) => None,
    };
    let mut response = proto::VerifySignatureResponse::default();
    response.is_valid = Some(reason.is_none());
    response.reason = reason;
    Ok(response)
}

#[tonic::async_trait]
impl SignatureVerificationService for Rpc {
    async fn verify_signature(
        &self,
        request: Request<proto::VerifySignatureRequest>,
    ) -> Result<Response<proto::VerifySignatureResponse>, Status> {
        let request = request.into_inner();
        let message = request
            .message
            .as_ref()
            .ok_or_else(|| errors::missing_field("message"))?;
        let signature = request
            .signature
            .as_ref()
            .ok_or_else(|| errors::missing_field("signature"))?;
        let signature = UserSignature::try_from(signature)
            .map_err(|error| errors::conversion("signature", error))?;
        let address = parse::optional("address", request.address.as_deref())?;
        verify(message, &signature, address).map(Response::new)
    }
}

#[cfg(test)]
mod tests;
