//! `walrus-deploy` as an operator uses it: commands, files, and a second run.

use std::{fs, path::Path, process::Command};

use sui_localnet::{Localnet, LocalnetConfig};
use walrus_core::{NetworkKeyPair, ProtocolKeyPair};
use walrus_sui::{Signer, SuiReader, SuiRpc, Wallet, WalletEnv, ids::account_address};
use walrus_tests::{CommandOutcome, binary, contracts::operator, text};

const NODES: u8 = 4;
const OPERATOR_MIST: u64 = 100_000_000_000;

fn walrus_deploy(directory: &Path, command: &str, network: &str, args: &[&str]) -> CommandOutcome {
    let mut process = Command::new(binary("walrus-deploy"));
    process
        .current_dir(directory)
        .args([command, "--working-dir", "work", "--sui-network", network])
        .args(args);
    walrus_tests::run(&mut process)
}

/// Writes keys, wallet and parameter file of a node; returns the name of the parameter file.
fn write_node(directory: &Path, index: u8) -> String {
    let seed = [100 + index; 32];
    let write = |name: String, contents: String| {
        fs::write(directory.join(&name), contents).expect("the folder is writable");
        name
    };
    let protocol = write(
        format!("{index}.protocol"),
        ProtocolKeyPair::from_seed(seed).to_key_file(),
    );
    let network = write(
        format!("{index}.network"),
        NetworkKeyPair::from_seed(seed).to_key_file(),
    );
    let wallet = format!("{index}.yaml");
    let env = WalletEnv::new("test", "http://127.0.0.1:1");
    Wallet::create(directory.join(&wallet), env, &operator(index)).expect("the folder is writable");
    let params = format!(
        "name: node-{index}\nnetwork_address: 127.0.0.1:{}\nwallet_path: {wallet}\nprotocol_key_path: {protocol}\n\
         network_key_path: {network}\nstorage_price: 5\nwrite_price: 1\nnode_capacity: 1000000000\n",
        9000 + u16::from(index)
    );
    write(format!("node-{index}.params.yaml"), params)
}

