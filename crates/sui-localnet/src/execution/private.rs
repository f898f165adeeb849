//! Functions that not everybody may call, whatever their visibility says.

use move_vm::{Address, ModuleId};

/// Name of the functions that run once, at publishing, and are called by nobody.
pub(crate) const INIT: &str = "init";

/// Functions whose type argument must be a datatype of the calling module.
const PRIVATE_GENERICS: [(Address, &str, &[&str]); 4] = [
    (
        Address::FRAMEWORK,
        "transfer",
        &[
            "transfer",
            "freeze_object",
            "share_object",
            "receive",
            "party_transfer",
        ],
    ),
    (Address::FRAMEWORK, "event", &["emit", "emit_authenticated"]),
    (Address::STD, "internal", &["permit"]),
    (Address::FRAMEWORK, "coin_registry", &["new_currency"]),
];

/// Whether only the module that defines the type argument may call the function. A transaction is
/// no module.
pub(crate) fn is_private_generic(module: &ModuleId, function: &str) -> bool {
    PRIVATE_GENERICS.iter().any(|(address, name, functions)| {
        module.address == *address && module.name.as_str() == *name && functions.contains(&function)
    })
}
