//! What was promised and is not on chain yet: objects to store, objects to remove, uploads in
//! parts.
//!
//! It is kept apart from the index: whoever deletes that loses nothing.

use std::{collections::HashSet, path::Path};

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::ObjectId;

use crate::{
    record::{Meta, Name, Place, Version},
    spool::{Piece, Spool},
    tables::{Batch, Database, DiskError, Table},
};

/// An object to store.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Put {
    pub name: Name,
    pub version: Version,
    pub meta: Meta,
    /// Its bytes: files of the spool, one after the other.
    pub content: Vec<Piece>,
    /// The quilt it leaves, if it is only moved.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub moved_from: Option<ObjectId>,
    /// The upload in parts it comes from.
    pub upload: Option<Version>,
}

/// An object to remove from the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removal {
    pub name: Name,
    /// The version that is removed.
    pub version: Version,
    /// Where it is; [`Place::Journal`] if it is being stored.
    pub place: Place,
}

/// An upload in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub name: Name,
    /// When it began; names it.
    pub version: Version,
    /// What is said about the object; size and ETag come with the parts.
    pub meta: Meta,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub piece: Piece,
    pub md5: [u8; 16],
    /// When it arrived.
    pub version: Version,
}

/// The tables of the journal, and the spool.
#[derive(Clone)]
pub(crate) struct Journal {
    database: Database,
    puts: Table<Put>,
    removals: Table<Removal>,
    uploads: Table<Upload>,
    parts: Table<Part>,
    parcels: Table<Vec<Version>>,
    pub(crate) spool: Spool,
}

impl Journal {
    /// Opens the journal in a folder; at most `spool_bytes_max` bytes wait in it.
    pub(crate) fn open(folder: &Path, spool_bytes_max: u64) -> Result<Self, DiskError> {
        std::fs::create_dir_all(folder).map_err(DiskError::io(folder))?;
        let database = Database::open(&folder.join("entries"))?;
        let (puts, parts) = (
            database.table::<Put>("puts")?,
            database.table::<Part>("parts")?,
        );
        let mut used = HashSet::new();
        for entry in puts.under(&[]) {
            used.extend(entry?.1.content.iter().map(|piece| piece.file));
        }
        for entry in parts.under(&[]) {
            used.insert(entry?.1.piece.file);
        }
        Ok(Self {
            puts,
            removals: database.table("removals")?,
            uploads: database.table("uploads")?,
            parts,
            parcels: database.table("parcels")?,
            database,
            spool: Spool::open(&folder.join("spool"), &used, spool_bytes_max)?,
        })
    }

    /// Objects to store, the oldest first.
    pub(crate) fn puts(&self) -> Result<Vec<Put>, DiskError> {
        values(&self.puts, &[])
    }

    /// Objects to remove, with the number of their entry, the oldest first.
    pub(crate) fn removals(&self) -> Result<Vec<(Version, Removal)>, DiskError> {
        self.removals
            .under(&[])
            .map(|entry| {
                let (key, removal) = entry?;
                let number = <[u8; 8]>::try_from(key).unwrap_or_default();
                Ok((Version(u64::from_be_bytes(number)), removal))
            })
            .collect()
    }

    /// Objects that were put into one quilt together.
    pub(crate) fn parcels(&self) -> Result<Vec<Vec<Version>>, DiskError> {
        values(&self.parcels, &[])
    }

    pub(crate) fn upload(&self, id: Version) -> Result<Option<Upload>, DiskError> {
        self.uploads.get(&key(id))
    }

    pub(crate) fn uploads(&self) -> Result<Vec<Upload>, DiskError> {
        values(&self.uploads, &[])
    }

    /// The parts of an upload in the order of their numbers.
    pub(crate) fn parts(&self, upload: Version) -> Result<Vec<(u16, Part)>, DiskError> {
        self.parts
            .under(&key(upload))
            .map(|entry| {
                let (key, part) = entry?;
                let number = key.get(8..).and_then(|bytes| bytes.try_into().ok());
                Ok((u16::from_be_bytes(number.unwrap_or_default()), part))
            })
            .collect()
    }

