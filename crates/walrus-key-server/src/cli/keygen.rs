//! `walrus-key-server keygen`

use std::path::PathBuf;

use clap::Args;
use rand::{RngCore as _, SeedableRng as _, rngs::StdRng};
use walrus_files::durable::{Readers, write};
use walrus_seal::MasterKey;
use zeroize::Zeroizing;

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Keygen {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Make a seed for a permissioned server, from which the keys of its clients are derived
    #[arg(long)]
    seed: bool,
    /// How many public keys of a seed to print
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "seed")]
    count: u64,
    /// Overwrite an existing file: what was encrypted for the key in it is lost with it
    #[arg(long)]
    force: bool,
}

impl Keygen {
    pub(super) fn execute(self) -> Result<(), Failure> {
        if self.out.exists() && !self.force {
            let path = self.out.display();
            return Err(Failure::input(format!(
                "{path} exists; use --force to overwrite it"
            )));
        }
        let mut rng = StdRng::from_entropy();
        let (secret, public) = if self.seed {
            let mut seed = Zeroizing::new([0; 32]);
            rng.fill_bytes(seed.as_mut());
            let keys = (0..self.count).map(|index| MasterKey::from_seed(&seed, index));
            let keys: Vec<MasterKey> = keys.collect::<Result<_, _>>().map_err(Failure::running)?;
            (seed, keys)
        } else {
            let key = MasterKey::generate(&mut rng);
            (key.to_bytes(), vec![key])
        };
        let text = Zeroizing::new(format!("{}\n", hex::encode(*secret)));
        write(&self.out, text.as_bytes(), Readers::Owner).map_err(|error| {
            Failure::input(format!("cannot write {}: {error}", self.out.display()))
        })?;
        for key in public {
            println!("{}", key.public());
        }
        Ok(())
    }
}
