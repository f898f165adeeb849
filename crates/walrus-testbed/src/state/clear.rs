//! Removing a network from its folder: everything that this program made, and nothing else.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{KeyServerRole, NETWORK_FILE, NETWORK_LOCK, StateDir, StateError, UP_LOCK, temporary};
use crate::service_kind::ServiceKind;

/// Files at the top of the folder.
const FILES: [&str; 9] = [
    "deployment.json",
    "ca.pem",
    "ca.tmp",
    "faults.json",
    "faults.tmp",
    "client_config.yaml",
    "sui_client.yaml",
    "sui_client.keystore",
    "sui_client.aliases",
];
/// Files in the folder of a node.
const NODE_FILES: [&str; 6] = [
    "walrus-node.yaml",
    "certificate.pem",
    "protocol.key",
    "network.key",
    "sui_client.yaml",
    "sui_client.keystore",
];
/// Files in the folder of a key server.
const KEY_SERVER_FILES: [&str; 3] = ["walrus-key-server.yaml", "master.key", "share-0.key"];
/// What folders of key servers are called.
const KEY_SERVER_PREFIXES: [&str; 3] = [
    KeyServerRole::Independent.prefix(),
    KeyServerRole::Member.prefix(),
    KeyServerRole::Aggregator.prefix(),
];
/// Files in the folder of a service.
const SERVICE_FILES: [&str; 4] = [
    "relay.yaml",
    "s3.keys",
    "sui_client.yaml",
    "sui_client.keystore",
];
/// What `walrus-admin` writes beside the wallet begins like this: records of transactions that were
/// cut off.
const RECORD_PREFIX: &str = "walrus-admin-";
const RECORD_SUFFIXES: [&str; 3] = [".json", ".lock", ".tmp"];

/// Something this program made.
enum Made {
    /// A file.
    File(PathBuf),
    /// A database: a folder whose every entry belongs to it.
    Database(PathBuf),
    /// A folder that is removed unless somebody has put something into it.
    Folder(PathBuf),
}

impl Made {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Database(path) | Self::Folder(path) => path,
        }
    }

    fn remove(&self) -> io::Result<()> {
        let removed = match self {
            Self::File(path) => fs::remove_file(path),
            Self::Database(path) => fs::remove_dir_all(path),
            Self::Folder(path) => fs::remove_dir(path),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error)
                if error.kind() == io::ErrorKind::DirectoryNotEmpty
                    && matches!(self, Self::Folder(_)) =>
            {
                Ok(())
            }
            removed => removed,
        }
    }
}

impl StateDir {
    /// Removes everything that was made here except `network.json`, which goes on claiming the
    /// folder, and the lock, which the caller holds. Returns what was not made by this program and
    /// is left.
    ///
    /// Nothing is removed if a link stands where something was made: what it points to is
    /// somebody's.
    pub(crate) fn clear(&self) -> Result<Vec<PathBuf>, StateError> {
        let made = self.made()?;
        for item in &made {
            let path = item.path();
            if path.is_symlink() {
                return Err(StateError::Unusable {
                    path: path.to_owned(),
                    reason:
                        "it is a link, which this program did not make; remove it to start over"
                            .to_owned(),
                });
            }
        }
        for item in &made {
            item.remove().map_err(|source| StateError::Io {
                path: item.path().to_owned(),
                source,
            })?;
        }
        let kept = [NETWORK_FILE, UP_LOCK, NETWORK_LOCK];
        let mut left = entries(&self.root)?;
        left.retain(|path| !kept.iter().any(|name| path.ends_with(name)));
        Ok(left)
    }

    /// What this program makes, contents before the folders that hold them.
    fn made(&self) -> Result<Vec<Made>, StateError> {
        let mut made = vec![Made::Database(self.chain_dir())];
        let nodes = self.root.join("nodes");
        let logs = self.root.join("logs");
        let mut log_names = vec!["chain.log".to_owned(), "faults.log".to_owned()];
        for folder in entries(&nodes)? {
            let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if !is_numbered(name, "node-") {
                continue;
            }
            log_names.push(format!("{name}.log"));
            if folder.is_dir() && !folder.is_symlink() {
                made.push(Made::Database(folder.join("storage")));
                made.extend(files(&folder, &NODE_FILES)?);
            }
            made.push(Made::Folder(folder));
        }
        made.push(Made::Folder(nodes));
        let key_servers = self.root.join("key-servers");
        for folder in entries(&key_servers)? {
            let name = folder.file_name().and_then(|name| name.to_str());
            let is_made = |name: &&str| KEY_SERVER_PREFIXES.iter().any(|it| is_numbered(name, it));
            let Some(name) = name.filter(is_made) else {
                continue;
            };
            log_names.push(format!("{name}.log"));
            if folder.is_dir() && !folder.is_symlink() {
                made.extend(files(&folder, &KEY_SERVER_FILES)?);
            }
            made.push(Made::Folder(folder));
        }
        made.push(Made::Folder(key_servers));
        for kind in ServiceKind::ALL {
            let folder = self.service_dir(kind);
            log_names.push(format!("{kind}.log"));
            if folder.is_dir() && !folder.is_symlink() {
                made.push(Made::Database(folder.join("data")));
                made.extend(files(&folder, &SERVICE_FILES)?);
            }
            made.push(Made::Folder(folder));
        }
        made.push(Made::Folder(self.root.join("services")));
        made.extend(log_names.iter().map(|name| Made::File(logs.join(name))));
        made.push(Made::Folder(logs));
        made.extend(files(&self.root, &FILES)?);
        made.push(Made::File(self.root.join(temporary(NETWORK_FILE))));
        Ok(made)
    }
}

