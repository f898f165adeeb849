//! Which keys the server has, and for whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;
use walrus_core::ObjectId;
use walrus_seal::{InvalidEncoding, MasterKey, ProofOfPossession};
use zeroize::Zeroizing;

use crate::config::{ClientEntry, ClientMasterKey, KeyServerConfig, ServerMode};

/// The variable with the master key or the seed.
const MASTER_KEY_VARIABLE: &str = "MASTER_KEY";
/// The variable with the share of a version of the committee begins so.
const SHARE_VARIABLE: &str = "MASTER_SHARE_V";
/// A key in a file is shorter than this.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// Why the server has not the keys that it should have.
#[derive(Debug, Error)]
pub enum KeyError {
    /// There is no key.
    #[error("there is no key: set {variable}, or name a file as {option} in the configuration")]
    Missing {
        /// The environment variable.
        variable: String,
        /// The option of the configuration.
        option: &'static str,
    },
    /// There are two.
    #[error("the key is given twice: in {variable} and as {option}")]
    Twice {
        /// The environment variable.
        variable: String,
        /// The option of the configuration.
        option: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read the key in {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no key.
    #[error("what {place} holds is no key: {reason}")]
    Invalid {
        /// File or variable.
        place: String,
        /// Why.
        reason: InvalidEncoding,
    },
    /// The clients contradict each other.
    #[error("the clients of the configuration contradict each other: {0}")]
    Clients(String),
}

/// Where secrets come from: the environment of the process, or a stand-in for it.
pub trait KeySource {
    /// The value of a variable.
    fn variable(&self, name: &str) -> Option<Zeroizing<String>>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Environment;

impl KeySource for Environment {
    fn variable(&self, name: &str) -> Option<Zeroizing<String>> {
        let value = std::env::var(name).ok().map(Zeroizing::new)?;
        (!value.is_empty()).then_some(value)
    }
}

impl KeySource for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<Zeroizing<String>> {
        self.get(name).cloned().map(Zeroizing::new)
    }
}

/// A key, and the registered server that it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct ServiceKey {
    pub(crate) server: ObjectId,
    pub(crate) master: MasterKey,
}

/// The keys, by whom they serve.
#[derive(Debug)]
pub(crate) enum Keys {
    /// One for everybody.
    Open(ServiceKey),
    /// One for each listed package.
    Permissioned {
        by_package: BTreeMap<ObjectId, ServiceKey>,
        services: BTreeMap<ObjectId, ProofOfPossession>,
    },
    /// Shares of a committee's key, by the version of the committee.
    Committee {
        server: ObjectId,
        party_id: Option<u16>,
        shares: Shares,
    },
}

/// Shares of a committee's key.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    /// Those that were given, by the version of the committee.
    given: BTreeMap<u32, MasterKey>,
    /// Where others are.
    folder: Option<PathBuf>,
}

impl Shares {
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            given: BTreeMap::new(),
            folder: Some(folder.to_owned()),
        }
    }

    /// The share for a version of the committee, if there is one.
    pub(crate) fn of(&self, version: u32) -> Result<Option<MasterKey>, KeyError> {
        if let Some(share) = self.given.get(&version) {
            return Ok(Some(share.clone()));
        }
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let path = folder.join(share_file_name(version));
        if !path.exists() {
            return Ok(None);
        }
        let place = path.display().to_string();
        let share = MasterKey::from_hex(&read(&path)?);
        share
            .map(Some)
            .map_err(|reason| KeyError::Invalid { place, reason })
    }
}

/// Name of the file with the share for a version of a committee.
pub fn share_file_name(version: u32) -> String {
    format!("share-{version}.key")
}

