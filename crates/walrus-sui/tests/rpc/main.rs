//! The chain client against full nodes that do as a test wants.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod event_stream;
mod full_node;
mod listing;
mod proven_events;
