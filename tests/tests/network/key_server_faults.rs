//! Private data while things change around it: key servers and nodes that die and come back,
//! sessions that end, policies that are upgraded, and a full node that is behind.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use sui_sdk_types::{
    Address, Argument, Command, Identifier, Input, MoveCall, Mutability, ObjectReference,
    ProgrammableTransaction, SharedInput,
};
use walrus_contracts::packages::{self, LinkedPackage, package_digest};
use walrus_core::ObjectId;
use walrus_seal::{ApprovalProgram, Code};
use walrus_sui::{
    Executor, Program,
    contract::{allowlist_creation, owned_upgrade, publication, published, upgraded},
    transaction::Function,
};
use walrus_tests::{
    CommandOutcome, TestNetwork,
    key_servers::{FalseKeyServer, Reader, RunningKeyServer, Said, ask, sign},
    liar::Liar,
    patience::{PATIENCE, eventually},
    random_bytes, run, text,
};

use crate::key_servers::{hex, open_server_of, server};

/// Readers that read all the time, and what each reads.
const READERS: usize = 2;
const SIZE: usize = 50_000;
/// How often a full node that does not know an object is asked for one request.
const QUESTIONS_MAX: usize = 4;

fn start() -> TestNetwork {
    TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal"])
}

fn local(network: &TestNetwork, args: &[&str]) {
    let outcome = network.localnet(args);
    assert!(outcome.success, "{args:?}: {}", outcome.stderr);
}

/// The result of a command that succeeds.
fn ok(network: &TestNetwork, args: &[&str]) -> CommandOutcome {
    let outcome = network.walrus(args);
    assert!(outcome.success, "{args:?}: {}", outcome.stderr);
    outcome
}

/// What readers have seen.
#[derive(Default)]
struct Seen {
    is_over: AtomicBool,
    reads: AtomicUsize,
    failures: stdx::Mutex<Vec<String>>,
}

/// Reads until it is over. What comes back is right, or nothing does and it is said why.
fn keep_reading(network: &TestNetwork, blob: &str, index: usize, seen: &Seen) {
    let out = network.folder().join(format!("read-{index}"));
    while !seen.is_over.load(Ordering::SeqCst) {
        let _ = fs::remove_file(&out);
        let mut command = network.walrus_command();
        command.args(["read", "--decrypt", blob, "--out"]).arg(&out);
        let outcome = run(&mut command);
        if let Ok(content) = fs::read(&out) {
            let is_right = outcome.success && content == random_bytes(SIZE, 1);
            assert!(is_right, "other bytes came back");
        } else {
            assert!(!outcome.success, "{}", outcome.stdout);
            seen.failures.lock().push(outcome.stderr);
        }
        seen.reads.fetch_add(1, Ordering::SeqCst);
    }
}

