//! Getting parts of a blob together from other nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use rand::seq::SliceRandom as _;
use stdx::SaturatingFrom as _;
use tokio::time::{Instant, timeout};
use walrus_core::{
    BlobId, BlobMetadataWithId, SecondarySliver, SliverIndex, SliverType, VerifiedMetadata,
    node_api::{DecodingSymbolsQuery, DecodingSymbolsResponse, RecoverySymbolsQuery, SymbolFilter},
    sliver::Axis,
    symbol::{
        DecodingSymbol, EitherDecodingSymbol, GeneralRecoverySymbol, RecoverySymbol, SymbolId,
    },
};

use super::{
    healer::{HealError, Healer, shape_of},
    plan::{Ask, BlobShape, next_asks},
};
use crate::{epoch::EpochView, peer::Peer, pending::MetadataEntry};

/// How long nodes have to answer before others are asked for the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Room for lengths around the symbols of an answer, in bytes.
const ANSWER_OVERHEAD_BYTES: u64 = 1_024;

/// Nodes that can be asked, and the slivers of one axis each may have.
pub(super) struct Candidates<K = SliverIndex> {
    pub(super) peers: Vec<Arc<Peer>>,
    pub(super) sources: Vec<BTreeSet<K>>,
}

/// A column of a blob.
#[derive(Clone)]
pub(super) struct Column {
    /// Who sent it; `None` if it was here.
    pub(super) sender: Option<Arc<Peer>>,
    pub(super) sliver: SecondarySliver,
}

impl Healer {
    /// The nodes that may have slivers of `axis` and answer at present, in random order.
    pub(super) fn candidates(
        &self,
        view: &EpochView,
        blob_id: &BlobId,
        axis: SliverType,
    ) -> Candidates {
        let n_shards = self.service.n_shards();
        let mut holders = self.peers.holders(view);
        let now = Instant::now();
        holders.retain(|holder| holder.peer.is_available(now));
        holders.shuffle(&mut ambient::rng());
        let (peers, sources) = holders
            .into_iter()
            .map(|holder| {
                let sources = holder
                    .shards
                    .iter()
                    .map(|shard| {
                        shard
                            .to_pair(blob_id, n_shards)
                            .sliver_index(axis, n_shards)
                    })
                    .collect();
                (holder.peer, sources)
            })
            .unzip();
        Candidates { peers, sources }
    }

    /// Metadata of a blob, from whoever has it first; verified and stored.
    pub(crate) async fn fetch_metadata(
        &self,
        view: &EpochView,
        blob_id: BlobId,
    ) -> Result<MetadataEntry, HealError> {
        if let Some(entry) = self.service.load_metadata(blob_id).await? {
            // What was verified a short while ago is at hand even when the disk has lost it since.
            let state = self.service.state();
            if !state.has_metadata(blob_id).await? {
                state.store_metadata(entry.clone()).await?;
            }
            return Ok(entry);
        }
        let mut peers = self
            .candidates(view, &blob_id, SliverType::Primary)
            .peers
            .into_iter();
        let mut answers = FuturesUnordered::new();
        loop {
            // One at a time, and one more whenever those who were asked take their time.
            if let Some(peer) = peers.next() {
                answers.push(self.ask_metadata(blob_id, peer));
            } else if answers.is_empty() {
                return Err(HealError::NoMetadata);
            }
            let can_ask_more = peers.len() > 0;
            while let Some(answer) = next_within(&mut answers, can_ask_more).await {
                if let Some(entry) = answer? {
                    self.service.state().store_metadata(entry.clone()).await?;
                    return Ok(entry);
                }
            }
        }
    }

    async fn ask_metadata(
        &self,
        blob_id: BlobId,
        peer: Arc<Peer>,
    ) -> Result<Option<MetadataEntry>, HealError> {
        let answer = peer
            .ask(|client| async move { client.metadata(&blob_id).await })
            .await;
        let Ok(wire) = answer else { return Ok(None) };
        let checked = self.check_metadata(blob_id, wire).await?;
        if checked.is_none() {
            peer.misbehaved("metadata that is not that of the blob");
        }
        Ok(checked)
    }

    async fn check_metadata(
        &self,
        blob_id: BlobId,
        wire: BlobMetadataWithId,
    ) -> Result<Option<MetadataEntry>, HealError> {
        let n_shards = self.service.n_shards();
        let check = move |_: &walrus_encoder::Encoder| {
            if wire.blob_id != blob_id {
                return None;
            }
            let verified = wire.verify(n_shards).ok()?;
            let bytes = bcs::to_bytes(verified.as_wire()).ok()?.into();
            Some(MetadataEntry { verified, bytes })
        };
        Ok(self.service.verify(check).await?)
    }

