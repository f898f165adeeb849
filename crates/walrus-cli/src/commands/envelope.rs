//! Large content, encrypted and decrypted in chunks on several threads, with memory for a few of
//! them.

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, anyhow};
use walrus_client::OpenBlob;
use walrus_seal::{
    DemKey,
    envelope::{ChunkPosition, EnvelopeError, EnvelopeHeader, PREFIX_LENGTH, rest_of_header},
};

use crate::output::path_text;

/// Chunks that are in memory at a time, and one more that was read ahead.
const BATCH_CHUNKS: usize = 8;
/// More threads would wait for the disk.
const THREADS_MAX: usize = 4;
/// Bytes of a blob that are fetched at a time, at least: as many whole rows.
const PAGE_BYTES: u64 = 8 << 20;

type Batch = Vec<(ChunkPosition, Vec<u8>)>;

/// Writes the chunks of `source`, after the header.
pub(super) fn encrypt(
    header: &EnvelopeHeader,
    key: &DemKey,
    source: &mut impl Read,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let chunks = header.chunks(key);
    out.write_all(&header.to_bytes()?)?;
    work(
        source,
        header.chunk_length as usize,
        out,
        |position, chunk| chunks.encrypt(position, chunk),
    )
}

/// Writes the content of an envelope whose header has been read. What is written is authentic, but
/// only all of it is known to be complete.
pub(super) fn decrypt(
    header: &EnvelopeHeader,
    key: &DemKey,
    source: &mut impl Read,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let chunks = header.chunks(key);
    work(
        source,
        header.encrypted_chunk_length(),
        out,
        |position, chunk| chunks.decrypt(position, chunk),
    )
}

fn work(
    source: &mut impl Read,
    length: usize,
    out: &mut impl Write,
    change: impl Fn(ChunkPosition, &mut Vec<u8>) -> Result<(), EnvelopeError> + Sync,
) -> anyhow::Result<()> {
    let mut next = read_chunk(source, length)?;
    let mut index = 0;
    let mut is_last = false;
    while !is_last {
        let mut batch = Batch::with_capacity(BATCH_CHUNKS);
        while batch.len() < BATCH_CHUNKS && !is_last {
            let following = read_chunk(source, length)?;
            is_last = following.is_empty();
            let chunk = std::mem::replace(&mut next, following);
            batch.push((ChunkPosition { index, is_last }, chunk));
            index += 1;
        }
        side_by_side(&mut batch, &change)?;
        for (_, chunk) in &batch {
            out.write_all(chunk)?;
        }
    }
    Ok(())
}

/// Changes each chunk, several at a time.
fn side_by_side(
    batch: &mut Batch,
    change: impl Fn(ChunkPosition, &mut Vec<u8>) -> Result<(), EnvelopeError> + Sync,
) -> Result<(), EnvelopeError> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(THREADS_MAX));
    let change = &change;
    thread::scope(|scope| {
        let share = batch.len().div_ceil(threads).max(1);
        let parts = batch.chunks_mut(share);
        let running: Vec<_> = parts
            .map(|part| {
                let all = move || {
                    let mut part = part.iter_mut();
                    part.try_for_each(|(position, chunk)| change(*position, chunk))
                };
                scope.spawn(all)
            })
            .collect();
        let mut results = running.into_iter().map(thread::ScopedJoinHandle::join);
        results.try_for_each(|result| result.expect("encryption does not panic"))
    })
}

/// The next bytes of a source; fewer only at its end.
fn read_chunk(source: &mut impl Read, length: usize) -> std::io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(length);
    source.take(length as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
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
        let length = self.header.encrypted_chunk_length();
        let (mut index, mut written, mut is_last) = (0, 0, false);
        while !is_last {
            let mut batch = Batch::with_capacity(BATCH_CHUNKS);
            while batch.len() < BATCH_CHUNKS && !is_last {
                let chunk = self.pages.take(length).await?;
                is_last = self.pages.is_empty();
                batch.push((ChunkPosition { index, is_last }, chunk));
                index += 1;
            }
            side_by_side(&mut batch, |position, chunk| {
                chunks.decrypt(position, chunk)
            })?;
            for (_, chunk) in &batch {
                out.write_all(chunk)?;
                written += chunk.len() as u64;
            }
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
