//! Natives of the hash and signature modules.

use move_vm::{NativeError, Value};

use super::{Call, Outcome};
use crate::{
    crypto::{bls, hashes, signatures},
    execution::runtime::ObjectRuntime,
};

/// Units per byte of a message, and again per block that the hash function takes it in.
const BYTE_UNITS: u64 = 2;
/// Bytes of a block of BLAKE2b and SHA-512.
const BLAKE2B_BLOCK: usize = 128;
/// Bytes of a block of Keccak-256 and SHA3-256.
const KECCAK_BLOCK: usize = 136;
/// Bytes of a block of SHA-256.
const SHA256_BLOCK: usize = 64;
/// Bytes that an HMAC hashes besides key and message, to the last byte of their last block.
const HMAC_EXTRA_BYTES: usize = 270;

/// Units of an ECDSA operation with a hash function that does not exist.
const UNKNOWN_HASH_UNITS: u64 = 100;
const K1_VERIFY_UNITS: u64 = 1_470;
const K1_RECOVER_UNITS: u64 = 500;
const R1_VERIFY_UNITS: u64 = 4_225;
const R1_RECOVER_UNITS: u64 = 1_173;

impl Call<'_, '_> {
    /// Charges for hashing `length` bytes in blocks of `block` bytes.
    fn charge_hash(&mut self, length: usize, block: usize) -> Result<(), NativeError> {
        self.ctx.charge_each(length, BYTE_UNITS)?;
        self.ctx.charge_each(length.div_ceil(block), BYTE_UNITS)
    }

    /// Charges for an ECDSA operation: `units`, and hashing the message with the function named.
    fn charge_ecdsa(&mut self, units: u64, hash: u8, length: usize) -> Result<(), NativeError> {
        let block = match hash {
            0 => KECCAK_BLOCK,
            1 => SHA256_BLOCK,
            _ => return self.ctx.charge(UNKNOWN_HASH_UNITS),
        };
        self.ctx.charge(units)?;
        self.charge_hash(length, block)
    }
}

pub(super) fn blake2b256(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let data = call.args.pop_bytes()?;
    call.charge_hash(data.len(), BLAKE2B_BLOCK)?;
    Ok(vec![Value::bytes(hashes::blake2b256(&data))])
}

pub(super) fn keccak256(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let data = call.args.pop_bytes()?;
    call.charge_hash(data.len(), KECCAK_BLOCK)?;
    Ok(vec![Value::bytes(hashes::keccak256(&data))])
}

pub(super) fn hmac_sha3_256(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let message = call.args.pop_bytes()?;
    let key = call.args.pop_bytes()?;
    let length = message.len() + key.len();
    call.ctx.charge_each(length, BYTE_UNITS)?;
    let blocks = (length + HMAC_EXTRA_BYTES) / KECCAK_BLOCK;
    call.ctx.charge_each(blocks, BYTE_UNITS)?;
    Ok(vec![Value::bytes(hashes::hmac_sha3_256(&key, &message))])
}

pub(super) fn bls_min_pk_verify(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    verify_signature(call, SHA256_BLOCK, bls::min_pk_verify)
}

pub(super) fn bls_min_sig_verify(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    verify_signature(call, SHA256_BLOCK, bls::min_sig_verify)
}

pub(super) fn ed25519_verify(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    verify_signature(call, BLAKE2B_BLOCK, signatures::ed25519_verify)
}

/// Runs `verify(signature, public key, message)`, whose hash function takes blocks of `block`
/// bytes.
fn verify_signature(
    call: &mut Call<'_, '_>,
    block: usize,
    verify: impl Fn(&[u8], &[u8], &[u8]) -> bool,
) -> Outcome {
    let message = call.args.pop_bytes()?;
    let public_key = call.args.pop_bytes()?;
    let signature = call.args.pop_bytes()?;
    call.charge_hash(message.len(), block)?;
    Ok(vec![Value::Bool(verify(&signature, &public_key, &message))])
}

pub(super) fn secp256k1_verify(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    ecdsa_verify(call, K1_VERIFY_UNITS, signatures::secp256k1_verify)
}

pub(super) fn secp256r1_verify(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    ecdsa_verify(call, R1_VERIFY_UNITS, signatures::secp256r1_verify)
}

pub(super) fn secp256k1_recover(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    ecdsa_recover(call, K1_RECOVER_UNITS, signatures::secp256k1_recover)
}

pub(super) fn secp256r1_recover(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    ecdsa_recover(call, R1_RECOVER_UNITS, signatures::secp256r1_recover)
}

pub(super) fn secp256k1_decompress(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let public_key = call.args.pop_bytes()?;
    let key = signatures::secp256k1_decompress(&public_key).map_err(NativeError::Abort)?;
    Ok(vec![Value::bytes(key)])
}

fn ecdsa_verify(
    call: &mut Call<'_, '_>,
    units: u64,
    verify: impl Fn(&[u8], &[u8], &[u8], u8) -> bool,
) -> Outcome {
    let hash = call.args.pop_u8()?;
    let message = call.args.pop_bytes()?;
    let public_key = call.args.pop_bytes()?;
    let signature = call.args.pop_bytes()?;
    call.charge_ecdsa(units, hash, message.len())?;
    let valid = verify(&signature, &public_key, &message, hash);
    Ok(vec![Value::Bool(valid)])
}

fn ecdsa_recover(
    call: &mut Call<'_, '_>,
    units: u64,
    recover: impl Fn(&[u8], &[u8], u8) -> Result<Vec<u8>, u64>,
) -> Outcome {
    let hash = call.args.pop_u8()?;
    let message = call.args.pop_bytes()?;
    let signature = call.args.pop_bytes()?;
    call.charge_ecdsa(units, hash, message.len())?;
    let public_key = recover(&signature, &message, hash).map_err(NativeError::Abort)?;
    Ok(vec![Value::bytes(public_key)])
}
