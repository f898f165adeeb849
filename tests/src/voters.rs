//! Four nodes that vote on proposals by `walrus-admin`.

use serde_json::Value;
use walrus_core::{FROST_PER_WAL, Frost, ObjectId};
use walrus_sui::Signer;

use crate::{
    admin::AdminHome,
    contracts::{ContractNetwork, operator, user},
};

const NODES: u8 = 4;
const SHARDS: u16 = 10;
/// Deposit of a proposal.
pub const DEPOSIT: Frost = Frost(10 * FROST_PER_WAL);

/// The network and those who vote.
pub struct Voters {
    /// Chain and contracts.
    pub network: ContractNetwork,
    /// Where `walrus-admin` runs.
    pub home: AdminHome,
    /// IDs of the nodes; the operator of each is the account with its index.
    pub nodes: Vec<String>,
    governance: ObjectId,
}

impl Voters {
    /// Epoch 1 with nodes of 3, 3, 2 and 2 shards, and proposals that are voted on at once, for one
    /// whole epoch.
    ///
    /// # Panics
    ///
    /// When something cannot be deployed.
    pub async fn new() -> Self {
        let mut network = ContractNetwork::start(NODES, SHARDS).await;
        let (home, governance) = AdminHome::with_governance(&mut network, DEPOSIT).await;
        let nodes = network.deployer.nodes();
        Self {
            nodes: nodes.iter().map(|node| node.node_id.to_string()).collect(),
            home,
            network,
            governance,
        }
    }

    /// The Governance object.
    pub fn governance(&self) -> ObjectId {
        self.governance
    }

    /// Opens the vote on a proposal: two nodes, with 6 of the 4 shards that have to, attest the
    /// stakes unless they have.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn open(&self, number: &str) {
        for index in 0..2 {
            if self.json(&["show", number])["state"] == "pending" {
                self.home
                    .done(&operator(index), &["proposals", "open", number]);
            }
        }
    }

    /// Votes for the node of an operator; what the command printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn vote(&self, signer: &Signer, number: &str, choice: &str) -> String {
        self.home
            .done(signer, &["proposals", "vote", number, choice])
    }

    /// What a command about proposals prints with `--json`.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn json(&self, args: &[&str]) -> Value {
        let text = self
            .home
            .shown(&user(), &[&["proposals"], args, &["--json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    /// Makes a proposal of the user; its number.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn propose(&self, kind: &[&str], title: &str) -> String {
        let args = [
            &["proposals", "new"],
            kind,
            &["--title", title, "--text", "Because.", "--json"],
        ]
        .concat();
        let report: Value = serde_json::from_str(&self.home.done(&user(), &args)).expect("JSON");
        report["number"].as_u64().expect("a number").to_string()
    }
}
