//! Writing and deleting objects.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    Acknowledge, Store, blocking,
    state::{Phase, State, Voided, Waiter, tell},
    stopping,
};
use crate::{
    failure::Failure,
    index::Change,
    journal::{Put, Removal},
    record::{Meta, Name, Owned, Place, Record, Version},
    spool::{Piece, Received},
    tables::DiskError,
};

/// What must be true of the present object for a write or a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// There is none.
    pub is_absent: bool,
    /// There is one.
    pub is_present: bool,
    /// It has this ETag.
    pub etag: Option<String>,
}

impl Condition {
    fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the object that is there (or none) is as it must be.
    fn check(&self, present: Option<&Record>) -> Result<(), Failure> {
        let wants_one = self.is_present || self.etag.is_some();
        match present {
            Some(_) if self.is_absent => Err(Failure::Precondition),
            Some(record) => match &self.etag {
                Some(etag) if *etag != record.meta.etag => Err(Failure::Precondition),
                _ => Ok(()),
            },
            None if wants_one => Err(Failure::NoSuchKey),
            None => Ok(()),
        }
    }
}

/// An object to write.
pub(crate) struct NewObject {
    pub name: Name,
    pub meta: Meta,
    pub content: Vec<Piece>,
    pub condition: Condition,
    /// The upload in parts it comes from; if it is not written, that goes on.
    pub upload: Option<Version>,
}

impl NewObject {
    /// One that arrived in one request; `meta` is what was said about it.
    pub(crate) fn arrived(
        name: Name,
        meta: Meta,
        received: Received,
        condition: Condition,
    ) -> Self {
        let meta = Meta {
            size: received.length(),
            etag: hex::encode(received.md5),
            ..meta
        };
        Self {
            name,
            meta,
            content: vec![received.keep()],
            condition,
            upload: None,
        }
    }
}

impl Store {
    /// Writes an object; returns when it is acknowledged as the options say.
    pub(crate) async fn put(&self, new: NewObject) -> Result<Version, Failure> {
        let store = self.clone();
        self.detached(async move { store.put_to_the_end(new).await })
            .await
    }

    async fn put_to_the_end(self, new: NewObject) -> Result<Version, Failure> {
        let unneeded = match new.upload {
            Some(_) => Vec::new(),
            None => new.content.clone(),
        };
        let (waiter, done) = oneshot::channel();
        let put = match self.admit(new, waiter) {
            Ok(put) => put,
            Err(failure) => {
                self.shared.journal.spool.remove(&unneeded);
                return Err(failure);
            }
        };
        let written = {
            let (store, put) = (self.clone(), Arc::clone(&put));
            blocking(move || {
                let mut change = store.shared.journal.change();
                change.insert_put(&put);
                if store.shared.options.acknowledge == Acknowledge::Journal {
                    change.remove_upload_of(&put)?;
                }
                change.commit_durably()
            })
        };
        if let Err(error) = written.await {
            self.lock().take(put.version);
            self.shared.journal.spool.remove(&unneeded);
            return Err(error.into());
        }
        self.arrived(&put)?;
        if self.shared.options.acknowledge == Acknowledge::Certified {
            let outcome = done.await;
            outcome.map_err(|_| stopping())??;
        }
        Ok(put.version)
    }

    /// Decides whether a write may be, and gives it its place in the order.
    fn admit(&self, new: NewObject, waiter: Waiter) -> Result<Arc<Put>, Failure> {
        let mut state = self.lock();
        self.check_bucket(&state, &new.name.bucket)?;
        self.check_condition(&state, &new.name, &new.condition)?;
        // What waits in the journal tries again and again; if nothing does, this write is the one
        // that tries.
        let somebody_tries =
            self.shared.options.acknowledge == Acknowledge::Journal && !state.pending.is_empty();
        if let (true, Some(failure @ Failure::NoFunds(_))) = (somebody_tries, &state.obstacle) {
            return Err(failure.clone());
        }
        self.see(&mut state, &new.name)?;
        let put = Arc::new(Put {
            name: new.name,
            version: state.next_version(),
            meta: new.meta,
            content: new.content,
            moved_from: None,
            upload: new.upload,
        });
        state.add(&put, Phase::Arriving, vec![waiter]);
        Ok(put)
    }

    /// Makes sure that the next version is after the present one, also if the clock was set back.
    fn see(&self, state: &mut State, name: &Name) -> Result<Option<Record>, DiskError> {
        let present = self.shared.index.object(name)?;
        if let Some(present) = &present {
            state.saw(present.version);
        }
        Ok(present)
    }

