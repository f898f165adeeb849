//! Answering requests for symbols.

use std::collections::BTreeMap;

use ambient::memory::{MemoryBound, Reserved};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use stdx::SaturatingFrom as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use walrus_core::{
    BlobId, Sliver, SliverIndex, SliverType, VerifiedMetadata,
    merkle::Node,
    node_api::{DecodingSymbolsQuery, DecodingSymbolsResponse, RecoverySymbolsQuery, SymbolFilter},
    sliver::{Axis, Primary, Secondary},
    symbol::{DecodingSymbol, EitherDecodingSymbol, GeneralRecoverySymbol, SymbolId},
};
use walrus_http::budget::Holder;

use super::{
    Service, ServiceError,
    expansions::{EXPANSION_BYTES_MAX, Expansion, Expansions, expansion_bytes},
};
use crate::{
    epoch::EpochView,
    metrics::Metrics,
    pending::MetadataEntry,
    storage::{READ_WAIT_MAX, SliverKey, SliverRead, Storage},
};

/// Requests for symbols being answered at a time; more are refused at once.
pub const SYMBOL_REQUESTS_MAX: usize = 256;

/// Bytes of symbols in answers that are being put together, at a time.
pub const SYMBOL_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Slivers one request expands or reads at a time.
const SLIVERS_PER_REQUEST: usize = 4;

/// Bytes of slivers of a blob that are read together, and whose symbols are encoded at once.
const SMALL_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a symbol besides its data and proof: indices, tags and lengths.
const SYMBOL_OVERHEAD_BYTES: usize = 16;

/// What requests for symbols share.
pub(crate) struct SymbolServer {
    expansions: Expansions,
    requests: Semaphore,
    requests_max: usize,
    /// Memory for the symbols of answers.
    memory: MemoryBound,
}

impl SymbolServer {
    pub(crate) fn new(requests_max: usize) -> Self {
        let requests_max = requests_max.min(Semaphore::MAX_PERMITS);
        Self {
            expansions: Expansions::new(EXPANSION_BYTES_MAX),
            requests: Semaphore::new(requests_max),
            requests_max,
            memory: MemoryBound::new(SYMBOL_BYTES_MAX),
        }
    }

    /// Memory for an answer of `bytes` bytes, with its encoding.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Reserved, ServiceError> {
        let memory = self.memory.try_reserve(bytes.saturating_mul(2));
        memory.ok_or(ServiceError::Busy)
    }

    /// Reports how full everything is.
    pub(crate) fn sample(&self, metrics: &Metrics) {
        let (expanded, expanded_max) = self.expansions.load();
        metrics.set_queue("expanded_sliver_bytes", expanded, expanded_max);
        let memory = &self.memory;
        metrics.set_queue("symbol_bytes", memory.in_use(), memory.bytes_max());
        let requests = self.requests_max - self.requests.available_permits();
        metrics.set_queue("symbol_requests", requests, self.requests_max);
    }
}

/// The symbols one request takes from one sliver.
pub(crate) struct Source {
    pub(crate) key: SliverKey,
    pub(crate) targets: Vec<SliverIndex>,
}

