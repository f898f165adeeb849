//! Whole networks of real processes, driven through their commands.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rand::{RngCore as _, SeedableRng as _};
use serde_json::Value;
use tempfile::TempDir;
use walrus_sui::{ContractIds, SuiReader, SuiRpc};

/// Path of a binary of this workspace: in the folder `WALRUS_BIN_DIR` names, or beside the tests,
/// in the profile they were built with.
///
/// # Panics
///
/// When the binary was not built.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let beside = test
        .parent()
        .and_then(Path::parent)
        .expect("tests are in <profile>/deps");
    let directory = std::env::var_os("WALRUS_BIN_DIR").map_or(beside.to_owned(), PathBuf::from);
    let path = directory.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins` first",
        path.display()
    );
    path
}

/// A local network in a temporary folder, stopped and removed when dropped.
pub struct TestNetwork {
    folder: TempDir,
    /// The ready line of `walrus-localnet up --json`.
    pub ready: Value,
}

/// What a command left behind.
pub struct CommandOutcome {
    /// Whether the exit code was 0.
    pub success: bool,
    /// The exit code; `None` when it was ended by a signal.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl From<Output> for CommandOutcome {
    fn from(output: Output) -> Self {
        Self {
            success: output.status.success(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl CommandOutcome {
    /// The JSON on stdout.
    ///
    /// # Panics
    ///
    /// When the command failed or printed something else.
    pub fn json(&self) -> Value {
        assert!(self.success, "the command failed: {}", self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// Asserts that the command failed as users are promised: with the given exit code, a single
    /// line that starts with `Error:` and holds all of `parts`, and no trace of a panic.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn assert_fails(&self, code: i32, parts: &[&str]) {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(self.code, Some(code), "stdout: {stdout}\nstderr: {stderr}");
        let lower = stderr.to_lowercase();
        let lines: Vec<_> = lower
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(lines.len(), 1, "not one error line: {stderr}");
        for part in parts {
            assert!(
                lines[0].contains(&part.to_lowercase()),
                "{part:?} is missing in: {stderr}"
            );
        }
        assert!(!lower.contains("panicked"), "{stderr}");
    }
}

impl TestNetwork {
    /// Starts a network; `options` are those of `walrus-localnet up`.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut network = Self {
            folder,
            ready: Value::Null,
        };
        network.up(options);
        network
    }

    /// Reads the contracts of the network; to be made inside of a runtime.
    ///
    /// # Panics
    ///
    /// When the ready line does not say where they are.
    #[must_use]
    pub fn reader(&self) -> SuiReader {
        let said = |key: &str| self.ready[key].as_str().expect("the ready line has it");
        let id = |key: &str| said(key).parse().expect("an object ID");
        let ids = ContractIds {
            system_object: id("system_object"),
            staking_object: id("staking_object"),
            treasury_object: None,
        };
        SuiReader::new(SuiRpc::new([said("rpc")]).expect("a URL"), ids)
    }

    /// Starts or resumes the network.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub fn up(&mut self, options: &[&str]) {
        let fixed = [
            "up",
            "--detach",
            "--json",
            "--rpc-port",
            "0",
            "--faucet-port",
            "0",
            "--node-port-base",
            "0",
            "--metrics-port-base",
            "0",
            "--key-server-port-base",
            "0",
            "--service-port-base",
            "0",
        ];
        let outcome = self.localnet(&[&fixed, options].concat());
        assert!(
            outcome.success,
            "the network did not start: {}\n{}",
            outcome.stderr,
            self.logs()
        );
        self.ready = outcome.json();
    }

    /// Runs `walrus-localnet` on this network.
    pub fn localnet(&self, args: &[&str]) -> CommandOutcome {
        let mut command = Command::new(binary("walrus-localnet"));
        command.arg("--state-dir").arg(self.state_dir()).args(args);
        run(&mut command)
    }

    /// A `walrus` command with the config of this network, ready for more arguments.
    pub fn walrus_command(&self) -> Command {
        let mut command = Command::new(binary("walrus"));
        let config = self.ready["client_config"]
            .as_str()
            .expect("the ready line names the config");
        command
            .arg("--config")
            .arg(config)
            .current_dir(self.folder.path());
        command
    }

    /// Runs `walrus` with the config of this network.
    pub fn walrus(&self, args: &[&str]) -> CommandOutcome {
        run(self.walrus_command().args(args))
    }

    /// Stores a file for one epoch; returns its blob ID.
    ///
    /// # Panics
    ///
    /// When it is not newly stored.
    pub fn store(&self, file: &Path) -> String {
        let reply = self
            .walrus(&["store", text(file), "--epochs", "1", "--json"])
            .json();
        let blob_id = reply[0].pointer("/blobStoreResult/newlyCreated/blobObject/blobId");
        blob_id
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("not newly created: {reply}"))
            .to_owned()
    }

    /// Reads a blob.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn read(&self, blob_id: &str) -> Vec<u8> {
        let out = self.folder.path().join("read-back");
        let outcome = self.walrus(&["read", blob_id, "--out", text(&out)]);
        assert!(outcome.success, "{}", outcome.stderr);
        fs::read(out).expect("the file that was read")
    }

    /// A file of random bytes in the network's folder, the same for the same size and seed.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn random_file(&self, bytes: usize, seed: u64) -> PathBuf {
        let path = self.folder.path().join(format!("random-{bytes}-{seed}"));
        fs::write(&path, random_bytes(bytes, seed)).expect("a writable temporary folder");
        path
    }

    /// Names and shard counts of the nodes.
    ///
    /// # Panics
    ///
    /// When the ready line does not have them.
    pub fn nodes(&self) -> Vec<(String, usize)> {
        let nodes = self.ready["nodes"]
            .as_array()
            .expect("the ready line lists nodes");
        let name = |node: &Value| node["name"].as_str().expect("a name").to_owned();
        nodes
            .iter()
            .map(|node| (name(node), node["shards"].as_array().map_or(0, Vec::len)))
            .collect()
    }

    /// URL of a service that was started `--with` the network.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn service(&self, name: &str) -> &str {
        let services = self.ready["services"].as_array().expect("services");
        let service = services.iter().find(|service| service["name"] == name);
        service
            .and_then(|service| service["url"].as_str())
            .unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    /// Folder of this network's state.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The ends of all logs, for messages of failed tests.
    pub fn logs(&self) -> String {
        let entries = fs::read_dir(self.state_dir().join("logs"))
            .into_iter()
            .flatten()
            .flatten();
        let tail = |path: PathBuf| {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(20).collect();
            format!(
                "--- {}\n{}\n",
                path.display(),
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            )
        };
        entries.map(|entry| tail(entry.path())).collect()
    }
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        let outcome = self.localnet(&["down"]);
        let stopped = outcome.success || std::thread::panicking();
        assert!(stopped, "the network did not stop: {}", outcome.stderr);
    }
}

/// Lets a command find nothing but what is in `home`; networks it starts take any free ports,
/// because others run beside them.
pub fn alone(command: &mut Command, home: &Path) {
    command.env("HOME", home);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WALRUS_") || name == "XDG_CONFIG_HOME" {
            command.env_remove(name);
        }
    }
    for port in [
        "RPC_PORT",
        "FAUCET_PORT",
        "NODE_PORT_BASE",
        "METRICS_PORT_BASE",
        "SERVICE_PORT_BASE",
    ] {
        command.env(format!("WALRUS_LOCALNET_{port}"), "0");
    }
}

/// Runs a command to its end.
///
/// # Panics
///
/// When it cannot be started.
pub fn run(command: &mut Command) -> CommandOutcome {
    command
        .env_remove("RUST_LOG")
        .output()
        .expect("the binary can be started")
        .into()
}

/// The same random bytes for the same seed.
pub fn random_bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; count];
    rand::rngs::StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// A path as text.
///
/// # Panics
///
/// When it is not UTF-8; test folders are.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}
