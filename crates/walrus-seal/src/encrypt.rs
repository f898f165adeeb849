//! Encrypting: for an identity, a set of key servers and a threshold. Nobody has to be asked.

use std::{fmt, num::NonZeroU8};

use fastcrypto::{groups::bls12381::Scalar, serde_helpers::ToFromByteArray as _};
use rand::{CryptoRng, RngCore};
use sha3::{Digest as _, Sha3_256};
use thiserror::Error;
use walrus_core::ObjectId;
use zeroize::Zeroizing;

use crate::{
    curve::{PublicKey, SecretScalar},
    dem::{self, Dem, TooLong},
    ibe::{self, Encapsulation, Identity, KEY_LENGTH, SecretBytes},
    object::{Ciphertext, EncryptedObject, Header, Service},
    sharing::{self, SHARES_MAX, Share},
};

const DST_DERIVE_KEY: &[u8] = b"SUI-SEAL-IBE-BLS12381-H3-00";

/// Why a set of key servers is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServerSetError {
    /// There are no servers.
    #[error("there are no key servers")]
    Empty,
    /// A server is in the set twice. What it should have is a weight.
    #[error("key server {0} is given twice; give it a weight instead")]
    Duplicate(ObjectId),
    /// The threshold is 0 or more than all weights together.
    #[error(
        "a threshold of {threshold} is impossible with key servers whose weights are {weight} together"
    )]
    InvalidThreshold {
        /// The threshold.
        threshold: u8,
        /// Sum of the weights.
        weight: usize,
    },
    /// The weights are too large.
    #[error("the weights of the key servers are {0} together, more than {SHARES_MAX}")]
    TooHeavy(usize),
}

/// A key server that gets shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// Its object.
    pub server: ObjectId,
    /// Its public key.
    pub public_key: PublicKey,
    /// How many shares it gets.
    pub weight: NonZeroU8,
}

/// Key servers, and the weight that is needed to decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSet {
    recipients: Vec<Recipient>,
    threshold: u8,
}

impl ServerSet {
    /// Checks that the servers are distinct and the threshold can be reached.
    pub fn new(recipients: Vec<Recipient>, threshold: u8) -> Result<Self, ServerSetError> {
        if recipients.is_empty() {
            return Err(ServerSetError::Empty);
        }
        for (index, recipient) in recipients.iter().enumerate() {
            if recipients[..index]
                .iter()
                .any(|other| other.server == recipient.server)
            {
                return Err(ServerSetError::Duplicate(recipient.server));
            }
        }
        let set = Self {
            recipients,
            threshold,
        };
        let weight = set.weight();
        if weight > SHARES_MAX {
            return Err(ServerSetError::TooHeavy(weight));
        }
        if threshold == 0 || usize::from(threshold) > weight {
            return Err(ServerSetError::InvalidThreshold { threshold, weight });
        }
        Ok(set)
    }

    /// All weights together.
    pub fn weight(&self) -> usize {
        let weights = self.recipients.iter();
        weights.map(|it| usize::from(it.weight.get())).sum()
    }

    /// The weight that is needed.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The servers.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }
}

/// Key of the content of one object. Who has it can decrypt that object, whatever the policy says.
/// It is never printed, and overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct DemKey(pub(crate) SecretBytes);

impl DemKey {
    /// A key that was kept.
    pub fn from_bytes(bytes: SecretBytes) -> Self {
        Self(bytes)
    }

    /// The key. Secret.
    pub fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }
}

impl fmt::Debug for DemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DemKey")
    }
}

impl EncryptedObject {
    /// Encrypts content. Also returns its key, for whoever wants to be able to decrypt without key
    /// servers.
    pub fn encrypt<R: RngCore + CryptoRng>(
        identity: Identity,
        servers: &ServerSet,
        dem: Dem,
        plaintext: &[u8],
        aad: Option<&[u8]>,
        rng: &mut R,
    ) -> Result<(Self, DemKey), TooLong> {
        let (header, key) = Header::seal(identity, servers, rng);
        let ciphertext = Ciphertext::encrypt(&key, dem, plaintext, aad)?;
        Ok((Self { header, ciphertext }, key))
    }

    /// An object without content: what its readers get is a fresh key, which is returned.
    pub fn of_key<R: RngCore + CryptoRng>(
        identity: Identity,
        servers: &ServerSet,
        rng: &mut R,
    ) -> (Self, DemKey) {
        let (header, key) = Header::seal(identity, servers, rng);
        let ciphertext = Ciphertext::Plain;
        (Self { header, ciphertext }, key)
    }
}

