//! Which objects there are. Everything in it can be read again from the chain and the journal.

use std::{ops::Bound, path::Path};

use walrus_core::ObjectId;

use crate::{
    listing::Keys,
    record::{BucketRecord, Name, Owned, Record},
    tables::{Batch, Database, DiskError, Table},
};

/// Stands between a bucket and a key: no name of a bucket has it.
const SEPARATOR: u8 = 0;
/// Says that the index was built to its end.
const COMPLETE: &[u8] = b"complete";

/// The tables of the index.
#[derive(Clone)]
pub(crate) struct Index {
    database: Database,
    buckets: Table<BucketRecord>,
    objects: Table<Record>,
    owned: Table<Owned>,
    state: Table<u32>,
}

/// The form of what is written here; another one is built anew.
const FORMAT: u32 = 1;

impl Index {
    pub(crate) fn open(path: &Path) -> Result<Self, DiskError> {
        let database = Database::open(path)?;
        Ok(Self {
            buckets: database.table("buckets")?,
            objects: database.table("objects")?,
            owned: database.table("owned")?,
            state: database.table("state")?,
            database,
        })
    }

    /// Whether it was built to its end.
    pub(crate) fn is_complete(&self) -> Result<bool, DiskError> {
        Ok(self.state.get(COMPLETE)? == Some(FORMAT))
    }

    pub(crate) fn set_complete(&self) -> Result<(), DiskError> {
        let mut batch = self.database.batch();
        batch.insert(&self.state, COMPLETE, &FORMAT);
        batch.commit_durably()
    }

    pub(crate) fn change(&self) -> Change<'_> {
        Change {
            index: self,
            batch: self.database.batch(),
        }
    }

    pub(crate) fn bucket(&self, bucket: &str) -> Result<Option<BucketRecord>, DiskError> {
        self.buckets.get(bucket.as_bytes())
    }

    pub(crate) fn buckets(&self) -> Result<Vec<(String, BucketRecord)>, DiskError> {
        self.buckets
            .under(&[])
            .map(|entry| {
                let (name, record) = entry?;
                Ok((text(name)?, record))
            })
            .collect()
    }

    pub(crate) fn object(&self, name: &Name) -> Result<Option<Record>, DiskError> {
        self.objects.get(&object_key(name))
    }

    /// Whether a bucket has objects.
    pub(crate) fn has_objects(&self, bucket: &str) -> Result<bool, DiskError> {
        let first = self.objects.under(&bucket_prefix(bucket)).next();
        Ok(first.transpose()?.is_some())
    }

    /// The keys of a bucket.
    pub(crate) fn keys<'a>(&'a self, bucket: &str) -> BucketKeys<'a> {
        BucketKeys {
            index: self,
            prefix: bucket_prefix(bucket),
        }
    }

    pub(crate) fn owned(&self, object: ObjectId) -> Result<Option<Owned>, DiskError> {
        self.owned.get(&object.0)
    }

    /// Everything on chain that belongs to this store.
    pub(crate) fn all_owned(&self) -> impl Iterator<Item = Result<(ObjectId, Owned), DiskError>> {
        self.owned.under(&[]).map(|entry| {
            let (key, owned) = entry?;
            let id = <[u8; 32]>::try_from(key).map_err(|_| damaged("an object ID"))?;
            Ok((ObjectId(id), owned))
        })
    }
}

/// Changes of the index that become visible together.
pub(crate) struct Change<'a> {
    index: &'a Index,
    batch: Batch,
}

impl Change<'_> {
    pub(crate) fn insert_bucket(&mut self, bucket: &str, record: &BucketRecord) {
        let table = &self.index.buckets;
        self.batch.insert(table, bucket.as_bytes(), record);
        let owned = Owned::Bucket(bucket.to_owned());
        self.insert_owned(record.object, &owned);
    }

    pub(crate) fn remove_bucket(&mut self, bucket: &str) {
        let table = &self.index.buckets;
        self.batch.remove(table, bucket.as_bytes());
    }

    pub(crate) fn insert_object(&mut self, name: &Name, record: &Record) {
        let table = &self.index.objects;
        self.batch.insert(table, &object_key(name), record);
    }

    pub(crate) fn remove_object(&mut self, name: &Name) {
        let table = &self.index.objects;
        self.batch.remove(table, &object_key(name));
    }

    pub(crate) fn insert_owned(&mut self, object: ObjectId, owned: &Owned) {
        self.batch.insert(&self.index.owned, &object.0, owned);
    }

    pub(crate) fn remove_owned(&mut self, object: ObjectId) {
        self.batch.remove(&self.index.owned, &object.0);
    }

    pub(crate) fn commit(self) -> Result<(), DiskError> {
        self.batch.commit()
    }

    pub(crate) fn commit_durably(self) -> Result<(), DiskError> {
        self.batch.commit_durably()
    }
}

