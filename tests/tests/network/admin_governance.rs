//! `walrus-admin` as voters use it: proposals from their making to their end.

use insta::assert_snapshot;
use walrus_tests::{
    admin::FILTERS,
    contracts::{operator, pauper, user},
    voters::{DEPOSIT, Voters},
};

fn bind() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, replacement);
    }
    settings.bind_to_scope()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_proposed_voted_on_and_executed() {
    let scene = Voters::new().await;
    let _filters = bind();
    let home = &scene.home;
    home.done(&user(), &["stake", "1000WAL", "--node", &scene.nodes[0]]);
    scene.network.next_epoch().await;
    assert_snapshot!("rules", home.shown(&user(), &["proposals", "rules"]));
    assert_snapshot!(
        "no-proposals",
        home.shown(&user(), &["proposals", "list", "--all"])
    );

    proposals_that_cannot_be_made_are_refused(&scene);
    let node = &scene.nodes[1];
    home.admin(&user(), &["proposals", "vote", "0", "yes", "--yes"])
        .assert_fails(1, &["there is no proposal 0"]);

    let proposed = home.done(
        &user(),
        &[
            "proposals",
            "new",
            "text",
            "--title",
            "Kinder errors",
            "--text",
            "Let us be kind.",
        ],
    );
    assert_snapshot!("new", proposed);
    assert_snapshot!("list-pending", home.shown(&user(), &["proposals", "list"]));

    stakes_are_attested_before_the_vote_opens(&scene);
    assert_snapshot!("vote", scene.vote(&operator(0), "0", "yes"));
    home.admin(&operator(0), &["proposals", "vote", "0", "yes", "--yes"])
        .assert_fails(1, &["has voted yes", "already"]);
    home.admin(&user(), &["proposals", "vote", "0", "no", "--yes"])
        .assert_fails(1, &["can vote for no node", "--all-stake"]);
    home.admin(
        &pauper(),
        &["proposals", "vote", "0", "no", "--all-stake", "--yes"],
    )
    .assert_fails(1, &["has no stake that can vote"]);
    home.admin(
        &operator(0),
        &["proposals", "vote", "0", "no", "--node", node, "--yes"],
    )
    .assert_fails(1, &["the vote of", "in the hands of account"]);
    home.admin(&operator(1), &["proposals", "queue", "0", "--yes"])
        .assert_fails(1, &["cannot be queued now", "it is active"]);

    // A delegator speaks for itself: half of the stake of node 0.
    assert_snapshot!(
        "vote-stake",
        home.done(
            &user(),
            &[
                "proposals",
                "vote",
                "0",
                "no",
                "--all-stake",
                "--reason",
                "too kind"
            ]
        )
    );
    scene.vote(&operator(1), "0", "no");
    scene.vote(&operator(1), "0", "yes");
    home.done(
        &operator(2),
        &["proposals", "vote", "0", "yes", "--reason", "indeed"],
    );
    assert_snapshot!(
        "show-active",
        home.shown(&user(), &["proposals", "show", "0"])
    );
    assert_snapshot!("list-active", home.shown(&user(), &["proposals", "list"]));
    let late = home.admin(&operator(3), &["proposals", "vote", "0", "no", "--yes"]);
    assert!(late.success, "{}", late.stderr);
    assert!(
        late.stderr.contains("cannot matter any more"),
        "{}",
        late.stderr
    );
    home.admin(&user(), &["proposals", "unlock", "--yes"])
        .assert_fails(1, &["takes part in votes", "epoch 4"]);

    // The vote ends with epoch 3.
    scene.network.next_epoch().await;
    scene.network.next_epoch().await;
    home.admin(&operator(3), &["proposals", "vote", "0", "yes", "--yes"])
        .assert_fails(1, &["is over", "passed"]);
    assert_snapshot!("queue", home.done(&pauper(), &["proposals", "queue", "0"]));
    home.admin(&pauper(), &["proposals", "execute", "0", "--yes"])
        .assert_fails(1, &["cannot be executed now", "queued", "epoch 5"]);
    home.done(&user(), &["proposals", "unlock"]);
    scene.network.next_epoch().await;
    assert_snapshot!(
        "execute",
        home.done(&pauper(), &["proposals", "execute", "0"])
    );
    home.admin(&pauper(), &["proposals", "execute", "0", "--yes"])
        .assert_fails(1, &["cannot be executed", "it is executed"]);
    assert_snapshot!("list-over", home.shown(&user(), &["proposals", "list"]));
    assert_eq!(scene.json(&["show", "0"])["state"], "executed");
    let watched = home.shown(&user(), &["proposals", "watch", "0"]);
    assert!(watched.contains("is executed"), "{watched}");
}

