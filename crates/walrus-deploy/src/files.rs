//! Files for the users of a deployment.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::ObjectId;
use walrus_files::durable::Lock;

use crate::{
    deployer::Deployer,
    error::DeployError,
    extras::Extra,
    state::{Deployment, LOCK_PATIENCE, io_error, write_file},
};

/// `client_config.yaml`, as clients of Walrus read it.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientConfigFile {
    /// The System object.
    #[serde_as(as = "DisplayFromStr")]
    pub system_object: ObjectId,
    /// The Staking object.
    #[serde_as(as = "DisplayFromStr")]
    pub staking_object: ObjectId,
    /// The treasury of WAL; epoch changes need it.
    #[serde_as(as = "DisplayFromStr")]
    pub treasury_object: ObjectId,
    /// The object that counts votes about upgrades.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upgrade_manager_object: Option<ObjectId>,
    /// The object that counts votes about slashing.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slashing_manager_object: Option<ObjectId>,
    /// The object of proposals and votes about them.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub governance_object: Option<ObjectId>,
    /// Exchanges of SUI and WAL.
    #[serde_as(as = "Vec<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub exchange_objects: Vec<ObjectId>,
    /// The discount for buyers of storage.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credits_object: Option<ObjectId>,
    /// The subsidies for nodes.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub walrus_subsidies_object: Option<ObjectId>,
    /// Number of shards.
    pub n_shards: u16,
    /// Storage can be bought for at most this many epochs ahead.
    pub max_epochs_ahead: u32,
    /// The user's wallet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wallet_config: Option<PathBuf>,
    /// Full nodes.
    pub rpc_urls: Vec<String>,
    /// `http` if the storage nodes serve without TLS.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub storage_node_scheme: Option<String>,
    /// Who keeps the keys of private data.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encryption: Option<EncryptionSection>,
}

/// The section `encryption` of a client configuration.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionSection {
    /// The first version of package `policies`.
    #[serde_as(as = "DisplayFromStr")]
    pub policies_package: ObjectId,
    /// How many of the key servers are needed to decrypt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threshold: Option<u8>,
    /// The key servers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub key_servers: Vec<KeyServerEntry>,
}

/// A key server in a client configuration.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyServerEntry {
    /// Its registered object.
    #[serde_as(as = "DisplayFromStr")]
    pub object_id: ObjectId,
    /// Who collects the answers of its members, if it is a committee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregator_url: Option<String>,
}

impl ClientConfigFile {
    /// The configuration for users of `deployment`.
    pub fn new(deployment: &Deployment, wallet: Option<PathBuf>, rpc_urls: Vec<String>) -> Self {
        Self {
            system_object: deployment.system_object,
            staking_object: deployment.staking_object,
            treasury_object: deployment.treasury_object,
            upgrade_manager_object: Some(deployment.upgrade_manager),
            slashing_manager_object: deployment.slashing_manager,
            governance_object: None,
            exchange_objects: Vec::new(),
            credits_object: None,
            walrus_subsidies_object: None,
            n_shards: deployment.n_shards,
            max_epochs_ahead: deployment.max_epochs_ahead,
            wallet_config: wallet,
            rpc_urls,
            storage_node_scheme: None,
            encryption: None,
        }
    }

    /// The same for users who also use the packages around the contracts, as far as `deployer` has
    /// deployed them.
    #[must_use]
    pub fn with_extras(mut self, deployer: &Deployer) -> Self {
        let object = |extra| deployer.extra(extra).and_then(|record| record.object);
        self.exchange_objects = object(Extra::WalExchange).into_iter().collect();
        self.credits_object = object(Extra::Subsidies);
        self.walrus_subsidies_object = object(Extra::WalrusSubsidies);
        self.governance_object = object(Extra::WalrusGovernance);
        self.encryption = deployer
            .extra(Extra::Policies)
            .map(|record| EncryptionSection {
                policies_package: record.original_id,
                threshold: None,
                key_servers: Vec::new(),
            });
        self
    }

    fn names_key_servers(&self) -> bool {
        let encryption = self.encryption.as_ref();
        encryption.is_some_and(|section| !section.key_servers.is_empty())
    }

    /// Writes the file, creating its directory. What users have put into a file that is there
    /// stays: keys that this type does not know, the wallet and the scheme of the nodes unless
    /// `self` has them, and the full nodes if they are of the same deployment.
    pub fn save(&self, path: &Path) -> Result<(), DeployError> {
        let invalid = |reason: String| DeployError::InvalidFile {
            path: path.to_owned(),
            reason,
        };
        // Whoever else changes it waits until what this process has merged is written.
        let _lock = Lock::wait(path, LOCK_PATIENCE).map_err(|error| io_error(path, error))?;
        let mut merged = Merged {
            config: self.clone(),
            rest: BTreeMap::new(),
        };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let present = serde_saphyr::from_str(&text)
                    .map_err(|error| invalid(first_line(&error.to_string())))?;
                merged.keep(present).map_err(invalid)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(path, error)),
        }
        let text = serde_saphyr::to_string(&merged).map_err(|error| invalid(error.to_string()))?;
        write_file(path, text.as_bytes())
    }
}

