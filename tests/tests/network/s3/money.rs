//! Who pays: wallets that run out of money, and objects that are kept as long as there is some.

use std::{io::Write as _, path::PathBuf, process::Stdio};

use walrus_sui::{Signer, Wallet, WalletEnv};
use walrus_tests::{TestNetwork, s3::RunningS3, text, tools::Tool};

const PURSE: &str = include_str!("../../../tools/s3_purse.py");
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "10"];
/// Enough for some objects.
const SOME: &str = "0.005WAL";
/// What is said when there is no money.
const EMPTY: &str = "its operator has to fund it";

/// An account of its own that pays for a store.
struct Purse {
    network: TestNetwork,
    wallet: PathBuf,
    address: String,
}

impl Purse {
    fn empty() -> Self {
        let network = TestNetwork::start(&NETWORK);
        let wallet = network.folder().join("purse.yaml");
        let signer = Signer::generate(&mut rand::rngs::OsRng);
        let env = WalletEnv {
            alias: "local".to_owned(),
            rpc: network.ready["rpc"].as_str().unwrap().to_owned(),
            ws: None,
            basic_auth: None,
            chain_id: None,
        };
        Wallet::create(&wallet, env, &signer).unwrap();
        Self {
            network,
            wallet,
            address: signer.address().to_string(),
        }
    }

    fn fund(&self, amounts: &[&str]) {
        let arguments = [&["fund", &self.address], amounts].concat();
        let funded = self.network.localnet(&arguments);
        assert!(funded.success, "{}", funded.stderr);
    }

    fn server(&self, options: &[&str]) -> RunningS3 {
        let global = ["--wallet", text(&self.wallet)];
        RunningS3::start_with(&self.network, &global, "s3", options)
    }

    /// How many blob objects it owns; all of them are certified.
    fn blobs(&self) -> usize {
        let listed = ["--wallet", text(&self.wallet), "list-blobs", "--json"];
        let blobs = self.network.walrus(&listed).json();
        let blobs = blobs.as_array().unwrap();
        for blob in blobs {
            assert_eq!(blob["certifiedEpoch"], 1, "{blob}");
        }
        blobs.len()
    }
}

/// Writes until there is no money; returns the keys that were acknowledged.
fn fill(server: &RunningS3, name: &str) -> Vec<String> {
    let printed = server.boto3(PURSE, &["fill", name]).unwrap();
    let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    let refused = lines.pop().unwrap();
    assert!(refused.starts_with("SlowDown 30 "), "{refused}");
    assert!(refused.contains(EMPTY), "{refused}");
    lines
}

fn check(server: &RunningS3, keys: &[String]) {
    let mut reader = server.boto3_command(PURSE, &["check"]);
    let mut reader = reader.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = reader.stdin.take().unwrap();
    stdin.write_all(keys.join("\n").as_bytes()).unwrap();
    drop(stdin);
    assert!(reader.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_pay_is_told_so_until_somebody_pays() {
    if Tool::Boto3.path().is_none() {
        return;
    }
    let purse = Purse::empty();
    let server = purse.server(&[]);
    let create = || server.boto3(PURSE, &["create"]).unwrap();
    // Neither SUI nor WAL, then no WAL, then enough for some objects.
    for amounts in [&[][..], &["10SUI"]] {
        if !amounts.is_empty() {
            purse.fund(amounts);
        }
        let refused = create();
        assert!(refused.starts_with("SlowDown 30 "), "{refused}");
        assert!(refused.contains(EMPTY), "{refused}");
    }
    purse.fund(&[SOME]);
    assert_eq!(create(), "created\n");
    let mut keys = fill(&server, "one");
    assert!(!keys.is_empty());
    // What was refused is nowhere: not listed, and not paid for.
    check(&server, &keys);
    assert_eq!(purse.blobs(), keys.len() + 1);

    // The same server goes on when there is money, and another one finds the same.
    purse.fund(&[SOME]);
    keys.extend(fill(&server, "two"));
    assert!(keys.iter().any(|key| key.starts_with("two/")));
    drop(server);
    let server = purse.server(&[]);
    check(&server, &keys);
    assert_eq!(purse.blobs(), keys.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_money_is_not_lost() {
    if Tool::Boto3.path().is_none() {
        return;
    }
    let purse = Purse::empty();
    let options = ["--ack", "journal", "--pack-delay", "100ms"];
    let server = purse.server(&options);
    purse.fund(&["10SUI", SOME]);
    assert_eq!(server.boto3(PURSE, &["create"]).unwrap(), "created\n");
    let mut keys = fill(&server, "one");
    check(&server, &keys);
    drop(server);
    let server = purse.server(&options);
    check(&server, &keys);
    assert!(server.process.metric("walrus_s3_waiting_objects ").await > 0);
    purse.fund(&["1WAL"]);
    server.settle().await;
    check(&server, &keys);

    // What was acknowledged is on chain now, and new writes are welcome again.
    drop(server);
    std::fs::remove_dir_all(purse.network.folder().join("s3")).unwrap();
    let server = purse.server(&options);
    check(&server, &keys);
    server.boto3(PURSE, &["put", "two"]);
    keys.push("two".to_owned());
    check(&server, &keys);
}
