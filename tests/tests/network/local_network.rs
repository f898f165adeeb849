//! `walrus-localnet` as people use it: where it may be, how it is found, what it leaves alone, how
//! time passes.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use walrus_tests::{CommandOutcome, alone, binary, run, text, tools::Tool, tour};

/// A folder in which somebody works, with a home of their own.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::create_dir_all(desk.path().join("home")).expect("writable");
        fs::create_dir_all(desk.path().join("project/src")).expect("writable");
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn project(&self) -> std::path::PathBuf {
        self.path().join("project")
    }

    /// A command that finds nothing but what is on this desk; networks take any free ports.
    fn command(&self, program: &str, folder: &str, args: &[&str]) -> Command {
        let mut command = Command::new(binary(program));
        command
            .args(args)
            .current_dir(self.path().join(folder))
            .stdin(Stdio::null());
        alone(&mut command, &self.path().join("home"));
        command
    }

    fn run(&self, program: &str, folder: &str, args: &[&str]) -> CommandOutcome {
        run(&mut self.command(program, folder, args))
    }

    fn done(&self, program: &str, folder: &str, args: &[&str]) -> String {
        let outcome = self.run(program, folder, args);
        assert!(outcome.success, "{program} {args:?}: {}", outcome.stderr);
        outcome.stdout
    }

    fn up(&self, folder: &str, args: &[&str]) -> Value {
        let args = [&["up", "--detach", "--json"], args].concat();
        let ready = self.done("walrus-localnet", folder, &args);
        serde_json::from_str(&ready).expect("the ready line is JSON")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.run("walrus-localnet", "project", &["down"]);
    }
}

