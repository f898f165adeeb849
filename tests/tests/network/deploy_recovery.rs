//! Deployments that are interrupted: between signing and sending, between sending and writing down,
//! and by force at every step. Nothing may happen twice.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stdx::Mutex;
use sui_localnet::{Localnet, LocalnetConfig};
use walrus_contracts::packages::{self, LinkedPackage};
use walrus_core::{NShards, ObjectId};
use walrus_deploy::{DeployConfig, DeployError, Deployer};
use walrus_sui::{
    Executor, Journal, SignedTransaction, SuiError, SuiRpc, Wallet, WalletEnv, contract,
    ids::account_address,
};
use walrus_tests::{
    binary,
    contracts::{admin, pauper},
};

const GENESIS_MIST: u64 = 100_000_000_000_000;
/// How long a step of a deployment may take at most.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

async fn chain() -> Localnet {
    let accounts = [admin(), pauper()];
    Localnet::start(LocalnetConfig {
        accounts: accounts
            .iter()
            .map(|signer| (account_address(signer.address()), GENESIS_MIST))
            .collect(),
        ..LocalnetConfig::default()
    })
    .await
    .expect("a chain in memory starts")
}

fn config() -> DeployConfig {
    DeployConfig {
        n_shards: NShards::new(10).unwrap(),
        ..DeployConfig::default()
    }
}

fn executor(chain: &Localnet) -> Executor {
    Executor::new(SuiRpc::new([chain.rpc_url()]).unwrap(), admin())
}

fn wal() -> LinkedPackage {
    packages::wal().linked(&[]).unwrap()
}

/// A state file that says that the transaction of `step` was signed, and nothing else.
fn write_state(chain: &Localnet, folder: &Path, step: &str, signed: &SignedTransaction) -> PathBuf {
    let path = folder.join("deployment.json");
    let state = json!({
        "format": 1,
        "chain_id": chain.chain_id(),
        "pending": { "step": step, "transaction": signed },
    });
    fs::write(&path, state.to_string()).unwrap();
    path
}

/// Signs the publication of WAL. It is sent if `send`.
async fn signed_publication(executor: &Executor, send: bool) -> SignedTransaction {
    let journal = Interrupted {
        signed: Mutex::new(None),
        send,
    };
    let program = contract::publication(&wal(), true, executor.address());
    let result = executor.submit(&program, &journal).await;
    assert_eq!(result.is_ok(), send);
    journal.signed.into_inner().unwrap()
}

/// Remembers what was signed, and may keep it from being sent.
struct Interrupted {
    signed: Mutex<Option<SignedTransaction>>,
    send: bool,
}

impl Journal for Interrupted {
    fn record(&self, transaction: &SignedTransaction) -> Result<(), SuiError> {
        *self.signed.lock() = Some(transaction.clone());
        if self.send {
            Ok(())
        } else {
            Err(SuiError::NotRecorded("the machine stops".to_owned()))
        }
    }

    fn forget(&self) {}
}

async fn package_of(executor: &Executor, signed: &SignedTransaction) -> ObjectId {
    let executed = executor.resume(signed).await.unwrap();
    contract::published(executed.expect("it was executed"))
        .unwrap()
        .package
}

