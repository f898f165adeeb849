//! The configuration file.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use thiserror::Error;
use walrus_core::ObjectId;

/// Where the service listens unless the file says otherwise.
const LISTEN_PORT: u16 = 2024;
/// Where metrics are served unless the file says otherwise.
const METRICS_PORT: u16 = 9184;

/// Package `seal` on the public networks, at its newest version.
const SEAL_MAINNET: &str = "0x931739224160073d8e391c9aa6e7ade9818e9814b4907066b7efa058636c4e45";
const SEAL_TESTNET: &str = "0xdccbeb87767be2b2346af5575eb139807205e4c23ec53dc616f951fe1d814112";
const NODE_MAINNET: &str = "https://fullnode.mainnet.sui.io:443";
const NODE_TESTNET: &str = "https://fullnode.testnet.sui.io:443";

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no configuration.
    #[error("{} is no configuration of a key server: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Its parts contradict each other.
    #[error("the configuration cannot be used: {0}")]
    Contradiction(String),
}

/// Which chain.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkChoice {
    /// The main network of Sui.
    Mainnet,
    /// Its test network.
    Testnet,
    /// Any other, local ones included.
    Devnet {
        /// Package `seal` on it.
        #[serde_as(as = "DisplayFromStr")]
        seal_package: ObjectId,
    },
}

impl NetworkChoice {
    /// Package `seal`, whose clock check is called.
    pub fn seal_package(&self) -> ObjectId {
        let known = |text: &str| text.parse().expect("a known ID");
        match self {
            Self::Mainnet => known(SEAL_MAINNET),
            Self::Testnet => known(SEAL_TESTNET),
            Self::Devnet { seal_package } => *seal_package,
        }
    }

    /// The public full node, where there is one.
    fn node_url(&self) -> Option<&'static str> {
        match self {
            Self::Mainnet => Some(NODE_MAINNET),
            Self::Testnet => Some(NODE_TESTNET),
            Self::Devnet { .. } => None,
        }
    }
}

/// Whom the server serves.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerMode {
    /// Every package, with one key.
    Open {
        /// The registered key server.
        #[serde_as(as = "DisplayFromStr")]
        key_server_object_id: ObjectId,
    },
    /// Packages that are listed, each client's with a key of its own.
    Permissioned {
        /// The clients.
        client_configs: Vec<ClientEntry>,
    },
    /// Every package, with a share of a committee's key.
    Committee {
        /// The registered key server.
        #[serde_as(as = "DisplayFromStr")]
        #[serde(alias = "key_server_obj_id")]
        key_server_object_id: ObjectId,
        /// The number of this member. Its share says so, too: if both are known, they have to
        /// agree.
        #[serde(default)]
        party_id: Option<u16>,
    },
}

/// A client of a permissioned server.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientEntry {
    /// What the operator calls it.
    pub name: String,
    /// Where its key comes from.
    pub client_master_key: ClientMasterKey,
    /// Its registered key server.
    #[serde_as(as = "DisplayFromStr")]
    pub key_server_object_id: ObjectId,
    /// First versions of its packages.
    #[serde_as(as = "Vec<DisplayFromStr>")]
    pub package_ids: Vec<ObjectId>,
}

/// Where the key of a client comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMasterKey {
    /// From the seed of the server.
    Derived {
        /// Which of its keys.
        derivation_index: u64,
    },
    /// From the environment.
    Imported {
        /// The variable.
        env_var: String,
    },
    /// It was handed to the client, who runs a server of its own now; it is not served.
    Exported {
        /// Which key of the seed it was.
        deprecated_derivation_index: u64,
    },
}

/// A time as people write it: `60s`, `2m`, `30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid =
            |error: jiff::Error| format!("{text:?} is no time such as 60s or 2m: {error}");
        let signed: jiff::SignedDuration = text.parse().map_err(invalid)?;
        Duration::try_from(signed)
            .map(Self)
            .map_err(|_| format!("{text:?} is negative"))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}ms", self.0.as_millis())
    }
}

impl Time {
    const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

/// How much may be asked within a minute; 0 stands for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quotas {
    /// Requests of one network address.
    pub per_address: u32,
    /// Keys for one account.
    pub per_user: u32,
    /// Keys of one package.
    pub per_package: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            per_address: 1_200,
            per_user: 1_200,
            per_package: 60_000,
        }
    }
}