impl Service {
    /// `GET …/recoverySymbols`: BCS of the symbols that can be had here; an error only if there is
    /// none. Slivers are read in the name of `holder`.
    pub async fn recovery_symbols(
        &self,
        blob_id: BlobId,
        query: RecoverySymbolsQuery,
        holder: Holder,
    ) -> Result<Bytes, ServiceError> {
        let _permit = self.symbol_request()?;
        let view = self.state().view();
        let ids = self.cells(&view, &blob_id, &query.filter)?;
        let sources = self.sources(&view, &blob_id, &ids, query.proof_axis);
        if sources.is_empty() {
            return Err(ServiceError::SymbolNotPresent);
        }
        self.check_readable(blob_id, ServiceError::SliverNotFound)
            .await?;
        let entry = self.source_metadata(blob_id).await?;
        let _memory = self.reserve_symbols(&entry, ids.len())?;
        let mut symbols: Vec<GeneralRecoverySymbol> = Vec::with_capacity(ids.len());
        let mut failure = ServiceError::SliverNotFound;
        let mut answers = stream::iter(sources)
            .map(|source| self.symbols_of(source, holder))
            .buffered(SLIVERS_PER_REQUEST);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(found) => symbols.extend(found),
                Err(error) => failure = error,
            }
        }
        drop(answers);
        if symbols.is_empty() {
            return Err(failure);
        }
        symbols.sort_by_key(GeneralRecoverySymbol::id);
        Ok(self.verify(move |_| encode(&symbols)).await?)
    }

    /// `GET …/decodingSymbols`: BCS of the symbols of source slivers, by sliver; an error only if
    /// there is none. Slivers are read in the name of `holder`.
    pub async fn decoding_symbols(
        &self,
        blob_id: BlobId,
        query: DecodingSymbolsQuery,
        holder: Holder,
    ) -> Result<Bytes, ServiceError> {
        let _permit = self.symbol_request()?;
        let view = self.state().view();
        let source_slivers = query.axis.source_slivers(self.n_shards());
        for target in &query.targets {
            check_index(*target, source_slivers)?;
        }
        self.check_readable(blob_id, ServiceError::SliverNotFound)
            .await?;
        let keys: Vec<_> = view
            .shards
            .keys()
            .map(|shard| SliverKey {
                shard: *shard,
                axis: query.axis.orthogonal(),
                blob_id,
            })
            .collect();
        if keys.is_empty() {
            return Err(ServiceError::SymbolNotPresent);
        }
        let count = keys.len().saturating_mul(query.targets.len());
        let entry = self.source_metadata(blob_id).await?;
        let _memory = self.reserve_symbols(&entry, count)?;
        let mut symbols = DecodingSymbolsResponse::new();
        let mut failure = ServiceError::SliverNotFound;
        let mut take = |sliver: Result<Sliver, ServiceError>| match sliver {
            Ok(sliver) => take_cells(&sliver, &query.targets, &mut symbols),
            Err(error) => failure = error,
        };
        let is_small = are_small(&keys, &entry.verified);
        if is_small {
            let slivers = self.load_small(keys, &entry.verified, holder).await?;
            slivers.into_iter().for_each(take);
        } else {
            let mut slivers = stream::iter(keys)
                .map(|key| self.load_sliver(key, holder))
                .buffered(SLIVERS_PER_REQUEST);
            while let Some(sliver) = slivers.next().await {
                take(sliver);
            }
        }
        if symbols.is_empty() {
            return Err(failure);
        }
        if is_small {
            return Ok(encode(&symbols));
        }
        Ok(self.verify(move |_| encode(&symbols)).await?)
    }

    pub(super) fn symbol_request(&self) -> Result<SemaphorePermit<'_>, ServiceError> {
        self.symbols
            .requests
            .try_acquire()
            .map_err(|_| ServiceError::Busy)
    }

    /// The cells a filter stands for, ascending.
    fn cells(
        &self,
        view: &EpochView,
        blob_id: &BlobId,
        filter: &SymbolFilter,
    ) -> Result<Vec<SymbolId>, ServiceError> {
        let n_shards = self.n_shards().get();
        match filter {
            SymbolFilter::Ids(ids) => {
                if ids.len() > usize::from(n_shards) {
                    let (actual, max) = (ids.len(), n_shards);
                    return Err(ServiceError::TooManySymbols { actual, max });
                }
                let outside = ids
                    .iter()
                    .find(|id| id.primary.0 >= n_shards || id.secondary.0 >= n_shards);
                match outside {
                    Some(id) => Err(ServiceError::SymbolOutOfRange { id: *id, n_shards }),
                    None => Ok(ids.clone()),
                }
            }
            SymbolFilter::Target { axis, index } => {
                check_index(*index, n_shards)?;
                let mut ids: Vec<_> = view
                    .shards
                    .keys()
                    .map(|shard| {
                        let pair = shard.to_pair(blob_id, self.n_shards());
                        let source = pair.sliver_index(axis.orthogonal(), self.n_shards());
                        match axis {
                            SliverType::Primary => SymbolId {
                                primary: *index,
                                secondary: source,
                            },
                            SliverType::Secondary => SymbolId {
                                primary: source,
                                secondary: *index,
                            },
                        }
                    })
                    .collect();
                ids.sort_unstable();
                Ok(ids)
            }
        }
    }

    /// The slivers to take cells from: those on shards of this node, of `proof_axis` if that is
    /// given.
    fn sources(
        &self,
        view: &EpochView,
        blob_id: &BlobId,
        ids: &[SymbolId],
        proof_axis: Option<SliverType>,
    ) -> Vec<Source> {
        let axes: &[SliverType] = match &proof_axis {
            Some(axis) => std::slice::from_ref(axis),
            None => &[SliverType::Primary, SliverType::Secondary],
        };
        let mut sources: BTreeMap<SliverKey, Vec<SliverIndex>> = BTreeMap::new();
        for id in ids {
            let key = axes.iter().find_map(|axis| {
                let index = id.sliver_index(*axis);
                let pair = index.to_pair(*axis, self.n_shards());
                let shard = pair.to_shard(blob_id, self.n_shards());
                view.shards.contains_key(&shard).then_some(SliverKey {
                    shard,
                    axis: *axis,
                    blob_id: *blob_id,
                })
            });
            if let Some(key) = key {
                let target = id.sliver_index(key.axis.orthogonal());
                sources.entry(key).or_default().push(target);
            }
        }
        sources
            .into_iter()
            .map(|(key, targets)| Source { key, targets })
            .collect()
    }

    pub(crate) async fn symbols_of(
        &self,
        source: Source,
        holder: Holder,
    ) -> Result<Vec<GeneralRecoverySymbol>, ServiceError> {
        let expansion = self
            .symbols
            .expansions
            .get(source.key, || self.expand(source.key, holder))
            .await?;
        let symbols = source
            .targets
            .iter()
            .filter_map(|target| expansion.symbol(*target))
            .collect();
        Ok(symbols)
    }

    async fn expand(
        &self,
        key: SliverKey,
        holder: Holder,
    ) -> Result<std::sync::Arc<Expansion>, ServiceError> {
        let sliver = self.load_sliver(key, holder).await?;
        let symbols = usize::from(self.n_shards().get());
        let bytes = expansion_bytes(symbols, sliver.symbols().symbol_len());
        let memory = self
            .symbols
            .expansions
            .reserve(bytes)
            .ok_or(ServiceError::Busy)?;
        let expanded = self
            .verify(move |encoder| Expansion::new(encoder, &sliver, memory))
            .await?;
        self.metrics().expanded_slivers.inc();
        Ok(std::sync::Arc::new(expanded?))
    }

    /// A stored sliver, decoded. Damaged ones count as missing. The memory for its bytes is
    /// `holder`'s.
    pub(crate) async fn load_sliver(
        &self,
        key: SliverKey,
        holder: Holder,
    ) -> Result<Sliver, ServiceError> {
        let storage = self.state().storage();
        let bytes = match storage.read_sliver_for(key, holder).await? {
            SliverRead::Found(bytes) => bytes,
            SliverRead::Missing => return Err(ServiceError::SliverNotFound),
            SliverRead::Damaged => {
                self.sliver_damaged(key);
                return Err(ServiceError::SliverNotFound);
            }
        };
        let decoded = self.verify(move |_| decode(key.axis, &bytes)).await?;
        // What was stored was verified, and is the same as then.
        decoded.map_err(|error| ServiceError::UndecodableSliver(error.to_string()))
    }

    /// The same for slivers of a blob that are here, of which some may be missing; at once, if they
    /// are small.
    pub(crate) async fn load_slivers(
        &self,
        keys: Vec<SliverKey>,
        metadata: &VerifiedMetadata,
        holder: Holder,
    ) -> Vec<Sliver> {
        if are_small(&keys, metadata) {
            let slivers = self.load_small(keys, metadata, holder).await;
            return slivers.into_iter().flatten().flatten().collect();
        }
        let mut slivers = Vec::new();
        for key in keys {
            slivers.extend(self.load_sliver(key, holder).await);
        }
        slivers
    }

    /// Small slivers of one axis of a blob, in one go: to go to another thread and back several
    /// times for each takes longer than to read them.
    async fn load_small(
        &self,
        keys: Vec<SliverKey>,
        metadata: &VerifiedMetadata,
        holder: Holder,
    ) -> Result<Vec<Result<Sliver, ServiceError>>, ServiceError> {
        let storage = self.state().storage();
        let bytes = bytes_of(&keys, metadata);
        let _memory = storage
            .reserve_memory(u64::saturating_from(bytes), holder, READ_WAIT_MAX)
            .await?;
        let storage = storage.clone();
        let read: Vec<_> = self
            .verify(move |_| {
                let read = |key| (key, read_small(&storage, &key));
                keys.into_iter().map(read).collect()
            })
            .await?;
        let mut slivers = Vec::with_capacity(read.len());
        for (key, sliver) in read {
            match sliver {
                Small::Sliver(sliver) => slivers.push(Ok(sliver)),
                Small::Missing => slivers.push(Err(ServiceError::SliverNotFound)),
                Small::NotHere => slivers.push(self.load_sliver(key, holder).await),
            }
        }
        Ok(slivers)
    }

    /// Metadata of a blob to take symbols from.
    async fn source_metadata(&self, blob_id: BlobId) -> Result<MetadataEntry, ServiceError> {
        // Without metadata there is nothing here to take symbols from.
        let entry = self.load_metadata(blob_id).await?;
        entry.ok_or(ServiceError::SliverNotFound)
    }

    /// Memory for an answer of `count` symbols of the blob.
    fn reserve_symbols(
        &self,
        entry: &MetadataEntry,
        count: usize,
    ) -> Result<Reserved, ServiceError> {
        let proof = usize::BITS - usize::from(self.n_shards().get()).leading_zeros();
        let proof = usize::try_from(proof).unwrap_or(0) * size_of::<Node>();
        let symbol =
            usize::from(entry.verified.symbol_size().get()) + proof + SYMBOL_OVERHEAD_BYTES;
        self.symbols.reserve(count.saturating_mul(symbol))
    }
}