fn value<'a>(stdout: &'a str, name: &str) -> &'a str {
    let line = stdout
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name} is missing in: {stdout}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_deploys_registers_and_starts() {
    let accounts =
        (0..NODES).map(|index| (account_address(operator(index).address()), OPERATOR_MIST));
    let chain = Localnet::start(LocalnetConfig {
        accounts: accounts.collect(),
        ..LocalnetConfig::default()
    })
    .await
    .expect("a chain in memory starts");
    let network = format!(
        "{};{}",
        chain.rpc_url(),
        chain.faucet_url().expect("there is a faucet")
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = folder.path();

    // Before there is anything, the other commands say so.
    walrus_deploy(directory, "start-first-epoch", &network, &[]).assert_fails(1, &["not deployed"]);

    let options = [
        "--n-shards",
        "10",
        "--max-epochs-ahead",
        "20",
        "--epoch-duration",
        "30m",
    ];
    let first = walrus_deploy(directory, "deploy-system-contract", &network, &options);
    assert!(first.success, "{}", first.stderr);
    assert!(
        first.stdout.starts_with("Walrus contract created:\n"),
        "{}",
        first.stdout
    );
    let second = walrus_deploy(directory, "deploy-system-contract", &network, &options);
    assert_eq!(
        second.stdout, first.stdout,
        "a second run changes nothing: {}",
        second.stderr
    );
    walrus_deploy(
        directory,
        "deploy-system-contract",
        &network,
        &["--n-shards", "13"],
    )
    .assert_fails(1, &["other parameters", "10 shards"]);

    let files: Vec<_> = (0..NODES)
        .map(|index| write_node(directory, index))
        .collect();
    let mut arguments = vec!["--param-files"];
    arguments.extend(files.iter().map(String::as_str));
    let registered = walrus_deploy(directory, "register-nodes", &network, &arguments);
    assert!(registered.success, "{}", registered.stderr);
    assert_eq!(registered.stdout.lines().count(), usize::from(NODES));
    let started = walrus_deploy(directory, "start-first-epoch", &network, &[]);
    assert!(started.success, "{}", started.stderr);
    let again = walrus_deploy(directory, "start-first-epoch", &network, &[]);
    assert!(again.success, "{}", again.stderr);

    let config =
        fs::read_to_string(directory.join("work/client_config.yaml")).expect("it was written");
    for name in ["system_object", "staking_object"] {
        assert!(config.contains(value(&first.stdout, name)), "{config}");
    }
    let published =
        fs::read_to_string(directory.join("work/walrus/Published.toml")).expect("it was written");
    assert!(
        published.contains(value(&first.stdout, "package_id")),
        "{published}"
    );
    assert!(published.contains(&chain.chain_id()), "{published}");

    let ids = walrus_sui::ContractIds {
        system_object: value(&first.stdout, "system_object")
            .parse()
            .expect("an object ID"),
        staking_object: value(&first.stdout, "staking_object")
            .parse()
            .expect("an object ID"),
        treasury_object: None,
    };
    let reader = SuiReader::new(SuiRpc::new([chain.rpc_url()]).expect("a URL"), ids);
    let committees = reader.committees().await.expect("the contracts are there");
    assert_eq!(
        (committees.epoch, committees.current.members.len()),
        (1, usize::from(NODES))
    );
    assert_eq!(
        reader
            .epoch_info()
            .await
            .expect("they are")
            .max_epochs_ahead,
        20
    );
}

/// Output with everything that differs from run to run taken out.
fn redacted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("0x") {
        let id = &rest[start + 2..];
        let length = id
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(id.len());
        out.push_str(&rest[..start]);
        out.push_str(if length == 64 {
            "0x…"
        } else {
            &rest[start..start + 2 + length]
        });
        rest = &id[length..];
    }
    out.push_str(rest);
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_around_the_contracts_and_an_upgrade() {
    let chain = Localnet::start(LocalnetConfig::default())
        .await
        .expect("a chain in memory starts");
    let network = format!(
        "{};{}",
        chain.rpc_url(),
        chain.faucet_url().expect("there is a faucet")
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = folder.path();
    let run = |command: &str, args: &[&str]| {
        let outcome = walrus_deploy(directory, command, &network, args);
        assert!(outcome.success, "{command}: {}", outcome.stderr);
        outcome
    };
    let extras = "wal_exchange,subsidies,walrus_subsidies,blob_bucket,walrus_governance";
    let options = ["--n-shards", "10", "--with", extras];

    // A dry run before there is anything: no file, no transaction.
    let plan = run(
        "deploy-system-contract",
        &[&options[..], &["--dry-run"]].concat(),
    );
    assert!(!directory.join("work").exists());
    insta::assert_snapshot!("dry_run_of_everything", without_costs(&plan.stdout));
    let plan = run(
        "deploy-system-contract",
        &[&options[..], &["--dry-run", "--json"]].concat(),
    )
    .json();
    let steps = plan["steps"].as_array().expect("steps").clone();
    assert!(steps.iter().all(|step| step["done"] == false), "{plan}");

    // First the contracts alone, then the rest on top of them.
    run("deploy-system-contract", &["--n-shards", "10"]);
    let plan = run(
        "deploy-system-contract",
        &[&options[..], &["--dry-run", "--json"]].concat(),
    );
    let estimated = plan.json()["steps"][3]["gas"].clone();
    assert_eq!(estimated["from"], "simulation", "{estimated}");
    let deployed = run("deploy-system-contract", &options);
    insta::assert_snapshot!("deployed_with_extras", redacted(&deployed.stdout));
    let again = run("deploy-system-contract", &options);
    assert_eq!(again.stdout, deployed.stdout);
    let plan = run(
        "deploy-system-contract",
        &[&options[..], &["--dry-run"]].concat(),
    );
    insta::assert_snapshot!("dry_run_of_nothing", plan.stdout);

    existing_clients_find_the_optional_objects(directory, &deployed.stdout);

    // The upgrade: looked at, refused without votes, done in an emergency, migrated to.
    let check = run("check-upgrade", &[]);
    insta::assert_snapshot!("check_upgrade", without_unchanged(&redacted(&check.stdout)));
    let digest = check
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("Digest to vote for: 0x"))
        .expect("the digest is printed")
        .to_owned();
    let refused = walrus_deploy(directory, "upgrade", &network, &[]);
    refused.assert_fails(1, &[&digest, "0 shards", "needs 7"]);
    let plan = run("emergency-upgrade", &["--dry-run"]);
    insta::assert_snapshot!("dry_run_of_an_upgrade", without_costs(&plan.stdout));
    let status = run("status", &["--json"]).json();
    assert_eq!(status["upgrades"], serde_json::json!([]));
    let upgraded = run("emergency-upgrade", &[]);
    insta::assert_snapshot!("upgraded", redacted(&upgraded.stdout));
    let upgraded = run("emergency-upgrade", &["--json"]).json();
    assert_eq!(
        (&upgraded["version"], &upgraded["migrated"]),
        (&2.into(), &false.into())
    );
    assert_eq!(upgraded["digest"], digest);

    what_is_around_follows_the_upgrade(directory, &network, &upgraded["package"]);
    let status = run("status", &[]);
    insta::assert_snapshot!("status", redacted(&status.stdout));
    let published =
        fs::read_to_string(directory.join("work/walrus/Published.toml")).expect("it was written");
    let package = upgraded["package"].as_str().expect("an ID");
    assert!(
        published.contains(&format!("published-at = \"{package}\"")),
        "{published}"
    );
    assert!(published.contains("version = 2"), "{published}");
    assert!(
        published.contains(&format!(
            "original-id = \"{}\"",
            value(&deployed.stdout, "package_id")
        )),
        "{published}"
    );

    a_deployment_from_elsewhere_is_named_by_its_objects(
        directory,
        &chain.rpc_url(),
        &deployed.stdout,
        package,
    );
}

fn existing_clients_find_the_optional_objects(directory: &Path, deployed: &str) {
    let config =
        fs::read_to_string(directory.join("work/client_config.yaml")).expect("it was written");
    for (key, name) in [
        ("exchange_objects", "exchange_object"),
        ("credits_object", "credits_object"),
        ("walrus_subsidies_object", "walrus_subsidies_object"),
    ] {
        assert!(config.contains(&format!("{key}:")), "{config}");
        assert!(config.contains(value(deployed, name)), "{config}");
    }

    // And use them: SUI becomes WAL.
    let mut command = std::process::Command::new(walrus_tests::binary("walrus"));
    walrus_tests::alone(&mut command, directory);
    command
        .args([
            "--config",
            "work/client_config.yaml",
            "--wallet",
            "work/sui_admin.yaml",
        ])
        .args(["get-wal", "--amount", "1000000", "--json"])
        .current_dir(directory);
    let exchanged = walrus_tests::run(&mut command).json();
    assert_eq!(exchanged["amountSui"], 1_000_000);
    assert_eq!(exchanged["amountWal"], 1_000_000);
}

/// The governance can follow an upgrade before the migration, the others after it.
fn what_is_around_follows_the_upgrade(
    directory: &Path,
    network: &str,
    package: &serde_json::Value,
) {
    let run = |command: &str, args: &[&str]| {
        let outcome = walrus_deploy(directory, command, network, args);
        assert!(outcome.success, "{command}: {}", outcome.stderr);
        outcome
    };
    walrus_deploy(directory, "relink", network, &["--by-approval"]).assert_fails(
        1,
        &[
            "approved by 0 shards",
            "needs 1",
            "walrus-admin proposals approve-upgrade",
        ],
    );
    let relinked = run("relink", &[]);
    assert_eq!(
        relinked.stdout.lines().next(),
        Some("Linked anew: walrus_governance")
    );
    assert!(
        relinked.stdout.contains("run `walrus-deploy migrate`"),
        "{}",
        relinked.stdout
    );
    let plan = run("migrate", &["--dry-run", "--json"]).json();
    assert_eq!(plan["steps"][0]["gas"]["from"], "simulation", "{plan}");
    let migrated = run("migrate", &["--json"]).json();
    assert_eq!(&migrated["package"], package);
    let relinked = run("relink", &["--json"]).json();
    assert_eq!(
        relinked,
        serde_json::json!({
            "relinked": ["subsidies", "walrus_subsidies", "blob_bucket"],
            "needs_migration": false,
        })
    );
    let again = run("relink", &[]);
    assert!(
        again.stdout.contains("version they should"),
        "{}",
        again.stdout
    );
}

fn a_deployment_from_elsewhere_is_named_by_its_objects(
    directory: &Path,
    rpc_url: &str,
    deployed: &str,
    package: &str,
) {
    let outcome = {
        let mut process = Command::new(binary("walrus-deploy"));
        process
            .current_dir(directory)
            .args(["check-upgrade", "--working-dir", "elsewhere", "--json"])
            .args(["--sui-network", rpc_url])
            .args(["--system-object-id", value(deployed, "system_object")])
            .args(["--staking-object-id", value(deployed, "staking_object")])
            .args([
                "--upgrade-manager-object-id",
                value(deployed, "upgrade_manager_object"),
            ]);
        walrus_tests::run(&mut process)
    };
    let check = outcome.json();
    assert_eq!(check["current_package"], package);
    let modules = check["modules"].as_array().expect("modules");
    assert!(
        modules.iter().all(|module| module["change"] == "same"),
        "{check}"
    );
    assert!(!directory.join("elsewhere").exists());
}

/// Gas depends on the chain's idea of what computing costs.
fn without_costs(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once(": ") {
        Some((step, cost)) if cost.ends_with(" SUI") => format!("{step}: … SUI"),
        Some((step, cost)) if cost.ends_with(" SUI.") => format!("{step}: … SUI."),
        _ => line.to_owned(),
    };
    let lines: Vec<_> = text.lines().map(line).collect();
    without_sizes(&lines.join("\n"))
}

/// Sizes change with every change of a package.
fn without_sizes(text: &str) -> String {
    let words: Vec<_> = text
        .split(' ')
        .map(|word| {
            let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
            if is_number { "#" } else { word }
        })
        .collect();
    words.join(" ")
}

/// The lines of `check-upgrade` about modules that differ, and all others.
fn without_unchanged(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("  same"))
        .map(without_sizes)
        .collect();
    lines.join("\n")
}