/// The configuration of a key server. The names are those that operators of Seal know; what is ours
/// says so.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServerConfig {
    /// Which chain.
    pub network: NetworkChoice,
    /// Its full node.
    #[serde(default)]
    pub node_url: Option<String>,
    /// Whom the server serves.
    pub server_mode: ServerMode,
    /// Ours: a file with the master key, the seed, or, in committee mode, the share. Instead of the
    /// environment.
    #[serde(default)]
    pub master_key_file: Option<PathBuf>,
    /// Ours: files with shares, by the committee's version, in committee mode.
    #[serde(default)]
    pub master_share_files: BTreeMap<u32, PathBuf>,
    /// Ours: a folder with shares, `share-VERSION.key`, in committee mode. It is looked into
    /// whenever the version changes: a new share is served without a restart.
    #[serde(default)]
    pub master_share_folder: Option<PathBuf>,
    /// Ours: how often a member looks which version its committee is at.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_committee_interval")]
    pub committee_update_interval: Time,
    /// Ours: where the service listens.
    #[serde(default = "default_listen")]
    pub listen_address: SocketAddr,
    /// Where metrics are served, on all addresses.
    #[serde(default = "default_metrics_port")]
    pub metrics_host_port: u16,
    /// Ours: the address on which metrics are served.
    #[serde(default = "default_metrics_host")]
    pub metrics_host: IpAddr,
    /// How far the chain may be behind.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_staleness")]
    pub allowed_staleness: Time,
    /// Ours: how far the chain may be ahead, by which one sees that this machine's clock is wrong.
    /// Without a value it may be ahead by anything, as on local networks whose time is moved.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default = "default_clock_lag")]
    pub clock_lag_max: Option<Time>,
    /// Longest validity of a session key.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_ttl")]
    pub session_key_ttl_max: Time,
    /// How often the price of gas and the clock are looked at.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_price_interval")]
    pub rgp_update_interval: Time,
    /// Versions of the TypeScript library that are served.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_ts")]
    pub ts_sdk_version_requirement: semver::VersionReq,
    /// Versions of Rust libraries that are served.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_any")]
    pub rust_sdk_version_requirement: semver::VersionReq,
    /// Versions of Python libraries that are served.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_any")]
    pub python_sdk_version_requirement: semver::VersionReq,
    /// Versions of aggregators that are served.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_aggregator")]
    pub aggregator_version_requirement: semver::VersionReq,
    /// Ours: how much may be asked.
    #[serde(default)]
    pub quotas: Quotas,
    /// Ours: simulations at a time.
    #[serde(default = "default_simulations")]
    pub simulations_max: usize,
    /// Ours: the header in which a proxy that is trusted says whose request it is.
    #[serde(default)]
    pub client_address_header: Option<String>,
    /// Ours: time for open requests when the server stops.
    #[serde_as(as = "DisplayFromStr")]
    #[serde(default = "default_grace")]
    pub shutdown_grace: Time,
}

/// How often a committee is looked at, by its members and their aggregator.
pub(crate) fn default_committee_interval() -> Time {
    Time::secs(30)
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, LISTEN_PORT))
}

fn default_metrics_port() -> u16 {
    METRICS_PORT
}

fn default_metrics_host() -> IpAddr {
    Ipv4Addr::UNSPECIFIED.into()
}

fn default_staleness() -> Time {
    Time::secs(120)
}

#[allow(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn default_clock_lag() -> Option<Time> {
    Some(Time::secs(30))
}

fn default_ttl() -> Time {
    Time::secs(30 * 60)
}

fn default_price_interval() -> Time {
    Time::secs(60)
}

fn default_grace() -> Time {
    Time::secs(10)
}

fn default_simulations() -> usize {
    64
}

fn requirement(text: &str) -> semver::VersionReq {
    text.parse().expect("a requirement")
}

fn default_ts() -> semver::VersionReq {
    requirement(">=0.4.5")
}

fn default_any() -> semver::VersionReq {
    requirement(">=0.0.0")
}

fn default_aggregator() -> semver::VersionReq {
    requirement(">=0.6.2")
}

impl KeyServerConfig {
    /// A configuration with nothing but what has no default.
    pub fn new(network: NetworkChoice, server_mode: ServerMode) -> Self {
        Self {
            network,
            node_url: None,
            server_mode,
            master_key_file: None,
            master_share_files: BTreeMap::new(),
            master_share_folder: None,
            committee_update_interval: default_committee_interval(),
            listen_address: default_listen(),
            metrics_host_port: METRICS_PORT,
            metrics_host: default_metrics_host(),
            allowed_staleness: default_staleness(),
            clock_lag_max: default_clock_lag(),
            session_key_ttl_max: default_ttl(),
            rgp_update_interval: default_price_interval(),
            ts_sdk_version_requirement: default_ts(),
            rust_sdk_version_requirement: default_any(),
            python_sdk_version_requirement: default_any(),
            aggregator_version_requirement: default_aggregator(),
            quotas: Quotas::default(),
            simulations_max: default_simulations(),
            client_address_header: None,
            shutdown_grace: default_grace(),
        }
    }

