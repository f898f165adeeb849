//! Names of objects in the bucket.

use crate::storage::{
    files::{file_name, parse_name},
    index::ObjectName,
};

/// Before the names of slivers, after the prefix of the configuration.
pub(in crate::storage) const SLIVER_FOLDER: &str = "slivers";

/// The object that says whose bucket it is.
pub(in crate::storage) const IDENTITY: &str = "walrus-node-identity";

/// Hexadecimal digits of the number of an object.
const NUMBER_DIGITS: usize = 16;

impl ObjectName {
    /// The name after the prefix of the configuration. It begins with a byte of the blob ID, which
    /// spreads the load.
    pub(in crate::storage) fn path(&self) -> String {
        let Self { key, number } = self;
        format!(
            "{SLIVER_FOLDER}/{:02x}/{}-{number:016x}",
            key.blob_id.0[0],
            file_name(key)
        )
    }

    /// The name in the last part of a path; `None` if it is none of ours.
    pub(in crate::storage) fn parse(file: &str) -> Option<Self> {
        let (key, number) = file.rsplit_once('-')?;
        let is_number = number.len() == NUMBER_DIGITS
            && number
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(number, 16).ok().filter(|_| is_number)?;
        Some(Self {
            key: parse_name(key)?,
            number,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::SliverKey;
    use walrus_core::{BlobId, ShardIndex, SliverType};

    #[test]
    fn names_round_trip_and_strangers_are_ignored() {
        let name = ObjectName {
            key: SliverKey {
                shard: ShardIndex(12),
                axis: SliverType::Secondary,
                blob_id: BlobId([0xab; 32]),
            },
            number: 0x1f,
        };
        let path = name.path();
        let file = path.rsplit('/').next().unwrap();
        assert_eq!(
            path,
            format!(
                "slivers/ab/{}-12-secondary-000000000000001f",
                "ab".repeat(32)
            )
        );
        assert_eq!(ObjectName::parse(file), Some(name));
        for stranger in [
            "",
            "README",
            &file[..file.len() - 1],
            &file.replace("1f", "1F"),
        ] {
            assert_eq!(ObjectName::parse(stranger), None, "{stranger}");
        }
    }
}
