//! Ten epochs in the life of a committee of seven nodes, with everything that happens to one: every
//! step of staking, voting and epochs is a `walrus-admin` command.

use insta::assert_snapshot;
use walrus_contracts::types::Blob;
use walrus_core::Frost;
use walrus_deploy::{Authority, Extra};
use walrus_sui::contract::Persistence;
use walrus_tests::{
    admin::FILTERS,
    contracts::{admin, operator, pauper, protocol_key, user},
    scenario::{DEPOSIT, Scenario},
};

/// Nodes of the first committee. One more joins later.
const NODES: u8 = 7;
const SHARDS: u16 = 14;
/// What the admin stakes with each of them: no two nodes ever compete for a shard with equal stake.
const STAKES: [&str; 7] = [
    "2610WAL", "2450WAL", "2230WAL", "2010WAL", "1830WAL", "1590WAL", "1420WAL",
];
/// The nodes that hand their authority over to the governance.
const DELEGATING: std::ops::Range<u8> = 0..6;
/// The node that is slashed.
const SLASHED: usize = 5;
/// The node that leaves.
const LEAVING: usize = 6;
/// The node that joins.
const JOINING: usize = 7;
/// Numbers of the proposals.
const UPGRADE: &str = "0";
const SLASH: &str = "1";
const GIFT: &str = "2";
const ADVICE: &str = "3";

/// Blobs of the user, each for what happens to it.
struct Blobs {
    expiring: Blob,
    deleted: Blob,
    /// Registered before the upgrade, certified after it.
    late: Blob,
    extended: Blob,
}

fn bind() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, replacement);
    }
    settings.bind_to_scope()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_lives_through_ten_epochs() {
    let mut scenario = Scenario::new(NODES + 1, SHARDS).await;
    let _filters = bind();
    nodes_register_and_stake_arrives(&mut scenario).await;
    let blobs = blobs_are_stored_and_a_node_joins(&mut scenario).await;
    proposals_are_made_and_a_node_leaves(&mut scenario, &blobs).await;
    stake_moves_and_prices_have_changed(&mut scenario).await;
    votes_are_counted_and_a_blob_has_expired(&mut scenario, &blobs).await;
    decisions_are_carried_out(&mut scenario, &blobs).await;
    the_new_version_takes_proposals_and_keys(&mut scenario).await;
    commission_is_collected(&mut scenario).await;
    advice_is_queued(&mut scenario, &blobs).await;
    advice_is_followed(&mut scenario).await;
    stake_comes_out_with_rewards(&mut scenario).await;
    assert_eq!(scenario.epoch(), 11);
}

/// Epoch 0.
async fn nodes_register_and_stake_arrives(scenario: &mut Scenario) {
    assert_snapshot!("register", scenario.register_node("5%"));
    for index in 1..usize::from(NODES) {
        let commission = if index == SLASHED { "10%" } else { "5%" };
        scenario.register_node(commission);
    }
    let home = &scenario.home;
    assert_snapshot!("epoch-zero", home.shown(&pauper(), &["epoch"]));
    let nodes = scenario
        .nodes
        .iter()
        .flat_map(|node| ["--node", node.as_str()]);
    let args: Vec<&str> = ["stake"].into_iter().chain(STAKES).chain(nodes).collect();
    home.done(&admin(), &args);
    scenario.next_epoch().await;
    assert_snapshot!(
        "committee-1",
        scenario.home.shown(&pauper(), &["committee"])
    );
    scenario.assert_conserved().await;
}