fn proposals_that_cannot_be_made_are_refused(scene: &Voters) {
    let home = &scene.home;
    home.admin(&user(), &["proposals", "show", "0"])
        .assert_fails(1, &["there is no proposal 0"]);
    let long = "x".repeat(4097);
    home.admin(
        &user(),
        &[
            "proposals",
            "new",
            "text",
            "--title",
            "t",
            "--text",
            &long,
            "--yes",
        ],
    )
    .assert_fails(1, &["1 to 4096 bytes", "--blob"]);
    home.admin(
        &pauper(),
        &[
            "proposals",
            "new",
            "text",
            "--title",
            "t",
            "--text",
            "x",
            "--yes",
        ],
    )
    .assert_fails(1, &["not enough WAL", "need 10 WAL"]);
}

/// Nobody opens the vote on proposal 0 before nodes with more than a third of the shards say what
/// is staked. Node 0 has 4 shards in this epoch, the others 2.
fn stakes_are_attested_before_the_vote_opens(scene: &Voters) {
    let home = &scene.home;
    let open = ["proposals", "open", "0"];
    let open_yes = [&open[..], &["--yes"]].concat();
    home.admin(&operator(1), &["proposals", "vote", "0", "yes", "--yes"])
        .assert_fails(
            1,
            &[
                "cannot open yet",
                "nodes with 4 shards",
                "with this node it would be 2",
                "proposals open 0",
            ],
        );
    let with_stake = ["proposals", "vote", "0", "yes", "--all-stake", "--yes"];
    home.admin(&user(), &with_stake)
        .assert_fails(1, &["cannot open yet", "none has"]);
    home.admin(&pauper(), &open_yes)
        .assert_fails(1, &["cannot open yet", "none has"]);
    assert_snapshot!("attest", home.done(&operator(1), &open));
    home.admin(&operator(1), &open_yes)
        .assert_fails(1, &["cannot open yet", "those with 2 have"]);
    assert_eq!(scene.json(&["show", "0"])["state"], "pending");
    assert_snapshot!(
        "open-dry-run",
        home.shown(&operator(2), &[&open[..], &["--dry-run"]].concat())
    );
    assert_snapshot!("open", home.done(&operator(2), &open));
    home.admin(&operator(3), &open_yes)
        .assert_fails(1, &["is open already"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_defeated_and_what_is_taken_back_is_cancelled() {
    let scene = Voters::new().await;
    let home = &scene.home;
    let first = scene.propose(&["text"], "Refused");
    let second = scene.propose(&["advice", "--write-price", "3FROST"], "Taken back");
    home.admin(&pauper(), &["proposals", "cancel", &second, "--yes"])
        .assert_fails(1, &["only its proposer"]);
    let before = scene
        .network
        .reader
        .wal_balance(user().address())
        .await
        .expect("a balance");
    home.done(&user(), &["proposals", "cancel", &second]);
    let after = scene
        .network
        .reader
        .wal_balance(user().address())
        .await
        .expect("a balance");
    assert_eq!(after.0 - before.0, DEPOSIT.0);
    assert_eq!(scene.json(&["show", &second])["state"], "cancelled");

    // One node attests, the vote of the next one opens the ballot with it.
    home.done(&operator(0), &["proposals", "open", &first]);
    for index in [1, 0, 2] {
        scene.vote(&operator(index), &first, "no");
    }
    assert_eq!(scene.json(&["show", &first])["outlook"], "willFail");
    scene.network.next_epoch().await;
    scene.network.next_epoch().await;
    assert_eq!(scene.json(&["show", &first])["state"], "defeated");
    home.admin(&pauper(), &["proposals", "queue", &first, "--yes"])
        .assert_fails(1, &["cannot be queued", "defeated"]);
    home.done(&pauper(), &["proposals", "close", &first]);
    assert_eq!(scene.json(&["show", &first])["nextStep"], "none");
    home.admin(&pauper(), &["proposals", "close", &first, "--yes"])
        .assert_fails(1, &["cannot be closed", "defeated"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_hand_their_authority_over_and_carry_out_what_is_decided() {
    let scene = Voters::new().await;
    let _filters = bind();
    let home = &scene.home;
    let upgrade = scene.propose(&["upgrade", "--package", "walrus_v4"], "Version 4");
    let slash = scene.propose(
        &["slash", "--candidate", &scene.nodes[3]],
        "Node 3 lost data",
    );
    let check = scene.json(&["check", &upgrade]);
    assert_eq!(check["matches"], true, "{check}");
    let changes: Vec<_> = check["modules"]
        .as_array()
        .expect("modules")
        .iter()
        .filter(|module| module["change"] != "same")
        .map(|module| (module["name"].as_str(), module["change"].as_str()))
        .collect();
    assert_eq!(changes, [(Some("release"), Some("changed"))]);
    let text = home.shown(&user(), &["proposals", "check", &upgrade]);
    let verdict: Vec<_> = text.lines().rev().take(4).collect();
    assert_snapshot!("check", verdict.join("\n"));
    home.admin(
        &user(),
        &["proposals", "check", &upgrade, "--package", "walrus"],
    )
    .assert_fails(1, &["is not the package"]);
    home.admin(&user(), &["proposals", "check", &slash])
        .assert_fails(1, &["proposes no upgrade"]);
    scene.open(&upgrade);
    for index in 0..3 {
        scene.vote(&operator(index), &upgrade, "yes");
        scene.vote(&operator(index), &slash, "yes");
    }
    scene.network.next_epoch().await;
    scene.network.next_epoch().await;
    home.done(&pauper(), &["proposals", "queue", &upgrade]);
    home.done(&pauper(), &["proposals", "queue", &slash]);
    scene.network.next_epoch().await;

    home.admin(&pauper(), &["proposals", "execute", &slash, "--yes"])
        .assert_fails(
            1,
            &["needs 7 shards", "there are 0", "walrus-admin delegate"],
        );
    assert_snapshot!("delegate", home.done(&operator(0), &["delegate"]));
    home.admin(&operator(0), &["delegate", "--yes"])
        .assert_fails(1, &["has handed its authority over already"]);
    home.done(&operator(1), &["delegate"]);
    home.admin(&pauper(), &["proposals", "execute", &slash, "--yes"])
        .assert_fails(1, &["needs 7 shards", "there are 6"]);
    home.done(&operator(2), &["delegate"]);
    assert_snapshot!(
        "execute-slash",
        home.done(&pauper(), &["proposals", "execute", &slash])
    );
    assert_snapshot!(
        "execute-upgrade",
        home.done(&pauper(), &["proposals", "execute", &upgrade])
    );
    let state = scene
        .network
        .reader
        .contract_state()
        .await
        .expect("the contracts");
    assert!(
        state.system.new_package_id.is_some(),
        "the upgrade is committed"
    );

    // Nodes keep their vote on proposals, and get their authority back.
    let another = scene.propose(&["text"], "Another");
    scene.open(&another);
    scene.vote(&operator(0), &another, "no");
    let back = operator(0).address().to_string();
    assert_snapshot!(
        "revoke",
        home.done(&operator(0), &["revoke", "--address", &back])
    );
    home.admin(&operator(0), &["revoke", "--address", &back, "--yes"])
        .assert_fails(1, &["has not handed its authority over"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_object_to_what_passed() {
    let scene = Voters::new().await;
    let _filters = bind();
    let home = &scene.home;
    let number = scene.propose(&["text"], "On second thought");
    scene.open(&number);
    for index in 0..3 {
        scene.vote(&operator(index), &number, "yes");
    }
    let object = ["proposals", "object", &number];
    let object_yes = [&object[..], &["--yes"]].concat();
    home.admin(&operator(0), &object_yes)
        .assert_fails(1, &["cannot be objected to now", "active"]);
    scene.network.next_epoch().await;
    scene.network.next_epoch().await;
    home.done(&pauper(), &["proposals", "queue", &number]);

    home.admin(&user(), &object_yes)
        .assert_fails(1, &["can vote for no node that could object"]);
    let foreign = [&object_yes[..], &["--node", &scene.nodes[1]]].concat();
    home.admin(&operator(0), &foreign)
        .assert_fails(1, &["the vote of", "in the hands of account"]);
    let dry_run = [&object[..], &["--dry-run"]].concat();
    assert_snapshot!("object-dry-run", home.shown(&operator(0), &dry_run));
    assert_eq!(scene.json(&["show", &number])["state"], "queued");

    // 3 of the 4 shards that are needed, then 6.
    assert_snapshot!("object", home.done(&operator(0), &object));
    assert_eq!(scene.json(&["show", &number])["state"], "queued");
    home.admin(&operator(0), &object_yes)
        .assert_fails(1, &["has objected to", "already"]);
    home.done(&operator(1), &object);
    assert_eq!(scene.json(&["show", &number])["state"], "cancelled");
    home.admin(&operator(2), &object_yes)
        .assert_fails(1, &["cannot be objected to", "cancelled"]);
    scene.network.next_epoch().await;
    home.admin(&pauper(), &["proposals", "execute", &number, "--yes"])
        .assert_fails(1, &["cannot be executed", "cancelled"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stake_takes_its_votes_back() {
    let scene = Voters::new().await;
    let _filters = bind();
    let home = &scene.home;
    home.done(&user(), &["stake", "1000WAL", "--node", &scene.nodes[0]]);
    scene.network.next_epoch().await;
    let stakes = home.shown(&user(), &["stakes", "--json"]);
    let number = scene.propose(&["text"], "Half of a node");
    scene.open(&number);
    scene.vote(&operator(0), &number, "yes");
    let of_node = scene.json(&["show", &number])["votes"].clone();
    home.done(
        &user(),
        &["proposals", "vote", &number, "no", "--all-stake"],
    );
    assert_ne!(scene.json(&["show", &number])["votes"], of_node);

    let reader = &scene.network.reader;
    let owned = reader.owned_stake(user().address()).await;
    assert_eq!(owned.expect("the chain answers"), [], "it is locked");
    let object = scene.governance().to_string();
    let state = reader
        .governance(scene.governance())
        .await
        .expect("it is there");
    let locked = reader.owned_voting_stake(&state, user().address()).await;
    let stake = locked.expect("the chain answers")[0].id.to_string();

    let unlock = [
        "proposals",
        "unlock",
        &stake,
        "--governance",
        &object,
        "--yes",
    ];
    home.admin(&user(), &unlock)
        .assert_fails(1, &["takes part in votes until epoch", "--retract"]);
    let foreign = [&unlock[..], &["--retract"]].concat();
    home.admin(&pauper(), &foreign)
        .assert_fails(1, &["has no stake", "that votes"]);
    let retract = ["proposals", "unlock", &stake, "--retract"];
    let dry_run = [&retract[..], &["--dry-run"]].concat();
    assert_snapshot!("retract-dry-run", home.shown(&user(), &dry_run));
    assert_snapshot!("retract", home.done(&user(), &retract));

    // The node speaks for all again, and the stake is as it was.
    assert_eq!(scene.json(&["show", &number])["votes"], of_node);
    let again = home.shown(&user(), &["stakes", "--json"]);
    assert_eq!(again, stakes);
    home.admin(&user(), &["proposals", "unlock", "--yes"])
        .assert_fails(1, &["no stake of the account is locked"]);
    home.done(
        &user(),
        &["proposals", "vote", &number, "yes", "--all-stake"],
    );
}
