//! Parcels become blobs.

use std::{sync::Arc, time::Duration};

use walrus_client::{
    BlobError, BlobInput, BlobToStore, NewQuilt, ObjectReuse, QuiltPiece, StorageDuration,
    StoreOptions, StoreOutcome, progress::no_progress,
};
use walrus_core::{EpochCount, NShards, ObjectId, quilt::QuiltPatchId};

use super::{Store, blocking, stopping};
use crate::{
    failure::{Failure, is_paid},
    journal::Put,
    labels::{self, Label, ObjectLabel},
    pack::Parcel,
    record::{Chunk, Gone, Name, Owned, Place, QuiltRecord, Version},
};

/// Pauses before what was paid for, and not finished, is tried again.
const RETRY_PAUSE_MIN: Duration = Duration::from_secs(1);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What became of a blob.
pub(super) enum Stored {
    Done(Chunk),
    /// An equal one was stored in the same go: this one needs an object of its own.
    Duplicate,
    Failed {
        failure: Failure,
        is_paid: bool,
    },
}

/// What became of a parcel.
pub(super) enum Outcome {
    /// Where the objects are now, and what belongs to the store since then.
    Done {
        places: Vec<(Version, Place)>,
        owned: Vec<(ObjectId, Owned)>,
    },
    /// Nothing happened.
    Again,
    /// Nothing was paid, or nothing that is not found again.
    Failed(Failure),
}

/// A parcel, and what is in it.
#[derive(Clone)]
pub(super) struct Load {
    pub parcel: Parcel,
    pub puts: Vec<Arc<Put>>,
    /// An earlier attempt may have paid for it.
    pub is_resumed: bool,
}

impl Load {
    fn name(&self) -> &Name {
        &self.puts[0].name
    }
}

impl Store {
    /// Stores blobs, each with an object of its own.
    pub(super) async fn store_blobs(
        &self,
        blobs: Vec<BlobToStore>,
        epochs: EpochCount,
        is_resumed: bool,
    ) -> Result<Vec<Stored>, Failure> {
        let options = StoreOptions {
            duration: StorageDuration::Epochs(epochs),
            deletable: true,
            force: false,
            ignore_resources: false,
            needs_object: true,
            reuse: if is_resumed {
                ObjectReuse::Unfinished
            } else {
                ObjectReuse::None
            },
        };
        let progress = no_progress();
        let client = &self.shared.client;
        let results = client.store_labelled(blobs, &options, &progress).await;
        let results = results.map_err(|error| Failure::of_client(&error))?;
        let stored = results.into_iter().map(|result| match result {
            Ok(StoreOutcome::Stored(stored)) => {
                self.shared.metrics.stored(&stored);
                Stored::Done(Chunk {
                    object: stored.object.id,
                    blob: stored.object.blob_id,
                    size: stored.object.size,
                })
            }
            Ok(StoreOutcome::AlreadyCertified { .. }) => Stored::Duplicate,
            Err(error) => failed(&error),
        });
        Ok(stored.collect())
    }

