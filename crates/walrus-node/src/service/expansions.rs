//! Slivers with all their symbols, shared by everybody who asks for one of these.
//!
//! Expanding a sliver of a thousand shards costs as much for one symbol as for all. When a node
//! recovers its shards, it asks for symbols of the same slivers again and again, and so do other
//! nodes at the same time: the cache turns these requests into one expansion.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, MutexGuard},
};

use ambient::memory::{MemoryBound, Reserved};
use stdx::Mutex;
use tokio::sync::OnceCell;
use walrus_core::{
    Sliver, SliverIndex,
    sliver::{Primary, Secondary},
    symbol::GeneralRecoverySymbol,
};
use walrus_encoder::{Encoder, ExpandedSliver, SliverVerificationError};

use super::ServiceError;
use crate::storage::SliverKey;

/// Bytes of expanded slivers in memory at a time, in use or kept for the next request.
pub const EXPANSION_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Expanded slivers kept at most, however small they are.
pub const EXPANSIONS_MAX: usize = 4_096;

/// Bytes of the two levels of hashes that are the bulk of the tree over the symbols, per symbol.
const TREE_BYTES_PER_SYMBOL: usize = 64;

/// A sliver with all its symbols.
pub(crate) struct Expansion {
    sliver: Expanded,
    _memory: Reserved,
}

enum Expanded {
    Primary(ExpandedSliver<Primary>),
    Secondary(ExpandedSliver<Secondary>),
}

impl Expansion {
    /// Expands a sliver; `memory` is reserved for the result.
    pub(crate) fn new(
        encoder: &Encoder,
        sliver: &Sliver,
        memory: Reserved,
    ) -> Result<Self, SliverVerificationError> {
        let sliver = match sliver {
            Sliver::Primary(sliver) => Expanded::Primary(encoder.expand_sliver(sliver)?),
            Sliver::Secondary(sliver) => Expanded::Secondary(encoder.expand_sliver(sliver)?),
        };
        Ok(Self {
            sliver,
            _memory: memory,
        })
    }

    /// The symbol shared with the sliver `target` of the other axis, with its proof.
    pub(crate) fn symbol(&self, target: SliverIndex) -> Option<GeneralRecoverySymbol> {
        match &self.sliver {
            Expanded::Primary(sliver) => sliver.general_recovery_symbol(target),
            Expanded::Secondary(sliver) => sliver.general_recovery_symbol(target),
        }
    }
}

/// Bytes an expansion of `symbols` symbols of `symbol_len` bytes takes.
pub(crate) fn expansion_bytes(symbols: usize, symbol_len: usize) -> usize {
    symbols.saturating_mul(symbol_len.saturating_add(TREE_BYTES_PER_SYMBOL))
}

type Cell = Arc<OnceCell<Arc<Expansion>>>;

/// The cache of expansions. Forgets the oldest first.
pub(crate) struct Expansions {
    memory: MemoryBound,
    cells: Mutex<Cells>,
}

#[derive(Default)]
struct Cells {
    by_key: HashMap<SliverKey, Cell>,
    order: VecDeque<SliverKey>,
}

