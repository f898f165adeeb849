//! A chain on disk: restarts, crashes, and directories that cannot be used.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use sui_localnet::{Localnet, LocalnetConfig, StartError};
use sui_rpc::Client;

use crate::common::*;

/// Set for the child process that is going to be killed: its data directory.
const CHILD_DIRECTORY: &str = "SUI_LOCALNET_TEST_CHILD_DIRECTORY";
const READY: &str = "ready at ";

fn on_disk(path: &Path) -> LocalnetConfig {
    LocalnetConfig {
        data_dir: Some(path.to_owned()),
        ..config()
    }
}

async fn open(path: &Path) -> (Localnet, Client) {
    let chain = Localnet::start(on_disk(path)).await.unwrap();
    let client = Client::new(chain.rpc_url()).unwrap();
    (chain, client)
}

#[tokio::test]
async fn a_restarted_chain_is_the_same_chain() {
    let directory = tempfile::tempdir().unwrap();
    let (chain, mut client) = open(directory.path()).await;
    let id = chain.chain_id();
    let executed = pay_bob(&mut client, 123).await;
    chain.advance_clock(3_600_000).await.unwrap();
    let time = chain.advance_clock(0).await.unwrap();
    drop(client);
    chain.shutdown().await;

    let (chain, mut client) = open(directory.path()).await;
    assert_eq!(chain.chain_id(), id);
    assert_eq!(balance(&mut client, BOB).await, 123);
    let mut lookup = sui_rpc::proto::sui::rpc::v2::GetTransactionRequest::default();
    lookup.digest = executed.digest.clone();
    lookup.read_mask = Some(mask("*"));
    let found = client
        .ledger_client()
        .get_transaction(lookup)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.transaction.unwrap(), executed);
    let later = pay_bob(&mut client, 1).await;
    assert!(later.checkpoint() > executed.checkpoint());
    // Time goes on from where it was, an hour ahead.
    assert!(chain.advance_clock(0).await.unwrap() >= time);
    drop(client);
    chain.shutdown().await;
}

#[tokio::test]
async fn a_directory_serves_one_chain_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let (chain, _client) = open(directory.path()).await;
    let error = Localnet::start(on_disk(directory.path()))
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("is in use by another process"),
        "{error}"
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn unusable_places_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let error = Localnet::start(on_disk(&file)).await.err().unwrap();
    assert!(matches!(error, StartError::DataDir(_)), "{error}");
    assert!(
        error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );

    let (chain, _client) = start().await;
    let taken: SocketAddr = chain
        .rpc_url()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let error = Localnet::start(LocalnetConfig {
        rpc_addr: taken,
        ..config()
    })
    .await
    .err()
    .unwrap();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {taken}: the port is in use")
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn a_damaged_chain_is_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let (chain, client) = open(directory.path()).await;
    drop(client);
    chain.shutdown().await;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(path, b"garbage").unwrap();
        }
    }
    let error = Localnet::start(on_disk(directory.path()))
        .await
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.contains(directory.path().to_str().unwrap()), "{text}");
    assert_eq!(text.lines().count(), 1);
}

/// Not a test of its own: the process the next test kills.
#[tokio::test]
async fn child_process() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else {
        return;
    };
    let (chain, _client) = open(Path::new(&directory)).await;
    println!("{READY}{}", chain.rpc_url());
    std::future::pending::<()>().await;
}

fn spawn_child(directory: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "persistence::child_process", "--nocapture"])
        .env(CHILD_DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines
        .map(Result::unwrap)
        .find_map(|line| line.split_once(READY).map(|(_, url)| url.to_owned()))
        .expect("the child is ready");
    (child, url)
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected = 0;
    let mut chain_id = None;
    for round in 1..=3u64 {
        let (mut child, url) = spawn_child(directory.path());
        let mut client = Client::new(url).unwrap();
        assert_eq!(balance(&mut client, BOB).await, expected);
        for amount in 1..=round {
            pay_bob(&mut client, amount).await;
            expected += amount;
        }
        let info = client
            .ledger_client()
            .get_service_info(sui_rpc::proto::sui::rpc::v2::GetServiceInfoRequest::default())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            *chain_id.get_or_insert(info.chain_id.clone()),
            info.chain_id
        );
        // The next payment may or may not make it; either way the chain stays whole.
        let transaction = build_transfer(&mut client, address_of(&alice()), BOB, 1_000).await;
        let last = request(&transaction, &[sign(&alice(), &transaction)], "digest");
        let mut execution = client.execution_client();
        let in_flight = tokio::spawn(async move { execution.execute_transaction(last).await });
        tokio::task::yield_now().await;
        child.kill().unwrap();
        child.wait().unwrap();
        let answered = in_flight.await.unwrap().is_ok();

        let (chain, mut client) = open(directory.path()).await;
        let held = balance(&mut client, BOB).await;
        assert!(
            held == expected + 1_000 || (!answered && held == expected),
            "Bob holds {held}, expected {expected}, last payment answered: {answered}"
        );
        expected = held;
        drop(client);
        chain.shutdown().await;
    }
}
