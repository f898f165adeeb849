//! Reasons for which a transaction is refused before it executes. It then has no effects.

use sui_sdk_types::{Address, Digest, Version};
use thiserror::Error;
use tonic::Code;

/// An unusable input or an invalid transaction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InputError {
    /// The object does not exist (or not any more).
    #[error("Could not find the referenced object {id} at version {}", version_text(*version))]
    ObjectNotFound {
        /// The object.
        id: Address,
        /// The version asked for, if one was.
        version: Option<Version>,
    },
    /// Another version of the object is live.
    #[error(
        "Transaction needs to be rebuilt because object {id} version {} is unavailable for consumption, \
         current version: {}", hex_version(*version), hex_version(*current)
    )]
    VersionUnavailable {
        /// The object.
        id: Address,
        /// The version the transaction names.
        version: Version,
        /// The live version.
        current: Version,
    },
    /// The digest is not that of the object version.
    #[error(
        "Invalid Object digest for object {id}. Expected digest : {actual}, provided digest: {given}"
    )]
    DigestMismatch {
        /// The object.
        id: Address,
        /// Digest of the live object.
        actual: Digest,
        /// Digest in the transaction.
        given: Digest,
    },
    /// The object belongs to somebody else.
    #[error(
        "Object {id} is owned by account address {owner}, but given owner/signer address is {signer}"
    )]
    WrongOwner {
        /// The object.
        id: Address,
        /// Who owns it.
        owner: Address,
        /// Who would have to own it.
        signer: Address,
    },
    /// The object is a child of another object and cannot be an input.
    #[error(
        "Object {id} is owned by object {parent}. Objects owned by other objects cannot be used as input arguments"
    )]
    ChildObject {
        /// The object.
        id: Address,
        /// Its parent.
        parent: Address,
    },
    /// A shared object is passed as an owned one, or the other way round.
    #[error("Object {id} is {actual}, but the transaction uses it as {used}")]
    WrongKind {
        /// The object.
        id: Address,
        /// What it is.
        actual: &'static str,
        /// What the transaction takes it for.
        used: &'static str,
    },
    /// The initial version of a shared object is another.
    #[error("The initial shared version of object {id} is {actual}, not {given}")]
    WrongInitialVersion {
        /// The object.
        id: Address,
        /// Its initial shared version.
        actual: Version,
        /// The version in the transaction.
        given: Version,
    },
    /// A call or dependency names an object that is not a package.
    #[error("Move object {id} used as package")]
    NotAPackage {
        /// The object.
        id: Address,
    },
    /// A package is passed as an object.
    #[error("Move package {id} used as object")]
    PackageAsObject {
        /// The package.
        id: Address,
    },
    /// A called or listed package does not exist.
    #[error("Dependent package {id} not found on chain")]
    PackageNotFound {
        /// The package.
        id: Address,
    },
    /// A system object that transactions may only read.
    #[error("System object {id} must be passed by immutable reference")]
    ImmutableSystemObject {
        /// The object.
        id: Address,
    },
    /// A system object that transactions may not use at all.
    #[error("Inaccessible system object {id}")]
    InaccessibleSystemObject {
        /// The object.
        id: Address,
    },
    /// The same object appears twice among the inputs.
    #[error("Mutable object {id} cannot appear more than once in one transaction")]
    DuplicateInput {
        /// The object.
        id: Address,
    },
    /// A gas coin is not a coin of SUI that an address owns.
    #[error("Gas object {id} is not an owned object of type 0x2::coin::Coin<0x2::sui::SUI>")]
    InvalidGasObject {
        /// The object.
        id: Address,
    },
    /// No gas coin.
    #[error("Gas payment is missing: payment from address balances is not supported by this chain")]
    MissingGasPayment,
    /// The gas coins hold less than the budget.
    #[error("Balance of gas object {balance} is lower than the needed amount: {needed}")]
    GasBalanceTooLow {
        /// Sum of the coins, in MIST.
        balance: u128,
        /// The budget, in MIST.
        needed: u128,
    },
    /// The budget is above the limit.
    #[error("Gas budget: {budget} is higher than max: {max}")]
    GasBudgetTooHigh {
        /// The budget, in MIST.
        budget: u64,
        /// The limit, in MIST.
        max: u64,
    },
    /// The budget does not even cover the base cost.
    #[error("Gas budget: {budget} is lower than min: {min}")]
    GasBudgetTooLow {
        /// The budget, in MIST.
        budget: u64,
        /// The base cost, in MIST.
        min: u64,
    },
    /// The price is below the reference gas price.
    #[error("Gas price {price} under reference gas price (RGP) {reference}")]
    GasPriceTooLow {
        /// The price, in MIST per unit.
        price: u64,
        /// The reference gas price.
        reference: u64,
    },
    /// The price is not below the limit.
    #[error("Gas price cannot exceed {max} mist")]
    GasPriceTooHigh {
        /// The limit, in MIST per unit.
        max: u64,
    },
    /// The transaction lapsed, or is not valid yet, or is meant for another chain.
    #[error("Transaction expired: {0}")]
    Expired(String),
    /// A limit on the transaction's size or shape.
    #[error("Size limit exceeded: {limit} is {max}")]
    SizeLimit {
        /// What is limited.
        limit: &'static str,
        /// The limit.
        max: u64,
    },
    /// A command without the arguments it is about.
    #[error("Empty command input: command {command}")]
    EmptyCommandInput {
        /// Position of the command.
        command: usize,
    },
    /// Anything else about the transaction's form.
    #[error("{0}")]
    Invalid(String),
    /// Something the protocol has and this chain leaves out.
    #[error("Feature is not supported by this chain: {0}")]
    Unsupported(&'static str),
}

impl InputError {
    /// The gRPC code that tells the client about it.
    pub const fn code(&self) -> Code {
        Code::InvalidArgument
    }
}

/// Versions of objects are shown in hexadecimal, as clients match them.
fn hex_version(version: Version) -> String {
    format!("{version:#x}")
}

fn version_text(version: Option<Version>) -> String {
    version.map_or_else(
        || "None".to_owned(),
        |version| format!("Some({})", hex_version(version)),
    )
}
