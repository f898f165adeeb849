//! `client.yaml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walrus_core::SuiAddress;

use super::{WalletError, read, save};

/// One network a wallet knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletEnv {
    /// Name used to select it.
    pub alias: String,
    /// URL of a full node.
    pub rpc: String,
    /// Web-socket URL; written by old versions of the Sui CLI, unused.
    #[serde(default)]
    pub ws: Option<String>,
    /// Basic authentication as `user:password`; unused.
    #[serde(default)]
    pub basic_auth: Option<String>,
    /// Chain ID that newer versions of the Sui CLI cache; unused, because it goes stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<String>,
}

impl WalletEnv {
    /// An environment that needs nothing but its URL.
    pub fn new(alias: impl Into<String>, rpc: impl Into<String>) -> Self {
        Self {
            alias: alias.into(),
            rpc: rpc.into(),
            ws: None,
            basic_auth: None,
            chain_id: None,
        }
    }
}

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeystoreLocation {
    /// In a keystore file.
    File(PathBuf),
}

/// Contents of `client.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletConfig {
    /// Where the keys are.
    pub keystore: KeystoreLocation,
    /// Kept as found; only the Sui CLI uses it.
    #[serde(default)]
    pub external_keys: Option<serde_json::Value>,
    /// Known networks.
    #[serde(default)]
    pub envs: Vec<WalletEnv>,
    /// Alias of the network in use.
    #[serde(default)]
    pub active_env: Option<String>,
    /// Address in use, `0x` and hex.
    #[serde(default)]
    pub active_address: Option<String>,
}

impl WalletConfig {
    pub(super) fn new(keystore: PathBuf, env: WalletEnv, address: SuiAddress) -> Self {
        Self {
            keystore: KeystoreLocation::File(keystore),
            external_keys: None,
            active_env: Some(env.alias.clone()),
            envs: vec![env],
            active_address: Some(address.to_string()),
        }
    }

    pub(super) fn load(path: &Path) -> Result<Self, WalletError> {
        let text = read(path)?;
        let invalid = |reason: String| WalletError::Invalid {
            path: path.to_owned(),
            reason: first_line(&reason),
        };
        let config: Self =
            serde_saphyr::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        if let Some(address) = &config.active_address
            && address.parse::<SuiAddress>().is_err()
        {
            return Err(invalid(format!(
                "active_address {address:?} is not a Sui address"
            )));
        }
        Ok(config)
    }

    pub(super) fn save(&self, path: &Path) -> Result<(), WalletError> {
        let text = serde_saphyr::to_string(self).map_err(|error| WalletError::Invalid {
            path: path.to_owned(),
            reason: first_line(&error.to_string()),
        })?;
        save(path, &text)
    }

    /// The keystore file; a relative path counts from the directory of `client.yaml`.
    pub(super) fn keystore_path(&self, config_path: &Path) -> Result<PathBuf, WalletError> {
        let KeystoreLocation::File(path) = &self.keystore;
        Ok(walrus_files::path::of_config(path, config_path)?)
    }

    pub(super) fn active_address(&self) -> Option<SuiAddress> {
        self.active_address.as_ref()?.parse().ok()
    }
}

/// Parsers of YAML add snippets below their message; people get the message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
