//! The question that `walrus-admin` asks at a terminal before something happens.

use walrus_core::FROST_PER_WAL;
use walrus_tests::{
    CommandOutcome,
    admin::AdminHome,
    contracts::{ContractNetwork, user},
    terminal::Terminal,
};

const QUESTION: &str = "Proceed? [y/N]";

struct Scene {
    network: ContractNetwork,
    home: AdminHome,
    node: String,
}

impl Scene {
    async fn new() -> Self {
        let network = ContractNetwork::start(4, 10).await;
        Self {
            home: AdminHome::new(&network),
            node: network.deployer.nodes()[0].node_id.to_string(),
            network,
        }
    }

    /// Begins to stake 12.5 WAL, and waits for the question.
    fn ask(&self) -> Terminal {
        let mut command = self.home.command(&user());
        let mut terminal =
            Terminal::start(command.args(["stake", "12.5WAL", "--node", &self.node]));
        terminal.wait_for(QUESTION);
        terminal
    }

    async fn stakes(&self) -> Vec<u64> {
        let stakes = self.network.reader.owned_stake(user().address()).await;
        let stakes = stakes.expect("the chain answers");
        stakes.iter().map(|stake| stake.principal.value).collect()
    }
}

fn assert_declined(outcome: &CommandOutcome) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    let last = outcome.stderr.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("Error: not confirmed; nothing was sent"),
        "{}",
        outcome.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_yes_is_a_yes() {
    let scene = Scene::new().await;
    for answer in ["n\n", "\n", "no, yes is wrong\n", "maybe\n"] {
        let mut terminal = scene.ask();
        terminal.type_in(answer);
        assert_declined(&terminal.finish());
    }
    let mut terminal = scene.ask();
    terminal.end_input();
    assert_declined(&terminal.finish());
    assert_eq!(scene.stakes().await, [0; 0]);

    for (count, answer) in ["y\n", "Yes\n"].into_iter().enumerate() {
        let mut terminal = scene.ask();
        terminal.type_in(answer);
        let outcome = terminal.finish();
        assert!(outcome.success, "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("Stake 12.5 WAL") && outcome.stderr.contains("Gas: at most"),
            "the question says what will happen: {}",
            outcome.stderr
        );
        assert!(
            outcome.stdout.starts_with("Success: "),
            "{}",
            outcome.stdout
        );
        let stakes = scene.stakes().await;
        assert_eq!(stakes, vec![25 * FROST_PER_WAL / 2; count + 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_can_answer_a_command_says_how_to_go_on() {
    let scene = Scene::new().await;
    let stake = ["stake", "12.5WAL", "--node", &scene.node];
    scene.home.admin(&user(), &stake).assert_fails(
        1,
        &["needs a confirmation: Stake 12.5 WAL", "--yes", "--dry-run"],
    );
    assert_eq!(scene.stakes().await, [0; 0]);
}
