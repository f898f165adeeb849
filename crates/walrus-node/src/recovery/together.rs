//! Healing many small blobs at once.
//!
//! To go to another thread, and to another node, takes longer than to read, decode and check a
//! small blob. So a group of blobs shares one look at the index, one request to each of as many
//! nodes as it takes, one turn of computing and one commit. What does not come back like this is
//! left to be healed alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt as _, future::join_all, stream};
use rand::seq::SliceRandom as _;
use stdx::SaturatingFrom as _;
use tokio::time::Instant;
use tracing::debug;
use walrus_core::{
    BlobId, BlobMetadataWithId, SecondarySliver, ShardIndex, SliverType, VerifiedMetadata,
    node_api::{COLUMNS_MAX, ColumnsRequest, ColumnsResponse},
};
use walrus_encoder::Encoder;

use super::{
    gather::{Candidates, gather},
    heal::{DECODING_MEMORY_FACTOR, Missing, encode_again},
    healer::{HealError, Healer, bounded, shape_of},
    plan::{Ask, Way, cheapest_way},
};
use crate::{
    epoch::EpochView,
    peer::Peer,
    pending::MetadataEntry,
    storage::{SliverKey, Storage, StorageError},
};

/// Blobs healed together at most.
pub(crate) const TOGETHER_BLOBS_MAX: usize = 64;

/// Metadata of blobs fetched at a time.
const METADATA_REQUESTS_MAX: usize = 32;

/// How often a group is healed together while some lie.
const ATTEMPTS_MAX: usize = 3;

/// Largest blob that is healed together with others, in bytes.
const SMALL_BLOB_BYTES_MAX: u64 = 128 * 1024;

/// Bytes of blobs healed together at most: what a node has of them fits into one answer.
const TOGETHER_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Bytes of an answer besides the columns, for each blob.
const ANSWER_OVERHEAD_BYTES: usize = 64;

/// Bytes of a column in an answer besides its symbols: shard, index and lengths.
const COLUMN_OVERHEAD_BYTES: usize = 16;

/// A small blob that lacks slivers here.
struct SmallBlob {
    metadata: VerifiedMetadata,
    missing: Vec<SliverKey>,
}

impl SmallBlob {
    fn id(&self) -> BlobId {
        *self.metadata.blob_id()
    }
}

/// What a shard has of the blobs of a group, in their order.
struct ShardColumns {
    /// Who sent it; `None` if it was here.
    sender: Option<Arc<Peer>>,
    columns: Vec<Option<SecondarySliver>>,
}

/// A group of blobs, and what is here of them.
#[derive(Default)]
struct Group {
    blobs: Vec<SmallBlob>,
    /// Columns of shards of this node that have one of every blob.
    own: BTreeMap<ShardIndex, Vec<Option<SecondarySliver>>>,
    without_metadata: Vec<BlobId>,
    /// Metadata that was verified just now.
    verified: Vec<MetadataEntry>,
}

/// What came of healing a group.
#[derive(Default)]
struct Together {
    healed: BTreeSet<BlobId>,
    /// Somebody sent something wrong, and is left alone now.
    were_lies: bool,
}

/// What computing gave.
#[derive(Default)]
struct Encoded {
    slivers: Vec<(SliverKey, Bytes)>,
    /// Shards of which a column was wrong.
    wrong: BTreeSet<ShardIndex>,
}

impl Healer {
    /// Gets what this node lacks of small blobs among these. Returns those that are left to be
    /// looked at one by one.
    pub(crate) async fn heal_together(&self, mut blob_ids: Vec<BlobId>) -> Vec<BlobId> {
        for _ in 0..ATTEMPTS_MAX {
            let Together { healed, were_lies } = match self.try_together(&blob_ids).await {
                Ok(together) => together,
                Err(error) => {
                    debug!(%error, "small blobs cannot be healed together now");
                    break;
                }
            };
            blob_ids.retain(|blob_id| !healed.contains(blob_id));
            if !were_lies {
                break;
            }
        }
        blob_ids
    }

