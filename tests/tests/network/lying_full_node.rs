//! A full node answers with another transaction than was asked for. Whoever asked, nothing is
//! signed.

use std::{fs, path::Path, process::Command};

use sui_localnet::Localnet;
use sui_sdk_types::{
    Address, Argument, Command as Step, Digest, Input, ObjectReference, ProgrammableTransaction,
    SharedInput, Transaction, TransactionExpiration, TransactionKind, TransferObjects,
};
use walrus_core::{FROST_PER_WAL, Frost};
use walrus_deploy::{DeployConfig, Deployer};
use walrus_node::chain::{ChainView as _, SuiChain, SuiChainConfig, Trust};
use walrus_sui::{EpochState, Executor, SuiError, SuiReader, SuiRpc, Wallet, WalrusContract};
use walrus_tests::{
    TestNetwork,
    admin::AdminHome,
    binary,
    contracts::{ContractNetwork, admin, user},
    liar::Liar,
    run, text,
};

const ATTACKER: Address = Address::new([0xbd; 32]);

type Lie = (&'static str, fn(&mut Transaction));

/// What the full node changes, and how that is called.
const LIES: [Lie; 14] = [
    ("instead of", give_everything_away),
    ("commands instead of", |transaction| {
        let gas = Step::TransferObjects(TransferObjects {
            objects: vec![Argument::Gas],
            address: Argument::Input(0),
        });
        steps(transaction).commands.push(gas);
    }),
    ("commands instead of", |transaction| {
        steps(transaction).commands.pop();
    }),
    ("instead of", |transaction| {
        steps(transaction).commands.reverse();
    }),
    ("has another value", |transaction| {
        for input in &mut steps(transaction).inputs {
            if let Input::Pure(bytes) = input {
                *bytes = vec![0xbd; bytes.len()];
            }
        }
    }),
    ("inputs instead of", |transaction| {
        steps(transaction).inputs.push(Input::Pure(vec![1]));
    }),
    ("is object 0xbdbd", |transaction| {
        for input in &mut steps(transaction).inputs {
            match input {
                Input::Shared(shared) => {
                    let changed = SharedInput::new(ATTACKER, shared.version(), true);
                    *input = Input::Shared(changed);
                }
                Input::ImmutableOrOwned(reference) => *reference = of_attacker(),
                _ => {}
            }
        }
    }),
    ("to receive", |transaction| {
        for input in &mut steps(transaction).inputs {
            match input {
                Input::Shared(shared) => {
                    let id = shared.object_id();
                    *input = Input::Receiving(ObjectReference::new(id, 1, Digest::ZERO));
                }
                Input::ImmutableOrOwned(reference) => *input = Input::Receiving(reference.clone()),
                _ => {}
            }
        }
    }),
    ("its sender is 0xbdbd", |transaction| {
        transaction.sender = ATTACKER;
    }),
    ("its gas is paid by 0xbdbd", |transaction| {
        transaction.gas_payment.owner = ATTACKER;
    }),
    ("which was not chosen for that", |transaction| {
        transaction.gas_payment.objects.push(of_attacker());
    }),
    ("its gas budget", |transaction| {
        transaction.gas_payment.budget = 50_000_000_000_000;
    }),
    ("its gas price", |transaction| {
        transaction.gas_payment.price = 49_999_999_999;
    }),
    ("another expiration", |transaction| {
        transaction.expiration = TransactionExpiration::Epoch(0);
    }),
];

fn of_attacker() -> ObjectReference {
    ObjectReference::new(ATTACKER, 1, Digest::ZERO)
}

/// The published attack: the coin that pays for gas and all objects of the transaction go to the
/// attacker.
fn give_everything_away(transaction: &mut Transaction) {
    let steps = steps(transaction);
    let recipient = Input::Pure(ATTACKER.as_bytes().to_vec());
    steps.inputs.push(recipient);
    let last = steps.inputs.len() - 1;
    let owned = steps
        .inputs
        .iter()
        .enumerate()
        .filter(|(_, input)| matches!(input, Input::ImmutableOrOwned(_)))
        .map(|(index, _)| input(index));
    steps.commands = vec![Step::TransferObjects(TransferObjects {
        objects: std::iter::once(Argument::Gas).chain(owned).collect(),
        address: input(last),
    })];
}

fn input(index: usize) -> Argument {
    Argument::Input(u16::try_from(index).expect("few inputs"))
}

fn steps(transaction: &mut Transaction) -> &mut ProgrammableTransaction {
    match &mut transaction.kind {
        TransactionKind::ProgrammableTransaction(programmable) => programmable,
        other => panic!("an honest full node answered {other:?}"),
    }
}

async fn sui(rpc: &SuiRpc, account: walrus_core::SuiAddress) -> u64 {
    let type_ = "0x2::sui::SUI".parse().expect("a type");
    rpc.balance(account, &type_).await.expect("a balance")
}

fn assert_refused(error: &SuiError, liar: &Liar, what: &str) {
    let SuiError::NotWhatWasAsked { url, difference } = error else {
        panic!("{what}: {error}");
    };
    assert_eq!(*url, liar.url());
    assert!(difference.contains(what), "{what}: {difference}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walrus_admin_signs_nothing_else_and_shows_nothing_else() {
    let network = ContractNetwork::start(4, 10).await;
    let liar = Liar::start(&network.localnet.rpc_url()).await;
    let home = AdminHome::with_full_node(&network, liar.url());
    let node = network.deployer.nodes()[0].node_id.to_string();
    let stake = ["stake", "5WAL", "--node", &node];
    let before = sui(network.reader.rpc(), user().address()).await;
    for (what, lie) in LIES {
        liar.tell(lie);
        for how in ["--yes", "--serialize-unsigned", "--dry-run"] {
            let outcome = home.admin(&user(), &[&stake[..], &[how]].concat());
            outcome.assert_fails(1, &["nothing was signed", what, &liar.url()]);
            assert_eq!(outcome.stdout, "", "{what}");
        }
    }
    let (simulated, executed) = liar.asked();
    assert_eq!((simulated, executed), (LIES.len() * 3, 0));
    assert_eq!(sui(network.reader.rpc(), user().address()).await, before);

    liar.tell(|_| ());
    home.done(&user(), &stake);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_and_nodes_sign_nothing_else() {
    let network = ContractNetwork::start(4, 10).await;
    let liar = Liar::start(&network.localnet.rpc_url()).await;
    let rpc = SuiRpc::new([liar.url()]).expect("a URL");
    let reader = SuiReader::new(rpc.clone(), network.deployment.ids());
    let staker = WalrusContract::new(reader.clone(), user());
    let node = network.deployer.nodes()[0].clone();
    let operator = WalrusContract::new(reader, walrus_tests::contracts::operator(0));
    for (what, lie) in LIES {
        liar.tell(lie);
        let stakes = [(node.node_id, Frost(5_000_000_000))];
        let error = staker.stake_with_pools(&stakes).await;
        assert_refused(&error.expect_err(what), &liar, what);
        // An attestation has no second command to leave out and returns nothing; prices are what it
        // has.
        let votes = walrus_sui::contract::NodeVotes {
            storage_price: Frost(1),
            write_price: Frost(2),
            node_capacity: 3_000_000_000,
        };
        let error = operator
            .set_votes(node.node_cap, votes)
            .await
            .expect_err(what);
        assert!(
            matches!(error, SuiError::NotWhatWasAsked { .. }),
            "{what}: {error}"
        );
    }
    assert_eq!(liar.asked().1, 0);
}

/// Nobody watches a node when it signs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_attests_nothing_else() {
    /// The lie that changes nothing of a transaction with one command.
    const REVERSED: usize = 3;
    let mut network = ContractNetwork::deploy(4, 10).await;
    network.register_all().await;
    let stake = Frost(1000 * FROST_PER_WAL);
    let begun = network.deployer.end_epoch_zero(stake).await;
    begun.expect("epoch 1 begins");
    let liar = Liar::start(&network.localnet.rpc_url()).await;
    let home = AdminHome::with_full_node(&network, liar.url());
    let operator = walrus_tests::contracts::operator(0);
    let config = SuiChainConfig {
        rpc_urls: vec![liar.url()],
        rpc_quorum: None,
        checkpoints: Some(Trust::default()),
        contracts: network.deployment.ids(),
        subsidies_object: None,
        node_cap: Some(network.deployer.nodes()[0].node_cap),
    };
    let wallet = Wallet::load(home.wallet(&operator)).expect("a wallet");
    let signer = wallet.active_signer().expect("an account");
    let chain = SuiChain::new(&config, Some(signer)).expect("a URL");
    let attested = async || {
        network.reader.refresh().await;
        network.reader.epoch_info().await.expect("the chain").state
    };
    let before = sui(network.reader.rpc(), operator.address()).await;
    for (number, (what, lie)) in LIES.into_iter().enumerate() {
        if number == REVERSED {
            continue;
        }
        liar.tell(lie);
        let error = chain.epoch_sync_done(1).await.expect_err(what).to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
    assert_eq!(liar.asked(), (LIES.len() - 1, 0));
    assert_eq!(attested().await, EpochState::ChangeSync { attested: 0 });
    let after = sui(network.reader.rpc(), operator.address()).await;
    assert_eq!(after, before);

    liar.tell(|_| ());
    chain.epoch_sync_done(1).await.expect("it tells the truth");
    let EpochState::ChangeSync { attested } = attested().await else {
        panic!("one of four is enough");
    };
    assert!(attested > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walrus_deploy_signs_nothing_else() {
    let network = ContractNetwork::start(1, 10).await;
    let chain: &Localnet = &network.localnet;
    let liar = Liar::start(&chain.rpc_url()).await;
    for (what, lie) in LIES {
        // The publication of WAL has no inputs.
        if ["has another value", "is object 0xbdbd", "to receive"].contains(&what) {
            continue;
        }
        liar.tell(lie);
        let rpc = SuiRpc::new([liar.url()]).expect("a URL");
        let executor = Executor::new(rpc, admin());
        let mut deployer = Deployer::with_executor(executor, None)
            .await
            .expect("a chain");
        let error = deployer.deploy(&DeployConfig::default()).await;
        let error = error.expect_err(what).to_string();
        assert!(error.contains("publishing package wal"), "{what}: {error}");
        assert!(!error.contains("UnusedValue"), "{what}: {error}");
    }
    assert_eq!(liar.asked().1, 0);
}

/// Whatever is asked for, it answers like this.
async fn page(status: u16, content_type: &'static str) -> String {
    let answer = move || async move {
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        (status, [("content-type", content_type)], "x")
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let app = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_proxies_are_passed_over() {
    let network = ContractNetwork::start(1, 10).await;
    let good = network.localnet.rpc_url();
    for (status, content_type) in [
        (502, "text/html"),
        (429, "text/html"),
        (404, "text/html"),
        (200, "text/plain"),
        (503, "application/json"),
    ] {
        let bad = page(status, content_type).await;
        let rpc = SuiRpc::new([&bad, &good]).expect("URLs");
        let executor = Executor::new(rpc, user());
        let payment = [(user().address(), 1)];
        executor
            .send_sui(&payment)
            .await
            .expect("the second full node answers");

        let alone = Executor::new(SuiRpc::new([&bad]).expect("a URL"), user());
        let error = alone
            .send_sui(&payment)
            .await
            .expect_err("it is no full node");
        assert!(error.is_transient(), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&bad)
                && text.contains(&status.to_string())
                && text.contains(content_type),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_nodes_can_be_required_to_agree() {
    let network = ContractNetwork::start(4, 10).await;
    let stranger = ContractNetwork::start(1, 10).await;
    let own = network.localnet.rpc_url();
    let second = Liar::start(&own).await;
    let reader = |urls: &[String], quorum: usize| {
        let rpc = SuiRpc::new(urls).expect("URLs");
        let ids = network.deployment.ids();
        SuiReader::with_quorum(rpc, ids, std::time::Duration::ZERO, quorum.try_into().ok())
    };
    let agreeing = reader(&[own.clone(), second.url()], 2).expect("two are there");
    let committees = agreeing.committees().await.expect("they agree");
    let alone = network.reader.committees().await.expect("it answers");
    assert_eq!(committees.current, alone.current);
    assert_eq!(
        agreeing.refs().await.expect("they agree"),
        network.reader.refs().await.expect("it answers")
    );

    // The other network has other contracts, so it contradicts; two of three are enough.
    let other = stranger.localnet.rpc_url();
    let three = [other.clone(), own.clone(), second.url()];
    let outvoting = reader(&three, 2).expect("three are there");
    outvoting.refs().await.expect("two of three agree");
    let error = reader(&[own.clone(), other], 2).expect("two are there");
    let error = error.refs().await.expect_err("they contradict each other");
    assert!(
        matches!(
            error,
            SuiError::NoQuorum {
                needed: 2,
                asked: 2,
                ..
            }
        ),
        "{error}"
    );
    let error = reader(&[own], 2).expect_err("one is too few").to_string();
    assert!(error.contains("only 1 are known"), "{error}");
}

/// A copy of `file` beside it in which `old` is `new`.
fn rewritten(file: &Path, name: &str, old: &str, new: &str) -> std::path::PathBuf {
    let contents = fs::read_to_string(file).expect("it was written");
    let copy = file.with_file_name(name);
    fs::write(&copy, contents.replace(old, new)).expect("a writable folder");
    copy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_signs_nothing_else() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let url = network.ready["rpc"].as_str().expect("it is ready");
    let liar = Liar::start(url).await;
    let config = Path::new(network.ready["client_config"].as_str().expect("a path"));
    let wallet = network.state_dir().join("sui_client.yaml");
    let config = rewritten(config, "lied-to.yaml", url, &liar.url());
    let wallet = rewritten(&wallet, "lied-to-wallet.yaml", url, &liar.url());
    let file = network.random_file(1_000, 1);
    let store = || {
        let mut command = Command::new(binary("walrus"));
        command.args(["--config", text(&config), "--wallet", text(&wallet)]);
        run(command.args(["store", text(&file), "--epochs", "1"]))
    };
    for (what, lie) in LIES {
        liar.tell(lie);
        store().assert_fails(1, &["nothing was signed", what, &liar.url()]);
    }
    assert_eq!(liar.asked().1, 0);
    liar.tell(|_| ());
    let outcome = store();
    assert!(outcome.success, "{}", outcome.stderr);
}
