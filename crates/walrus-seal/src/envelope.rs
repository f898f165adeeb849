//! Large content, encrypted and decrypted in chunks: memory is bounded, and nothing is given out
//! that was not authenticated.
//!
//! Layout:
//!
//! | Bytes | What |
//! |---|---|
//! | 8 | `WALENV1\0` |
//! | 4, little-endian | length of the encrypted object that follows |
//! | as long | an encrypted object without content ([`Ciphertext::Plain`]): its key is that of the chunks |
//! | 4, little-endian | length of a chunk of content, in bytes |
//! | the rest | chunks: AES-256-GCM of the content, each with its tag of 16 bytes |
//!
//! The nonce of chunk *i* is *i* as 8 bytes, little-endian, then 3 zeros, then 1 for the last chunk
//! and 0 for any other. So chunks cannot be moved, left out or repeated, and the end cannot be cut
//! off. All but the last chunk are full; the last one may be shorter, and is empty only if all of
//! the content is.
//!
//! The additional data of each chunk is the SHA3-256 of the magic and the length of chunks. The
//! encrypted object is left out, so that the key servers can be exchanged by encrypting the key
//! anew, without touching the chunks.

use sha3::{Digest as _, Sha3_256};
use stdx::SaturatingFrom as _;
use thiserror::Error;

use crate::{
    dem::{AES_TAG_LENGTH, ChunkCipher, NotAuthentic},
    encrypt::DemKey,
    object::{Ciphertext, EncryptedObject, ObjectError},
};

/// What envelopes begin with.
pub const MAGIC: [u8; 8] = *b"WALENV1\0";
/// Length of a chunk of content, unless chosen otherwise.
pub const CHUNK_LENGTH: u32 = 1 << 20;
/// Longest chunk that is decrypted: what a stranger can make a reader hold in memory.
pub const CHUNK_LENGTH_MAX: u32 = 16 << 20;
/// Longest encrypted object without content: 254 services and an identity of 64 KiB.
const OBJECT_LENGTH_MAX: u32 = 128 << 10;
/// Content is larger than a file can be before chunk numbers run out.
const CHUNKS_MAX: u64 = 1 << 40;

/// Why bytes are no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// They do not begin as one.
    #[error("it is no envelope: it begins with other bytes")]
    Magic,
    /// They end inside the header.
    #[error("the envelope ends inside its header")]
    Truncated,
    /// The encrypted object is too long.
    #[error("the encrypted key of {0} bytes is longer than {OBJECT_LENGTH_MAX}")]
    ObjectTooLong(u32),
    /// The encrypted object cannot be decoded.
    #[error("the encrypted key of the envelope is invalid: {0}")]
    Object(#[from] ObjectError),
    /// The encrypted object has content of its own.
    #[error("the encrypted key of the envelope has content, which it should not")]
    HasContent,
    /// Chunks have an impossible length.
    #[error("chunks of {0} bytes are not between 1 and {CHUNK_LENGTH_MAX}")]
    ChunkLength(u32),
    /// A chunk was changed, moved, or is missing.
    #[error("chunk {index}: {source}")]
    Chunk {
        /// Which one, from 0.
        index: u64,
        /// What is wrong with it.
        source: NotAuthentic,
    },
    /// There are too many chunks.
    #[error("the content is too long for its chunks")]
    TooManyChunks,
}

/// What comes before the chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeHeader {
    /// For whom: an encrypted object without content.
    pub object: EncryptedObject,
    /// Length of a chunk of content, in bytes.
    pub chunk_length: u32,
}

/// Length of what comes before the encrypted object.
pub const PREFIX_LENGTH: usize = 12;

/// How long the rest of the header is, from its first [`PREFIX_LENGTH`] bytes.
pub fn rest_of_header(prefix: &[u8; PREFIX_LENGTH]) -> Result<usize, EnvelopeError> {
    let (magic, length) = prefix.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(EnvelopeError::Magic);
    }
    let length = length.try_into().map(u32::from_le_bytes);
    let length = length.expect("the prefix ends with 4 bytes");
    if length > OBJECT_LENGTH_MAX {
        return Err(EnvelopeError::ObjectTooLong(length));
    }
    Ok(length as usize + 4)
}