/// Files of `folder` with these names, also half written, and records of transactions.
fn files(folder: &Path, names: &[&str]) -> Result<Vec<Made>, StateError> {
    let is_made = |path: &Path| {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let is_record = name.starts_with(RECORD_PREFIX)
            && RECORD_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        is_record
            || names.iter().any(|made| {
                name == *made
                    || name == temporary(made)
                    || name == format!("{made}.lock")
                    || name == format!(".{made}.lock")
                    || Path::new(name) == Path::new(made).with_extension("tmp")
            })
    };
    let mut found = entries(folder)?;
    found.retain(|path| is_made(path));
    Ok(found.into_iter().map(Made::File).collect())
}

/// A name of ours, such as `node-0`.
fn is_numbered(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Entries of a folder in the order of their names; none if there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StateError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.sort();
        Ok(paths)
    };
    match read() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        read => read.map_err(|source| StateError::Io {
            path: folder.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with everything a network makes.
    fn made_network(root: &Path) -> StateDir {
        for folder in [
            "chain/db",
            "logs",
            "nodes/node-0/storage/slivers",
            "nodes/node-1",
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let top = FILES.iter().map(|name| (*name).to_owned());
        let node = NODE_FILES.iter().map(|name| format!("nodes/node-0/{name}"));
        let others = [
            "network.json",
            "network.json.tmp",
            "up.lock",
            "network.lock",
            "client_config.yaml.tmp",
            "walrus-admin-0a0b0c0d-0x1.json",
            "logs/chain.log",
            "logs/node-0.log",
            "chain/db/1",
            "nodes/node-0/storage/slivers/1",
            "nodes/node-0/walrus-node.tmp",
        ];
        for name in top.chain(node).chain(others.map(str::to_owned)) {
            fs::write(root.join(name), "x").unwrap();
        }
        StateDir::new(root)
    }

    #[test]
    fn what_was_made_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = made_network(folder.path()).clear().unwrap();
        assert!(left.is_empty(), "{left:?}");
        let names: Vec<_> = entries(folder.path()).unwrap();
        let kept = ["network.json", "network.lock", "up.lock"];
        assert_eq!(names, kept.map(|name| folder.path().join(name)));
    }

    #[test]
    fn what_was_not_made_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let state_dir = made_network(root);
        fs::create_dir_all(root.join("src/nodes")).unwrap();
        let foreign = [
            "README",
            "src/nodes/main.rs",
            "logs/my.log",
            "nodes/notes.txt",
            "nodes/node-1/backup.key",
            "nodes/node-0/sui_client.yaml.orig",
        ];
        for name in foreign {
            fs::write(root.join(name), "precious").unwrap();
        }
        let left = state_dir.clear().unwrap();
        assert_eq!(
            left,
            ["README", "logs", "nodes", "src"].map(|name| root.join(name))
        );
        for name in foreign {
            assert_eq!(fs::read(root.join(name)).unwrap(), b"precious", "{name}");
        }
        assert!(!root.join("nodes/node-0/protocol.key").exists());
    }

    #[test]
    fn links_lead_out_of_the_folder() {
        for link in [
            "chain",
            "nodes",
            "nodes/node-0",
            "nodes/node-0/storage",
            "logs",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("state");
            let elsewhere = folder.path().join("elsewhere");
            let state_dir = made_network(&root);
            fs::rename(root.join(link), &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, root.join(link)).unwrap();
            let error = state_dir.clear().unwrap_err().to_string();
            assert!(error.contains("it is a link"), "{error}");
            assert!(fs::read_dir(&elsewhere).unwrap().next().is_some(), "{link}");
            assert!(root.join("deployment.json").exists(), "nothing is removed");
        }
    }
}