impl Keys {
    /// The keys of a configuration.
    pub(crate) fn load(config: &KeyServerConfig, source: &dyn KeySource) -> Result<Self, KeyError> {
        let file = config.master_key_file.as_deref();
        match &config.server_mode {
            ServerMode::Open {
                key_server_object_id,
            } => {
                let (text, place) = secret(file, source)?;
                let master = MasterKey::from_hex(&text)
                    .or_else(|error| from_base64(&text).ok_or(error))
                    .map_err(|reason| KeyError::Invalid { place, reason })?;
                let server = *key_server_object_id;
                Ok(Self::Open(ServiceKey { server, master }))
            }
            ServerMode::Permissioned { client_configs } => {
                let (text, place) = secret(file, source)?;
                let seed = seed(&text).map_err(|reason| KeyError::Invalid { place, reason })?;
                permissioned(client_configs, &seed, source)
            }
            ServerMode::Committee {
                key_server_object_id,
                party_id,
            } => Ok(Self::Committee {
                server: *key_server_object_id,
                party_id: *party_id,
                shares: Shares {
                    given: shares(config, source)?,
                    folder: config.master_share_folder.clone(),
                },
            }),
        }
    }

    /// The key for a package, by its first version.
    pub(crate) fn for_package(&self, package: ObjectId) -> Option<&MasterKey> {
        match self {
            Self::Open(key) => Some(&key.master),
            Self::Permissioned { by_package, .. } => Some(&by_package.get(&package)?.master),
            // Depends on the version of the committee, which the chain knows.
            Self::Committee { .. } => None,
        }
    }

    /// The proof that the server has the key of a registered server.
    pub(crate) fn proof(&self, service: ObjectId) -> Option<ProofOfPossession> {
        match self {
            Self::Open(key) if key.server == service => Some(key.master.prove_possession(service)),
            Self::Permissioned { services, .. } => services.get(&service).copied(),
            Self::Open(_) | Self::Committee { .. } => None,
        }
    }

    /// Registered servers and the public keys they should have.
    pub(crate) fn registered(&self) -> Vec<&ServiceKey> {
        match self {
            Self::Open(key) => vec![key],
            Self::Permissioned { by_package, .. } => {
                let mut seen = BTreeSet::new();
                let keys = by_package.values();
                keys.filter(|key| seen.insert(key.server)).collect()
            }
            Self::Committee { .. } => Vec::new(),
        }
    }
}

