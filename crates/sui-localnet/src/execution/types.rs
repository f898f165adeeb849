//! What goes into an execution and what comes out.

use sui_sdk_types::{
    Address, Argument, Digest, Object, TransactionEffects, TransactionEvents, TypeTag, Version,
};

/// The live objects a transaction executes against.
pub trait ObjectSource: Send + Sync {
    /// The newest version of an object that exists: neither deleted nor wrapped.
    fn object(&self, id: &Address) -> Option<Object>;

    /// Whether a transaction received the object when it had this version. The version may be named
    /// as received once more: the transaction then executes, and fails where it receives.
    fn was_received(&self, id: &Address, version: Version) -> bool;
}

/// What transactions see of the chain besides objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEnv {
    /// Current epoch.
    pub epoch: u64,
    /// When the epoch began, in milliseconds since the Unix epoch.
    pub epoch_start_ms: u64,
    /// Reference gas price, in MIST per unit.
    pub reference_gas_price: u64,
    /// Digest of the genesis checkpoint.
    pub chain_id: Digest,
}

/// Whether an execution counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For real: every check applies.
    Commit,
    /// As if. The caller keeps nothing of it.
    Simulate {
        /// Whether the rules of real execution apply. Without them private functions may be called,
        /// values may be left over, ownership of inputs is not checked, and gas is not enforced.
        checks: bool,
        /// Whether a coin made up for the occasion pays when the transaction names none.
        mock_gas: bool,
    },
}

/// The outcome of an executed transaction, be it success or failure.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The effects.
    pub effects: TransactionEffects,
    /// Events; `None` when there are none.
    pub events: Option<TransactionEvents>,
    /// New and changed objects, at their new version.
    pub written: Vec<Object>,
    /// Objects that are live no more: deleted or wrapped.
    pub removed: Vec<Address>,
    /// Versions before the transaction of every object it loaded: inputs, gas coins, children.
    pub inputs: Vec<Object>,
    /// What each executed command returned.
    pub command_outputs: Vec<CommandOutput>,
    /// Why the execution failed, in words, beyond what the status can say.
    pub failure_detail: Option<String>,
}

/// What a command returned. Types have defining ids, values are BCS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// Results in order.
    pub returned: Vec<(TypeTag, Vec<u8>)>,
    /// Arguments passed by mutable reference, with their value afterwards.
    pub mutated: Vec<(Argument, TypeTag, Vec<u8>)>,
}
