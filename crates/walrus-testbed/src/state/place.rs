//! Which folder a state directory is: nothing is made in a folder that is somebody else's.

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;
use walrus_client::config::{LOCAL_NETWORK_DIR, local_network};
use walrus_core::text::printable;
use walrus_files::path::expand_home;

use super::{NETWORK_FILE, NETWORK_LOCK, StateDir, StateError, UP_LOCK, temporary};

/// How many entries of a foreign folder an error names.
const ENTRIES_NAMED: usize = 3;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing, or what a start leaves that ended before it had made anything.
    Nothing,
    /// A network, of this or another version of this program.
    Network,
    /// Something else: names of some entries and how many there are.
    Foreign(Vec<String>, usize),
}

/// The part of `network.json` that tells a network of this program from other files of that name,
/// whatever its version.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "format")]
    _format: u32,
    #[serde(rename = "options")]
    _options: serde_json::Map<String, serde_json::Value>,
    chain: Ported,
    nodes: Vec<Ported>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ported {
    Chain { rpc_port: u16 },
    Node { port: u16 },
}

impl Shape {
    fn is_of_network(&self) -> bool {
        let is_node = |node: &Ported| matches!(node, Ported::Node { port } if *port > 0);
        matches!(self.chain, Ported::Chain { rpc_port } if rpc_port > 0)
            && self.nodes.iter().all(is_node)
    }
}

impl StateDir {
    /// The folder at `path`. A leading `~/` is the home folder; links and `..` are resolved.
    /// Nothing is made.
    pub fn at(path: &Path) -> Result<Self, StateError> {
        let unusable = |reason: &str| StateError::Unusable {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let path = expand_home(path).map_err(|error| unusable(&error.to_string()))?;
        let path = std::path::absolute(&path).map_err(|source| StateError::Io {
            path: path.clone(),
            source,
        })?;
        let (existing, missing) = split_existing(&path)?;
        // `missing/..` means something only once it exists.
        if missing
            .iter()
            .any(|part| part.as_os_str() == Component::ParentDir.as_os_str())
        {
            return Err(unusable("a folder before `..` does not exist"));
        }
        let root = match existing.canonicalize() {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(unusable("it is a link to nothing"));
            }
            Err(source) => {
                return Err(StateError::Io {
                    path: existing,
                    source,
                });
            }
        };
        if !root.is_dir() {
            return Err(StateError::Unusable {
                path: root,
                reason: "it is a file, not a folder".to_owned(),
            });
        }
        Ok(Self::new(
            missing.iter().fold(root, |root, part| root.join(part)),
        ))
    }

    /// The folder that is meant when none is named: `.walrus-localnet` in the current folder, or
    /// the nearest above it that holds a network of this user.
    pub fn nearest() -> Result<Self, StateError> {
        let current = env::current_dir().map_err(|source| StateError::Io {
            path: PathBuf::from("."),
            source,
        })?;
        let here = current.join(LOCAL_NETWORK_DIR);
        if here.symlink_metadata().is_ok() {
            return Self::at(&here);
        }
        Self::at(&local_network(&current, NETWORK_FILE).unwrap_or(here))
    }

    /// Fails unless a network can be made here: in a folder that is absent, empty, or holds one
    /// already.
    pub fn check_claim(&self) -> Result<(), StateError> {
        let refuse = |reason: String| StateError::Unusable {
            path: self.root.clone(),
            reason,
        };
        match self.contents()? {
            Contents::Network => return Ok(()),
            Contents::Foreign(names, count) => {
                let more = match count - names.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                return Err(refuse(format!(
                    "it holds other files ({}{more}), and a network is made only in a folder of its own",
                    names.join(", ")
                )));
            }
            Contents::Nothing => {}
        }
        let home = env::var_os("HOME").map(PathBuf::from);
        let home = home.and_then(|home| home.canonicalize().ok());
        if self.root.parent().is_none() || Some(&self.root) == home.as_ref() {
            return Err(refuse(
                "it is no folder of its own; name one inside it".to_owned(),
            ));
        }
        Ok(())
    }

