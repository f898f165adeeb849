//! Conversions between our identifiers and those of the Sui SDK. Both are 32 bytes; the types keep
//! objects and accounts apart, which the SDK does not.

use sui_sdk_types::Address;
use walrus_core::{ObjectId, SuiAddress};

/// The framework's Clock.
pub(crate) const CLOCK: Address = Address::from_static("0x6");

/// The SDK's form of an object ID.
pub fn object_address(id: ObjectId) -> Address {
    Address::new(id.0)
}

/// The SDK's form of an account address.
pub fn account_address(address: SuiAddress) -> Address {
    Address::new(address.0)
}

/// Our form of an SDK address that names an object.
pub fn object_id(address: Address) -> ObjectId {
    ObjectId(address.into_inner())
}

/// Our form of an SDK address that names an account.
pub fn sui_address(address: Address) -> SuiAddress {
    SuiAddress(address.into_inner())
}
