//! Where the configuration and the wallet are looked for when the caller names none.

use std::{
    env, io,
    path::{Path, PathBuf},
};

use walrus_files::{
    input::{InputError, read_text},
    path::{expand_home, from_env, of_config},
};

use super::{
    ConfigError, KnownNetwork, LOCAL_NETWORK_DIR, LOCAL_NETWORK_ENV, Parsed, WalletReference,
    local_network, parse,
};

/// File names of a configuration, in order of preference.
const CONFIG_NAMES: [&str; 2] = ["client_config.yaml", "client_config.yml"];
/// Largest configuration file, in bytes.
const CONFIG_SIZE_MAX: u64 = 1 << 20;

/// A configuration and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub parsed: Parsed,
    /// The file, or `None` for a built-in configuration.
    pub path: Option<PathBuf>,
}

/// A wallet file together with the choices made in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletLocation {
    /// The wallet's `client.yaml`.
    pub path: PathBuf,
    /// Environment to use instead of the wallet's active one.
    pub active_env: Option<String>,
    /// Address to use instead of the wallet's active one, as text.
    pub active_address: Option<String>,
}

/// Finds and reads the client configuration.
///
/// `explicit` is a path given by the user. Without it the usual directories are searched, and the
/// current one and those above it for a local network; when none of them has a file and
/// `wallet_rpc_url` belongs to a known network, that network's built-in configuration is used.
pub fn load(
    explicit: Option<&Path>,
    context: Option<&str>,
    wallet_rpc_url: impl FnOnce() -> Option<String>,
) -> Result<Loaded, ConfigError> {
    if let Some(path) = explicit {
        return read(&expand_home(path)?, context);
    }
    let directories = config_directories()?;
    if let Some(path) = first_existing(&directories) {
        return read(&path, context);
    }
    if context.is_none()
        && let Some(network) = wallet_rpc_url()
            .as_deref()
            .and_then(KnownNetwork::of_rpc_url)
    {
        let parsed = Parsed {
            config: network.config_file().resolve()?,
            unknown_keys: Vec::new(),
            network: Some(network),
        };
        return Ok(Loaded { parsed, path: None });
    }
    Err(ConfigError::NotFound(list(&directories)))
}

/// Finds the wallet: the one given, else the one of the configuration, else the usual places.
pub fn locate_wallet(
    explicit: Option<&Path>,
    configured: Option<&WalletReference>,
) -> Result<WalletLocation, ConfigError> {
    let reference = configured.cloned().unwrap_or_default();
    // The path of a configuration was resolved when the configuration was read.
    let named = explicit.map(expand_home).transpose()?.or(reference.path);
    let path = if let Some(path) = named {
        path
    } else {
        let candidates = wallet_candidates();
        let found = candidates.iter().find(|path| path.is_file());
        found
            .cloned()
            .ok_or_else(|| ConfigError::NoWallet(list(&candidates)))?
    };
    Ok(WalletLocation {
        path,
        active_env: reference.active_env,
        active_address: reference.active_address,
    })
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

/// The directories searched for a configuration. `$XDG_CONFIG_HOME/walrus` is what existing
/// documents name, `$XDG_CONFIG_HOME` what existing clients use: both are tried.
///
/// A local network that one stands in comes before the home directory: what is tried out in a
/// project must not reach for the money of another network.
fn config_directories() -> Result<Vec<PathBuf>, ConfigError> {
    let mut directories = vec![PathBuf::from("."), local_directory()?];
    if let Some(xdg) = env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()) {
        let xdg = PathBuf::from(xdg);
        directories.push(xdg.clone());
        directories.push(xdg.join("walrus"));
    }
    if let Some(home) = home() {
        directories.push(home.join(".config/walrus"));
        directories.push(home.join(".walrus"));
    }
    Ok(directories)
}

/// The folder of the local network: the one the environment names, else the nearest at or above the
/// current directory, else where one would be.
fn local_directory() -> Result<PathBuf, ConfigError> {
    if let Some(named) = from_env(LOCAL_NETWORK_ENV)? {
        return Ok(named);
    }
    let found = env::current_dir()
        .ok()
        .and_then(|current| local_network(&current, CONFIG_NAMES[0]));
    Ok(found.unwrap_or_else(|| PathBuf::from(LOCAL_NETWORK_DIR)))
}

fn wallet_candidates() -> Vec<PathBuf> {
    let mut candidates = vec![PathBuf::from("./sui_config.yaml")];
    candidates.extend(home().map(|home| home.join(".sui/sui_config/client.yaml")));
    candidates
}

fn first_existing(directories: &[PathBuf]) -> Option<PathBuf> {
    let candidates = directories
        .iter()
        .flat_map(|directory| CONFIG_NAMES.map(|name| directory.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

fn read(path: &Path, context: Option<&str>) -> Result<Loaded, ConfigError> {
    let text = read_text(path, CONFIG_SIZE_MAX).map_err(|error| {
        let path = path.to_owned();
        match error {
            InputError::TooLong { limit, .. } => ConfigError::TooLarge { path, limit },
            InputError::Io(source) => ConfigError::Unreadable { path, source },
            InputError::Directory => ConfigError::Unreadable {
                path,
                source: io::Error::new(io::ErrorKind::IsADirectory, error.to_string()),
            },
        }
    })?;
    let mut parsed = parse(&text, context).map_err(|error| ConfigError::InFile {
        path: path.to_owned(),
        source: Box::new(error),
    })?;
    if let Some(wallet) = &mut parsed.config.wallet
        && let Some(named) = wallet.path.take()
    {
        wallet.path = Some(of_config(&named, path)?);
    }
    Ok(Loaded {
        parsed,
        path: Some(path.to_owned()),
    })
}
