//! An upgrade of the governance package itself by approval of the nodes that handed their authority
//! over.

use insta::assert_snapshot;
use serde_json::Value;
use walrus_contracts::{
    abort::walrus_governance::OwnPackageError,
    packages::{self, LinkedPackage},
};
use walrus_core::ObjectId;
use walrus_deploy::{Authority, DeployError, Extra};
use walrus_sui::{
    SuiError,
    contract::{self, GovernanceUpgradeAuthority},
    governance::{APPROVAL_DELAY_MS, Support},
};
use walrus_tests::{
    admin::FILTERS,
    contracts::{operator, pauper, user},
    keys::sign_elsewhere,
    voters::Voters,
};

/// A digest of no package.
const WRONG: [u8; 32] = [0xAB; 32];
const APPROVE: [&str; 2] = ["proposals", "approve-upgrade"];

/// The governance package of this program, linked to the version of the contracts that was
/// committed last.
async fn new_package(scene: &Voters) -> LinkedPackage {
    let links = scene.network.reader.links_to_newest().await;
    packages::walrus_governance()
        .linked(&links.expect("the contracts"))
        .expect("the package can be linked")
}

/// Sends the upgrade to `package` as anybody can; the contract decides.
async fn upgrade_directly(scene: &Voters, package: &LinkedPackage) -> Result<(), SuiError> {
    let record = scene.network.deployer.extra(Extra::WalrusGovernance);
    let record = record.expect("it is published");
    let object = record.object.expect("it has an object");
    let authority = GovernanceUpgradeAuthority::Approvals;
    scene
        .network
        .user
        .executor()
        .run(&contract::governance_upgrade(
            package,
            record.package,
            object,
            authority,
        ))
        .await
        .map(|_| ())
}

async fn relink(scene: &mut Voters, authority: Authority) -> Result<bool, DeployError> {
    let deployer = &mut scene.network.deployer;
    deployer.relink(Extra::WalrusGovernance, authority).await
}

/// What is said to be missing.
fn missing(result: Result<bool, DeployError>) -> Support {
    match result.expect_err("not enough nodes approve") {
        DeployError::NotEnoughApprovals { support, .. } => support,
        error => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_approve_an_upgrade_of_the_governance_and_it_is_made() {
    let mut scene = Voters::new().await;
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, replacement);
    }
    let _filters = settings.bind_to_scope();

    // Nobody decides yet.
    scene
        .home
        .admin(&operator(0), &[&APPROVE[..], &["--yes"]].concat())
        .assert_fails(1, &["this very package already"]);
    let wrong = hex(&WRONG);
    let approve_wrong = [&APPROVE[..], &["--digest", &wrong, "--yes"]].concat();
    scene
        .home
        .admin(&operator(0), &approve_wrong)
        .assert_fails(1, &["no node that has handed its authority over"]);
    let shown = scene.home.shown(&user(), &["proposals", "approvals"]);
    assert!(shown.contains("bootstrap capability decides"), "{shown}");

    // Three nodes with 8 shards do, about a package that calls a new version of the contracts.
    for index in 0..3 {
        scene.home.done(&operator(index), &["delegate"]);
    }
    let target = scene.network.deployer.target().expect("it is deployed");
    scene
        .network
        .deployer
        .upgrade(&target, packages::walrus_v4(), Authority::Emergency)
        .await
        .expect("the admin has the capability");
    let new = new_package(&scene).await;
    // The capability needs the approval of two thirds of these; without it, two thirds of all
    // shards have to approve.
    let support = missing(relink(&mut scene, Authority::Emergency).await);
    assert_eq!(
        (support.counting, support.waiting, support.needed),
        (0, 0, 6)
    );
    let support = missing(relink(&mut scene, Authority::Votes).await);
    assert_eq!(
        (support.counting, support.waiting, support.needed),
        (0, 0, 7)
    );

    approvals_are_given(&scene, &new);

    // They count after a day, for nothing else, and only then.
    let support = missing(relink(&mut scene, Authority::Votes).await);
    assert_eq!(
        (support.counting, support.waiting, support.needed),
        (0, 6, 7)
    );
    let support = missing(relink(&mut scene, Authority::Emergency).await);
    assert_eq!(
        (support.counting, support.waiting, support.needed),
        (0, 6, 6)
    );
    assert_snapshot!(
        "approvals-waiting",
        scene.home.shown(&user(), &["proposals", "approvals"])
    );
    refused(upgrade_directly(&scene, &new).await);
    pass_a_day(&scene).await;
    // Two thirds of those that handed theirs over, but 6 of 10 in all.
    refused(upgrade_directly(&scene, &new).await);
    scene.home.done(&operator(2), &APPROVE);
    pass_a_day(&scene).await;
    let mut other = new.clone();
    other.modules.pop();
    other.digest = packages::package_digest(&other.modules, &other.dependencies);
    refused(upgrade_directly(&scene, &other).await);
    let mut disguised = other.clone();
    disguised.digest = new.digest;
    let error = upgrade_directly(&scene, &disguised)
        .await
        .expect_err("it is not what was approved");
    assert!(matches!(error, SuiError::UpgradeRefused(_)), "{error}");

    let report: Value = serde_json::from_str(
        &scene
            .home
            .shown(&user(), &["proposals", "approvals", "--json"]),
    )
    .expect("JSON");
    assert_eq!(report["upgrades"][0]["isEnough"], true, "{report}");
    assert_eq!(report["upgrades"][0]["digest"], report["packageDigest"]);
    assert!(relink(&mut scene, Authority::Votes).await.expect("enough"));
    assert!(
        !relink(&mut scene, Authority::Votes)
            .await
            .expect("it is done")
    );
    the_new_version_works(&mut scene).await;
}