/// A configuration with what somebody else has written into its file.
#[derive(Serialize)]
struct Merged {
    #[serde(flatten)]
    config: ClientConfigFile,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Merged {
    /// Takes over what is to stay of the file that is there.
    fn keep(&mut self, present: BTreeMap<String, Value>) -> Result<(), String> {
        if present.contains_key("contexts") {
            return Err(
                "it has several contexts; move it away, and copy into it what is written anew"
                    .to_owned(),
            );
        }
        let config = &mut self.config;
        let is_same = present.get("system_object").and_then(Value::as_str)
            == Some(config.system_object.to_string().as_str());
        let own = serde_json::to_value(&*config).map_err(|error| error.to_string())?;
        for (key, value) in present {
            let stays = match key.as_str() {
                _ if value.is_null() => false,
                // A path, or a mapping that also chooses an account.
                "wallet_config" => config.wallet_config.is_none(),
                // Users add key servers to the package that is theirs.
                "encryption" => is_same && !config.names_key_servers(),
                "storage_node_scheme" => config.storage_node_scheme.is_none(),
                "rpc_urls" => {
                    let urls: Vec<String> = serde_json::from_value(value.clone())
                        .map_err(|error| format!("rpc_urls: {error}"))?;
                    if is_same && config.rpc_urls.iter().all(|url| urls.contains(url)) {
                        config.rpc_urls = urls;
                    }
                    false
                }
                // Objects of the same deployment that this one does not know were written by
                // somebody who does.
                key if OBJECT_KEYS.contains(&key) => is_same && own.get(key).is_none(),
                key => own.get(key).is_none(),
            };
            if stays {
                if key == "encryption" {
                    config.encryption = None;
                }
                self.rest.insert(key, value);
            }
        }
        Ok(())
    }
}

/// Keys that name objects of one deployment, and are absent in some.
const OBJECT_KEYS: [&str; 6] = [
    "upgrade_manager_object",
    "slashing_manager_object",
    "governance_object",
    "exchange_objects",
    "credits_object",
    "walrus_subsidies_object",
];

/// Parsers of YAML add snippets below their message; people get the message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// A package as package files describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPackage {
    /// Its name.
    pub name: String,
    /// ID of its first version.
    pub original_id: ObjectId,
    /// ID of the version to use.
    pub package: ObjectId,
    /// Number of that version, from 1.
    pub version: u64,
    /// Its upgrade capability, if the deploying account owns it.
    pub upgrade_cap: Option<ObjectId>,
}

/// Writes a `Published.toml` for each package into `directory/<package>/`: copied beside the
/// `Move.toml` of the package, it makes packages that depend on it use this deployment.
pub fn write_published_toml(
    directory: &Path,
    chain_id: &str,
    env: &str,
    packages: &[PublishedPackage],
) -> Result<(), DeployError> {
    for package in packages {
        let path = directory.join(&package.name).join("Published.toml");
        write_file(&path, published_toml(env, chain_id, package).as_bytes())?;
    }
    Ok(())
}

fn published_toml(env: &str, chain_id: &str, package: &PublishedPackage) -> String {
    let PublishedPackage {
        original_id,
        package,
        version,
        upgrade_cap,
        ..
    } = package;
    let mut text = format!(
        "# Generated by walrus-deploy\n# This file records where the package is published\n# It can be checked in\n\n\
         [published.{env}]\nchain-id = \"{chain_id}\"\npublished-at = \"{package}\"\noriginal-id = \"{original_id}\"\n\
         version = {version}\n",
    );
    if let Some(cap) = upgrade_cap {
        // Writing to a string does not fail.
        let _ = writeln!(text, "upgrade-capability = \"{cap}\"");
    }
    text
}

impl Deployer {
    /// All packages that are deployed, as their users have to name them now.
    pub fn published_packages(&self) -> Vec<PublishedPackage> {
        let Some(deployment) = self.deployment() else {
            return Vec::new();
        };
        let first = |name: &str, package, upgrade_cap| PublishedPackage {
            name: name.to_owned(),
            original_id: package,
            package,
            version: 1,
            upgrade_cap,
        };
        let mut packages = vec![
            first("wal", deployment.wal_package, None),
            first("walrus", deployment.walrus_package, None),
        ];
        // Until it is migrated to, an upgrade can be linked but not used.
        if let Some(upgrade) = self
            .upgrades()
            .iter()
            .rev()
            .find(|upgrade| upgrade.migrated)
        {
            packages[1].package = upgrade.package;
            packages[1].version = upgrade.version;
        }
        for extra in Extra::ALL {
            if let Some(record) = self.extra(extra) {
                packages.push(PublishedPackage {
                    name: extra.name().to_owned(),
                    original_id: record.original_id,
                    package: record.package,
                    version: record.version,
                    upgrade_cap: record.upgrade_cap,
                });
            }
        }
        packages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        let id = |byte| ObjectId([byte; 32]);
        Deployment {
            chain_id: "0a0b0c0d".to_owned(),
            wal_package: id(1),
            walrus_package: id(2),
            system_object: id(3),
            staking_object: id(4),
            upgrade_manager: id(5),
            emergency_upgrade_cap: id(6),
            slashing_manager: Some(id(8)),
            treasury_object: id(7),
            n_shards: 10,
            max_epochs_ahead: 53,
        }
    }

