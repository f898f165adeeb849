//! The state file: what has been done so far.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::{ObjectId, SuiAddress};
use walrus_files::durable::{self, Lock, Readers};
use walrus_sui::{ContractIds, SignedTransaction, contract::InitObjects};

use crate::error::DeployError;

/// How long another run may take to finish with the state file.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Layout version of the state file.
const FORMAT: u32 = 1;

/// A complete deployment.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// First four bytes of the digest of the genesis checkpoint, in hex.
    pub chain_id: String,
    /// Package of the WAL token.
    #[serde_as(as = "DisplayFromStr")]
    pub wal_package: ObjectId,
    /// First version of the package of the contracts: the one that defines the types.
    #[serde_as(as = "DisplayFromStr")]
    pub walrus_package: ObjectId,
    /// The System object.
    #[serde_as(as = "DisplayFromStr")]
    pub system_object: ObjectId,
    /// The Staking object.
    #[serde_as(as = "DisplayFromStr")]
    pub staking_object: ObjectId,
    /// The object that counts votes about upgrades.
    #[serde_as(as = "DisplayFromStr")]
    pub upgrade_manager: ObjectId,
    /// The capability to upgrade without votes, owned by the deploying account.
    #[serde_as(as = "DisplayFromStr")]
    pub emergency_upgrade_cap: ObjectId,
    /// The object that counts votes about slashing; `None` in deployments of versions that have
    /// none.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    pub slashing_manager: Option<ObjectId>,
    /// The treasury of WAL.
    #[serde_as(as = "DisplayFromStr")]
    pub treasury_object: ObjectId,
    /// Number of shards.
    pub n_shards: u16,
    /// Storage can be bought for at most this many epochs ahead.
    pub max_epochs_ahead: u32,
}

impl Deployment {
    /// The objects that clients need.
    pub fn ids(&self) -> ContractIds {
        ContractIds {
            system_object: self.system_object,
            staking_object: self.staking_object,
            treasury_object: Some(self.treasury_object),
        }
    }
}

impl fmt::Display for Deployment {
    /// The lines that scripts parse.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Walrus contract created:")?;
        writeln!(f, "package_id: {}", self.walrus_package)?;
        writeln!(f, "wal_package_id: {}", self.wal_package)?;
        writeln!(f, "system_object: {}", self.system_object)?;
        writeln!(f, "staking_object: {}", self.staking_object)?;
        writeln!(f, "upgrade_manager_object: {}", self.upgrade_manager)?;
        write!(f, "treasury_object: {}", self.treasury_object)
    }
}

/// A registered node.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its name.
    pub name: String,
    /// Its ID.
    #[serde_as(as = "DisplayFromStr")]
    pub node_id: ObjectId,
    /// Its capability.
    #[serde_as(as = "DisplayFromStr")]
    pub node_cap: ObjectId,
    /// The account that owns the capability.
    #[serde_as(as = "DisplayFromStr")]
    pub operator: SuiAddress,
}

/// A package around the contracts, and the objects it needs to be of use.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraRecord {
    /// The version to call.
    #[serde_as(as = "DisplayFromStr")]
    pub package: ObjectId,
    /// Its first version, which defines the types.
    #[serde_as(as = "DisplayFromStr")]
    pub original_id: ObjectId,
    /// Number of the version to call, from 1.
    pub version: u64,
    /// Its upgrade capability, owned by the deploying account unless the package has taken it.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub upgrade_cap: Option<ObjectId>,
    /// What publishing made for setting the package up, if it does so.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    pub init_cap: Option<ObjectId>,
    /// The shared object, if the package has one for everybody.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    pub object: Option<ObjectId>,
    /// The capability to manage the object, owned by the deploying account.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    pub admin_cap: Option<ObjectId>,
    /// Whether the funds it was to get are in it.
    #[serde(default)]
    pub funded: bool,
}

/// An upgrade of the contracts.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeRecord {
    /// Name of the embedded package.
    pub name: String,
    /// ID of the new version.
    #[serde_as(as = "DisplayFromStr")]
    pub package: ObjectId,
    /// Its version number: 2 for the first upgrade.
    pub version: u64,
    /// Digest of the package, in hex: what was voted about.
    pub digest: String,
    /// Whether System and Staking work with it.
    pub migrated: bool,
}

/// A transaction that was signed but whose effects are not in this file yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// What it does.
    pub(crate) step: String,
    pub(crate) transaction: SignedTransaction,
}

/// Published packages, before System and Staking exist.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WalPackage {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) package: ObjectId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) treasury_object: ObjectId,
}

/// The published contracts and what is needed to initialise them.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WalrusPackage {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) package: ObjectId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) init_cap: ObjectId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) upgrade_cap: ObjectId,
}

impl WalrusPackage {
    pub(crate) fn init_objects(&self) -> InitObjects {
        InitObjects {
            package: self.package,
            init_cap: self.init_cap,
            upgrade_cap: self.upgrade_cap,
        }
    }
}

/// What is known about a deployment, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Status<'a> {
    /// The chain.
    pub chain_id: &'a str,
    /// The deployment, if it is complete.
    pub deployment: Option<&'a Deployment>,
    /// Packages around the contracts, by name.
    pub extras: &'a BTreeMap<String, ExtraRecord>,
    /// Registered nodes.
    pub nodes: &'a [NodeRecord],
    /// Upgrades, oldest first.
    pub upgrades: &'a [UpgradeRecord],
    /// What an earlier run was doing when it was interrupted.
    pub interrupted: Option<&'a str>,
}

