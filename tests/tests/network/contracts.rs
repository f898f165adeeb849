//! The chain client against the real contracts on the embedded chain: deployment, prices, payments,
//! storage objects, errors that people meet, and the stream of events.

use std::{collections::BTreeSet, time::Duration};

use walrus_contracts::events::WalrusEvent;
use walrus_core::{
    Frost, NShards,
    params::{encoded_length, storage_units},
};
use walrus_deploy::{DeployConfig, Deployer};
use walrus_sui::{
    EventStream, Executor, Program, Signer, SuiError, SuiReader, SuiRpc, WalrusContract,
    contract::{BlobToCertify, NodeVotes, Persistence, StorageSource},
    faucet,
};
use walrus_tests::contracts::{
    ContractNetwork, MAX_EPOCHS_AHEAD, STORAGE_PRICE, USER_WAL, WRITE_PRICE, admin,
    blob_to_register, certificate, operator, pauper, permanent, protocol_key, user,
};

const NODES: u8 = 4;
const SHARDS: u16 = 10;
const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployment_forms_a_committee_of_all_nodes() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let committees = network.reader.committees().await.unwrap();
    assert_eq!(committees.epoch, 1);
    assert!(!committees.is_changing());
    assert_eq!(committees.previous, None);
    assert_eq!(committees.next, None);
    let committee = &committees.current;
    assert_eq!(committee.members.len(), usize::from(NODES));
    let mut shards: Vec<_> = committee
        .members
        .iter()
        .flat_map(|member| &member.shards)
        .collect();
    shards.sort();
    assert_eq!(shards.len(), usize::from(SHARDS));
    assert!(
        shards
            .iter()
            .zip(0..)
            .all(|(shard, index)| shard.0 == index)
    );
    for (index, node) in network.deployer.nodes().iter().enumerate() {
        let index = u8::try_from(index).unwrap();
        let (_, member) = committee
            .member(node.node_id)
            .expect("every node is a member");
        assert_eq!(member.public_key, protocol_key(index).public());
        assert!(member.network_public_key.is_some());
        assert_eq!(member.name, format!("node-{index}"));
    }
    let prices = network.reader.prices().await.unwrap();
    assert_eq!(
        (prices.storage_per_unit, prices.write_per_unit),
        (STORAGE_PRICE, WRITE_PRICE)
    );
    let info = network.reader.epoch_info().await.unwrap();
    assert_eq!(info.max_epochs_ahead, MAX_EPOCHS_AHEAD);

    network.next_epoch().await;
    let committees = network.reader.committees().await.unwrap();
    assert_eq!(committees.epoch, 2);
    assert_eq!(committees.previous.as_ref().map(|old| old.epoch), Some(1));
    assert_eq!(
        committees.of_epoch(1).unwrap().members,
        committees.current.members
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_cost_what_the_price_says() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let user = &network.user;
    let lengths = [0, 1, MIB];
    let requests: Vec<_> = (1..)
        .zip(lengths)
        .map(|(seed, length)| {
            blob_to_register(seed, length, Persistence::Deletable, StorageSource::Buy(3))
        })
        .collect();
    let registered = user.reserve_and_register(&requests).await.unwrap();

    let n_shards = NShards::new(SHARDS).unwrap();
    let mut total = Frost(0);
    for ((request, result), length) in requests.iter().zip(&registered).zip(lengths) {
        let encoded = encoded_length(n_shards, length).unwrap();
        assert_eq!(
            result.receipt.cost,
            Frost(storage_units(encoded) * (3 * STORAGE_PRICE.0 + WRITE_PRICE.0))
        );
        assert_eq!(result.blob.blob_id, request.blob_id);
        assert_eq!(result.blob.storage.storage_size, encoded);
        assert_eq!(
            (
                result.blob.storage.start_epoch,
                result.blob.storage.end_epoch
            ),
            (1, 4)
        );
        assert!(result.blob.deletable);
        total = total + result.receipt.cost;
    }
    let balance = network.reader.wal_balance(user.address()).await.unwrap();
    assert_eq!(balance.0, USER_WAL.0 - total.0);
    assert_eq!(
        network
            .reader
            .owned_blobs(user.address())
            .await
            .unwrap()
            .len(),
        3
    );

    // Deleting gives the storage back, which then holds another blob for the price of writing.
    user.delete_blob(registered[1].blob.id).await.unwrap();
    let storage = network.reader.owned_storage(user.address()).await.unwrap();
    assert_eq!(storage.len(), 1);
    let reuse = blob_to_register(
        9,
        1,
        Persistence::Permanent,
        StorageSource::Owned(storage[0].id),
    );
    let reused = user.reserve_and_register(&[reuse]).await.unwrap();
    assert_eq!(reused[0].receipt.cost, WRITE_PRICE);
    assert!(
        network
            .reader
            .owned_storage(user.address())
            .await
            .unwrap()
            .is_empty()
    );

    // A certified blob can be extended up to the limit.
    let committee = network.committee().await;
    let body = permanent(reused[0].blob.blob_id);
    let certificate = certificate(&committee, 0..u16::from(NODES), 1, &body);
    let object_id = reused[0].blob.id;
    user.certify(&[BlobToCertify {
        object_id,
        certificate,
    }])
    .await
    .unwrap();
    let blob = network.reader.blob(object_id).await.unwrap();
    let cost = user.extend_blob(&blob, 2).await.unwrap().cost;
    assert_eq!(cost, Frost(2 * STORAGE_PRICE.0));
    let blob = network.reader.blob(object_id).await.unwrap();
    assert_eq!(blob.storage.end_epoch, 6);
    let error = user.extend_blob(&blob, MAX_EPOCHS_AHEAD).await.unwrap_err();
    assert!(matches!(error, SuiError::InvalidEpochs { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_paid_or_is_wrong_is_said_clearly() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let blob = |storage| [blob_to_register(1, MIB, Persistence::Permanent, storage)];

    let poor = WalrusContract::new(network.reader.clone(), pauper());
    let error = poor
        .reserve_and_register(&blob(StorageSource::Buy(1)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SuiError::NotEnoughWal { have: Frost(0), .. }),
        "{error}"
    );

    let broke = WalrusContract::new(network.reader.clone(), Signer::from_seed([77; 32]));
    let wal = network.reader.wal_type().await.unwrap();
    network
        .admin
        .executor()
        .send_wal(&wal, &[(broke.address(), USER_WAL)])
        .await
        .unwrap();
    let error = broke
        .reserve_and_register(&blob(StorageSource::Buy(1)))
        .await
        .unwrap_err();
    assert!(matches!(error, SuiError::NotEnoughSui { .. }), "{error}");
    assert!(!error.to_string().contains('\n'));

    for epochs in [0, MAX_EPOCHS_AHEAD + 1] {
        let error = network
            .user
            .reserve_and_register(&blob(StorageSource::Buy(epochs)))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                SuiError::InvalidEpochs {
                    max: MAX_EPOCHS_AHEAD,
                    ..
                }
            ),
            "{error}"
        );
    }

    let missing = walrus_core::ObjectId([9; 32]);
    let error = network.user.delete_blob(missing).await.unwrap_err();
    assert!(
        matches!(error, SuiError::ObjectNotFound(id) if id == missing),
        "{error}"
    );

    let permanent = network.register(2, 1).await;
    let error = network.user.delete_blob(permanent.id).await.unwrap_err();
    assert!(error.is_abort("blob", 1), "{error}");
    let error = network.user.extend_blob(&permanent, 1).await.unwrap_err();
    assert!(error.is_abort("blob", 0), "{error}");

    let mut forged = blob(StorageSource::Buy(1))[0].clone();
    forged.root_hash[0] ^= 1;
    let error = network
        .user
        .reserve_and_register(&[forged])
        .await
        .unwrap_err();
    assert!(error.is_abort("blob", 6), "{error}");

    let error = network.reader.blob(missing).await.unwrap_err();
    assert!(matches!(error, SuiError::ObjectNotFound(_)), "{error}");
    let error = network
        .reader
        .blob(network.deployment.system_object)
        .await
        .unwrap_err();
    assert!(matches!(error, SuiError::UnexpectedType { .. }), "{error}");

    network.next_epoch().await;
    network.next_epoch().await;
    let error = network.user.extend_blob(&permanent, 1).await.unwrap_err();
    assert!(
        matches!(error, SuiError::BlobExpired { epoch: 3, .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_buys_storage_in_epoch_zero() {
    let network = ContractNetwork::deploy(NODES, SHARDS).await;
    assert!(network.committee().await.is_empty());
    let blob = blob_to_register(1, 1, Persistence::Permanent, StorageSource::Buy(1));
    assert!(network.user.reserve_and_register(&[blob]).await.is_err());
    let error = network.deployer.end_epoch_zero(Frost(1)).await.unwrap_err();
    assert!(error.to_string().contains("no storage node"), "{error}");
    let error = network.admin.initiate_epoch_change().await.unwrap_err();
    assert!(error.is_abort("staking_inner", 6), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_in_order_without_gaps_and_from_any_checkpoint() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let start = network.reader.deployment_checkpoint().await.unwrap();
    let blob = network.register_as(1, 1, Persistence::Deletable).await;
    network.user.delete_blob(blob.id).await.unwrap();

    let mut stream = network.reader.events(start).await.unwrap();
    let all = collect(&mut stream, |event| {
        matches!(event, WalrusEvent::BlobDeleted(_))
    })
    .await;
    let names: Vec<_> = all.iter().map(|(_, event)| event.name()).collect();
    let received = names
        .iter()
        .filter(|name| **name == "ShardsReceived")
        .count();
    assert_eq!(received, usize::from(NODES));
    let others: Vec<_> = names
        .into_iter()
        .filter(|name| *name != "ShardsReceived")
        .collect();
    assert_eq!(
        others,
        [
            "EpochParametersSelected",
            "EpochChangeStart",
            "PricesUpdated",
            "EpochChangeDone",
            "BlobRegistered",
            "BlobDeleted",
        ]
    );

    // The first epoch was started by one transaction with three events.
    let sequence: Vec<_> = all[..3].iter().map(|(id, _)| id.event_seq).collect();
    assert_eq!(sequence, [0, 1, 2]);

    // Every way of resuming sees the same rest.
    let end = stream.cursor();
    for cursor in [end - 1, end - 2] {
        let mut resumed = network.reader.events(cursor).await.unwrap();
        let rest = collect(&mut resumed, |event| {
            matches!(event, WalrusEvent::BlobDeleted(_))
        })
        .await;
        assert_eq!(rest.last(), all.last());
        assert_eq!(resumed.cursor(), end);
    }

    // Live: the stream waits for what has not happened yet.
    let waiting = tokio::spawn(async move {
        let events = collect(&mut stream, |event| {
            matches!(event, WalrusEvent::BlobRegistered(_))
        })
        .await;
        events.len()
    });
    network.register(2, 1).await;
    assert_eq!(waiting.await.unwrap(), 1);

    // A cursor from the future is one of another chain.
    let mut lost = network.reader.events(1_000_000).await.unwrap();
    assert!(matches!(
        lost.next().await,
        Err(SuiError::ChainReset { .. })
    ));
}

/// Reads events up to the first that `last` accepts.
async fn collect(
    stream: &mut EventStream,
    last: impl Fn(&WalrusEvent) -> bool,
) -> Vec<(walrus_core::EventId, WalrusEvent)> {
    let mut events = Vec::new();
    loop {
        let before = stream.cursor();
        let next = stream.next().await.expect("the chain is up");
        assert_eq!(next.checkpoint, before + 1);
        events.extend(next.events);
        if events.last().is_some_and(|(_, event)| last(event)) {
            return events;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployment_continues_from_its_state_file() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deployment.json");
    let rpc = SuiRpc::new([network.localnet.rpc_url()]).unwrap();
    let config = DeployConfig {
        n_shards: NShards::new(SHARDS).unwrap(),
        ..DeployConfig::default()
    };

    let mut first = Deployer::open(rpc.clone(), admin(), Some(&path))
        .await
        .unwrap();
    let made = first.deploy(&config).await.unwrap();
    let mut second = Deployer::open(rpc.clone(), admin(), Some(&path))
        .await
        .unwrap();
    assert_eq!(second.deploy(&config).await.unwrap(), made);
    let reader = SuiReader::with_cache_ttl(rpc.clone(), made.ids(), Duration::ZERO);
    assert_eq!(reader.epoch_info().await.unwrap().epoch, 0);

    let other = DeployConfig {
        n_shards: NShards::new(SHARDS + 1).unwrap(),
        ..config
    };
    assert!(second.deploy(&other).await.is_err());

    // The chain knows the operators' capabilities: nobody is registered twice.
    let operator_caps = network
        .reader
        .owned_node_caps(operator(0).address())
        .await
        .unwrap();
    assert_eq!(operator_caps.len(), 1);
    let mut network = network;
    network.register_all().await;
    let operator_caps = network
        .reader
        .owned_node_caps(operator(0).address())
        .await
        .unwrap();
    assert_eq!(operator_caps.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_that_moved_are_read_again() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    // Whoever keeps the state for an hour does not see the votes that follow.
    let reader = SuiReader::with_cache_ttl(
        network.reader.rpc().clone(),
        network.deployment.ids(),
        Duration::from_secs(3600),
    );
    let user = WalrusContract::with_executor(reader.clone(), network.user.executor().clone());
    for (seed, storage_price) in [(1, 50), (2, 2)] {
        let cached = reader.prices().await.unwrap();
        for (index, node) in (0..).zip(network.deployer.nodes()) {
            let votes = NodeVotes {
                storage_price: Frost(storage_price),
                write_price: Frost(3),
                node_capacity: 1 << 40,
            };
            WalrusContract::new(network.reader.clone(), operator(index))
                .set_votes(node.node_cap, votes)
                .await
                .unwrap();
        }
        network.admin.update_prices().await.unwrap();
        assert_eq!(reader.prices().await.unwrap(), cached);

        let blob = blob_to_register(seed, 1, Persistence::Permanent, StorageSource::Buy(2));
        let registered = user.reserve_and_register(&[blob]).await.unwrap();
        assert_eq!(registered[0].receipt.cost, Frost(2 * storage_price + 3));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_with_one_account_do_not_fail_each_other() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let programs = (0..4).map(|program| {
        let reader = network.reader.clone();
        let contract = WalrusContract::new(reader, network.user.executor().signer().clone());
        async move {
            for round in 0..3 {
                let seed = 10 * program + round + 1;
                let blob = blob_to_register(seed, 1, Persistence::Permanent, StorageSource::Buy(1));
                contract.reserve_and_register(&[blob]).await.unwrap();
            }
        }
    });
    for program in programs.map(tokio::spawn).collect::<Vec<_>>() {
        program.await.unwrap();
    }
    let blobs = network
        .reader
        .owned_blobs(network.user.address())
        .await
        .unwrap();
    assert_eq!(blobs.len(), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_blobs_take_few_transactions() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let blobs: Vec<_> = (1..=150)
        .map(|seed| blob_to_register(seed, 1, Persistence::Permanent, StorageSource::Buy(1)))
        .collect();
    let registered = network.user.reserve_and_register(&blobs).await.unwrap();
    let transactions: BTreeSet<_> = registered.iter().map(|one| one.receipt.digest).collect();
    assert_eq!(transactions.len(), 2);
    for (blob, result) in blobs.iter().zip(&registered) {
        assert_eq!(result.blob.blob_id, blob.blob_id);
    }

    let committee = network.committee().await;
    let certified: Vec<_> = registered
        .iter()
        .map(|one| BlobToCertify {
            object_id: one.blob.id,
            certificate: certificate(
                &committee,
                0..u16::from(NODES),
                1,
                &permanent(one.blob.blob_id),
            ),
        })
        .collect();
    let receipts = network.user.certify(&certified).await.unwrap();
    let digests: BTreeSet<_> = receipts.iter().map(|receipt| receipt.digest).collect();
    assert_eq!(digests.len(), 2);
    let blobs = network
        .reader
        .owned_blobs(network.user.address())
        .await
        .unwrap();
    assert!(blobs.iter().all(|blob| blob.certified_epoch == Some(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_faucet_pays_before_it_answers() {
    let network = ContractNetwork::deploy(NODES, SHARDS).await;
    let stranger = Signer::from_seed([55; 32]).address();
    let url = network
        .localnet
        .faucet_url()
        .expect("this chain has a faucet");
    let coins = faucet::request(&url, stranger).await.unwrap();
    let sent: u64 = coins.iter().map(|coin| coin.amount_mist).sum();
    assert!(sent > 0);
    assert_eq!(
        network.reader.sui_balance_mist(stranger).await.unwrap(),
        sent
    );

    let dead = faucet::request("http://127.0.0.1:1", stranger)
        .await
        .unwrap_err();
    assert!(dead.to_string().contains("http://127.0.0.1:1"), "{dead}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_coins_are_merged_when_they_are_needed() {
    let network = ContractNetwork::start(1, SHARDS).await;
    let collector = Signer::from_seed([88; 32]);
    let payments = vec![(collector.address(), 600_000); 500];
    network.user.executor().send_sui(&payments).await.unwrap();
    let rpc = network.reader.rpc().clone();
    let executor = Executor::with_options(rpc.clone(), collector.clone(), Some(176_000_000), None);

    // Shown, it is only said.
    let mut program = Program::new();
    let gas = program.gas(1);
    let amount = program.pure(&1u64);
    let coins = program.split_coins(gas, vec![amount]);
    let recipient = program.pure_bytes(user().address().0.to_vec());
    program.transfer_objects(coins, recipient);
    let error = executor.composer().draft(&program).await.unwrap_err();
    assert!(
        error.to_string().contains("spread over too many coins"),
        "{error}"
    );
    assert!(
        matches!(
            error,
            SuiError::CoinsScattered {
                usable: 153_600_000,
                ..
            }
        ),
        "{error}"
    );

    executor.run(&program).await.unwrap();
    let coins = rpc
        .owned_objects(collector.address(), "0x2::coin::Coin<0x2::sui::SUI>")
        .await
        .unwrap();
    assert_eq!(coins.len(), 1);
}