/// Epoch 1.
async fn blobs_are_stored_and_a_node_joins(scenario: &mut Scenario) -> Blobs {
    let blobs = Blobs {
        expiring: scenario.store(1, Persistence::Permanent, 3).await,
        deleted: scenario.store(2, Persistence::Deletable, 9).await,
        late: scenario.store(3, Persistence::Permanent, 9).await,
        extended: scenario.store(4, Persistence::Permanent, 5).await,
    };
    for blob in [&blobs.expiring, &blobs.deleted, &blobs.extended] {
        scenario.certify(blob).await;
    }
    scenario.register_node("0%");
    let home = &scenario.home;
    let [second, joining] = [1, JOINING].map(|index| scenario.nodes[index].as_str());
    assert_snapshot!(
        "stake",
        home.done(
            &user(),
            &[
                "stake", "500WAL", "2000WAL", "--node", second, "--node", joining
            ]
        )
    );
    assert_snapshot!("stakes-pending", home.shown(&user(), &["stakes"]));
    home.done(&operator(2), &["set-commission", "20%"]);
    assert_snapshot!("voting-end", scenario.end_voting().await);
    assert_snapshot!("pools-selected", scenario.home.shown(&user(), &["pools"]));
    assert_snapshot!("epoch-start", scenario.start_epoch().await);
    scenario.assert_conserved().await;
    blobs
}