/// Contents of the state file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    format: u32,
    pub(crate) chain_id: String,
    #[serde(default)]
    pub(crate) wal: Option<WalPackage>,
    #[serde(default)]
    pub(crate) walrus: Option<WalrusPackage>,
    #[serde(default)]
    pub(crate) deployment: Option<Deployment>,
    #[serde(default)]
    pub(crate) nodes: Vec<NodeRecord>,
    /// By name of the package.
    #[serde(default)]
    pub(crate) extras: BTreeMap<String, ExtraRecord>,
    #[serde(default)]
    pub(crate) upgrades: Vec<UpgradeRecord>,
    /// Written before a transaction is sent, removed together with writing down what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Pending>,
}

/// Progress, and the file it is written to after every step (if any).
#[derive(Debug)]
pub(crate) struct StateFile {
    path: Option<PathBuf>,
    /// What the file held when it was read.
    read: Option<Vec<u8>>,
    /// Held from the first write on: until then, others may read and work with it.
    lock: OnceLock<Lock>,
    pub(crate) progress: Progress,
}

impl StateFile {
    /// Reads the file if it exists. It must be about chain `chain_id`.
    pub(crate) fn open(path: Option<&Path>, chain_id: String) -> Result<Self, DeployError> {
        let fresh = Progress {
            format: FORMAT,
            chain_id,
            wal: None,
            walrus: None,
            deployment: None,
            nodes: Vec::new(),
            extras: BTreeMap::new(),
            upgrades: Vec::new(),
            pending: None,
        };
        let Some(path) = path else {
            return Ok(Self {
                path: None,
                read: None,
                lock: OnceLock::new(),
                progress: fresh,
            });
        };
        let read = read_if_there(path)?;
        let progress = match &read {
            Some(bytes) => parse(path, bytes, &fresh.chain_id)?,
            None => fresh,
        };
        Ok(Self {
            path: Some(path.to_owned()),
            read,
            lock: OnceLock::new(),
            progress,
        })
    }

    /// Writes the file, all of it or nothing.
    pub(crate) fn save(&self) -> Result<(), DeployError> {
        self.write(&self.progress)
    }

    /// Writes the file as if `pending` were about to be sent.
    pub(crate) fn save_pending(&self, pending: Pending) -> Result<(), DeployError> {
        self.write(&Progress {
            pending: Some(pending),
            ..self.progress.clone()
        })
    }

    fn write(&self, progress: &Progress) -> Result<(), DeployError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        self.lock(path)?;
        let text = serde_json::to_vec_pretty(progress).expect("plain data is valid JSON");
        write_file(path, &text)
    }

    /// Makes sure that this is the only run that changes the file, and that no other has since it
    /// was read.
    fn lock(&self, path: &Path) -> Result<(), DeployError> {
        if self.lock.get().is_some() {
            return Ok(());
        }
        let lock = Lock::wait(path, LOCK_PATIENCE).map_err(|cause| DeployError::NotWritten {
            path: path.to_owned(),
            cause,
        })?;
        if read_if_there(path)? != self.read {
            return Err(DeployError::OtherRun(path.to_owned()));
        }
        // Nobody else sets it: a deployer works on one step at a time.
        let _ = self.lock.set(lock);
        Ok(())
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, DeployError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(io_error(path, cause)),
    }
}

fn parse(path: &Path, bytes: &[u8], chain_id: &str) -> Result<Progress, DeployError> {
    let invalid = |reason: String| DeployError::InvalidFile {
        path: path.to_owned(),
        reason,
    };
    let progress: Progress =
        serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
    if progress.format != FORMAT {
        return Err(invalid(format!("format {} is unknown", progress.format)));
    }
    if progress.chain_id != chain_id {
        return Err(DeployError::OtherChain {
            path: path.to_owned(),
            recorded: progress.chain_id,
            actual: chain_id.to_owned(),
        });
    }
    Ok(progress)
}

/// Replaces a file, all of it or nothing, creating its directory.
pub(crate) fn write_file(path: &Path, contents: &[u8]) -> Result<(), DeployError> {
    durable::write(path, contents, Readers::Everybody).map_err(|cause| DeployError::NotWritten {
        path: path.to_owned(),
        cause,
    })
}

pub(crate) fn io_error(path: &Path, cause: std::io::Error) -> DeployError {
    DeployError::Io {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_survives_and_foreign_chains_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sub/deployment.json");
        let mut state = StateFile::open(Some(&path), "aabbccdd".to_owned()).unwrap();
        state.progress.wal = Some(WalPackage {
            package: ObjectId([1; 32]),
            treasury_object: ObjectId([2; 32]),
        });
        state.save().unwrap();

        // While one run changes the file, others read it and cannot change it.
        let again = StateFile::open(Some(&path), "aabbccdd".to_owned()).unwrap();
        assert!(matches!(again.save(), Err(DeployError::NotWritten { .. })));
        drop(state);
        again.save().unwrap();
        drop(again);
        let late = StateFile::open(Some(&path), "aabbccdd".to_owned()).unwrap();
        let written = std::fs::read(&path).unwrap();
        std::fs::write(&path, "of another run").unwrap();
        assert!(matches!(late.save(), Err(DeployError::OtherRun(_))));
        std::fs::write(&path, written).unwrap();
        let again = StateFile::open(Some(&path), "aabbccdd".to_owned()).unwrap();
        assert_eq!(
            again.progress.wal.unwrap().treasury_object,
            ObjectId([2; 32])
        );
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&ObjectId([1; 32]).to_string()), "{text}");
        assert!(matches!(
            StateFile::open(Some(&path), "00000000".to_owned()),
            Err(DeployError::OtherChain { .. })
        ));
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(
            StateFile::open(Some(&path), "aabbccdd".to_owned()),
            Err(DeployError::InvalidFile { .. })
        ));
    }
}
