//! `walrus-node generate-config`

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use clap::Args;
use walrus_client::config::NodeScheme;
use walrus_core::ObjectId;
use walrus_node::{
    NodeConfig,
    config::{
        BalanceCheckConfig, ConfigSynchronizerConfig, DEFAULT_METRICS_PORT, DEFAULT_REST_PORT,
        EventBlobCutConfig, EventProcessorConfig, GarbageCollectionConfig, KeySource, NodeWallet,
        PendingMetadataCacheConfig, PendingSliverCacheConfig, RestServerConfig, SCRUB_CYCLE,
        StorageConfig, SuiConfig, TlsConfig, VotingConfig,
    },
    storage::DISK_RESERVE_BYTES,
};

use super::{Failure, files::write_private};

#[derive(Debug, Args)]
pub(super) struct GenerateConfig {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
    /// Directory of everything the node stores
    #[arg(long, value_name = "DIR")]
    storage_path: PathBuf,
    /// Key file of the protocol key
    #[arg(long, value_name = "FILE")]
    protocol_key_path: PathBuf,
    /// Key file of the network key
    #[arg(long, value_name = "FILE")]
    network_key_path: PathBuf,
    /// Name of the node
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
    /// URL of a Sui full node
    #[arg(long)]
    sui_rpc: String,
    /// More full nodes
    #[arg(long, value_name = "URL", num_args = 1..)]
    additional_rpc_endpoints: Vec<String>,
    /// The Walrus system object
    #[arg(long)]
    system_object: ObjectId,
    /// The Walrus staking object
    #[arg(long)]
    staking_object: ObjectId,
    /// Sui CLI wallet that owns the node's capability
    #[arg(long, value_name = "FILE")]
    wallet_config: Option<PathBuf>,
    /// The node's capability on chain
    #[arg(long)]
    storage_node_cap: Option<ObjectId>,
    /// PEM file with a certificate for the network key
    #[arg(long, value_name = "FILE")]
    certificate_path: Option<PathBuf>,
    /// Serve plain HTTP, for a local network or behind a proxy
    #[arg(long, conflicts_with = "certificate_path")]
    disable_tls: bool,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

impl GenerateConfig {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self {
            config_path, force, ..
        } = &self;
        let (config_path, force) = (config_path.clone(), *force);
        let text = self
            .into_config()
            .to_yaml()
            .map_err(|error| Failure::new(error, 2))?;
        // What would not load must not be written.
        NodeConfig::parse(&text).map_err(|error| Failure::new(error, 2))?;
        write_private(&config_path, &text, force)
    }

    fn into_config(self) -> NodeConfig {
        NodeConfig {
            next_protocol_key_pair: None,
            voting_params: VotingConfig::default(),
            commission_rate: None,
            metadata: None,
            config_synchronizer: ConfigSynchronizerConfig::default(),
            name: self.name,
            storage_path: self.storage_path,
            storage: StorageConfig::default(),
            takes_part: true,
            garbage_collection: GarbageCollectionConfig::default(),
            protocol_key_pair: KeySource::File {
                path: self.protocol_key_path,
            },
            network_key_pair: KeySource::File {
                path: self.network_key_path,
            },
            public_host: self.public_host,
            public_port: self.public_port,
            rest_api_address: self.rest_api_address,
            metrics_address: self.metrics_address,
            rest_graceful_shutdown_period_secs: Some(60),
            rest_server: RestServerConfig::default(),
            sui: SuiConfig {
                treasury_object: None,
                walrus_subsidies_object: None,
                rpc: self.sui_rpc,
                additional_rpc_endpoints: self.additional_rpc_endpoints,
                verify_checkpoints: true,
                trusted_checkpoint: None,
                system_object: self.system_object,
                staking_object: self.staking_object,
                wallet_config: self.wallet_config.map(NodeWallet::Path),
            },
            tls: TlsConfig {
                disable_tls: self.disable_tls,
                certificate_path: self.certificate_path,
            },
            storage_node_cap: self.storage_node_cap,
            pending_sliver_cache: PendingSliverCacheConfig::default(),
            pending_metadata_cache: PendingMetadataCacheConfig::default(),
            disk_reserve_bytes: DISK_RESERVE_BYTES,
            scrub_cycle_secs: SCRUB_CYCLE.as_secs(),
            rebuild_damaged_index: true,
            cleanup_storage: false,
            storage_node_scheme: NodeScheme::default(),
            blocklist_path: None,
            balance_check: BalanceCheckConfig::default(),
            wal_price_monitor: None,
            disable_event_blob_writer: false,
            event_blob_cut: EventBlobCutConfig::default(),
            event_processor_config: EventProcessorConfig::default(),
            other: BTreeMap::new(),
            unknown_in_sections: Vec::new(),
        }
    }
}
