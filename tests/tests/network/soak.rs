//! A network under load, epoch after epoch, in which nodes are killed, one begins anew with an
//! empty disk, one joins, and stake moves shards; and one whose nodes are of two versions.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_sui::Wallet;
use walrus_tests::{
    CommandOutcome, TestNetwork, binary, contents::Contents, holdings, newcomer::Newcomer, run,
    text,
};

/// What chance chooses from, in bytes.
const SIZES: [usize; 5] = [1, 500, 20_000, 300_000, 900_000];
/// Stake of a node that joins: as many nodes as shards, and still it gets one.
const STAKE: &str = "3000WAL";

/// The shape of a soak.
struct Soak {
    nodes: u16,
    shards: u16,
    epochs: u32,
    /// Nodes killed in every epoch, besides the one that begins anew.
    killed: usize,
    seed: u64,
}

impl Soak {
    /// Lives through all epochs. Whoever is away at a time holds at most as many shards as may be
    /// lost.
    fn run(&self) {
        println!("seed {}", self.seed);
        let mut rng = StdRng::seed_from_u64(self.seed);
        let (nodes, shards) = (self.nodes.to_string(), self.shards.to_string());
        let network = TestNetwork::start(&["--nodes", &nodes, "--shards", &shards]);
        let mut contents = Contents::new(self.shards);
        let mut newcomers = Vec::new();
        let before = Wal::of(&network, &newcomers);
        for epoch in 1..=self.epochs {
            println!("epoch {epoch} of {}", self.epochs);
            let mut names = names(&network);
            names.shuffle(&mut rng);
            let (killed, others) = names.split_at(self.killed);
            contents.store(&network, pick(&mut rng));
            for name in killed {
                done(&network, &["fault", "kill", name]);
            }
            contents.store(&network, pick(&mut rng));
            contents.assert_readable(&network);
            for name in killed {
                done(&network, &["node", "start", name]);
            }
            // What was killed has to have what was written without it before the next one is lost.
            contents.assert_ends_well(&network);
            self.begin_anew(&network, &others[0]);
            stake(&network, rng.gen_range(0..usize::from(self.nodes)));
            let newcomer = Newcomer::join(&network, &format!("late-{epoch}"), STAKE);
            contents.store(&network, pick(&mut rng));
            done(&network, &["epoch", "next"]);
            newcomer.assert_active();
            newcomers.push(newcomer);
            contents.assert_ends_well(&network);
        }
        // In the end there are about as many nodes as shards: some have lost theirs again.
        newcomers.iter().for_each(Newcomer::assert_up_to_date);
        Wal::of(&network, &newcomers).assert_conserved_since(&before);
        contents.assert_no_garbage(&network);
    }

    /// A node loses everything but its keys.
    fn begin_anew(&self, network: &TestNetwork, name: &str) {
        assert!(self.killed < usize::from(self.nodes));
        done(network, &["node", "stop", name]);
        fs::remove_dir_all(storage(network, name)).expect("it had a disk");
        done(network, &["node", "start", name]);
    }
}

/// Where all WAL is.
#[derive(Debug)]
struct Wal {
    supply: Frost,
    accounts: Frost,
    pools: Frost,
    paid_ahead: Frost,
}

impl Wal {
    fn of(network: &TestNetwork, newcomers: &[Newcomer]) -> Self {
        let state = network.state_dir();
        let mut wallets = vec![Wallet::load(state.join("sui_client.yaml")).unwrap()];
        wallets.extend(names(network).iter().map(|name| {
            let folder = state.join("nodes").join(name);
            Wallet::load(folder.join("sui_client.yaml")).unwrap()
        }));
        wallets.extend(newcomers.iter().map(Newcomer::wallet));
        let accounts: BTreeSet<SuiAddress> = wallets.iter().flat_map(Wallet::addresses).collect();
        let accounts: Vec<_> = accounts.into_iter().collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let reader = network.reader();
            let nodes = reader.node_pools(true).await.unwrap();
            let nodes: Vec<ObjectId> = nodes.iter().map(|node| node.pool.id).collect();
            Self {
                supply: holdings::supply(&reader).await,
                accounts: holdings::of_accounts(&reader, &accounts).await,
                pools: holdings::of_pools(&reader, &nodes).await,
                paid_ahead: holdings::paid_ahead(&reader).await,
            }
        })
    }

    /// What users have paid is with the nodes, waits for the epochs it was paid for, or was burnt,
    /// which is a small part.
    fn assert_conserved_since(&self, before: &Self) {
        println!("before: {before:?}\nafter: {self:?}");
        let burnt = before.supply.0 - self.supply.0;
        assert_eq!(self.sum() + burnt, before.sum(), "no FROST is made or lost");
        let rewards = self.pools.0 - before.pools.0;
        assert!(rewards > 10 * burnt, "nodes get most of it");
    }

    fn sum(&self) -> u64 {
        self.accounts.0 + self.pools.0 + self.paid_ahead.0
    }
}