    async fn try_together(&self, blob_ids: &[BlobId]) -> Result<Together, HealError> {
        let nothing = Together::default();
        let view = self.service.state().view();
        let candidates = self.givers(&view);
        if candidates.peers.is_empty() {
            return Ok(nothing);
        }
        let mut group = self.group(&view, blob_ids).await?;
        if !group.without_metadata.is_empty() {
            self.fetch_all_metadata(&view, group.without_metadata).await;
            group = self.group(&view, blob_ids).await?;
        }
        let Group { blobs, own, .. } = group;
        let needed = usize::from(SliverType::Secondary.source_slivers(self.service.n_shards()));
        let within_reach: BTreeSet<_> = candidates
            .sources
            .iter()
            .flatten()
            .chain(own.keys())
            .collect();
        if blobs.is_empty() || within_reach.len() < needed {
            return Ok(nothing);
        }
        let bytes = blobs
            .iter()
            .map(|blob| shape_of(&blob.metadata).blob_bytes());
        let memory = DECODING_MEMORY_FACTOR.saturating_mul(bytes.sum());
        let _memory = self.memory.reserve(bounded(memory)).await;
        let at_hand = own.into_iter().map(|(shard, columns)| {
            let sender = None;
            (shard, ShardColumns { sender, columns })
        });
        let columns = gather(candidates, at_hand.collect(), needed, |peer, ask| {
            self.ask_group(&blobs, peer, ask)
        })
        .await?;
        let mut senders = BTreeMap::new();
        for (shard, ShardColumns { sender, .. }) in &columns {
            senders.insert(*shard, sender.clone());
        }
        let encoded = self
            .service
            .verify(move |encoder| encode_group(encoder, &blobs, &columns, needed))
            .await?;
        let liars: BTreeMap<_, _> = encoded
            .wrong
            .iter()
            .filter_map(|shard| senders.get(shard)?.clone())
            .map(|sender| (sender.node_id(), sender))
            .collect();
        for sender in liars.values() {
            sender.misbehaved("a sliver that is not that of the blob");
        }
        Ok(Together {
            were_lies: !liars.is_empty(),
            healed: self.keep_together(encoded.slivers).await?,
        })
    }

    /// The nodes that may have columns of many blobs to give, in random order, with their shards.
    fn givers(&self, view: &EpochView) -> Candidates<ShardIndex> {
        let mut holders = self.peers.holders(view);
        let now = Instant::now();
        holders.retain(|holder| holder.peer.is_available(now) && holder.peer.may_give_columns(now));
        holders.shuffle(&mut ambient::rng());
        let shards = holders
            .into_iter()
            .map(|holder| (holder.peer, holder.shards));
        let (peers, sources) = shards.unzip();
        Candidates { peers, sources }
    }

    /// The small ones among blobs, with what is here of them.
    async fn group(
        &self,
        view: &Arc<EpochView>,
        blob_ids: &[BlobId],
    ) -> Result<Group, StorageError> {
        let state = self.service.state();
        let known: Vec<_> = blob_ids
            .iter()
            .map(|blob_id| (*blob_id, state.cached_metadata(blob_id)))
            .collect();
        let (storage, view) = (state.storage().clone(), view.clone());
        let look = move |encoder: &Encoder| look_at(&storage, encoder, &view, known);
        let mut group = self.service.verify(look).await??;
        for entry in group.verified.drain(..) {
            state.cache_metadata(entry);
        }
        Ok(group)
    }

    /// Metadata of blobs, as far as somebody has it.
    async fn fetch_all_metadata(&self, view: &EpochView, blob_ids: Vec<BlobId>) {
        let mut fetched = stream::iter(blob_ids)
            .map(|blob_id| self.fetch_metadata(view, blob_id))
            .buffer_unordered(METADATA_REQUESTS_MAX);
        while let Some(entry) = fetched.next().await {
            if let Err(error) = entry {
                debug!(%error, "the metadata of a blob cannot be had now");
            }
        }
    }

