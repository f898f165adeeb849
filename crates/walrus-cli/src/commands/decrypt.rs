//! `walrus decrypt`, and decrypting what `walrus read` reads.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use walrus_files::output::Output;
use walrus_seal::{
    DemKey, EncryptedObject, Header,
    envelope::{EnvelopeHeader, PREFIX_LENGTH, is_envelope, rest_of_header},
};
use walrus_sui::access::ApprovalCall;

use super::{
    context::Context,
    envelope::{self, Whole},
};
use crate::{
    args::{ApprovalArgs, DecryptArgs},
    output::{path_text, print_bytes, print_text},
};

/// Longest encrypted object that is read into memory.
const WHOLE_BYTES_MAX: u64 = 1 << 30;
/// A key in a file is shorter than this.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// Decrypts a file.
pub(crate) async fn run(context: &Context, args: DecryptArgs) -> anyhow::Result<()> {
    let cannot_read = || format!("cannot read {}", path_text(&args.file));
    let mut source = BufReader::new(File::open(&args.file).with_context(cannot_read)?);
    let mut prefix = Vec::with_capacity(PREFIX_LENGTH);
    (&mut source)
        .take(PREFIX_LENGTH as u64)
        .read_to_end(&mut prefix)
        .with_context(cannot_read)?;
    let backup = args
        .backup_key_file
        .as_deref()
        .map(backup_key)
        .transpose()?;
    let Some(prefix) = prefix.first_chunk().filter(|prefix| is_envelope(*prefix)) else {
        let mut bytes = prefix;
        source
            .take(WHOLE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .with_context(cannot_read)?;
        let object = EncryptedObject::from_bytes(&bytes)
            .with_context(|| format!("{} is not encrypted by Seal", path_text(&args.file)))?;
        let key = key_of(context, &object.header, backup, &args.approval).await?;
        let content = object.ciphertext.decrypt(&key)?;
        return finish(args.out.as_deref(), &content);
    };
    let mut rest = vec![0; rest_of_header(prefix)?];
    source.read_exact(&mut rest).with_context(cannot_read)?;
    let header = EnvelopeHeader::from_rest(&rest)?;
    let key = key_of(context, &header.object.header, backup, &args.approval).await?;
    let out = args.out.as_deref();
    let out = out.ok_or_else(|| anyhow!("an envelope is decrypted into a file: give --out"))?;
    // Nothing gets its name before all of it is authentic.
    let mut whole = Whole::create(out)?;
    envelope::decrypt(&header, &key, &mut source, &mut whole.file)?;
    whole.finish()?;
    print_text(&format!("Decrypted to {}", path_text(out)))
}

/// Decrypts a blob in memory, of either kind.
pub(crate) async fn decrypt_bytes(
    context: &Context,
    bytes: &[u8],
    approval: &ApprovalArgs,
) -> anyhow::Result<Vec<u8>> {
    if !is_envelope(bytes) {
        let object =
            EncryptedObject::from_bytes(bytes).context("the blob is not encrypted by Seal")?;
        let key = key_of(context, &object.header, None, approval).await?;
        return Ok(object.ciphertext.decrypt(&key)?);
    }
    let (header, length) = EnvelopeHeader::from_bytes(bytes)?;
    let key = key_of(context, &header.object.header, None, approval).await?;
    let mut content = Vec::with_capacity(bytes.len() - length);
    let mut source = Cursor::new(&bytes[length..]);
    envelope::decrypt(&header, &key, &mut source, &mut content)?;
    Ok(content)
}

pub(super) async fn key_of(
    context: &Context,
    header: &Header,
    backup: Option<DemKey>,
    approval: &ApprovalArgs,
) -> anyhow::Result<DemKey> {
    if let Some(key) = backup {
        return Ok(key);
    }
    let private = context.private_data()?;
    let reader = private.signer.address();
    let mut call = match &approval.approve {
        None => private.data.approval(&header.identity, reader).await?,
        Some(_) => explicit(header, approval)?,
    };
    if let Some(package) = approval.package {
        call.package = package;
    }
    Ok(private.data.open(header, &call, &private.signer).await?)
}

/// The call that the options name.
fn explicit(header: &Header, approval: &ApprovalArgs) -> anyhow::Result<ApprovalCall> {
    let name = approval.approve.as_ref().context("no function is named")?;
    let types = approval.types.iter().map(|text| {
        text.parse()
            .map_err(|error| anyhow!("`{text}` is no type: {error}"))
    });
    let arguments = approval.arguments.iter().map(|argument| argument.0.clone());
    Ok(ApprovalCall {
        package: header.identity.package,
        module: name.module.parse().context("the module has no such name")?,
        function: name
            .function
            .parse()
            .context("the function has no such name")?,
        types: types.collect::<anyhow::Result<_>>()?,
        arguments: arguments.collect(),
    })
}

fn backup_key(path: &Path) -> anyhow::Result<DemKey> {
    let text = walrus_files::input::read_text(path, KEY_FILE_BYTES_MAX)?;
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key)
        .with_context(|| format!("{} holds no key of content", path_text(path)))?;
    Ok(DemKey::from_bytes(key.into()))
}

fn finish(out: Option<&Path>, content: &[u8]) -> anyhow::Result<()> {
    let Some(path) = out else {
        return print_bytes(content);
    };
    Output::open(path)
        .and_then(|output| output.write(content))
        .with_context(|| format!("cannot write {}", path_text(path)))?;
    print_text(&format!("Decrypted to {}", path_text(path)))
}
