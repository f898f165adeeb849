//! The full node dies in the middle of a `walrus-admin` command: one clear line, and the command
//! run again does what was wanted once.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use walrus_core::FROST_PER_WAL;
use walrus_sui::SuiReader;
use walrus_tests::{
    CommandOutcome,
    admin::AdminHome,
    contracts::{ContractNetwork, user},
    proxy::{Deadly, Proxy},
    terminal::Terminal,
};

/// How files begin in which a transaction is written down before it is sent.
const RECORD: &str = "walrus-admin-";

/// A network whose user reaches the chain through a full node that dies.
struct Scene {
    network: ContractNetwork,
    node: String,
    home: AdminHome,
    proxy: Proxy,
}

impl Scene {
    async fn new(deadly: impl FnOnce(SuiReader) -> Deadly) -> Self {
        let network = ContractNetwork::start(4, 10).await;
        let url = network.localnet.rpc_url();
        let proxy = Proxy::start(&url, deadly(network.reader.clone())).await;
        Self {
            home: AdminHome::with_full_node(&network, proxy.url()),
            node: network.deployer.nodes()[0].node_id.to_string(),
            network,
            proxy,
        }
    }

    fn stake(&self, amount: &str, options: &[&str]) -> CommandOutcome {
        let args = ["stake", amount, "--node", &self.node, "--yes"];
        self.home.admin(&user(), &[&args, options].concat())
    }

    /// What the user has staked, in WAL.
    async fn stakes(&self) -> Vec<u64> {
        stakes(&self.network.reader).await
    }

    /// Transactions that are written down.
    fn records(&self) -> usize {
        records(self.home.path())
    }
}

fn records(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("a file").file_name());
    names
        .filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with(RECORD) && name.ends_with(".json")
        })
        .count()
}

