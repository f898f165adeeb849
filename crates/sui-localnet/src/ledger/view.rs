//! The state a transaction executes against: the ledger's live objects plus changes that are not
//! sealed yet.

use std::collections::BTreeMap;

use stdx::Mutex;
use sui_sdk_types::{Address, Object, Version};

use super::{Ledger, StoreError};
use crate::execution::{CLOCK, ObjectSource};

/// Live objects with pending changes on top.
pub(crate) struct View<'a> {
    ledger: &'a Ledger,
    pending: BTreeMap<Address, Option<Object>>,
    failure: Mutex<Option<StoreError>>,
    /// Versions of the objects that were read, where that is wanted; `None` for those that do not
    /// exist.
    read: Option<Mutex<BTreeMap<Address, Option<Version>>>>,
}

impl<'a> View<'a> {
    /// The state of `ledger` as it is.
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            pending: BTreeMap::new(),
            failure: Mutex::new(None),
            read: None,
        }
    }

    /// [`Self::new`], which remembers what is read: the ledger may change meanwhile.
    pub(crate) fn recording(ledger: &'a Ledger) -> Self {
        Self {
            read: Some(Mutex::default()),
            ..Self::new(ledger)
        }
    }

    /// Whether everything that was read is still so. The clock is left out: it changes all the
    /// time, and any time is as good as another.
    pub(crate) fn is_current(&self) -> Result<bool, StoreError> {
        let Some(read) = &self.read else {
            return Ok(true);
        };
        let read = read.lock();
        for (id, version) in read.iter().filter(|(id, _)| **id != CLOCK) {
            if self.ledger.live_version(id)? != *version {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds the outcome of an executed transaction.
    pub(crate) fn apply(&mut self, written: &[Object], removed: &[Address]) {
        for object in written {
            self.pending
                .insert(object.object_id(), Some(object.clone()));
        }
        for id in removed {
            self.pending.insert(*id, None);
        }
    }

    fn fail(&self, error: StoreError) {
        let mut failure = self.failure.lock();
        failure.get_or_insert(error);
    }

    /// Reports a storage failure met by [`ObjectSource`], which has no way to return one: whatever
    /// was computed from this view is void then.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let failure = self.failure.lock();
        failure.clone().map_or(Ok(()), Err)
    }
}

impl ObjectSource for View<'_> {
    fn object(&self, id: &Address) -> Option<Object> {
        if let Some(pending) = self.pending.get(id) {
            return pending.clone();
        }
        match self.ledger.object(id) {
            Ok(object) => {
                if let Some(read) = &self.read {
                    let version = object.as_ref().map(Object::version);
                    let mut read = read.lock();
                    read.entry(*id).or_insert(version);
                }
                object
            }
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    fn was_received(&self, id: &Address, version: Version) -> bool {
        self.ledger
            .was_received(id, version)
            .unwrap_or_else(|error| {
                self.fail(error);
                false
            })
    }
}