    /// What shards of a node have of the blobs.
    async fn ask_group(
        &self,
        blobs: &[SmallBlob],
        peer: Arc<Peer>,
        ask: Ask<ShardIndex>,
    ) -> Option<Vec<(ShardIndex, ShardColumns)>> {
        let mut shards = ask.sources;
        shards.truncate(COLUMNS_MAX / blobs.len());
        let column = |blob: &SmallBlob| {
            let bytes = blob.metadata.sliver_size(SliverType::Secondary);
            bytes.saturating_add(COLUMN_OVERHEAD_BYTES)
        };
        let sizes = blobs.iter().map(column).fold(0, usize::saturating_add);
        let limit = sizes.saturating_mul(shards.len()) + ANSWER_OVERHEAD_BYTES * blobs.len();
        let request = ColumnsRequest {
            shards: shards.clone(),
            blob_ids: blobs.iter().map(SmallBlob::id).collect(),
        };
        let answer = peer
            .ask(|client| async move { client.columns(&request, limit).await })
            .await
            .inspect_err(|error| {
                if error.is_unknown_endpoint() {
                    peer.gives_no_columns();
                }
            })
            .ok()?;
        let Some(columns) = sort_answer(answer, blobs, &shards) else {
            peer.misbehaved("columns that nobody asked for");
            return None;
        };
        let received = columns.values().flatten().flatten();
        let bytes = received.map(|column| u64::saturating_from(column.symbols.data.len()));
        self.count_received(bytes.sum());
        let from_peer = |(shard, columns)| {
            let sender = Some(peer.clone());
            (shard, ShardColumns { sender, columns })
        };
        Some(columns.into_iter().map(from_peer).collect())
    }

    /// Stores verified slivers, but not those of blobs that have lost their certificate meanwhile.
    /// Returns the blobs.
    async fn keep_together(
        &self,
        slivers: Vec<(SliverKey, Bytes)>,
    ) -> Result<BTreeSet<BlobId>, HealError> {
        let state = self.service.state();
        let epoch = state.epoch();
        let blobs: BTreeSet<_> = slivers.iter().map(|(key, _)| key.blob_id).collect();
        let asked = blobs.clone();
        let wanted = state
            .storage()
            .with_index(move |index| {
                let mut wanted = BTreeSet::new();
                for blob_id in asked {
                    let record = index.blob(&blob_id)?;
                    if record.is_some_and(|record| record.is_certified(epoch)) {
                        wanted.insert(blob_id);
                    }
                }
                Ok(wanted)
            })
            .await?;
        // Together, so that they share the syncs.
        let stores = slivers
            .into_iter()
            .filter(|(key, _)| wanted.contains(&key.blob_id))
            .map(|(key, bytes)| state.store_sliver(key, bytes));
        for stored in join_all(stores).await {
            stored?;
            state.metrics().recovered_slivers.inc();
        }
        Ok(blobs)
    }
}

/// Finds out which blobs are small and lack slivers, and reads what is here of them.
fn look_at(
    storage: &Storage,
    encoder: &Encoder,
    view: &EpochView,
    known: Vec<(BlobId, Option<MetadataEntry>)>,
) -> Result<Group, StorageError> {
    let mut group = Group::default();
    let mut room = TOGETHER_BYTES_MAX;
    for (blob_id, cached) in known {
        let Missing { metadata, slivers } = Missing::of(storage.index(), view, blob_id)?;
        let is_left = slivers.iter().any(|key| storage.is_in_quarantine(key));
        if metadata {
            group.without_metadata.push(blob_id);
            continue;
        }
        if slivers.is_empty() || is_left {
            continue;
        }
        let entry = match cached {
            Some(entry) => entry,
            None => match stored_metadata(storage, encoder, blob_id)? {
                Some(entry) => {
                    group.verified.push(entry.clone());
                    entry
                }
                None => continue,
            },
        };
        let shape = shape_of(&entry.verified);
        let axes = slivers.iter().map(|key| key.axis);
        let bytes = shape.blob_bytes();
        let decodable_bytes_max = SMALL_BLOB_BYTES_MAX.min(room);
        if cheapest_way(shape, axes, decodable_bytes_max) == Way::Decode {
            room -= bytes;
            group.blobs.push(SmallBlob {
                metadata: entry.verified,
                missing: slivers,
            });
        }
    }
    for shard in view.shards.keys() {
        if let Some(columns) = own_columns(storage, *shard, &group.blobs)? {
            group.own.insert(*shard, columns);
        }
    }
    Ok(group)
}

