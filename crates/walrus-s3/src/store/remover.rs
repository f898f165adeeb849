//! Removes from the chain what is deleted or overwritten: blobs are deleted, files of quilts
//! marked.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use walrus_core::ObjectId;
use walrus_sui::{SuiError, Unrecorded, contract::Call};

use super::{Store, state::tell};
use crate::{
    failure::Failure,
    journal::{Put, Removal},
    labels::gone_attribute,
    record::{Gone, Name, Owned, Place, QuiltRecord, Version},
    tables::DiskError,
};

/// How long a removal waits for others to share a transaction with.
const LINGER: Duration = Duration::from_millis(50);
/// Pauses after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Removals in one go.
const REMOVALS_MAX: usize = 2_000;
/// Objects that one transaction deletes or marks.
const OBJECTS_PER_TRANSACTION_MAX: usize = 100;
/// A quilt is emptied when as many of its files are gone, in hundredths.
const GONE_PERCENT: usize = 60;

/// What a quilt loses.
#[derive(Debug, Clone)]
struct Loss {
    quilt: QuiltRecord,
    numbers: Vec<u16>,
}

/// What is done to the objects of a store.
#[derive(Debug, Default)]
struct Work {
    deleted: HashSet<ObjectId>,
    marked: BTreeMap<ObjectId, Loss>,
}

