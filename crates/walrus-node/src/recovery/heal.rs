//! Healing one blob: everything this node should have of it and lacks.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt as _, future::join_all, stream};
use tracing::debug;
use walrus_core::{
    BlobId, SecondarySliver, Sliver, SliverIndex, SliverPair, SliverType, VerifiedMetadata,
    inconsistency::InconsistencyProof,
    sliver::{Axis, Primary, Secondary, SliverData},
    symbol::RecoverySymbol,
};
use walrus_encoder::{ConsistencyCheck, Encoder, Recovered};
use walrus_http::budget::Holder;

use super::{
    gather::{Column, verified_symbol},
    healer::{HealError, Healed, Healer, bounded, shape_of},
    plan::{Way, cheapest_way},
};
use crate::{
    epoch::EpochView,
    service::Source,
    storage::{Index, SliverKey, StorageError},
};

/// Largest blob that is decoded in order to encode missing slivers again, in bytes.
pub const DECODED_BLOB_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Slivers of one blob recovered at a time.
const SLIVERS_PER_BLOB: usize = 4;

/// Memory for decoding and encoding, as a multiple of the blob: columns, blob, slivers.
pub(super) const DECODING_MEMORY_FACTOR: u64 = 4;

/// Memory for recovery from symbols, as a multiple of what is received: as sent, as decoded, the
/// sliver.
const SYMBOLS_MEMORY_FACTOR: u64 = 3;

impl Healer {
    /// Gets everything this node lacks of a certified blob.
    pub async fn heal(&self, blob_id: BlobId) -> Result<Healed, HealError> {
        let state = self.service.state();
        let view = state.view();
        let missing = self.missing(&view, blob_id).await?;
        if missing.is_nothing() {
            return Ok(Healed::Nothing);
        }
        let at_hand = if missing.metadata {
            None
        } else {
            self.service.load_metadata(blob_id).await?
        };
        let entry = match at_hand {
            Some(entry) => entry,
            None => self.fetch_metadata(&view, blob_id).await?,
        };
        let missing = missing.slivers;
        if missing.is_empty() {
            return Ok(Healed::Metadata);
        }
        let metadata = &entry.verified;
        let lacking = missing.len();
        let missing = self.salvage(metadata, missing).await?;
        if missing.is_empty() {
            return Ok(Healed::Slivers(lacking));
        }
        let shape = shape_of(metadata);
        let axes = missing.iter().map(|key| key.axis);
        let mut left = missing.clone();
        if cheapest_way(shape, axes, DECODED_BLOB_BYTES_MAX) == Way::Decode {
            left = match self
                .heal_by_decoding(&view, metadata, missing.clone())
                .await
            {
                // Columns come from fewer symbols than the blob does from columns.
                Err(HealError::NotEnough { .. }) => missing.clone(),
                left => left?,
            };
        }
        // Columns first: they take fewer symbols, and rows can then be recovered with the help of
        // those that are here.
        let (rows, columns) = left
            .into_iter()
            .partition(|key| key.axis == SliverType::Primary);
        for slivers in [columns, rows] {
            if let Some(proof) = self.recover_all(metadata, slivers).await? {
                self.invalidate(blob_id, &proof).await?;
                return Ok(Healed::Inconsistent);
            }
        }
        Ok(Healed::Slivers(lacking))
    }

