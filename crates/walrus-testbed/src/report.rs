//! What `walrus-localnet up` says once the network is ready: one JSON object, or a table for
//! people.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};

use walrus_client::config::local_network;
use walrus_terminal::format::{Size, Sui, Wal};

use crate::accounts::AccountInfo;

/// A network that is ready. Scripts hang on the names of these fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadyReport {
    /// URL of the chain's gRPC service.
    pub rpc: String,
    /// URL of the faucet.
    pub faucet: String,
    /// First four bytes of the genesis checkpoint digest, as 8 hex digits.
    pub chain_id: String,
    /// Ids of the published packages.
    pub packages: Packages,
    /// `0x`-hex id of the shared object `Governance`, if the network has it;
    /// `walrus-admin --governance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governance_object: Option<String>,
    /// `0x`-hex id of the shared object `System`.
    pub system_object: String,
    /// `0x`-hex id of the shared object `Staking`.
    pub staking_object: String,
    /// Funded accounts. The first one owns the wallet of the client config.
    pub accounts: Vec<AccountInfo>,
    /// The storage nodes.
    pub nodes: Vec<NodeInfo>,
    /// The key servers of private data, if the network has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_servers: Vec<KeyServerInfo>,
    /// Path of the certificate that has signed those of the nodes, if they serve TLS: for
    /// `NODE_EXTRA_CA_CERTS` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// The services in front of the network, if it has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceInfo>,
    /// Path of the client config for `walrus --config`.
    pub client_config: String,
    /// Size of the largest blob in bytes; more shards take larger ones.
    pub max_blob_size: u64,
}

/// Ids of the published packages, `0x`-hex.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packages {
    /// Package `wal`.
    pub wal: String,
    /// Package `walrus`.
    pub walrus: String,
    /// Packages around them, by name.
    #[serde(flatten)]
    pub extras: BTreeMap<String, String>,
}

/// One storage node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Name, such as `node-0`.
    pub name: String,
    /// `0x`-hex object id of the node's staking pool.
    pub id: String,
    /// Base URL of the node's HTTP service.
    pub url: String,
    /// Indices of the shards it holds in the current committee.
    pub shards: Vec<u16>,
    /// Process id; `null` while the node is stopped.
    pub pid: Option<u32>,
}

/// One key server of private data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyServerInfo {
    /// Name, such as `key-server-0`.
    pub name: String,
    /// `0x`-hex ID of its object.
    pub id: String,
    /// Base URL of its HTTP service.
    pub url: String,
    /// Process ID; `null` while it is stopped.
    pub pid: Option<u32>,
}

/// One service in front of the network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// Name, such as `relay`.
    pub name: String,
    /// Base URL of its API.
    pub url: String,
    /// URL of its metrics.
    pub metrics_url: String,
    /// The key that S3 clients use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<S3Key>,
    /// Process ID; `null` while it is stopped.
    pub pid: Option<u32>,
}

/// A key of S3 clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct S3Key {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
}

/// The process of a service, in a word.
fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "stopped".to_owned(), |pid| format!("pid {pid}"))
}

impl fmt::Display for ServiceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}  {}  {}", self.name, self.url, process(self.pid))?;
        if let Some(key) = &self.key {
            let (id, secret) = (&key.access_key_id, &key.secret_access_key);
            write!(f, "\n    access key {id}, secret {secret}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ReadyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Walrus local network is ready\n")?;
        writeln!(f, "  RPC             {}", self.rpc)?;
        writeln!(f, "  Faucet          {}", self.faucet)?;
        writeln!(f, "  Chain           {}", self.chain_id)?;
        writeln!(f, "  Package wal     {}", self.packages.wal)?;
        writeln!(f, "  Package walrus  {}", self.packages.walrus)?;
        for (name, package) in &self.packages.extras {
            writeln!(f, "  Package         {package}  {name}")?;
        }
        writeln!(f, "  System object   {}", self.system_object)?;
        writeln!(f, "  Staking object  {}", self.staking_object)?;
        if let Some(governance) = &self.governance_object {
            writeln!(f, "  Governance      {governance}")?;
        }
        writeln!(f, "  Client config   {}", self.client_config)?;
        if let Some(certificate) = &self.ca_certificate {
            writeln!(f, "  CA certificate  {certificate}")?;
        }
        let size = Size(self.max_blob_size);
        writeln!(f, "  Largest blob    {size} (larger with more --shards)")?;
        writeln!(f, "\nStorage nodes")?;
        for node in &self.nodes {
            let pid = process(node.pid);
            writeln!(
                f,
                "  {}  {}  {} shards  {pid}  {}",
                node.name,
                node.url,
                node.shards.len(),
                node.id
            )?;
        }
        if !self.key_servers.is_empty() {
            writeln!(f, "\nKey servers")?;
        }
        for server in &self.key_servers {
            let KeyServerInfo { name, id, url, pid } = server;
            let pid = process(*pid);
            writeln!(f, "  {name}  {url}  {pid}  {id}")?;
        }
        if !self.services.is_empty() {
            writeln!(f, "\nServices")?;
        }
        for service in &self.services {
            writeln!(f, "{service}")?;
        }
        writeln!(
            f,
            "\nAccounts, by name in the wallet (well-known keys: never use them elsewhere)"
        )?;
        for account in &self.accounts {
            writeln!(
                f,
                "  {}  {}  {}  {}",
                account.name,
                account.address,
                Sui(account.sui.into()),
                Wal(account.wal)
            )?;
            writeln!(f, "    {}", account.secret)?;
        }
        write!(
            f,
            "\nTry:  walrus {}store FILE --epochs 1",
            self.config_option()
        )
    }
}

impl ReadyReport {
    /// `--config PATH `, or nothing where `walrus` finds the network by itself.
    fn config_option(&self) -> String {
        let config = Path::new(&self.client_config);
        let found = std::env::current_dir()
            .ok()
            .and_then(|current| local_network(&current, "client_config.yaml"));
        if found.as_deref() == config.parent() {
            String::new()
        } else {
            format!("--config {} ", self.client_config)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_learn_how_large_a_blob_can_be_and_how_to_have_larger_ones() {
        let report = ReadyReport {
            rpc: "http://127.0.0.1:9000".to_owned(),
            faucet: "http://127.0.0.1:9123".to_owned(),
            chain_id: "00000000".to_owned(),
            packages: Packages {
                wal: "0x1".to_owned(),
                walrus: "0x2".to_owned(),
                extras: BTreeMap::new(),
            },
            governance_object: None,
            system_object: "0x3".to_owned(),
            staking_object: "0x4".to_owned(),
            accounts: vec![AccountInfo {
                name: "user-0".to_owned(),
                address: "0x5".to_owned(),
                secret: "suiprivkey1".to_owned(),
                sui: 1_000_000_000_000,
                wal: 1_500_000_000,
            }],
            nodes: Vec::new(),
            key_servers: Vec::new(),
            ca_certificate: None,
            services: Vec::new(),
            client_config: "/network/client_config.yaml".to_owned(),
            max_blob_size: 1_834_952,
        };
        let text = report.to_string();
        assert!(
            text.contains("Largest blob    1.75 MiB (larger with more --shards)"),
            "{text}"
        );
        assert!(text.contains("user-0  0x5  1,000 SUI  1.5 WAL"), "{text}");
    }
}