fn pick(rng: &mut StdRng) -> usize {
    *SIZES.choose(rng).expect("there are sizes")
}

fn names(network: &TestNetwork) -> Vec<String> {
    network.nodes().into_iter().map(|(name, _)| name).collect()
}

fn storage(network: &TestNetwork, name: &str) -> PathBuf {
    network.state_dir().join("nodes").join(name).join("storage")
}

fn done(network: &TestNetwork, args: &[&str]) {
    succeeded(network, args, &network.localnet(args));
}

fn succeeded(network: &TestNetwork, args: &[&str], outcome: &CommandOutcome) {
    let logs = || network.logs();
    assert!(outcome.success, "{args:?}: {}\n{}", outcome.stderr, logs());
}

/// Somebody stakes so much with a node that it gets more shards.
fn stake(network: &TestNetwork, node: usize) {
    let id = network.ready["nodes"][node]["id"].as_str().expect("an ID");
    let config = network.ready["client_config"].as_str().expect("a path");
    let wallet = network.state_dir().join("sui_client.yaml");
    let mut command = Command::new(binary("walrus-admin"));
    command.args(["--config", config, "--wallet", text(&wallet)]);
    let outcome = run(command.args(["stake", "700WAL", "--node", id, "--yes"]));
    assert!(outcome.success, "{}", outcome.stderr);
}

/// A number from the environment.
fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let value = std::env::var(name).ok();
    value
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn two_epochs() {
    let soak = Soak {
        nodes: 4,
        shards: 10,
        epochs: 2,
        killed: 1,
        seed: 7,
    };
    soak.run();
}

#[test]
#[ignore = "takes long: ./scripts/soak network"]
fn many_epochs() {
    let soak = Soak {
        nodes: number("WALRUS_SOAK_NODES", 10),
        shards: number("WALRUS_SOAK_SHARDS", 31),
        epochs: number("WALRUS_SOAK_EPOCHS", 20),
        killed: number("WALRUS_SOAK_KILLED", 2),
        seed: number("WALRUS_SOAK_SEED", 1),
    };
    soak.run();
}

/// A program that starts nodes of another version.
struct OtherVersion(PathBuf);

impl OtherVersion {
    fn start(&self, network: &TestNetwork, name: &str) {
        let mut command = Command::new(&self.0);
        command.arg("--state-dir").arg(network.state_dir());
        let args = ["node", "start", name];
        succeeded(network, &args, &run(command.args(args)));
    }
}

/// Nodes of two versions serve one network: what either has stored is read, moves and heals, and a
/// node that is upgraded goes on with the disk of its old version.
#[test]
#[ignore = "needs the programs of another version: ./scripts/soak versions COMMIT"]
fn two_versions_serve_one_network() {
    let old = std::env::var_os("WALRUS_SOAK_OTHER").expect("the other walrus-localnet");
    let old = OtherVersion(Path::new(&old).to_owned());
    let network = TestNetwork::start(&["--nodes", "6", "--shards", "13"]);
    let mut contents = Contents::new(13);
    let names = names(&network);
    let (first, last) = names.split_at(3);
    // Their disks are of the old version from the beginning.
    for name in first {
        done(&network, &["node", "stop", name]);
        fs::remove_dir_all(storage(&network, name)).expect("it had a disk");
        old.start(&network, name);
    }
    for size in SIZES {
        contents.store(&network, size);
    }
    contents.assert_ends_well(&network);
    // A new one is filled by both, an old one too.
    for name in [&last[0], &first[0]] {
        done(&network, &["node", "stop", name]);
        fs::remove_dir_all(storage(&network, name)).expect("it had a disk");
        if first.contains(name) {
            old.start(&network, name);
        } else {
            done(&network, &["node", "start", name]);
        }
        contents.assert_ends_well(&network);
    }
    // Shards move from old to new, and from new to old.
    for node in [0, 5] {
        stake(&network, node);
        stake(&network, node);
        done(&network, &["epoch", "next"]);
        contents.store(&network, 20_000);
        done(&network, &["epoch", "next"]);
        contents.assert_ends_well(&network);
    }
    for name in first {
        done(&network, &["node", "stop", name]);
        contents.store(&network, 300_000);
        done(&network, &["node", "start", name]);
        contents.assert_ends_well(&network);
    }
    done(&network, &["epoch", "next"]);
    contents.assert_ends_well(&network);
    contents.assert_no_garbage(&network);
}
