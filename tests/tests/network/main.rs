//! Tests of the whole network: real contracts on a real chain, real nodes and the commands that
//! people run.
//!
//! One binary, so that everything is linked once;
//! `cargo test --workspace --test network admin_faults` runs one file.

mod acceptance;
mod admin_check;
mod admin_faults;
mod admin_governance;
mod admin_operators;
mod admin_self_upgrade;
mod admin_terminal;
mod approvals;
mod browser;
mod bucket;
mod certificates;
mod commands;
mod committees;
mod conservation;
mod contracts;
mod crash;
mod deploy;
mod deploy_recovery;
mod errors;
mod event_blobs;
mod examples;
mod faults;
mod gas;
mod gateway_faults;
mod gateway_read;
mod gateway_store;
mod healing;
mod key_server_faults;
mod key_servers;
mod living;
mod load;
mod local_network;
mod lying_full_node;
mod nginx;
mod npm_clients;
mod npm_contracts;
mod numbers;
mod one_wallet;
mod private_data;
mod registration;
mod s3;
mod services;
mod signatures;
mod soak;
mod store_read;
mod ten_epochs;
mod upgrade;
mod upload_relay;
