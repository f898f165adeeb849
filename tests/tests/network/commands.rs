//! The commands of `walrus` beyond store and read, on a whole network.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{fs, process::Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use walrus_tests::{CommandOutcome, TestNetwork, text};

fn network() -> TestNetwork {
    TestNetwork::start(&["--nodes", "3", "--shards", "7"])
}

/// Runs a command that must succeed.
fn done(network: &TestNetwork, args: &[&str]) -> CommandOutcome {
    let outcome = network.walrus(args);
    assert!(outcome.success, "{args:?} failed: {}", outcome.stderr);
    outcome
}

fn json_of(network: &TestNetwork, args: &[&str]) -> Value {
    network.walrus(&[args, &["--json"]].concat()).json()
}

/// The text at a place of a JSON value.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{pointer} is missing in {value}"))
}

#[test]
fn a_quilt_is_stored_and_read_by_name_tag_and_patch() {
    let network = network();
    let file = |name: &str, contents: &str| {
        let path = network.folder().join(name);
        fs::write(&path, contents).unwrap();
        text(&path).to_owned()
    };
    let (one, two) = (file("one", "first"), file("two", "second"));
    let described = json!({"path": one, "identifier": "a/b", "tags": {"kind": "note"}}).to_string();
    let other = json!({"path": two}).to_string();

    let dry = [
        "store-quilt",
        "--blobs",
        &described,
        &other,
        "--epochs",
        "2",
        "--dry-run",
    ];
    let planned = json_of(&network, &dry);
    let planned_id = at(&planned, "/quiltBlobOutput/blobId");
    assert_eq!(
        planned.pointer("/quiltIndex/v1/quiltPatches/0/tags"),
        Some(&json!({"kind": "note"}))
    );
    assert_eq!(json_of(&network, &["ls"]), json!([]));

    let stored = json_of(
        &network,
        &[
            "write-quilt",
            "--blobs",
            &described,
            &other,
            "--epochs",
            "2",
            "--attribute",
            "k=v",
        ],
    );
    let id = at(&stored, "/blobStoreResult/newlyCreated/blobObject/blobId");
    assert_eq!(id, planned_id);
    let patches = stored["storedQuiltBlobs"].as_array().unwrap();
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[0]["identifier"], "a/b");
    let object = at(&stored, "/blobStoreResult/newlyCreated/blobObject/id");
    let attributes = json_of(&network, &["get-blob-attribute", object]);
    assert_eq!(
        attributes.pointer("/attribute/metadata/contents"),
        Some(&json!([{"key": "k", "value": "v"}, {"key": "_walrusBlobType", "value": "quilt"}]))
    );

    let read = |args: &[&str]| done(&network, &[&["read-quilt"], args].concat()).stdout;
    assert_eq!(read(&["--quilt-id", id, "--identifier", "two"]), "second");
    assert_eq!(read(&["--quilt-id", id, "--tag", "kind", "note"]), "first");
    let patch = format!("--quilt-patch-id={}", at(&patches[0], "/quiltPatchId"));
    assert_eq!(read(&[&patch]), "first");

    // Files of one name cannot be told apart.
    let folder = network.folder().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("two"), "third").unwrap();
    network
        .walrus(&[
            "store-quilt",
            "--paths",
            &two,
            text(&folder),
            "--epochs",
            "2",
        ])
        .assert_fails(1, &["two files are called `two`"]);
}

