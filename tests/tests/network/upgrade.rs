//! Upgrading the contracts from version 3 to version 4 on the embedded chain: by votes and by the
//! emergency capability, what is refused, and that everything from before goes on.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::time::Duration;

use walrus_contracts::{
    abort::walrus::{InitError, StakingError, SystemError, UpgradeError},
    events::WalrusEvent,
    packages::{self, LinkedPackage, ModuleChange},
};
use walrus_core::{FROST_PER_WAL, Frost, ObjectId};
use walrus_deploy::{Authority, DeployError, Extra, ExtrasConfig};
use walrus_sui::{
    ContractIds, Program, SuiError, SuiReader, UpgradeRefusal, WalrusContract,
    contract::{BlobToCertify, UpgradeAuthority},
    ids::object_id,
    transaction::Function,
};
use walrus_tests::contracts::{ContractNetwork, certificate, operator, permanent, user};

const NODES: u8 = 4;
const SHARDS: u16 = 10;

/// The emergency capability allows what `package` is, or is not.
async fn emergency_upgrade(
    network: &ContractNetwork,
    package: LinkedPackage,
) -> Result<ObjectId, SuiError> {
    let deployment = &network.deployment;
    let authority = UpgradeAuthority::Emergency(deployment.emergency_upgrade_cap);
    let plan = network
        .admin
        .plan_upgrade(package, deployment.upgrade_manager, authority)
        .await?;
    Ok(network.admin.upgrade(&plan).await?.package)
}

/// Version 4, linked to the WAL of the network.
async fn version_4(network: &ContractNetwork) -> LinkedPackage {
    let target = network.deployer.target().unwrap();
    let check = network
        .deployer
        .check_upgrade(&target, packages::walrus_v4())
        .await
        .unwrap();
    check.package
}

