//! Encrypting content with a key that is used once.
//!
//! Both modes have a fixed nonce or none. That is sound only because every object has a key of its
//! own.

use aes_gcm::{
    AesGcm, KeyInit as _,
    aead::{AeadInPlace as _, consts::U16},
    aes::Aes256,
};
use hmac::{Hmac, Mac as _};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha3::Sha3_256;
use thiserror::Error;

use crate::ibe::{KEY_LENGTH, SecretBytes};

/// The nonce of every object: 16 bytes, so what GCM counts from is a hash of it.
const AES_NONCE: [u8; 16] = [
    0x8a, 0x37, 0x99, 0xfd, 0xc6, 0x2e, 0x79, 0xdb, 0xa0, 0x80, 0x59, 0x07, 0xd6, 0x9c, 0x94, 0xdc,
];
/// Bytes that AES-GCM adds to the content.
pub const AES_TAG_LENGTH: usize = 16;
const HMAC_ENC: &[u8] = b"HMAC-CTR-ENC";
const HMAC_MAC: &[u8] = b"HMAC-CTR-MAC";

type Aes = AesGcm<Aes256, U16>;
type HmacSha3 = Hmac<Sha3_256>;

/// The content was changed, or belongs to another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the content is not authentic: it was changed, or was encrypted with another key")]
pub struct NotAuthentic;

/// Content is too long for AES-GCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the content is longer than 64 GiB, more than one key can encrypt")]
pub struct TooLong;

/// How content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dem {
    /// AES-256-GCM: fast.
    #[default]
    Aes256Gcm,
    /// HMAC-SHA3-256 in counter mode: what Move code can decrypt.
    Hmac256Ctr,
}

pub(crate) fn aes_encrypt(
    key: &SecretBytes,
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, TooLong> {
    let mut blob = Vec::with_capacity(plaintext.len() + AES_TAG_LENGTH);
    blob.extend_from_slice(plaintext);
    let tag = Aes::new((&**key).into())
        .encrypt_in_place_detached(&AES_NONCE.into(), aad, &mut blob)
        .map_err(|_| TooLong)?;
    blob.extend_from_slice(&tag);
    Ok(blob)
}

pub(crate) fn aes_decrypt(
    key: &SecretBytes,
    aad: &[u8],
    blob: &[u8],
) -> Result<Vec<u8>, NotAuthentic> {
    let (ciphertext, tag) = blob
        .split_last_chunk::<AES_TAG_LENGTH>()
        .ok_or(NotAuthentic)?;
    let mut plaintext = ciphertext.to_vec();
    Aes::new((&**key).into())
        .decrypt_in_place_detached(&AES_NONCE.into(), aad, &mut plaintext, tag.into())
        .map_err(|_| NotAuthentic)?;
    Ok(plaintext)
}

/// Ciphertext and authentication code.
pub(crate) fn hmac_encrypt(
    key: &SecretBytes,
    aad: &[u8],
    plaintext: &[u8],
) -> (Vec<u8>, [u8; KEY_LENGTH]) {
    let ciphertext = hmac_stream(key, plaintext);
    let mac = hmac_mac(key, aad, &ciphertext).finalize();
    (ciphertext, mac.into_bytes().into())
}

pub(crate) fn hmac_decrypt(
    key: &SecretBytes,
    aad: &[u8],
    ciphertext: &[u8],
    mac: &[u8; KEY_LENGTH],
) -> Result<Vec<u8>, NotAuthentic> {
    hmac_mac(key, aad, ciphertext)
        .verify(mac.into())
        .map_err(|_| NotAuthentic)?;
    Ok(hmac_stream(key, ciphertext))
}

fn keyed(key: &SecretBytes) -> HmacSha3 {
    <HmacSha3 as hmac::Mac>::new_from_slice(&**key).expect("HMAC takes keys of any length")
}

fn hmac_stream(key: &SecretBytes, input: &[u8]) -> Vec<u8> {
    let keyed = keyed(key);
    let mut output = input.to_vec();
    for (counter, block) in (0u64..).zip(output.chunks_mut(KEY_LENGTH)) {
        let mut mac = keyed.clone();
        mac.update(HMAC_ENC);
        mac.update(&counter.to_le_bytes());
        for (byte, mask) in block.iter_mut().zip(mac.finalize().into_bytes()) {
            *byte ^= mask;
        }
    }
    output
}

fn hmac_mac(key: &SecretBytes, aad: &[u8], ciphertext: &[u8]) -> HmacSha3 {
    let mut mac = keyed(key);
    mac.update(HMAC_MAC);
    mac.update(&(aad.len() as u64).to_le_bytes());
    mac.update(aad);
    mac.update(ciphertext);
    mac
}

/// AES-256-GCM with nonces of 12 bytes, for chunks. It is the one of `ring`, which has assembly for
/// what the CPU offers, but takes no other nonces.
#[derive(Clone)]
pub(crate) struct ChunkCipher(LessSafeKey);

impl ChunkCipher {
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key is as long as it has to be");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts bytes in their place and appends their tag.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<(), TooLong> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(aad), bytes)
            .map_err(|_| TooLong)
    }

    /// Decrypts bytes in their place and removes their tag. Nothing is left of them if this fails.
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<(), NotAuthentic> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(aad), bytes);
        let length = opened.map(|content| content.len());
        bytes.truncate(length.unwrap_or(0));
        length.map(|_| ()).map_err(|_| NotAuthentic)
    }
}
