//! A [`Store`] that lives and dies with the process.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use stdx::RwLock;

use super::store::{Batch, Entry, Store, StoreError, Table, Visitor};

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// Tables in memory; the default for tests and throw-away chains.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    tables: RwLock<BTreeMap<Table, Entries>>,
}

impl MemoryStore {
    fn with_table<T>(&self, table: Table, read: impl FnOnce(&Entries) -> T) -> T {
        // A writer that panicked left whole entries behind: the maps are still readable.
        let tables = self.tables.read();
        match tables.get(&table) {
            Some(entries) => read(entries),
            None => read(&Entries::new()),
        }
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        let tables = self.tables.read();
        Self {
            tables: RwLock::new(tables.clone()),
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.with_table(table, |entries| entries.get(key).cloned()))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        self.with_table(table, |entries| {
            let start = match after {
                Some(after) if after >= prefix => Bound::Excluded(after),
                _ => Bound::Included(prefix),
            };
            let range = entries.range::<[u8], _>((start, Bound::Unbounded));
            for (key, value) in range.take_while(|(key, _)| key.starts_with(prefix)) {
                if visit(key, value) == ControlFlow::Break(()) {
                    break;
                }
            }
        });
        Ok(())
    }

    fn last(&self, table: Table, prefix: &[u8]) -> Result<Option<Entry>, StoreError> {
        Ok(self.with_table(table, |entries| {
            let upper = match successor(prefix) {
                Some(upper) => Bound::Excluded(upper),
                None => Bound::Unbounded,
            };
            entries
                .range::<[u8], _>((Bound::Included(prefix), upper.as_ref().map(Vec::as_slice)))
                .next_back()
                .map(|(key, value)| (key.clone(), value.clone()))
        }))
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut tables = self.tables.write();
        for operation in batch.into_operations() {
            let entries = tables.entry(operation.table).or_default();
            match operation.value {
                Some(value) => entries.insert(operation.key, value),
                None => entries.remove(&operation.key),
            };
        }
        Ok(())
    }
}

/// The smallest byte string above every string that starts with `prefix`; `None` when there is
/// none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut upper = prefix.to_vec();
    while let Some(last) = upper.pop() {
        if let Some(next) = last.checked_add(1) {
            upper.push(next);
            return Some(upper);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successor_is_the_least_upper_bound_of_a_prefix() {
        assert_eq!(successor(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(successor(&[1, 0xff]), Some(vec![2]));
        assert_eq!(successor(&[0xff, 0xff]), None);
        assert_eq!(successor(&[]), None);
    }
}
