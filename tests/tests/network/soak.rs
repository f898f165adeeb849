//! A network under load, epoch after epoch, in which nodes are killed, one begins anew with an
//! empty disk, and stake moves shards.

use std::{fs, process::Command};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use walrus_tests::{TestNetwork, binary, contents::Contents, run, text};

/// What chance chooses from, in bytes.
const SIZES: [usize; 5] = [1, 500, 20_000, 300_000, 900_000];

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
        for epoch in 1..=self.epochs {
            println!("epoch {epoch} of {}", self.epochs);
            let mut names: Vec<String> =
                (0..self.nodes).map(|node| format!("node-{node}")).collect();
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
            contents.store(&network, pick(&mut rng));
            done(&network, &["epoch", "next"]);
            contents.assert_ends_well(&network);
        }
        contents.assert_no_garbage(&network);
    }

    /// A node loses everything but its keys.
    fn begin_anew(&self, network: &TestNetwork, name: &str) {
        assert!(self.killed < usize::from(self.nodes));
        done(network, &["node", "stop", name]);
        let folder = network.state_dir().join("nodes").join(name);
        fs::remove_dir_all(folder.join("storage")).expect("it had a disk");
        done(network, &["node", "start", name]);
    }
}

fn pick(rng: &mut StdRng) -> usize {
    *SIZES.choose(rng).expect("there are sizes")
}

fn done(network: &TestNetwork, args: &[&str]) {
    let outcome = network.localnet(args);
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
