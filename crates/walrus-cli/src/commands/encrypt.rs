//! `walrus encrypt`, and encrypting what `walrus store` stores.

use std::{
    fs::File,
    io::{BufReader, Write},
    path::Path,
};

use anyhow::{Context as _, bail};
use rand::RngCore as _;
use serde::Serialize;
use walrus_files::{
    durable::{self, Readers},
    output::Output,
};
use walrus_seal::{
    DemKey, EncryptedObject, Header, Identity, ServerSet,
    envelope::{CHUNK_LENGTH, EnvelopeHeader},
};

use super::{
    context::Context,
    envelope::{self, Whole},
};
use crate::{
    args::{EncryptArgs, EncryptionArgs},
    output::{path_json, path_text, print_bytes, print_json, print_text},
};

/// Random bytes at the end of an identity: each file has one of its own.
const NONCE_LENGTH: usize = 16;
/// Largest file that is encrypted as a whole. More would be in memory several times.
const WHOLE_BYTES_MAX: u64 = 64 << 20;
const MIB: u64 = 1 << 20;

/// Encrypts for one policy and set of key servers.
pub(crate) struct Encryptor {
    servers: ServerSet,
    package: walrus_core::ObjectId,
    /// What identities begin with, or all of one.
    prefix: Vec<u8>,
    is_whole_id: bool,
    args: EncryptionArgs,
}

impl Encryptor {
    /// Finds out for whom.
    pub(crate) async fn new(context: &Context, args: &EncryptionArgs) -> anyhow::Result<Self> {
        let private = context.private_data()?;
        let chosen: Vec<_> = args.key_servers.iter().map(|it| (it.0, it.1)).collect();
        let servers = private.data.server_set(&chosen, args.threshold).await?;
        warn(&servers);
        let package = match args.policy_package {
            Some(named) => {
                let first = private.data.first_version(named).await?;
                if first != named {
                    eprintln!("Using {first}, the first version of package {named}");
                }
                first
            }
            None => private.data.policies()?,
        };
        let prefix = match (&args.id, args.policy, &args.recipient) {
            (Some(id), ..) => id.0.clone(),
            (None, Some(policy), _) => policy.0.to_vec(),
            (None, None, Some(recipient)) => context.recipient(recipient)?.0.to_vec(),
            (None, None, None) => private.signer.address().0.to_vec(),
        };
        Ok(Self {
            servers,
            package,
            prefix,
            is_whole_id: args.id.is_some(),
            args: args.clone(),
        })
    }

    /// An identity that nothing else has, unless it was given.
    fn identity(&self) -> Identity {
        let mut inner = self.prefix.clone();
        if !self.is_whole_id {
            let mut nonce = [0; NONCE_LENGTH];
            ambient::rng().fill_bytes(&mut nonce);
            inner.extend_from_slice(&nonce);
        }
        Identity {
            package: self.package,
            inner,
        }
    }

    /// Encrypts a file that fits into memory.
    pub(crate) fn encrypt_file(&self, path: &Path) -> anyhow::Result<Vec<u8>> {
        Ok(self.encrypt(path)?.0.to_bytes())
    }

    fn encrypt(&self, path: &Path) -> anyhow::Result<(EncryptedObject, DemKey)> {
        let content = walrus_files::input::read_at_most(path, WHOLE_BYTES_MAX).with_context(|| {
            format!(
                "cannot encrypt {} as a whole, which goes up to {} MiB; larger files are encrypted with \
                 --envelope",
                path_text(path),
                WHOLE_BYTES_MAX / MIB
            )
        })?;
        self.encrypt_bytes(&content)
    }

    /// Encrypts bytes in memory.
    pub(crate) fn encrypt_bytes(
        &self,
        content: &[u8],
    ) -> anyhow::Result<(EncryptedObject, DemKey)> {
        // Others always write the additional data, even if there is none.
        let aad = self.args.aad.as_ref().map_or(&[][..], |aad| &aad.0);
        let encrypted = EncryptedObject::encrypt(
            self.identity(),
            &self.servers,
            self.args.dem.into(),
            content,
            Some(aad),
            &mut ambient::rng(),
        );
        Ok(encrypted?)
    }

    /// Encrypts a file chunk by chunk.
    pub(crate) fn encrypt_envelope(
        &self,
        from: &Path,
        to: &mut impl Write,
    ) -> anyhow::Result<(Header, DemKey)> {
        let source =
            File::open(from).with_context(|| format!("cannot read {}", path_text(from)))?;
        let (object, key) =
            EncryptedObject::of_key(self.identity(), &self.servers, &mut ambient::rng());
        let header = EnvelopeHeader::new(object, CHUNK_LENGTH)?;
        envelope::encrypt(&header, &key, &mut BufReader::new(source), to)
            .with_context(|| format!("cannot encrypt {}", path_text(from)))?;
        Ok((header.object.header, key))
    }
}

/// What may go wrong with a choice of servers, before it does.
fn warn(servers: &ServerSet) {
    let (threshold, weight) = (usize::from(servers.threshold()), servers.weight());
    if threshold == 1 && weight > 1 {
        eprintln!("Warning: any one of the key servers alone can decrypt");
    }
    if threshold == weight && weight > 1 {
        eprintln!("Warning: if one of the key servers is lost, so is the data");
    }
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Encrypted {
    out: String,
    identity: String,
    threshold: u8,
    key_servers: Vec<String>,
}

/// Encrypts a file.
pub(crate) async fn run(context: &Context, args: EncryptArgs) -> anyhow::Result<()> {
    let encryptor = Encryptor::new(context, &args.encryption).await?;
    let (header, key) = match (&args.out, args.envelope) {
        (Some(out), true) => {
            let mut whole = Whole::create(out)?;
            let made = encryptor.encrypt_envelope(&args.file, &mut whole.file)?;
            whole.finish()?;
            made
        }
        (None, true) => bail!("an envelope needs --out"),
        (out, false) => {
            let (object, key) = encryptor.encrypt(&args.file)?;
            match out {
                Some(path) => Output::open(path)
                    .and_then(|output| output.write(&object.to_bytes()))
                    .with_context(|| format!("cannot write {}", path_text(path)))?,
                None => print_bytes(&object.to_bytes())?,
            }
            (object.header, key)
        }
    };
    if let Some(path) = &args.backup_key_file {
        let text = format!("{}\n", hex::encode(key.as_bytes()));
        durable::write(path, text.as_bytes(), Readers::Owner)
            .with_context(|| format!("cannot write {}", path_text(path)))?;
    }
    let Some(out) = &args.out else {
        return Ok(());
    };
    let identity = hex::encode(header.identity.full());
    let servers = header.servers();
    if context.json() {
        return print_json(&Encrypted {
            out: path_json(out),
            identity,
            threshold: header.threshold,
            key_servers: servers.iter().map(|(id, _)| id.to_string()).collect(),
        });
    }
    print_text(&format!(
        "Encrypted {} to {}\nIdentity: {identity}\nKey servers: {}, of weight {} of which {} is needed",
        path_text(&args.file),
        path_text(out),
        servers.len(),
        header.services.len(),
        header.threshold
    ))
}
