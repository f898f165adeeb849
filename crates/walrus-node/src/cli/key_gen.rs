//! `walrus-node key-gen`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::keys::{NetworkKeyPair, ProtocolKeyPair};

use super::{Failure, files::write_private};

#[derive(Debug, Args)]
pub(super) struct KeyGen {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What the key is for
    #[arg(long, value_enum)]
    key_type: KeyType,
    /// How the key is written; PKCS#8 is for network keys
    #[arg(long, value_enum, default_value_t = Format::Tagged)]
    format: Format,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeyType {
    /// Signs storage confirmations (BLS12-381)
    Protocol,
    /// Identifies the node to TLS clients (P-256)
    Network,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Base64 of a flag byte and the secret key
    Tagged,
    /// PKCS#8 PEM
    Pkcs8,
}

impl KeyGen {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let (text, public) = match (self.key_type, self.format) {
            (KeyType::Protocol, Format::Tagged) => {
                let key = ProtocolKeyPair::generate(&mut StdRng::from_entropy());
                (key.to_key_file(), key.public().to_string())
            }
            (KeyType::Protocol, Format::Pkcs8) => {
                return Err(Failure::new("protocol keys have no PKCS#8 form", 2));
            }
            (KeyType::Network, format) => {
                let key = NetworkKeyPair::generate(&mut StdRng::from_entropy());
                let text = match format {
                    Format::Tagged => key.to_key_file(),
                    Format::Pkcs8 => key.to_pkcs8_pem(),
                };
                (text, key.public().to_string())
            }
        };
        write_private(&self.out, &format!("{}\n", text.trim_end()), self.force)?;
        println!("{public}");
        Ok(())
    }
}
