//! The beginning: what the chain has and the index has not, and what the journal promised.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use walrus_client::ClientError;
use walrus_contracts::types::Blob;
use walrus_core::{Epoch, ObjectId};

use super::{
    Store,
    state::{Pending, Phase, State},
};
use crate::{
    StartError,
    failure::Failure,
    journal::{self, Removal},
    labels::{self, Label, ObjectLabel},
    pack::Parcel,
    record::{BucketRecord, Chunk, Meta, Name, Owned, Place, QuiltRecord, Record, Version},
    tables::DiskError,
};

/// Quilts whose index is read at the same time.
const CONCURRENT_QUILTS: usize = 8;

/// What a start has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Objects of the wallet that belong to the store.
    pub chain_objects: usize,
    /// Of these, those that the index did not know.
    pub unknown: usize,
    /// Buckets in the index now.
    pub buckets: usize,
    /// Objects that were put into the index.
    pub objects: usize,
    /// Entries of the index whose time is over, or that somebody else has deleted.
    pub expired: usize,
    /// Writes of the journal that are not certified yet.
    pub waiting: usize,
}

/// A blob object of ours that the index does not know.
struct Found {
    blob: Blob,
    label: Label,
}

impl Store {
    /// Brings index, journal and chain together.
    pub(super) async fn recover(&self) -> Result<Rebuilt, StartError> {
        let mut rebuilt = Rebuilt::default();
        let live = self.live_blobs().await?;
        rebuilt.expired = self.forget_expired(&live)?;
        let mut unknown = Vec::new();
        for blob in live {
            if self.shared.index.owned(blob.id)?.is_some() {
                rebuilt.chain_objects += 1;
            } else {
                unknown.push(blob);
            }
        }
        let found = self.labelled(unknown).await?;
        rebuilt.unknown = found.len();
        rebuilt.chain_objects += found.len();
        self.load_removals()?;
        let missing = self.take_in(found, &mut rebuilt).await?;
        self.replay(&mut rebuilt)?;
        self.mend_buckets(missing)
            .await
            .map_err(|failure| StartError::of(&failure))?;
        rebuilt.buckets = self.shared.index.buckets()?.len();
        self.shared.index.set_complete()?;
        Ok(rebuilt)
    }

    /// The blobs of the wallet whose time is not over.
    pub(super) async fn live_blobs(&self) -> Result<Vec<Blob>, ClientError> {
        let reader = self.shared.client.reader();
        reader.refresh().await;
        let epoch: Epoch = reader.epoch_info().await?.epoch;
        let owner = self.shared.client.contract()?.address();
        let mut blobs = reader.owned_blobs(owner).await?;
        blobs.retain(|blob| blob.storage.end_epoch > epoch);
        Ok(blobs)
    }

    /// Forgets what is in the index and not on chain any more.
    pub(super) fn forget_expired(&self, live: &[Blob]) -> Result<usize, DiskError> {
        let live: HashSet<ObjectId> = live.iter().map(|blob| blob.id).collect();
        let mut gone: HashMap<ObjectId, Owned> = HashMap::new();
        for entry in self.shared.index.all_owned() {
            let (object, owned) = entry?;
            if !live.contains(&object) {
                gone.insert(object, owned);
            }
        }
        let _state = self.lock();
        let mut change = self.shared.index.change();
        let mut count = 0;
        for (object, owned) in &gone {
            change.remove_owned(*object);
            let names: Vec<Name> = match owned {
                Owned::Bucket(bucket) => {
                    let record = self.shared.index.bucket(bucket)?;
                    if record.is_some_and(|record| record.object == *object) {
                        change.remove_bucket(bucket);
                        count += 1;
                    }
                    continue;
                }
                Owned::Chunk(name) => vec![name.clone()],
                Owned::Quilt(quilt) => {
                    let keys = quilt.keys.iter().cloned();
                    let bucket = quilt.bucket.clone();
                    let name = |key| Name {
                        bucket: bucket.clone(),
                        key,
                    };
                    keys.map(name).collect()
                }
            };
            for name in names {
                let record = self.shared.index.object(&name)?;
                if record.is_some_and(|record| record.place.objects().contains(object)) {
                    tracing::warn!(?name, %object, "an object has expired, or was deleted by others");
                    change.remove_object(&name);
                    count += 1;
                }
            }
        }
        change.commit_durably()?;
        Ok(count)
    }

