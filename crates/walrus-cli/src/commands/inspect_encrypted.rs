//! `walrus inspect-encrypted`.

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufReader, Read as _},
};

use anyhow::Context as _;
use serde::Serialize;
use walrus_seal::{
    Ciphertext, EncryptedObject, Header,
    envelope::{EnvelopeHeader, PREFIX_LENGTH, is_envelope, rest_of_header},
};

use super::context::Context;
use crate::{
    args::InspectEncryptedArgs,
    output::{path_text, print_json, print_text},
};

/// Longest encrypted object that is read into memory.
const WHOLE_BYTES_MAX: u64 = 1 << 30;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    object_id: String,
    weight: usize,
}

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspected {
    package: String,
    id: String,
    threshold: u8,
    key_servers: Vec<Server>,
    content: &'static str,
    content_bytes: Option<usize>,
    aad: Option<String>,
}

impl Inspected {
    fn new(header: &Header, content: &'static str) -> Self {
        let servers = header.servers().into_iter();
        let servers = servers.map(|(id, weight)| Server {
            object_id: id.to_string(),
            weight,
        });
        Self {
            package: header.identity.package.to_string(),
            id: hex::encode(&header.identity.inner),
            threshold: header.threshold,
            key_servers: servers.collect(),
            content,
            content_bytes: None,
            aad: None,
        }
    }
}

/// Shows what everybody can see of an encrypted file.
pub(crate) fn run(context: &Context, args: &InspectEncryptedArgs) -> anyhow::Result<()> {
    let inspected = inspect(args)?;
    if context.json() {
        return print_json(&inspected);
    }
    let mut text = format!(
        "Package: {}\nIdentity: {}\nContent: {}",
        inspected.package, inspected.id, inspected.content
    );
    if let Some(bytes) = inspected.content_bytes {
        write!(text, ", {bytes} bytes")?;
    }
    if let Some(aad) = inspected.aad.filter(|aad| !aad.is_empty()) {
        write!(text, "\nAdditional data: {aad}")?;
    }
    write!(text, "\nWeight needed: {}", inspected.threshold)?;
    for server in inspected.key_servers {
        let Server { object_id, weight } = server;
        write!(text, "\nKey server: {object_id} of weight {weight}")?;
    }
    print_text(&text)
}

fn inspect(args: &InspectEncryptedArgs) -> anyhow::Result<Inspected> {
    let cannot_read = || format!("cannot read {}", path_text(&args.file));
    let not_ours = || format!("{} is not encrypted by Seal", path_text(&args.file));
    let mut source = BufReader::new(File::open(&args.file).with_context(cannot_read)?);
    let mut bytes = Vec::new();
    let mut head = (&mut source).take(PREFIX_LENGTH as u64);
    head.read_to_end(&mut bytes).with_context(cannot_read)?;
    if let Some(prefix) = bytes.first_chunk().filter(|prefix| is_envelope(*prefix)) {
        let mut rest = vec![0; rest_of_header(prefix)?];
        source.read_exact(&mut rest).with_context(cannot_read)?;
        let header = EnvelopeHeader::from_rest(&rest).with_context(not_ours)?;
        return Ok(Inspected::new(&header.object.header, "envelope"));
    }
    let mut rest = source.take(WHOLE_BYTES_MAX);
    rest.read_to_end(&mut bytes).with_context(cannot_read)?;
    let object = EncryptedObject::from_bytes(&bytes).with_context(not_ours)?;
    let content = match object.ciphertext {
        Ciphertext::Aes256Gcm { .. } => "AES-256-GCM",
        Ciphertext::Hmac256Ctr { .. } => "HMAC-SHA3-256 in counter mode",
        Ciphertext::Plain => "none: what is decrypted is a key",
    };
    let mut inspected = Inspected::new(&object.header, content);
    inspected.content_bytes = Some(object.ciphertext.length());
    inspected.aad = object.ciphertext.aad().map(hex::encode);
    Ok(inspected)
}