    pub(super) fn contents(&self) -> Result<Contents, StateError> {
        let unreadable = |source| StateError::Io {
            path: self.root.clone(),
            source,
        };
        let mut names = BTreeSet::new();
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::Nothing),
            Err(error) => return Err(unreadable(error)),
        };
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            names.insert(name.to_string_lossy().into_owned());
        }
        let is_network = fs::read(self.file()).is_ok_and(|text| is_network(&text));
        if is_network {
            return Ok(Contents::Network);
        }
        let own = [
            UP_LOCK.to_owned(),
            NETWORK_LOCK.to_owned(),
            temporary(NETWORK_FILE),
        ];
        names.retain(|name| !own.contains(name));
        if names.is_empty() {
            return Ok(Contents::Nothing);
        }
        let count = names.len();
        let shown = names.iter().take(ENTRIES_NAMED);
        Ok(Contents::Foreign(
            shown.map(|name| printable(name).into_owned()).collect(),
            count,
        ))
    }
}

fn is_network(text: &[u8]) -> bool {
    serde_json::from_slice::<Shape>(text).is_ok_and(|shape| shape.is_of_network())
}

/// The longest part of an absolute path that exists, and the names after it.
fn split_existing(path: &Path) -> Result<(PathBuf, Vec<PathBuf>), StateError> {
    let components: Vec<Component<'_>> = path.components().collect();
    for length in (1..=components.len()).rev() {
        let existing: PathBuf = components[..length].iter().collect();
        match existing.symlink_metadata() {
            Ok(_) => {
                let missing = components[length..].iter().map(PathBuf::from);
                return Ok((existing, missing.collect()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(StateError::Unusable {
                    path: path.to_owned(),
                    reason: "a part of the path is a file, not a folder".to_owned(),
                });
            }
            Err(source) => {
                return Err(StateError::Io {
                    path: existing,
                    source,
                });
            }
        }
    }
    Ok((PathBuf::from("/"), Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        let place = StateDir::at(path).and_then(|place| place.check_claim());
        place.expect_err("refused").to_string()
    }

    #[test]
    fn a_network_gets_a_folder_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let at = |name: &str| StateDir::at(&folder.join(name)).unwrap();
        fs::create_dir(folder.join("empty")).unwrap();
        fs::create_dir(folder.join("cut-off")).unwrap();
        fs::write(folder.join("cut-off/up.lock"), "").unwrap();
        fs::write(folder.join("cut-off/network.json.tmp"), "{").unwrap();
        std::os::unix::fs::symlink("empty", folder.join("link")).unwrap();
        for name in [
            "absent/below",
            "empty",
            "cut-off",
            "link",
            "empty/../absent",
        ] {
            at(name).check_claim().unwrap();
        }
        assert_eq!(at("link").root(), at("empty").root());
        assert!(!folder.join("absent").exists(), "nothing is made");
    }

    #[test]
    fn other_peoples_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for name in ["project", "json", "version"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        fs::write(folder.join("project/README"), "x").unwrap();
        // Other programs have files of this name, too.
        fs::write(
            folder.join("json/network.json"),
            r#"{"format": 1, "options": {}, "chain": {"id": 4}, "nodes": []}"#,
        )
        .unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("dangling")).unwrap();
        std::os::unix::fs::symlink("project", folder.join("link")).unwrap();
        for (name, part) in [
            ("project", "holds other files (README)"),
            ("link", "holds other files (README)"),
            ("json", "holds other files (network.json)"),
            (
                "version/..",
                "holds other files (dangling, json, link and 2 more)",
            ),
            ("project/README", "is a file"),
            ("project/README/below", "a file, not a folder"),
            ("dangling", "link to nothing"),
            ("missing/../project", "does not exist"),
            ("/", ""),
        ] {
            let text = refusal(&folder.join(name));
            assert!(text.contains(part), "{name}: {text}");
        }
    }

    #[test]
    fn networks_of_other_versions_are_known() {
        assert!(is_network(
            br#"{"format": 2, "options": {"new": 1}, "chain": {"rpc_port": 9000, "new": 1}, "nodes": [{"port": 7}]}"#
        ));
        for text in ["", "{", "[]", r#"{"format": 1}"#] {
            assert!(!is_network(text.as_bytes()), "{text}");
        }
    }
}