    /// Those of the blobs that have labels of ours.
    async fn labelled(&self, blobs: Vec<Blob>) -> Result<Vec<Found>, ClientError> {
        let ids: Vec<ObjectId> = blobs.iter().map(|blob| blob.id).collect();
        let reader = self.shared.client.reader();
        let attributes = reader.attributes_of_blobs(&ids).await?;
        let found = blobs
            .into_iter()
            .zip(attributes)
            .filter_map(|(blob, attributes)| {
                let label = Label::parse(&attributes?)?;
                Some(Found { blob, label })
            });
        Ok(found.collect())
    }

    fn load_removals(&self) -> Result<(), DiskError> {
        let removals = self.shared.journal.removals()?;
        let mut state = self.lock();
        for (number, removal) in removals {
            state.saw(removal.version);
            let present = self.shared.index.object(&removal.name)?;
            let is_promised = removal.place.is_on_chain()
                && present.is_some_and(|present| present.place == removal.place);
            if is_promised {
                let mut change = self.shared.index.change();
                change.remove_object(&removal.name);
                change.commit()?;
            }
            self.add_removal(&mut state, number, removal, Vec::new());
        }
        Ok(())
    }

    /// Puts into the index what is found on chain. Returns the buckets that have objects and
    /// nothing that stands for them.
    async fn take_in(
        &self,
        found: Vec<Found>,
        rebuilt: &mut Rebuilt,
    ) -> Result<HashSet<String>, StartError> {
        let mut sorted = Sorted::default();
        let (puts, parcels) = (self.shared.journal.puts()?, self.shared.journal.parcels()?);
        let promised: HashSet<Version> = puts.iter().map(|put| put.version).collect();
        let begun: HashSet<Version> = parcels
            .iter()
            .filter_map(|versions| versions.iter().max().copied())
            .collect();
        for Found { blob, label } in found {
            sorted.add(blob, label, &promised, &begun);
        }
        self.take_in_buckets(sorted.buckets)?;
        for (name, version, chunks) in sorted.garbage {
            let mut state = self.lock();
            self.discard(&mut state, &name, version, Place::Blobs(chunks))?;
        }
        for ((name, version), pieces) in sorted.objects {
            self.take_in_object(&name, version, pieces, promised.contains(&version), rebuilt)?;
        }
        let quilts = self.read_quilts(sorted.quilts).await?;
        for (object, quilt, files) in quilts {
            self.take_in_quilt(object, &quilt, files, rebuilt)?;
        }
        let mut missing = HashSet::new();
        for entry in self.shared.index.all_owned() {
            let (_, owned) = entry?;
            let bucket = owned.bucket();
            if self.shared.index.bucket(bucket)?.is_none()
                && self.shared.index.has_objects(bucket)?
            {
                missing.insert(bucket.to_owned());
            }
        }
        Ok(missing)
    }

    fn take_in_buckets(
        &self,
        buckets: BTreeMap<String, Vec<BucketRecord>>,
    ) -> Result<(), DiskError> {
        let mut state = self.lock();
        for (bucket, records) in buckets {
            for record in records {
                state.saw(record.version);
                let present = self.shared.index.bucket(&bucket)?;
                let is_later = present
                    .as_ref()
                    .is_none_or(|present| present.version < record.version);
                let loser = if is_later {
                    present
                } else {
                    Some(record.clone())
                };
                if is_later {
                    let mut change = self.shared.index.change();
                    change.insert_bucket(&bucket, &record);
                    change.commit()?;
                }
                if let Some(loser) = loser {
                    let name = Name {
                        bucket: bucket.clone(),
                        key: String::new(),
                    };
                    let place = only(loser.object);
                    self.discard(&mut state, &name, loser.version, place)?;
                }
            }
        }
        Ok(())
    }