async fn stakes(reader: &SuiReader) -> Vec<u64> {
    let stakes = reader.owned_stake(user().address()).await;
    let stakes = stakes.expect("the chain itself answers");
    let mut amounts: Vec<u64> = stakes
        .iter()
        .map(|stake| stake.principal.value / FROST_PER_WAL)
        .collect();
    amounts.sort_unstable();
    amounts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_anything_was_sent_nothing_has_happened() {
    let mut scene = Scene::new(|_| Deadly::default()).await;
    let mut command = scene.home.command(&user());
    let mut terminal = Terminal::start(command.args(["stake", "5WAL", "--node", &scene.node]));
    terminal.wait_for("Proceed? [y/N]");
    scene.proxy.die().await;
    terminal.type_in("y\n");
    let outcome = terminal.finish();
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let last = outcome.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains("Error: ") && last.contains(&scene.proxy.url()) && last.contains("refused"),
        "{}",
        outcome.stderr
    );
    assert!(!last.contains("was sent"), "{last}");
    assert_eq!(scene.stakes().await, [0; 0]);
    assert_eq!(scene.records(), 0);

    // As long as it is dead, that is said.
    scene
        .stake("5WAL", &[])
        .assert_fails(1, &[&scene.proxy.url(), "refused"]);
    let _proxy = scene.proxy.revive().await;
    let again = scene.stake("5WAL", &[]);
    assert!(again.success, "{}", again.stderr);
    assert_eq!(scene.stakes().await, [5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_executed_without_an_answer_is_not_done_again() {
    // It dies when the chain has executed the transaction, before the answer is out.
    let mut scene = Scene::new(|reader| {
        Deadly::before_answer(move || {
            let reader = reader.clone();
            async move { !stakes(&reader).await.is_empty() }
        })
    })
    .await;
    scene.stake("5WAL", &[]).assert_fails(
        1,
        &[
            "was sent, but no answer came",
            "run the same command again",
            &scene.proxy.url(),
        ],
    );
    scene.proxy.wait_for_death().await;
    assert_eq!(scene.stakes().await, [5]);
    assert_eq!(scene.records(), 1);

    // Still dead: nothing is forgotten. Dry runs do not care.
    scene
        .stake("5WAL", &[])
        .assert_fails(1, &[&scene.proxy.url(), "refused"]);
    let _proxy = scene.proxy.revive().await;
    let dry = scene.stake("5WAL", &["--dry-run"]);
    assert!(
        dry.success && dry.stdout.starts_with("Dry run"),
        "{}",
        dry.stderr
    );
    assert_eq!(scene.records(), 1);

    let again = scene.stake("5WAL", &[]);
    assert!(again.success, "{}", again.stderr);
    assert!(
        again.stdout.contains("earlier run of this command")
            && again.stdout.contains("\nTransaction: "),
        "{}",
        again.stdout
    );
    assert_eq!(scene.stakes().await, [5]);
    assert_eq!(scene.records(), 0);

    // From then on it is an ordinary command: whoever wants more gets more.
    let more = scene.stake("5WAL", &[]);
    assert!(more.success, "{}", more.stderr);
    assert_eq!(scene.stakes().await, [5, 5]);
    assert_eq!(scene.records(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_but_never_arrived_is_sent_once() {
    // It dies when the transaction is written down, before anything of it arrives.
    let folder = Arc::new(OnceLock::<PathBuf>::new());
    let known = Arc::clone(&folder);
    let mut scene = Scene::new(|_| {
        Deadly::before_request(move || {
            let is_recorded = known.get().is_some_and(|folder| records(folder) > 0);
            async move { is_recorded }
        })
    })
    .await;
    folder
        .set(scene.home.path().to_owned())
        .expect("it is set once");
    scene.stake("5WAL", &[]).assert_fails(
        1,
        &["was sent, but no answer came", "run the same command again"],
    );
    scene.proxy.wait_for_death().await;
    assert_eq!(scene.stakes().await, [0; 0]);
    let _proxy = scene.proxy.revive().await;
    let report: Value = scene.stake("5WAL", &["--json"]).json();
    assert_eq!(report["byEarlierRun"], true, "{report}");
    assert!(report["transaction"].is_string(), "{report}");
    assert_eq!(scene.stakes().await, [5]);
    assert_eq!(scene.records(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_command_says_what_became_of_the_one_that_was_cut_off() {
    let mut scene = Scene::new(|reader| {
        Deadly::before_answer(move || {
            let reader = reader.clone();
            async move { !stakes(&reader).await.is_empty() }
        })
    })
    .await;
    scene
        .stake("5WAL", &[])
        .assert_fails(1, &["was sent, but no answer came"]);
    scene.proxy.wait_for_death().await;
    let _proxy = scene.proxy.revive().await;
    let other = scene.stake("7WAL", &[]);
    assert!(other.success, "{}", other.stderr);
    assert!(
        other.stderr.contains("stake 5WAL") && other.stderr.contains("was executed"),
        "{}",
        other.stderr
    );
    assert_eq!(scene.stakes().await, [5, 7]);
    assert_eq!(scene.records(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_at_once_all_do_what_they_say() {
    let scene = Scene::new(|_| Deadly::default()).await;
    let stake = |amount: &str| {
        let mut command = scene.home.command(&user());
        command.args(["stake", amount, "--node", &scene.node, "--yes"]);
        command
    };
    // The wallet is made by the first use.
    drop(stake("1WAL"));
    // The same four times, and others besides.
    let outcomes: Vec<CommandOutcome> = std::thread::scope(|scope| {
        let running: Vec<_> = ["1WAL", "1WAL", "1WAL", "1WAL", "2WAL", "3WAL"]
            .iter()
            .map(|amount| scope.spawn(|| walrus_tests::run(&mut stake(amount))))
            .collect();
        let done = running.into_iter().map(|run| run.join().expect("it ends"));
        done.collect()
    });
    for outcome in outcomes {
        assert!(outcome.success, "{}", outcome.stderr);
        assert!(
            !outcome.stdout.contains("earlier run"),
            "{}",
            outcome.stdout
        );
    }
    assert_eq!(scene.stakes().await, [1, 1, 1, 1, 2, 3]);
    assert_eq!(scene.records(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_stand_elsewhere_when_the_folder_of_the_wallet_is_read_only() {
    let scene = Scene::new(|_| Deadly::default()).await;
    let chain = scene
        .network
        .reader
        .rpc()
        .chain_id()
        .await
        .expect("a chain");
    // Whoever runs this may write everywhere: what is in the way is a folder of that name.
    let name = format!("{RECORD}{chain}-{}.json.lock", user().address());
    fs::create_dir(scene.home.path().join(name)).expect("a writable folder");
    let states = scene.home.path().join("states");
    let stake = |states: &Path| {
        let mut command = scene.home.command(&user());
        command.args(["stake", "1WAL", "--node", &scene.node, "--yes"]);
        walrus_tests::run(command.env("XDG_STATE_HOME", states))
    };
    let outcome = stake(&states);
    assert!(outcome.success, "{}", outcome.stderr);
    assert_eq!(scene.stakes().await, [1]);
    assert_eq!(records(&states.join("walrus")), 0);

    // Nowhere: then nothing is sent, and the reason is said first.
    let file = scene.home.write("file", "");
    stake(&Path::new(&file).join("states")).assert_fails(1, &["nothing was sent", RECORD]);
    assert_eq!(scene.stakes().await, [1]);
}