    pub(crate) fn part(&self, upload: Version, number: u16) -> Result<Option<Part>, DiskError> {
        self.parts.get(&part_key(upload, number))
    }

    pub(crate) fn change(&self) -> Change<'_> {
        Change {
            journal: self,
            batch: self.database.batch(),
        }
    }

    /// The greatest version in it.
    pub(crate) fn last_version(&self) -> Result<Version, DiskError> {
        let puts = self.puts()?.into_iter().map(|put| put.version);
        let removals = self.removals()?.into_iter().map(|(version, _)| version);
        let uploads = self.uploads()?.into_iter().map(|upload| upload.version);
        Ok(puts
            .chain(removals)
            .chain(uploads)
            .max()
            .unwrap_or_default())
    }
}

/// Changes of the journal that become visible together.
pub(crate) struct Change<'a> {
    journal: &'a Journal,
    batch: Batch,
}

impl Change<'_> {
    pub(crate) fn insert_put(&mut self, put: &Put) {
        let table = &self.journal.puts;
        self.batch.insert(table, &key(put.version), put);
    }

    /// Removes a write, and the upload it comes from.
    pub(crate) fn remove_put(&mut self, put: &Put) -> Result<(), DiskError> {
        self.batch.remove(&self.journal.puts, &key(put.version));
        self.remove_upload_of(put)
    }

    /// The same, but the upload goes on.
    pub(crate) fn remove_put_only(&mut self, version: Version) {
        self.batch.remove(&self.journal.puts, &key(version));
    }

    /// Removes the upload that a write comes from.
    pub(crate) fn remove_upload_of(&mut self, put: &Put) -> Result<(), DiskError> {
        if let Some(upload) = put.upload {
            let parts = self.journal.parts(upload)?;
            self.remove_upload(upload, &parts);
        }
        Ok(())
    }

    pub(crate) fn insert_removal(&mut self, number: Version, removal: &Removal) {
        let table = &self.journal.removals;
        self.batch.insert(table, &key(number), removal);
    }

    pub(crate) fn remove_removal(&mut self, number: Version) {
        self.batch.remove(&self.journal.removals, &key(number));
    }

    pub(crate) fn insert_parcel(&mut self, versions: &Vec<Version>) {
        if let Some(first) = versions.first() {
            let table = &self.journal.parcels;
            self.batch.insert(table, &key(*first), versions);
        }
    }

    pub(crate) fn remove_parcel(&mut self, versions: &[Version]) {
        if let Some(first) = versions.first() {
            self.batch.remove(&self.journal.parcels, &key(*first));
        }
    }

    pub(crate) fn insert_upload(&mut self, upload: &Upload) {
        let table = &self.journal.uploads;
        self.batch.insert(table, &key(upload.version), upload);
    }

    /// Removes an upload and the given parts of it.
    pub(crate) fn remove_upload(&mut self, upload: Version, parts: &[(u16, Part)]) {
        self.batch.remove(&self.journal.uploads, &key(upload));
        for (number, _) in parts {
            let table = &self.journal.parts;
            self.batch.remove(table, &part_key(upload, *number));
        }
    }

    pub(crate) fn insert_part(&mut self, upload: Version, number: u16, part: &Part) {
        let table = &self.journal.parts;
        self.batch.insert(table, &part_key(upload, number), part);
    }

    pub(crate) fn commit(self) -> Result<(), DiskError> {
        self.batch.commit()
    }

    pub(crate) fn commit_durably(self) -> Result<(), DiskError> {
        self.batch.commit_durably()
    }
}

fn values<V: Serialize + serde::de::DeserializeOwned>(
    table: &Table<V>,
    prefix: &[u8],
) -> Result<Vec<V>, DiskError> {
    table.under(prefix).map(|entry| Ok(entry?.1)).collect()
}

fn key(version: Version) -> [u8; 8] {
    version.0.to_be_bytes()
}

fn part_key(upload: Version, number: u16) -> Vec<u8> {
    [&key(upload)[..], &number.to_be_bytes()].concat()
}
