//! Chain client of Walrus: typed calls, events, objects and wallets over the Sui gRPC API.
//!
//! This is the only crate that builds transactions and parses answers of full nodes. It works
//! against any Sui full node that serves gRPC, whichever network it belongs to.
//!
//! * [`SuiRpc`]: full nodes with fail-over. [`SuiReader`]: the state of one Walrus deployment.
//! * [`Wallet`] and [`Signer`]: keys, in the files of the Sui CLI.
//! * [`WalrusContract`]: transactions of one account. [`Executor`]: the same without a deployment,
//!   for deploying.
//! * [`Program`]: commands as a value. A full node completes them; what it answers is signed only
//!   if it is what was asked for ([`CheckedTransaction`]).
//! * [`contract::Call`]: calls as values, to execute, to simulate, or to let others sign.
//! * [`access`]: key servers of private data, and asking policies who may read.
//! * [`staking`]: when stake becomes active or can leave, and what moves an epoch on.
//! * [`EventStream`]: what happened, checkpoint by checkpoint; [`checkpoints::Validators`] prove it
//!   if they are asked to.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use walrus_sui::{ContractIds, SuiReader, SuiRpc, Wallet, WalrusContract};
//!
//! let wallet = Wallet::load("~/.sui/sui_config/client.yaml")?;
//! let rpc = SuiRpc::new([&wallet.active_env()?.rpc])?;
//! let system = "0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd2";
//! let staking = "0x10b9d30c28448939ce6c4d6c6e0ffce4a7f8a4ada8248bdad09ef8b70e4a3904";
//! let ids = ContractIds {
//!     system_object: system.parse()?,
//!     staking_object: staking.parse()?,
//!     treasury_object: None,
//! };
//! let reader = SuiReader::new(rpc, ids);
//! println!("epoch {}", reader.epoch_info().await?.epoch);
//! let contract = WalrusContract::new(reader, wallet.active_signer()?);
//! println!("{} WAL", contract.reader().wal_balance(contract.address()).await?);
//! # Ok(())
//! # }
//! ```

pub mod access;
mod cache;
pub mod checkpoints;
pub mod committee;
pub mod contract;
mod deployment;
mod error;
pub mod events;
pub mod executor;
pub mod faucet;
pub mod fleet;
pub mod governance;
pub mod ids;
mod network;
mod prices;
mod ptb;
pub mod reader;
pub mod rpc;
mod signer;
pub mod staking;
pub mod transaction;
pub mod wallet;

pub use sui_sdk_types::{Digest as TransactionDigest, StructTag, TypeTag};

pub use self::{
    committee::{Committee, CommitteeMember, Committees, EpochState},
    contract::WalrusContract,
    deployment::{ContractIds, ContractRefs, ContractState, EpochInfo},
    error::{MoveAbort, SuiError, UpgradeRefusal},
    events::{CheckpointEvents, EventStream},
    executor::{
        Composer, Draft, Executed, Executor, Journal, OfflineTransaction, Paid, SignedTransaction,
        Unrecorded,
    },
    network::{NetworkParseError, SuiNetwork},
    prices::Prices,
    reader::SuiReader,
    rpc::{ObjectData, ObjectOwner, PackageData, SuiRpc},
    signer::{InvalidPrivateKey, Signer},
    transaction::{CheckedTransaction, Program},
    wallet::{Wallet, WalletEnv, WalletError},
};