impl Ciphertext {
    /// Encrypts with a key that encrypts nothing else.
    fn encrypt(
        key: &DemKey,
        dem: Dem,
        plaintext: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Self, TooLong> {
        let authenticated = aad.unwrap_or_default();
        let aad = aad.map(<[u8]>::to_vec);
        Ok(match dem {
            Dem::Aes256Gcm => Self::Aes256Gcm {
                blob: dem::aes_encrypt(&key.0, authenticated, plaintext)?,
                aad,
            },
            Dem::Hmac256Ctr => {
                let (blob, mac) = dem::hmac_encrypt(&key.0, authenticated, plaintext);
                Self::Hmac256Ctr { blob, aad, mac }
            }
        })
    }
}

impl Header {
    /// Makes a fresh key and encrypts it.
    fn seal<R: RngCore + CryptoRng>(
        identity: Identity,
        servers: &ServerSet,
        rng: &mut R,
    ) -> (Self, DemKey) {
        let mut base_key = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(base_key.as_mut());
        let shares = sharing::split(&base_key, servers.threshold, servers.weight(), rng)
            .expect("a set of servers has a possible threshold and not too much weight");
        let randomness = SecretScalar(ibe::random_scalar(rng));
        let nonce = Encapsulation::nonce(&randomness.0);
        let encapsulation = Encapsulation::new(&nonce, identity.point());
        let mut header = Self {
            identity,
            services: services(servers, &shares),
            threshold: servers.threshold,
            nonce,
            encrypted_shares: encrypt_shares(servers, &shares, &randomness.0, &encapsulation),
            encrypted_randomness: [0; KEY_LENGTH],
        };
        let key = header.derive(&base_key, Purpose::Randomness);
        let randomness_bytes = Zeroizing::new(randomness.0.to_byte_array());
        header.encrypted_randomness = ibe::xor(&randomness_bytes, &key);
        let key = DemKey(header.derive(&base_key, Purpose::Dem));
        (header, key)
    }

    /// A key for one purpose. It depends on everything that decides who can decrypt.
    pub(crate) fn derive(&self, base_key: &SecretBytes, purpose: Purpose) -> SecretBytes {
        let services = self.services.iter().map(|service| service.server);
        derive(
            base_key,
            purpose,
            self.threshold,
            &self.encrypted_shares,
            services,
        )
    }
}

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Randomness = 0,
    Dem = 1,
}

pub(crate) fn derive(
    base_key: &SecretBytes,
    purpose: Purpose,
    threshold: u8,
    encrypted_shares: &[[u8; KEY_LENGTH]],
    servers: impl Iterator<Item = ObjectId>,
) -> SecretBytes {
    let mut hash = Sha3_256::new();
    hash.update(DST_DERIVE_KEY);
    hash.update(**base_key);
    hash.update([purpose as u8, threshold]);
    for share in encrypted_shares {
        hash.update(share);
    }
    for server in servers {
        hash.update(server.0);
    }
    Zeroizing::new(hash.finalize().into())
}

/// The recipient of each share, in the order of shares.
fn per_share(servers: &ServerSet) -> impl Iterator<Item = &Recipient> {
    let recipients = servers.recipients.iter();
    recipients.flat_map(|it| std::iter::repeat_n(it, usize::from(it.weight.get())))
}

fn services(servers: &ServerSet, shares: &[Share]) -> Vec<Service> {
    per_share(servers)
        .zip(shares)
        .map(|(recipient, share)| Service {
            server: recipient.server,
            index: share.index,
        })
        .collect()
}

/// One pairing for each server, whatever its weight.
fn encrypt_shares(
    servers: &ServerSet,
    shares: &[Share],
    randomness: &Scalar,
    encapsulation: &Encapsulation,
) -> Vec<[u8; KEY_LENGTH]> {
    let shared_with = encapsulation.shared_by_randomness(randomness);
    let mut shares = shares.iter();
    let mut encrypted = Vec::with_capacity(servers.weight());
    for recipient in &servers.recipients {
        let secret = shared_with(&recipient.public_key);
        for share in shares.by_ref().take(usize::from(recipient.weight.get())) {
            let key = encapsulation.share_key(&secret, recipient.server, share.index.get());
            encrypted.push(ibe::xor(&share.value, &key));
        }
    }
    encrypted
}
