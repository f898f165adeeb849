//! Wallet files of the Sui CLI: `client.yaml` (environments, active address) and the keystore
//! beside it.
//!
//! Users bring these files: every key the Sui CLI writes is understood or kept, and existing keys
//! are never overwritten.

mod aliases;
mod config;
mod keystore;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use walrus_core::SuiAddress;
use walrus_files::{
    durable::{self, Lock, Readers},
    input::{InputError, read_text},
    path::expand_home,
};

use self::aliases::Aliases;
pub use self::{
    config::{KeystoreLocation, WalletConfig, WalletEnv},
    keystore::Keystore,
};
use crate::signer::{InvalidPrivateKey, Signer};

/// Largest wallet file that is read, in bytes: a keystore of some ten thousand keys.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How long another process may take to change a wallet.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Why a wallet cannot be used. Every message is one line that names the file.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The file cannot be read.
    #[error("cannot read wallet file {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write wallet file {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("wallet file {path} is not valid: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, on one line.
        reason: String,
    },
    /// A new wallet would replace an existing file.
    #[error("wallet file {0} exists already")]
    Exists(PathBuf),
    /// The wallet does not name an active address and has not exactly one key.
    #[error("wallet {0} has no active address; choose one with `sui client switch --address`")]
    NoActiveAddress(PathBuf),
    /// The wallet does not name an environment.
    #[error("wallet {0} has no active environment; choose one with `sui client switch --env`")]
    NoActiveEnv(PathBuf),
    /// No such environment.
    #[error("wallet {path} has no environment named {alias:?}")]
    UnknownEnv {
        /// The wallet.
        path: PathBuf,
        /// The name looked for.
        alias: String,
    },
    /// The keystore holds no key of this address.
    #[error("the keystore of wallet {path} has no key for address {address}{}", unusable_text(.unusable))]
    NoKey {
        /// The wallet.
        path: PathBuf,
        /// The address looked for.
        address: SuiAddress,
        /// What is wrong with entries of the keystore that cannot be used.
        unusable: Vec<String>,
    },
    /// No account of the wallet is meant.
    #[error("wallet {path} has no account {name:?}: give an address or one of the names {known}")]
    UnknownAccount {
        /// The wallet.
        path: PathBuf,
        /// What was looked for.
        name: String,
        /// Names of accounts.
        known: String,
    },
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] InvalidPrivateKey),
    /// A path with `~` cannot be used.
    #[error(transparent)]
    Path(#[from] walrus_files::path::PathError),
}

fn unusable_text(unusable: &[String]) -> String {
    match unusable {
        [] => String::new(),
        reasons => format!(" among those that can be used ({})", reasons.join("; ")),
    }
}

/// An opened wallet: its configuration and its keys.
#[derive(Debug, Clone)]
pub struct Wallet {
    path: PathBuf,
    config: WalletConfig,
    keystore: Keystore,
}

impl Wallet {
    /// Name of the configuration file in a wallet directory.
    pub const FILE_NAME: &'static str = "client.yaml";