    /// Stores parcels of one number of epochs. Returns an outcome for each.
    pub(super) async fn store_loads(&self, loads: &[Load], epochs: EpochCount) -> Vec<Outcome> {
        if let [load] = loads
            && let Parcel::Large(_) = load.parcel
        {
            return vec![self.store_large(load, epochs).await];
        }
        let mut outcomes: Vec<Option<Outcome>> = loads.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..loads.len()).collect();
        let mut is_resumed = loads.iter().any(|load| load.is_resumed);
        let mut pause = RETRY_PAUSE_MIN;
        loop {
            let mut again = Vec::new();
            match self.attempt(loads, &left, epochs, is_resumed).await {
                Ok(found) => {
                    for (position, outcome) in left.iter().zip(found) {
                        match outcome {
                            Some(outcome) => outcomes[*position] = Some(outcome),
                            None => again.push(*position),
                        }
                    }
                }
                Err(failure) => {
                    for position in left.drain(..) {
                        outcomes[position] = Some(Outcome::Failed(failure.clone()));
                    }
                }
            }
            left = again;
            if left.is_empty() || !self.pause(&mut pause).await {
                break;
            }
            is_resumed = true;
        }
        // Those that are left go on after the next start.
        outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| Outcome::Failed(stopping())))
            .collect()
    }

    /// Waits before another attempt; false if the server stops.
    async fn pause(&self, pause: &mut Duration) -> bool {
        tokio::select! {
            () = self.shared.stop.cancelled() => return false,
            () = tokio::time::sleep(*pause) => {}
        }
        *pause = (*pause * 2).min(RETRY_PAUSE_MAX);
        true
    }

    /// One attempt. A parcel without an outcome was paid for, and is worth another attempt.
    async fn attempt(
        &self,
        loads: &[Load],
        which: &[usize],
        epochs: EpochCount,
        is_resumed: bool,
    ) -> Result<Vec<Option<Outcome>>, Failure> {
        let n_shards = self.n_shards().await?;
        let mut blobs = Vec::with_capacity(which.len());
        let mut quilts = Vec::with_capacity(which.len());
        for position in which {
            let load = &loads[*position];
            match &load.parcel {
                Parcel::Quilt(versions) => {
                    let quilt = self.quilt(n_shards, load).await?;
                    let version = versions.iter().copied().max().unwrap_or_default();
                    let label = Label::Quilt {
                        bucket: load.name().bucket.clone(),
                        version,
                        gone: Gone::default(),
                    };
                    blobs.push(quilt.to_blob(label.to_attributes()));
                    quilts.push(Some(quilt));
                }
                Parcel::Single(_) | Parcel::Large(_) => {
                    blobs.push(self.chunk(&load.puts[0], 0, 1).await?);
                    quilts.push(None);
                }
            }
        }
        let stored = self.store_blobs(blobs, epochs, is_resumed).await?;
        let outcomes = which.iter().zip(quilts).zip(stored);
        Ok(outcomes
            .map(|((position, quilt), stored)| match stored {
                Stored::Done(chunk) => Some(done(&loads[*position], quilt.as_ref(), chunk)),
                Stored::Duplicate => Some(Outcome::Again),
                Stored::Failed { failure, is_paid } => {
                    tracing::warn!(%failure, is_paid, "a blob was not stored");
                    self.show_obstacle(&failure);
                    (!is_paid).then_some(Outcome::Failed(failure))
                }
            })
            .collect())
    }

    async fn n_shards(&self) -> Result<NShards, Failure> {
        let encoder = self.shared.client.encoder().await;
        let encoder = encoder.map_err(|error| Failure::of_client(&error))?;
        Ok(encoder.n_shards())
    }

    async fn quilt(&self, n_shards: NShards, load: &Load) -> Result<NewQuilt, Failure> {
        let mut pieces = Vec::with_capacity(load.puts.len());
        for put in &load.puts {
            let spool = &self.shared.journal.spool;
            let data = spool.read(&put.content, 0, put.meta.size).await;
            pieces.push(QuiltPiece {
                identifier: labels::identifier(&put.name.key),
                tags: labels::tags(put.version, &put.meta),
                data: data.map_err(|error| unreadable(&error))?,
            });
        }
        let built = blocking(move || NewQuilt::build(n_shards, &pieces)).await;
        built.map_err(|error| Failure::Internal(error.to_string()))
    }

    /// One of `count` pieces of an object.
    async fn chunk(&self, put: &Put, number: u32, count: u32) -> Result<BlobToStore, Failure> {
        let length_max = self.shared.bounds.chunk_bytes_max;
        let start = u64::from(number) * length_max;
        let length = (put.meta.size - start).min(length_max);
        let spool = &self.shared.journal.spool;
        let data = spool.read(&put.content, start, length).await;
        let label = Label::Object(ObjectLabel {
            name: put.name.clone(),
            version: put.version,
            chunk: (number, count),
            meta: (number == 0).then(|| put.meta.clone()),
        });
        Ok(BlobToStore {
            input: BlobInput::Bytes(data.map_err(|error| unreadable(&error))?),
            attributes: label.to_attributes(),
        })
    }

    /// Stores an object piece by piece: memory holds one at a time.
    async fn store_large(&self, load: &Load, epochs: EpochCount) -> Outcome {
        let put = &load.puts[0];
        let count = put.meta.size.div_ceil(self.shared.bounds.chunk_bytes_max);
        let Ok(count) = u32::try_from(count) else {
            return Outcome::Failed(Failure::Invalid(
                "the object has too many pieces".to_owned(),
            ));
        };
        let mut chunks = Vec::new();
        for number in 0..count {
            let found = self.lock().chunks.get(&(put.version, number)).cloned();
            let chunk = match found {
                Some(chunk) => Ok(chunk),
                None => self.store_chunk(load, number, count, epochs).await,
            };
            match chunk {
                // Another attempt goes on from here.
                Ok(chunk) => {
                    let mut state = self.lock();
                    state.chunks.insert((put.version, number), chunk.clone());
                    chunks.push(chunk);
                }
                Err(failure) => return Outcome::Failed(failure),
            }
        }
        self.lock()
            .chunks
            .retain(|(version, _), _| *version != put.version);
        let owned = chunks
            .iter()
            .map(|chunk| (chunk.object, Owned::Chunk(put.name.clone())));
        Outcome::Done {
            owned: owned.collect(),
            places: vec![(put.version, Place::Blobs(chunks))],
        }
    }

    async fn store_chunk(
        &self,
        load: &Load,
        number: u32,
        count: u32,
        epochs: EpochCount,
    ) -> Result<Chunk, Failure> {
        let mut pause = RETRY_PAUSE_MIN;
        let mut is_resumed = load.is_resumed;
        loop {
            let blob = self.chunk(&load.puts[0], number, count).await?;
            match self
                .store_blobs(vec![blob], epochs, is_resumed)
                .await?
                .pop()
            {
                Some(Stored::Done(chunk)) => return Ok(chunk),
                Some(Stored::Failed {
                    failure,
                    is_paid: true,
                }) => {
                    tracing::warn!(%failure, "a piece of an object was not stored");
                    self.show_obstacle(&failure);
                    if !self.pause(&mut pause).await {
                        return Err(failure);
                    }
                    is_resumed = true;
                }
                Some(Stored::Failed { failure, .. }) => return Err(failure),
                Some(Stored::Duplicate) | None => {
                    return Err(Failure::Internal(
                        "a blob has no object of its own".to_owned(),
                    ));
                }
            }
        }
    }
}

