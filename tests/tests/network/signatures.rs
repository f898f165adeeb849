//! Everything that rests on BLS signatures, executed on the chain with real keys: what is accepted,
//! and above all what is not. The unit tests of the contracts cannot tell: their runner accepts
//! every signature.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

mod deny_lists;
mod invalid_blobs;
mod malformed;
mod old_committees;
mod pooled_blobs;
mod possession;
mod protocol_versions;
mod rogue_keys;
mod thresholds;

use walrus_core::SuiAddress;
use walrus_tests::{
    chain::{Certificate, Failure, Node, Receipt, Walrus},
    keys,
};

const NODES: u8 = 5;
const SHARDS: u16 = 10;
/// With 10 shards, 3 may fail: 7 are a quorum, and among 4 is a correct one.
const QUORUM: u16 = 7;
const ONE_CORRECT: u16 = 4;

fn user() -> SuiAddress {
    keys::user().address()
}

/// A network in epoch 1 whose nodes have 2 shards each.
fn network() -> Walrus {
    Walrus::start(SHARDS, NODES)
}

/// Calls a function of `system` with the System object and a certificate.
fn submit(
    walrus: &mut Walrus,
    function: &str,
    certificate: &Certificate,
) -> Result<Receipt, Failure> {
    let system = walrus.ids.system;
    walrus.run(user(), |ptb| {
        let mut arguments = vec![ptb.object(system)];
        arguments.extend(certificate.arguments(ptb));
        ptb.call(&format!("walrus::system::{function}"), &arguments);
    })
}

/// The same in the name of a node, whose capability the function takes too.
fn submit_as(
    walrus: &mut Walrus,
    node: Node,
    function: &str,
    certificate: &Certificate,
) -> Result<Receipt, Failure> {
    let system = walrus.ids.system;
    walrus.run(node.operator, |ptb| {
        let mut arguments = vec![ptb.object(system), ptb.object(node.cap)];
        arguments.extend(certificate.arguments(ptb));
        ptb.call(&format!("walrus::system::{function}"), &arguments);
    })
}

/// Asserts what a transaction was aborted with.
fn assert_refused(outcome: Result<Receipt, Failure>, module: &str, code: u64, what: &str) {
    match outcome {
        Ok(_) => panic!("{what}: accepted instead of {module} {code}"),
        Err(failure) => assert!(
            failure.is_abort(module, code),
            "{what}: expected {module} {code}, got {failure}"
        ),
    }
}
