//! `storage.bucket`: where slivers go that are too many for the disk.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{ConfigError, check::check_url};

/// Bytes of slivers kept in files although the bucket has them, unless configured.
const DEFAULT_CACHE_BYTES: u64 = 10 << 30;

/// Bytes of slivers that may wait to be uploaded, unless configured.
const DEFAULT_WRITE_AHEAD_BYTES: u64 = 10 << 30;

/// Bytes of a key at most.
const SECRET_BYTES_MAX: u64 = 4_096;

/// `storage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageConfig {
    /// A bucket for slivers; without it all of them are in `storage_path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketConfig>,
}

/// `storage.bucket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketConfig {
    /// URL of the object store; that of the region at AWS if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region, which signatures name.
    #[serde(default = "default_region")]
    pub region: String,
    /// The bucket.
    pub name: String,
    /// What the names of all objects begin with. Every node needs another one.
    #[serde(default)]
    pub prefix: String,
    /// Whether the name of the bucket is a part of the host instead of the path.
    #[serde(default)]
    pub virtual_hosted_style: bool,
    /// Which key the requests are signed with.
    pub access_key_id: SecretSource,
    /// The key.
    pub secret_access_key: SecretSource,
    /// Bytes of slivers kept in files although the bucket has them.
    #[serde(default = "default_cache_bytes")]
    pub cache_bytes: u64,
    /// Bytes of slivers that may wait to be uploaded.
    #[serde(default = "default_write_ahead_bytes")]
    pub write_ahead_bytes: u64,
}

/// Where a text is that the configuration does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected {path: FILE} or {env: VARIABLE}"
)]
pub enum SecretSource {
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
    },
    /// In an environment variable.
    Environment {
        /// Its name.
        env: String,
    },
}

impl SecretSource {
    fn load(&self, key: &str) -> Result<String, ConfigError> {
        let fail = |reason: String| Err(ConfigError::Value(format!("{key}: {reason}")));
        let text = match self {
            Self::File { path } => match read(path) {
                Ok(text) => text,
                Err(error) => return fail(format!("cannot read {}: {error}", path.display())),
            },
            Self::Environment { env: name } => match env::var(name) {
                Ok(text) => text,
                Err(_) => {
                    return fail(format!(
                        "the environment variable {name} is not set, or no text"
                    ));
                }
            },
        };
        let text = text.trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            return fail("is empty, or has more than one line".to_owned());
        }
        Ok(text.to_owned())
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    if fs::metadata(path)?.len() > SECRET_BYTES_MAX {
        return Err(std::io::Error::other(format!(
            "it has more than {SECRET_BYTES_MAX} bytes"
        )));
    }
    fs::read_to_string(path)
}

impl BucketConfig {
    /// Which key, and the key.
    pub fn keys(&self) -> Result<(String, String), ConfigError> {
        Ok((
            self.access_key_id.load("storage.bucket.access_key_id")?,
            self.secret_access_key
                .load("storage.bucket.secret_access_key")?,
        ))
    }
}

impl StorageConfig {
    /// Paths in this section.
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let keys = self
            .bucket
            .as_mut()
            .map(|bucket| [&mut bucket.access_key_id, &mut bucket.secret_access_key]);
        keys.into_iter()
            .flatten()
            .filter_map(|source| match source {
                SecretSource::File { path } => Some(path),
                SecretSource::Environment { .. } => None,
            })
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        let fail = |text: &str| Err(ConfigError::Value(text.to_owned()));
        if bucket.name.is_empty() || bucket.name.contains('/') {
            return fail("storage.bucket.name is not the name of a bucket");
        }
        let is_part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let prefix = bucket.prefix.trim_matches('/');
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return fail(
                "storage.bucket.prefix may have letters, digits, '-', '_', '.', and '/' between them",
            );
        }
        if bucket.write_ahead_bytes == 0 {
            return fail("storage.bucket.write_ahead_bytes must be positive");
        }
        match &bucket.endpoint {
            Some(url) => check_url("storage.bucket.endpoint", url),
            None => Ok(()),
        }
    }
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

fn default_cache_bytes() -> u64 {
    DEFAULT_CACHE_BYTES
}

fn default_write_ahead_bytes() -> u64 {
    DEFAULT_WRITE_AHEAD_BYTES
}