#[test]
fn a_network_is_made_only_in_a_folder_of_its_own() {
    let desk = Desk::new();
    let project = desk.project();
    fs::write(project.join("README"), "x").unwrap();
    fs::write(project.join("src/main.rs"), "y").unwrap();
    fs::write(project.join("network.json"), r#"{"format": 1}"#).unwrap();
    std::os::unix::fs::symlink(&project, desk.path().join("link")).unwrap();
    let named = [
        (".", "holds other files"),
        ("src/..", "holds other files"),
        ("../link", "holds other files"),
        ("README", "is a file"),
        ("README/below", "a file, not a folder"),
        ("../home", "no folder of its own"),
        ("~", "no folder of its own"),
        ("/", ""),
    ];
    for (place, part) in named {
        for reset in [&[][..], &["--reset"]] {
            let args = [&["--state-dir", place, "up", "--detach"], reset].concat();
            desk.run("walrus-localnet", "project", &args)
                .assert_fails(1, &["--state-dir", part]);
            let args = [&["up", "--detach"], reset].concat();
            let mut command = desk.command("walrus-localnet", "project", &args);
            run(command.env("WALRUS_LOCALNET_DIR", place)).assert_fails(1, &[part]);
        }
    }
    assert_eq!(fs::read_to_string(project.join("README")).unwrap(), "x");
    assert_eq!(
        fs::read_to_string(project.join("src/main.rs")).unwrap(),
        "y"
    );
    assert_eq!(
        fs::read_dir(&project).unwrap().count(),
        3,
        "nothing is made"
    );
    assert_eq!(fs::read_dir(desk.path().join("home")).unwrap().count(), 0);
    // What is not there cannot be stopped either, and asking leaves nothing.
    let none = desk.run("walrus-localnet", "project", &["down"]);
    none.assert_fails(1, &["no local network in", "walrus-localnet up"]);
    assert_eq!(fs::read_dir(&project).unwrap().count(), 3);
}

#[test]
fn a_network_is_found_used_moved_on_and_thrown_away() {
    let desk = Desk::new();
    let ready = desk.up("project", &["--with", "governance"]);
    let governance = ready["governance_object"].as_str().expect("a governance");

    // Found from below, by every program, without an option.
    let status = desk.done("walrus-localnet", "project/src", &["status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["chain_id"], ready["chain_id"]);
    let info = desk.done("walrus", "project/src", &["info", "epoch"]);
    assert!(info.contains('1'), "{info}");
    let rules = desk.done("walrus-admin", "project/src", &["proposals", "rules"]);
    assert!(rules.contains(governance), "{rules}");
    // `WALRUS_LOCALNET_DIR` names it from elsewhere, and no value names nothing.
    let state = desk.project().join(".walrus-localnet");
    let mut elsewhere = desk.command("walrus", "home", &["info", "epoch"]);
    assert!(run(elsewhere.env("WALRUS_LOCALNET_DIR", &state)).success);
    let mut nowhere = desk.command("walrus", "home", &["info", "epoch"]);
    run(nowhere.env("WALRUS_LOCALNET_DIR", "")).assert_fails(1, &["no client configuration"]);

    // Every account can be used by its name, and anybody can be given money.
    let node = ready["nodes"][1]["id"].as_str().unwrap();
    let name = &node[..10];
    for (account, node) in [("user-3", "node-1"), ("node-2", name)] {
        let stake = [
            "stake",
            "2WAL",
            "--node",
            node,
            "--account",
            account,
            "--yes",
        ];
        let fund = ["fund", account, "2WAL", "1SUI"];
        desk.done("walrus-localnet", "project", &fund);
        let staked = desk.done("walrus-admin", "project", &stake);
        assert!(
            staked.contains(ready["nodes"][1]["id"].as_str().unwrap()),
            "{staked}"
        );
    }
    let stranger = format!("0x{}", "5a".repeat(32));
    desk.done(
        "walrus-localnet",
        "project",
        &["fund", &stranger, "100WAL", "5SUI"],
    );
    desk.run("walrus-localnet", "project", &["fund", &stranger, "0WAL"])
        .assert_fails(1, &["nothing to send"]);
    for unknown in ["node", "0x1234", "nobody"] {
        let stake = ["stake", "1WAL", "--node", unknown, "--yes"];
        let outcome = desk.run("walrus-admin", "project", &stake);
        assert_eq!(outcome.code, Some(1), "{unknown}: {}", outcome.stderr);
    }

    // Time passes when it is told to.
    let before = desk.done("walrus-localnet", "project", &["clock"]);
    let after = desk.done("walrus-localnet", "project", &["clock", "+1d"]);
    assert_ne!(before, after);
    let began = desk.done("walrus-localnet", "project/src", &["epoch", "next", "2"]);
    assert_eq!(began, "Epoch 2 has begun\nEpoch 3 has begun\n");

    // A wrong option does no harm to a network that runs.
    for wrong in [&["--shards", "13"][..], &["--rpc-port", "1"]] {
        desk.run(
            "walrus-localnet",
            "project",
            &[&["up", "--detach"], wrong].concat(),
        )
        .assert_fails(1, &["--reset"]);
    }
    desk.done("walrus-localnet", "project", &["status"]);
    desk.run(
        "walrus-localnet",
        "project/src",
        &["up", "--reset", "--detach"],
    )
    .assert_fails(1, &["--state-dir"]);

    // A start that fails says why, once.
    desk.done("walrus-localnet", "project", &["node", "stop", "node-0"]);
    fs::rename(
        state.join("nodes/node-0/protocol.key"),
        desk.path().join("key"),
    )
    .unwrap();
    let failed = desk.run("walrus-localnet", "project", &["node", "start", "node-0"]);
    failed.assert_fails(1, &["node-0", "protocol.key"]);
    assert_eq!(
        failed.stderr.matches("os error 2").count(),
        1,
        "{}",
        failed.stderr
    );

    // What is not ours outlives the network, which comes back with the same IDs on a new chain.
    fs::write(state.join("README"), "mine").unwrap();
    fs::write(state.join("nodes/notes"), "mine").unwrap();
    let reset = [
        "up",
        "--reset",
        "--detach",
        "--json",
        "--with",
        "governance",
    ];
    let outcome = desk.run("walrus-localnet", "project", &reset);
    assert!(outcome.success, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("README"), "{}", outcome.stderr);
    let again = outcome.json();
    for key in [
        "packages",
        "system_object",
        "staking_object",
        "governance_object",
    ] {
        assert_eq!(again[key], ready[key], "{key}");
    }
    assert_eq!(fs::read_to_string(state.join("README")).unwrap(), "mine");
    assert_eq!(
        fs::read_to_string(state.join("nodes/notes")).unwrap(),
        "mine"
    );
}

#[test]
fn a_network_ends_with_its_terminal() {
    let desk = Desk::new();
    let up = desk.command(
        "walrus-localnet",
        "project",
        &["up", "--json", "--nodes", "1", "--shards", "4"],
    );
    let mut child = told_of_hangups(&up).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let pid = ready["nodes"][0]["pid"].as_u64().expect("the node runs");
    let process = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGHUP).unwrap();
    assert!(child.wait().unwrap().success());
    desk.run("walrus-localnet", "project", &["status"])
        .assert_fails(1, &["stopped"]);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

/// The command as a terminal starts it, even where the tests were told to outlive theirs (`nohup`).
fn told_of_hangups(command: &Command) -> Command {
    let mut told = Command::new("env");
    told.arg("--default-signal=HUP")
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        told.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => told.env(name, value),
            None => told.env_remove(name),
        };
    }
    told
}

#[test]
fn programs_are_installed_with_their_manuals() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/install");
    let programs = binary("walrus");
    let mut command = Command::new(script);
    command
        .env("WALRUS_BIN_DIR", programs.parent().unwrap())
        .args(["--root", text(folder.path())]);
    // Twice: what is there is replaced.
    for _ in 0..2 {
        let outcome = run(&mut command);
        assert!(outcome.success, "{}", outcome.stderr);
    }
    for program in [
        "walrus",
        "walrus-admin",
        "walrus-deploy",
        "walrus-localnet",
        "walrus-node",
    ] {
        let installed = folder.path().join("bin").join(program);
        assert!(
            run(Command::new(&installed).arg("--version")).success,
            "{program}"
        );
    }
    for page in [
        "walrus-localnet.1",
        "walrus-localnet-up.1",
        "walrus-admin.1",
    ] {
        let page = folder.path().join("share/man/man1").join(page);
        assert!(page.exists(), "{}", page.display());
    }
    run(Command::new(binary("walrus-localnet")).arg("man"));
}

#[test]
fn the_tour_of_storing_is_true() {
    tour::follow("docs/tour-store.md");
}

#[test]
fn the_operators_handbook_is_true() {
    tour::follow("docs/operating.md");
}

#[test]
fn the_tour_of_buckets_is_true() {
    if [Tool::Aws, Tool::Curl]
        .iter()
        .all(|tool| tool.path().is_some())
    {
        tour::follow("docs/s3.md");
    }
}

#[test]
fn the_tour_of_voting_is_true() {
    tour::follow("docs/tour-vote.md");
}