impl Seen {
    /// Waits until every reader has begun and ended a read.
    fn wait(&self) {
        // The first of each may have begun before.
        let wanted = self.reads.load(Ordering::SeqCst) + 2 * READERS;
        let deadline = Instant::now() + PATIENCE;
        while self.reads.load(Ordering::SeqCst) < wanted {
            assert!(!self.is_over.load(Ordering::SeqCst), "a reader failed");
            assert!(Instant::now() < deadline, "no reader gets on");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn failures(&self) -> Vec<String> {
        std::mem::take(&mut self.failures.lock())
    }
}

/// Says that it is over when a reader or the test fails, so that the others end, too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn reads_go_on_while_key_servers_and_nodes_die_and_come_back() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10", "--with", "seal"]);
    let file = network.random_file(SIZE, 1);
    let file = file.to_str().unwrap();
    let stored = ok(
        &network,
        &["--json", "store", "--encrypt", file, "--epochs", "2"],
    )
    .json();
    let blob = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    let (blob, seen) = (blob.as_str().unwrap(), Seen::default());
    let (network, seen) = (&network, &seen);
    thread::scope(|scope| {
        let _over = Over(&seen.is_over);
        for index in 0..READERS {
            scope.spawn(move || {
                let _over = Over(&seen.is_over);
                keep_reading(network, blob, index, seen);
            });
        }
        // One server and one node at a time: the others are enough, and nobody notices.
        for index in 0..3 {
            let server = format!("key-server-{index}");
            local(network, &["key-server", "stop", &server, "--kill"]);
            let node = format!("node-{index}");
            local(network, &["node", "stop", &node, "--kill"]);
            seen.wait();
            local(network, &["key-server", "start", &server]);
            local(network, &["node", "start", &node]);
            seen.wait();
        }
        assert_eq!(seen.failures(), Vec::<String>::new());

        // Two of three servers: nobody reads, and everybody is told why.
        for server in ["key-server-0", "key-server-1"] {
            local(network, &["key-server", "stop", server, "--kill"]);
        }
        seen.wait();
        let failures = seen.failures();
        assert!(!failures.is_empty());
        for said in failures {
            let weights = "gave the keys, and 2 is needed";
            assert!(
                said.contains(weights) && said.contains("it cannot be reached"),
                "{said}"
            );
        }
        // They come back, and so do the readers. Who was refused before ends first.
        for server in ["key-server-0", "key-server-1"] {
            local(network, &["key-server", "start", server]);
        }
        seen.wait();
        seen.failures();
        seen.wait();
        assert_eq!(seen.failures(), Vec::<String>::new());
    });
}

/// Runs key servers 0 and 1 of a network whose own do not run. They count what they are asked, and
/// refuse, as if the session were over, what `refuses` says of the number of a request.
async fn counting(
    network: &TestNetwork,
    folder: &std::path::Path,
    refuses: fn(usize) -> bool,
) -> (
    Vec<Arc<AtomicUsize>>,
    Vec<(FalseKeyServer, RunningKeyServer)>,
) {
    let rpc = network.ready["rpc"].as_str().unwrap();
    let (mut counts, mut servers) = (Vec::new(), Vec::new());
    for index in 0..2 {
        let folder = folder.join(format!("key-server-{index}"));
        fs::create_dir_all(&folder).unwrap();
        let honest = open_server_of(network, index, rpc, &folder, "clock_lag_max: null");
        let (url, _) = server(network, index);
        let front = FalseKeyServer::start(url, &honest.url).await;
        let count: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&count);
        front.tell(move |answer| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            if refuses(number) {
                Said::Refusal(Code::InvalidCertificate)
            } else {
                Said::Answer(answer)
            }
        });
        counts.push(count);
        servers.push((front, honest));
    }
    (counts, servers)
}