#[test]
fn completions_are_printed_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let mut process = Command::new(binary("walrus-deploy"));
        let outcome = walrus_tests::run(process.args(["completion", "--shell", shell]));
        assert!(outcome.success, "{}", outcome.stderr);
        assert!(outcome.stdout.contains("emergency-upgrade"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_named_in_one_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = folder.path();
    let dead = "http://127.0.0.1:1";
    walrus_deploy(directory, "deploy-system-contract", dead, &[])
        .assert_fails(1, &[dead, "refused"]);
    walrus_deploy(
        directory,
        "register-nodes",
        dead,
        &["--param-files", "none.yaml"],
    )
    .assert_fails(1, &["none.yaml"]);
    fs::write(directory.join("bad.yaml"), "name: [").expect("the folder is writable");
    walrus_deploy(
        directory,
        "register-nodes",
        dead,
        &["--param-files", "bad.yaml"],
    )
    .assert_fails(1, &["bad.yaml", "not valid"]);

    // Another chain than the one in the state file.
    let start = async |owner: u8| {
        let accounts = vec![(account_address(operator(owner).address()), OPERATOR_MIST)];
        let config = LocalnetConfig {
            accounts,
            ..LocalnetConfig::default()
        };
        Localnet::start(config)
            .await
            .expect("a chain in memory starts")
    };
    let (one, other) = (start(0).await, start(1).await);
    let network = |chain: &Localnet| {
        format!(
            "{};{}",
            chain.rpc_url(),
            chain.faucet_url().expect("a faucet")
        )
    };
    let first = walrus_deploy(
        directory,
        "deploy-system-contract",
        &network(&one),
        &["--n-shards", "10"],
    );
    assert!(first.success, "{}", first.stderr);
    walrus_deploy(
        directory,
        "deploy-system-contract",
        &network(&other),
        &["--n-shards", "10"],
    )
    .assert_fails(1, &[&one.chain_id(), &other.chain_id()]);

    // A wallet without SUI on a network without a faucet.
    let poor = Signer::from_seed([99; 32]);
    Wallet::create(
        directory.join("poor.yaml"),
        WalletEnv::new("test", dead),
        &poor,
    )
    .expect("it is new");
    let poor_wallet = directory.join("poor.yaml");
    let args = [
        "--admin-wallet-path",
        text(&poor_wallet),
        "--working-dir",
        "elsewhere",
    ];
    let outcome = {
        let mut process = Command::new(binary("walrus-deploy"));
        process
            .current_dir(directory)
            .args(["deploy-system-contract", "--sui-network", &other.rpc_url()])
            .args(args);
        walrus_tests::run(&mut process)
    };
    outcome.assert_fails(1, &["not enough SUI", &poor.address().to_string()]);
}
