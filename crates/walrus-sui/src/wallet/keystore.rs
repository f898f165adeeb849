//! The keystore file: a JSON array of base64 strings, each a scheme flag and a 32-byte secret.

use std::path::PathBuf;

use walrus_core::SuiAddress;

use super::{WalletError, save};
use crate::signer::Signer;

/// The keys of a wallet, in the order of the file.
#[derive(Debug, Clone)]
pub struct Keystore {
    path: PathBuf,
    signers: Vec<Signer>,
}

impl Keystore {
    /// A keystore without keys; nothing is written before [`Keystore::save`].
    pub fn empty(path: PathBuf) -> Self {
        Self {
            path,
            signers: Vec::new(),
        }
    }

    /// Reads a keystore file.
    pub fn load(path: PathBuf) -> Result<Self, WalletError> {
        let text = std::fs::read_to_string(&path).map_err(|cause| WalletError::Read {
            path: path.clone(),
            cause,
        })?;
        let entries: Vec<String> =
            serde_json::from_str(&text).map_err(|error| WalletError::Invalid {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let signers = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                Signer::from_base64(entry).map_err(|error| WalletError::Invalid {
                    path: path.clone(),
                    reason: format!("entry {index}: {error}"),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { path, signers })
    }

    /// Adds a key unless it is there already.
    pub fn add(&mut self, signer: &Signer) {
        if self.signer(signer.address()).is_none() {
            self.signers.push(signer.clone());
        }
    }

    /// The key of `address`.
    pub fn signer(&self, address: SuiAddress) -> Option<&Signer> {
        self.signers
            .iter()
            .find(|signer| signer.address() == address)
    }

    /// All addresses.
    pub fn addresses(&self) -> Vec<SuiAddress> {
        self.signers.iter().map(Signer::address).collect()
    }

    /// Writes the file, readable by its owner only.
    pub fn save(&self) -> Result<(), WalletError> {
        let entries: Vec<_> = self.signers.iter().map(Signer::to_base64).collect();
        let text = serde_json::to_string_pretty(&entries).expect("a list of strings is valid JSON");
        save(&self.path, &text)
    }
}
