//! Stores what waits, in rounds: what is in one shares transactions.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use walrus_core::EpochCount;

use super::{
    Acknowledge, Store,
    parcels::{Load, Outcome},
    state::{Pending, PendingRemoval, Phase, State, tell},
};
use crate::{
    failure::Failure,
    journal::{self, Put},
    pack::{Parcel, Waiting, next_round},
    record::{Place, Record, Version},
    tables::DiskError,
};

/// Rounds at a time. Transactions of one account go one after the other; uploads do not.
const ROUNDS_MAX: usize = 3;
/// How long small objects wait for others if somebody waits for their certification.
const LINGER: Duration = Duration::from_millis(100);
/// Pauses after a round in which nothing could be stored.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long bytes stay in the spool after they are certified.
const RECENT_FOR: Duration = Duration::from_secs(30);
/// Objects that are looked at for one round.
const CANDIDATES_MAX: usize = 4_000;

impl Store {
    /// Stores what waits until the server stops. Rounds that are under way are brought to their
    /// end.
    pub(super) async fn write(self) {
        let stop = self.shared.stop.clone();
        let mut rounds: JoinSet<bool> = JoinSet::new();
        let mut pause = PAUSE_MIN;
        let mut not_before = Instant::now();
        while !stop.is_cancelled() {
            let mut wake = None;
            if Instant::now() < not_before {
                wake = Some(not_before);
            } else {
                while rounds.len() < ROUNDS_MAX {
                    match self.begin_round() {
                        Begun::Round(loads, epochs) => {
                            rounds.spawn(self.clone().round(loads, epochs));
                        }
                        Begun::NotBefore(moment) => {
                            wake = Some(moment);
                            break;
                        }
                        Begun::Nothing => break,
                    }
                }
            }
            let later = async {
                match wake {
                    Some(moment) => tokio::time::sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.written.notified() => {}
                () = later => {}
                Some(ended) = rounds.join_next() => {
                    if ended.unwrap_or(false) {
                        pause = PAUSE_MIN;
                        not_before = Instant::now();
                    } else {
                        not_before = Instant::now() + pause;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                }
            }
        }
        while rounds.join_next().await.is_some() {}
        // Nobody stores these now; the journal has them.
        let mut state = self.lock();
        for pending in state.pending.values_mut() {
            pending.waiters.clear();
        }
    }

    /// Takes what is stored next.
    fn begin_round(&self) -> Begun {
        let mut state = self.lock();
        let parcels = match state.resumed.pop() {
            Some(parcel) => vec![parcel],
            None => match self.choose(&state) {
                Ok(parcels) => parcels,
                Err(moment) => return Begun::NotBefore(moment),
            },
        };
        if parcels.is_empty() {
            return Begun::Nothing;
        }
        let mut by_epochs: BTreeMap<EpochCount, Vec<Load>> = BTreeMap::new();
        for parcel in parcels {
            let puts: Vec<_> = parcel
                .versions()
                .iter()
                .filter_map(|version| state.pending.get(version))
                .map(|pending| Arc::clone(&pending.put))
                .collect();
            let Some(first) = puts.first() else { continue };
            let epochs = self.epochs_of(&first.name.bucket);
            let epochs = epochs.unwrap_or(self.shared.options.epochs);
            let is_resumed = parcel.versions().iter().any(|version| {
                let pending = state.pending.get(version);
                pending.is_some_and(|pending| pending.is_resumed)
            });
            by_epochs.entry(epochs).or_default().push(Load {
                parcel,
                puts,
                is_resumed,
            });
        }
        // One round is about one number of epochs; the others have their turn at once.
        let Some((epochs, loads)) = by_epochs.pop_first() else {
            return Begun::Nothing;
        };
        for load in &loads {
            for put in &load.puts {
                if let Some(pending) = state.pending.get_mut(&put.version) {
                    pending.phase = Phase::Storing;
                }
            }
        }
        drop(state);
        if let Err(error) = self.note_parcels(&loads, true) {
            tracing::error!(%error, "the journal cannot be written");
        }
        Begun::Round(loads, epochs)
    }

    /// The parcels of the next round, or when to look again.
    fn choose(&self, state: &State) -> Result<Vec<Parcel>, Instant> {
        let waits = |pending: &&Pending| pending.phase == Phase::Waiting;
        let candidates: Vec<&Pending> = state
            .pending
            .values()
            .filter(waits)
            .take(CANDIDATES_MAX)
            .collect();
        let Some(oldest) = candidates.iter().map(|pending| pending.since).min() else {
            return Ok(Vec::new());
        };
        let linger = match self.shared.options.acknowledge {
            Acknowledge::Certified => LINGER,
            Acknowledge::Journal => self.shared.options.pack_delay,
        };
        let bounds = &self.shared.bounds;
        let bytes: u64 = candidates.iter().map(|pending| pending.put.meta.size).sum();
        let is_enough = candidates.len() >= bounds.files_max.saturating_mul(crate::pack::BLOBS_MAX)
            || bytes >= bounds.quilt_bytes_max;
        if !is_enough && oldest + linger > Instant::now() {
            return Err(oldest + linger);
        }
        let waiting: Vec<Waiting> = candidates.into_iter().map(waiting).collect();
        Ok(next_round(&waiting, bounds))
    }

    /// Writes down, or forgets, which objects become a blob together: whoever goes on after a
    /// crash has to make the same blob.
    fn note_parcels(&self, loads: &[Load], begin: bool) -> Result<(), DiskError> {
        let mut change = self.shared.journal.change();
        for load in loads {
            if let Parcel::Large(_) = load.parcel {
                continue;
            }
            let versions = load.parcel.versions();
            if begin {
                change.insert_parcel(&versions.to_vec());
            } else {
                change.remove_parcel(versions);
            }
        }
        change.commit()
    }

    /// Stores parcels; returns whether something was stored.
    async fn round(self, loads: Vec<Load>, epochs: EpochCount) -> bool {
        let outcomes = self.store_loads(&loads, epochs).await;
        let mut is_progress = false;
        for (load, outcome) in loads.iter().zip(outcomes) {
            let finished = match outcome {
                Outcome::Done { places, owned } => {
                    is_progress = true;
                    self.finish(load, places, &owned)
                }
                Outcome::Again => {
                    is_progress = true;
                    self.again(load, None)
                }
                Outcome::Failed(failure) => {
                    tracing::warn!(%failure, "objects were not stored");
                    self.show_obstacle(&failure);
                    self.again(load, Some(&failure))
                }
            };
            if let Err(error) = finished {
                tracing::error!(%error, "the index or the journal cannot be written");
            }
        }
        if is_progress {
            self.lock().obstacle = None;
        }
        is_progress
    }

    pub(super) fn show_obstacle(&self, failure: &Failure) {
        self.lock().obstacle = Some(failure.clone());
    }

    /// A parcel is certified: its objects become visible there.
    fn finish(
        &self,
        load: &Load,
        places: Vec<(Version, Place)>,
        owned: &[(walrus_core::ObjectId, crate::record::Owned)],
    ) -> Result<(), DiskError> {
        let mut done = Vec::new();
        {
            let mut state = self.lock();
            let mut change = self.shared.index.change();
            for (object, owned) in owned {
                change.insert_owned(*object, owned);
            }
            change.commit()?;
            for (version, place) in places {
                let Some(pending) = state.take(version) else {
                    continue;
                };
                let put = &pending.put;
                if pending.is_void {
                    self.discard(&mut state, &put.name, version, place)?;
                } else {
                    let record = Record {
                        version,
                        meta: put.meta.clone(),
                        place,
                    };
                    self.apply_stored(&mut state, put, record)?;
                }
                done.push(pending);
            }
        }
        // What the journal forgets now must survive in the index.
        self.shared.index.change().commit_durably()?;
        let mut change = self.shared.journal.change();
        change.remove_parcel(load.parcel.versions());
        for pending in &done {
            change.remove_put(&pending.put)?;
        }
        self.settle_removals(&done, &mut change);
        change.commit()?;
        self.keep_for_a_while(
            done.iter()
                .map(|pending| Arc::clone(&pending.put))
                .collect(),
        );
        for pending in done {
            tell(pending.waiters, &Ok(()));
        }
        Ok(())
    }

    /// Keeps bytes in the spool until every node has heard that they are certified.
    fn keep_for_a_while(&self, puts: Vec<Arc<Put>>) {
        let mut state = self.lock();
        let kept = puts.iter().map(|put| (put.version, Arc::clone(put)));
        state.recent.extend(kept);
        drop(state);
        let store = self.clone();
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = store.shared.stop.cancelled() => {}
                () = tokio::time::sleep(RECENT_FOR) => {}
            }
            let mut state = store.lock();
            for put in &puts {
                state.recent.remove(&put.version);
            }
            drop(state);
            for put in puts {
                store.shared.journal.spool.remove(&put.content);
            }
        });
    }

    /// A stored object goes into the index. One that was only moved does so if it is still where
    /// it was.
    fn apply_stored(&self, state: &mut State, put: &Put, record: Record) -> Result<(), DiskError> {
        if put.moved_from.is_some() {
            let present = self.shared.index.object(&put.name)?;
            let is_there = present.is_some_and(|present| present.version == put.version);
            if !is_there {
                return self.discard(state, &put.name, record.version, record.place);
            }
        }
        self.apply(state, &put.name, record, &[])
    }

    /// Deletions of what was being stored have their own entries now, with a place.
    pub(super) fn settle_removals(&self, done: &[Pending], change: &mut journal::Change<'_>) {
        let mut state = self.lock();
        let settled: Vec<Version> = state
            .removals
            .iter()
            .filter(|(_, pending)| pending.removal.place == Place::Journal)
            .filter(|(_, pending)| {
                done.iter()
                    .any(|done| done.put.version == pending.removal.version)
            })
            .map(|(number, _)| *number)
            .collect();
        for number in settled {
            change.remove_removal(number);
            let Some(pending) = state.removals.remove(&number) else {
                continue;
            };
            let is_next = |other: &&mut PendingRemoval| {
                other.removal.name == pending.removal.name
                    && other.removal.version == pending.removal.version
            };
            match state.removals.values_mut().find(is_next) {
                Some(next) => next.waiters.extend(pending.waiters),
                None => tell(pending.waiters, &Ok(())),
            }
        }
    }

    /// A parcel was not stored: its objects wait again. Those whose writers wait for the
    /// certification fail, and are forgotten, unless the index has them already.
    fn again(&self, load: &Load, failure: Option<&Failure>) -> Result<(), DiskError> {
        let mut dropped = Vec::new();
        let mut state = self.lock();
        for put in &load.puts {
            let Some(pending) = state.pending.get_mut(&put.version) else {
                continue;
            };
            let is_unwanted = match failure {
                Some(failure) if self.shared.options.acknowledge == Acknowledge::Certified => {
                    let present = self.shared.index.object(&put.name)?;
                    let is_shown = present.is_some_and(|present| present.version == put.version);
                    if is_shown {
                        tell(std::mem::take(&mut pending.waiters), &Err(failure.clone()));
                    }
                    !pending.waiters.is_empty()
                }
                _ => false,
            };
            if pending.is_void || is_unwanted {
                dropped.extend(state.take(put.version));
            } else {
                pending.phase = Phase::Waiting;
                pending.is_resumed = true;
            }
        }
        drop(state);
        self.note_parcels(std::slice::from_ref(load), false)?;
        let mut change = self.shared.journal.change();
        for pending in &dropped {
            if pending.put.upload.is_some() && !pending.is_void {
                change.remove_put_only(pending.put.version);
            } else {
                change.remove_put(&pending.put)?;
            }
        }
        self.settle_removals(&dropped, &mut change);
        change.commit()?;
        for pending in dropped {
            if pending.put.upload.is_none() || pending.is_void {
                self.shared.journal.spool.remove(&pending.put.content);
            }
            self.discard_chunks(&pending.put)?;
            let outcome = match failure {
                Some(failure) if !pending.is_void => Err(failure.clone()),
                _ => Ok(()),
            };
            tell(pending.waiters, &outcome);
        }
        Ok(())
    }

    /// Pieces of an object that will not be complete are removed from the chain.
    fn discard_chunks(&self, put: &Put) -> Result<(), DiskError> {
        let mut state = self.lock();
        let mut chunks = Vec::new();
        state.chunks.retain(|(version, _), chunk| {
            let is_other = *version != put.version;
            if !is_other {
                chunks.push(chunk.clone());
            }
            is_other
        });
        if chunks.is_empty() {
            return Ok(());
        }
        self.discard(&mut state, &put.name, put.version, Place::Blobs(chunks))
    }
}

/// What the writer does next.
enum Begun {
    Round(Vec<Load>, EpochCount),
    NotBefore(Instant),
    Nothing,
}

fn waiting(pending: &Pending) -> Waiting {
    let put = &pending.put;
    let pairs = put.meta.headers.iter().chain(&put.meta.user);
    let bytes: usize = pairs.map(|(key, value)| key.len() + value.len()).sum();
    Waiting {
        name: put.name.clone(),
        version: put.version,
        size: put.meta.size,
        label_bytes: (bytes + put.name.key.len() + put.name.bucket.len()) as u64,
        etag: put.meta.etag.clone(),
    }
}
