//! Natives of the hash and signature modules.

use super::{Call, Outcome};
use crate::crypto::{bls, hashes, signatures};
use move_vm::{NativeError, Value};

/// Work of a BLS verification: two pairings and hashing to the curve.
const BLS_UNITS: u64 = 500;
/// Work of verifying or recovering another signature.
const SIGNATURE_UNITS: u64 = 50;

pub(super) fn hash(call: &mut Call<'_, '_>) -> Outcome {
    let function: fn(&[u8]) -> [u8; 32] = match call.function {
        "blake2b256" => hashes::blake2b256,
        "keccak256" => hashes::keccak256,
        _ => return Err(NativeError::Unsupported),
    };
    let data = call.args.pop_bytes()?;
    call.ctx.charge_bytes(data.len())?;
    Ok(vec![Value::bytes(function(&data))])
}

pub(super) fn hmac(call: &mut Call<'_, '_>) -> Outcome {
    if call.function != "hmac_sha3_256" {
        return Err(NativeError::Unsupported);
    }
    let message = call.args.pop_bytes()?;
    let key = call.args.pop_bytes()?;
    call.ctx.charge_bytes(message.len() + key.len())?;
    Ok(vec![Value::bytes(hashes::hmac_sha3_256(&key, &message))])
}

pub(super) fn bls12381(call: &mut Call<'_, '_>) -> Outcome {
    let verify = match call.function {
        "bls12381_min_pk_verify" => bls::min_pk_verify,
        "bls12381_min_sig_verify" => bls::min_sig_verify,
        _ => return Err(NativeError::Unsupported),
    };
    verify_signature(call, BLS_UNITS, verify)
}

pub(super) fn ed25519(call: &mut Call<'_, '_>) -> Outcome {
    if call.function != "ed25519_verify" {
        return Err(NativeError::Unsupported);
    }
    verify_signature(call, SIGNATURE_UNITS, signatures::ed25519_verify)
}

/// Runs `verify(signature, public key, message)`.
fn verify_signature(
    call: &mut Call<'_, '_>,
    units: u64,
    verify: impl Fn(&[u8], &[u8], &[u8]) -> bool,
) -> Outcome {
    let message = call.args.pop_bytes()?;
    let public_key = call.args.pop_bytes()?;
    let signature = call.args.pop_bytes()?;
    call.ctx.charge(units)?;
    call.ctx.charge_bytes(message.len())?;
    Ok(vec![Value::Bool(verify(&signature, &public_key, &message))])
}

pub(super) fn ecdsa_k1(call: &mut Call<'_, '_>) -> Outcome {
    match call.function {
        "secp256k1_verify" => ecdsa_verify(call, signatures::secp256k1_verify),
        "decompress_pubkey" => {
            let public_key = call.args.pop_bytes()?;
            call.ctx.charge(SIGNATURE_UNITS)?;
            let key = signatures::secp256k1_decompress(&public_key).map_err(NativeError::Abort)?;
            Ok(vec![Value::bytes(key)])
        }
        "secp256k1_ecrecover" => ecdsa_recover(call, signatures::secp256k1_recover),
        _ => Err(NativeError::Unsupported),
    }
}

pub(super) fn ecdsa_r1(call: &mut Call<'_, '_>) -> Outcome {
    match call.function {
        "secp256r1_verify" => ecdsa_verify(call, signatures::secp256r1_verify),
        "secp256r1_ecrecover" => ecdsa_recover(call, signatures::secp256r1_recover),
        _ => Err(NativeError::Unsupported),
    }
}

fn ecdsa_verify(
    call: &mut Call<'_, '_>,
    verify: impl Fn(&[u8], &[u8], &[u8], u8) -> bool,
) -> Outcome {
    let hash = call.args.pop_u8()?;
    verify_signature(call, SIGNATURE_UNITS, |signature, public_key, message| {
        verify(signature, public_key, message, hash)
    })
}

fn ecdsa_recover(
    call: &mut Call<'_, '_>,
    recover: impl Fn(&[u8], &[u8], u8) -> Result<Vec<u8>, u64>,
) -> Outcome {
    let hash = call.args.pop_u8()?;
    let message = call.args.pop_bytes()?;
    let signature = call.args.pop_bytes()?;
    call.ctx.charge(SIGNATURE_UNITS)?;
    call.ctx.charge_bytes(message.len())?;
    let public_key = recover(&signature, &message, hash).map_err(NativeError::Abort)?;
    Ok(vec![Value::bytes(public_key)])
}