impl Store {
    /// Removes what is to be removed until the server stops.
    pub(super) async fn remove(self) {
        let stop = self.shared.stop.clone();
        let mut pause = PAUSE_MIN;
        loop {
            match self.remove_some().await {
                Ok(true) => {
                    pause = PAUSE_MIN;
                }
                Ok(false) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = self.shared.removed.notified() => {}
                    }
                    tokio::time::sleep(LINGER).await;
                }
                Err(failure) => {
                    tracing::warn!(%failure, "deletions do not get to the chain yet");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        for pending in self.lock().removals.values_mut() {
            pending.waiters.clear();
        }
    }

    /// Removes what is there; false if nothing is.
    async fn remove_some(&self) -> Result<bool, Failure> {
        let removals: Vec<(Version, Removal)> = {
            let state = self.lock();
            let all = state.removals.iter();
            all.filter(|(_, pending)| pending.removal.place.is_on_chain())
                .take(REMOVALS_MAX)
                .map(|(number, pending)| (*number, pending.removal.clone()))
                .collect()
        };
        if removals.is_empty() {
            return Ok(false);
        }
        let work = self.work(&removals)?;
        self.carry_out_on_chain(&work).await?;
        let emptied = self.note_removed(&work, &removals)?;
        for (object, quilt) in emptied {
            self.try_to_empty(object, &quilt).await;
        }
        Ok(true)
    }

    /// Empties all quilts that are worth it.
    pub(super) async fn empty_quilts(&self) -> Result<(), Failure> {
        let mut quilts = Vec::new();
        for entry in self.shared.index.all_owned() {
            if let (object, Owned::Quilt(quilt)) = entry?
                && is_mostly_gone(&quilt)
                && self.lock().emptied.insert(object)
            {
                quilts.push((object, quilt));
            }
        }
        for (object, quilt) in quilts {
            self.try_to_empty(object, &quilt).await;
        }
        Ok(())
    }

    /// What does not work out now is tried again at the next look.
    async fn try_to_empty(&self, object: ObjectId, quilt: &QuiltRecord) {
        if let Err(failure) = self.empty(object, quilt).await {
            tracing::warn!(%failure, %object, "what is left of a quilt cannot be moved yet");
            self.lock().emptied.remove(&object);
        }
    }

    /// What has to be done for removals.
    fn work(&self, removals: &[(Version, Removal)]) -> Result<Work, DiskError> {
        let mut work = Work::default();
        for (_, removal) in removals {
            match &removal.place {
                Place::Journal => {}
                Place::Blobs(chunks) => {
                    work.deleted.extend(chunks.iter().map(|chunk| chunk.object));
                }
                Place::Patch { quilt, number, .. } => {
                    let Some(Owned::Quilt(record)) = self.shared.index.owned(*quilt)? else {
                        // It was deleted, or has expired, as a whole.
                        continue;
                    };
                    let loss = work.marked.entry(*quilt).or_insert_with(|| Loss {
                        quilt: record,
                        numbers: Vec::new(),
                    });
                    loss.quilt.gone.insert(*number);
                    loss.numbers.push(*number);
                }
            }
        }
        let is_empty = |loss: &Loss| loss.quilt.gone.count() >= loss.quilt.keys.len();
        let empty: Vec<ObjectId> = work
            .marked
            .iter()
            .filter(|(_, loss)| is_empty(loss))
            .map(|(object, _)| *object)
            .collect();
        for object in empty {
            work.marked.remove(&object);
            work.deleted.insert(object);
        }
        Ok(work)
    }

    async fn carry_out_on_chain(&self, work: &Work) -> Result<(), Failure> {
        let deletions = work.deleted.iter().copied().map(Step::Delete);
        let marks = work
            .marked
            .iter()
            .map(|(object, loss)| Step::Mark(*object, loss.quilt.gone.clone()));
        let steps: Vec<Step> = deletions.chain(marks).collect();
        let mut groups: Vec<Vec<Step>> = steps
            .chunks(OBJECTS_PER_TRANSACTION_MAX)
            .map(<[Step]>::to_vec)
            .collect();
        while let Some(mut group) = groups.pop() {
            let call = group
                .iter()
                .fold(Call::empty(), |call, step| call.then(step.call()));
            let contract = self.shared.client.contract();
            let contract = contract.map_err(|error| Failure::of_client(&error))?;
            let Err(error) = contract.submit(&call, &Unrecorded).await else {
                continue;
            };
            if !is_about_single_objects(&error) {
                return Err(Failure::of_chain(&error));
            }
            if group.len() > 1 {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
            } else {
                // It has expired, or somebody else has deleted it: it is gone.
                tracing::info!(%error, object = %group[0].object(), "an object is gone already");
            }
        }
        Ok(())
    }

    /// Forgets what is removed. Returns the quilts that are worth emptying.
    fn note_removed(
        &self,
        work: &Work,
        removals: &[(Version, Removal)],
    ) -> Result<Vec<(ObjectId, QuiltRecord)>, DiskError> {
        let mut state = self.lock();
        let mut change = self.shared.index.change();
        let mut emptied = Vec::new();
        for object in &work.deleted {
            change.remove_owned(*object);
            state.emptied.remove(object);
        }
        for (object, loss) in &work.marked {
            change.insert_owned(*object, &Owned::Quilt(loss.quilt.clone()));
            if is_mostly_gone(&loss.quilt) && state.emptied.insert(*object) {
                emptied.push((*object, loss.quilt.clone()));
            }
        }
        change.commit_durably()?;
        let mut change = self.shared.journal.change();
        for (number, _) in removals {
            change.remove_removal(*number);
            if let Some(pending) = state.removals.remove(number) {
                tell(pending.waiters, &Ok(()));
            }
        }
        change.commit()?;
        Ok(emptied)
    }

    /// Moves what is left of a quilt elsewhere. When that is done, nothing of it is left, and it
    /// is deleted.
    async fn empty(&self, object: ObjectId, quilt: &QuiltRecord) -> Result<(), Failure> {
        for (key, number) in quilt.keys.iter().zip(0..) {
            if quilt.gone.contains(number) {
                continue;
            }
            let name = Name {
                bucket: quilt.bucket.clone(),
                key: key.clone(),
            };
            let present = self.shared.index.object(&name)?;
            let Some(record) = present else { continue };
            if !record.place.objects().contains(&object) {
                continue;
            }
            let body = self.bytes_of(&record).await?;
            let spool = &self.shared.journal.spool;
            let length = record.meta.size;
            let received = spool.receive(body, length, crate::digest::Digests::default());
            let put = std::sync::Arc::new(Put {
                name,
                version: record.version,
                meta: record.meta,
                content: vec![received.await?.keep()],
                moved_from: Some(object),
                upload: None,
            });
            let mut state = self.lock();
            if state.pending.contains_key(&put.version) {
                self.shared.journal.spool.remove(&put.content);
                continue;
            }
            let mut change = self.shared.journal.change();
            change.insert_put(&put);
            change.commit()?;
            state.add(&put, super::state::Phase::Waiting, Vec::new());
        }
        tracing::info!(%object, "what is left of a quilt is stored anew");
        self.shared.written.notify_one();
        Ok(())
    }
}

fn is_mostly_gone(quilt: &QuiltRecord) -> bool {
    quilt.gone.count() * 100 >= quilt.keys.len() * GONE_PERCENT
}

/// What is done to one object.
#[derive(Debug, Clone)]
enum Step {
    Delete(ObjectId),
    Mark(ObjectId, Gone),
}

impl Step {
    fn call(&self) -> Call {
        match self {
            Self::Delete(object) => Call::delete_blob(*object),
            Self::Mark(object, gone) => Call::set_attributes(*object, vec![gone_attribute(gone)]),
        }
    }

    fn object(&self) -> ObjectId {
        match self {
            Self::Delete(object) | Self::Mark(object, _) => *object,
        }
    }
}

/// Whether a transaction about several objects may succeed without some of them.
fn is_about_single_objects(error: &SuiError) -> bool {
    matches!(
        error,
        SuiError::MoveAbort(_)
            | SuiError::ObjectNotFound(_)
            | SuiError::UnexpectedType { .. }
            | SuiError::BlobExpired { .. }
    )
}
