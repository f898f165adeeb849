//! What waits, in memory: the journal has it, too.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    failure::Failure,
    journal::{Put, Removal},
    pack::Parcel,
    record::{Chunk, Name, Version},
};

/// Tells somebody what became of a write.
pub(super) type Waiter = oneshot::Sender<Result<(), Failure>>;

/// How far a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is being written to the journal.
    Arriving,
    /// It is in the journal.
    Waiting,
    /// It is being stored.
    Storing,
}

/// A write on its way.
pub(super) struct Pending {
    pub put: Arc<Put>,
    pub phase: Phase,
    /// It was overwritten or deleted meanwhile.
    pub is_void: bool,
    /// An earlier process may have begun to store it.
    pub is_resumed: bool,
    pub since: Instant,
    pub waiters: Vec<Waiter>,
}

/// A removal on its way.
pub(super) struct PendingRemoval {
    pub removal: Removal,
    pub waiters: Vec<Waiter>,
}

/// What the parts of a store share.
pub(super) struct State {
    last: Version,
    pub pending: BTreeMap<Version, Pending>,
    names: HashMap<Name, BTreeSet<Version>>,
    pub removals: BTreeMap<Version, PendingRemoval>,
    /// Buckets that are being made or deleted.
    pub busy_buckets: HashSet<String>,
    /// Parcels that an earlier process has begun to store.
    pub resumed: Vec<Parcel>,
    /// Pieces of large objects that are certified already, of a version and with a number.
    pub chunks: HashMap<(Version, u32), Chunk>,
    /// Why the last store failed, if it did.
    pub obstacle: Option<Failure>,
    /// Uploads in parts that are being completed.
    pub completing: HashSet<Version>,
    /// What was certified a moment ago: its bytes are still in the spool.
    pub recent: HashMap<Version, Arc<Put>>,
    /// Quilts that are being emptied.
    pub emptied: HashSet<walrus_core::ObjectId>,
}

/// Writes that are not needed any more, and were not begun.
#[derive(Default)]
pub(super) struct Voided {
    pub puts: Vec<Arc<Put>>,
    /// Those that were begun.
    pub begun: Vec<Version>,
}

impl State {
    pub(super) fn new(last: Version) -> Self {
        Self {
            last,
            pending: BTreeMap::new(),
            names: HashMap::new(),
            removals: BTreeMap::new(),
            busy_buckets: HashSet::new(),
            resumed: Vec::new(),
            chunks: HashMap::new(),
            obstacle: None,
            completing: HashSet::new(),
            recent: HashMap::new(),
            emptied: HashSet::new(),
        }
    }

    /// A version after all others.
    pub(super) fn next_version(&mut self) -> Version {
        self.last = Version::after(self.last);
        self.last
    }

    /// Later versions are after this one.
    pub(super) fn saw(&mut self, version: Version) {
        self.last = self.last.max(version);
    }

    pub(super) fn add(&mut self, put: &Arc<Put>, phase: Phase, waiters: Vec<Waiter>) {
        let name = put.name.clone();
        self.names.entry(name).or_default().insert(put.version);
        let pending = Pending {
            phase,
            is_void: false,
            is_resumed: false,
            since: Instant::now(),
            waiters,
            put: Arc::clone(put),
        };
        self.pending.insert(put.version, pending);
    }

    pub(super) fn take(&mut self, version: Version) -> Option<Pending> {
        let pending = self.pending.remove(&version)?;
        if let Some(versions) = self.names.get_mut(&pending.put.name) {
            versions.remove(&version);
            if versions.is_empty() {
                self.names.remove(&pending.put.name);
            }
        }
        Some(pending)
    }

    /// The writes of a name that are on their way and not void, moves aside.
    pub(super) fn writes(&self, name: &Name) -> impl Iterator<Item = &Pending> {
        let versions = self.names.get(name).into_iter().flatten();
        versions
            .filter_map(|version| self.pending.get(version))
            .filter(|pending| !pending.is_void && pending.put.moved_from.is_none())
    }

    /// Whether something is on its way into a bucket.
    pub(super) fn has_writes_in(&self, bucket: &str) -> bool {
        // What is void, or only moved, is removed when it is stored.
        let counts = |pending: &Pending| !pending.is_void && pending.put.moved_from.is_none();
        self.pending
            .values()
            .any(|pending| pending.put.name.bucket == bucket && counts(pending))
    }

    /// Makes all writes of a name before `version` void: those not begun are taken out.
    pub(super) fn void_before(&mut self, name: &Name, version: Version) -> Voided {
        let mut voided = Voided::default();
        let older: Vec<Version> = match self.names.get(name) {
            Some(versions) => versions.range(..version).copied().collect(),
            None => return voided,
        };
        for version in older {
            let Some(pending) = self.pending.get_mut(&version) else {
                continue;
            };
            pending.is_void = true;
            if pending.phase != Phase::Waiting {
                voided.begun.push(version);
                continue;
            }
            if let Some(pending) = self.take(version) {
                // It was overwritten before anybody could read it.
                tell(pending.waiters, &Ok(()));
                voided.puts.push(pending.put);
            }
        }
        voided
    }
}

/// Tells everybody who waits. Those who have left do not mind.
pub(super) fn tell(waiters: Vec<Waiter>, outcome: &Result<(), Failure>) {
    for waiter in waiters {
        let _ = waiter.send(outcome.clone());
    }
}