    /// Columns of the blob until there are enough to decode it, with their senders. They are not
    /// verified.
    pub(super) async fn gather_columns(
        &self,
        metadata: &VerifiedMetadata,
        candidates: Candidates,
        at_hand: BTreeMap<SliverIndex, Column>,
    ) -> Result<Vec<Column>, HealError> {
        let shape = shape_of(metadata);
        let needed = shape.slivers_needed(SliverType::Secondary);
        let columns = gather(candidates, at_hand, needed, |peer, _| {
            self.ask_columns(metadata, shape, peer)
        })
        .await?;
        Ok(columns.into_values().collect())
    }

    /// All columns a node has of a blob: the cells of its columns in the source rows are their
    /// symbols.
    async fn ask_columns(
        &self,
        metadata: &VerifiedMetadata,
        shape: BlobShape,
        peer: Arc<Peer>,
    ) -> Option<Vec<(SliverIndex, Column)>> {
        let blob_id = *metadata.blob_id();
        let rows = SliverType::Primary.source_slivers(shape.n_shards);
        let query = DecodingSymbolsQuery {
            axis: SliverType::Primary,
            targets: (0..rows).map(SliverIndex).collect(),
        };
        // At worst a node has every column.
        let limit = 2 * shape.decoding_bytes() + ANSWER_OVERHEAD_BYTES;
        let limit = usize::saturating_from(limit);
        let answer = peer
            .ask(|client| async move { client.decoding_symbols(&blob_id, &query, limit).await })
            .await;
        let answer = answer.ok()?;
        self.count_received(answer.values().flatten().map(decoding_symbol_bytes).sum());
        let columns = assemble_columns(answer, metadata);
        let Some(columns) = columns else {
            peer.misbehaved("symbols that do not make up slivers");
            return None;
        };
        let from_peer = |(index, sliver)| {
            let sender = Some(peer.clone());
            (index, Column { sender, sliver })
        };
        Some(columns.into_iter().map(from_peer).collect())
    }

    /// Proven symbols until there are enough to recover the sliver `target` of axis `A`.
    pub(super) async fn gather_symbols<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
        candidates: Candidates,
        at_hand: BTreeMap<SliverIndex, RecoverySymbol<A>>,
    ) -> Result<Vec<RecoverySymbol<A>>, HealError> {
        let needed = shape_of(metadata).symbols_needed(A::TYPE);
        let symbols = gather(candidates, at_hand, needed, |peer, ask| {
            self.ask_symbols::<A>(metadata, target, peer, ask)
        })
        .await?;
        Ok(symbols.into_values().collect())
    }

    async fn ask_symbols<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
        peer: Arc<Peer>,
        ask: Ask,
    ) -> Option<Vec<(SliverIndex, RecoverySymbol<A>)>> {
        let blob_id = *metadata.blob_id();
        let limit = shape_of(metadata).proven_symbols_bytes(ask.sources.len());
        let limit = usize::saturating_from(limit + ANSWER_OVERHEAD_BYTES);
        let filter = if ask.is_all {
            SymbolFilter::Target {
                axis: A::TYPE,
                index: target,
            }
        } else {
            let id = |source: &SliverIndex| cell::<A>(target, *source);
            SymbolFilter::Ids(ask.sources.iter().map(id).collect())
        };
        let query = RecoverySymbolsQuery {
            filter,
            proof_axis: Some(A::TYPE.orthogonal()),
        };
        let answer = peer
            .ask(|client| async move { client.recovery_symbols(&blob_id, &query, limit).await })
            .await
            .ok()?;
        self.count_received(answer.iter().map(symbol_bytes).sum());
        let metadata = metadata.clone();
        let count = answer.len();
        let verified: Vec<_> = self
            .service
            .verify(move |_| {
                let check = |symbol| verified_symbol::<A>(&metadata, target, symbol);
                answer.into_iter().filter_map(check).collect()
            })
            .await
            .ok()?;
        if verified.len() < count {
            peer.misbehaved("symbols that are not proven");
        }
        Some(verified)
    }
}