/// Approvals given before count afterwards.
async fn pass_a_day(scene: &Voters) {
    let localnet = &scene.network.localnet;
    let moved = localnet.advance_clock(APPROVAL_DELAY_MS).await;
    moved.expect("the clock moves");
}

/// Everything that a voter can do and get wrong; in the end 6 shards approve `new`.
fn approvals_are_given(scene: &Voters, new: &LinkedPackage) {
    let home = &scene.home;
    let wrong = hex(&WRONG);
    home.admin(&operator(3), &[&APPROVE[..], &["--yes"]].concat())
        .assert_fails(1, &["no node that has handed its authority over"]);
    let foreign = [&APPROVE[..], &["--node", &scene.nodes[3], "--yes"]].concat();
    home.admin(&operator(3), &foreign)
        .assert_fails(1, &["has not handed its authority over"]);
    let foreign = [&APPROVE[..], &["--node", &scene.nodes[0], "--yes"]].concat();
    home.admin(&pauper(), &foreign)
        .assert_fails(1, &["the vote of", "in the hands of account"]);
    home.admin(&operator(0), &APPROVE)
        .assert_fails(1, &["this needs a confirmation", &hex(&new.digest)]);
    assert_snapshot!(
        "approve-dry-run",
        home.shown(&operator(0), &[&APPROVE[..], &["--dry-run"]].concat())
    );

    // Signed elsewhere.
    let unsigned = home.shown(
        &operator(1),
        &[&APPROVE[..], &["--serialize-unsigned"]].concat(),
    );
    let signature = sign_elsewhere(&operator(1), unsigned.trim());
    home.shown(
        &user(),
        &["submit", unsigned.trim(), "--signature", &signature],
    );

    // A node that approved something else changes its mind.
    home.done(
        &operator(0),
        &[&APPROVE[..], &["--digest", &wrong]].concat(),
    );
    let changed = home.admin(&operator(0), &[&APPROVE[..], &["--yes"]].concat());
    assert!(changed.success, "{}", changed.stderr);
    assert!(
        changed.stderr.contains("takes the place of its approval")
            && changed.stderr.contains(&wrong),
        "{}",
        changed.stderr
    );
    assert_snapshot!("approve", changed.stdout);
    home.admin(&operator(0), &[&APPROVE[..], &["--yes"]].concat())
        .assert_fails(1, &["approves this digest already", "24 hours"]);

    // One that approves what does not exist.
    let stray = [&APPROVE[..], &["--digest", &wrong, "--json"]].concat();
    let report: Value = serde_json::from_str(&home.done(&operator(2), &stray)).expect("JSON");
    assert_eq!(report["digest"], wrong);
    assert_eq!(report["shards"], 2);
}

/// The governance calls the new version after the migration, and nothing of the old one is lost.
async fn the_new_version_works(scene: &mut Voters) {
    let deployer = &mut scene.network.deployer;
    let target = deployer.target().expect("it is deployed");
    let in_use = deployer.migrate(&target).await.expect("it is committed");
    let record = deployer.extra(Extra::WalrusGovernance).expect("published");
    assert_eq!(record.version, 2);
    let package = record.package;
    let published = scene.network.reader.rpc().package(package).await;
    assert!(published.expect("a package").dependencies.contains(&in_use));

    let number = scene.propose(&["text"], "After the upgrade");
    scene.open(&number);
    scene.vote(&operator(0), &number, "yes");
    assert_eq!(scene.json(&["show", &number])["state"], "active");
    // Approvals were of the version before.
    let report = scene.json(&["approvals"]);
    assert_eq!(
        (&report["version"], &report["needed"]),
        (&2.into(), &7.into())
    );
    assert_eq!(report["upgrades"], Value::Array(vec![]));
    let back: ObjectId = ObjectId(operator(0).address().0);
    scene
        .home
        .done(&operator(0), &["revoke", "--address", &back.to_string()]);
    scene
        .home
        .admin(
            &operator(0),
            &[&APPROVE[..], &["--digest", &hex(&WRONG), "--yes"]].concat(),
        )
        .assert_fails(1, &["no node that has handed its authority over"]);
}

fn refused(result: Result<(), SuiError>) {
    let error = result.expect_err("it is not approved");
    assert_eq!(
        error.contract_error(),
        Some(OwnPackageError::NotEnoughApprovals.into()),
        "{error}"
    );
}

/// Without the `0x` that IDs have.
fn hex(digest: &[u8; 32]) -> String {
    ObjectId(*digest).to_string().split_off(2)
}