    /// Recovers slivers from symbols, or returns the proof that one cannot be recovered. Fails if
    /// one could not be recovered now; the others are.
    async fn recover_all(
        &self,
        metadata: &VerifiedMetadata,
        slivers: Vec<SliverKey>,
    ) -> Result<Option<InconsistencyProof>, HealError> {
        let memory = SYMBOLS_MEMORY_FACTOR * shape_of(metadata).recovery_bytes(SliverType::Primary);
        let mut recoveries = stream::iter(slivers)
            .map(|key| async move {
                let _memory = self.memory.reserve(bounded(memory)).await;
                self.recover(metadata, key).await
            })
            .buffer_unordered(SLIVERS_PER_BLOB);
        let mut result = Ok(None);
        while let Some(recovered) = recoveries.next().await {
            match recovered {
                Ok(None) => {}
                Ok(proof) => return Ok(proof),
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// What this node should have of a blob and lacks.
    async fn missing(
        &self,
        view: &Arc<EpochView>,
        blob_id: BlobId,
    ) -> Result<Missing, StorageError> {
        let view = view.clone();
        self.service
            .state()
            .storage()
            .with_index(move |index| Missing::of(index, &view, blob_id))
            .await
    }

    /// Decodes the blob and encodes what is missing. Returns what does not match the metadata
    /// afterwards: all of it, if whoever encoded the blob did so wrongly. Columns of nodes that
    /// send wrong ones are replaced.
    async fn heal_by_decoding(
        &self,
        view: &EpochView,
        metadata: &VerifiedMetadata,
        missing: Vec<SliverKey>,
    ) -> Result<Vec<SliverKey>, HealError> {
        let blob_id = *metadata.blob_id();
        let memory = DECODING_MEMORY_FACTOR * shape_of(metadata).blob_bytes();
        let _memory = self.memory.reserve(bounded(memory)).await;
        let mut at_hand = self.own_columns(view, metadata, &missing).await;
        loop {
            let candidates = self.candidates(view, &blob_id, SliverType::Secondary);
            let columns = self.gather_columns(metadata, candidates, at_hand).await?;
            let slivers = columns.iter().map(|column| column.sliver.clone()).collect();
            let (verified, wanted) = (metadata.clone(), missing.clone());
            let encoded = self
                .service
                .verify(move |encoder| encode_again(encoder, &verified, slivers, &wanted))
                .await?;
            if encoded.len() < missing.len() {
                let (good, bad) = self.sort_columns(metadata, columns).await?;
                if !bad.is_empty() {
                    for sender in bad.into_iter().filter_map(|column| column.sender) {
                        sender.misbehaved("a sliver that is not that of the blob");
                    }
                    at_hand = good;
                    continue;
                }
            }
            let mut left = missing;
            left.retain(|key| encoded.iter().all(|(encoded, _)| encoded != key));
            self.keep(blob_id, encoded).await?;
            return Ok(left);
        }
    }

    /// Columns of a blob that are here.
    async fn own_columns(
        &self,
        view: &EpochView,
        metadata: &VerifiedMetadata,
        missing: &[SliverKey],
    ) -> BTreeMap<SliverIndex, Column> {
        let keys = view.shards.keys().map(|shard| SliverKey {
            shard: *shard,
            axis: SliverType::Secondary,
            blob_id: *metadata.blob_id(),
        });
        let keys = keys.filter(|key| !missing.contains(key)).collect();
        let slivers = self.service.load_slivers(keys, metadata, Holder::NODE);
        let slivers = slivers.await.into_iter();
        let columns = slivers.filter_map(|sliver| match sliver {
            Sliver::Secondary(sliver) => Some((
                sliver.index,
                Column {
                    sender: None,
                    sliver,
                },
            )),
            Sliver::Primary(_) => None,
        });
        columns.collect()
    }

    /// Columns that match the metadata, and those that do not.
    async fn sort_columns(
        &self,
        metadata: &VerifiedMetadata,
        columns: Vec<Column>,
    ) -> Result<(BTreeMap<SliverIndex, Column>, Vec<Column>), StorageError> {
        let metadata = metadata.clone();
        let sort = move |encoder: &Encoder| {
            let (mut good, mut bad) = (BTreeMap::new(), Vec::new());
            for column in columns {
                if encoder.verify_sliver(&column.sliver, &metadata).is_ok() {
                    good.insert(column.sliver.index, column);
                } else {
                    bad.push(column);
                }
            }
            (good, bad)
        };
        self.service.verify(sort).await
    }

    /// Recovers one sliver and stores it, or returns the proof that it cannot be recovered.
    async fn recover(
        &self,
        metadata: &VerifiedMetadata,
        key: SliverKey,
    ) -> Result<Option<InconsistencyProof>, HealError> {
        match key.axis {
            SliverType::Primary => self.recover_axis::<Primary>(metadata, key).await,
            SliverType::Secondary => self.recover_axis::<Secondary>(metadata, key).await,
        }
    }

    async fn recover_axis<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        key: SliverKey,
    ) -> Result<Option<InconsistencyProof>, HealError>
    where
        InconsistencyProof: From<walrus_core::inconsistency::SliverInconsistencyProof<A>>,
    {
        let n_shards = self.service.n_shards();
        let pair = key.shard.to_pair(&key.blob_id, n_shards);
        let target = pair.sliver_index(A::TYPE, n_shards);
        let view = self.service.state().view();
        let own = self.own_symbols::<A>(&view, metadata, target).await;
        let candidates = self.candidates(&view, &key.blob_id, A::TYPE.orthogonal());
        let symbols = self
            .gather_symbols::<A>(metadata, target, candidates, own)
            .await?;
        let verified = metadata.clone();
        let recovered = self
            .service
            .verify(move |encoder| encoder.recover_or_prove(&verified, target, symbols))
            .await??;
        match recovered {
            Recovered::Sliver(sliver) => {
                let slivers = vec![(key, encoded(&sliver))];
                self.keep(key.blob_id, slivers).await?;
                Ok(None)
            }
            Recovered::Inconsistent(proof) => Ok(Some(proof.into())),
        }
    }

    /// Symbols that the other shards of this node contribute.
    async fn own_symbols<A: Axis>(
        &self,
        view: &EpochView,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
    ) -> BTreeMap<SliverIndex, RecoverySymbol<A>> {
        let blob_id = *metadata.blob_id();
        let mut symbols = BTreeMap::new();
        for shard in view.shards.keys() {
            let key = SliverKey {
                shard: *shard,
                axis: A::TYPE.orthogonal(),
                blob_id,
            };
            let targets = vec![target];
            // What cannot be read here is asked for elsewhere.
            let source = Source { key, targets };
            let Ok(found) = self.service.symbols_of(source, Holder::NODE).await else {
                continue;
            };
            let checked = found
                .into_iter()
                .filter_map(|symbol| verified_symbol(metadata, target, symbol));
            symbols.extend(checked);
        }
        symbols
    }

    /// Stores verified slivers of a blob, unless it has lost its certificate meanwhile.
    async fn keep(
        &self,
        blob_id: BlobId,
        slivers: Vec<(SliverKey, Bytes)>,
    ) -> Result<(), HealError> {
        let state = self.service.state();
        let epoch = state.epoch();
        let record = state.record(blob_id).await?;
        if !record.is_some_and(|record| record.is_certified(epoch)) {
            debug!(%blob_id, "a blob went while it was being healed");
            return Ok(());
        }
        // Together, so that they share the syncs.
        let stores = slivers
            .into_iter()
            .map(|(key, bytes)| state.store_sliver(key, bytes));
        for stored in join_all(stores).await {
            stored?;
            state.metrics().recovered_slivers.inc();
        }
        Ok(())
    }
}

/// What this node should have of a certified blob and lacks.
#[derive(Debug, Default)]
pub(super) struct Missing {
    pub(super) metadata: bool,
    pub(super) slivers: Vec<SliverKey>,
}

impl Missing {
    pub(super) fn of(
        index: &Index,
        view: &EpochView,
        blob_id: BlobId,
    ) -> Result<Self, StorageError> {
        let epoch = view.epoch();
        let certified = index
            .blob(&blob_id)?
            .is_some_and(|record| record.is_certified(epoch));
        let mut missing = Self::default();
        if !certified || view.owned.is_empty() {
            return Ok(missing);
        }
        missing.metadata = !index.has_metadata(&blob_id)?;
        for shard in &view.owned {
            for axis in [SliverType::Primary, SliverType::Secondary] {
                let key = SliverKey {
                    shard: *shard,
                    axis,
                    blob_id,
                };
                if view.accepts_writes(*shard) && !index.has_sliver(&key)? {
                    missing.slivers.push(key);
                }
            }
        }
        Ok(missing)
    }

    fn is_nothing(&self) -> bool {
        !self.metadata && self.slivers.is_empty()
    }
}

/// The wanted slivers that match the metadata, from columns that nobody has verified.
pub(super) fn encode_again(
    encoder: &Encoder,
    metadata: &VerifiedMetadata,
    columns: Vec<SecondarySliver>,
    wanted: &[SliverKey],
) -> Vec<(SliverKey, Bytes)> {
    let n_shards = metadata.n_shards();
    let pair_of = |key: &SliverKey| key.shard.to_pair(&key.blob_id, n_shards);
    let mut pairs: Vec<_> = wanted.iter().map(pair_of).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let blob = encoder.decode(metadata, columns, ConsistencyCheck::Skip);
    let encoded_pairs: Vec<SliverPair> = blob
        .ok()
        .and_then(|blob| encoder.encode_pairs(&blob, &pairs).ok())
        .unwrap_or_default();
    let by_index: BTreeMap<_, _> = encoded_pairs
        .iter()
        .map(|pair| (pair.index(), pair))
        .collect();
    wanted
        .iter()
        .filter_map(|key| {
            let pair = by_index.get(&pair_of(key))?;
            let bytes = match key.axis {
                SliverType::Primary => checked(encoder, metadata, &pair.primary),
                SliverType::Secondary => checked(encoder, metadata, &pair.secondary),
            };
            Some((*key, bytes?))
        })
        .collect()
}

fn checked<A: Axis>(
    encoder: &Encoder,
    metadata: &VerifiedMetadata,
    sliver: &SliverData<A>,
) -> Option<Bytes> {
    encoder.verify_sliver(sliver, metadata).ok()?;
    Some(encoded(sliver))
}

fn encoded<A: Axis>(sliver: &SliverData<A>) -> Bytes {
    let bytes = bcs::to_bytes(sliver).expect("a sliver is plain data");
    bytes.into()
}