    #[test]
    fn client_config_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client_config.yaml");
        let config = ClientConfigFile::new(
            &deployment(),
            Some("w.yaml".into()),
            vec!["http://a".to_owned()],
        );
        config.save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("system_object: "), "{text}");
        assert!(text.contains(&ObjectId([3; 32]).to_string()), "{text}");
        assert_eq!(
            serde_saphyr::from_str::<ClientConfigFile>(&text).unwrap(),
            config
        );
    }

    #[test]
    fn what_users_have_written_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client_config.yaml");
        let new = |urls: &[&str]| {
            let urls = urls.iter().map(|url| (*url).to_owned()).collect();
            ClientConfigFile::new(&deployment(), None, urls)
        };
        let mut first = new(&["http://a"]);
        first.governance_object = Some(ObjectId([9; 32]));
        first.save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("- http://a", "- http://b\n- http://a");
        let own = "wallet_config:\n  path: w.yaml\n  active_env: local\nstorage_node_scheme: http\n\
                   communication_config:\n  max_concurrent_writes: 3\n";
        std::fs::write(&path, format!("{text}{own}")).unwrap();

        new(&["http://a"]).save(&path).unwrap();
        let read = |path: &Path| -> Value {
            serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let merged = read(&path);
        assert_eq!(merged["wallet_config"]["active_env"], "local");
        assert_eq!(merged["storage_node_scheme"], "http");
        assert_eq!(merged["communication_config"]["max_concurrent_writes"], 3);
        assert_eq!(
            merged["rpc_urls"],
            serde_json::json!(["http://b", "http://a"])
        );
        assert_eq!(merged["governance_object"], ObjectId([9; 32]).to_string());

        // Another deployment has other objects and another chain; the rest is still the user's.
        let mut other = deployment();
        other.system_object = ObjectId([7; 32]);
        let config =
            ClientConfigFile::new(&other, Some("x.yaml".into()), vec!["http://c".to_owned()]);
        config.save(&path).unwrap();
        let merged = read(&path);
        assert_eq!(merged["wallet_config"], "x.yaml");
        assert_eq!(merged["rpc_urls"], serde_json::json!(["http://c"]));
        assert!(merged.get("governance_object").is_none(), "{merged}");
        assert_eq!(merged["communication_config"]["max_concurrent_writes"], 3);
    }

    #[test]
    fn what_others_write_at_the_same_time_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client_config.yaml");
        // Each knows one thing that the others do not.
        let facts: [fn(&mut ClientConfigFile); 5] = [
            |config| config.governance_object = Some(ObjectId([1; 32])),
            |config| config.credits_object = Some(ObjectId([2; 32])),
            |config| config.walrus_subsidies_object = Some(ObjectId([3; 32])),
            |config| config.wallet_config = Some("w.yaml".into()),
            |config| config.storage_node_scheme = Some("http".to_owned()),
        ];
        std::thread::scope(|scope| {
            for add in facts {
                let path = &path;
                scope.spawn(move || {
                    let urls = vec!["http://a".to_owned()];
                    let mut config = ClientConfigFile::new(&deployment(), None, urls);
                    add(&mut config);
                    config.save(path).unwrap();
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let merged: Value = serde_saphyr::from_str(&text).unwrap();
        for key in [
            "governance_object",
            "credits_object",
            "walrus_subsidies_object",
            "wallet_config",
            "storage_node_scheme",
        ] {
            assert!(merged[key].is_string(), "{key} is lost in {merged}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_merged_into_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client_config.yaml");
        for text in ["contexts: {a: {}}\n", ": {", "- list\n", "rpc_urls: 5\n"] {
            std::fs::write(&path, text).unwrap();
            let config = ClientConfigFile::new(&deployment(), None, Vec::new());
            let error = config.save(&path).unwrap_err().to_string();
            assert!(error.contains("client_config.yaml"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn package_files_name_package_version_and_chain() {
        let directory = tempfile::tempdir().unwrap();
        let package = PublishedPackage {
            name: "walrus".to_owned(),
            original_id: ObjectId([2; 32]),
            package: ObjectId([9; 32]),
            version: 2,
            upgrade_cap: Some(ObjectId([5; 32])),
        };
        write_published_toml(directory.path(), "0a0b0c0d", "localnet", &[package]).unwrap();
        let text = std::fs::read_to_string(directory.path().join("walrus/Published.toml")).unwrap();
        insta::assert_snapshot!("published_toml", text);
    }

    #[test]
    fn scripts_find_their_lines() {
        let text = deployment().to_string();
        assert!(
            text.starts_with("Walrus contract created:\npackage_id: 0x0202"),
            "{text}"
        );
        assert!(text.contains("\nstaking_object: 0x0404"), "{text}");
    }
}