async fn deployed_wal(chain: &Localnet, state: &Path) -> ObjectId {
    let rpc = SuiRpc::new([chain.rpc_url()]).unwrap();
    let mut deployer = Deployer::open(rpc, admin(), Some(state)).await.unwrap();
    let deployment = deployer.deploy(&config()).await.unwrap();
    let text = fs::read_to_string(state).unwrap();
    assert!(!text.contains("pending"), "{text}");
    deployment.wal_package
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_but_not_written_down_is_found_on_the_chain() {
    let (chain, folder) = (chain().await, tempfile::tempdir().unwrap());
    let executor = executor(&chain);
    let signed = signed_publication(&executor, true).await;
    let state = write_state(&chain, folder.path(), "publishing package wal", &signed);
    let wal = deployed_wal(&chain, &state).await;
    assert_eq!(wal, package_of(&executor, &signed).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_down_but_not_sent_is_sent() {
    let (chain, folder) = (chain().await, tempfile::tempdir().unwrap());
    let executor = executor(&chain);
    let signed = signed_publication(&executor, false).await;
    let state = write_state(&chain, folder.path(), "publishing package wal", &signed);
    let wal = deployed_wal(&chain, &state).await;
    assert_eq!(wal, package_of(&executor, &signed).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_be_executed_is_done_anew() {
    let (chain, folder) = (chain().await, tempfile::tempdir().unwrap());
    let executor = executor(&chain);
    let signed = signed_publication(&executor, false).await;
    // The account's gas coin moves on.
    executor.send_sui(&[(pauper().address(), 1)]).await.unwrap();
    assert_eq!(
        executor
            .resume(&signed)
            .await
            .unwrap()
            .map(|done| done.digest),
        None
    );
    let state = write_state(&chain, folder.path(), "publishing package wal", &signed);
    deployed_wal(&chain, &state).await;
    assert!(executor.resume(&signed).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_another_command_has_to_be_finished_first() {
    let (chain, folder) = (chain().await, tempfile::tempdir().unwrap());
    let executor = executor(&chain);
    let signed = signed_publication(&executor, true).await;
    let state = write_state(&chain, folder.path(), "upgrading to walrus_v9", &signed);
    let rpc = SuiRpc::new([chain.rpc_url()]).unwrap();
    let mut deployer = Deployer::open(rpc, admin(), Some(&state)).await.unwrap();
    assert_eq!(deployer.interrupted_step(), Some("upgrading to walrus_v9"));
    let error = deployer.deploy(&config()).await.unwrap_err();
    assert!(
        matches!(&error, DeployError::Interrupted { step } if step == "upgrading to walrus_v9"),
        "{error}"
    );
    assert!(
        error.to_string().contains("run that command again"),
        "{error}"
    );
}

fn start(directory: &Path, network: &str) -> Child {
    // A write beyond a limit is an error for a program that ignores the signal.
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(binary("walrus-deploy"))
        .current_dir(directory)
        .args(["deploy-system-contract", "--working-dir", "work"])
        .args(["--sui-network", network, "--n-shards", "10", "--json"])
        .args(["--admin-wallet-path", "admin.yaml"])
        .args([
            "--with",
            "wal_exchange,subsidies,walrus_subsidies,blob_bucket",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started")
}

/// Digest of the transaction that is signed but whose effects are not written down.
fn pending_digest(state: &Path) -> Option<String> {
    let state: Value = serde_json::from_slice(&fs::read(state).ok()?).ok()?;
    let digest = state.pointer("/pending/transaction/digest")?;
    digest.as_str().map(ToOwned::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_is_killed_at_every_step_happens_once() {
    let (chain, folder) = (chain().await, tempfile::tempdir().unwrap());
    let directory = folder.path();
    let env = WalletEnv::new("test", chain.rpc_url());
    Wallet::create(directory.join("admin.yaml"), env, &admin()).unwrap();
    let state = directory.join("work/deployment.json");

    let mut killed_at: Vec<String> = Vec::new();
    let output = 'runs: loop {
        let mut process = start(directory, &chain.rpc_url());
        let started = Instant::now();
        loop {
            if process.try_wait().unwrap().is_some() {
                break 'runs process.wait_with_output().unwrap();
            }
            if let Some(digest) = pending_digest(&state)
                && !killed_at.contains(&digest)
            {
                process.kill().unwrap();
                process.wait().unwrap();
                killed_at.push(digest);
                break;
            }
            assert!(started.elapsed() < STEP_TIMEOUT, "no progress");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Every step was interrupted once, unless it was over before anybody could look.
    assert!(killed_at.len() >= 3, "{killed_at:?}");
    assert_happened_once(&chain, &output.stdout).await;
}

/// A deployment with four packages around the contracts is complete, and nothing of it is there
/// twice.
async fn assert_happened_once(chain: &Localnet, status: &[u8]) {
    let status: Value = serde_json::from_slice(status).unwrap();
    assert_eq!(status["extras"].as_object().unwrap().len(), 4);
    assert_eq!(status["interrupted"], Value::Null);

    // The capability of `wal` is given up and that of `walrus` is in the upgrade manager: there is
    // one for each of the other packages, and one of everything else.
    let rpc = SuiRpc::new([chain.rpc_url()]).unwrap();
    let owned = async |type_: String| {
        let owned = rpc.owned_objects(admin().address(), &type_).await;
        owned.unwrap().len()
    };
    assert_eq!(owned("0x2::package::UpgradeCap".to_owned()).await, 4);
    let walrus = status["deployment"]["walrus_package"].as_str().unwrap();
    assert_eq!(
        owned(format!("{walrus}::upgrade::EmergencyUpgradeCap")).await,
        1
    );
    assert_eq!(owned(format!("{walrus}::init::InitCap")).await, 0);
    for (package, module) in [
        ("wal_exchange", "wal_exchange"),
        ("subsidies", "subsidies"),
        ("walrus_subsidies", "walrus_subsidies"),
    ] {
        let id = status["extras"][package]["package"].as_str().unwrap();
        assert_eq!(
            owned(format!("{id}::{module}::AdminCap")).await,
            1,
            "{package}"
        );
    }
}

/// Like [`start`], on a file system where no file can have a byte.
fn start_on_full_disk(directory: &Path, network: &str) -> Child {
    let process = start(directory, network);
    assert!(fill_disk(&process), "it ended before its disk was full");
    process
}

/// Lets every further write of the process fail. False if it has ended.
fn fill_disk(process: &Child) -> bool {
    let status = Command::new("prlimit")
        .args(["--pid", &process.id().to_string(), "--fsize=0:0"])
        .stderr(Stdio::null())
        .status();
    status.expect("prlimit, of util-linux").success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_a_deployment_at_any_step_and_nothing_is_lost() {
    let (chain, folder) = (chain().await, tempfile::tempdir().unwrap());
    let directory = folder.path();
    let env = WalletEnv::new("test", chain.rpc_url());
    Wallet::create(directory.join("admin.yaml"), env, &admin()).unwrap();
    let state = directory.join("work/deployment.json");
    let assert_full = |stderr: &[u8], parts: &[&str]| {
        let text = String::from_utf8_lossy(stderr);
        let parts = [&["File too large", "run the same command again"], parts].concat();
        for part in parts {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
        assert!(!text.contains("panicked"), "{text}");
    };

    // From the beginning: nothing is sent that cannot be recorded.
    let output = start_on_full_disk(directory, &chain.rpc_url())
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_full(&output.stderr, &["was not sent", "deployment.json"]);
    assert!(!state.exists());

    // Between sending and writing down, at every step.
    let mut failed_at: Vec<String> = Vec::new();
    let output = loop {
        let mut process = start(directory, &chain.rpc_url());
        let started = Instant::now();
        let mut is_full = false;
        while process.try_wait().unwrap().is_none() {
            if !is_full
                && let Some(digest) = pending_digest(&state)
                && !failed_at.contains(&digest)
                && fill_disk(&process)
            {
                is_full = true;
                failed_at.push(digest);
            }
            assert!(started.elapsed() < STEP_TIMEOUT, "no progress");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let output = process.wait_with_output().unwrap();
        if output.status.success() {
            break output;
        }
        assert!(is_full, "{}", String::from_utf8_lossy(&output.stderr));
        assert_full(&output.stderr, &["cannot write"]);
    };
    assert!(failed_at.len() >= 3, "{failed_at:?}");
    assert_happened_once(&chain, &output.stdout).await;

    // Files for users: what was there stays, and the next run writes them.
    let published = directory.join("work/walrus/Published.toml");
    let before = fs::read_to_string(&published).unwrap();
    let output = start_on_full_disk(directory, &chain.rpc_url())
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_full(&output.stderr, &["cannot write"]);
    assert_eq!(fs::read_to_string(&published).unwrap(), before);
    fs::remove_file(&published).unwrap();
    let output = start(directory, &chain.rpc_url())
        .wait_with_output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(fs::read_to_string(&published).unwrap(), before);

    // The result goes to a full disk.
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(binary("walrus-deploy"))
        .current_dir(directory)
        .args(["status", "--working-dir", "work", "--json"])
        .args(["--sui-network", &chain.rpc_url()])
        .args(["--admin-wallet-path", "admin.yaml"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.starts_with("Error: cannot write to standard output")
            && text.contains("No space left"),
        "{text}"
    );
}
