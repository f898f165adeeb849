//! Bytes that have arrived and are not on chain yet: files on disk.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufWriter},
};

use crate::{digest::Digests, tables::DiskError};

/// Longest pause between two parts of a body.
const BODY_IDLE_MAX: Duration = Duration::from_secs(60);
/// Bytes written to a file at a time, and read from one.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file of the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// Names the file.
    pub file: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Why a body was not received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// It did not arrive completely.
    #[error("the body did not arrive: {0}")]
    Incomplete(String),
    /// It is too large.
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
    /// It has another digest than the client said.
    #[error("the body does not have the {0} that was sent with it")]
    Mismatch(&'static str),
    /// There is no room for it.
    #[error("there is no room for more bytes that are not certified yet: the limit is {0}")]
    Full(u64),
    /// It cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The folder.
#[derive(Clone)]
pub(crate) struct Spool {
    folder: Arc<PathBuf>,
    next: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    bytes_max: u64,
}

/// A file that was received; it is deleted unless it is kept.
pub(crate) struct Received {
    spool: Spool,
    piece: Option<Piece>,
    /// Its MD5.
    pub md5: [u8; 16],
}

impl Received {
    pub(crate) fn length(&self) -> u64 {
        self.piece.map_or(0, |piece| piece.length)
    }

    /// Leaves the file to the caller.
    pub(crate) fn keep(mut self) -> Piece {
        self.piece.take().expect("a file is kept once")
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Some(piece) = self.piece.take() {
            self.spool.remove(&[piece]);
        }
    }
}

impl Spool {
    /// Opens the folder, and deletes every file that is not in `used`.
    pub(crate) fn open(
        folder: &Path,
        used: &HashSet<u64>,
        bytes_max: u64,
    ) -> Result<Self, DiskError> {
        std::fs::create_dir_all(folder).map_err(DiskError::io(folder))?;
        let (mut next, mut bytes) = (0, 0);
        for entry in std::fs::read_dir(folder).map_err(DiskError::io(folder))? {
            let entry = entry.map_err(DiskError::io(folder))?;
            let path = entry.path();
            let name = entry.file_name();
            let number = name
                .to_str()
                .and_then(|name| u64::from_str_radix(name, 16).ok());
            match number {
                Some(number) if used.contains(&number) => {
                    let metadata = entry.metadata().map_err(DiskError::io(&path))?;
                    bytes += metadata.len();
                    next = next.max(number + 1);
                }
                _ => std::fs::remove_file(&path).map_err(DiskError::io(&path))?,
            }
        }
        Ok(Self {
            folder: Arc::new(folder.to_owned()),
            next: Arc::new(AtomicU64::new(next)),
            bytes: Arc::new(AtomicU64::new(bytes)),
            bytes_max,
        })
    }

    /// Bytes in the folder.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes a body of at most `length_max` bytes to a file that survives a crash, and compares
    /// its digests.
    pub(crate) async fn receive<E: std::fmt::Display>(
        &self,
        body: impl Stream<Item = Result<Bytes, E>>,
        length_max: u64,
        mut digests: Digests,
    ) -> Result<Received, ReceiveError> {
        let file = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path(file);
        let mut received = Received {
            spool: self.clone(),
            piece: Some(Piece { file, length: 0 }),
            md5: [0; 16],
        };
        let created = File::create_new(&path)
            .await
            .map_err(DiskError::io(&path))?;
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, created);
        let mut body = std::pin::pin!(body);
        loop {
            let next = tokio::time::timeout(BODY_IDLE_MAX, body.next()).await;
            let next =
                next.map_err(|_| ReceiveError::Incomplete("it paused for too long".into()))?;
            let Some(part) = next else { break };
            let part = part.map_err(|error| ReceiveError::Incomplete(error.to_string()))?;
            let added = part.len() as u64;
            let piece = received.piece.as_mut().expect("the file is not kept yet");
            if piece.length + added > length_max {
                return Err(ReceiveError::TooLarge(length_max));
            }
            if self.bytes.fetch_add(added, Ordering::Relaxed) + added > self.bytes_max {
                self.bytes.fetch_sub(added, Ordering::Relaxed);
                return Err(ReceiveError::Full(self.bytes_max));
            }
            piece.length += added;
            digests.update(&part);
            writer
                .write_all(&part)
                .await
                .map_err(DiskError::io(&path))?;
        }
        received.md5 = digests.finish().map_err(ReceiveError::Mismatch)?;
        writer.flush().await.map_err(DiskError::io(&path))?;
        let written = writer.into_inner();
        written.sync_all().await.map_err(DiskError::io(&path))?;
        let folder = File::open(&*self.folder)
            .await
            .map_err(DiskError::io(&self.folder))?;
        folder
            .sync_all()
            .await
            .map_err(DiskError::io(&self.folder))?;
        Ok(received)
    }

    /// Deletes files. One that cannot be deleted is deleted at the next start.
    pub(crate) fn remove(&self, pieces: &[Piece]) {
        for piece in pieces {
            self.bytes.fetch_sub(piece.length, Ordering::Relaxed);
            let path = self.path(piece.file);
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "cannot delete a file of the spool");
            }
        }
    }

    /// The bytes from `start` on, `length` of them, of the files one after the other.
    pub(crate) async fn read(
        &self,
        content: &[Piece],
        start: u64,
        length: u64,
    ) -> io::Result<Bytes> {
        let capacity = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = BytesMut::with_capacity(capacity);
        let mut parts = self.open_range(content, start, length).await?;
        while let Some(part) = parts.try_next().await? {
            bytes.extend_from_slice(&part);
        }
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.freeze())
    }

    /// The same as a stream. The files are open when this returns, and may be deleted then.
    pub(crate) async fn open_range(
        &self,
        content: &[Piece],
        start: u64,
        length: u64,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Unpin + use<>> {
        let (mut skip, mut left) = (start, length);
        let mut files = Vec::new();
        for piece in content {
            let inside = piece.length.saturating_sub(skip).min(left);
            if inside > 0 {
                let mut file = File::open(self.path(piece.file)).await?;
                file.seek(io::SeekFrom::Start(skip)).await?;
                files.push(file.take(inside));
            }
            skip = skip.saturating_sub(piece.length);
            left -= inside;
        }
        let parts = |file| tokio_util::io::ReaderStream::with_capacity(file, BUFFER_BYTES);
        Ok(Box::pin(stream::iter(files).map(parts).flatten()))
    }

    fn path(&self, file: u64) -> PathBuf {
        self.folder.join(format!("{file:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, String>> {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| Ok(Bytes::from_static(part)))
            .collect();
        stream::iter(parts)
    }

    #[tokio::test]
    async fn what_is_kept_is_read_back_and_the_rest_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), &HashSet::new(), 100).unwrap();
        let receive = |parts| spool.receive(body(parts), 10, Digests::default());
        let first = receive(&[b"abc", b"de"]).await.unwrap();
        assert_eq!(hex::encode(first.md5), "ab56b4d92b40713acc5af89985d4b786");
        let pieces = [
            first.keep(),
            receive(&[]).await.unwrap().keep(),
            receive(&[b"fgh"]).await.unwrap().keep(),
        ];
        drop(receive(&[b"dropped"]).await.unwrap());
        assert_eq!(spool.bytes(), 8);
        for (start, length, expected) in
            [(0, 8, "abcdefgh"), (3, 4, "defg"), (6, 2, "gh"), (2, 0, "")]
        {
            assert_eq!(spool.read(&pieces, start, length).await.unwrap(), expected);
        }
        assert!(spool.read(&pieces, 6, 3).await.is_err());
        let open = spool.open_range(&pieces, 0, 8).await.unwrap();

        let used = HashSet::from([pieces[0].file]);
        let again = Spool::open(folder.path(), &used, 100).unwrap();
        assert_eq!(again.bytes(), 5);
        assert!(again.read(&pieces, 6, 2).await.is_err());
        let read: Vec<Bytes> = open.try_collect().await.unwrap();
        assert_eq!(read.concat(), b"abcdefgh");
    }

    #[tokio::test]
    async fn bodies_are_bounded_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), &HashSet::new(), 12).unwrap();
        let receive = |parts| spool.receive(body(parts), 10, Digests::default());
        let too_large = receive(&[b"0123456789", b"!"]).await;
        assert!(matches!(too_large, Err(ReceiveError::TooLarge(10))));
        let kept = receive(&[b"0123456789"]).await.unwrap().keep();
        assert!(matches!(
            receive(&[b"abc"]).await,
            Err(ReceiveError::Full(12))
        ));
        let cut_off = stream::iter([Ok(Bytes::from_static(b"a")), Err("reset")]);
        let cut_off = spool.receive(cut_off, 10, Digests::default()).await;
        assert!(matches!(cut_off, Err(ReceiveError::Incomplete(_))));
        assert_eq!(spool.bytes(), 10);
        spool.remove(&[kept]);
        assert_eq!(spool.bytes(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