/// Whether bytes begin as an envelope does.
pub fn is_envelope(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

impl EnvelopeHeader {
    /// A header for content in chunks of this length. `object` must have no content.
    pub fn new(object: EncryptedObject, chunk_length: u32) -> Result<Self, EnvelopeError> {
        if object.ciphertext != Ciphertext::Plain {
            return Err(EnvelopeError::HasContent);
        }
        if !(1..=CHUNK_LENGTH_MAX).contains(&chunk_length) {
            return Err(EnvelopeError::ChunkLength(chunk_length));
        }
        Ok(Self {
            object,
            chunk_length,
        })
    }

    /// Decodes a header, and says how long it was.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, usize), EnvelopeError> {
        let prefix = bytes.first_chunk().ok_or(EnvelopeError::Truncated)?;
        let length = PREFIX_LENGTH + rest_of_header(prefix)?;
        let rest = bytes
            .get(PREFIX_LENGTH..length)
            .ok_or(EnvelopeError::Truncated)?;
        Ok((Self::from_rest(rest)?, length))
    }

    /// Decodes what comes after the prefix.
    pub fn from_rest(rest: &[u8]) -> Result<Self, EnvelopeError> {
        let (object, chunk_length) = rest.split_last_chunk().ok_or(EnvelopeError::Truncated)?;
        Self::new(
            EncryptedObject::from_bytes(object)?,
            u32::from_le_bytes(*chunk_length),
        )
    }

    /// Encodes the header.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        let object = self.object.to_bytes();
        let length = u32::saturating_from(object.len());
        if length > OBJECT_LENGTH_MAX {
            return Err(EnvelopeError::ObjectTooLong(length));
        }
        let mut out = Vec::with_capacity(PREFIX_LENGTH + object.len() + 4);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&object);
        out.extend_from_slice(&self.chunk_length.to_le_bytes());
        Ok(out)
    }

    /// What encrypts and decrypts the chunks.
    pub fn chunks(&self, key: &DemKey) -> Chunks {
        Chunks {
            cipher: ChunkCipher::new(key.as_bytes()),
            aad: Sha3_256::new()
                .chain_update(MAGIC)
                .chain_update(self.chunk_length.to_le_bytes())
                .finalize()
                .into(),
        }
    }

    /// Length of an encrypted chunk that is full.
    pub fn encrypted_chunk_length(&self) -> usize {
        self.chunk_length as usize + AES_TAG_LENGTH
    }
}

/// Encrypts and decrypts chunks. They are independent of each other, so several can be done at
/// once.
#[derive(Clone)]
pub struct Chunks {
    cipher: ChunkCipher,
    aad: [u8; 32],
}

/// Which chunk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkPosition {
    /// From 0.
    pub index: u64,
    /// Whether it ends the content.
    pub is_last: bool,
}

impl ChunkPosition {
    fn nonce(self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.index.to_le_bytes());
        nonce[11] = u8::from(self.is_last);
        nonce
    }
}

impl Chunks {
    /// Encrypts a chunk in its place and appends its tag.
    pub fn encrypt(
        &self,
        position: ChunkPosition,
        chunk: &mut Vec<u8>,
    ) -> Result<(), EnvelopeError> {
        if position.index >= CHUNKS_MAX {
            return Err(EnvelopeError::TooManyChunks);
        }
        self.cipher
            .encrypt(position.nonce(), &self.aad, chunk)
            .map_err(|_| EnvelopeError::TooManyChunks)
    }

    /// Decrypts a chunk in its place and removes its tag. Nothing of it is to be used if this
    /// fails.
    pub fn decrypt(
        &self,
        position: ChunkPosition,
        chunk: &mut Vec<u8>,
    ) -> Result<(), EnvelopeError> {
        self.cipher
            .decrypt(position.nonce(), &self.aad, chunk)
            .map_err(|source| EnvelopeError::Chunk {
                index: position.index,
                source,
            })
    }
}
