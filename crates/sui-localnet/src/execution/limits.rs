//! Named limits and prices of the protocol this chain follows.

/// MIST per computation unit that validators ask for.
pub const REFERENCE_GAS_PRICE: u64 = 1_000;
/// Exclusive upper bound of the gas price, in MIST per unit.
pub const GAS_PRICE_MAX: u64 = 50_000_000_000;
/// Largest gas budget, in MIST.
pub const GAS_BUDGET_MAX: u64 = 50_000_000_000_000;
/// Fewest computation units a transaction is charged.
pub const BASE_UNITS_MIN: u64 = 1_000;
/// Most computation units a transaction may use.
pub const COMPUTATION_UNITS_MAX: u64 = 5_000_000;
/// Computation units per byte of loaded input objects.
pub const INPUT_READ_UNITS_PER_BYTE: u64 = 15;
/// Computation units per byte of published modules.
pub const PUBLISH_UNITS_PER_BYTE: u64 = 80;
/// Storage units per byte of a written object.
pub const STORAGE_UNITS_PER_BYTE: u64 = 100;
/// MIST per storage unit.
pub const STORAGE_GAS_PRICE: u64 = 76;
/// Bytes charged per object on top of its own size.
pub const OBJECT_METADATA_BYTES: u64 = 80;
/// Part of an object's storage rebate that is paid back, in basis points.
pub const STORAGE_REBATE_RATE: u64 = 9_900;
/// Basis points in the whole.
pub const BASIS_POINTS: u64 = 10_000;

/// Bytes of a serialized transaction.
pub const TRANSACTION_BYTES_MAX: u64 = 131_072;
/// Input objects of a transaction: gas, arguments and packages.
pub const INPUT_OBJECTS_MAX: u64 = 2_048;
/// Gas coins of a transaction.
pub const GAS_OBJECTS_MAX: u64 = 256;
/// Exclusive upper bound of the number of commands.
pub const COMMANDS_MAX: u64 = 1_024;
/// Exclusive upper bound of the arguments of one command.
pub const ARGUMENTS_MAX: u64 = 512;
/// Exclusive upper bound of the type arguments of one command.
pub const TYPE_ARGUMENTS_MAX: u64 = 16;
/// Deepest nesting of a type argument.
pub const TYPE_ARGUMENT_DEPTH_MAX: u64 = 16;
/// Exclusive upper bound of the bytes of a pure argument.
pub const PURE_BYTES_MAX: u64 = 16_384;
/// Modules of one published package.
pub const PACKAGE_MODULES_MAX: u64 = 64;
/// Dependencies of one published package.
pub const PACKAGE_DEPENDENCIES_MAX: u64 = 32;
/// Publish and upgrade commands of one transaction.
pub const PUBLISH_COMMANDS_MAX: u64 = 5;
/// Bytes of a package object.
pub const PACKAGE_BYTES_MAX: u64 = 102_400;
/// Bytes of a Move object's contents.
pub const OBJECT_BYTES_MAX: u64 = 256_000;
/// Bytes of all objects that one transaction writes.
pub const WRITTEN_BYTES_MAX: u64 = 5_000_000;
/// Bytes of serialized effects.
pub const EFFECTS_BYTES_MAX: u64 = 524_288;
/// Events of one transaction.
pub const EVENTS_MAX: usize = 1_024;
/// Bytes of one event.
pub const EVENT_BYTES_MAX: usize = 256_000;
/// Bytes of all events of one transaction.
pub const EVENTS_BYTES_MAX: usize = 65_536_000;
/// New, deleted and transferred object ids of one transaction, each.
pub const OBJECT_IDS_MAX: usize = 2_048;
/// Dynamic-field children one transaction touches.
pub const CHILDREN_MAX: usize = 1_000;

/// Balance of the coin that pays for a simulation without payment, in MIST.
pub const MOCK_GAS_BALANCE: u64 = 1_000_000_000_000_000_000;
