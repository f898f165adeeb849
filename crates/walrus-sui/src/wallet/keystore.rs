//! The keystore file: a JSON array of base64 strings, each a scheme flag and a 32-byte secret.

use std::path::{Path, PathBuf};

use walrus_core::SuiAddress;

use super::{WalletError, read, save};
use crate::signer::Signer;

/// The keys of a wallet, in the order of the file.
#[derive(Debug, Clone)]
pub struct Keystore {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// One entry of the file.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a keystore has few entries")]
enum Entry {
    Key(Signer),
    /// A key of a kind this program does not know, or a damaged one: of no use here, and kept as it
    /// is.
    Unusable {
        entry: serde_json::Value,
        reason: String,
    },
}

impl std::fmt::Debug for Entry {
    /// Entries that cannot be used may be secrets all the same.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(signer) => signer.fmt(f),
            Self::Unusable { reason, .. } => write!(f, "Unusable({reason})"),
        }
    }
}

impl Keystore {
    /// A keystore without keys; nothing is written before [`Keystore::save`].
    pub fn empty(path: PathBuf) -> Self {
        Self {
            path,
            entries: Vec::new(),
        }
    }

    /// Reads a keystore file. An entry that is no key this program knows is unusable alone.
    pub fn load(path: PathBuf) -> Result<Self, WalletError> {
        let text = read(&path)?;
        let entries: Vec<serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| WalletError::Invalid {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let entries = entries.into_iter().map(Entry::read).collect();
        Ok(Self { path, entries })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a key unless it is there already.
    pub fn add(&mut self, signer: &Signer) {
        if self.signer(signer.address()).is_none() {
            self.entries.push(Entry::Key(signer.clone()));
        }
    }

    /// The key of `address`.
    pub fn signer(&self, address: SuiAddress) -> Option<&Signer> {
        self.signers().find(|signer| signer.address() == address)
    }

    /// All addresses.
    pub fn addresses(&self) -> Vec<SuiAddress> {
        self.signers().map(Signer::address).collect()
    }

    /// What is wrong with the entries that cannot be used, by their position.
    pub fn unusable(&self) -> Vec<String> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter_map(|(index, entry)| match entry {
                Entry::Unusable { reason, .. } => Some(format!("entry {index}: {reason}")),
                Entry::Key(_) => None,
            })
            .collect()
    }

    /// Writes the file, readable by its owner only. Entries that cannot be used stay in it.
    pub fn save(&self) -> Result<(), WalletError> {
        let entries: Vec<_> = self.entries.iter().map(Entry::to_json).collect();
        let text = serde_json::to_string_pretty(&entries).expect("a list of values is valid JSON");
        save(&self.path, &text)
    }

    fn signers(&self) -> impl Iterator<Item = &Signer> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Key(signer) => Some(signer),
            Entry::Unusable { .. } => None,
        })
    }
}

impl Entry {
    fn read(entry: serde_json::Value) -> Self {
        let parsed = match entry.as_str() {
            Some(text) => Signer::from_base64(text).map_err(|error| error.to_string()),
            None => Err("it is not a text".to_owned()),
        };
        match parsed {
            Ok(signer) => Self::Key(signer),
            Err(reason) => Self::Unusable { entry, reason },
        }
    }

    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Key(signer) => signer.to_base64().into(),
            Self::Unusable { entry, .. } => entry.clone(),
        }
    }
}