    /// Opens the wallet whose `client.yaml` is at `path`. A leading `~/` means the home directory.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, WalletError> {
        let path = expand_home(path.as_ref())?;
        let config = WalletConfig::load(&path)?;
        let keystore = Keystore::load(config.keystore_path(&path)?)?;
        Ok(Self {
            path,
            config,
            keystore,
        })
    }

    /// Writes a new wallet at `path` with one environment and one key, which become the active
    /// ones.
    ///
    /// The keystore is a file of the same name with the extension `keystore`. Fails when the wallet
    /// exists already: keys are never overwritten.
    pub fn create(
        path: impl AsRef<Path>,
        env: WalletEnv,
        signer: &Signer,
    ) -> Result<Self, WalletError> {
        let path = expand_home(path.as_ref())?;
        let path = std::path::absolute(&path).unwrap_or(path);
        let _lock = lock(&path)?;
        if path.exists() {
            return Err(WalletError::Exists(path));
        }
        let keystore_path = path.with_extension("keystore");
        let _keystore_lock = lock(&keystore_path)?;
        let mut keystore = if keystore_path.exists() {
            Keystore::load(keystore_path.clone())?
        } else {
            Keystore::empty(keystore_path.clone())
        };
        keystore.add(signer);
        keystore.save()?;
        let wallet = Self {
            config: WalletConfig::new(keystore_path, env, signer.address()),
            path,
            keystore,
        };
        wallet.config.save(&wallet.path)?;
        Ok(wallet)
    }

    /// The configuration file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All addresses with a key, in the order of the keystore.
    pub fn addresses(&self) -> Vec<SuiAddress> {
        self.keystore.addresses()
    }

    /// The active address: the configured one, or the only key of the keystore.
    pub fn active_address(&self) -> Result<SuiAddress, WalletError> {
        match (self.config.active_address(), self.addresses().as_slice()) {
            (Some(address), _) => Ok(address),
            (None, [only]) => Ok(*only),
            (None, _) => Err(WalletError::NoActiveAddress(self.path.clone())),
        }
    }

    /// The signer of the active address.
    pub fn active_signer(&self) -> Result<Signer, WalletError> {
        self.signer(self.active_address()?)
    }

    /// The signer of `address`.
    pub fn signer(&self, address: SuiAddress) -> Result<Signer, WalletError> {
        self.keystore
            .signer(address)
            .cloned()
            .ok_or_else(|| WalletError::NoKey {
                path: self.path.clone(),
                address,
                unusable: self.keystore.unusable(),
            })
    }

    /// The active environment: the configured one, or the only one there is.
    pub fn active_env(&self) -> Result<&WalletEnv, WalletError> {
        match (&self.config.active_env, self.config.envs.as_slice()) {
            (Some(alias), _) => self.env(alias),
            (None, [only]) => Ok(only),
            (None, _) => Err(WalletError::NoActiveEnv(self.path.clone())),
        }
    }

    /// The environment named `alias`.
    pub fn env(&self, alias: &str) -> Result<&WalletEnv, WalletError> {
        self.config
            .envs
            .iter()
            .find(|env| env.alias == alias)
            .ok_or_else(|| WalletError::UnknownEnv {
                path: self.path.clone(),
                alias: alias.to_owned(),
            })
    }

    /// The account that `name` means: an address, or the name of one in the alias file beside the
    /// keystore.
    pub fn account(&self, name: &str) -> Result<SuiAddress, WalletError> {
        if let Ok(address) = name.parse::<SuiAddress>() {
            return Ok(self.signer(address)?.address());
        }
        let aliases = self.aliases()?;
        let mut known = Vec::new();
        for address in self.addresses() {
            let signer = self.signer(address)?;
            match aliases.name_of(&signer) {
                Some(alias) if alias == name => return Ok(address),
                Some(alias) => known.push(alias.to_owned()),
                None => {}
            }
        }
        Err(WalletError::UnknownAccount {
            path: self.path.clone(),
            name: name.to_owned(),
            known: known.join(", "),
        })
    }

    /// Adds a key under a name, and writes keystore and alias file.
    pub fn import_as(&mut self, signer: &Signer, alias: &str) -> Result<(), WalletError> {
        self.import(signer)?;
        // The file of names has the lock of its keystore.
        let _lock = lock(self.keystore.path())?;
        self.aliases()?.name(signer, alias)
    }

    fn aliases(&self) -> Result<Aliases, WalletError> {
        Aliases::of(&self.config.keystore_path(&self.path)?)
    }

    /// Adds a key to the keystore and writes the keystore. Adding a known key changes nothing.
    pub fn import(&mut self, signer: &Signer) -> Result<(), WalletError> {
        let path = self.keystore.path().to_owned();
        let _lock = lock(&path)?;
        // Another process may have added one since it was read.
        let mut keystore = Keystore::load(path)?;
        keystore.add(signer);
        keystore.save()?;
        self.keystore = keystore;
        Ok(())
    }

    /// Makes `address` the active one, for this value and in the file.
    pub fn switch_address(&mut self, address: SuiAddress) -> Result<(), WalletError> {
        self.signer(address)?;
        let _lock = lock(&self.path)?;
        // What the file says besides stays, also what another process has written since.
        let mut written = WalletConfig::load(&self.path)?;
        written.active_address = Some(address.to_string());
        written.save(&self.path)?;
        self.config.active_address = written.active_address;
        Ok(())
    }

    /// Makes `alias` the active environment of this value; the file stays as it is.
    pub fn use_env(&mut self, alias: &str) -> Result<(), WalletError> {
        self.env(alias)?;
        self.config.active_env = Some(alias.to_owned());
        Ok(())
    }

    /// Makes `address` the active one of this value; the file stays as it is.
    pub fn use_address(&mut self, address: SuiAddress) -> Result<(), WalletError> {
        self.signer(address)?;
        self.config.active_address = Some(address.to_string());
        Ok(())
    }
}

/// Reads a wallet file.
fn read(path: &Path) -> Result<String, WalletError> {
    read_text(path, FILE_BYTES_MAX).map_err(|error| WalletError::Read {
        path: path.to_owned(),
        cause: match error {
            InputError::Io(cause) => cause,
            error => std::io::Error::other(error.to_string()),
        },
    })
}

fn save(path: &Path, contents: &str) -> Result<(), WalletError> {
    durable::write(path, contents.as_bytes(), Readers::Owner)
        .map_err(|cause| write_error(path, cause))
}

/// The right to change a file of a wallet, which other programs of ours respect.
fn lock(path: &Path) -> Result<Lock, WalletError> {
    Lock::wait(path, LOCK_PATIENCE).map_err(|cause| write_error(path, cause))
}

fn write_error(path: &Path, cause: std::io::Error) -> WalletError {
    WalletError::Write {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests;
