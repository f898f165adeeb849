//! Objects of package `policies`: who gets the keys of private data.

use serde::{Deserialize, Serialize};
use walrus_core::{ObjectId, SuiAddress};

/// `allowlist::Allowlist`: accounts that read. Members are in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowlist {
    /// The policy.
    pub id: ObjectId,
    /// Version of the package it works with.
    pub version: u64,
    /// Accounts on it.
    pub members: Table,
}

/// `sui::table::Table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Parent of its entries.
    pub id: ObjectId,
    /// How many there are.
    pub size: u64,
}

/// `market::Listing`: an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The policy.
    pub id: ObjectId,
    /// Version of the package it works with.
    pub version: u64,
    /// In the smallest unit of the coin.
    pub price: u64,
    /// For how many epochs of Sui one buys; for ever without a value.
    pub term_epochs: Option<u64>,
    /// Whether anybody can buy.
    pub is_open: bool,
    /// Who is paid.
    pub payees: Vec<Payee>,
    /// Who has bought.
    pub buyers: Table,
}

/// `market::Payee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// Who.
    pub account: SuiAddress,
    /// Which part of each payment, in hundredths of a percent.
    pub part_bps: u16,
}

/// `subscription::Service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The policy.
    pub id: ObjectId,
    /// Version of the package it works with.
    pub version: u64,
    /// In the smallest unit of the coin, for one period.
    pub price: u64,
    /// How long a period lasts.
    pub period_ms: u64,
    /// What was paid and not yet taken.
    pub income: u64,
    /// Subscriptions that do not count any more.
    pub revoked: Table,
}

/// `subscription::Subscription`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The object.
    pub id: ObjectId,
    /// The service it is for.
    pub service_id: ObjectId,
    /// First moment that is not paid for, in ms since 1970.
    pub ends_at_ms: u64,
}

/// `gated::Gate`: whoever owns an object of a type reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The policy.
    pub id: ObjectId,
    /// Version of the package it works with.
    pub version: u64,
    /// The type, its addresses in full and without `0x`.
    pub required: String,
}

/// `approvers::Board`: whoever enough approvers let in reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// The policy.
    pub id: ObjectId,
    /// Version of the package it works with.
    pub version: u64,
    /// Who decides.
    pub approvers: Vec<SuiAddress>,
    /// How many of them have to agree.
    pub threshold: u64,
    /// Readers whom at least one of them lets in.
    pub approvals: Table,
}

/// The capability of a policy, of any kind that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCap {
    /// The object.
    pub id: ObjectId,
    /// The policy that it manages.
    pub policy_id: ObjectId,
}