impl Expansions {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            memory: MemoryBound::new(bytes_max),
            cells: Mutex::default(),
        }
    }

    /// The expansion of a sliver. Whoever comes first makes it; the others wait.
    pub(crate) async fn get<F>(
        &self,
        key: SliverKey,
        make: impl FnOnce() -> F + Send,
    ) -> Result<Arc<Expansion>, ServiceError>
    where
        F: Future<Output = Result<Arc<Expansion>, ServiceError>> + Send,
    {
        let cell = self.cell(key);
        let made = cell.get_or_try_init(make).await.cloned();
        if made.is_err() {
            self.forget_empty(key, &cell);
        }
        made
    }

    /// Memory for an expansion; older ones that nobody uses make room.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reserved> {
        loop {
            if let Some(memory) = self.memory.try_reserve(bytes) {
                return Some(memory);
            }
            if !self.forget_oldest() {
                return None;
            }
        }
    }

    /// Bytes in use, and their bound.
    pub(crate) fn load(&self) -> (usize, usize) {
        (self.memory.in_use(), self.memory.bytes_max())
    }

    fn cell(&self, key: SliverKey) -> Cell {
        let mut cells = self.lock();
        if let Some(cell) = cells.by_key.get(&key) {
            return cell.clone();
        }
        while cells.order.len() >= EXPANSIONS_MAX
            && let Some(oldest) = cells.order.pop_front()
        {
            cells.by_key.remove(&oldest);
        }
        cells.order.push_back(key);
        cells.by_key.entry(key).or_default().clone()
    }

    /// Drops the oldest finished expansion from the cache; false when there is none.
    fn forget_oldest(&self) -> bool {
        let mut cells = self.lock();
        let finished = cells
            .order
            .iter()
            .position(|key| cells.by_key.get(key).is_some_and(|cell| cell.initialized()));
        let Some(key) = finished.and_then(|position| cells.order.remove(position)) else {
            return false;
        };
        cells.by_key.remove(&key);
        true
    }

    /// Drops a cell whose expansion failed, unless another request has filled or replaced it
    /// meanwhile.
    fn forget_empty(&self, key: SliverKey, failed: &Cell) {
        let mut cells = self.lock();
        let same = cells
            .by_key
            .get(&key)
            .is_some_and(|cell| Arc::ptr_eq(cell, failed) && !cell.initialized());
        if same {
            cells.by_key.remove(&key);
            cells.order.retain(|other| *other != key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cells> {
        // Worst case after a panic is a key in the order without a cell, which eviction drops.
        self.cells.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ambient::memory::UNIT_BYTES;
    use walrus_core::{BlobId, NShards, ShardIndex, SliverType};

    use super::*;

    const SYMBOLS: usize = 10;

    fn key(shard: u16) -> SliverKey {
        SliverKey {
            shard: ShardIndex(shard),
            axis: SliverType::Primary,
            blob_id: BlobId([1; 32]),
        }
    }

    struct Maker {
        encoder: Encoder,
        sliver: Sliver,
        made: AtomicUsize,
    }

    impl Maker {
        fn new() -> Self {
            let encoder = Encoder::new(NShards::new(10).unwrap()).unwrap();
            let (mut pairs, _) = encoder.encode(&[7; 5_000]).unwrap();
            Self {
                encoder,
                sliver: pairs.remove(0).primary.into(),
                made: AtomicUsize::new(0),
            }
        }

        fn bytes(&self) -> usize {
            expansion_bytes(SYMBOLS, self.sliver.symbols().symbol_len())
        }

        async fn get(
            &self,
            cache: &Expansions,
            shard: u16,
        ) -> Result<Arc<Expansion>, ServiceError> {
            let make = || async {
                self.made.fetch_add(1, Ordering::Relaxed);
                let memory = cache.reserve(self.bytes()).ok_or(ServiceError::Busy)?;
                tokio::task::yield_now().await;
                let made = Expansion::new(&self.encoder, &self.sliver, memory)?;
                Ok(Arc::new(made))
            };
            cache.get(key(shard), make).await
        }
    }

    #[tokio::test]
    async fn one_expansion_serves_all_who_ask() {
        let (cache, maker) = (Expansions::new(1 << 20), Maker::new());
        let (first, second) = tokio::join!(maker.get(&cache, 1), maker.get(&cache, 1));
        assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
        let third = maker.get(&cache, 1).await.unwrap();
        assert!(third.symbol(SliverIndex(9)).is_some());
        assert!(third.symbol(SliverIndex(10)).is_none());
        assert_eq!(maker.made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn old_expansions_make_room_and_those_in_use_do_not() {
        let maker = Maker::new();
        let cache = Expansions::new(maker.bytes().next_multiple_of(UNIT_BYTES));
        let held = maker.get(&cache, 1).await.unwrap();
        assert!(matches!(
            maker.get(&cache, 2).await,
            Err(ServiceError::Busy)
        ));
        drop(held);
        maker.get(&cache, 2).await.unwrap();
        assert_eq!(maker.made.load(Ordering::Relaxed), 3);
        let (in_use, max) = cache.load();
        assert_eq!(in_use, max);
    }
}
