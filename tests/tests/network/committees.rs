//! A committee of key servers on a whole network: made, asked through its aggregator, and given new
//! shares, with the commands that people run and the unmodified `@mysten/seal`.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use walrus_tests::{CommandOutcome, TestNetwork, binary, npm::node, run};

/// Time for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(120);
const MEMBERS: [&str; 3] = [
    "committee-member-0",
    "committee-member-1",
    "committee-member-2",
];

fn start() -> TestNetwork {
    TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal-committee"])
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn ok(outcome: CommandOutcome) -> CommandOutcome {
    assert!(outcome.success, "{}", outcome.stderr);
    outcome
}

/// `walrus-key-server`, with the wallet of the network.
fn key_server(args: &[&str]) -> CommandOutcome {
    run(Command::new(binary("walrus-key-server")).args(args))
}

fn server<'a>(network: &'a TestNetwork, name: &str) -> &'a Value {
    let servers = network.ready["key_servers"].as_array().unwrap();
    servers.iter().find(|it| it["name"] == name).unwrap()
}

fn url<'a>(network: &'a TestNetwork, name: &str) -> &'a str {
    server(network, name)["url"].as_str().unwrap()
}

fn committee(network: &TestNetwork) -> &str {
    server(network, MEMBERS[0])["id"].as_str().unwrap()
}

fn stop(network: &TestNetwork, name: &str) {
    ok(network.localnet(&["key-server", "stop", name, "--kill"]));
}

fn seal_package(network: &TestNetwork) -> &str {
    network.ready["packages"]["seal"].as_str().unwrap()
}

/// Content that is encrypted for the first user.
fn encrypted(network: &TestNetwork, folder: &Path) -> String {
    let (plain, file) = (path(folder, "plain"), path(folder, "file.seal"));
    fs::write(&plain, b"for me").unwrap();
    ok(network.walrus(&["encrypt", &plain, "--out", &file]));
    file
}

fn decrypts(network: &TestNetwork, folder: &Path, file: &str) {
    let out = path(folder, "out");
    let _ = fs::remove_file(&out);
    ok(network.walrus(&["decrypt", file, "--out", &out]));
    assert_eq!(fs::read(out).unwrap(), b"for me");
}

/// A key server that runs until the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Puts an honest server with a key of its own where a member should be: what it gives is no share
/// of the committee's.
fn put_a_stranger_at(network: &TestNetwork, folder: &Path, member: &str) -> Running {
    let (key, config) = (path(folder, "stranger.key"), path(folder, "stranger.yaml"));
    ok(key_server(&["keygen", "--out", &key]));
    let (rpc, url) = (network.ready["rpc"].as_str().unwrap(), url(network, member));
    let seal = seal_package(network);
    let wallet = path(&network.state_dir(), "sui_client.yaml");
    let registered = key_server(&[
        "register",
        "--name",
        "stranger",
        "--url",
        url,
        "--key-file",
        &key,
        "--seal-package",
        seal,
        "--wallet",
        &wallet,
        "--json",
    ]);
    let id = registered.json()["key_server_object_id"].clone();
    let address = url.strip_prefix("http://").unwrap();
    let text = format!(
        "network: !Devnet {{seal_package: '{seal}'}}\nserver_mode: !Open {{key_server_object_id: {id}}}\n\
         master_key_file: stranger.key\nnode_url: {rpc}\nlisten_address: {address}\nmetrics_host: 127.0.0.1\n\
         metrics_host_port: 0\nclock_lag_max: null\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(binary("walrus-key-server"));
    command.args(["run", "--config", &config]);
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    let running = Running(child);
    wait(|| TcpStream::connect(address).is_ok());
    running
}

fn wait(is_done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_done() {
        assert!(Instant::now() < deadline, "it has not happened");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn enough_members_decrypt_whatever_the_others_do() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let file = encrypted(&network, folder.path());
    let inspected = ok(network.walrus(&["--json", "inspect-encrypted", &file])).json();
    assert_eq!(inspected["threshold"], 1, "a committee is one key server");
    decrypts(&network, folder.path(), &file);
    // Another account is denied by all members, and told so.
    let other = network.walrus(&[
        "--account",
        "user-1",
        "decrypt",
        &file,
        "--out",
        "/dev/null",
    ]);
    assert!(
        other.stderr.contains("access denied by the policy"),
        "{}",
        other.stderr
    );

    let mut script = node("private-data-committee.mjs");
    script
        .arg(network.ready.to_string())
        .arg(&file)
        .arg(path(folder.path(), "theirs.seal"));
    assert_eq!(run(&mut script).json()["checked"], 3);
    decrypts(&network, folder.path(), &path(folder.path(), "theirs.seal"));

    stop(&network, MEMBERS[0]);
    decrypts(&network, folder.path(), &file);
    let stranger = put_a_stranger_at(&network, folder.path(), MEMBERS[0]);
    decrypts(&network, folder.path(), &file);
    // One member and one that lies are not two.
    stop(&network, MEMBERS[1]);
    let too_few = network.walrus(&["decrypt", &file, "--out", "/dev/null"]);
    assert!(
        !too_few.success && too_few.stderr.contains("try again later"),
        "{}",
        too_few.stderr
    );
    ok(network.localnet(&["key-server", "start", MEMBERS[1]]));
    decrypts(&network, folder.path(), &file);
    drop(stranger);

    // A member that has no share of this committee does not start.
    let config = network.state_dir().join("key-servers").join(MEMBERS[0]);
    fs::copy(
        network
            .state_dir()
            .join("key-servers")
            .join(MEMBERS[1])
            .join("share-0.key"),
        config.join("share-0.key"),
    )
    .unwrap();
    let text = fs::read_to_string(config.join("walrus-key-server.yaml")).unwrap();
    let text = text.replace("party_id: null", "party_id: 0");
    fs::write(config.join("other.yaml"), text).unwrap();
    let other = key_server(&["run", "--config", &path(&config, "other.yaml")]);
    assert!(
        other
            .stderr
            .contains("is not one that is registered for member 0"),
        "{}",
        other.stderr
    );
}

/// Runs `committee COMMAND` with options and files.
fn committee_command(options: &[&str], files: &[String]) -> CommandOutcome {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    key_server(&[&["committee"], options, &files].concat())
}

/// Cards, secrets and what else members write, below one folder.
struct Ceremony<'a> {
    network: &'a TestNetwork,
    folder: &'a Path,
    names: &'a [&'a str],
}

