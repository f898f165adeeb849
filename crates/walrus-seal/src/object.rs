//! Encrypted objects: who can decrypt what, and the content.

use std::num::NonZeroU8;

use thiserror::Error;
use walrus_core::ObjectId;

use crate::{
    curve::{G2_LENGTH, InvalidEncoding, Nonce},
    ibe::{Identity, KEY_LENGTH},
    wire::{Reader, WireError, put_bytes, put_length, put_option},
};

/// The only version there is.
const VERSION: u8 = 0;
/// Boneh-Franklin encryption over BLS12-381.
const KEM_BONEH_FRANKLIN: usize = 0;
const CIPHERTEXT_AES: usize = 0;
const CIPHERTEXT_HMAC: usize = 1;
const CIPHERTEXT_PLAIN: usize = 2;
/// A service in bytes: its ID and the index of its share.
const SERVICE_LENGTH: usize = 33;

/// Why bytes are no encrypted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// The encoding is broken.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It is of a version that we do not know.
    #[error("version {0} of encrypted objects is not known")]
    UnknownVersion(u8),
    /// Shares are encrypted in a way that we do not know.
    #[error("shares are encrypted in a way that is not known ({0})")]
    UnknownKem(usize),
    /// Content is encrypted in a way that we do not know.
    #[error("the content is encrypted in a way that is not known ({0})")]
    UnknownCiphertext(usize),
    /// Not every service has one share.
    #[error("there are {shares} shares for {services} services")]
    ShareCount {
        /// How many encrypted shares there are.
        shares: usize,
        /// How many services there are.
        services: usize,
    },
    /// The threshold is 0 or cannot be reached.
    #[error("a threshold of {threshold} is impossible with {services} shares")]
    InvalidThreshold {
        /// The threshold.
        threshold: u8,
        /// How many services there are.
        services: usize,
    },
    /// A share would be the key itself.
    #[error("a share has index 0")]
    ZeroIndex,
    /// Two shares have the same index.
    #[error("two shares have index {0}")]
    DuplicateIndex(NonZeroU8),
    /// The nonce is no usable point.
    #[error("the nonce is invalid: {0}")]
    InvalidNonce(InvalidEncoding),
}

/// A share at a key server. A server of weight *w* has *w* of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The key server's object.
    pub server: ObjectId,
    /// Index of the share.
    pub index: NonZeroU8,
}

/// Under what the key of an object is encrypted, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What key servers are asked for.
    pub identity: Identity,
    /// The shares. Their indices are distinct.
    pub services: Vec<Service>,
    /// How many shares are needed: from 1 to the number of services.
    pub threshold: u8,
    /// Public randomness.
    pub nonce: Nonce,
    /// As many as there are services.
    pub encrypted_shares: Vec<[u8; KEY_LENGTH]>,
    /// What the nonce was made from, for those who can decrypt.
    pub encrypted_randomness: [u8; KEY_LENGTH],
}

impl Header {
    /// Distinct key servers, in the order of the object, and how many shares each has.
    pub fn servers(&self) -> Vec<(ObjectId, usize)> {
        let mut servers: Vec<(ObjectId, usize)> = Vec::new();
        for service in &self.services {
            match servers.iter_mut().find(|(id, _)| *id == service.server) {
                Some((_, weight)) => *weight += 1,
                None => servers.push((service.server, 1)),
            }
        }
        servers
    }
}

/// Encrypted content. Additional authenticated data is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ciphertext {
    /// AES-256-GCM.
    Aes256Gcm {
        /// Ciphertext and tag.
        blob: Vec<u8>,
        /// Authenticated, not encrypted. None and nothing are the same to the cipher.
        aad: Option<Vec<u8>>,
    },
    /// HMAC-SHA3-256 in counter mode.
    Hmac256Ctr {
        /// Ciphertext.
        blob: Vec<u8>,
        /// Authenticated, not encrypted. None and nothing are the same to the cipher.
        aad: Option<Vec<u8>>,
        /// Authentication code.
        mac: [u8; KEY_LENGTH],
    },
    /// No content: the key is what is decrypted.
    Plain,
}

impl Ciphertext {
    /// Length of the encrypted content, in bytes.
    pub fn length(&self) -> usize {
        match self {
            Self::Aes256Gcm { blob, .. } | Self::Hmac256Ctr { blob, .. } => blob.len(),
            Self::Plain => 0,
        }
    }

    /// What is authenticated and not encrypted.
    pub fn aad(&self) -> Option<&[u8]> {
        match self {
            Self::Aes256Gcm { aad, .. } | Self::Hmac256Ctr { aad, .. } => aad.as_deref(),
            Self::Plain => None,
        }
    }
}

/// An encrypted object, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedObject {
    /// For whom.
    pub header: Header,
    /// What.
    pub ciphertext: Ciphertext,
}

