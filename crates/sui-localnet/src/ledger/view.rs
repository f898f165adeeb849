//! The state a transaction executes against: the ledger's live objects plus changes that are not sealed yet.

use super::{Ledger, StoreError};
use crate::execution::ObjectSource;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use sui_sdk_types::{Address, Object, Version};

/// Live objects with pending changes on top.
pub(crate) struct View<'a> {
    ledger: &'a Ledger,
    pending: BTreeMap<Address, Option<Object>>,
    failure: Mutex<Option<StoreError>>,
}

impl<'a> View<'a> {
    /// The state of `ledger` as it is.
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            pending: BTreeMap::new(),
            failure: Mutex::new(None),
        }
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
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
    }

    /// Reports a storage failure met by [`ObjectSource`], which has no way to return one: whatever was computed from
    /// this view is void then.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().map_or(Ok(()), Err)
    }
}

impl ObjectSource for View<'_> {
    fn object(&self, id: &Address) -> Option<Object> {
        if let Some(pending) = self.pending.get(id) {
            return pending.clone();
        }
        match self.ledger.object(id) {
            Ok(object) => object,
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
