//! Which objects become blobs of their own, and which share a quilt.

use std::collections::{BTreeMap, HashSet};

use crate::record::{Name, Version};

/// Blobs that are stored in one go: they are registered in one transaction, and certified in one.
pub(crate) const BLOBS_MAX: usize = 24;
/// Bytes that a quilt stores beside each of its files: names, lengths.
const FILE_OVERHEAD: u64 = 256;

/// What the network and the operator allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "limits are named so")]
pub(crate) struct Bounds {
    /// Files of a quilt.
    pub files_max: usize,
    /// Bytes of the files of a quilt.
    pub quilt_bytes_max: u64,
    /// Larger objects are blobs of their own.
    pub small_bytes_max: u64,
    /// Larger objects are several blobs.
    pub chunk_bytes_max: u64,
    /// Bytes that are stored in one go.
    pub round_bytes_max: u64,
}

/// An object that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub name: Name,
    pub version: Version,
    pub size: u64,
    /// Bytes of what is written on chain about it.
    pub label_bytes: u64,
    /// Its MD5: equal ones may be equal blobs.
    pub etag: String,
}

/// A blob or several that are stored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// A blob of its own.
    Single(Version),
    /// More than one blob.
    Large(Version),
    /// A quilt.
    Quilt(Vec<Version>),
}

impl Parcel {
    pub(crate) fn versions(&self) -> &[Version] {
        match self {
            Self::Single(version) | Self::Large(version) => std::slice::from_ref(version),
            Self::Quilt(versions) => versions,
        }
    }
}

/// Takes the next parcels to store, the oldest objects first. Small objects of one bucket share
/// quilts; of several with the same
/// name only one is in a quilt. Equal blobs are not stored in the same go: each needs an object of
/// its own.
pub(crate) fn next_round(waiting: &[Waiting], bounds: &Bounds) -> Vec<Parcel> {
    let mut round = Round::default();
    let mut small: BTreeMap<&str, Vec<&Waiting>> = BTreeMap::new();
    for object in waiting {
        if object.size <= bounds.small_bytes_max {
            small.entry(&object.name.bucket).or_default().push(object);
        } else if object.size > bounds.chunk_bytes_max {
            if round.parcels.is_empty() && small.is_empty() {
                return vec![Parcel::Large(object.version)];
            }
        } else if round.etags.insert(&object.etag) {
            round.add(
                Parcel::Single(object.version),
                object.size,
                object.label_bytes,
                bounds,
            );
        }
    }
    for objects in small.into_values() {
        for quilt in quilts(&objects, bounds) {
            let size: u64 = quilt.iter().map(|object| object.size).sum();
            // An empty blob cannot be stored; an empty file of a quilt can.
            let parcel = match &quilt[..] {
                [one] if one.size > 0 => {
                    if !round.etags.insert(&one.etag) {
                        continue;
                    }
                    Parcel::Single(one.version)
                }
                _ => Parcel::Quilt(quilt.iter().map(|object| object.version).collect()),
            };
            let labels = quilt.iter().map(|object| object.label_bytes).sum();
            round.add(parcel, size, labels, bounds);
        }
    }
    round.parcels
}

/// Bytes of labels in one transaction, which has at most 128 KiB.
const LABEL_BYTES_MAX: u64 = 48 * 1024;

#[derive(Default)]
struct Round<'a> {
    parcels: Vec<Parcel>,
    bytes: u64,
    label_bytes: u64,
    etags: HashSet<&'a str>,
}

impl Round<'_> {
    fn add(&mut self, parcel: Parcel, bytes: u64, label_bytes: u64, bounds: &Bounds) {
        // What is said about the files of a quilt is in the quilt.
        let label_bytes = match parcel {
            Parcel::Quilt(_) => FILE_OVERHEAD,
            Parcel::Single(_) | Parcel::Large(_) => label_bytes + FILE_OVERHEAD,
        };
        let fits = self.bytes + bytes <= bounds.round_bytes_max
            && self.label_bytes + label_bytes <= LABEL_BYTES_MAX
            && self.parcels.len() < BLOBS_MAX;
        if fits || self.parcels.is_empty() {
            self.bytes += bytes;
            self.label_bytes += label_bytes;
            self.parcels.push(parcel);
        }
    }
}

