//! What the nodes of a deployment sign.

use walrus_core::{
    Epoch, ProtocolCertificate, ProtocolKeyPair, ProtocolPublicKey,
    certificate::signers_bitmap,
    messages::{MessageBody, ProtocolMessage},
};

use super::{Argument, Ptb, Walrus};
use crate::keys::key_of;

/// A certificate as the contracts take it, right or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The aggregate signature, 96 bytes when it is well-formed.
    pub signature: Vec<u8>,
    /// Who signed, by position in the committee.
    pub bitmap: Vec<u8>,
    /// What was signed.
    pub message: Vec<u8>,
}

impl Certificate {
    /// The three arguments of every function that takes a certificate.
    pub fn arguments(&self, ptb: &mut Ptb) -> [Argument; 3] {
        [
            ptb.pure(&self.signature),
            ptb.pure(&self.bitmap),
            ptb.pure(&self.message),
        ]
    }
}

impl Walrus {
    /// The certificate of all members of a bare chain's committee, where some sign with the given
    /// keys instead of those that the committee has.
    ///
    /// # Panics
    ///
    /// When another member has a key that is not one of `protocol_key`.
    pub fn certificate_by<T: MessageBody + Clone>(
        &self,
        keys: &[(usize, &ProtocolKeyPair)],
        epoch: Epoch,
        body: &T,
    ) -> Certificate {
        let members = self.system().committee.members;
        let signed = members.iter().enumerate().map(|(position, member)| {
            let replaced = keys.iter().find(|(replaced, _)| *replaced == position);
            let key = replaced.map_or_else(
                || {
                    let key = member.public_key.to_compressed_g1();
                    key_of(ProtocolPublicKey(
                        key.expect("the contract checked the key"),
                    ))
                },
                |(_, key)| (*key).clone(),
            );
            let position = u16::try_from(position).expect("committees are small");
            (position, key.sign_message(epoch, body.clone()))
        });
        let certificate = ProtocolCertificate::aggregate(signed);
        Certificate::from(&certificate.expect("equal messages can be aggregated"))
    }

    /// Number of members of the committee.
    pub fn n_members(&self) -> u16 {
        u16::try_from(self.system().committee.members.len()).expect("committees are small")
    }

    /// The certificate of all members of the committee.
    pub fn certify<T: MessageBody>(&self, body: T) -> Certificate {
        self.sign(0..self.n_members(), body)
    }

    /// The certificate of some members, by position in the committee, in the current epoch.
    pub fn sign<T: MessageBody>(
        &self,
        signers: impl IntoIterator<Item = u16>,
        body: T,
    ) -> Certificate {
        self.sign_in(self.system().committee.epoch, signers, body)
    }

    /// The certificate of some members over a message of any epoch.
    pub fn sign_in<T: MessageBody>(
        &self,
        epoch: Epoch,
        signers: impl IntoIterator<Item = u16>,
        body: T,
    ) -> Certificate {
        self.sign_bytes(signers, ProtocolMessage::new(epoch, body).to_bytes())
    }

    /// The certificate of some members over bytes that need not be a message.
    ///
    /// # Panics
    ///
    /// When a signer is no member, or there is none.
    pub fn sign_bytes(
        &self,
        signers: impl IntoIterator<Item = u16>,
        message: Vec<u8>,
    ) -> Certificate {
        let members = self.system().committee.members;
        let signers: Vec<_> = signers.into_iter().collect();
        let signatures: Vec<_> = signers
            .iter()
            .map(|signer| {
                let key = &members[usize::from(*signer)].public_key;
                let key = key
                    .to_compressed_g1()
                    .expect("the contract checked the key");
                key_of(ProtocolPublicKey(key)).sign(&message)
            })
            .collect();
        let signature = walrus_core::keys::aggregate_signatures(&signatures)
            .expect("there are signers")
            .0
            .to_vec();
        Certificate {
            signature,
            bitmap: signers_bitmap(&signers, members.len()).expect("signers are members"),
            message,
        }
    }

    /// The positions of the first members that together have at least `weight` shards.
    ///
    /// # Panics
    ///
    /// When all members together have fewer.
    pub fn signers_of_weight(&self, weight: u16) -> std::ops::Range<u16> {
        let mut sum = 0;
        for (count, member) in (1..).zip(&self.system().committee.members) {
            sum += member.weight;
            if sum >= weight {
                return 0..count;
            }
        }
        panic!("the committee has only {sum} shards");
    }
}

impl From<&ProtocolCertificate> for Certificate {
    fn from(certificate: &ProtocolCertificate) -> Self {
        let members = certificate.signers.iter().max().map_or(0, |last| last + 1);
        Self {
            signature: certificate.signature.0.to_vec(),
            bitmap: certificate
                .signers_bitmap(usize::from(members))
                .expect("signers are in range"),
            message: certificate.serialized_message.clone(),
        }
    }
}