    /// An object whose pieces are all there goes into the index.
    fn take_in_object(
        &self,
        name: &Name,
        version: Version,
        pieces: Pieces,
        is_promised: bool,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), DiskError> {
        let mut state = self.lock();
        state.saw(version);
        let Pieces {
            count,
            meta,
            chunks,
        } = pieces;
        let is_complete = chunks.len() == count as usize;
        let (Some(meta), true) = (meta, is_complete) else {
            if is_promised {
                // The writer goes on from here.
                for (number, chunk) in chunks {
                    self.own(chunk.object, &Owned::Chunk(name.clone()))?;
                    state.chunks.insert((version, number), chunk);
                }
                return Ok(());
            }
            let chunks = chunks.into_values().collect();
            return self.discard(&mut state, name, version, Place::Blobs(chunks));
        };
        let record = Record {
            version,
            meta,
            place: Place::Blobs(chunks.into_values().collect()),
        };
        let owned = record.place.objects().into_iter();
        let owned: Vec<_> = owned
            .map(|object| (object, Owned::Chunk(name.clone())))
            .collect();
        for (object, owned) in &owned {
            self.own(*object, owned)?;
        }
        self.take_in_record(&mut state, name, record, rebuilt)
    }

    /// A record goes into the index, unless the journal says that it is deleted.
    fn take_in_record(
        &self,
        state: &mut State,
        name: &Name,
        record: Record,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), DiskError> {
        let removals = state.removals_of(name);
        if removals.iter().any(|removal| removal.place == record.place) {
            return Ok(());
        }
        let was_under_way = |removal: &Removal| {
            removal.place == Place::Journal && removal.version >= record.version
        };
        if removals.iter().any(was_under_way) {
            return self.discard(state, name, record.version, record.place);
        }
        rebuilt.objects += 1;
        self.apply(state, name, record, &[])
    }

    fn own(&self, object: ObjectId, owned: &Owned) -> Result<(), DiskError> {
        let mut change = self.shared.index.change();
        change.insert_owned(object, owned);
        change.commit()
    }

    /// Reads which files quilts have.
    async fn read_quilts(&self, quilts: Vec<Blob>) -> Result<Vec<Opened>, StartError> {
        let opened = stream::iter(quilts).map(|blob| async move {
            let opened = self.shared.client.open(&blob.blob_id).await?;
            let quilt = opened.quilt().await?;
            let attributes = self.shared.client.reader().blob_attributes(blob.id).await?;
            let label = Label::parse(&attributes.unwrap_or_default());
            let Some(Label::Quilt { bucket, gone, .. }) = label else {
                return Ok::<_, ClientError>(None);
            };
            let mut files = Vec::new();
            let mut keys = Vec::new();
            for (entry, number) in quilt.patches().iter().zip(0..) {
                let key = labels::key_of(&entry.patch.identifier);
                let known = key.zip(labels::parse_tags(&entry.patch.tags));
                let Some((key, (version, meta))) = known else {
                    keys.push(entry.patch.identifier.clone());
                    continue;
                };
                keys.push(key.clone());
                let place = Place::Patch {
                    quilt: blob.id,
                    patch: entry.id(blob.blob_id),
                    number,
                };
                let record = Record {
                    version,
                    meta,
                    place,
                };
                if !gone.contains(number) {
                    files.push((key, record));
                }
            }
            let record = QuiltRecord {
                bucket,
                blob: blob.blob_id,
                keys,
                gone,
            };
            Ok(Some((blob.id, record, files)))
        });
        let opened = opened.buffer_unordered(CONCURRENT_QUILTS);
        let opened: Vec<_> = opened.try_collect().await?;
        Ok(opened.into_iter().flatten().collect())
    }

