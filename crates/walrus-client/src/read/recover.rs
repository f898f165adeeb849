//! One sliver: from the node that owns it or, if that cannot give it, from symbols that the others
//! hold.

use std::{sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use stdx::SaturatingFrom as _;
use tokio::time::sleep;
use walrus_core::{
    SliverData, SliverIndex,
    metadata::VerifiedMetadata,
    node_api::{RecoverySymbolsQuery, SymbolFilter},
    sliver::{Axis, Primary, Secondary},
    symbol::{DecodingSymbol, EitherDecodingSymbol, GeneralRecoverySymbol},
};
use walrus_encoder::{Encoder, SliverRecoveryError};

use super::{ReadError, slivers::request};
use crate::{
    committee::{CommitteeClients, FanOut, FanOutEvent, FanOutLimits},
    node::NodeError,
    report::{NodeFailure, ShardReport},
    retry::small,
};

/// Time after which the others are asked as well.
const OWNER_PATIENCE: Duration = Duration::from_secs(2);
/// Time without an answer after which one more node is asked for symbols.
const HEDGE_DELAY: Duration = Duration::from_secs(1);
/// Bytes an answer has for each symbol besides the symbol: indices, tags, lengths, and the tags and
/// hashes of its proof.
const SYMBOL_OVERHEAD_BYTES: usize = 16 + 33 * 16;

/// Axes whose slivers can be taken from general symbols.
pub(super) trait RecoverableAxis: Axis {
    /// The symbol, if it recovers slivers of this axis.
    fn symbol(symbol: EitherDecodingSymbol) -> Option<DecodingSymbol<Self>>;
}

impl RecoverableAxis for Primary {
    fn symbol(symbol: EitherDecodingSymbol) -> Option<DecodingSymbol<Self>> {
        match symbol {
            EitherDecodingSymbol::Primary(symbol) => Some(symbol),
            EitherDecodingSymbol::Secondary(_) => None,
        }
    }
}

impl RecoverableAxis for Secondary {
    fn symbol(symbol: EitherDecodingSymbol) -> Option<DecodingSymbol<Self>> {
        match symbol {
            EitherDecodingSymbol::Secondary(symbol) => Some(symbol),
            EitherDecodingSymbol::Primary(_) => None,
        }
    }
}

/// Where the slivers of one blob come from.
#[derive(Clone)]
pub(super) struct SliverSource {
    pub committee: Arc<CommitteeClients>,
    pub metadata: Arc<VerifiedMetadata>,
    pub encoder: Encoder,
}

impl SliverSource {
    /// A sliver that the metadata commits to.
    pub(super) async fn sliver<A>(&self, index: SliverIndex) -> Result<SliverData<A>, ReadError>
    where
        A: RecoverableAxis,
        SliverData<A>: DeserializeOwned,
    {
        let owner = self.ask_owner::<A>(index);
        tokio::pin!(owner);
        tokio::select! {
            biased;
            sliver = &mut owner => match sliver {
                Ok(sliver) => return Ok(sliver),
                Err(error) => tracing::debug!(%index, %error, "the owner does not give the sliver"),
            },
            () = sleep(OWNER_PATIENCE) => {
                let recovered = self.recover(index);
                tokio::pin!(recovered);
                tokio::select! {
                    biased;
                    Ok(sliver) = &mut owner => return Ok(sliver),
                    recovered = &mut recovered => return recovered,
                }
            }
        }
        self.recover(index).await
    }

    async fn ask_owner<A>(&self, index: SliverIndex) -> Result<SliverData<A>, NodeError>
    where
        A: RecoverableAxis,
        SliverData<A>: DeserializeOwned,
    {
        let pair = index.to_pair(A::TYPE, self.committee.n_shards());
        let shard = pair.to_shard(self.metadata.blob_id(), self.committee.n_shards());
        let owner = (0..self.committee.len())
            .find(|position| self.committee.node(*position).shards().contains(&shard));
        let position = owner.ok_or_else(|| {
            NodeError::InvalidAnswer(format!("no member of the committee owns shard {}", shard.0))
        })?;
        let (metadata, encoder) = (Arc::clone(&self.metadata), self.encoder.clone());
        request(&self.committee, position, pair, metadata, encoder).await
    }

    /// Recovers a sliver. Every symbol is proven, so that nodes that lie only fail to help.
    async fn recover<A: RecoverableAxis>(
        &self,
        target: SliverIndex,
    ) -> Result<SliverData<A>, ReadError> {
        let needed = self.encoder.symbols_to_recover::<A>();
        let mut fan_out = self.ask_for_symbols::<A>(target, needed);
        let mut symbols: Vec<DecodingSymbol<A>> = Vec::new();
        let mut failures = Vec::new();
        while symbols.len() < needed {
            let missing = needed - symbols.len();
            match fan_out.next(missing.div_ceil(self.shards_per_node())).await {
                FanOutEvent::Answer(_, Ok(proven)) => symbols.extend(proven),
                FanOutEvent::Answer(position, Err(error)) => {
                    failures.push(self.committee.node(position).failure(error));
                }
                FanOutEvent::Deadline(_) | FanOutEvent::Exhausted => {
                    return Err(self.too_few_symbols(symbols.len(), needed, failures));
                }
            }
        }
        tracing::debug!(blob_id = %self.metadata.blob_id(), %target, axis = %A::TYPE, "sliver recovered");
        let (encoder, metadata) = (self.encoder.clone(), Arc::clone(&self.metadata));
        ambient::run_blocking(move || encoder.recover_sliver(&metadata, target, symbols))
            .await
            .expect("recovery does not panic")
            .map_err(|source| self.not_recovered(source))
    }

    fn shards_per_node(&self) -> usize {
        (usize::from(self.committee.n_shards().get()) / self.committee.len().max(1)).max(1)
    }

    fn ask_for_symbols<A: RecoverableAxis>(
        &self,
        target: SliverIndex,
        needed: usize,
    ) -> FanOut<usize, Vec<DecodingSymbol<A>>> {
        let limits = FanOutLimits {
            at_once: needed.div_ceil(self.shards_per_node()),
            hedge_delay: Some(HEDGE_DELAY),
            deadline: None,
        };
        let source = self.clone();
        FanOut::new(self.committee.shuffled(), limits, move |position| {
            let source = source.clone();
            async move { source.proven_symbols(position, target).await }
        })
    }

    /// The symbols of one node, those without a valid proof left out.
    async fn proven_symbols<A: RecoverableAxis>(
        &self,
        position: usize,
        target: SliverIndex,
    ) -> Result<Vec<DecodingSymbol<A>>, NodeError> {
        let query = RecoverySymbolsQuery {
            filter: SymbolFilter::Target {
                axis: A::TYPE,
                index: target,
            },
            proof_axis: Some(A::Orthogonal::TYPE),
        };
        let node = self.committee.node(position);
        let symbol_length = usize::from(self.metadata.symbol_size().get());
        let length_max = usize::from(node.weight()) * (symbol_length + SYMBOL_OVERHEAD_BYTES);
        let blob_id = self.metadata.blob_id();
        let answer = small(node.client()?.recovery_symbols(blob_id, &query, length_max)).await?;
        let metadata = Arc::clone(&self.metadata);
        let proven = ambient::run_blocking(move || proven(answer, &metadata, target))
            .await
            .expect("verification does not panic");
        if proven.is_empty() {
            return Err(NodeError::InvalidAnswer(
                "no symbol has a valid proof".to_owned(),
            ));
        }
        Ok(proven)
    }

    fn too_few_symbols(
        &self,
        symbols: usize,
        needed: usize,
        failures: Vec<NodeFailure>,
    ) -> ReadError {
        let count = |number: usize| u16::saturating_from(number);
        ReadError::NotEnoughSlivers {
            blob_id: *self.metadata.blob_id(),
            report: ShardReport {
                answered: count(symbols),
                needed: count(needed),
                total: self.committee.n_shards().get(),
                failures,
            },
        }
    }

    fn not_recovered(&self, source: SliverRecoveryError) -> ReadError {
        ReadError::NotRecovered {
            blob_id: *self.metadata.blob_id(),
            source,
        }
    }
}

fn proven<A: RecoverableAxis>(
    answer: Vec<GeneralRecoverySymbol>,
    metadata: &VerifiedMetadata,
    target: SliverIndex,
) -> Vec<DecodingSymbol<A>> {
    let proven = answer
        .into_iter()
        .filter(|symbol| symbol.verify(metadata, target, A::TYPE).is_ok());
    proven
        .filter_map(|symbol| A::symbol(symbol.symbol))
        .collect()
}
