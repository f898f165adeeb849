//! `walrus-node setup`

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Serialize;
use serde_json::{Value, json};
use walrus_client::config::{self, ConfigFile, MAINNET, TESTNET};
use walrus_core::keys::{NetworkKeyPair, ProtocolKeyPair};
use walrus_node::{
    NodeConfig,
    config::{
        DEFAULT_METRICS_PORT, DEFAULT_REST_PORT, KeySource, load_network_key, load_protocol_key,
    },
};
use walrus_sui::{Signer, Wallet, WalletEnv, faucet};

use super::{Failure, files::write_private, report};

/// Exit code of files and options.
const USAGE_FAILURE: u8 = 2;

/// Exit code of a faucet that gives nothing.
const FAUCET_FAILURE: u8 = 1;

/// Share of the rewards that a node keeps if nothing is said, in hundredths of a percent: the usual
/// one.
const COMMISSION_RATE: u16 = 6_000;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  walrus-node setup --config-directory /etc/walrus --storage-path /var/lib/walrus \\\n      \
    --name my-node --public-host walrus.example.com --node-capacity 20000000000000"
)]
pub(super) struct Setup {
    /// Directory of the configuration, the keys and the wallet; made if it is missing
    #[arg(long, value_name = "DIR")]
    config_directory: PathBuf,
    /// Directory of everything the node stores
    #[arg(long, value_name = "DIR")]
    storage_path: PathBuf,
    /// Name of the node, which everybody sees
    #[arg(long)]
    name: String,
    /// Host under which clients reach the node
    #[arg(long)]
    public_host: String,
    /// Port under which clients reach the node
    #[arg(long, default_value_t = DEFAULT_REST_PORT)]
    public_port: u16,
    /// Address the API is served on
    #[arg(long, default_value_t = SocketAddr::from(([0, 0, 0, 0], DEFAULT_REST_PORT)))]
    rest_api_address: SocketAddr,
    /// Address the metrics are served on
    #[arg(long, default_value_t = SocketAddr::from(([127, 0, 0, 1], DEFAULT_METRICS_PORT)))]
    metrics_address: SocketAddr,
    /// The network to serve in
    #[arg(long, value_enum, default_value_t = Network::Testnet)]
    sui_network: Network,
    /// A client configuration of another network, which names its contracts and full nodes
    #[arg(long, value_name = "FILE", conflicts_with = "sui_network")]
    client_config: Option<PathBuf>,
    /// URL of a Sui full node, instead of the network's public one
    #[arg(long, value_name = "URL")]
    sui_rpc: Option<String>,
    /// Bytes the node offers
    #[arg(long, value_name = "BYTES")]
    node_capacity: u64,
    /// Vote for the price of storing a MiB for an epoch, in FROST
    #[arg(long, value_name = "FROST", default_value_t = 100_000)]
    storage_price: u64,
    /// Vote for the price of writing a MiB, in FROST
    #[arg(long, value_name = "FROST", default_value_t = 20_000)]
    write_price: u64,
    /// Share of the rewards the node keeps, in hundredths of a percent
    #[arg(long, value_name = "RATE", default_value_t = COMMISSION_RATE)]
    commission_rate: u16,
    /// PEM file with a certificate for the network key
    #[arg(long, value_name = "FILE")]
    certificate_path: Option<PathBuf>,
    /// Neither serve nor expect TLS, for a network on one machine
    #[arg(long, conflicts_with = "certificate_path")]
    plain_http: bool,
    /// Ask this faucet for SUI for the node's account
    #[arg(long, value_name = "URL")]
    faucet: Option<String>,
    /// Overwrite the configuration. Keys and wallets that exist are always kept
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A network whose contracts are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Where WAL has a price
    Mainnet,
    /// Where it has none
    Testnet,
}

/// What was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    config: PathBuf,
    protocol_public_key: String,
    network_public_key: String,
    account: String,
}

