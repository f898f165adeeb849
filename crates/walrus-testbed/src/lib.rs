//! A complete local Walrus network on one machine: embedded chain, contracts and storage nodes.
//!
//! The binary `walrus-localnet` is a thin shell over this crate. A network lives in a
//! [state directory](state::StateDir): everything needed to find it, stop it, resume it or throw it
//! away. The chain and every storage node are processes of their own, so that any of them can be
//! killed and started again like on real machines; nothing but files and sockets connects them.
//!
//! ```text
//! state directory
//! ├── network.json         what runs where: options, ports, process ids, registered nodes
//! ├── deployment.json      the contracts: package and object ids
//! ├── ca.pem               with TLS: the authority that has signed the certificates of the nodes
//! ├── client_config.yaml   what `walrus --config` wants
//! ├── sui_client.yaml      wallet of the first funded account
//! ├── chain/               database of the embedded chain
//! ├── nodes/node-0/        config, keys, wallet and storage of one node
//! ├── services/relay/      config, wallet and data of a service in front of it
//! └── logs/                one file per process
//! ```

pub mod accounts;
pub mod bench;
mod certificates;
pub mod cli;
pub mod demo;
pub mod faults;
pub mod key_servers;
pub mod network;
pub mod ports;
pub mod process;
pub mod report;
pub mod roles;
pub mod service_kind;
mod services;
mod setup;
pub mod state;
mod writing;
