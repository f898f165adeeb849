//! Reading objects, and listing them.

use std::{ops::Range, sync::Arc};

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use walrus_gateway::reader::Refusal;
use walrus_http::budget::Holder;

use super::Store;
use crate::{
    failure::Failure,
    journal::Put,
    listing::{Page, Query, list},
    record::{Chunk, Name, Place, Record},
};

/// Bytes of an object on their way.
pub(crate) type Bytestream =
    std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, axum::Error>> + Send>>;

impl Store {
    /// What is known of an object.
    pub(crate) fn object(&self, name: &Name) -> Result<Record, Failure> {
        if let Some(record) = self.shared.index.object(name)? {
            return Ok(record);
        }
        self.bucket(&name.bucket)?;
        Err(Failure::NoSuchKey)
    }

    /// A part of the keys of a bucket.
    pub(crate) fn list(&self, bucket: &str, query: &Query) -> Result<Page<Record>, Failure> {
        self.bucket(bucket)?;
        Ok(list(&self.shared.index.keys(bucket), query)?)
    }

    /// A range of the bytes of an object. The first of them are checked when this returns; if
    /// later ones cannot be had, the
    /// stream is cut off.
    pub(crate) async fn read(
        &self,
        holder: Holder,
        name: &Name,
        record: &Record,
        range: Range<u64>,
    ) -> Result<Body, Failure> {
        if range.is_empty() {
            return Ok(Body::empty());
        }
        if let Some(put) = self.spooled(record) {
            let length = range.end - range.start;
            let spool = &self.shared.journal.spool;
            let opened = spool.open_range(&put.content, range.start, length).await;
            if let Ok(stream) = opened {
                return Ok(Body::from_stream(stream));
            }
        }
        if record.place != Place::Journal {
            return self.read_stored(holder, &record.place, range).await;
        }
        // It was certified this very moment.
        let now = self.object(name)?;
        if now.version != record.version || now.place == Place::Journal {
            return Err(Failure::Conflict);
        }
        self.read_stored(holder, &now.place, range).await
    }

    async fn read_stored(
        &self,
        holder: Holder,
        place: &Place,
        range: Range<u64>,
    ) -> Result<Body, Failure> {
        match place {
            Place::Journal => Err(Failure::Conflict),
            Place::Patch { patch, .. } => {
                let data = self.shared.reader.patch(holder, patch).await;
                let data = data.map_err(|refusal| of_refusal(&refusal))?;
                let within = usize::try_from(range.start)
                    .ok()
                    .zip(usize::try_from(range.end).ok());
                match within {
                    Some((start, end)) if end <= data.len() => {
                        Ok(Body::from(data.slice(start..end)))
                    }
                    _ => Err(Failure::Internal(
                        "a file of a quilt has another length".to_owned(),
                    )),
                }
            }
            Place::Blobs(chunks) => self.read_chunks(holder, chunks, range).await,
        }
    }

    /// Where the bytes of an object are in the spool, if they are there.
    fn spooled(&self, record: &Record) -> Option<Arc<Put>> {
        let state = self.lock();
        if let Some(put) = state.recent.get(&record.version) {
            return Some(Arc::clone(put));
        }
        if record.place != Place::Journal {
            return None;
        }
        let pending = state.pending.get(&record.version)?;
        Some(Arc::clone(&pending.put))
    }

    async fn read_chunks(
        &self,
        holder: Holder,
        chunks: &[Chunk],
        range: Range<u64>,
    ) -> Result<Body, Failure> {
        let mut parts = parts_of(chunks, range).into_iter();
        let Some((chunk, part)) = parts.next() else {
            return Ok(Body::empty());
        };
        let first = self.shared.reader.blob(holder, &chunk.blob, part).await;
        let first = first.map_err(|refusal| of_refusal(&refusal))?;
        if parts.len() == 0 {
            return Ok(first);
        }
        let reader = self.shared.reader.clone();
        let rest = stream::iter(parts).then(move |(chunk, part)| {
            let reader = reader.clone();
            async move {
                let body = reader.blob(holder, &chunk.blob, part).await;
                let body = body.map_err(|refusal| axum::Error::new(of_refusal(&refusal)))?;
                Ok::<_, axum::Error>(body.into_data_stream())
            }
        });
        let all = first.into_data_stream().chain(rest.try_flatten());
        Ok(Body::from_stream(all))
    }

    /// All bytes of an object that is on chain, for the store itself.
    pub(crate) async fn bytes_of(&self, record: &Record) -> Result<Bytestream, Failure> {
        if record.meta.size == 0 {
            return Ok(Box::pin(stream::empty()));
        }
        let whole = 0..record.meta.size;
        let body = self.read_stored(Holder::NODE, &record.place, whole).await?;
        Ok(Box::pin(body.into_data_stream()))
    }
}

/// Which parts of which chunks a range consists of.
fn parts_of(chunks: &[Chunk], range: Range<u64>) -> Vec<(Chunk, Range<u64>)> {
    let mut parts = Vec::new();
    let mut start = 0;
    for chunk in chunks {
        let end = start + chunk.size;
        let part = range.start.max(start)..range.end.min(end);
        if !part.is_empty() {
            parts.push((chunk.clone(), part.start - start..part.end - start));
        }
        start = end;
    }
    parts
}

fn of_refusal(refusal: &Refusal) -> Failure {
    match refusal {
        // The index knows it, so it is not that there is none.
        Refusal::NotFound(text) | Refusal::Unavailable(text) => Failure::Unavailable(text.clone()),
        Refusal::Other(text) => Failure::Internal(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{BlobId, ObjectId};

    use super::*;

    #[test]
    fn ranges_are_divided_among_chunks() {
        let chunk = |id: u8, size| Chunk {
            object: ObjectId([id; 32]),
            blob: BlobId([id; 32]),
            size,
        };
        let chunks = [chunk(1, 10), chunk(2, 10), chunk(3, 5)];
        let parts = |range| {
            let parts = parts_of(&chunks, range).into_iter();
            parts
                .map(|(chunk, part)| (chunk.blob.0[0], part))
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(0..25), [(1, 0..10), (2, 0..10), (3, 0..5)]);
        assert_eq!(parts(9..11), [(1, 9..10), (2, 0..1)]);
        assert_eq!(parts(20..21), [(3, 0..1)]);
        assert_eq!(parts(10..20), [(2, 0..10)]);
        assert_eq!(parts(25..25), []);
    }
}