/// Metadata that is stored and that of the blob.
fn stored_metadata(
    storage: &Storage,
    encoder: &Encoder,
    blob_id: BlobId,
) -> Result<Option<MetadataEntry>, StorageError> {
    let Some(bytes) = storage.read_metadata_here(&blob_id)? else {
        return Ok(None);
    };
    let wire = bcs::from_bytes::<BlobMetadataWithId>(&bytes).ok();
    let verified = wire
        .filter(|wire| wire.blob_id == blob_id)
        .and_then(|wire| wire.verify(encoder.n_shards()).ok());
    Ok(verified.map(|verified| MetadataEntry { verified, bytes }))
}

/// The columns of a shard of this node; `None` unless there is one of every blob.
fn own_columns(
    storage: &Storage,
    shard: ShardIndex,
    blobs: &[SmallBlob],
) -> Result<Option<Vec<Option<SecondarySliver>>>, StorageError> {
    let mut columns = Vec::with_capacity(blobs.len());
    for blob in blobs {
        let key = SliverKey {
            shard,
            axis: SliverType::Secondary,
            blob_id: blob.id(),
        };
        let bytes = storage.read_small_sliver(&key, SMALL_BLOB_BYTES_MAX)?;
        let Some(column) = bytes.and_then(|bytes| bcs::from_bytes(&bytes).ok()) else {
            return Ok(None);
        };
        columns.push(Some(column));
    }
    Ok(Some(columns))
}

/// An answer by shards; `None` if there is something in it that was not asked for, or that is not
/// of the size of a column.
fn sort_answer(
    answer: ColumnsResponse,
    blobs: &[SmallBlob],
    shards: &[ShardIndex],
) -> Option<BTreeMap<ShardIndex, Vec<Option<SecondarySliver>>>> {
    if answer.len() > blobs.len() {
        return None;
    }
    let mut sorted: BTreeMap<ShardIndex, Vec<Option<SecondarySliver>>> = BTreeMap::new();
    for (position, (columns, blob)) in answer.into_iter().zip(blobs).enumerate() {
        let SmallBlob { metadata, .. } = blob;
        let n_shards = metadata.n_shards();
        for (shard, column) in columns {
            let pair = shard.to_pair(&blob.id(), n_shards);
            let fits = shards.contains(&shard)
                && column.index == pair.sliver_index(SliverType::Secondary, n_shards)
                && column.symbols.symbol_size == metadata.symbol_size()
                && column.symbols.data.len() == metadata.sliver_size(SliverType::Secondary);
            if !fits {
                return None;
            }
            let of_shard = sorted.entry(shard);
            let of_shard = of_shard.or_insert_with(|| blobs.iter().map(|_| None).collect());
            of_shard[position] = Some(column);
        }
    }
    Some(sorted)
}

/// Decodes blobs and encodes what is missing of them. Of a blob that does not come out as its
/// metadata says there is nothing, and every column is checked.
fn encode_group(
    encoder: &Encoder,
    blobs: &[SmallBlob],
    columns: &BTreeMap<ShardIndex, ShardColumns>,
    needed: usize,
) -> Encoded {
    let mut result = Encoded::default();
    for (position, SmallBlob { metadata, missing }) in blobs.iter().enumerate() {
        let at_hand: Vec<_> = columns
            .iter()
            .filter_map(|(shard, of)| Some((*shard, of.columns[position].as_ref()?)))
            .collect();
        if at_hand.len() < needed {
            continue;
        }
        let slivers = at_hand
            .iter()
            .map(|(_, column)| (*column).clone())
            .collect();
        let encoded = encode_again(encoder, metadata, slivers, missing);
        if encoded.len() == missing.len() {
            result.slivers.extend(encoded);
            continue;
        }
        for (shard, column) in at_hand {
            if encoder.verify_sliver(column, metadata).is_err() {
                result.wrong.insert(shard);
            }
        }
    }
    result
}