/// The text of the master key, and where it was.
fn secret(
    file: Option<&Path>,
    source: &dyn KeySource,
) -> Result<(Zeroizing<String>, String), KeyError> {
    let variable = MASTER_KEY_VARIABLE.to_owned();
    let option = "master_key_file";
    match (file, source.variable(MASTER_KEY_VARIABLE)) {
        (Some(_), Some(_)) => Err(KeyError::Twice { variable, option }),
        (None, None) => Err(KeyError::Missing { variable, option }),
        (None, Some(text)) => Ok((text, variable)),
        (Some(path), None) => Ok((read(path)?, path.display().to_string())),
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    walrus_files::input::read_text(path, KEY_FILE_BYTES_MAX)
        .map(Zeroizing::new)
        .map_err(|error| KeyError::Read {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

/// The other form in which operators have their keys.
fn from_base64(text: &str) -> Option<MasterKey> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    MasterKey::from_bytes(&Zeroizing::new(bytes)).ok()
}

fn seed(text: &str) -> Result<Zeroizing<[u8; 32]>, InvalidEncoding> {
    let text = text.trim();
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), seed.as_mut())
        .map_err(|_| InvalidEncoding::Text)?;
    Ok(seed)
}

fn permissioned(
    clients: &[ClientEntry],
    seed: &[u8; 32],
    source: &dyn KeySource,
) -> Result<Keys, KeyError> {
    check_clients(clients)?;
    let mut by_package = BTreeMap::new();
    let mut services = BTreeMap::new();
    for client in clients {
        let invalid = |place: String| move |reason| KeyError::Invalid { place, reason };
        let master = match &client.client_master_key {
            ClientMasterKey::Derived { derivation_index } => {
                let place = format!("the seed at index {derivation_index}");
                MasterKey::from_seed(seed, *derivation_index).map_err(invalid(place))?
            }
            ClientMasterKey::Imported { env_var } => {
                let text = source.variable(env_var).ok_or_else(|| KeyError::Missing {
                    variable: env_var.clone(),
                    option: "env_var",
                })?;
                MasterKey::from_hex(&text).map_err(invalid(env_var.clone()))?
            }
            ClientMasterKey::Exported { .. } => continue,
        };
        let server = client.key_server_object_id;
        services.insert(server, master.prove_possession(server));
        for package in &client.package_ids {
            let master = master.clone();
            by_package.insert(*package, ServiceKey { server, master });
        }
    }
    Ok(Keys::Permissioned {
        by_package,
        services,
    })
}

/// Names, variables, indices, servers and packages are used once each; indices leave no gap.
fn check_clients(clients: &[ClientEntry]) -> Result<(), KeyError> {
    let twice =
        |what: &str, which: String| KeyError::Clients(format!("{what} {which} is used twice"));
    let (mut names, mut variables, mut ids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut indices = BTreeSet::new();
    for client in clients {
        if !names.insert(&client.name) {
            return Err(twice("name", client.name.clone()));
        }
        if client.package_ids.is_empty() {
            let reason = format!("client {} has no package", client.name);
            return Err(KeyError::Clients(reason));
        }
        for id in client
            .package_ids
            .iter()
            .chain([&client.key_server_object_id])
        {
            if !ids.insert(*id) {
                return Err(twice("ID", id.to_string()));
            }
        }
        match &client.client_master_key {
            ClientMasterKey::Imported { env_var } if !variables.insert(env_var) => {
                return Err(twice("variable", env_var.clone()));
            }
            ClientMasterKey::Derived {
                derivation_index: index,
            }
            | ClientMasterKey::Exported {
                deprecated_derivation_index: index,
            } if !indices.insert(*index) => return Err(twice("index", index.to_string())),
            _ => {}
        }
    }
    if let Some((expected, _)) = (0..)
        .zip(&indices)
        .find(|(expected, index)| expected != *index)
    {
        let reason = format!("index {expected} is missing: indices are 0, 1, 2 and so on");
        return Err(KeyError::Clients(reason));
    }
    Ok(())
}

fn shares(
    config: &KeyServerConfig,
    source: &dyn KeySource,
) -> Result<BTreeMap<u32, MasterKey>, KeyError> {
    /// Versions for which the environment is asked. More are given as files.
    const VERSIONS_IN_ENVIRONMENT: u32 = 1_000;
    let mut shares = BTreeMap::new();
    let mut add = |version: u32, text: &str, place: String| {
        let share =
            MasterKey::from_hex(text).map_err(|reason| KeyError::Invalid { place, reason })?;
        shares.insert(version, share);
        Ok(())
    };
    for version in 0..VERSIONS_IN_ENVIRONMENT {
        let variable = format!("{SHARE_VARIABLE}{version}");
        let Some(text) = source.variable(&variable) else {
            continue;
        };
        if config.master_share_files.contains_key(&version) {
            let option = "master_share_files";
            return Err(KeyError::Twice { variable, option });
        }
        add(version, &text, variable)?;
    }
    for (version, path) in &config.master_share_files {
        add(*version, &read(path)?, path.display().to_string())?;
    }
    if shares.is_empty() && config.master_share_folder.is_none() {
        return Err(KeyError::Missing {
            variable: format!("{SHARE_VARIABLE}0"),
            option: "master_share_files",
        });
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NetworkChoice;

    const KEY: &str = "01cecd54cf6590e139191de35f675b54d428e5b669f8574ece5dbea243e9b4cf";

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn open() -> KeyServerConfig {
        let mode = ServerMode::Open {
            key_server_object_id: ObjectId([1; 32]),
        };
        KeyServerConfig::new(NetworkChoice::Testnet, mode)
    }

    fn client(index: u64) -> ClientEntry {
        let byte = u8::try_from(index).unwrap();
        ClientEntry {
            name: format!("client {index}"),
            client_master_key: ClientMasterKey::Derived {
                derivation_index: index,
            },
            key_server_object_id: ObjectId([byte + 10; 32]),
            package_ids: vec![ObjectId([byte + 20; 32])],
        }
    }

    fn with_clients(clients: Vec<ClientEntry>) -> Result<Keys, KeyError> {
        let mode = ServerMode::Permissioned {
            client_configs: clients,
        };
        let config = KeyServerConfig::new(NetworkChoice::Testnet, mode);
        Keys::load(&config, &environment(&[("MASTER_KEY", KEY)]))
    }

    #[test]
    fn a_key_is_read_in_both_forms_and_never_shown() {
        use std::fmt::Write as _;
        let prefixed = format!("0x{KEY}\n");
        let base64 = "Ac7NVM9lkOE5GR3jX2dbVNQo5bZp+FdOzl2+okPptM8=";
        for text in [KEY, &prefixed, base64] {
            let keys = Keys::load(&open(), &environment(&[("MASTER_KEY", text)])).unwrap();
            let Keys::Open(key) = &keys else { panic!() };
            assert_eq!(hex::encode(*key.master.to_bytes()), KEY);
            let mut shown = String::new();
            write!(shown, "{keys:?}").unwrap();
            assert!(!shown.contains(KEY));
        }
        let zero = "0".repeat(64);
        for text in ["", "hello", &zero, &"f".repeat(64)] {
            assert!(Keys::load(&open(), &environment(&[("MASTER_KEY", text)])).is_err());
        }
    }

    #[test]
    fn a_key_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, KEY).unwrap();
        let mut config = open();
        assert!(matches!(
            Keys::load(&config, &environment(&[])),
            Err(KeyError::Missing { .. })
        ));
        config.master_key_file = Some(path);
        assert!(Keys::load(&config, &environment(&[])).is_ok());
        assert!(matches!(
            Keys::load(&config, &environment(&[("MASTER_KEY", KEY)])),
            Err(KeyError::Twice { .. })
        ));
    }

    #[test]
    fn clients_have_keys_of_their_own() {
        let keys = with_clients(vec![client(0), client(1)]).unwrap();
        let key = |byte| keys.for_package(ObjectId([byte; 32])).unwrap().public();
        assert_ne!(key(20), key(21));
        assert!(keys.for_package(ObjectId([9; 32])).is_none());
        let server = ObjectId([10; 32]);
        let proof = keys.proof(server).unwrap();
        assert!(key(20).verify_possession(server, &proof));
        assert!(keys.proof(ObjectId([9; 32])).is_none());
    }

    #[test]
    fn exported_clients_are_not_served() {
        let mut exported = client(0);
        exported.client_master_key = ClientMasterKey::Exported {
            deprecated_derivation_index: 0,
        };
        let keys = with_clients(vec![exported, client(1)]).unwrap();
        assert!(keys.for_package(ObjectId([20; 32])).is_none());
        assert!(keys.for_package(ObjectId([21; 32])).is_some());
    }

    #[test]
    fn clients_that_contradict_each_other_are_refused() {
        let changes: [fn(&mut ClientEntry); 5] = [
            |it| it.name = "client 0".to_owned(),
            |it| it.package_ids.clear(),
            |it| it.package_ids = vec![ObjectId([20; 32])],
            |it| it.key_server_object_id = ObjectId([20; 32]),
            |it| {
                it.client_master_key = ClientMasterKey::Derived {
                    derivation_index: 2,
                }
            },
        ];
        for change in changes {
            let mut other = client(1);
            change(&mut other);
            assert!(matches!(
                with_clients(vec![client(0), other]),
                Err(KeyError::Clients(_))
            ));
        }
    }
}
