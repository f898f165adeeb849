//! The alias file that the Sui CLI keeps beside a keystore: names of accounts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{WalletError, save};
use crate::signer::Signer;

/// Names of the keys of one keystore.
#[derive(Debug, Clone)]
pub(super) struct Aliases {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    alias: String,
    public_key_base64: String,
}

impl Aliases {
    /// The names of the keys in `keystore`; none if there is no file of them.
    pub(super) fn of(keystore: &Path) -> Result<Self, WalletError> {
        let path = keystore.with_extension("aliases");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "[]".to_owned(),
            Err(cause) => return Err(WalletError::Read { path, cause }),
        };
        let entries = serde_json::from_str(&text).map_err(|error| WalletError::Invalid {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self { path, entries })
    }

    /// The name of a key.
    pub(super) fn name_of(&self, signer: &Signer) -> Option<&str> {
        let key = signer.public_key_base64();
        let found = self
            .entries
            .iter()
            .find(|entry| entry.public_key_base64 == key);
        found.map(|entry| entry.alias.as_str())
    }

    /// Names a key, which loses the name it had, and writes the file.
    pub(super) fn name(&mut self, signer: &Signer, alias: &str) -> Result<(), WalletError> {
        let key = signer.public_key_base64();
        self.entries
            .retain(|entry| entry.public_key_base64 != key && entry.alias != alias);
        self.entries.push(Entry {
            alias: alias.to_owned(),
            public_key_base64: key,
        });
        let text = serde_json::to_string_pretty(&self.entries)
            .expect("a list of pairs of strings is valid JSON");
        save(&self.path, &text)
    }
}
