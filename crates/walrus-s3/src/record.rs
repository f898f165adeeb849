//! What is known of an object: what clients said about it, and where its bytes are.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use stdx::SaturatingFrom as _;
use walrus_core::{BlobId, EpochCount, ObjectId, quilt::QuiltPatchId};

/// Orders everything that happens to a key: microseconds since 1970, of which no two are equal.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct Version(pub u64);

impl Version {
    /// A version after `last`, of this moment if the clock allows.
    pub(crate) fn after(last: Self) -> Self {
        let now = ambient::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| u64::saturating_from(now.as_micros()));
        Self(now.max(last.0.saturating_add(1)))
    }

    /// Its moment.
    pub(crate) fn unix_ms(self) -> u64 {
        self.0 / 1000
    }
}

/// Names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Name {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// What clients say about an object, and get back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Length in bytes.
    pub size: u64,
    /// MD5 of the content, in hexadecimal digits; of an upload in parts, that of their MD5s, and
    /// `-` and their number.
    pub etag: String,
    /// `content-type` and what else describes the content in HTTP.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// User metadata, without `x-amz-meta-`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// A blob that is a piece of an object.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// Its object on chain.
    #[serde_as(as = "DisplayFromStr")]
    pub object: ObjectId,
    /// The blob.
    #[serde_as(as = "DisplayFromStr")]
    pub blob: BlobId,
    /// Its length in bytes.
    pub size: u64,
}

/// Where the bytes of an object are.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In the journal, not certified yet.
    Journal,
    /// Blobs, one after the other.
    Blobs(Vec<Chunk>),
    /// A file of a quilt.
    Patch {
        /// The object of the quilt on chain.
        #[serde_as(as = "DisplayFromStr")]
        quilt: ObjectId,
        /// The file.
        #[serde_as(as = "DisplayFromStr")]
        patch: QuiltPatchId,
        /// Its position among the files of the quilt.
        number: u16,
    },
}

impl Place {
    /// The objects on chain that hold the bytes.
    pub(crate) fn objects(&self) -> Vec<ObjectId> {
        match self {
            Self::Journal => Vec::new(),
            Self::Blobs(chunks) => chunks.iter().map(|chunk| chunk.object).collect(),
            Self::Patch { quilt, .. } => vec![*quilt],
        }
    }

    /// Whether all of them are on chain.
    pub(crate) fn is_on_chain(&self) -> bool {
        !matches!(self, Self::Journal)
    }
}

/// An object as the index has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it was written.
    pub version: Version,
    /// What is said about it.
    pub meta: Meta,
    /// Where it is.
    pub place: Place,
}

/// A bucket.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    /// When it was made.
    pub version: Version,
    /// The object on chain that stands for it.
    #[serde_as(as = "DisplayFromStr")]
    pub object: ObjectId,
    /// Epochs for which its objects are kept, if it has a number of its own.
    pub epochs: Option<EpochCount>,
}

/// An object on chain that belongs to this store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Owned {
    /// It stands for a bucket.
    Bucket(String),
    /// It is a piece of an object.
    Chunk(Name),
    /// It is a quilt.
    Quilt(QuiltRecord),
}

impl Owned {
    /// The bucket it belongs to.
    pub(crate) fn bucket(&self) -> &str {
        match self {
            Self::Bucket(bucket) => bucket,
            Self::Chunk(name) => &name.bucket,
            Self::Quilt(quilt) => &quilt.bucket,
        }
    }
}

/// A quilt of small objects.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuiltRecord {
    /// The bucket of its files.
    pub bucket: String,
    /// The blob.
    #[serde_as(as = "DisplayFromStr")]
    pub blob: BlobId,
    /// Its files: their keys, in the order of the quilt.
    pub keys: Vec<String>,
    /// Files that are overwritten or deleted.
    pub gone: Gone,
}

/// A set of files of a quilt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone(Vec<u8>);

impl Gone {
    /// Adds a file.
    pub(crate) fn insert(&mut self, number: u16) {
        let byte = usize::from(number / 8);
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        self.0[byte] |= 1 << (number % 8);
    }

    /// Whether a file is in it.
    pub(crate) fn contains(&self, number: u16) -> bool {
        let byte = self.0.get(usize::from(number / 8));
        byte.is_some_and(|byte| byte & (1 << (number % 8)) != 0)
    }

    /// How many files are in it.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// As hexadecimal digits: bit `i % 8` of byte `i / 8` is file `i`.
    pub(crate) fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// Reads what [`Gone::to_hex`] wrote.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_only_rise() {
        let first = Version::after(Version::default());
        assert!(first.0 > 0 && Version::after(first) > first);
        let future = Version(u64::MAX - 10);
        assert_eq!(Version::after(future), Version(u64::MAX - 9));
    }

    #[test]
    fn files_that_are_gone_survive_their_text() {
        let mut gone = Gone::default();
        for number in [0, 9, 665] {
            assert!(!gone.contains(number));
            gone.insert(number);
            gone.insert(number);
        }
        let read = Gone::from_hex(&gone.to_hex()).unwrap();
        assert_eq!(read, gone);
        assert_eq!(read.count(), 3);
        assert!(read.contains(665) && !read.contains(664) && !read.contains(60_000));
        assert_eq!(Gone::from_hex("0"), None);
    }
}
