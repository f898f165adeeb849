//! Networks of `walrus-localnet`, which are found like the repository of a version control system:
//! in the current folder or above it.

use std::path::{Path, PathBuf};

/// Name of the folder that a local network lives in.
pub const LOCAL_NETWORK_DIR: &str = ".walrus-localnet";
/// Environment variable that names another folder.
pub const LOCAL_NETWORK_ENV: &str = "WALRUS_LOCALNET_DIR";

/// The nearest folder `.walrus-localnet` at or above `start` that holds a file `name`.
///
/// Only folders of the user who runs this count: whoever can write to a folder above could
/// otherwise choose chain and wallet for everybody below.
pub fn local_network(start: &Path, name: &str) -> Option<PathBuf> {
    let folders = start
        .ancestors()
        .map(|folder| folder.join(LOCAL_NETWORK_DIR));
    folders
        .into_iter()
        .find(|folder| is_own(folder) && folder.join(name).is_file())
}

#[cfg(unix)]
fn is_own(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let user = nix::unistd::geteuid().as_raw();
    folder
        .metadata()
        .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user)
}

#[cfg(not(unix))]
fn is_own(folder: &Path) -> bool {
    folder.is_dir()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_network_is_found_from_below() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let deep = root.join("project/src/deep");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(local_network(&deep, "file"), None);
        for place in [
            root.to_owned(),
            root.join("project"),
            root.join("project/src"),
        ] {
            fs::create_dir(place.join(LOCAL_NETWORK_DIR)).unwrap();
        }
        let network = |place: &Path| place.join(LOCAL_NETWORK_DIR);
        fs::write(network(root).join("file"), "").unwrap();
        fs::write(network(&root.join("project")).join("file"), "").unwrap();
        // What has no such file is no network.
        assert_eq!(
            local_network(&deep, "file"),
            Some(network(&root.join("project")))
        );
        assert_eq!(local_network(root, "file"), Some(network(root)));
    }
}