#[test]
fn a_folder_becomes_quilts_where_that_is_cheaper_and_says_so() {
    let network = network();
    let folder = network.folder().join("site");
    fs::create_dir_all(folder.join("img")).unwrap();
    for name in ["index.html", "img/a.png", "img/b.png"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let folder = text(&folder);
    let told = done(&network, &["store", folder, "--epochs", "1", "--dry-run"]).stdout;
    assert!(told.contains("Quilt: 3 files together for"), "{told}");
    assert!(told.contains("instead of"), "{told}");

    let stored = json_of(&network, &["store", folder, "--epochs", "1"]);
    assert_eq!(stored.as_array().unwrap().len(), 1);
    let names: Vec<&str> = stored[0]["storedQuiltBlobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|patch| at(patch, "/identifier"))
        .collect();
    assert_eq!(names, ["img/a.png", "img/b.png", "index.html"]);
    let id = at(
        &stored[0],
        "/blobStoreResult/newlyCreated/blobObject/blobId",
    );
    let read = ["read-quilt", "--quilt-id", id, "--identifier", "img/b.png"];
    assert_eq!(done(&network, &read).stdout, "img/b.png");
    // It comes back as it was.
    let back = network.folder().join("back");
    done(
        &network,
        &["read-quilt", "--quilt-id", id, "--out", text(&back)],
    );
    assert_eq!(fs::read(back.join("img/a.png")).unwrap(), b"img/a.png");
    assert_eq!(fs::read(back.join("index.html")).unwrap(), b"index.html");

    // One by one if that is wanted.
    let apart = json_of(&network, &["store", folder, "--epochs", "1", "--no-quilts"]);
    assert_eq!(apart.as_array().unwrap().len(), 3);
    let pattern = format!("{folder}/img/*.png");
    let matched = json_of(&network, &["store", &pattern, "--epochs", "1"]);
    assert_eq!(matched.as_array().unwrap().len(), 2);

    // What comes from a pipe is a blob like any other.
    let mut command = network.walrus_command();
    command.args(["store", "-", "--epochs", "1", "--json"]);
    command.stdin(Stdio::from(
        fs::File::open(format!("{folder}/index.html")).unwrap(),
    ));
    let piped = walrus_tests::run(&mut command).json();
    assert_eq!(at(&piped[0], "/path"), "-");
    let id = at(&piped[0], "/blobStoreResult/alreadyCertified/blobId");
    assert_eq!(network.read(id), b"index.html");
}

#[test]
fn attributes_are_set_shown_searched_and_removed() {
    let network = network();
    let store = |seed: u64, labels: &[&str]| {
        let file = network.random_file(1_000, seed);
        let fixed = ["store", text(&file), "--epochs", "3"];
        let stored = json_of(&network, &[&fixed, labels].concat());
        at(&stored[0], "/blobStoreResult/newlyCreated/blobObject/id").to_owned()
    };
    let log = store(
        1,
        &[
            "--attribute",
            "project=atlas",
            "--attribute",
            "name=today.log",
        ],
    );
    let image = store(
        2,
        &[
            "--content-type",
            "image/png",
            "--attribute",
            "project=atlas",
        ],
    );
    let plain = store(3, &[]);

    let found = |args: &[&str]| {
        let mut found: Vec<String> = done(&network, &[&["find"], args].concat())
            .stdout
            .lines()
            .map(str::to_owned)
            .collect();
        found.sort();
        found
    };
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(
        found(&["--attribute", "project=atlas"]),
        sorted(vec![log.clone(), image.clone()])
    );
    assert_eq!(found(&["--attribute", "name=*.log"]), [log.as_str()]);
    assert_eq!(found(&["--expires-within", "1"]), Vec::<String>::new());
    assert_eq!(found(&["--min-size", "1KiB"]), Vec::<String>::new());
    assert_eq!(found(&[]).len(), 3);
    let listed = json_of(&network, &["ls", "--attribute", "content-type"]);
    assert_eq!(listed[0]["id"], image.as_str());
    assert_eq!(
        listed[0]["attributes"],
        json!({"content-type": "image/png", "project": "atlas"})
    );
    let usage = json_of(&network, &["du", "--by", "project"]);
    assert_eq!(usage[0]["value"], "atlas");
    assert_eq!(
        (&usage[0]["blobs"], &usage[0]["size"]),
        (&json!(2), &json!(2_000))
    );
    assert_eq!(usage[1]["value"], Value::Null);

    // Set, change, remove some, remove all.
    let attributes = |object: &str| json_of(&network, &["get-blob-attribute", object]);
    assert_eq!(attributes(&plain), json!({"attribute": null}));
    let set = [
        "set-blob-attribute",
        &plain,
        "--attr",
        "a",
        "1",
        "--attr",
        "b",
        "2",
    ];
    let told = done(&network, &set).stdout;
    assert!(told.contains("Success: set 2 attributes"), "{told}");
    done(
        &network,
        &["set-blob-attribute", &plain, "--attr", "a", "3"],
    );
    network
        .walrus(&["remove-blob-attribute-fields", &plain, "--keys", "a", "c"])
        .assert_fails(1, &["no attribute `c`", "nothing was removed"]);
    done(
        &network,
        &["remove-blob-attribute-fields", &plain, "--keys", "b"],
    );
    assert_eq!(
        attributes(&plain),
        json!({"attribute": {"metadata": {"contents": [{"key": "a", "value": "3"}]}}})
    );
    done(&network, &["remove-blob-attribute", &plain]);
    assert_eq!(attributes(&plain), json!({"attribute": null}));
    network
        .walrus(&["remove-blob-attribute", &plain])
        .assert_fails(1, &["has no attributes"]);

    // What is stored again is labelled, too.
    let file = network.random_file(1_000, 3);
    let again = [
        "store",
        text(&file),
        "--epochs",
        "3",
        "--attribute",
        "late=yes",
    ];
    json_of(&network, &again);
    assert_eq!(found(&["--attribute", "late=yes"]), [plain]);
}

/// Stores a new blob for three epochs; returns its object.
fn store(network: &TestNetwork, seed: u64, options: &[&str]) -> (String, Value) {
    let file = network.random_file(1_000, seed);
    let fixed = ["store", text(&file), "--epochs", "3"];
    let stored = json_of(network, &[&fixed, options].concat());
    let created = stored[0]["blobStoreResult"]["newlyCreated"].clone();
    (at(&created, "/blobObject/id").to_owned(), created)
}

#[test]
fn shared_blobs_are_funded_and_extended_by_anybody() {
    let network = network();
    let file = network.random_file(9, 1);
    let refused = network.walrus(&["store", text(&file), "--epochs", "3", "--share"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--permanent"), "{}", refused.stderr);
    let (object, _) = store(&network, 1, &["--permanent"]);
    let shared = json_of(
        &network,
        &["share", "--blob-obj-id", &object, "--amount", "1000000"],
    );
    assert_eq!(shared["amount"], 1_000_000);
    let id = at(&shared, "/sharedBlobObjectId");
    // It is the wallet's no more.
    network
        .walrus(&["extend", "--blob-obj-id", &object, "--epochs-extended", "1"])
        .assert_fails(1, &[]);
    let funded = [
        "fund-shared-blob",
        "--shared-blob-obj-id",
        id,
        "--amount",
        "0.5WAL",
        "--json",
    ];
    let mut command = network.walrus_command();
    // Another account pays, and extends.
    command.env("WALRUS_ACCOUNT", "user-1").args(funded);
    let funded = walrus_tests::run(&mut command).json();
    assert_eq!(funded["amount"], 500_000_000);
    let extend = [
        "extend",
        "--blob-obj-id",
        id,
        "--epochs-extended",
        "2",
        "--shared",
        "--json",
    ];
    let mut command = network.walrus_command();
    command.env("WALRUS_ACCOUNT", "user-1").args(extend);
    let extended = walrus_tests::run(&mut command).json();
    assert_eq!(extended["epochsExtended"], 2);
    assert!(
        extended.get("cost").is_none(),
        "its own funds pay: {extended}"
    );
    network
        .walrus(&["set-blob-attribute", id, "--attr", "a", "1"])
        .assert_fails(1, &["shared blob"]);
    assert_eq!(
        json_of(&network, &["get-blob-attribute", id]),
        json!({"attribute": null})
    );

    // Stored and shared at once.
    let (_, created) = store(&network, 2, &["--permanent", "--share"]);
    let shared = at(&created, "/sharedBlobObject");
    let extend = [
        "extend",
        "--blob-obj-id",
        shared,
        "--epochs-extended",
        "1",
        "--shared",
    ];
    network
        .walrus(&extend)
        .assert_fails(1, &["has 0 WAL for extensions", "add WAL to its funds"]);
    json_of(
        &network,
        &[
            "fund-shared-blob",
            "--shared-blob-obj-id",
            shared,
            "--amount",
            "1WAL",
        ],
    );
    done(&network, &extend);
}

#[test]
fn blob_objects_are_burned_when_that_is_wanted() {
    let network = network();
    let objects = [1, 2, 3].map(|seed| store(&network, seed, &[]).0);
    network
        .walrus(&["burn-blobs", "--all"])
        .assert_fails(1, &["3 blob objects will be destroyed", "--yes"]);
    network
        .walrus(&[
            "burn-blobs",
            "--object-ids",
            &objects[0],
            &format!("0x{}", "07".repeat(32)),
            "--yes",
        ])
        .assert_fails(1, &["nothing was burned"]);
    let none = done(&network, &["burn-blobs", "--all-expired", "--yes"]);
    assert_eq!(none.stdout, "No blobs to burn\n");
    let burned = json_of(&network, &["burn-blobs", "--object-ids", &objects[0]]);
    assert_eq!(burned["burned"], json!([objects[0]]));
    done(&network, &["burn-blobs", "--all", "--yes"]);
    assert_eq!(
        json_of(&network, &["list-blobs", "--include-expired"]),
        json!([])
    );
}

#[test]
fn stake_goes_in_and_out_through_walrus_as_well() {
    let network = network();
    let made = json_of(
        &network,
        &[
            "stake",
            "--node-ids",
            "node-0",
            "node-1",
            "--amount",
            "2000000000",
        ],
    );
    assert_eq!(made["stakedWal"].as_array().unwrap().len(), 2);
    assert_eq!(made["stakedWal"][0]["principal"], 2_000_000_000_u64);
    assert_eq!(made["stakedWal"][0]["state"], "staked");
    let listed = json_of(&network, &["list-staked-wal"]);
    let stakes = listed["stakedWals"].as_array().unwrap();
    assert_eq!(stakes.len(), 2);
    let (early, late) = (at(&stakes[0], "/id"), at(&stakes[1], "/id"));

    // What no committee counts on leaves at once.
    let node = at(&stakes[0], "/node_id");
    network
        .walrus(&["request-withdraw-stake", node, early])
        .assert_fails(1, &["can leave at once", "walrus withdraw-stake"]);
    let out = json_of(&network, &["withdraw-stake", early]);
    assert_eq!(out["stakedWalIds"], json!([early]));

    // What counts has to be announced.
    assert!(network.localnet(&["epoch", "next"]).success);
    network
        .walrus(&["withdraw-stake", late])
        .assert_fails(1, &["announced first", "request-withdraw-stake"]);
    let node = at(&stakes[1], "/node_id");
    let dry = json_of(&network, &["request-withdraw-stake", node, "--dry-run"]);
    assert_eq!(dry["stakedWals"][0]["state"], "staked");
    assert!(dry.get("txDigest").is_none());
    let announced = json_of(&network, &["request-withdraw-stake", node]);
    let epoch = announced.pointer("/stakedWals/0/state/withdrawing/withdrawEpoch");
    let epoch = epoch.and_then(Value::as_u64).unwrap();
    assert!(announced["txDigest"].is_string());
    network
        .walrus(&["withdraw-stake", late])
        .assert_fails(1, &[&format!("epoch {epoch}")]);
    let only = |filter: &str| {
        let listed = json_of(&network, &["list-staked-wal", filter]);
        listed["stakedWals"].as_array().unwrap().len()
    };
    assert_eq!((only("--staked-only"), only("--withdrawing-only")), (0, 1));
    assert!(network.localnet(&["epoch", "next", "2"]).success);
    json_of(&network, &["withdraw-stake", late]);
    assert_eq!(
        json_of(&network, &["list-staked-wal"])["stakedWals"],
        json!([])
    );
}

#[test]
fn blobs_are_renewed_and_no_more_is_spent_than_allowed() {
    let network = network();
    let end = |object: &str| {
        let blobs = json_of(&network, &["list-blobs"]);
        let blobs = blobs.as_array().unwrap().clone();
        let blob = blobs.into_iter().find(|blob| blob["id"] == object);
        blob.unwrap()["storage"]["endEpoch"].as_u64().unwrap()
    };
    let (one, _) = store(&network, 1, &[]);
    let (two, _) = store(&network, 2, &[]);
    assert_eq!(end(&one), 4);
    let nothing = done(&network, &["renew", "--within", "1", "--epochs", "10"]);
    assert!(
        nothing.stdout.contains("Nothing to renew"),
        "{}",
        nothing.stdout
    );

    let plan = json_of(
        &network,
        &["renew", "--within", "3", "--epochs", "10", "--dry-run"],
    );
    let renewed = plan["renewed"].as_array().unwrap();
    assert_eq!((renewed.len(), &plan["dryRun"]), (2, &json!(true)));
    let price = renewed[0]["cost"].as_u64().unwrap();
    assert_eq!(end(&one), 4, "a dry run changes nothing");

    // Enough for one of the two: that one is renewed, and the command says what is left.
    let max = (2 * price - 1).to_string();
    let outcome = network.walrus(&[
        "renew",
        "--within",
        "3",
        "--epochs",
        "10",
        "--max-cost",
        &max,
        "--json",
    ]);
    outcome.assert_fails(1, &["--max-cost is not enough for 1 blob"]);
    let done_now: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(done_now["cost"], price);
    assert_eq!(done_now["unaffordable"].as_array().unwrap().len(), 1);
    let ends = [end(&one), end(&two)];
    assert!(ends.contains(&11) && ends.contains(&4), "{ends:?}");

    // As a service, it renews what comes near, and ends when it is asked to.
    let mut command = network.walrus_command();
    command.args([
        "renew",
        "--within",
        "3",
        "--epochs",
        "10",
        "--watch",
        "--interval",
        "100ms",
    ]);
    let mut service = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while [end(&one), end(&two)] != [11, 11] {
        assert!(
            std::time::Instant::now() < deadline,
            "the service renews nothing"
        );
        assert!(
            service.try_wait().unwrap().is_none(),
            "the service has ended"
        );
    }
    let id = Pid::from_raw(i32::try_from(service.id()).unwrap());
    kill(id, Signal::SIGINT).unwrap();
    assert_eq!(service.wait().unwrap().code(), Some(130));
}

#[test]
fn parts_of_a_blob_are_read() {
    let network = network();
    let file = network.random_file(200_000, 1);
    let blob = network.store(&file);
    let bytes = fs::read(&file).unwrap();
    for (range, part) in [
        ("0-9", 0..10),
        ("123456-", 123_456..200_000),
        ("-1000", 199_000..200_000),
        ("0-", 0..200_000),
    ] {
        let out = network.folder().join("part");
        done(
            &network,
            &["read", &blob, "--range", range, "--out", text(&out)],
        );
        assert!(fs::read(out).unwrap() == bytes[part], "{range}");
    }
    network
        .walrus(&["read", &blob, "--range", "200000-"])
        .assert_fails(1, &["200000 bytes", "none from 200000 on"]);
    network
        .walrus(&["read", &blob, "--range", "9-3"])
        .assert_fails(2, &["ends before it begins"]);
}

#[test]
fn commands_are_given_as_json() {
    let network = network();
    let file = network.random_file(1_000, 1);
    let config = at(&network.ready, "/client_config").to_owned();
    let run = |request: &Value, on_stdin: bool| {
        let mut command = std::process::Command::new(walrus_tests::binary("walrus"));
        walrus_tests::alone(&mut command, network.folder());
        command.current_dir(network.folder()).arg("json");
        if on_stdin {
            let path = network.folder().join("request.json");
            fs::write(&path, request.to_string()).unwrap();
            command.stdin(Stdio::from(fs::File::open(path).unwrap()));
        } else {
            command.arg(request.to_string());
        }
        walrus_tests::run(&mut command)
    };
    let store =
        json!({"config": config, "command": {"store": {"files": [text(&file)], "epochs": 2}}});
    let stored = run(&store, false).json();
    // Blobs are deletable unless it is said otherwise.
    let object = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"];
    assert_eq!(object["deletable"], true);
    let id = at(
        &stored[0],
        "/blobStoreResult/newlyCreated/blobObject/blobId",
    );
    let status = json!({
        "config": config,
        "command": {"blobStatus": {"blobId": id, "timeout": {"secs": 5, "nanos": 0}}}
    });
    let status = run(&status, true).json();
    assert_eq!(status["blobId"], id);
    let epoch = json!({"config": config, "command": {"info": {"command": "epoch"}}});
    assert_eq!(run(&epoch, true).json()["currentEpoch"], 1);
    // What is wrong is said in one line.
    let wrong = json!({"config": config, "command": {"store": {"files": ["a"], "epoch": 2}}});
    run(&wrong, false).assert_fails(1, &["no `epoch` of `store`"]);
    run(&json!([]), true).assert_fails(1, &["no command in JSON"]);
}

#[test]
fn receivers_of_commission_are_listed_as_csv() {
    let network = network();
    let told = done(&network, &["info", "committee", "--commission-receivers"]).stdout;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines[0],
        "committee,epoch,node_id,node_name,receiver_type,receiver,receiver_owner"
    );
    assert_eq!(lines[1], "# current committee (epoch 1)");
    for node in ["node-0", "node-1", "node-2"] {
        let row = lines.iter().find(|line| line.contains(node));
        assert!(row.is_some_and(|row| row.contains(",object,0x")), "{told}");
    }
}

#[test]
fn wallets_are_made_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.yaml");
    let generate = |options: &[&str]| {
        let mut command = std::process::Command::new(walrus_tests::binary("walrus"));
        walrus_tests::alone(&mut command, folder.path());
        walrus_tests::run(command.arg("generate-sui-wallet").args(options))
    };
    let made = generate(&[
        "--path",
        text(&path),
        "--sui-network",
        "http://127.0.0.1:1",
        "--json",
    ]);
    let address = at(&made.json(), "/walletAddress").to_owned();
    let wallet = walrus_sui::Wallet::load(&path).unwrap();
    assert_eq!(wallet.active_address().unwrap().to_string(), address);
    assert_eq!(wallet.active_env().unwrap().rpc, "http://127.0.0.1:1");
    let again = fs::read(&path).unwrap();
    generate(&["--path", text(&path)]).assert_fails(1, &["exists"]);
    assert_eq!(fs::read(&path).unwrap(), again);
    generate(&["--sui-network", "mainnet", "--use-faucet"]).assert_fails(1, &["no faucet"]);

    // At its usual place only if nothing is there.
    let usual = generate(&[]);
    assert!(usual.success, "{}", usual.stderr);
    generate(&[]).assert_fails(1, &["exists already", "--path"]);
}

#[test]
fn an_upload_that_was_cut_off_goes_on_without_paying_again() {
    let network = network();
    let file = network.random_file(100_000, 1);
    // A client that pays, and then does nothing for a long time.
    let config = at(&network.ready, "/client_config");
    let settings = fs::read_to_string(config).unwrap();
    let slow = config.replace(".yaml", "-slow.yaml");
    assert!(slow != config && !settings.contains("communication_config"));
    let delay = "communication_config:\n  registration_delay_millis: 3600000\n";
    fs::write(&slow, format!("{settings}\n{delay}")).unwrap();
    let mut command = std::process::Command::new(walrus_tests::binary("walrus"));
    command.args(["--config", &slow, "store", text(&file), "--epochs", "2"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut interrupted = command.spawn().unwrap();
    let registered = loop {
        let blobs = json_of(&network, &["ls", "--state", "registered"]);
        if let Some(blob) = blobs.get(0) {
            break blob.clone();
        }
        assert!(
            interrupted.try_wait().unwrap().is_none(),
            "the store has ended"
        );
    };
    interrupted.kill().unwrap();
    interrupted.wait().unwrap();
    assert_eq!(registered["certifiedEpoch"], Value::Null);

    let stored = json_of(&network, &["store", text(&file), "--epochs", "2"]);
    let created = &stored[0]["blobStoreResult"]["newlyCreated"];
    assert_eq!(created["blobObject"]["id"], registered["id"]);
    assert_eq!(created["cost"], 0);
    assert!(
        created["resourceOperation"]["reuseRegistration"].is_object(),
        "{created}"
    );
    assert!(network.read(at(created, "/blobObject/blobId")) == fs::read(&file).unwrap());
}