/// Divides small objects of a bucket among quilts.
fn quilts<'a>(objects: &[&'a Waiting], bounds: &Bounds) -> Vec<Vec<&'a Waiting>> {
    let mut quilts = Vec::new();
    let (mut quilt, mut bytes): (Vec<&Waiting>, u64) = (Vec::new(), 0);
    let mut names = HashSet::new();
    for object in objects {
        if !names.insert(&object.name.key) {
            continue;
        }
        let added = object.size + object.label_bytes + FILE_OVERHEAD;
        let is_full =
            quilt.len() >= bounds.files_max.max(1) || bytes + added > bounds.quilt_bytes_max;
        if is_full && !quilt.is_empty() {
            quilts.push(std::mem::take(&mut quilt));
            bytes = 0;
        }
        bytes += added;
        quilt.push(object);
    }
    if !quilt.is_empty() {
        quilts.push(quilt);
    }
    quilts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        files_max: 3,
        quilt_bytes_max: 10_000,
        small_bytes_max: 1_000,
        chunk_bytes_max: 50_000,
        round_bytes_max: 100_000,
    };

    fn object(version: u64, bucket: u8, key: u8, size: u64) -> Waiting {
        Waiting {
            name: Name {
                bucket: format!("bucket-{bucket}"),
                key: key.to_string(),
            },
            version: Version(version),
            size,
            label_bytes: 100,
            etag: format!("{key}-{size}"),
        }
    }

    fn round(objects: &[(u8, u8, u64)]) -> Vec<Parcel> {
        let waiting: Vec<Waiting> = objects
            .iter()
            .zip(1..)
            .map(|((bucket, key, size), version)| object(version, *bucket, *key, *size))
            .collect();
        next_round(&waiting, &BOUNDS)
    }

    fn quilt(versions: &[u64]) -> Parcel {
        Parcel::Quilt(versions.iter().copied().map(Version).collect())
    }

    #[test]
    fn small_objects_of_one_bucket_share_quilts() {
        let single = |version| Parcel::Single(Version(version));
        assert_eq!(round(&[(1, 1, 5)]), [single(1)]);
        assert_eq!(round(&[(1, 1, 0)]), [quilt(&[1])]);
        let mixed = [
            (1, 1, 5),
            (2, 1, 6),
            (1, 2, 5),
            (1, 3, 5),
            (1, 4, 7),
            (1, 5, 2_000),
        ];
        assert_eq!(
            round(&mixed),
            [single(6), quilt(&[1, 3, 4]), single(5), single(2)]
        );
    }

    #[test]
    fn large_objects_go_alone_and_equal_ones_one_after_the_other() {
        let large = Parcel::Large(Version(1));
        assert_eq!(round(&[(1, 1, 60_000), (1, 2, 5)]), [large]);
        let later = round(&[(1, 2, 5), (1, 1, 60_000)]);
        assert_eq!(later, [Parcel::Single(Version(1))]);
        let equal = round(&[(1, 1, 2_000), (2, 1, 2_000)]);
        assert_eq!(equal, [Parcel::Single(Version(1))]);
        // The same name twice is not in one quilt.
        assert_eq!(round(&[(1, 1, 5), (1, 1, 6), (1, 2, 5)]), [quilt(&[1, 3])]);
    }

    proptest! {
        #[test]
        fn every_round_is_bounded_and_all_objects_have_their_turn(
            sizes in proptest::collection::vec((0u8..3, 0u8..6, 0u64..60_000), 1..60),
        ) {
            let mut waiting: Vec<Waiting> = sizes
                .into_iter()
                .zip(1..)
                .map(|((bucket, key, size), version)| {
                    object(version, bucket, key, size * size / 60_000)
                })
                .collect();
            while !waiting.is_empty() {
                let round = next_round(&waiting, &BOUNDS);
                prop_assert!(!round.is_empty() && round.len() <= BLOBS_MAX);
                let mut done = HashSet::new();
                for parcel in &round {
                    for version in parcel.versions() {
                        prop_assert!(done.insert(*version));
                    }
                    if let Parcel::Quilt(versions) = parcel {
                        prop_assert!(versions.len() <= BOUNDS.files_max);
                    }
                }
                let bytes: u64 = waiting
                    .iter()
                    .filter(|object| done.contains(&object.version))
                    .map(|object| object.size)
                    .sum();
                prop_assert!(bytes <= BOUNDS.round_bytes_max || round.len() == 1);
                waiting.retain(|object| !done.contains(&object.version));
            }
        }
    }
}