    fn take_in_quilt(
        &self,
        object: ObjectId,
        quilt: &QuiltRecord,
        files: Vec<(String, Record)>,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), DiskError> {
        let mut state = self.lock();
        self.own(object, &Owned::Quilt(quilt.clone()))?;
        for (key, record) in files {
            state.saw(record.version);
            let name = Name {
                bucket: quilt.bucket.clone(),
                key,
            };
            self.take_in_record(&mut state, &name, record, rebuilt)?;
        }
        Ok(())
    }

    /// What the journal promised goes on.
    fn replay(&self, rebuilt: &mut Rebuilt) -> Result<(), DiskError> {
        let journal = &self.shared.journal;
        let mut dropped = Vec::new();
        let mut state = self.lock();
        for put in journal.puts()? {
            let put = Arc::new(put);
            let present = self.shared.index.object(&put.name)?;
            let is_stored = present.as_ref().is_some_and(|present| {
                let is_same = present.version == put.version && present.place.is_on_chain();
                let has_moved = put
                    .moved_from
                    .is_none_or(|quilt| !present.place.objects().contains(&quilt));
                present.version > put.version || (is_same && has_moved)
            });
            let is_moved_in_vain = put.moved_from.is_some() && present.is_none();
            let removals = state.removals_of(&put.name);
            let is_deleted = removals
                .iter()
                .any(|removal| removal.version >= put.version);
            if is_stored || is_moved_in_vain || (is_deleted && put.moved_from.is_none()) {
                dropped.push(put);
                continue;
            }
            if put.moved_from.is_none() {
                let record = Record {
                    version: put.version,
                    meta: put.meta.clone(),
                    place: Place::Journal,
                };
                self.apply(&mut state, &put.name, record, &[])?;
            }
            rebuilt.waiting += 1;
            let version = put.version;
            state.completing.extend(put.upload);
            state.add(&put, Phase::Waiting, Vec::new());
            if let Some(pending) = state.pending.get_mut(&version) {
                pending.is_resumed = true;
            }
        }
        let mut change = journal.change();
        for put in &dropped {
            change.remove_put(put)?;
        }
        let settled: Vec<Version> = state
            .removals
            .iter()
            .filter(|(_, pending)| pending.removal.place == Place::Journal)
            .map(|(number, _)| *number)
            .collect();
        for number in settled {
            state.removals.remove(&number);
            change.remove_removal(number);
        }
        resume(&mut state, journal.parcels()?, &mut change);
        change.commit_durably()?;
        drop(state);
        for put in dropped {
            journal.spool.remove(&put.content);
        }
        Ok(())
    }
}

/// Parcels that were begun are stored again as they were.
fn resume(state: &mut State, parcels: Vec<Vec<Version>>, change: &mut journal::Change<'_>) {
    for versions in parcels {
        let known: Vec<&Pending> = versions
            .iter()
            .filter_map(|version| state.pending.get(version))
            .collect();
        if known.len() == versions.len() {
            let is_single = known.len() == 1 && known[0].put.meta.size > 0;
            let first = versions[0];
            state.resumed.push(if is_single {
                Parcel::Single(first)
            } else {
                Parcel::Quilt(versions)
            });
        } else {
            change.remove_parcel(&versions);
        }
    }
}

type Opened = (ObjectId, QuiltRecord, Vec<(String, Record)>);

/// What was found of an object.
#[derive(Default)]
struct Pieces {
    count: u32,
    meta: Option<Meta>,
    chunks: BTreeMap<u32, Chunk>,
}

/// What was found, by kind.
#[derive(Default)]
struct Sorted {
    buckets: BTreeMap<String, Vec<BucketRecord>>,
    objects: BTreeMap<(Name, Version), Pieces>,
    quilts: Vec<Blob>,
    /// Registered in vain, or twice.
    garbage: Vec<(Name, Version, Vec<Chunk>)>,
}