impl Setup {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let folder = absolute(&self.config_directory)?;
        fs::create_dir_all(&folder).map_err(|error| {
            let folder = folder.display();
            Failure::new(format!("cannot create {folder}: {error}"), USAGE_FAILURE)
        })?;
        let file = folder.join("walrus-node.yaml");
        if file.exists() && !self.force {
            let file = file.display();
            return Err(Failure::new(
                format!("{file} exists; use --force to write it anew"),
                USAGE_FAILURE,
            ));
        }
        let network = self.network()?;
        // What would not load must not be written, and no key be made for it.
        let text = self.config(&folder, &network)?;
        let (protocol, network_key) = keys(&folder)?;
        let rpc = network.rpc_urls.first().cloned().unwrap_or_default();
        let wallet = wallet(&folder.join("sui_client.yaml"), &rpc)?;
        write_private(&file, &text, self.force)?;
        let account = wallet
            .active_address()
            .map_err(|error| Failure::new(error, USAGE_FAILURE))?;
        if let Some(url) = &self.faucet {
            faucet::request(url, account)
                .await
                .map_err(|error| Failure::new(error, FAUCET_FAILURE))?;
        }
        let made = Made {
            config: file,
            protocol_public_key: protocol.public().to_string(),
            network_public_key: network_key.public().to_string(),
            account: account.to_string(),
        };
        report(self.json, &made, || {
            let file = made.config.display();
            format!(
                "Configuration: {file}\n\
                 Keys: protocol.key, network.key in the same directory; keep copies of them elsewhere\n\
                 Account: {}\n\n\
                 Next:\n  send SUI to the account, for gas\n  walrus-node register --config-path {file}\n  \
                 walrus-node run --config-path {file}",
                made.account
            )
        })
    }

    /// Contracts and full nodes of the network.
    fn network(&self) -> Result<NetworkIds, Failure> {
        let failed = |error: String| Failure::new(error, USAGE_FAILURE);
        let config = if let Some(path) = &self.client_config {
            let text = fs::read_to_string(path)
                .map_err(|error| failed(format!("cannot read {}: {error}", path.display())))?;
            let parsed = config::parse(&text, None);
            parsed
                .map_err(|error| failed(format!("{}: {error}", path.display())))?
                .config
        } else {
            let known: ConfigFile = match self.sui_network {
                Network::Mainnet => MAINNET.config_file(),
                Network::Testnet => TESTNET.config_file(),
            };
            known.resolve().map_err(|error| failed(error.to_string()))?
        };
        let rpc_urls = match &self.sui_rpc {
            Some(url) => vec![url.clone()],
            None => config.rpc_urls,
        };
        Ok(NetworkIds {
            rpc_urls,
            system_object: config.system_object.to_string(),
            staking_object: config.staking_object.to_string(),
        })
    }

    /// The text of the configuration.
    fn config(&self, folder: &Path, network: &NetworkIds) -> Result<String, Failure> {
        let [rpc, additional @ ..] = &network.rpc_urls[..] else {
            return Err(Failure::new(
                "the network names no full node; name one with --sui-rpc",
                USAGE_FAILURE,
            ));
        };
        let key = |name: &str| json!({"path": folder.join(name)});
        let certificate = self.certificate_path.as_deref().map(absolute).transpose()?;
        let config: Value = json!({
            "name": self.name,
            "storage_path": absolute(&self.storage_path)?,
            "protocol_key_pair": key("protocol.key"),
            "network_key_pair": key("network.key"),
            "public_host": self.public_host,
            "public_port": self.public_port,
            "rest_api_address": self.rest_api_address,
            "metrics_address": self.metrics_address,
            "commission_rate": self.commission_rate,
            "voting_params": {
                "storage_price": self.storage_price,
                "write_price": self.write_price,
                "node_capacity": self.node_capacity,
            },
            "sui": {
                "rpc": rpc,
                "additional_rpc_endpoints": additional,
                "system_object": network.system_object,
                "staking_object": network.staking_object,
                "wallet_config": folder.join("sui_client.yaml"),
            },
            "tls": {"disable_tls": self.plain_http, "certificate_path": certificate},
            "storage_node_scheme": if self.plain_http { "http" } else { "https" },
        });
        let failed = |error: &dyn std::fmt::Display| Failure::new(error, USAGE_FAILURE);
        let config: NodeConfig = serde_json::from_value(config).map_err(|error| failed(&error))?;
        let text = config.to_yaml().map_err(|error| failed(&error))?;
        NodeConfig::parse(&text).map_err(|error| failed(&error))?;
        Ok(text)
    }
}

/// What a node has to know of its network.
struct NetworkIds {
    rpc_urls: Vec<String>,
    system_object: String,
    staking_object: String,
}

/// The keys in `folder`; those that are missing are made.
fn keys(folder: &Path) -> Result<(ProtocolKeyPair, NetworkKeyPair), Failure> {
    let (protocol, network) = (folder.join("protocol.key"), folder.join("network.key"));
    let mut rng = StdRng::from_entropy();
    if !protocol.exists() {
        let key = ProtocolKeyPair::generate(&mut rng).to_key_file();
        write_private(&protocol, &format!("{}\n", key.trim_end()), false)?;
    }
    if !network.exists() {
        let key = NetworkKeyPair::generate(&mut rng).to_key_file();
        write_private(&network, &format!("{}\n", key.trim_end()), false)?;
    }
    let load = || {
        Ok((
            load_protocol_key(&KeySource::File { path: protocol })?,
            load_network_key(&KeySource::File { path: network })?,
        ))
    };
    load().map_err(|error: walrus_node::config::KeyError| Failure::new(error, USAGE_FAILURE))
}

/// The wallet in `path`; made with a new account if it is missing.
fn wallet(path: &Path, rpc: &str) -> Result<Wallet, Failure> {
    let wallet = if path.exists() {
        Wallet::load(path)
    } else {
        let signer = Signer::generate(&mut StdRng::from_entropy());
        Wallet::create(path, WalletEnv::new("walrus-node", rpc), &signer)
    };
    wallet.map_err(|error| Failure::new(error, USAGE_FAILURE))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        let path = path.display();
        Failure::new(format!("{path} cannot be used: {error}"), USAGE_FAILURE)
    };
    let path = walrus_files::path::expand_home(path).map_err(|error| failed(&error))?;
    std::path::absolute(path).map_err(|error| failed(&error))
}