/// Asks candidates until `needed` different parts are at hand. `fetch` gives what a node sends,
/// `None` if it is of no use.
///
/// A node that takes its time keeps nobody waiting: others are asked for what it was asked for, and
/// whoever answers first helps.
pub(super) async fn gather<K, T, F>(
    candidates: Candidates<K>,
    mut at_hand: BTreeMap<K, T>,
    needed: usize,
    fetch: impl Fn(Arc<Peer>, Ask<K>) -> F,
) -> Result<BTreeMap<K, T>, HealError>
where
    K: Ord + Copy,
    F: Future<Output = Option<Vec<(K, T)>>>,
{
    let Candidates { peers, mut sources } = candidates;
    let whole: Vec<usize> = sources.iter().map(BTreeSet::len).collect();
    let mut expected: BTreeSet<K> = BTreeSet::new();
    let mut asked: BTreeSet<usize> = BTreeSet::new();
    let mut answers = FuturesUnordered::new();
    while at_hand.len() < needed {
        let covered = at_hand.keys().chain(&expected).copied().collect();
        for mut ask in next_asks(&sources, &covered, needed) {
            for source in &ask.sources {
                // What it does not send it does not have.
                sources[ask.holder].remove(source);
                expected.insert(*source);
            }
            ask.is_all = ask.sources.len() == whole[ask.holder];
            asked.insert(ask.holder);
            let answer = fetch(peers[ask.holder].clone(), ask.clone());
            answers.push(async move { (ask, answer.await) });
        }
        if answers.is_empty() {
            let have = at_hand.len();
            return Err(HealError::NotEnough { have, needed });
        }
        let can_ask_more = sources.iter().any(|rest| !rest.is_empty());
        let Some((ask, answer)) = next_within(&mut answers, can_ask_more).await else {
            // They may still answer, but nobody counts on it.
            for holder in std::mem::take(&mut asked) {
                peers[holder].tarries();
            }
            expected.clear();
            continue;
        };
        asked.remove(&ask.holder);
        for source in &ask.sources {
            expected.remove(source);
        }
        match answer {
            Some(parts) => at_hand.extend(parts),
            None => sources[ask.holder].clear(),
        }
    }
    Ok(at_hand)
}

/// The next answer; `None` when there is none, or none comes soon and others can be asked.
async fn next_within<F: Future>(
    answers: &mut FuturesUnordered<F>,
    can_ask_more: bool,
) -> Option<F::Output> {
    if can_ask_more {
        timeout(PATIENCE, answers.next()).await.ok().flatten()
    } else {
        answers.next().await
    }
}

/// The cell that the sliver `target` of axis `A` shares with `source` of the other axis.
fn cell<A: Axis>(target: SliverIndex, source: SliverIndex) -> SymbolId {
    match A::TYPE {
        SliverType::Primary => SymbolId {
            primary: target,
            secondary: source,
        },
        SliverType::Secondary => SymbolId {
            primary: source,
            secondary: target,
        },
    }
}

/// A symbol for the sliver `target` of axis `A`, if that is what it is and its proof holds.
pub(super) fn verified_symbol<A: Axis>(
    metadata: &VerifiedMetadata,
    target: SliverIndex,
    symbol: GeneralRecoverySymbol,
) -> Option<(SliverIndex, RecoverySymbol<A>)> {
    if symbol.source_axis() != A::TYPE.orthogonal() {
        return None;
    }
    symbol.verify(metadata, target, A::TYPE).ok()?;
    let GeneralRecoverySymbol { symbol, proof, .. } = symbol;
    let index = symbol.index();
    let symbol = DecodingSymbol::new(index, symbol.into_data());
    Some((index, RecoverySymbol { symbol, proof }))
}

/// Columns from the cells they have in all source rows; `None` if a cell is too many, or of the
/// wrong size.
fn assemble_columns(
    answer: DecodingSymbolsResponse,
    metadata: &VerifiedMetadata,
) -> Option<Vec<(SliverIndex, SecondarySliver)>> {
    let n_shards = metadata.n_shards();
    let symbol_size = metadata.symbol_size();
    let column_bytes = metadata.sliver_size(SliverType::Secondary);
    let mut columns: BTreeMap<SliverIndex, Vec<u8>> = BTreeMap::new();
    // Rows come in the order of their indices, so that cells only have to be appended.
    for (position, (row, symbols)) in (0_u16..).zip(answer) {
        if row.0 != position {
            return Some(Vec::new());
        }
        for symbol in symbols {
            let EitherDecodingSymbol::Primary(symbol) = symbol else {
                return None;
            };
            let expected = usize::from(position) * usize::from(symbol_size.get());
            let column = columns.entry(symbol.index).or_default();
            let fits = symbol.data.len() == usize::from(symbol_size.get())
                && symbol.index.0 < n_shards.get()
                && column.len() == expected;
            if !fits {
                return None;
            }
            column.extend_from_slice(&symbol.data);
        }
    }
    let whole = columns
        .into_iter()
        .filter(|(_, data)| data.len() == column_bytes)
        .map(|(index, data)| (index, SecondarySliver::new(data, symbol_size, index)));
    Some(whole.collect())
}

/// Bytes of a symbol without proof, as it was sent.
fn decoding_symbol_bytes(symbol: &EitherDecodingSymbol) -> u64 {
    let bytes = bcs::serialized_size(symbol).unwrap_or(0);
    u64::saturating_from(bytes)
}

/// Bytes of a symbol as it was sent.
fn symbol_bytes(symbol: &GeneralRecoverySymbol) -> u64 {
    let bytes = bcs::serialized_size(symbol).unwrap_or(0);
    u64::saturating_from(bytes)
}
