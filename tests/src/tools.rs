//! Programs of others that the tests drive: a browser, a cache, S3 clients. `./scripts/test-tools`
//! installs them.

use std::{
    env,
    path::{Path, PathBuf},
};

/// A program of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Debian's browser.
    Chromium,
    /// The web server, used as a cache.
    Nginx,
    /// A synchronizer of folders with S3.
    Rclone,
    /// The HTTP client.
    Curl,
    /// The command of AWS.
    Aws,
    /// The Python in which `boto3` can be imported.
    Boto3,
}

impl Tool {
    /// The name that `WALRUS_WITHOUT_TOOLS` has.
    const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Nginx => "nginx",
            Self::Rclone => "rclone",
            Self::Curl => "curl",
            Self::Aws => "aws",
            Self::Boto3 => "boto3",
        }
    }

    /// Where the program is; `None` only where `WALRUS_WITHOUT_TOOLS` says that the tests have to
    /// do without it.
    ///
    /// # Panics
    ///
    /// When it is not installed and nobody said so.
    pub fn path(self) -> Option<PathBuf> {
        let without = env::var("WALRUS_WITHOUT_TOOLS").unwrap_or_default();
        if without.split_whitespace().any(|name| name == self.name()) {
            eprintln!("SKIPPED: {} is not installed", self.name());
            return None;
        }
        let found = match self {
            Self::Aws => in_python_folder("aws"),
            Self::Boto3 => in_python_folder("python3"),
            Self::Chromium | Self::Nginx | Self::Rclone | Self::Curl => self.in_path(),
        };
        assert!(
            found.is_some(),
            "{} is not installed: run ./scripts/test-tools, or name it in WALRUS_WITHOUT_TOOLS",
            self.name()
        );
        found
    }

    fn in_path(self) -> Option<PathBuf> {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders)
            // Debian keeps servers where only root looks.
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(self.name()))
            .find(|path| path.is_file())
    }
}

/// Where the programs of the Python packages are: beside the profile's folder in the target folder.
pub(crate) fn python_folder() -> Option<PathBuf> {
    let binary = crate::binary("walrus");
    let target = binary.parent().and_then(Path::parent)?;
    Some(target.join("test-tools/bin"))
}

fn in_python_folder(name: &str) -> Option<PathBuf> {
    let path = python_folder()?.join(name);
    path.is_file().then_some(path)
}