/// What reading a small sliver gave.
enum Small {
    Sliver(Sliver),
    Missing,
    /// It takes more than a look at the disk of this node.
    NotHere,
}

fn read_small(storage: &Storage, key: &SliverKey) -> Small {
    match storage.read_sliver_here(key) {
        Ok(Some(SliverRead::Found(bytes))) => {
            decode(key.axis, &bytes).map_or(Small::NotHere, Small::Sliver)
        }
        Ok(Some(SliverRead::Missing)) => Small::Missing,
        Ok(Some(SliverRead::Damaged) | None) | Err(_) => Small::NotHere,
    }
}

fn decode(axis: SliverType, bytes: &[u8]) -> Result<Sliver, bcs::Error> {
    match axis {
        SliverType::Primary => bcs::from_bytes(bytes).map(Sliver::Primary),
        SliverType::Secondary => bcs::from_bytes(bytes).map(Sliver::Secondary),
    }
}

/// Bytes of the symbols of slivers.
fn bytes_of(keys: &[SliverKey], metadata: &VerifiedMetadata) -> usize {
    let bytes = keys.iter().map(|key| metadata.sliver_size(key.axis));
    bytes.fold(0, usize::saturating_add)
}

fn are_small(keys: &[SliverKey], metadata: &VerifiedMetadata) -> bool {
    bytes_of(keys, metadata) <= SMALL_BYTES_MAX
}

