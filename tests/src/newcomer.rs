//! A node that joins a network that runs, set up by the commands of its operator.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use walrus_sui::Wallet;

use crate::{CommandOutcome, TestNetwork, binary, run, text};

/// Enough for all transactions of a node in a test.
const GAS: &str = "20SUI";
/// Seconds a node may take to hold everything it has to.
const PATIENCE_SECONDS: &str = "300";

/// A registered node with stake, whose process ends with this value.
pub struct Newcomer {
    config: PathBuf,
    process: Child,
}

impl Newcomer {
    /// Sets a node up, registers it, gives it stake and starts it. Shards come to it at the next
    /// change of committees.
    ///
    /// # Panics
    ///
    /// When a command fails.
    pub fn join(network: &TestNetwork, name: &str, stake: &str) -> Self {
        let folder = network.folder().join(name);
        let (conf, data) = (folder.join("conf"), folder.join("data"));
        let client_config = network.ready["client_config"].as_str().expect("a path");
        let [public_port, metrics_port] = free_ports();
        let made = done(
            Command::new(binary("walrus-node"))
                .args(["setup", "--plain-http", "--name", name])
                .args(["--config-directory", text(&conf)])
                .args(["--storage-path", text(&data)])
                .args(["--client-config", client_config])
                .args(["--public-host", "127.0.0.1"])
                .args(["--public-port", &public_port.to_string()])
                .args(["--rest-api-address", &format!("127.0.0.1:{public_port}")])
                .args(["--metrics-address", &format!("127.0.0.1:{metrics_port}")])
                .args(["--node-capacity", "1000000000000"]),
        );
        let mut lines = made.stdout.lines();
        let account = lines.find_map(|line| line.strip_prefix("Account: "));
        let account = account.expect("an account");
        let funded = network.localnet(&["fund", account, GAS, stake]);
        assert!(funded.success, "{}", funded.stderr);
        let config = conf.join("walrus-node.yaml");
        done(Command::new(binary("walrus-node")).args([
            "register",
            "--config-path",
            text(&config),
        ]));
        let wallet = wallet(&conf);
        done(
            Command::new(binary("walrus-admin"))
                .args(["--config", client_config, "--wallet", text(&wallet)])
                .args(["stake", stake, "--node", name, "--yes"]),
        );
        let log = File::create(folder.join("log")).expect("a writable folder");
        let process = Command::new(binary("walrus-node"))
            .args(["run", "--config-path", text(&config)])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary can be started");
        Self { config, process }
    }

    /// Waits until the node is in the committee and holds everything it has to.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    pub fn assert_active(&self) {
        self.assert_status(&["--wait-active", PATIENCE_SECONDS]);
    }

    /// Asserts that the node has done everything it has to, in the committee or on standby.
    ///
    /// # Panics
    ///
    /// When it has not.
    pub fn assert_up_to_date(&self) {
        self.assert_status(&[]);
    }

    fn assert_status(&self, options: &[&str]) {
        let mut command = Command::new(binary("walrus-node"));
        command.args(["status", "--config-path", text(&self.config)]);
        let outcome = run(command.args(options));
        let log = fs::read_to_string(self.folder().join("log")).unwrap_or_default();
        assert!(outcome.success, "{}{log}", outcome.stderr);
    }

    /// The wallet of the node.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn wallet(&self) -> Wallet {
        let conf = self.config.parent().expect("a folder");
        Wallet::load(wallet(conf)).expect("the wallet that `setup` made")
    }

    fn folder(&self) -> &Path {
        let folder = self.config.parent().and_then(Path::parent);
        folder.expect("it was made two levels deep")
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn wallet(conf: &Path) -> PathBuf {
    conf.join("sui_client.yaml")
}

fn done(command: &mut Command) -> CommandOutcome {
    let outcome = run(command);
    assert!(outcome.success, "{command:?}: {}", outcome.stderr);
    outcome
}

/// Ports that nobody uses now.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