    /// Reads a file. Paths in it count from its folder. Also returns keys that are not known.
    pub fn load(path: &Path) -> Result<(Self, Vec<String>), ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let invalid = |reason: String| ConfigError::Invalid {
            path: path.to_owned(),
            reason,
        };
        let (mut config, unknown) = Self::parse(&text).map_err(invalid)?;
        let files = config.master_key_file.iter_mut();
        let files = files.chain(config.master_share_files.values_mut());
        for file in files.chain(config.master_share_folder.iter_mut()) {
            *file = walrus_files::path::of_config(file, path)
                .map_err(|error| invalid(error.to_string()))?;
        }
        Ok((config, unknown))
    }

    fn parse(text: &str) -> Result<(Self, Vec<String>), String> {
        let mut unknown = Vec::new();
        let config: Self = serde_saphyr::with_deserializer_from_str(text, |source| {
            serde_ignored::deserialize(source, |path| unknown.push(path.to_string()))
        })
        .map_err(|error| error.to_string())?;
        Ok((config, unknown))
    }

    /// The text of a file.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self).map_err(|error| ConfigError::Contradiction(error.to_string()))
    }

    /// The full node to ask: of the file, of the environment, or the public one.
    pub fn full_node(&self, from_env: Option<String>) -> Result<String, ConfigError> {
        match (&self.node_url, from_env) {
            (Some(_), Some(_)) => Err(ConfigError::Contradiction(
                "the full node is given twice: as node_url and as NODE_URL".to_owned(),
            )),
            (Some(url), None) => Ok(url.clone()),
            (None, Some(url)) => Ok(url),
            (None, None) => self.network.node_url().map(str::to_owned).ok_or_else(|| {
                ConfigError::Contradiction("node_url is missing for this network".to_owned())
            }),
        }
    }

    /// Where metrics are served.
    pub fn metrics_address(&self) -> SocketAddr {
        SocketAddr::new(self.metrics_host, self.metrics_host_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "network: Testnet
server_mode: !Open
  key_server_object_id: '0x7'
allowed_staleness: 2m
";

    #[test]
    fn files_of_operators_are_understood() {
        let (config, unknown) = KeyServerConfig::parse(OPEN).unwrap();
        assert!(unknown.is_empty());
        assert_eq!(config.allowed_staleness, Time::secs(120));
        assert_eq!(config.full_node(None).unwrap(), NODE_TESTNET);
        let mapped = OPEN.replace("!Open\n ", "\n  Open:\n   ");
        assert_eq!(KeyServerConfig::parse(&mapped).unwrap().0, config);
        let devnet = OPEN.replace("Testnet", "!Devnet {seal_package: '0x5'}");
        let (config, _) = KeyServerConfig::parse(&devnet).unwrap();
        assert!(config.full_node(None).is_err());
        assert!(config.full_node(Some("http://a".to_owned())).is_ok());
    }

    #[test]
    fn what_is_written_is_read() {
        let mode = ServerMode::Permissioned {
            client_configs: vec![ClientEntry {
                name: "a".to_owned(),
                client_master_key: ClientMasterKey::Derived {
                    derivation_index: 0,
                },
                key_server_object_id: ObjectId([1; 32]),
                package_ids: vec![ObjectId([2; 32])],
            }],
        };
        let network = NetworkChoice::Devnet {
            seal_package: ObjectId([3; 32]),
        };
        let mut config = KeyServerConfig::new(network, mode);
        config.clock_lag_max = None;
        let text = config.to_yaml().unwrap();
        let (read, unknown) = KeyServerConfig::parse(&text).unwrap();
        assert_eq!((read, unknown), (config, vec![]));
    }

    #[test]
    fn unknown_keys_are_told_and_nonsense_is_refused() {
        let (_, unknown) = KeyServerConfig::parse(&format!("{OPEN}quota: 1\n")).unwrap();
        assert_eq!(unknown, ["quota"]);
        for text in [
            "",
            "network: Moon",
            &OPEN.replace("2m", "2 parsecs"),
            &OPEN.replace("2m", "-2m"),
        ] {
            assert!(KeyServerConfig::parse(text).is_err(), "{text}");
        }
    }
}