fn failed(error: &BlobError) -> Stored {
    Stored::Failed {
        failure: Failure::of_blob(error),
        is_paid: is_paid(error),
    }
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::Internal(format!("what waits to be stored cannot be read: {error}"))
}

/// Where the objects of a parcel are, once it is stored.
fn done(load: &Load, quilt: Option<&NewQuilt>, chunk: Chunk) -> Outcome {
    let Some(quilt) = quilt else {
        let put = &load.puts[0];
        return Outcome::Done {
            owned: vec![(chunk.object, Owned::Chunk(put.name.clone()))],
            places: vec![(put.version, Place::Blobs(vec![chunk]))],
        };
    };
    let patches = quilt.patches(chunk.blob);
    let mut keys = Vec::with_capacity(patches.len());
    let mut places = Vec::with_capacity(patches.len());
    for (patch, number) in patches.into_iter().zip(0..) {
        let named = |put: &&Arc<Put>| labels::identifier(&put.name.key) == patch.identifier;
        let Some(put) = load.puts.iter().find(named) else {
            continue;
        };
        keys.push(put.name.key.clone());
        places.push((put.version, place(chunk.object, patch.id, number)));
    }
    let record = QuiltRecord {
        bucket: load.name().bucket.clone(),
        blob: chunk.blob,
        keys,
        gone: Gone::default(),
    };
    Outcome::Done {
        owned: vec![(chunk.object, Owned::Quilt(record))],
        places,
    }
}

fn place(quilt: ObjectId, patch: QuiltPatchId, number: u16) -> Place {
    Place::Patch {
        quilt,
        patch,
        number,
    }
}
