//! Decrypting with the keys that key servers gave out.

use std::collections::BTreeMap;

use fastcrypto::groups::bls12381::Scalar;
use thiserror::Error;
use walrus_core::ObjectId;
use zeroize::Zeroizing;

use crate::{
    curve::{self, InvalidEncoding, PublicKey, SecretScalar},
    dem::{self, NotAuthentic},
    encrypt::{DemKey, Purpose},
    ibe::{self, Encapsulation, KEY_LENGTH, SecretBytes, UserSecretKey},
    object::{Ciphertext, EncryptedObject, Header},
    sharing::{self, Share, SharingError},
};

/// Why an object cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecryptError {
    /// The keys are of servers that have too few shares together.
    #[error("the keys open {have} of the shares, and {need} are needed")]
    NotEnoughKeys {
        /// Shares that the keys open.
        have: usize,
        /// Shares that are needed.
        need: u8,
    },
    /// Shares, services or threshold were changed, or a key is wrong.
    #[error("the object was changed, or a key is wrong: its randomness is invalid ({0})")]
    InvalidRandomness(InvalidEncoding),
    /// Something about the key was changed, or a key is wrong.
    #[error("the object was changed, or a key is wrong: its nonce does not match")]
    NonceMismatch,
    /// Who encrypted it made shares with which different readers see different things, or nothing.
    #[error(
        "the object was made so that not all of its readers can decrypt it: its shares contradict each other"
    )]
    InconsistentShares,
    /// The check of all shares needs all public keys.
    #[error("the public key of key server {0} is needed to check the shares")]
    MissingPublicKey(ObjectId),
    /// The content was changed.
    #[error(transparent)]
    NotAuthentic(#[from] NotAuthentic),
    /// Two shares have the same index, or there are none. Decoding an object refuses that already.
    #[error(transparent)]
    Sharing(#[from] SharingError),
}

/// Keys of one identity, by the key server that gave them out.
pub type UserKeys = BTreeMap<ObjectId, UserSecretKey>;

/// Public keys, by key server.
pub type PublicKeys = BTreeMap<ObjectId, PublicKey>;

/// What to check before content is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check<'a> {
    /// That everybody else who may decrypt the object sees the same. Always right when it is not
    /// known who encrypted it.
    AllShares(&'a PublicKeys),
    /// Only that these keys decrypt it.
    OwnShares,
    /// The same, and also accept randomness that was written the wrong way round, as an early
    /// release of another implementation did.
    OwnSharesOrLegacy,
}

impl EncryptedObject {
    /// Decrypts the content. An object without content gives its key.
    pub fn decrypt(&self, keys: &UserKeys, check: Check<'_>) -> Result<Vec<u8>, DecryptError> {
        let key = self.header.open(keys, check)?;
        Ok(self.ciphertext.decrypt(&key)?)
    }
}

impl Ciphertext {
    /// Decrypts with the key. [`Ciphertext::Plain`] gives the key.
    pub fn decrypt(&self, key: &DemKey) -> Result<Vec<u8>, NotAuthentic> {
        let authenticated = self.aad().unwrap_or_default();
        match self {
            Self::Aes256Gcm { blob, .. } => dem::aes_decrypt(&key.0, authenticated, blob),
            Self::Hmac256Ctr { blob, mac, .. } => {
                dem::hmac_decrypt(&key.0, authenticated, blob, mac)
            }
            Self::Plain => Ok(key.as_bytes().to_vec()),
        }
    }
}

impl Header {
    /// The key of the content. The keys must have been verified: a wrong one makes this fail.
    pub fn open(&self, keys: &UserKeys, check: Check<'_>) -> Result<DemKey, DecryptError> {
        let encapsulation = Encapsulation::new(&self.nonce, self.identity.point());
        let shares = self.open_shares(
            |server| {
                let key = keys.get(&server)?;
                Some(encapsulation.shared_by_key(key))
            },
            &encapsulation,
        );
        if shares.len() < usize::from(self.threshold) {
            return Err(DecryptError::NotEnoughKeys {
                have: shares.len(),
                need: self.threshold,
            });
        }
        let base_key = sharing::combine(&shares)?;
        let randomness = self.check_nonce(&base_key, check)?;
        if let Check::AllShares(public_keys) = check {
            self.check_all_shares(&randomness, &base_key, public_keys, &encapsulation)?;
        }
        Ok(DemKey(self.derive(&base_key, Purpose::Dem)))
    }

    /// The shares of those servers with whom a secret is shared. One pairing for each server,
    /// whatever its weight.
    fn open_shares(
        &self,
        secret: impl Fn(ObjectId) -> Option<ibe::SharedSecret>,
        encapsulation: &Encapsulation,
    ) -> Vec<Share> {
        let secrets: BTreeMap<_, _> = self
            .servers()
            .into_iter()
            .filter_map(|(server, _)| Some((server, secret(server)?)))
            .collect();
        self.services
            .iter()
            .zip(&self.encrypted_shares)
            .filter_map(|(service, encrypted)| {
                let secret = secrets.get(&service.server)?;
                let index = service.index;
                let key = encapsulation.share_key(secret, service.server, index.get());
                let value = Zeroizing::new(ibe::xor(encrypted, &key));
                Some(Share { index, value })
            })
            .collect()
    }

    /// The encryptor's randomness, if it made the nonce.
    fn check_nonce(
        &self,
        base_key: &SecretBytes,
        check: Check<'_>,
    ) -> Result<SecretScalar, DecryptError> {
        let key = self.derive(base_key, Purpose::Randomness);
        let bytes = Zeroizing::new(ibe::xor(&self.encrypted_randomness, &key));
        let matching = |bytes: &[u8; KEY_LENGTH]| {
            let randomness = curve::secret_scalar(bytes)
                .map(SecretScalar)
                .map_err(DecryptError::InvalidRandomness)?;
            if Encapsulation::nonce(&randomness.0) != self.nonce {
                return Err(DecryptError::NonceMismatch);
            }
            Ok(randomness)
        };
        let found = matching(&bytes);
        if found.is_err() && check == Check::OwnSharesOrLegacy {
            let mut reversed = bytes.clone();
            reversed.reverse();
            return matching(&reversed);
        }
        found
    }

    /// Checks that every subset of servers that suffices gives the same key.
    fn check_all_shares(
        &self,
        randomness: &SecretScalar,
        base_key: &SecretBytes,
        public_keys: &PublicKeys,
        encapsulation: &Encapsulation,
    ) -> Result<(), DecryptError> {
        for (server, _) in self.servers() {
            if !public_keys.contains_key(&server) {
                return Err(DecryptError::MissingPublicKey(server));
            }
        }
        let scalar: &Scalar = &randomness.0;
        let shared_with = encapsulation.shared_by_randomness(scalar);
        let shares = self.open_shares(
            |server| public_keys.get(&server).map(&shared_with),
            encapsulation,
        );
        let is_consistent = sharing::are_consistent(&shares, self.threshold)?
            && sharing::combine(&shares)? == *base_key;
        if is_consistent {
            Ok(())
        } else {
            Err(DecryptError::InconsistentShares)
        }
    }
}