async fn certify(
    network: &ContractNetwork,
    contract: &WalrusContract,
    blob: &walrus_contracts::types::Blob,
) {
    let committee = network.committee().await;
    let body = permanent(blob.blob_id);
    let certificate = certificate(&committee, 0..u16::from(NODES), committee.epoch, &body);
    contract
        .certify(&[BlobToCertify {
            object_id: blob.id,
            certificate,
        }])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_from_before_an_upgrade_goes_on_after_it() {
    let mut network = ContractNetwork::start(NODES, SHARDS).await;
    let certified = network.register(1, 1000).await;
    certify(&network, &network.user, &certified).await;
    let registered = network.register(2, 1000).await;
    // A client that reads the contracts once an hour does not notice the upgrade by itself.
    let sleepy_reader = SuiReader::with_cache_ttl(
        network.reader.rpc().clone(),
        network.deployment.ids(),
        Duration::from_secs(3600),
    );
    let sleepy =
        WalrusContract::with_executor(sleepy_reader.clone(), network.user.executor().clone());
    let old = sleepy_reader.refs().await.unwrap();
    let start = network.reader.deployment_checkpoint().await.unwrap();

    let target = network.deployer.target().unwrap();
    let check = network
        .deployer
        .check_upgrade(&target, packages::walrus_v4())
        .await
        .unwrap();
    assert_eq!((check.votes, check.votes_needed, check.epoch), (0, 7, 1));
    let changed: Vec<_> = check
        .modules
        .iter()
        .filter(|module| module.change != ModuleChange::Same)
        .map(|module| (module.name.as_str(), module.change))
        .collect();
    assert_eq!(changed, [("release", ModuleChange::Changed)]);

    let upgraded = network
        .deployer
        .upgrade(&target, packages::walrus_v4(), Authority::Emergency)
        .await
        .unwrap();
    assert_eq!((upgraded.version, upgraded.migrated), (2, false));
    // The very same version is not published twice.
    let again = network
        .deployer
        .upgrade(&target, packages::walrus_v4(), Authority::Emergency)
        .await
        .unwrap();
    assert_eq!(again, upgraded);

    // Until the migration the old version works, and the new one refuses.
    let state = network.reader.contract_state().await.unwrap();
    assert_eq!(state.system.new_package_id, Some(upgraded.package));
    assert_eq!(network.reader.refs().await.unwrap(), old);
    network.register(3, 1000).await;

    let in_use = network.deployer.migrate(&target).await.unwrap();
    assert_eq!(in_use, upgraded.package);
    assert!(network.deployer.upgrades()[0].migrated);
    let state = network.reader.contract_state().await.unwrap();
    assert_eq!((state.system.version, state.staking.version), (4, 4));
    assert_eq!(state.system.new_package_id, None);
    assert_eq!(state.staking.package_id, upgraded.package);
    let new = network.reader.refs().await.unwrap();
    assert_eq!(new.package, upgraded.package);
    assert_eq!(new.original_package, old.original_package);
    assert_eq!(new.wal_type, old.wal_type);
    assert_eq!(network.deployer.migrate(&target).await.unwrap(), in_use);

    // Objects of the old version work with the new one, for clients of both kinds.
    certify(&network, &sleepy, &registered).await;
    let blob = network.reader.blob(certified.id).await.unwrap();
    network.user.extend_blob(&blob, 2).await.unwrap();
    let extended = network.reader.blob(certified.id).await.unwrap();
    assert_eq!(extended.storage.end_epoch, certified.storage.end_epoch + 2);
    assert_eq!(
        sleepy_reader.refs().await.unwrap().package,
        upgraded.package
    );

    // What is made with the new version has the types of the old one.
    let blob = network.register(4, 1000).await;
    let object = network.reader.rpc().object(blob.id).await.unwrap();
    let type_ = object.type_.unwrap();
    assert_eq!(object_id(*type_.address()), old.original_package);
    let owned = network.reader.owned_blobs(user().address()).await.unwrap();
    assert_eq!(owned.len(), 4);

    // Packages around the contracts that are published now call the new version.
    let extras = ExtrasConfig {
        packages: vec![Extra::WalrusSubsidies, Extra::BlobBucket],
        ..ExtrasConfig::default()
    };
    network.deployer.deploy_extras(&extras).await.unwrap();
    let bucket = network.deployer.extra(Extra::BlobBucket).unwrap();
    let bucket = network.reader.rpc().package(bucket.package).await.unwrap();
    assert!(bucket.dependencies.contains(&upgraded.package));

    // Epochs go on, and the events are those that clients know.
    assert_eq!(network.next_epoch().await, 2);
    let mut stream = network.reader.events(start).await.unwrap();
    let mut seen = Vec::new();
    let is_end = |event: &WalrusEvent| match event {
        WalrusEvent::EpochChangeDone(done) => done.epoch == 2,
        _ => false,
    };
    while !seen.iter().any(is_end) {
        let next = stream.next().await.unwrap();
        seen.extend(next.events.into_iter().map(|(_, event)| event));
    }
    let migrated = seen.iter().find_map(|event| match event {
        WalrusEvent::ContractUpgraded(upgraded) => Some(upgraded.clone()),
        _ => None,
    });
    let migrated = migrated.expect("the migration emits an event");
    assert_eq!(
        (migrated.package_id, migrated.version),
        (upgraded.package, 4)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_around_the_contracts_follow_an_upgrade() {
    let mut network = ContractNetwork::start(NODES, SHARDS).await;
    let extras = ExtrasConfig {
        packages: Extra::ALL.to_vec(),
        ..ExtrasConfig::default()
    };
    network.deployer.deploy_extras(&extras).await.unwrap();
    let target = network.deployer.target().unwrap();
    network
        .deployer
        .upgrade(&target, packages::walrus_v4(), Authority::Emergency)
        .await
        .unwrap();
    let in_use = network.deployer.migrate(&target).await.unwrap();
    for extra in Extra::ALL {
        let before = network.deployer.extra(extra).unwrap().clone();
        let relinked = network
            .deployer
            .relink(extra, Authority::Emergency)
            .await
            .unwrap();
        let after = network.deployer.extra(extra).unwrap().clone();
        // What calls only WAL, which never changes, or nothing of Walrus stays as it is.
        let calls_walrus = !matches!(extra, Extra::WalExchange | Extra::Seal | Extra::Policies);
        assert_eq!(relinked, calls_walrus, "{extra:?}");
        assert_eq!(after.original_id, before.original_id);
        assert_eq!(after.version, if relinked { 2 } else { 1 });
        let package = network.reader.rpc().package(after.package).await.unwrap();
        assert_eq!(package.original_id, before.original_id);
        assert_eq!(package.dependencies.contains(&in_use), relinked);
        let again = network
            .deployer
            .relink(extra, Authority::Emergency)
            .await
            .unwrap();
        assert!(!again, "{extra:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_upgrade_by_vote() {
    let mut network = ContractNetwork::start(NODES, SHARDS).await;
    let target = network.deployer.target().unwrap();
    let digest = version_4(&network).await.digest;
    let refused = network
        .deployer
        .upgrade(&target, packages::walrus_v4(), Authority::Votes)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            DeployError::NotEnoughVotes {
                votes: 0,
                needed: 7,
                epoch: 1,
                ..
            }
        ),
        "{refused}"
    );
    // The contract says the same to whoever tries.
    let manager = target.upgrade_manager;
    let plan = network
        .user
        .plan_upgrade(version_4(&network).await, manager, UpgradeAuthority::Votes)
        .await
        .unwrap();
    let error = network.user.upgrade(&plan).await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(UpgradeError::NoProposalForDigest.into())
    );

    let nodes: Vec<ObjectId> = network
        .deployer
        .nodes()
        .iter()
        .map(|node| node.node_id)
        .collect();
    let voter = |index: u8| WalrusContract::new(network.reader.clone(), operator(index));
    let vote = async |index: u8, node: u8| {
        let node_id = nodes[usize::from(node)];
        voter(index)
            .vote_for_upgrade(manager, node_id, digest)
            .await
    };
    vote(0, 0).await.unwrap();
    let error = vote(0, 0).await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(UpgradeError::DuplicateVote.into())
    );
    let error = vote(0, 1).await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(UpgradeError::NotAuthorized.into())
    );
    let error = network.user.upgrade(&plan).await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(UpgradeError::NotEnoughVotes.into())
    );
    vote(1, 1).await.unwrap();
    vote(2, 2).await.unwrap();

    let check = network
        .deployer
        .check_upgrade(&target, packages::walrus_v4())
        .await
        .unwrap();
    assert!(check.votes >= check.votes_needed, "{}", check.votes);
    // Votes are for one digest: another package is not authorized by them.
    let mut other = version_4(&network).await;
    other.modules.pop();
    other.digest = packages::package_digest(&other.modules, &other.dependencies);
    let plan = network
        .user
        .plan_upgrade(other, manager, UpgradeAuthority::Votes)
        .await
        .unwrap();
    let error = network.user.upgrade(&plan).await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(UpgradeError::NoProposalForDigest.into()),
        "{error}"
    );

    // Anyone may send it, and anyone may migrate.
    let upgraded = network
        .deployer
        .upgrade(&target, packages::walrus_v4(), Authority::Votes)
        .await
        .unwrap();
    network.user.migrate().await.unwrap();
    assert_eq!(
        network.reader.refs().await.unwrap().package,
        upgraded.package
    );
    let error = network.user.migrate().await.unwrap_err();
    assert!(error.to_string().contains("nothing to migrate"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_that_break_what_others_rely_on_are_refused() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let good = version_4(&network).await;
    let with_digest = |mut package: LinkedPackage| {
        package.digest = packages::package_digest(&package.modules, &package.dependencies);
        package
    };

    // A module is gone.
    let mut smaller = good.clone();
    let names = good.modules_by_name().unwrap();
    smaller
        .modules
        .retain(|module| *module != names["apportionment_queue"]);
    let error = emergency_upgrade(&network, with_digest(smaller))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SuiError::UpgradeRefused(_) | SuiError::Execution { .. }
        ),
        "{error}"
    );

    // Another package altogether.
    let mut foreign = good.clone();
    foreign.modules = packages::wal().modules.clone();
    let error = emergency_upgrade(&network, with_digest(foreign))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SuiError::UpgradeRefused(UpgradeRefusal::Incompatible { .. })
        ),
        "{error}"
    );
    assert!(error.to_string().contains("not compatible"), "{error}");

    // Not what was authorized.
    let mut other = good.clone();
    other.digest = [0x33; 32];
    let error = emergency_upgrade(&network, other).await.unwrap_err();
    assert!(
        matches!(
            error,
            SuiError::UpgradeRefused(UpgradeRefusal::OtherDigest { .. })
        ),
        "{error}"
    );

    // Not linked to what it calls.
    let mut unlinked = good.clone();
    let wal = network.deployment.wal_package;
    unlinked.dependencies.retain(|id| *id != wal.0);
    let error = emergency_upgrade(&network, with_digest(unlinked))
        .await
        .unwrap_err();
    let SuiError::Execution { kind, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(kind, "PUBLISH_UPGRADE_MISSING_DEPENDENCY");

    // By somebody else's capability: the user does not own it.
    let authority = UpgradeAuthority::Emergency(network.deployment.emergency_upgrade_cap);
    let plan = network
        .user
        .plan_upgrade(good.clone(), network.deployment.upgrade_manager, authority)
        .await
        .unwrap();
    assert!(network.user.upgrade(&plan).await.is_err());

    // Nothing of all that changed anything, and the right package still goes through.
    let state = network.reader.contract_state().await.unwrap();
    assert_eq!(state.system.new_package_id, None);
    emergency_upgrade(&network, good).await.unwrap();
}

