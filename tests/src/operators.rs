//! A network for commands: everybody who acts is a wallet on disk, as for real people, and nodes exist as key files.
//!
//! The commands do what people decide; [`OperatorNetwork`] does what nodes do without being asked: it attests that
//! shards have arrived and confirms that blobs are stored.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use sui_localnet::{Localnet, LocalnetConfig};
use tempfile::TempDir;
use walrus_contracts::types::Blob;
use walrus_core::{
    Epoch, Frost, NShards, NetworkKeyPair, ObjectId, ProtocolCertificate, ProtocolKeyPair,
    ProtocolPublicKey,
};
use walrus_deploy::{ClientConfigFile, DeployConfig, Deployer, Deployment};
use walrus_sui::{
    Signer, SuiReader, SuiRpc, Wallet, WalletEnv, WalrusContract, contract::BlobToCertify,
    ids::account_address,
};

use crate::{
    Outcome, binary,
    contracts::{EPOCH_DURATION, MAX_EPOCHS_AHEAD},
    keys::{admin, deletable, operator, permanent, protocol_key, staker, user},
};

/// SUI of every account at genesis, in MIST.
const GENESIS_MIST: u64 = 100_000_000_000_000;
/// Name of the client configuration in the network's folder.
const CONFIG: &str = "client_config.yaml";

/// A deployment in epoch 0 without nodes, on a served chain, and the files of everybody who acts.
pub struct OperatorNetwork {
    /// The chain.
    pub localnet: Localnet,
    /// The contracts.
    pub deployment: Deployment,
    /// Reads of the contracts, never cached.
    pub reader: SuiReader,
    folder: TempDir,
    nodes: u8,
}

impl OperatorNetwork {
    /// Deploys, and writes wallets and keys for `nodes` operators, the user (`user`), some stakers (`staker-0` and so
    /// on) and the admin (`admin`). Everybody has SUI and, operators aside, `wal` in WAL.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub async fn deploy(nodes: u8, stakers: u8, shards: u16, wal: Frost) -> Self {
        let mut wallets =
            BTreeMap::from([("admin".to_owned(), admin()), ("user".to_owned(), user())]);
        wallets.extend((0..stakers).map(|index| (format!("staker-{index}"), staker(index))));
        wallets.extend((0..nodes).map(|index| (format!("node-{index}"), operator(index))));
        let accounts = wallets.values();
        let localnet = Localnet::start(LocalnetConfig {
            accounts: accounts
                .map(|signer| (account_address(signer.address()), GENESIS_MIST))
                .collect(),
            ..LocalnetConfig::default()
        })
        .await
        .expect("a chain in memory starts");
        let rpc = SuiRpc::new([localnet.rpc_url()]).expect("the URL is valid");
        let mut deployer = Deployer::open(rpc.clone(), admin(), None)
            .await
            .expect("the chain answers");
        let deployment = deployer
            .deploy(&DeployConfig {
                n_shards: NShards::new(shards).expect("tests use shards"),
                epoch_zero_duration: Duration::ZERO,
                epoch_duration: EPOCH_DURATION,
                max_epochs_ahead: MAX_EPOCHS_AHEAD,
            })
            .await
            .expect("the contracts can be deployed");
        let reader = SuiReader::with_cache_ttl(rpc, deployment.ids(), Duration::ZERO);
        let wal_type = reader.wal_type().await.expect("the contracts name it");
        let rich = wallets
            .iter()
            .filter(|(name, _)| !name.starts_with("node") && *name != "admin");
        let payments: Vec<_> = rich.map(|(_, signer)| (signer.address(), wal)).collect();
        deployer
            .executor()
            .send_wal(&wal_type, &payments)
            .await
            .expect("the admin has all WAL");
        let network = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            localnet,
            deployment,
            reader,
            nodes,
        };
        network.write_files(&wallets);
        network
    }

    fn write_files(&self, wallets: &BTreeMap<String, Signer>) {
        let url = self.localnet.rpc_url();
        for (name, signer) in wallets {
            let env = WalletEnv::new("localnet", &url);
            Wallet::create(self.wallet(name), env, signer).expect("the folder is writable");
        }
        ClientConfigFile::new(&self.deployment, Some(self.wallet("user")), vec![url])
            .save(&self.path(CONFIG))
            .expect("the folder is writable");
        for index in 0..self.nodes {
            self.write_key(&format!("node-{index}"), &protocol_key(index));
            let network_key = NetworkKeyPair::from_seed([100 + index; 32]).to_key_file();
            self.write(&format!("node-{index}.network"), &network_key);
        }
    }

    /// Writes a protocol key; the network signs with it when a committee has it.
    pub fn write_key(&self, name: &str, key: &ProtocolKeyPair) -> PathBuf {
        self.write(&format!("{name}.protocol"), &key.to_key_file())
    }

    fn write(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).expect("the folder is writable");
        path
    }

    /// A file in the network's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The wallet of somebody.
    pub fn wallet(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.yaml"))
    }

    /// The client configuration.
    pub fn config(&self) -> PathBuf {
        self.path(CONFIG)
    }

    /// A command in the network's folder, ready for arguments.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary(name));
        command.current_dir(self.folder.path());
        command
    }

    /// Runs `walrus-admin` with somebody's wallet.
    pub fn walrus_admin(&self, who: &str, args: &[&str]) -> Outcome {
        let mut command = self.command("walrus-admin");
        command
            .arg("--config")
            .arg(self.config())
            .arg("--wallet")
            .arg(self.wallet(who))
            .args(args);
        crate::run(&mut command)
    }
}