impl EncryptedObject {
    /// Decodes an object. Nothing may follow it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ObjectError> {
        let mut reader = Reader::new(bytes);
        let header = read_header(&mut reader)?;
        let ciphertext = read_ciphertext(&mut reader)?;
        reader.end()?;
        Ok(Self { header, ciphertext })
    }

    /// Encodes the object.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_length());
        put_header(&mut out, &self.header);
        put_ciphertext(&mut out, &self.ciphertext);
        out
    }

    /// About how long the encoding is: enough, and not much more.
    fn encoded_length(&self) -> usize {
        const FIXED: usize = 256;
        let aad = self.ciphertext.aad().map_or(0, <[u8]>::len);
        let header = &self.header;
        let shares = header.services.len() * (SERVICE_LENGTH + KEY_LENGTH);
        FIXED + header.identity.inner.len() + shares + self.ciphertext.length() + aad
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<Header, ObjectError> {
    let version = reader.byte()?;
    if version != VERSION {
        return Err(ObjectError::UnknownVersion(version));
    }
    let package = ObjectId(*reader.array()?);
    let inner = reader.bytes()?.to_vec();
    let services = read_services(reader)?;
    let threshold = reader.byte()?;
    if threshold == 0 || usize::from(threshold) > services.len() {
        return Err(ObjectError::InvalidThreshold {
            threshold,
            services: services.len(),
        });
    }
    let kem = reader.length()?;
    if kem != KEM_BONEH_FRANKLIN {
        return Err(ObjectError::UnknownKem(kem));
    }
    let nonce = reader.array::<G2_LENGTH>()?;
    let shares = reader.length()?;
    if shares != services.len() {
        return Err(ObjectError::ShareCount {
            shares,
            services: services.len(),
        });
    }
    let encrypted_shares = (0..shares)
        .map(|_| reader.array().copied())
        .collect::<Result<_, _>>()?;
    Ok(Header {
        identity: Identity { package, inner },
        services,
        threshold,
        nonce: Nonce::from_bytes(nonce).map_err(ObjectError::InvalidNonce)?,
        encrypted_shares,
        encrypted_randomness: *reader.array()?,
    })
}

fn read_services(reader: &mut Reader<'_>) -> Result<Vec<Service>, ObjectError> {
    let count = reader.length()?;
    if count > reader.remaining() / SERVICE_LENGTH {
        return Err(WireError::Truncated.into());
    }
    let mut seen = [false; 256];
    (0..count)
        .map(|_| {
            let server = ObjectId(*reader.array()?);
            let index = NonZeroU8::new(reader.byte()?).ok_or(ObjectError::ZeroIndex)?;
            if std::mem::replace(&mut seen[usize::from(index.get())], true) {
                return Err(ObjectError::DuplicateIndex(index));
            }
            Ok(Service { server, index })
        })
        .collect()
}

fn read_ciphertext(reader: &mut Reader<'_>) -> Result<Ciphertext, ObjectError> {
    let owned = |aad: Option<&[u8]>| aad.map(<[u8]>::to_vec);
    match reader.length()? {
        CIPHERTEXT_AES => Ok(Ciphertext::Aes256Gcm {
            blob: reader.bytes()?.to_vec(),
            aad: owned(reader.option()?),
        }),
        CIPHERTEXT_HMAC => Ok(Ciphertext::Hmac256Ctr {
            blob: reader.bytes()?.to_vec(),
            aad: owned(reader.option()?),
            mac: *reader.array()?,
        }),
        CIPHERTEXT_PLAIN => Ok(Ciphertext::Plain),
        tag => Err(ObjectError::UnknownCiphertext(tag)),
    }
}

fn put_header(out: &mut Vec<u8>, header: &Header) {
    out.push(VERSION);
    out.extend_from_slice(&header.identity.package.0);
    put_bytes(out, &header.identity.inner);
    put_length(out, header.services.len());
    for service in &header.services {
        out.extend_from_slice(&service.server.0);
        out.push(service.index.get());
    }
    out.push(header.threshold);
    put_length(out, KEM_BONEH_FRANKLIN);
    out.extend_from_slice(&header.nonce.to_bytes());
    put_length(out, header.encrypted_shares.len());
    for share in &header.encrypted_shares {
        out.extend_from_slice(share);
    }
    out.extend_from_slice(&header.encrypted_randomness);
}

fn put_ciphertext(out: &mut Vec<u8>, ciphertext: &Ciphertext) {
    match ciphertext {
        Ciphertext::Aes256Gcm { blob, aad } => {
            put_length(out, CIPHERTEXT_AES);
            put_bytes(out, blob);
            put_option(out, aad.as_deref());
        }
        Ciphertext::Hmac256Ctr { blob, aad, mac } => {
            put_length(out, CIPHERTEXT_HMAC);
            put_bytes(out, blob);
            put_option(out, aad.as_deref());
            out.extend_from_slice(mac);
        }
        Ciphertext::Plain => put_length(out, CIPHERTEXT_PLAIN),
    }
}