/// A call that takes Staking and System, of any version of the package.
fn call_on_both(
    package: ObjectId,
    module: &'static str,
    function: &'static str,
    ids: ContractIds,
) -> Program {
    let mut program = Program::new();
    let arguments = [ids.staking_object, ids.system_object].map(|id| program.shared(id));
    program.move_call(Function::new(package, module, function), arguments.to_vec());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_versions_refuse_each_others_objects_in_words() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let old = network.reader.refs().await.unwrap();
    let new = emergency_upgrade(&network, version_4(&network).await)
        .await
        .unwrap();
    let call = async |package: ObjectId, module: &'static str, function: &'static str| {
        let ids = network.deployment.ids();
        network
            .user
            .executor()
            .run(&call_on_both(package, module, function, ids))
            .await
    };
    // The new version cannot be used before the migration.
    let error = call(new, "staking", "update_prices").await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(StakingError::WrongVersion.into())
    );
    let text = error.to_string();
    assert!(
        text.contains("works with another version") && text.contains("Read the package ID"),
        "{text}"
    );
    // The old version has no migration to itself.
    let error = call(old.package, "init", "migrate_v2").await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(StakingError::InvalidMigration.into())
    );
    let error = call(old.package, "init", "migrate").await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(InitError::DeprecatedFunction.into())
    );

    network.admin.migrate().await.unwrap();
    let error = call(old.package, "staking", "update_prices")
        .await
        .unwrap_err();
    assert!(
        [
            Some(StakingError::WrongVersion.into()),
            Some(SystemError::WrongVersion.into())
        ]
        .contains(&error.contract_error()),
        "{error}"
    );
    call(new, "staking", "update_prices").await.unwrap();
    let error = call(new, "init", "migrate_v2").await.unwrap_err();
    assert_eq!(
        error.contract_error(),
        Some(StakingError::InvalidMigration.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aborts_are_told_in_sentences() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let blob = network.register(1, 1000).await;
    let cases = [
        (
            network.user.extend_blob(&blob, 1).await.err(),
            "The blob is not certified. Store and certify the blob first.",
        ),
        (
            network.user.delete_blob(blob.id).await.err(),
            "The blob is permanent and cannot be deleted.",
        ),
        (
            network.admin.initiate_epoch_change().await.err(),
            "The next committee is not chosen yet. End the voting first, in the second half of the epoch.",
        ),
    ];
    for (error, sentence) in cases {
        let text = error.expect("the contract refuses").to_string();
        assert!(text.starts_with(sentence), "{text}");
        assert!(!text.contains("MoveAbort"), "{text}");
    }
    // The framework aborts for us, too.
    let stake = [(ObjectId([9; 32]), Frost(FROST_PER_WAL))];
    let error = network.user.stake_with_pools(&stake).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("There is no entry with this name. Check the ID"),
        "{text}"
    );
    assert!(text.contains("dynamic_field::"), "{text}");
}