    fn check_condition(
        &self,
        state: &State,
        name: &Name,
        condition: &Condition,
    ) -> Result<(), Failure> {
        if condition.is_any() {
            return Ok(());
        }
        let is_open = |phase| match self.shared.options.acknowledge {
            // What is in the journal is in the index, too.
            Acknowledge::Journal => phase == Phase::Arriving,
            Acknowledge::Certified => true,
        };
        if state.writes(name).any(|pending| is_open(pending.phase)) {
            return Err(Failure::Conflict);
        }
        condition.check(self.shared.index.object(name)?.as_ref())
    }

    /// The write is in the journal.
    fn arrived(&self, put: &Arc<Put>) -> Result<(), Failure> {
        let mut state = self.lock();
        let Some(pending) = state.pending.get_mut(&put.version) else {
            return Ok(());
        };
        pending.phase = Phase::Waiting;
        let is_void = pending.is_void;
        if is_void {
            let taken: Vec<_> = state.take(put.version).into_iter().collect();
            drop(state);
            self.forget(&[Arc::clone(put)])?;
            let mut change = self.shared.journal.change();
            self.settle_removals(&taken, &mut change);
            change.commit()?;
            for pending in taken {
                tell(pending.waiters, &Ok(()));
            }
            return Ok(());
        }
        if self.shared.options.acknowledge == Acknowledge::Journal {
            let record = Record {
                version: put.version,
                meta: put.meta.clone(),
                place: Place::Journal,
            };
            self.apply(&mut state, &put.name, record, &[])?;
            let voided = state.void_before(&put.name, put.version);
            self.forget(&voided.puts)?;
        }
        drop(state);
        self.shared.written.notify_one();
        Ok(())
    }

    /// Removes from the journal what is void and was not begun.
    fn forget(&self, puts: &[Arc<Put>]) -> Result<(), DiskError> {
        if puts.is_empty() {
            return Ok(());
        }
        let mut change = self.shared.journal.change();
        for put in puts {
            change.remove_put(put)?;
        }
        change.commit()?;
        for put in puts {
            self.shared.journal.spool.remove(&put.content);
        }
        Ok(())
    }

    /// Puts a record into the index, unless a later one is there. The one that loses is removed
    /// from the chain.
    pub(super) fn apply(
        &self,
        state: &mut State,
        name: &Name,
        record: Record,
        owned: &[(walrus_core::ObjectId, Owned)],
    ) -> Result<(), DiskError> {
        let mut change = self.shared.index.change();
        for (object, owned) in owned {
            change.insert_owned(*object, owned);
        }
        let loser = self.insert_if_later(&mut change, name, record)?;
        change.commit()?;
        match loser {
            Some(loser) => self.discard(state, name, loser.version, loser.place),
            None => Ok(()),
        }
    }

    /// Returns the record that is not in the index afterwards.
    fn insert_if_later(
        &self,
        change: &mut Change<'_>,
        name: &Name,
        record: Record,
    ) -> Result<Option<Record>, DiskError> {
        let present = self.shared.index.object(name)?;
        if let Some(present) = &present
            && present.version > record.version
        {
            return Ok(Some(record));
        }
        change.insert_object(name, &record);
        Ok(present.filter(|present| present.place != record.place))
    }

    /// Has the bytes of a version removed from the chain.
    pub(super) fn discard(
        &self,
        state: &mut State,
        name: &Name,
        version: Version,
        place: Place,
    ) -> Result<(), DiskError> {
        if !place.is_on_chain() {
            return Ok(());
        }
        let removal = Removal {
            name: name.clone(),
            version,
            place,
        };
        let number = state.next_version();
        let mut change = self.shared.journal.change();
        change.insert_removal(number, &removal);
        change.commit()?;
        self.add_removal(state, number, removal, Vec::new());
        Ok(())
    }

    pub(super) fn add_removal(
        &self,
        state: &mut State,
        number: Version,
        removal: Removal,
        waiters: Vec<Waiter>,
    ) {
        let pending = super::state::PendingRemoval { removal, waiters };
        state.removals.insert(number, pending);
        self.shared.removed.notify_one();
    }

    /// Deletes objects; returns when all are acknowledged. One that is not there is deleted.
    pub(crate) async fn delete(
        &self,
        names: Vec<(Name, Condition)>,
    ) -> Result<Vec<Result<(), Failure>>, Failure> {
        let store = self.clone();
        self.detached(async move { store.delete_to_the_end(names).await })
            .await
    }