/// The keys of a bucket, for listings.
pub(crate) struct BucketKeys<'a> {
    index: &'a Index,
    prefix: Vec<u8>,
}

impl Keys for BucketKeys<'_> {
    type Value = Record;
    type Error = DiskError;

    fn starting(
        &self,
        from: Bound<Vec<u8>>,
    ) -> impl Iterator<Item = Result<(String, Record), DiskError>> {
        let inside = |key: Vec<u8>| [&self.prefix[..], &key].concat();
        let from = match from {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(key) => Bound::Included(inside(key)),
            Bound::Excluded(key) => Bound::Excluded(inside(key)),
        };
        let length = self.prefix.len();
        let entries = self.index.objects.from(&self.prefix, from);
        entries.map(move |entry| {
            let (mut key, record) = entry?;
            Ok((text(key.split_off(length))?, record))
        })
    }
}

fn bucket_prefix(bucket: &str) -> Vec<u8> {
    [bucket.as_bytes(), &[SEPARATOR]].concat()
}

fn object_key(name: &Name) -> Vec<u8> {
    [&bucket_prefix(&name.bucket), name.key.as_bytes()].concat()
}

fn text(bytes: Vec<u8>) -> Result<String, DiskError> {
    String::from_utf8(bytes).map_err(|_| damaged("a name that is no text"))
}

fn damaged(what: &str) -> DiskError {
    DiskError::Damaged {
        table: "of the index",
        reason: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        listing::{Query, list},
        record::{Meta, Place, Version},
    };

    fn name(bucket: &str, key: &str) -> Name {
        Name {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        }
    }

    fn record(version: u64) -> Record {
        Record {
            version: Version(version),
            meta: Meta::default(),
            place: Place::Journal,
        }
    }

    #[test]
    fn objects_are_found_in_their_bucket_only_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        {
            let index = Index::open(folder.path()).unwrap();
            assert!(!index.is_complete().unwrap());
            let mut change = index.change();
            for (number, (bucket, key)) in [("ab", "c"), ("a", "bc"), ("a", "d")].iter().enumerate()
            {
                change.insert_object(&name(bucket, key), &record(number as u64));
            }
            change.commit().unwrap();
            index.set_complete().unwrap();
            assert!(matches!(
                Index::open(folder.path()),
                Err(DiskError::Locked(_))
            ));
        }
        let index = Index::open(folder.path()).unwrap();
        assert!(index.is_complete().unwrap());
        let keys = |from: Bound<&str>| {
            let from = from.map(|key| key.as_bytes().to_vec());
            let keys = index.keys("a");
            let keys = keys.starting(from).map(|entry| entry.unwrap().0);
            keys.collect::<Vec<_>>()
        };
        assert_eq!(keys(Bound::Unbounded), ["bc", "d"]);
        assert_eq!(keys(Bound::Excluded("bc")), ["d"]);
        assert!(index.has_objects("ab").unwrap() && !index.has_objects("b").unwrap());
        assert_eq!(index.object(&name("a", "c")).unwrap(), None);
        let mut change = index.change();
        change.remove_object(&name("ab", "c"));
        change.commit_durably().unwrap();
        assert!(!index.has_objects("ab").unwrap());
    }

    #[test]
    fn ten_thousand_keys_are_listed_page_by_page_and_by_folder() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        let mut change = index.change();
        for number in 0..10_000 {
            let key = format!("{:02}/{number:05}", number % 40);
            change.insert_object(&name("many", &key), &record(number));
        }
        change.commit().unwrap();
        let mut query = Query {
            count_max: 1_000,
            ..Query::default()
        };
        let mut listed = Vec::new();
        loop {
            let page = list(&index.keys("many"), &query).unwrap();
            listed.extend(page.keys.into_iter().map(|(key, _)| key));
            match page.next {
                Some(next) => query.after = next,
                None => break,
            }
        }
        assert!(listed.len() == 10_000 && listed.is_sorted());
        let mut query = Query {
            prefix: "1".to_owned(),
            delimiter: "/".to_owned(),
            count_max: 7,
            ..Query::default()
        };
        let first = list(&index.keys("many"), &query).unwrap();
        assert_eq!((first.prefixes.len(), first.keys.len()), (7, 0));
        query.after = first.next.unwrap();
        let last = list(&index.keys("many"), &query).unwrap();
        assert_eq!(last.prefixes, ["17/", "18/", "19/"]);
        assert_eq!(last.next, None);
    }
}