impl Ceremony<'_> {
    fn file(&self, name: &str, kind: &str) -> String {
        path(self.folder, &format!("{name}.{kind}"))
    }

    fn files(&self, names: &[&str], kind: &str) -> Vec<String> {
        names.iter().map(|name| self.file(name, kind)).collect()
    }

    /// All join; the keys that they print.
    fn join(&self, urls: &[&str]) -> Vec<String> {
        let members = self.names.iter().zip(urls);
        let join = |(name, url): (&&str, &&str)| {
            let (secret, card) = (self.file(name, "secret"), self.file(name, "card"));
            let args = [
                "join",
                "--name",
                name,
                "--url",
                url,
                "--secret-file",
                &secret,
                "--out",
                &card,
            ];
            ok(committee_command(&args, &[])).stdout
        };
        members.map(join).collect()
    }

    fn deal(&self, name: &str, old_share: Option<&str>) {
        let plan = path(self.folder, "plan");
        let (secret, out) = (self.file(name, "secret"), self.file(name, "deal"));
        let mut args = vec![
            "deal",
            "--plan",
            &plan,
            "--secret-file",
            &secret,
            "--out",
            &out,
        ];
        args.extend(
            old_share
                .into_iter()
                .flat_map(|share| ["--old-share", share]),
        );
        ok(committee_command(&args, &[]));
    }

    fn finish(&self, name: &str, share_folder: &str, dealers: &[&str]) -> CommandOutcome {
        let plan = path(self.folder, "plan");
        let (secret, out) = (self.file(name, "secret"), self.file(name, "approval"));
        let complaint = self.file(name, "complaint");
        let args = [
            "finish",
            "--plan",
            &plan,
            "--secret-file",
            &secret,
            "--share-folder",
            share_folder,
            "--out",
            &out,
            "--complaint",
            &complaint,
        ];
        committee_command(&args, &self.files(dealers, "deal"))
    }

    fn register(&self) -> CommandOutcome {
        let plan = path(self.folder, "plan");
        let wallet = path(&self.network.state_dir(), "sui_client.yaml");
        let seal = seal_package(self.network);
        let args = [
            "register",
            "--plan",
            &plan,
            "--seal-package",
            seal,
            "--wallet",
            &wallet,
            "--json",
        ];
        committee_command(&args, &self.files(self.names, "approval"))
    }
}

/// What a member says the public key of its share is.
fn partial_key(url: &str) -> Option<String> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!(
        "GET /v1/debug/committee_partial_pk HTTP/1.1\r\nHost: {address}\r\nClient-Sdk-Version: 1.0.0\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let body = answer.split("\r\n\r\n").nth(1)?;
    let body: Value = serde_json::from_str(&body[body.find('{')?..=body.rfind('}')?]).ok()?;
    Some(body["partial_pk"].as_str()?.to_owned())
}