/// Epoch 2.
async fn proposals_are_made_and_a_node_leaves(scenario: &mut Scenario, blobs: &Blobs) {
    let home = &scenario.home;
    assert_snapshot!("committee-2", home.shown(&pauper(), &["committee"]));
    assert_eq!(scenario.shards()["node-7"], 2);
    for index in DELEGATING {
        home.done(&operator(index), &["delegate"]);
    }
    // Five nodes with 10 of 14 shards want twice the price.
    assert_eq!(scenario.storage_price(), 1_000_000);
    for index in 0..5 {
        home.done(&operator(index), &["set-price", "--storage", "0.002WAL"]);
    }

    let propose = |kind: &[&str], title: &str| {
        let text = ["--title", title, "--text", "Because it is time."];
        home.done(&user(), &[&["proposals", "new"], kind, &text].concat())
    };
    let upgrade = propose(&["upgrade", "--package", "walrus_v4"], "Version 4");
    assert_snapshot!("new-upgrade", upgrade);
    let slashed = scenario.nodes[SLASHED].as_str();
    propose(&["slash", "--candidate", slashed], "node-5 lost data");
    propose(&["advice", "--storage-price", "1FROST"], "Almost free");
    let check = home.shown(&user(), &["proposals", "check", UPGRADE]);
    let verdict = check.find("1 of ").expect("one module differs");
    assert_snapshot!("check-upgrade", &check[verdict..]);

    // Two nodes with 5 of 14 shards are enough to attest the stakes.
    for index in [0, 1] {
        home.done(&operator(index), &["proposals", "open", UPGRADE]);
    }
    let vote = |index: u8, number: &str, choice: &str| {
        home.done(&operator(index), &["proposals", "vote", number, choice])
    };
    for index in [0, 1, 2, 3] {
        vote(index, UPGRADE, "yes");
    }
    vote(4, UPGRADE, "abstain");
    // The user's node says yes, but not for the user.
    let own = ["proposals", "vote", UPGRADE, "no", "--all-stake"];
    let reason = ["--reason", "too early for me"];
    assert_snapshot!(
        "vote-stake",
        home.done(&user(), &[&own[..], &reason].concat())
    );
    for index in [0, 1, 2, 4] {
        vote(index, SLASH, "yes");
    }
    vote(5, SLASH, "no");
    vote(6, GIFT, "yes");
    for index in [0, 1, 3] {
        vote(index, GIFT, "no");
    }
    assert_snapshot!(
        "show-upgrade",
        home.shown(&user(), &["proposals", "show", UPGRADE])
    );
    assert_snapshot!("list-active", home.shown(&user(), &["proposals", "list"]));

    let leaving = scenario.nodes[LEAVING].as_str();
    assert_snapshot!(
        "unstake-node",
        home.done(&admin(), &["unstake", "--node", leaving])
    );
    scenario.extend(&blobs.extended, 1).await;
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 3.
async fn stake_moves_and_prices_have_changed(scenario: &mut Scenario) {
    let home = &scenario.home;
    assert_snapshot!("committee-3", home.shown(&pauper(), &["committee"]));
    assert!(!scenario.shards().contains_key("node-6"));
    home.admin(&operator(6), &["epoch", "sync-done", "--yes"])
        .assert_fails(1, &["is not in the committee of epoch 3"]);
    assert_eq!(scenario.storage_price(), 2_000_000);

    // What the node earned comes out with the stake.
    let before = scenario.balance(&admin()).await;
    assert_snapshot!("withdraw", home.done(&admin(), &["withdraw"]));
    let paid = scenario.balance(&admin()).await.0 - before.0;
    assert!(paid > 1_420_000_000_000, "{paid}");

    let stake = scenario.stake_with(&admin(), 0);
    let part = ["unstake", &stake, "--amount", "410WAL"];
    assert_snapshot!("unstake-part", home.done(&admin(), &part));
    home.done(&admin(), &["stake", "410WAL", "--node", &scenario.nodes[3]]);
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 4.
async fn votes_are_counted_and_a_blob_has_expired(scenario: &mut Scenario, blobs: &Blobs) {
    let user_calls = &scenario.network.user;
    let expired = scenario.blob(&blobs.expiring).await;
    assert_eq!(expired.storage.end_epoch, scenario.epoch());
    user_calls
        .extend_blob(&expired, 1)
        .await
        .expect_err("the blob has expired");
    user_calls
        .delete_blob(blobs.deleted.id)
        .await
        .expect("the blob is deletable");

    let home = &scenario.home;
    home.done(&admin(), &["withdraw"]);
    let before = scenario.balance(&user()).await;
    assert_snapshot!("list-voted", home.shown(&user(), &["proposals", "list"]));
    assert_snapshot!(
        "queue-upgrade",
        home.done(&pauper(), &["proposals", "queue", UPGRADE])
    );
    home.done(&pauper(), &["proposals", "queue", SLASH]);
    home.admin(&pauper(), &["proposals", "queue", GIFT, "--yes"])
        .assert_fails(1, &["cannot be queued", "defeated"]);
    assert_snapshot!(
        "close-defeated",
        home.done(&pauper(), &["proposals", "close", GIFT])
    );
    // Two deposits come back; that of a clear refusal does not.
    let returned = scenario.balance(&user()).await.0 - before.0;
    assert_eq!(returned, 2 * DEPOSIT.0);
    assert_snapshot!("unlock", home.done(&user(), &["proposals", "unlock"]));
    home.admin(&pauper(), &["proposals", "execute", UPGRADE, "--yes"])
        .assert_fails(1, &["cannot be executed now", "epoch 5"]);
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 5.
async fn decisions_are_carried_out(scenario: &mut Scenario, blobs: &Blobs) {
    let commission = scenario.commission(SLASHED).await;
    assert!(commission > Frost(0), "there is something to burn");
    let executed = scenario
        .home
        .done(&pauper(), &["proposals", "execute", SLASH]);
    assert_snapshot!("execute-slash", executed);
    assert_eq!(scenario.commission(SLASHED).await, Frost(0));
    scenario.burn(commission);
    scenario.assert_conserved().await;

    let executed = scenario
        .home
        .done(&pauper(), &["proposals", "execute", UPGRADE]);
    assert_snapshot!("execute-upgrade", executed);
    for index in DELEGATING {
        let back = operator(index).address().to_string();
        let args = ["revoke", "--address", &back];
        scenario.home.done(&operator(index), &args);
    }
    // Between upgrade and migration the old version is in use.
    let old = scenario.network.deployment.walrus_package;
    let reader = scenario.network.reader.clone();
    assert_eq!(reader.refs().await.expect("the contracts").package, old);

    migrate(scenario).await;
    let state = reader.contract_state().await.expect("the contracts");
    assert_eq!((state.system.version, state.staking.version), (4, 4));
    assert_ne!(state.staking.package_id, old);
    scenario.certify(&blobs.late).await;
    scenario.extend(&blobs.late, 1).await;
    scenario.extend(&blobs.extended, 4).await;
    let list = ["proposals", "list", "--all"];
    assert_snapshot!("list-executed", scenario.home.shown(&user(), &list));
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// The contracts work with the new version, and the governance calls it.
async fn migrate(scenario: &mut Scenario) {
    let deployer = &mut scenario.network.deployer;
    let target = deployer.target().expect("it is deployed");
    let package = deployer.migrate(&target).await.expect("it is committed");
    let relinked = deployer
        .relink(Extra::WalrusGovernance, Authority::Emergency)
        .await
        .expect("no node has handed its authority over");
    assert!(relinked);
    let refs = scenario.network.reader.refs().await;
    assert_eq!(refs.expect("the contracts").package, package);
}

/// Epoch 6.
async fn the_new_version_takes_proposals_and_keys(scenario: &mut Scenario) {
    let home = &scenario.home;
    let price = ["--storage-price", "0.0015WAL"];
    let text = ["--title", "A fair price", "--text", "Half way back."];
    let new = [&["proposals", "new", "advice"][..], &price, &text].concat();
    home.done(&user(), &new);
    for index in [0, 1] {
        home.done(&operator(index), &["proposals", "open", ADVICE]);
    }
    for index in [0, 1, 2, 4] {
        home.done(&operator(index), &["proposals", "vote", ADVICE, "yes"]);
    }
    let key = scenario.write_key(50, &protocol_key(50));
    assert_snapshot!(
        "rotate-key",
        home.done(&operator(3), &["rotate-key", "--protocol-key", &key])
    );
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 7.
async fn commission_is_collected(scenario: &mut Scenario) {
    let committee = scenario.network.committee().await;
    let rotated = protocol_key(50).public();
    assert!(
        committee
            .members
            .iter()
            .any(|member| member.public_key == rotated)
    );
    let blob = scenario.store(5, Persistence::Permanent, 3).await;
    scenario.certify(&blob).await;

    scenario.end_voting().await;
    let commission = scenario.commission(2).await;
    let before = scenario.balance(&operator(2)).await;
    let collected = scenario.home.done(&operator(2), &["collect-commission"]);
    assert_snapshot!("collect-commission", collected);
    let after = scenario.balance(&operator(2)).await;
    assert_eq!(after.0 - before.0, commission.0);
    scenario.start_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 8.
async fn advice_is_queued(scenario: &mut Scenario, blobs: &Blobs) {
    scenario
        .home
        .done(&pauper(), &["proposals", "queue", ADVICE]);
    let again = scenario.store(2, Persistence::Deletable, 2).await;
    scenario.certify(&again).await;
    assert_eq!(again.blob_id, blobs.deleted.blob_id);
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 9.
async fn advice_is_followed(scenario: &mut Scenario) {
    let home = &scenario.home;
    assert_snapshot!(
        "execute-advice",
        home.done(&pauper(), &["proposals", "execute", ADVICE])
    );
    assert_eq!(scenario.storage_price(), 2_000_000);
    for index in 0..5 {
        let args = ["set-price", "--storage", "0.0015WAL", "--apply"];
        home.done(&operator(index), &args);
    }
    assert_eq!(scenario.storage_price(), 1_500_000);
    assert_snapshot!("stakes-earned", home.shown(&user(), &["stakes"]));
    home.done(&user(), &["unstake", "--node", &scenario.nodes[1]]);
    scenario.next_epoch().await;
    scenario.assert_conserved().await;
}

/// Epoch 10.
async fn stake_comes_out_with_rewards(scenario: &mut Scenario) {
    let before = scenario.balance(&user()).await;
    assert_snapshot!("withdraw-stake", scenario.home.done(&user(), &["withdraw"]));
    let paid = scenario.balance(&user()).await.0 - before.0;
    assert!(paid > 500_000_000_000, "{paid}");
    scenario.next_epoch().await;
    let home = &scenario.home;
    assert_snapshot!("committee-11", home.shown(&pauper(), &["committee"]));
    assert_snapshot!(
        "proposals",
        home.shown(&user(), &["proposals", "list", "--all"])
    );
    let proposal = scenario.json(&user(), &["proposals", "show", GIFT]);
    assert_eq!(proposal["deposit"], 0);
    assert_eq!(proposal["state"], "defeated");
    scenario.assert_conserved().await;
}
