//! `walrus-admin` as stakers and operators use it, on a chain whose clock the test moves.

use insta::assert_snapshot;
use serde_json::Value;
use walrus_core::{NetworkKeyPair, ObjectId, ProtocolKeyPair};
use walrus_sui::{OfflineTransaction, Signer};
use walrus_tests::{
    admin::{AdminHome, FILTERS},
    contracts::{ContractNetwork, EPOCH_DURATION, operator, pauper, user},
    keys::sign_elsewhere,
};

const NODES: u8 = 4;
const SHARDS: u16 = 10;

struct Scene {
    network: ContractNetwork,
    home: AdminHome,
    nodes: Vec<String>,
}

impl Scene {
    /// Epoch 1 with four nodes.
    async fn new() -> Self {
        let network = ContractNetwork::start(NODES, SHARDS).await;
        let nodes = network.deployer.nodes();
        Self {
            home: AdminHome::new(&network),
            nodes: nodes.iter().map(|node| node.node_id.to_string()).collect(),
            network,
        }
    }

    async fn half_an_epoch(&self) {
        let half = u64::try_from(EPOCH_DURATION.as_millis() / 2).expect("an hour fits");
        self.network
            .localnet
            .advance_clock(half)
            .await
            .expect("the clock moves");
    }

    fn json(&self, signer: &Signer, args: &[&str]) -> Value {
        let text = self.home.shown(signer, &[args, &["--json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    /// IDs of the user's stakes.
    fn stakes(&self) -> Vec<String> {
        let stakes = self.json(&user(), &["stakes"]);
        let stakes = stakes.as_array().expect("a list").iter();
        stakes
            .map(|stake| stake["id"].as_str().expect("an ID").to_owned())
            .collect()
    }

    /// Prices at which a blob earns the nodes something that can be shared.
    fn raise_prices(&self) {
        for index in 0..NODES {
            let price = [
                "set-price",
                "--storage",
                "0.001WAL",
                "--write",
                "0.001WAL",
                "--apply",
            ];
            self.home.done(&operator(index), &price);
        }
    }

    /// Starts the next epoch with commands only.
    async fn next_epoch(&self) {
        self.half_an_epoch().await;
        self.home.done(&pauper(), &["epoch", "advance"]);
        self.half_an_epoch().await;
        self.home.done(&pauper(), &["epoch", "advance"]);
        for index in 0..NODES {
            self.home.done(&operator(index), &["epoch", "sync-done"]);
        }
    }
}

fn bind() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, replacement);
    }
    settings.bind_to_scope()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_is_listed() {
    let scene = Scene::new().await;
    let _filters = bind();
    assert_snapshot!("pools", scene.home.shown(&user(), &["pools"]));
    assert_snapshot!("committee", scene.home.shown(&user(), &["committee"]));
    assert_snapshot!("no-stake", scene.home.shown(&user(), &["stakes"]));
    // At a terminal of 80 columns, nothing is broken; what is left out is said.
    scene
        .home
        .done(&user(), &["stake", "20.5WAL", "--node", &scene.nodes[1]]);
    for list in ["pools", "committee", "stakes"] {
        let mut command = scene.home.command(&user());
        let outcome = walrus_tests::run(command.arg(list).env("COLUMNS", "80"));
        assert!(outcome.success, "{}", outcome.stderr);
        let long = outcome
            .stdout
            .lines()
            .find(|line| line.chars().count() > 80);
        assert_eq!(long, None, "{list}");
        assert_snapshot!(format!("{list}-narrow"), outcome.stdout);
        let wide = scene.home.shown(&user(), &[list, "-o", "wide"]);
        assert!(wide.contains(" ID"), "{wide}");
    }
    let epoch = scene.json(&user(), &["epoch"]);
    assert_eq!(epoch["epoch"], 1);
    assert_eq!(epoch["state"], "changeDone");
    assert_eq!(epoch["nextStep"], "votingEnd");
    assert_eq!(epoch["nextStepDue"], false);
    scene
        .home
        .admin(&user(), &["committee", "--next"])
        .assert_fails(1, &["not selected yet"]);
    let committee = scene.json(&user(), &["committee"]);
    assert_eq!(committee["quorum"], 7);
    let shards: usize = committee["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|member| member["shards"].as_array().expect("shards").len())
        .sum();
    assert_eq!(shards, usize::from(SHARDS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stake_goes_in_earns_and_comes_out() {
    let scene = Scene::new().await;
    let _filters = bind();
    let (home, node) = (&scene.home, scene.nodes[0].as_str());

    // Refusals, before anything is sent.
    let stake = |signer: &Signer, amount: &str, more: &[&str]| {
        home.admin(signer, &[&["stake", amount, "--node", node], more].concat())
    };
    stake(&user(), "0.5WAL", &["--yes"]).assert_fails(1, &["a stake is at least 1 WAL", "0.5 WAL"]);
    stake(&user(), "100", &["--yes"]).assert_fails(2, &["has no unit"]);
    stake(&pauper(), "100WAL", &["--yes"])
        .assert_fails(1, &["not enough WAL", "need 100 WAL", "have 0 WAL"]);
    stake(&user(), "100WAL", &[])
        .assert_fails(1, &["needs a confirmation", "--yes", "Stake 100 WAL"]);
    home.admin(
        &user(),
        &[
            "stake",
            "1WAL",
            "--yes",
            "--node",
            &ObjectId([9; 32]).to_string(),
        ],
    )
    .assert_fails(1, &["does not exist"]);
    assert_eq!(scene.stakes(), Vec::<String>::new());

    // A dry run changes nothing, either.
    let dry = stake(&user(), "100WAL", &["--dry-run"]);
    assert_snapshot!("stake-dry-run", dry.stdout);
    assert_eq!(scene.stakes(), Vec::<String>::new());

    assert_snapshot!(
        "stake",
        home.done(&user(), &["stake", "100WAL", "--node", node])
    );
    home.done(&user(), &["stake", "20.5WAL", "--node", &scene.nodes[1]]);
    assert_snapshot!("stakes-pending", home.shown(&user(), &["stakes"]));

    // No committee counts on it yet: it leaves at once.
    let second = scene.json(&user(), &["stakes"]);
    let second = second
        .as_array()
        .expect("a list")
        .iter()
        .find(|stake| stake["principal"] == 20_500_000_000_u64)
        .expect("the second stake")["id"]
        .as_str()
        .expect("an ID")
        .to_owned();
    assert_snapshot!("unstake-early", home.done(&user(), &["unstake", &second]));
    assert_eq!(scene.stakes().len(), 1);

    // Somebody stores, so that there is something to earn.
    scene.raise_prices();
    scene.network.register(1, 1_500_000).await;
    scene.next_epoch().await;
    scene.network.register(2, 1_500_000).await;
    scene.next_epoch().await;
    let stakes = scene.json(&user(), &["stakes"]);
    assert_eq!(stakes[0]["state"], "active");
    let rewards = stakes[0]["rewards"].as_u64().expect("a number");
    assert!(rewards > 0, "{stakes}");
    let stake_id = scene.stakes().remove(0);

    // Too early, in every way.
    home.admin(&user(), &["withdraw", &stake_id, "--yes"])
        .assert_fails(1, &["announced first", "walrus-admin unstake"]);
    home.admin(&user(), &["withdraw", "--yes"])
        .assert_fails(1, &["no stake", "is leaving"]);
    home.admin(
        &user(),
        &["unstake", &stake_id, "--amount", "99.5WAL", "--yes"],
    )
    .assert_fails(1, &["a part between 1 WAL and 99 WAL", "99.5 WAL"]);

    assert_snapshot!(
        "unstake-part",
        home.done(&user(), &["unstake", &stake_id, "--amount", "40WAL"])
    );
    assert_snapshot!("unstake", home.done(&user(), &["unstake", &stake_id]));
    assert_snapshot!("stakes-leaving", home.shown(&user(), &["stakes"]));
    home.admin(&user(), &["unstake", &stake_id, "--yes"])
        .assert_fails(1, &["announced already", "epoch 4"]);
    home.admin(&user(), &["withdraw", "--yes"])
        .assert_fails(1, &["no stake", "is due", "epoch 4"]);
    home.admin(&user(), &["unstake", "--node", node, "--yes"])
        .assert_fails(1, &["no stake with node", "not leaving already"]);

    scene.next_epoch().await;
    let before = scene
        .network
        .reader
        .wal_balance(user().address())
        .await
        .expect("a balance");
    home.done(&user(), &["withdraw"]);
    let after = scene
        .network
        .reader
        .wal_balance(user().address())
        .await
        .expect("a balance");
    let paid = after.0 - before.0;
    assert!(paid > 100_000_000_000 + rewards, "{paid}");
    assert_eq!(scene.stakes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn epochs_are_moved_on_by_anybody_when_it_is_time() {
    let scene = Scene::new().await;
    let _filters = bind();
    let home = &scene.home;
    home.admin(&pauper(), &["epoch", "advance", "--yes"])
        .assert_fails(1, &["the voting of epoch 1 cannot be ended yet", "only in"]);
    home.admin(&pauper(), &["epoch", "sync-done", "--yes"])
        .assert_fails(1, &["operates no node"]);
    home.admin(&operator(0), &["epoch", "sync-done", "--yes"])
        .assert_fails(1, &["has attested for epoch 1 already"]);

    scene.half_an_epoch().await;
    assert_snapshot!("epoch-voting-due", home.shown(&pauper(), &["epoch"]));
    assert_snapshot!("voting-end", home.done(&pauper(), &["epoch", "advance"]));
    home.admin(&pauper(), &["epoch", "advance", "--yes"])
        .assert_fails(1, &["epoch 2 cannot be started yet", "only in"]);
    assert_eq!(scene.json(&pauper(), &["committee", "--next"])["epoch"], 2);

    scene.half_an_epoch().await;
    assert_snapshot!("epoch-change", home.done(&pauper(), &["epoch", "advance"]));
    assert_snapshot!("epoch-sync", home.shown(&pauper(), &["epoch"]));
    home.admin(&pauper(), &["epoch", "advance", "--yes"])
        .assert_fails(1, &["epoch 2 waits for its nodes", "0 shards", "7 more"]);
    assert_snapshot!(
        "sync-done",
        home.done(&operator(0), &["epoch", "sync-done"])
    );
    for index in 1..NODES {
        home.done(&operator(index), &["epoch", "sync-done"]);
    }
    assert_eq!(scene.json(&pauper(), &["epoch"])["state"], "changeDone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_change_their_nodes() {
    let scene = Scene::new().await;
    let _filters = bind();
    let (home, boss) = (&scene.home, operator(0));
    let id: ObjectId = scene.nodes[0].parse().expect("an ID");

    home.admin(&user(), &["set-price", "--write", "2FROST", "--yes"])
        .assert_fails(1, &["operates no node"]);
    home.admin(
        &boss,
        &[
            "set-price",
            "--write",
            "2FROST",
            "--yes",
            "--node",
            &scene.nodes[1],
        ],
    )
    .assert_fails(1, &["owns no capability of node"]);

    assert_snapshot!(
        "set-price",
        home.done(
            &boss,
            &[
                "set-price",
                "--storage",
                "7FROST",
                "--write",
                "0.001WAL",
                "--apply"
            ]
        )
    );
    home.done(&boss, &["set-capacity", "1.5TiB"]);
    assert_snapshot!(
        "set-commission",
        home.done(&boss, &["set-commission", "12.5%"])
    );
    let network_key = home.write(
        "other-network.key",
        NetworkKeyPair::from_seed([77; 32]).to_key_file(),
    );
    assert_snapshot!(
        "set-metadata",
        home.done(
            &boss,
            &[
                "set-metadata",
                "--name",
                "harbour",
                "--network-address",
                "example.org:1",
                "--network-key",
                &network_key,
                "--description",
                "a node",
                "--project-url",
                "https://example.org",
                "--extra",
                "country=IS",
                "--extra",
                "rack=7",
            ]
        )
    );
    home.done(&boss, &["set-metadata", "--remove-extra", "rack"]);
    let pool = scene
        .network
        .reader
        .staking_pool(id)
        .await
        .expect("the pool");
    assert_eq!(pool.voting_params.storage_price, 7);
    assert_eq!(pool.voting_params.write_price, 1_000_000);
    assert_eq!(pool.voting_params.node_capacity, 3 << 39);
    assert_eq!(pool.pending_commission_rate.0.contents, [(3, 1250)]);
    assert_eq!(pool.node_info.name, "harbour");
    assert_eq!(pool.node_info.network_address, "example.org:1");
    let metadata = scene
        .network
        .reader
        .node_metadata(&pool)
        .await
        .expect("metadata");
    assert_eq!(metadata.description, "a node");
    assert_eq!(metadata.project_url, "https://example.org");
    assert_eq!(
        metadata.extra_fields.contents,
        [("country".to_owned(), "IS".to_owned())]
    );
    assert_snapshot!("pools-changed", home.shown(&user(), &["pools"]));

    // Keys.
    let wrong = home.write(
        "wrong.key",
        NetworkKeyPair::from_seed([1; 32]).to_key_file(),
    );
    home.admin(&boss, &["rotate-key", "--protocol-key", &wrong, "--yes"])
        .assert_fails(1, &["wrong.key is no key file"]);
    let new_key = ProtocolKeyPair::from_seed([78; 32]);
    let file = home.write("new.key", new_key.to_key_file());
    home.done(&boss, &["rotate-key", "--protocol-key", &file]);
    let pool = scene
        .network
        .reader
        .staking_pool(id)
        .await
        .expect("the pool");
    let next = pool.node_info.next_epoch_public_key.expect("a key is set");
    assert_eq!(next.to_compressed_g1(), Some(new_key.public().0));
    scene.half_an_epoch().await;
    home.done(&pauper(), &["epoch", "advance"]);
    let late = home.admin(&boss, &["rotate-key", "--protocol-key", &file, "--dry-run"]);
    assert!(
        late.stderr.contains("wait until epoch 2 has begun"),
        "{}",
        late.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_registered_once() {
    let scene = Scene::new().await;
    let _filters = bind();
    let home = &scene.home;
    let protocol = home.write("p.key", ProtocolKeyPair::from_seed([90; 32]).to_key_file());
    let network = home.write("n.key", NetworkKeyPair::from_seed([90; 32]).to_key_file());
    let args = [
        "register",
        "--name",
        "newcomer",
        "--network-address",
        "n.example.org:9185",
        "--protocol-key",
        &protocol,
        "--network-key",
        &network,
        "--storage-price",
        "100000FROST",
        "--write-price",
        "20000FROST",
        "--capacity",
        "1TB",
        "--commission",
        "5%",
    ];
    let dry = home.admin(&user(), &[&args[..], &["--dry-run"]].concat());
    assert_snapshot!("register-dry-run", dry.stdout);
    assert_snapshot!("register", home.done(&user(), &args));
    home.admin(&user(), &[&args[..], &["--yes"]].concat())
        .assert_fails(1, &["has registered a node with this key already"]);
    let long = "x".repeat(101);
    let mut named = args;
    named[2] = &long;
    home.admin(&pauper(), &[&named[..], &["--yes"]].concat())
        .assert_fails(1, &["longer than 100 bytes"]);

    // A node without stake is only listed when asked for.
    assert!(!home.shown(&user(), &["pools"]).contains("newcomer"));
    assert!(
        home.shown(&user(), &["pools", "--all"])
            .contains("newcomer")
    );
    let pools = scene.json(&user(), &["pools", "--all"]);
    let newcomer = pools
        .as_array()
        .expect("a list")
        .iter()
        .find(|pool| pool["name"] == "newcomer")
        .expect("it is registered");
    assert_eq!(newcomer["votes"]["storagePrice"], 100_000);
    assert_eq!(newcomer["commissionRate"], 500);

    // Stake with it is warned about: it serves in no committee.
    let node = newcomer["nodeId"].as_str().expect("an ID");
    let outcome = home.admin(&user(), &["stake", "5000WAL", "--node", node, "--yes"]);
    assert!(outcome.success, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("serves in no committee"),
        "{}",
        outcome.stderr
    );
    scene.half_an_epoch().await;
    home.done(&pauper(), &["epoch", "advance"]);
    assert_snapshot!("pools-next-selected", home.shown(&user(), &["pools"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commission_goes_where_its_owner_says() {
    let scene = Scene::new().await;
    let _filters = bind();
    let (home, boss) = (&scene.home, operator(0));
    home.admin(&boss, &["collect-commission", "--yes"])
        .assert_fails(1, &["has no commission to collect now"]);
    scene.raise_prices();
    for index in 0..NODES {
        home.done(&operator(index), &["set-commission", "50%"]);
    }
    scene.next_epoch().await;
    scene.next_epoch().await;
    scene.network.register(1, 1_500_000).await;
    scene.next_epoch().await;
    home.admin(&boss, &["collect-commission", "--yes"])
        .assert_fails(
            1,
            &[
                "no commission to collect now",
                "after the voting of the epoch has ended",
            ],
        );
    scene.half_an_epoch().await;
    home.done(&pauper(), &["epoch", "advance"]);

    let node = scene.nodes[0].as_str();
    home.admin(&user(), &["collect-commission", "--node", node, "--yes"])
        .assert_fails(
            1,
            &["the commission of", "in the hands of whoever owns object"],
        );

    // What everybody could use is no safe receiver.
    let system = scene.network.deployment.system_object.to_string();
    let package = scene.network.deployment.walrus_package.to_string();
    for (object, reason) in [(&system, "is shared"), (&package, "is immutable")] {
        home.admin(
            &boss,
            &["authorize", "commission", "--object", object, "--yes"],
        )
        .assert_fails(1, &[reason, "everybody could use it"]);
    }
    let receiver = user().address().to_string();
    assert_snapshot!(
        "authorize",
        home.done(&boss, &["authorize", "commission", "--address", &receiver])
    );
    home.admin(
        &boss,
        &["authorize", "commission", "--address", &receiver, "--yes"],
    )
    .assert_fails(1, &["already"]);
    home.admin(&boss, &["collect-commission", "--yes"])
        .assert_fails(1, &["in the hands of account", &receiver]);
    let collected = scene
        .home
        .done(&user(), &["collect-commission", "--node", node, "--json"]);
    let collected: Value = serde_json::from_str(&collected).expect("JSON");
    assert!(
        collected["collected"].as_u64().expect("a number") > 0,
        "{collected}"
    );
    home.admin(&user(), &["collect-commission", "--node", node, "--yes"])
        .assert_fails(1, &["no commission to collect now"]);

    let other = pauper().address().to_string();
    home.done(&boss, &["authorize", "governance", "--address", &other]);
    home.admin(
        &boss,
        &["authorize", "governance", "--address", &receiver, "--yes"],
    )
    .assert_fails(
        1,
        &[
            "the right to vote in governance",
            "in the hands of account",
            &other,
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_for_others_to_sign_are_printed() {
    let scene = Scene::new().await;
    let home = &scene.home;
    let sender = user().address().to_string();
    let args = [
        "stake",
        "2WAL",
        "--node",
        &scene.nodes[2],
        "--serialize-unsigned",
    ];

    // A wallet without the key prepares for one who has it.
    let printed = home.admin(&pauper(), &[&args[..], &["--sender", &sender]].concat());
    assert!(printed.success, "{}", printed.stderr);
    assert!(printed.stderr.contains("Not sent."), "{}", printed.stderr);
    assert_eq!(printed.stdout.lines().count(), 1);
    assert_eq!(scene.stakes(), Vec::<String>::new());

    let transaction: OfflineTransaction = printed.stdout.parse().expect("a transaction");
    assert_eq!(transaction.sender(), user().address());
    let rpc = scene.network.reader.rpc();
    let wrong = sign_elsewhere(&pauper(), printed.stdout.trim());
    transaction
        .execute(rpc, &[wrong])
        .await
        .expect_err("the signature is another account's");
    let right = sign_elsewhere(&user(), printed.stdout.trim());
    let executed = transaction
        .execute(rpc, &[right])
        .await
        .expect("it executes");
    assert_eq!(executed.digest, transaction.digest());
    assert_eq!(executed.created("staked_wal", "StakedWal").count(), 1);
    assert_eq!(scene.stakes().len(), 1);

    let json = home
        .admin(&user(), &[&args[..], &["--json"]].concat())
        .json();
    assert_eq!(json["sender"], sender.as_str());
    assert!(json["gasBudgetMist"].as_u64().expect("a number") > 0);
    assert!(
        json["plan"]
            .as_str()
            .expect("a text")
            .starts_with("Stake 2 WAL with node \"node-2\"")
    );

    // To send, the key is needed.
    home.admin(
        &pauper(),
        &[
            "stake",
            "2WAL",
            "--node",
            &scene.nodes[2],
            "--sender",
            &sender,
            "--yes",
        ],
    )
    .assert_fails(
        1,
        &["cannot sign", "--serialize-unsigned", "no key for address"],
    );
}

#[test]
fn manuals_and_completions_are_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(walrus_tests::binary("walrus-admin"));
        walrus_tests::run(command.args(args).current_dir(folder.path()))
    };
    let page = run(&["man"]);
    assert!(
        page.success && page.stdout.contains(".TH walrus-admin"),
        "{}",
        page.stdout
    );
    assert!(run(&["man", "--out", "pages"]).success);
    let pages: Vec<_> = std::fs::read_dir(folder.path().join("pages"))
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    for name in [
        "walrus-admin.1",
        "walrus-admin-stake.1",
        "walrus-admin-epoch-advance.1",
    ] {
        assert!(
            pages.iter().any(|page| page == name),
            "{name} is missing in {pages:?}"
        );
    }
    let script = run(&["completion", "--shell", "bash"]);
    assert!(script.stdout.contains("collect-commission"));
}