#[test]
fn shares_change_while_the_key_stays_and_nothing_is_restarted() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let file = encrypted(&network, folder.path());
    let ceremony = Ceremony {
        network: &network,
        folder: folder.path(),
        names: &MEMBERS,
    };
    let urls = MEMBERS.map(|name| url(&network, name));
    let before = urls.map(|url| partial_key(url).unwrap());
    ceremony.join(&urls);

    let (plan, rpc) = (
        path(folder.path(), "plan"),
        network.ready["rpc"].as_str().unwrap(),
    );
    let dealers = [MEMBERS[2], MEMBERS[0]];
    let id = committee(&network);
    let args = [
        "plan",
        "--threshold",
        "2",
        "--previous",
        id,
        "--rpc",
        rpc,
        "--out",
        &plan,
        "--dealer",
        dealers[0],
        "--dealer",
        dealers[1],
    ];
    let planned = ok(committee_command(&args, &ceremony.files(&MEMBERS, "card")));
    assert_eq!(
        planned.stdout,
        format!("{} deals\n{} deals\n", MEMBERS[0], MEMBERS[2])
    );
    let homes = MEMBERS.map(|name| network.state_dir().join("key-servers").join(name));
    for dealer in dealers {
        let home = network.state_dir().join("key-servers").join(dealer);
        ceremony.deal(dealer, Some(&path(&home, "share-0.key")));
    }
    // A value that was changed on the way is noticed, and it is said whose it was.
    let deal = ceremony.file(dealers[0], "deal");
    let good = fs::read_to_string(&deal).unwrap();
    let mut bad: Value = serde_json::from_str(&good).unwrap();
    bad["values"].as_array_mut().unwrap().swap(0, 1);
    fs::write(&deal, bad.to_string()).unwrap();
    let home = path(&homes[0], "");
    let noticed = ceremony.finish(MEMBERS[0], &home, &dealers);
    assert!(
        !noticed.success && noticed.stderr.contains(MEMBERS[2]),
        "{}",
        noticed.stderr
    );
    assert!(!homes[0].join("share-1.key").exists());
    fs::write(&deal, good).unwrap();
    for (name, home) in MEMBERS.iter().zip(&homes) {
        ok(ceremony.finish(name, &path(home, ""), &dealers));
    }
    let registered = ok(ceremony.register()).json();
    assert_eq!(registered["version"], 1);
    assert_eq!(registered["key_server_object_id"], id);

    // Members take up their new shares by themselves, and what was encrypted before is decrypted
    // with them.
    wait(|| {
        urls.iter()
            .zip(&before)
            .all(|(url, old)| partial_key(url).is_some_and(|key| key != *old))
    });
    decrypts(&network, folder.path(), &file);
    stop(&network, MEMBERS[0]);
    decrypts(&network, folder.path(), &file);
    // The same plan does not fit the committee any more.
    let again = ceremony.register();
    assert!(
        again.stderr.contains("at version 1 by now"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_committee_is_made_with_commands() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let names = ["alpha", "beta"];
    let ceremony = Ceremony {
        network: &network,
        folder: folder.path(),
        names: &names,
    };
    let keys = ceremony.join(&["https://alpha.example", "https://beta.example"]);
    let plan = path(folder.path(), "plan");
    let impossible = ["plan", "--threshold", "3", "--out", &plan];
    let refused = committee_command(&impossible, &ceremony.files(&names, "card"));
    assert!(
        refused.stderr.contains("a threshold of 3 is impossible"),
        "{}",
        refused.stderr
    );
    let args = ["plan", "--threshold", "2", "--out", &plan];
    ok(committee_command(&args, &ceremony.files(&names, "card")));
    let shown = ok(committee_command(&["show", &plan], &[])).stdout;
    assert!(shown.contains("Needed: 2 of 2"), "{shown}");
    for (name, key) in names.iter().zip(&keys) {
        let is_shown = shown.contains(&format!("{name} at https://{name}.example, deals"));
        assert!(is_shown && shown.contains(key.trim()), "{shown}");
    }
    for name in names {
        ceremony.deal(name, None);
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in names {
        ok(ceremony.finish(name, &path(folder.path(), name), &names));
        // A share is not overwritten.
        let again = ceremony.finish(name, &path(folder.path(), name), &names);
        assert!(
            again.stderr.contains("is not overwritten"),
            "{}",
            again.stderr
        );
    }
    // All have to approve.
    let lost = ceremony.file("beta", "approval");
    let approval = fs::read(&lost).unwrap();
    fs::copy(ceremony.file("alpha", "approval"), &lost).unwrap();
    let refused = ceremony.register();
    assert!(
        refused.stderr.contains("two messages of member 0"),
        "{}",
        refused.stderr
    );
    fs::write(&lost, approval).unwrap();
    let registered = ok(ceremony.register()).json();
    assert_eq!(registered["version"], 0);
    // It is a key server that things can be encrypted for, once somebody has said who collects
    // answers.
    let id = registered["key_server_object_id"].as_str().unwrap();
    let (plain, out) = (path(folder.path(), "plain"), path(folder.path(), "sealed"));
    fs::write(&plain, b"x").unwrap();
    let without = network.walrus(&["encrypt", &plain, "--key-server", id, "--out", &out]);
    assert!(
        without.stderr.contains("has no aggregator for it"),
        "{}",
        without.stderr
    );
}
