//! Natives of the zkLogin modules.

use move_vm::{NativeError, Value};
use sui_sdk_types::{Bn254FieldElement, ZkLoginPublicIdentifier};

use super::{Call, Outcome};
use crate::execution::runtime::ObjectRuntime;

/// What the framework says of an issuer that is no text.
const INVALID_INPUT: u64 = 0;

/// Whether an address follows from an issuer and the address seed of one of its users. Seeds that
/// begin with a zero have two addresses.
pub(super) fn check_issuer(_: &mut ObjectRuntime<'_>, call: &mut Call<'_, '_>) -> Outcome {
    let issuer =
        String::from_utf8(call.args.pop_bytes()?).map_err(|_| NativeError::Abort(INVALID_INPUT))?;
    let seed = Bn254FieldElement::new(call.args.pop()?.into_u256()?.to_be_bytes());
    let address = call.args.pop_address()?;
    // Issuers of more bytes than their length byte can say have no addresses.
    let follows = ZkLoginPublicIdentifier::new(issuer, seed)
        .is_some_and(|user| user.derive_address().any(|derived| derived == address));
    Ok(vec![Value::Bool(follows)])
}