/// What nodes do.
impl OperatorNetwork {
    /// Lets time pass.
    ///
    /// # Panics
    ///
    /// When the chain does not answer.
    pub async fn advance_clock(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).expect("tests take less than an age");
        self.localnet
            .advance_clock(ms)
            .await
            .expect("the clock moves");
    }

    /// All members of the committee attest that they have their shards of the current epoch; returns the epoch.
    ///
    /// # Panics
    ///
    /// When one of them cannot.
    pub async fn attest_all(&self) -> Epoch {
        self.reader.refresh().await;
        let committee = self
            .reader
            .current_committee()
            .await
            .expect("the chain answers");
        for index in 0..self.nodes {
            let contract = WalrusContract::new(self.reader.clone(), operator(index));
            let caps = self.reader.owned_node_caps(contract.address()).await;
            for cap in caps.expect("the chain answers") {
                if committee.member(cap.node_id).is_some()
                    && cap.last_epoch_sync_done < committee.epoch
                {
                    let attested = contract.epoch_sync_done(cap.id, committee.epoch).await;
                    attested.expect("members can attest once");
                }
            }
        }
        committee.epoch
    }

    /// Certifies a blob of the user with the signatures of all members of the committee.
    ///
    /// # Panics
    ///
    /// When the blob cannot be certified.
    pub async fn certify(&self, blob: &Blob) {
        let committee = self
            .reader
            .current_committee()
            .await
            .expect("the chain answers");
        let body = if blob.deletable {
            deletable(blob.blob_id, blob.id)
        } else {
            permanent(blob.blob_id)
        };
        let keys = self.keys();
        let signed = (0..).zip(&committee.members).map(|(position, member)| {
            let key = &keys[&member.public_key];
            (position, key.sign_message(committee.epoch, body.clone()))
        });
        let certificate = ProtocolCertificate::aggregate(signed).expect("equal messages");
        WalrusContract::new(self.reader.clone(), user())
            .certify(&[BlobToCertify {
                object_id: blob.id,
                certificate,
            }])
            .await
            .expect("the committee certifies");
    }

    /// The keys of all key files, by public key.
    fn keys(&self) -> BTreeMap<ProtocolPublicKey, ProtocolKeyPair> {
        let files = fs::read_dir(self.folder.path())
            .expect("the folder exists")
            .flatten();
        let is_key = |path: &Path| {
            path.extension()
                .is_some_and(|extension| extension == "protocol")
        };
        files
            .map(|entry| entry.path())
            .filter(|path| is_key(path))
            .map(|path| {
                let text = fs::read_to_string(&path).expect("the file was just listed");
                let key = ProtocolKeyPair::from_key_file(&text).expect("it is a key file");
                (key.public(), key)
            })
            .collect()
    }

    /// The node that somebody's wallet has the capability of.
    ///
    /// # Panics
    ///
    /// When it has none or several.
    pub async fn node_of(&self, operator: u8) -> ObjectId {
        let owner = crate::keys::operator(operator).address();
        let caps = self
            .reader
            .owned_node_caps(owner)
            .await
            .expect("the chain answers");
        assert_eq!(caps.len(), 1, "nodes of operator {operator}");
        caps[0].node_id
    }
}
