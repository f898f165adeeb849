//! Support for the whole-system tests in the `tests` folder beside these sources. Each module is a
//! room:
//!
//! * [`processes`]: the real binaries over real sockets, disks and processes, exactly as a user
//!   drives them. Build them first with `cargo build --workspace --bins` in the same profile;
//!   `./scripts/test` does.
//! * [`contents`]: what a network holds, and the check at the end of every fault.
//! * [`newcomer`]: a node that joins it, set up as its operator would.
//! * [`holdings`]: where all WAL is.
//! * [`contracts`]: the contracts on a served chain, called through `walrus-sui`, with nodes that
//!   exist as keys only.
//! * [`chain`]: the contracts on a bare executor, without sockets: every function callable,
//!   thousands of transactions in seconds.
//! * [`machine`]: single functions of the contracts' bytecode on the virtual machine, private ones
//!   included.
//! * [`measurements`]: what benchmarks print.
//! * [`model`]: what the contracts should compute, written from their specification and independent
//!   of their code.
//! * [`agreement`]: comparing the two.
//! * [`key_servers`]: key servers of private data, who asks them, and one that lies.
//! * [`keys`]: accounts, keys of nodes, and what committees sign with them.
//! * [`admin`]: `walrus-admin` with its wallets and files, on such a chain.
//! * [`scenario`]: a network whose stakers, operators and voters act by `walrus-admin` only.
//! * [`voters`]: a network whose nodes vote on proposals.
//! * [`proxy`]: a full node that dies at a chosen moment.
//! * [`liar`]: a full node that changes transactions.
//! * [`terminal`]: commands at a terminal, where somebody answers.
//! * [`tour`]: documents whose commands are run as they stand.
//! * [`npm`]: the unmodified npm clients.
//! * [`s3`]: S3 servers, and the clients of others that speak to them.
//! * [`tools`]: other programs that the tests drive.
//! * [`random`]: seeds, printed when a test fails.

pub mod admin;
pub mod agreement;
pub mod chain;
pub mod contents;
pub mod contracts;
pub mod gateway;
pub mod holdings;
pub mod key_servers;
pub mod keys;
pub mod liar;
pub mod machine;
pub mod measurements;
pub mod model;
pub mod newcomer;
pub mod npm;
pub mod patience;
pub mod processes;
pub mod proxy;
pub mod random;
pub mod s3;
pub mod scenario;
pub mod terminal;
pub mod tools;
pub mod tour;
pub mod voters;

pub use processes::{CommandOutcome, TestNetwork, alone, binary, random_bytes, run, text};
