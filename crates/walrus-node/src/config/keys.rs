//! Keys named in the configuration: in a file, or in place.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use walrus_core::keys::{KeyFileError, NetworkKeyPair, ProtocolKeyPair};

/// Where a key is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected {path: FILE}, or the text of a key file"
)]
pub enum KeySource {
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
    },
    /// In the configuration itself, as the text of a key file.
    Inline(String),
}

impl fmt::Debug for KeySource {
    /// Does not show secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => f.debug_struct("File").field("path", path).finish(),
            Self::Inline(_) => f.write_str("Inline(..)"),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the {kind} {}: {source}", path.display())]
    Read {
        /// Which key.
        kind: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The text is not such a key.
    #[error("the {kind} {place} cannot be used: {reason}")]
    Invalid {
        /// Which key.
        kind: &'static str,
        /// File, or "in the configuration".
        place: String,
        /// The cause.
        reason: KeyFileError,
    },
}

/// Loads a protocol key.
pub fn load_protocol_key(source: &KeySource) -> Result<ProtocolKeyPair, KeyError> {
    load(source, "protocol key", ProtocolKeyPair::from_key_file)
}

/// Loads a network key, which may also be in PKCS#8 PEM.
pub fn load_network_key(source: &KeySource) -> Result<NetworkKeyPair, KeyError> {
    load(source, "network key", |text| {
        if text.trim_start().starts_with("-----BEGIN") {
            NetworkKeyPair::from_pkcs8_pem(text)
        } else {
            NetworkKeyPair::from_key_file(text)
        }
    })
}

fn load<T>(
    source: &KeySource,
    kind: &'static str,
    parse: impl FnOnce(&str) -> Result<T, KeyFileError>,
) -> Result<T, KeyError> {
    let (text, place) = match source {
        KeySource::File { path } => (read(path, kind)?, path.display().to_string()),
        KeySource::Inline(text) => (text.clone(), "in the configuration".to_owned()),
    };
    parse(&text).map_err(|reason| KeyError::Invalid {
        kind,
        place,
        reason,
    })
}

fn read(path: &Path, kind: &'static str) -> Result<String, KeyError> {
    fs::read_to_string(path).map_err(|source| KeyError::Read {
        kind,
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOCOL: &str = "BBlm7tRefoPuaKoVoxVtnUBBDCfy+BGPREM8B6oSkOEj";
    const NETWORK: &str = "As5tqQFRGrjPSvcZeKfBX98NwDuCUtZyJdzWR2bUn0oY";

    fn inline(text: &str) -> KeySource {
        KeySource::Inline(text.to_owned())
    }

    #[test]
    fn both_kinds_and_both_formats_load() {
        load_protocol_key(&inline(PROTOCOL)).unwrap();
        let key = load_network_key(&inline(NETWORK)).unwrap();
        let pem = load_network_key(&inline(&key.to_pkcs8_pem())).unwrap();
        assert_eq!(pem.public(), key.public());

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("protocol.key");
        fs::write(&path, format!("{PROTOCOL}\n")).unwrap();
        load_protocol_key(&KeySource::File { path }).unwrap();
    }

    #[test]
    fn errors_name_the_file_and_no_secret() {
        let missing = KeySource::File {
            path: "/nonexistent/key".into(),
        };
        let error = load_protocol_key(&missing).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/key"), "{error}");
        for wrong in [NETWORK, "", "AAAA", "my secret"] {
            let error = load_protocol_key(&inline(wrong)).unwrap_err().to_string();
            assert!(
                !error.contains('\n') && (wrong.is_empty() || !error.contains(wrong)),
                "{error}"
            );
        }
        assert!(!format!("{:?}", inline(PROTOCOL)).contains(PROTOCOL));
    }
}
