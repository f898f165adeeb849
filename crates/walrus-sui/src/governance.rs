//! Proposals and votes of the companion package `walrus_governance`, as pure functions of its
//! objects.
//!
//! Reading the objects is in [`crate::reader`], calling the package in [`crate::contract`].

mod approvals;
mod census;
mod life;
mod tally;

pub use self::{
    approvals::{APPROVAL_DELAY_MS, Approvals, ApprovingNode, Support},
    census::CensusStanding,
    life::{ProposalStep, Standing, bar, earliest_epochs, kind_name, state_name},
    tally::{Bar, MICRO, Outlook, node_shares, tally, without},
};
