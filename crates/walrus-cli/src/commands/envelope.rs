//! Large content, encrypted and decrypted in chunks on several threads, with memory for a few of
//! them.

use std::{
    fs::File,
    io::{BufRead, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use walrus_client::OpenBlob;
use walrus_seal::{
    DemKey,
    envelope::{EnvelopeHeader, PREFIX_LENGTH, rest_of_header},
};

use self::pipeline::Stretch;
use crate::output::path_text;

mod pipeline;

/// Chunks of a blob that are fetched before they are decrypted.
const BATCH_CHUNKS: usize = 8;
/// Bytes of a blob that are fetched at a time, at least: as many whole rows.
const PAGE_BYTES: u64 = 8 << 20;

/// Writes the chunks of `source`, after the header.
pub(super) fn encrypt(
    header: &EnvelopeHeader,
    key: &DemKey,
    source: &mut (impl BufRead + Send),
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let chunks = header.chunks(key);
    out.write_all(&header.to_bytes()?)?;
    let content = Stretch {
        source,
        chunk_length: header.chunk_length as usize,
        first: 0,
        is_end: true,
    };
    content.run(out, |position, chunk| chunks.encrypt(position, chunk))?;
    Ok(())
}

/// Writes the content of an envelope whose header has been read. What is written is authentic, but
/// only all of it is known to be complete.
pub(super) fn decrypt(
    header: &EnvelopeHeader,
    key: &DemKey,
    source: &mut (impl BufRead + Send),
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let chunks = header.chunks(key);
    let content = Stretch {
        source,
        chunk_length: header.encrypted_chunk_length(),
        first: 0,
        is_end: true,
    };
    content.run(out, |position, chunk| chunks.decrypt(position, chunk))?;
    Ok(())
}

/// An envelope that is stored: fetched in pages, each of which is checked against the blob ID.
pub(super) struct StoredEnvelope {
    pages: Pages,
    pub(super) header: EnvelopeHeader,
}

struct Pages {
    blob: OpenBlob,
    /// Where the next page begins.
    at: u64,
    /// What was fetched and not taken yet.
    ahead: Vec<u8>,
}

impl StoredEnvelope {
    /// The envelope in a blob; `None` if there is something else in it.
    pub(super) async fn open(blob: OpenBlob) -> anyhow::Result<Option<Self>> {
        let mut pages = Pages {
            blob,
            at: 0,
            ahead: Vec::new(),
        };
        let prefix = pages.take(PREFIX_LENGTH).await?;
        let prefix: Option<&[u8; PREFIX_LENGTH]> = prefix.first_chunk();
        let Some(length) = prefix.and_then(|prefix| rest_of_header(prefix).ok()) else {
            return Ok(None);
        };
        let header = EnvelopeHeader::from_rest(&pages.take(length).await?)?;
        Ok(Some(Self { pages, header }))
    }

    /// Writes its content, as [`decrypt`] does.
    pub(super) async fn decrypt(
        mut self,
        key: &DemKey,
        out: &mut impl Write,
    ) -> anyhow::Result<u64> {
        let chunks = self.header.chunks(key);
        let chunk_length = self.header.encrypted_chunk_length();
        let (mut first, mut written, mut is_end) = (0, 0, false);
        while !is_end {
            let batch = self.pages.take(BATCH_CHUNKS * chunk_length).await?;
            is_end = self.pages.is_empty();
            let content = Stretch {
                source: &batch[..],
                chunk_length,
                first,
                is_end,
            };
            written += content.run(out, |position, chunk| chunks.decrypt(position, chunk))?;
            first += BATCH_CHUNKS as u64;
        }
        Ok(written)
    }
}

impl Pages {
    /// Whether everything was taken.
    fn is_empty(&self) -> bool {
        self.ahead.is_empty() && self.at == self.blob.size()
    }

    /// The next bytes; fewer only at the end of the blob.
    async fn take(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        while self.ahead.len() < length && self.at < self.blob.size() {
            let row = self.blob.row_length().max(1);
            let page = PAGE_BYTES.div_ceil(row).saturating_mul(row);
            let end = self.at.saturating_add(page).min(self.blob.size());
            self.ahead.extend(self.blob.read_range(self.at..end).await?);
            self.at = end;
        }
        let rest = self.ahead.split_off(length.min(self.ahead.len()));
        Ok(std::mem::replace(&mut self.ahead, rest))
    }
}

/// A file that gets its name when it is complete, and leaves nothing behind if it does not get that
/// far.
pub(super) struct Whole {
    path: PathBuf,
    temporary: Removed,
    pub(super) file: BufWriter<File>,
}

impl Whole {
    /// Begins to write a file.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name();
        let mut name = name.with_context(|| cannot_write(path))?.to_owned();
        name.push(".part");
        let temporary = Removed(path.with_file_name(name));
        let file = File::create(&temporary.0).with_context(|| cannot_write(path))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            file: BufWriter::new(file),
        })
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let failed = || cannot_write(&self.path);
        let file = self.file.into_inner();
        let file = file.map_err(|error| anyhow!("{}: {}", failed(), error.error()))?;
        file.sync_all().with_context(failed)?;
        std::fs::rename(&self.temporary.0, &self.path).with_context(failed)
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path_text(path))
}

/// A file that is removed when it is not needed any more, or was renamed.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // Where it was renamed there is nothing left to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use walrus_seal::{EncryptedObject, Identity, MasterKey, Recipient, ServerSet};

    use super::*;

    fn header(chunk_length: u32) -> (EnvelopeHeader, DemKey) {
        let mut rng = rand::thread_rng();
        let recipient = Recipient {
            server: walrus_core::ObjectId([1; 32]),
            public_key: MasterKey::generate(&mut rng).public(),
            weight: std::num::NonZeroU8::MIN,
        };
        let servers = ServerSet::new(vec![recipient], 1).unwrap();
        let identity = Identity {
            package: walrus_core::ObjectId([2; 32]),
            inner: vec![3; 48],
        };
        let (object, key) = EncryptedObject::of_key(identity, &servers, &mut rng);
        (EnvelopeHeader::new(object, chunk_length).unwrap(), key)
    }

    #[test]
    fn batches_make_one_envelope_whatever_its_length() {
        let (header, key) = header(16);
        let length = header.to_bytes().unwrap().len();
        // Nothing, less than a chunk, whole chunks, whole batches, and more than that.
        for size in [0, 1, 16, 17, 8 * 16, 8 * 16 + 1, 1000] {
            let content: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut envelope = Vec::new();
            encrypt(&header, &key, &mut &content[..], &mut envelope).unwrap();
            let mut decrypted = Vec::new();
            decrypt(&header, &key, &mut &envelope[length..], &mut decrypted).unwrap();
            assert_eq!(decrypted, content);
            // An end that is cut off between chunks, and a chunk too many.
            let mut sink = Vec::new();
            if size > 16 {
                let cut = &envelope[length..envelope.len() - (size - 1) % 16 - 1 - 16];
                assert!(decrypt(&header, &key, &mut &cut[..], &mut sink).is_err());
            }
            let more = [&envelope[length..], &envelope[length..]].concat();
            assert!(decrypt(&header, &key, &mut &more[..], &mut sink).is_err());
        }
    }

    #[test]
    fn what_is_not_complete_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut whole = Whole::create(&path).unwrap();
        whole.file.write_all(b"x").unwrap();
        drop(whole);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut whole = Whole::create(&path).unwrap();
        whole.file.write_all(b"y").unwrap();
        whole.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"y");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
