//! Certificates: one message signed by many members of the committee.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    ProtocolPublicKey, ProtocolSignature, SignedMessage,
    keys::{ProtocolKeyError, aggregate_signatures},
    messages::MessageBody,
    wire,
};

/// A message with the aggregate of its signatures.
///
/// JSON: `{"signers":[0,1],"serialized_message":[1,0,3,…],"signature":"<base64>"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProtocolCertificate {
    /// Positions of the signers among the members of the on-chain committee, in any order.
    pub signers: Vec<u16>,
    /// The message all of them signed.
    #[serde(with = "wire::bytes")]
    pub serialized_message: Vec<u8>,
    /// The sum of their signatures.
    pub signature: ProtocolSignature,
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// There are no messages, or they differ.
    #[error("a certificate needs at least one message, and all of them equal")]
    MessageMismatch,
    /// A signature is malformed.
    #[error("the signatures cannot be aggregated: {0}")]
    SignatureAggregation(#[from] ProtocolKeyError),
    /// A signer is not a member, or signs twice.
    #[error("signer {0} is not a member of the committee, or is there twice")]
    InvalidSigner(u16),
}

impl ProtocolCertificate {
    /// Combines messages, given with the committee positions of their signers, in this order.
    ///
    /// The signatures are not verified here: do so when each message arrives.
    pub fn aggregate<T: MessageBody>(
        messages: impl IntoIterator<Item = (u16, SignedMessage<T>)>,
    ) -> Result<Self, CertificateError> {
        let mut serialized_message: Option<Vec<u8>> = None;
        let (mut signers, mut signatures) = (Vec::new(), Vec::new());
        for (signer, message) in messages {
            match &serialized_message {
                None => serialized_message = Some(message.serialized_message),
                Some(first) if *first == message.serialized_message => {}
                Some(_) => return Err(CertificateError::MessageMismatch),
            }
            signers.push(signer);
            signatures.push(message.signature);
        }
        let serialized_message = serialized_message.ok_or(CertificateError::MessageMismatch)?;
        let signature = aggregate_signatures(&signatures)?;
        Ok(Self {
            signers,
            serialized_message,
            signature,
        })
    }

    /// Verifies the aggregate against the public keys of its signers.
    pub fn verify(&self, signer_keys: &[ProtocolPublicKey]) -> Result<(), ProtocolKeyError> {
        self.signature
            .verify_aggregate(&self.serialized_message, signer_keys)
    }

    /// The signers as the contracts take them, for a committee of `members` members.
    pub fn signers_bitmap(&self, members: usize) -> Result<Vec<u8>, CertificateError> {
        signers_bitmap(&self.signers, members)
    }
}

/// Sets bit `i mod 8` of byte `i / 8` for each signer `i`, in a map of `members` bits. Signers that
/// are out of range or repeated are errors.
pub fn signers_bitmap(signers: &[u16], members: usize) -> Result<Vec<u8>, CertificateError> {
    let mut bitmap = vec![0_u8; members.div_ceil(8)];
    for &signer in signers {
        let position = usize::from(signer);
        let bit = 1 << (position % 8);
        let byte = bitmap
            .get_mut(position / 8)
            .filter(|byte| position < members && **byte & bit == 0)
            .ok_or(CertificateError::InvalidSigner(signer))?;
        *byte |= bit;
    }
    Ok(bitmap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlobId, ProtocolKeyPair, messages::InvalidBlobId};

    fn signed(seed: u8, blob: u8) -> SignedMessage<InvalidBlobId> {
        let pair = ProtocolKeyPair::from_seed([seed; 32]);
        pair.sign_message(5, InvalidBlobId(BlobId([blob; 32])))
    }

    #[test]
    fn bitmaps_are_least_significant_first() {
        assert_eq!(signers_bitmap(&[0, 9, 3], 10), Ok(vec![0b1001, 0b10]));
        assert_eq!(signers_bitmap(&[], 8), Ok(vec![0]));
        assert_eq!(
            signers_bitmap(&[10], 10),
            Err(CertificateError::InvalidSigner(10))
        );
        assert_eq!(
            signers_bitmap(&[u16::MAX], 10),
            Err(CertificateError::InvalidSigner(u16::MAX))
        );
        assert_eq!(
            signers_bitmap(&[1, 1], 10),
            Err(CertificateError::InvalidSigner(1))
        );
    }

    #[test]
    fn certificates_verify_with_all_signers_keys() {
        let certificate =
            ProtocolCertificate::aggregate((0_u8..3).map(|i| (u16::from(i), signed(i, 7))))
                .unwrap();
        let keys = [0, 1, 2].map(|seed| ProtocolKeyPair::from_seed([seed; 32]).public());
        assert_eq!(certificate.verify(&keys), Ok(()));
        assert!(certificate.verify(&keys[1..]).is_err());
        let mut tampered = certificate;
        tampered.serialized_message[10] ^= 1;
        assert!(tampered.verify(&keys).is_err());
    }

    #[test]
    fn differing_messages_make_no_certificate() {
        let differing = [(0, signed(0, 7)), (1, signed(1, 8))];
        assert_eq!(
            ProtocolCertificate::aggregate(differing),
            Err(CertificateError::MessageMismatch)
        );
        let none: [(u16, SignedMessage<InvalidBlobId>); 0] = [];
        assert_eq!(
            ProtocolCertificate::aggregate(none),
            Err(CertificateError::MessageMismatch)
        );
    }
}
