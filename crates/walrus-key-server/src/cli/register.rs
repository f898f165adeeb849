//! `walrus-key-server register`

use std::path::PathBuf;

use clap::Args;
use walrus_seal::{MasterKey, PublicKey};
use walrus_sui::{Executor, contract::key_server_registration};
use zeroize::Zeroizing;

use super::{Failure, payer::Payer};

/// A key in a file is shorter than this.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

#[derive(Debug, Args)]
pub(super) struct Register {
    /// What the server calls itself
    #[arg(long)]
    name: String,
    /// Where clients reach it
    #[arg(long)]
    url: String,
    /// Its public key, as `keygen` prints it
    #[arg(long, value_name = "HEX", required_unless_present = "key_file")]
    public_key: Option<PublicKey>,
    /// A file with its master key, instead of the public key
    #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
    key_file: Option<PathBuf>,
    /// Where it is registered.
    #[command(flatten)]
    payer: Payer,
}

impl Register {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let public_key = self.public_key()?;
        let (rpc, signer) = self.payer.open()?;
        let program = key_server_registration(
            self.payer.seal_package,
            &self.name,
            &self.url,
            &public_key.to_bytes(),
        );
        let executed = Executor::new(rpc, signer)
            .run(&program)
            .await
            .map_err(Failure::running)?;
        let server = executed
            .only_created("key_server", "KeyServer")
            .map_err(Failure::running)?;
        if self.payer.json {
            let answer = serde_json::json!({
                "key_server_object_id": server.to_string(),
                "digest": executed.digest.to_string(),
            });
            println!("{answer}");
        } else {
            println!("{server}");
        }
        Ok(())
    }

    fn public_key(&self) -> Result<PublicKey, Failure> {
        match (&self.public_key, &self.key_file) {
            (Some(key), _) => Ok(*key),
            (None, Some(path)) => {
                let text = walrus_files::input::read_text(path, KEY_FILE_BYTES_MAX)
                    .map(Zeroizing::new)
                    .map_err(Failure::input)?;
                let key = MasterKey::from_hex(&text).map_err(|error| {
                    Failure::input(format!("{} holds no key: {error}", path.display()))
                })?;
                Ok(key.public())
            }
            (None, None) => Err(Failure::input("give --public-key or --key-file")),
        }
    }
}