/// Stores three files in a quilt, encrypted, and returns its ID.
fn store_quilt(network: &TestNetwork, folder: &std::path::Path, how: &[&str]) -> String {
    let mut store = network.walrus_command();
    store.args(["--json", "store-quilt", "--epochs", "1", "--paths"]);
    for name in ["a", "b", "c"] {
        let (plain, sealed) = (folder.join("plain"), folder.join(name));
        fs::write(&plain, format!("content of {name}")).unwrap();
        let encrypt = ["encrypt", text(&plain), "--out", text(&sealed)];
        ok(network, &[&encrypt[..], how].concat());
        store.arg(sealed);
    }
    let stored = run(&mut store).json();
    let blob = &stored["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    blob.as_str().unwrap().to_owned()
}

/// Reads the files of a quilt into a folder.
fn read_quilt(network: &TestNetwork, quilt: &str, out: &std::path::Path) -> CommandOutcome {
    let mut command = network.walrus_command();
    command.args(["read-quilt", "--decrypt", "--quilt-id", quilt, "--out"]);
    let outcome = run(command.arg(out));
    for name in ["a", "b", "c"] {
        let content = fs::read_to_string(out.join(name)).ok();
        let expected = outcome.success.then(|| format!("content of {name}"));
        assert_eq!(content, expected, "{}", outcome.stderr);
    }
    outcome
}

fn numbers(counts: &[Arc<AtomicUsize>]) -> Vec<usize> {
    let numbers = counts.iter().map(|count| count.swap(0, Ordering::SeqCst));
    numbers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for_once_and_a_session_that_ends_is_renewed() {
    // Enough shards for a quilt of three files.
    let network = TestNetwork::start(&["--nodes", "1", "--shards", "7", "--with", "seal"]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let reader = Reader::new(&network, 0);
    let id = hex(&reader.identity(1));
    let shared = store_quilt(&network, folder, &["--id", &id]);
    let separate = store_quilt(&network, folder, &[]);

    for index in 0..3 {
        let name = format!("key-server-{index}");
        local(&network, &["key-server", "stop", &name]);
    }

    // One identity for all files, and one for each.
    let (counts, servers) = counting(&network, folder, |_| false).await;
    assert!(read_quilt(&network, &shared, &folder.join("one")).success);
    assert_eq!(numbers(&counts), [1, 1]);
    assert!(read_quilt(&network, &separate, &folder.join("each")).success);
    assert_eq!(numbers(&counts), [3, 3]);
    drop(servers);

    // The session ends after the first file: another one begins, and the batch goes on.
    let (counts, servers) = counting(&network, folder, |number| number == 1).await;
    assert!(read_quilt(&network, &separate, &folder.join("renewed")).success);
    assert_eq!(numbers(&counts), [4, 4]);
    drop(servers);

    // Whoever is refused in a new session as well has another problem, and is told.
    let (counts, _servers) = counting(&network, folder, |number| number > 0).await;
    let refused = read_quilt(&network, &separate, &folder.join("refused"));
    refused.assert_fails(1, &["Invalid certificate time or ttl", "file `b`"]);
    assert_eq!(numbers(&counts), [3, 3]);
}

/// Package `policies` as its next version: nothing else is different.
fn next_version(package: &LinkedPackage) -> LinkedPackage {
    // The constant in the pool of module `release`.
    let constant = |version: u64| [&[3, 8], &version.to_le_bytes()[..]].concat();
    let (old, new) = (constant(1), constant(2));
    let mut next = package.clone();
    let has = |module: &[u8], name: &[u8]| module.windows(name.len()).any(|it| it == name);
    let is_release =
        |module: &&mut Vec<u8>| has(module, b"assert_current") && !has(module, b"seal_approve");
    let mut releases: Vec<_> = next.modules.iter_mut().filter(is_release).collect();
    assert_eq!(releases.len(), 1);
    let place = releases[0].windows(old.len()).position(|it| it == old);
    let place = place.expect("the version is a constant");
    releases[0][place..place + new.len()].copy_from_slice(&new);
    next.digest = package_digest(&next.modules, &next.dependencies);
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_encrypted_before_an_upgrade_of_the_policies_is_read_after_it() {
    let network = start();
    let owner = Reader::new(&network, 0);
    let executor = Executor::new(owner.rpc.clone(), owner.signer.clone());
    let package = packages::policies().linked(&[]).unwrap();
    let program = publication(&package, false, owner.signer.address());
    let first = published(executor.run(&program).await.unwrap()).unwrap();
    let (first, cap) = (first.package, first.upgrade_cap.unwrap());
    let path = |name: &str| network.folder().join(name).display().to_string();
    let (plain, sealed, mine) = (path("plain"), path("sealed"), path("mine"));
    fs::write(&plain, "from before").unwrap();
    let named = first.to_string();
    let made = ok(
        &network,
        &[
            "--json",
            "policy",
            "new",
            "--policy-package",
            &named,
            "allowlist",
        ],
    )
    .json();
    let list = made["policy"].as_str().unwrap().to_owned();
    ok(&network, &["policy", "grant", &list, "user-1"]);
    let encrypt = |package: &str, how: &[&str], out: &str| {
        let encrypt = ["encrypt", &plain, "--policy-package", package, "--out", out];
        ok(&network, &[&encrypt[..], how].concat())
    };
    encrypt(&named, &["--policy", &list], &sealed);
    encrypt(&named, &["--for", "user-1"], &mine);
    let decrypt = |file: &str, version: Option<ObjectId>| {
        let mut command = network.walrus_command();
        command.args(["--account", "user-1", "decrypt", file]);
        command.args(version.map(|id| format!("--package={id}")));
        run(&mut command)
    };
    let reads = |file: &str, version| {
        let outcome = decrypt(file, version);
        assert_eq!(outcome.stdout, "from before", "{}", outcome.stderr);
    };
    let is_denied = |file: &str, version| {
        decrypt(file, version).assert_fails(1, &["access denied by the policy"]);
    };
    reads(&sealed, None);

    let program = owned_upgrade(&next_version(&package), first, cap);
    let second = upgraded(executor.run(&program).await.unwrap()).unwrap();
    let second = second.package;
    assert_ne!(second, first);
    // The list works with the version it was made by, and with no other: the next one does not
    // decide about it before it is migrated, the old one never again.
    reads(&sealed, None);
    is_denied(&sealed, Some(second));
    let mut migration = Program::new();
    let shared = migration.shared(list.parse().unwrap());
    let migrate = Function::new(second, "allowlist", "migrate");
    migration.move_call(migrate, vec![shared]);
    executor.run(&migration).await.unwrap();
    is_denied(&sealed, None);
    reads(&sealed, Some(second));
    // What has no state is the same in all versions.
    reads(&mine, None);
    reads(&mine, Some(second));
    // Whoever names the next version encrypts for the same policies.
    let said = encrypt(&second.to_string(), &["--policy", &list], &sealed).stderr;
    assert!(said.contains("the first version of package"), "{said}");
    is_denied(&sealed, None);
    reads(&sealed, Some(second));
}

/// The program that asks a list, which may not exist yet.
fn ask_list(package: ObjectId, list: ObjectId, version: u64) -> ApprovalProgram {
    let id = [&list.0[..], &[1; 16]].concat();
    let list = SharedInput::new(Address::new(list.0), version, Mutability::Immutable);
    let program = ProgrammableTransaction {
        inputs: vec![
            Input::Pure(bcs::to_bytes(&id).unwrap()),
            Input::Shared(list),
        ],
        commands: vec![Command::MoveCall(MoveCall {
            package: Address::new(package.0),
            module: Identifier::from_static("allowlist"),
            function: Identifier::from_static("seal_approve"),
            type_arguments: Vec::new(),
            arguments: vec![Argument::Input(0), Argument::Input(1)],
        })],
    };
    ApprovalProgram::new(program).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_full_node_does_not_know_yet_is_waited_for() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::new(&network, 0);
    let rpc = network.ready["rpc"].as_str().unwrap();
    let full_node = Liar::start(rpc).await;
    let (url, options) = (full_node.url(), "clock_lag_max: null");
    let running = open_server_of(&network, 0, &url, folder.path(), options);
    let questions = || full_node.asked().0;

    // Signed, so that it is known which object there will be; sent only after the policy was asked.
    let executor = Executor::new(reader.rpc.clone(), reader.signer.clone());
    let creation = allowlist_creation(reader.package, reader.signer.address());
    let draft = executor.composer().draft(&creation).await.unwrap();
    let list = draft
        .outcome
        .only_created("allowlist", "Allowlist")
        .unwrap();
    let gas = draft.transaction().gas_payment.objects.iter();
    let version = gas.map(ObjectReference::version).max().unwrap() + 1;
    let program = ask_list(reader.package, list, version).to_bytes();
    let (request, _) = sign(&program, &reader.session());
    let body = serde_json::to_string(&request).unwrap();

    // One that never comes is refused in the end.
    let (status, answer) = ask(&running.url, body.clone()).await;
    assert_eq!(
        (status, &answer["error"]),
        (403, &json!("InvalidParameter"))
    );
    assert_eq!(questions(), QUESTIONS_MAX);

    let asked = ask(&running.url, body);
    let create = async {
        let asked = async || questions() > QUESTIONS_MAX;
        eventually("the server has asked again", asked).await;
        let executed = executor.run(&creation).await.unwrap();
        assert_eq!(executed.digest, draft.digest());
    };
    // The policy itself answers now: nobody is on the list.
    let ((status, answer), ()) = tokio::join!(asked, create);
    assert_eq!(
        (status, &answer["error"]),
        (403, &json!("NoAccess")),
        "{answer}"
    );
    assert!((2..=QUESTIONS_MAX).contains(&(questions() - QUESTIONS_MAX)));
}