    async fn delete_to_the_end(
        self,
        names: Vec<(Name, Condition)>,
    ) -> Result<Vec<Result<(), Failure>>, Failure> {
        let mut outcomes = Vec::with_capacity(names.len());
        let mut deletions = Vec::new();
        {
            let mut state = self.lock();
            for (name, condition) in names {
                outcomes.push(match self.begin_deletion(&mut state, name, &condition) {
                    Ok(deletion) => {
                        deletions.extend(deletion);
                        Ok(())
                    }
                    Err(failure) => Err(failure),
                });
            }
        }
        if deletions.is_empty() {
            return Ok(outcomes);
        }
        let store = self.clone();
        let waits = blocking(move || store.carry_out(deletions)).await?;
        if self.shared.options.acknowledge == Acknowledge::Certified {
            for wait in waits {
                wait.await.map_err(|_| stopping())??;
            }
        }
        Ok(outcomes)
    }

    /// What there is to do for a deletion; `None` if nothing.
    fn begin_deletion(
        &self,
        state: &mut State,
        name: Name,
        condition: &Condition,
    ) -> Result<Option<Deletion>, Failure> {
        self.check_bucket(state, &name.bucket)?;
        self.check_condition(state, &name, condition)?;
        let present = self.see(state, &name)?;
        let version = state.next_version();
        let voided = state.void_before(&name, version);
        let mut removals = Vec::new();
        for begun in &voided.begun {
            removals.push((*begun, Place::Journal));
        }
        if let Some(record) = &present
            && record.place.is_on_chain()
        {
            removals.push((record.version, record.place.clone()));
        }
        if present.is_none() && removals.is_empty() && voided.puts.is_empty() {
            return Ok(None);
        }
        let removal = |(version, place)| Removal {
            name: name.clone(),
            version,
            place,
        };
        let removals = removals.into_iter().map(removal);
        let removals = removals
            .map(|removal| (state.next_version(), removal))
            .collect();
        Ok(Some(Deletion {
            name,
            version,
            voided,
            removals,
        }))
    }

    /// Writes deletions to the journal, then to the index.
    fn carry_out(&self, deletions: Vec<Deletion>) -> Result<Vec<Wait>, Failure> {
        let mut change = self.shared.journal.change();
        for deletion in &deletions {
            for put in &deletion.voided.puts {
                change.remove_put(put)?;
            }
            for (number, removal) in &deletion.removals {
                change.insert_removal(*number, removal);
            }
        }
        change.commit_durably()?;
        let mut waits = Vec::new();
        let mut state = self.lock();
        for deletion in deletions {
            for put in &deletion.voided.puts {
                self.shared.journal.spool.remove(&put.content);
            }
            let present = self.shared.index.object(&deletion.name)?;
            if let Some(record) = present
                && record.version < deletion.version
            {
                let mut change = self.shared.index.change();
                change.remove_object(&deletion.name);
                change.commit()?;
                // A write that was under way may have put it elsewhere meanwhile.
                let is_known = |(_, removal): &(Version, Removal)| removal.place == record.place;
                if !deletion.removals.iter().any(is_known) {
                    self.discard(&mut state, &deletion.name, record.version, record.place)?;
                }
            }
            for (number, removal) in deletion.removals {
                let (waiter, wait) = oneshot::channel();
                waits.push(wait);
                let is_done = removal.place == Place::Journal
                    && !state.pending.contains_key(&removal.version);
                if is_done {
                    tell(vec![waiter], &Ok(()));
                    let mut change = self.shared.journal.change();
                    change.remove_removal(number);
                    change.commit()?;
                } else {
                    self.add_removal(&mut state, number, removal, vec![waiter]);
                }
            }
        }
        Ok(waits)
    }
}

type Wait = oneshot::Receiver<Result<(), Failure>>;

/// What a deletion takes.
struct Deletion {
    name: Name,
    version: Version,
    voided: Voided,
    removals: Vec<(Version, Removal)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_about_what_is_there() {
        let record = Record {
            version: Version(1),
            meta: Meta {
                etag: "abc".to_owned(),
                ..Meta::default()
            },
            place: Place::Journal,
        };
        let absent = Condition {
            is_absent: true,
            ..Condition::default()
        };
        let present = Condition {
            is_present: true,
            ..Condition::default()
        };
        let with = |etag: &str| Condition {
            etag: Some(etag.to_owned()),
            ..Condition::default()
        };
        let kind = |condition: &Condition, present: Option<&Record>| match condition.check(present)
        {
            Ok(()) => "ok",
            Err(Failure::Precondition) => "precondition",
            Err(Failure::NoSuchKey) => "missing",
            Err(_) => "other",
        };
        for (condition, with_object, without) in [
            (Condition::default(), "ok", "ok"),
            (absent, "precondition", "ok"),
            (present, "ok", "missing"),
            (with("abc"), "ok", "missing"),
            (with("abd"), "precondition", "missing"),
        ] {
            assert_eq!(
                kind(&condition, Some(&record)),
                with_object,
                "{condition:?}"
            );
            assert_eq!(kind(&condition, None), without, "{condition:?}");
        }
    }
}