impl Sorted {
    /// `promised` are the versions of which the journal has the bytes, `begun` the quilts of which
    /// it has all files.
    fn add(
        &mut self,
        blob: Blob,
        label: Label,
        promised: &HashSet<Version>,
        begun: &HashSet<Version>,
    ) {
        let chunk = Chunk {
            object: blob.id,
            blob: blob.blob_id,
            size: blob.size,
        };
        let is_certified = blob.certified_epoch.is_some();
        let name = |bucket: &str| Name {
            bucket: bucket.to_owned(),
            key: String::new(),
        };
        match label {
            Label::Bucket {
                bucket,
                version,
                epochs,
            } if is_certified => self.buckets.entry(bucket).or_default().push(BucketRecord {
                version,
                object: blob.id,
                epochs,
            }),
            Label::Object(label) if is_certified => self.add_piece(label, chunk),
            // The writer goes on with these.
            Label::Object(label) if promised.contains(&label.version) => {}
            Label::Object(label) => self.garbage.push((label.name, label.version, vec![chunk])),
            Label::Quilt { .. } if is_certified => self.quilts.push(blob),
            Label::Quilt { version, .. } if begun.contains(&version) => {}
            Label::Bucket {
                bucket, version, ..
            }
            | Label::Quilt {
                bucket, version, ..
            } => self.garbage.push((name(&bucket), version, vec![chunk])),
        }
    }

    fn add_piece(&mut self, label: ObjectLabel, chunk: Chunk) {
        let (number, count) = label.chunk;
        let key = (label.name, label.version);
        let pieces = self.objects.entry(key.clone()).or_default();
        if pieces.chunks.contains_key(&number) {
            self.garbage.push((key.0, key.1, vec![chunk]));
            return;
        }
        pieces.count = count;
        pieces.chunks.insert(number, chunk);
        pieces.meta = label.meta.or(pieces.meta.take());
    }
}

impl State {
    /// The removals of a name.
    fn removals_of(&self, name: &Name) -> Vec<Removal> {
        let all = self.removals.values().map(|pending| &pending.removal);
        all.filter(|removal| removal.name == *name)
            .cloned()
            .collect()
    }
}

fn only(object: ObjectId) -> Place {
    Place::Blobs(vec![Chunk {
        object,
        blob: walrus_core::BlobId::default(),
        size: 0,
    }])
}

impl StartError {
    fn of(failure: &Failure) -> Self {
        Self::Store(failure.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(id: u8, is_certified: bool) -> Blob {
        Blob {
            id: ObjectId([id; 32]),
            registered_epoch: 1,
            blob_id: walrus_core::BlobId([id; 32]),
            size: 10,
            encoding_type: 1,
            certified_epoch: is_certified.then_some(1),
            storage: walrus_contracts::types::Storage {
                id: ObjectId([id; 32]),
                start_epoch: 1,
                end_epoch: 2,
                storage_size: 10,
            },
            deletable: true,
        }
    }

    fn piece(number: u32) -> Label {
        Label::Object(ObjectLabel {
            name: Name {
                bucket: "b".to_owned(),
                key: "k".to_owned(),
            },
            version: Version(5),
            chunk: (number, 2),
            meta: (number == 0).then(Meta::default),
        })
    }

    #[test]
    fn what_was_cut_off_is_kept_only_if_the_journal_goes_on_with_it() {
        let promised = HashSet::from([Version(5)]);
        for (promised, garbage) in [(&promised, 1), (&HashSet::new(), 2)] {
            let mut sorted = Sorted::default();
            sorted.add(blob(1, true), piece(1), promised, &HashSet::new());
            sorted.add(blob(2, false), piece(0), promised, &HashSet::new());
            // The same piece twice.
            sorted.add(blob(3, true), piece(1), promised, &HashSet::new());
            let pieces = sorted.objects.into_values().next().unwrap();
            assert_eq!(
                (pieces.count, pieces.chunks.len(), pieces.meta),
                (2, 1, None)
            );
            assert_eq!(sorted.garbage.len(), garbage);
        }
    }
}
