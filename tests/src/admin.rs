//! `walrus-admin` on an embedded chain, with a wallet for every part somebody can play.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use walrus_core::{Frost, ObjectId};
use walrus_deploy::{ClientConfigFile, Extra, ExtrasConfig};
use walrus_sui::{Signer, Wallet, WalletEnv};

use crate::{CommandOutcome, binary, contracts::ContractNetwork, run, text};

/// Keys of the configuration whose objects can be found on the chain.
const FOUND: [&str; 3] = [
    "treasury_object",
    "upgrade_manager_object",
    "slashing_manager_object",
];

/// A folder with the client configuration of a network and wallets.
pub struct AdminHome {
    folder: TempDir,
    rpc_url: String,
}

impl AdminHome {
    /// Publishes the governance on the network, and makes a home that knows it. Votes on proposals
    /// begin at once and last one whole epoch; execution is possible for two. `deposit` is that of
    /// a proposal.
    ///
    /// # Panics
    ///
    /// When it cannot be published.
    pub async fn with_governance(
        network: &mut ContractNetwork,
        deposit: Frost,
    ) -> (Self, ObjectId) {
        let mut config = ExtrasConfig {
            packages: vec![Extra::WalrusGovernance],
            ..ExtrasConfig::default()
        };
        config.governance.deposit = deposit.0;
        config.governance.discussion_epochs = 0;
        config.governance.voting_epochs = 1;
        config.governance.execution_epochs = 2;
        let deployer = &mut network.deployer;
        let published = deployer.deploy_extras(&config).await;
        published.expect("the governance can be published");
        let record = deployer.extra(Extra::WalrusGovernance);
        let object = record.and_then(|record| record.object);
        let object = object.expect("it has an object");
        let home = Self::new(network);
        home.configure(&format!("governance_object: '{object}'"));
        (home, object)
    }

    /// Writes the configuration of `network`; nothing in it helps to find objects that can be found
    /// on the chain.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn new(network: &ContractNetwork) -> Self {
        Self::with_full_node(network, network.localnet.rpc_url())
    }

    /// The same with another way to the chain of `network`.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn with_full_node(network: &ContractNetwork, rpc_url: String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = ClientConfigFile::new(&network.deployment, None, vec![rpc_url.clone()]);
        let path = folder.path().join("client_config.yaml");
        config.save(&path).expect("a writable folder");
        let essential: Vec<String> = fs::read_to_string(&path)
            .expect("it was written")
            .lines()
            .filter(|line| !FOUND.iter().any(|key| line.starts_with(key)))
            .map(str::to_owned)
            .chain(["cache_ttl_secs: 0".to_owned()])
            .collect();
        fs::write(&path, essential.join("\n")).expect("a writable folder");
        Self { folder, rpc_url }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a line to the configuration.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn configure(&self, line: &str) {
        let path = self.folder.path().join("client_config.yaml");
        let old = fs::read_to_string(&path).expect("it was written");
        fs::write(&path, format!("{old}\n{line}\n")).expect("a writable folder");
    }

    /// Writes a file into the folder; returns its path.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).expect("a writable folder");
        text(&path).to_owned()
    }

    /// The wallet of an account, made when it is used first.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn wallet(&self, signer: &Signer) -> PathBuf {
        let path = self
            .folder
            .path()
            .join(format!("{}.yaml", signer.address()));
        if !path.exists() {
            let env = WalletEnv::new("test", &self.rpc_url);
            Wallet::create(&path, env, signer).expect("a writable folder");
        }
        path
    }

    /// `walrus-admin` in the name of an account, ready for more arguments. Nobody is there to
    /// answer questions.
    pub fn command(&self, signer: &Signer) -> Command {
        let mut command = Command::new(binary("walrus-admin"));
        command
            .current_dir(self.folder.path())
            .env_remove("WALRUS_CONFIG")
            .env_remove("WALRUS_WALLET")
            .arg("--config")
            .arg(self.folder.path().join("client_config.yaml"))
            .arg("--wallet")
            .arg(self.wallet(signer))
            .stdin(Stdio::null());
        command
    }

    /// Runs `walrus-admin` in the name of an account.
    pub fn admin(&self, signer: &Signer, args: &[&str]) -> CommandOutcome {
        run(self.command(signer).args(args))
    }

    /// The same, with `--yes`; what it printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn done(&self, signer: &Signer, args: &[&str]) -> String {
        let outcome = self.admin(signer, &[args, &["--yes"]].concat());
        assert!(outcome.success, "{args:?} failed: {}", outcome.stderr);
        outcome.stdout
    }

    /// The same, without `--yes`: for commands that only show.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn shown(&self, signer: &Signer, args: &[&str]) -> String {
        let outcome = self.admin(signer, args);
        assert!(outcome.success, "{args:?} failed: {}", outcome.stderr);
        outcome.stdout
    }
}

/// Replaces what differs from run to run by names: object IDs, digests, gas, base64, and times,
/// which depend on how long the test has run. Widths of columns depend on them, so runs of spaces
/// and lines are cut short last.
pub const FILTERS: [(&str, &str); 8] = [
    (r"0x[0-9a-f]{64}", "0x<id>"),
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (
        r"Transaction: [1-9A-HJ-NP-Za-km-z]{40,46}",
        "Transaction: <digest>",
    ),
    (r"-?\d+(\.\d+)? SUI", "<gas> SUI"),
    (r"[A-Za-z0-9+/]{120,}={0,2}", "<base64>"),
    (
        r"in (?:about )?\d+(?:d|h|min|s)(?: \d+(?:h|min|s))?",
        "in <time>",
    ),
    (r"─+", "──"),
    (r" {2,}", "  "),
];