/// Copies the cells at `targets` of a sliver: those of source slivers need no arithmetic.
fn take_cells(sliver: &Sliver, targets: &[SliverIndex], symbols: &mut DecodingSymbolsResponse) {
    for target in targets {
        let Some(cell) = sliver.symbols().get(target.as_usize()) else {
            continue;
        };
        let symbol = match sliver.axis().orthogonal() {
            SliverType::Primary => EitherDecodingSymbol::Primary(symbol::<Primary>(sliver, cell)),
            SliverType::Secondary => {
                EitherDecodingSymbol::Secondary(symbol::<Secondary>(sliver, cell))
            }
        };
        symbols.entry(*target).or_default().push(symbol);
    }
}

fn symbol<A: Axis>(source: &Sliver, cell: &[u8]) -> DecodingSymbol<A> {
    DecodingSymbol::new(source.index(), cell.to_vec())
}

fn check_index(index: SliverIndex, limit: u16) -> Result<(), ServiceError> {
    if index.0 < limit {
        return Ok(());
    }
    Err(ServiceError::SliverIndexOutOfRange {
        index: index.0,
        limit,
    })
}

fn encode<T: serde::Serialize>(value: &T) -> Bytes {
    let bytes = bcs::to_bytes(value).expect("symbols are short sequences of plain data");
    bytes.into()
}
