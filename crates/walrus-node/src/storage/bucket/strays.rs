//! A bucket whose storage has lost its index: the claim on it, and the objects nobody knows.

use std::{collections::HashMap, path::Path, sync::Arc};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::OnceCell;

use super::{Bucket, client::Object};
use crate::storage::{
    Medium, SliverKey, Storage, StorageError,
    index::{BucketRecord, ObjectName},
    medium::{remove_if_present, sync_directory},
};

/// Remembers which bucket the storage uses when the index is lost.
const FILE_NAME: &str = "bucket";
const TEMPORARY_FILE_NAME: &str = "bucket.new";

/// Before the number of the owner in that file.
const OWNER: &str = "owner: ";

/// Numbers and lengths of objects by their slivers.
pub(in crate::storage) type Strays = Arc<OnceCell<HashMap<SliverKey, (u64, u64)>>>;

/// Writes down which bucket the storage uses, besides the index.
pub(in crate::storage) fn remember_claim(
    root: &Path,
    record: &BucketRecord,
) -> Result<(), StorageError> {
    let medium = Medium::FileSystem;
    let text = format!(
        "Slivers of this storage are in a bucket.\n{OWNER}{}\nplace: {}\n",
        hex::encode(record.owner),
        record.place
    );
    let path = root.join(FILE_NAME);
    let failed = |error| StorageError::io("write", &path, error);
    if medium.read(&path).map_err(failed)?.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    let temporary = root.join(TEMPORARY_FILE_NAME);
    remove_if_present(&medium, &temporary)?;
    medium
        .create(&temporary, text.as_bytes())
        .and_then(|()| medium.rename(&temporary, &path))
        .map_err(failed)?;
    sync_directory(&medium, root)
}

/// What was written down. The index knew nothing of it, so there may be slivers in the bucket that
/// it has lost.
pub(in crate::storage) fn remembered_claim(
    root: &Path,
) -> Result<Option<BucketRecord>, StorageError> {
    let path = root.join(FILE_NAME);
    let bytes = Medium::FileSystem
        .read(&path)
        .map_err(|error| StorageError::io("read", &path, error))?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let owner = text.lines().find_map(|line| line.strip_prefix(OWNER));
    let owner = owner.and_then(|owner| hex::decode(owner).ok()?.try_into().ok());
    let Some(owner) = owner else {
        return Err(StorageError::Bucket(format!(
            "{} does not say which bucket the slivers are in; remove it to give them up",
            path.display()
        )));
    };
    Ok(Some(BucketRecord {
        owner,
        place: "the bucket used before the index was lost".to_owned(),
        is_claimed: true,
        has_strays: true,
    }))
}

/// Forgets which bucket the storage used.
pub(in crate::storage) fn forget_claim(root: &Path) -> Result<(), StorageError> {
    remove_if_present(&Medium::FileSystem, &root.join(FILE_NAME))?;
    sync_directory(&Medium::FileSystem, root)
}

impl Bucket {
    /// Says whether there may be objects the index has lost.
    pub(in crate::storage) fn set_strays(&self, has_strays: bool) {
        let strays = has_strays.then(Strays::default);
        *self.strays.lock() = strays;
    }

    /// What the bucket has of a sliver that the index does not know.
    pub(in crate::storage) async fn salvage(
        &self,
        key: SliverKey,
    ) -> Result<Option<Bytes>, StorageError> {
        let strays = self.strays.lock().clone();
        let Some(strays) = strays else {
            return Ok(None);
        };
        let found = strays.get_or_try_init(|| self.list_strays()).await?;
        let Some(&(number, len)) = found.get(&key) else {
            return Ok(None);
        };
        let name = ObjectName { key, number };
        let object = self.client.get(&name, len).await;
        let object = object.map_err(|failure| self.failed(failure.to_string()))?;
        self.count(|counters| counters.reads += 1);
        Ok(match object {
            Object::Found(bytes) => Some(bytes),
            Object::OtherLength | Object::Missing => None,
        })
    }

    async fn list_strays(&self) -> Result<HashMap<SliverKey, (u64, u64)>, StorageError> {
        let mut found = HashMap::new();
        let mut pages = self.client.pages();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|failure| self.failed(failure.to_string()))?;
            found.extend(
                page.into_iter()
                    .map(|(name, len)| (name.key, (name.number, len))),
            );
        }
        Ok(found)
    }
}

impl Storage {
    /// Whether there may be slivers in the bucket that the index has lost.
    pub(crate) fn bucket_has_strays(&self) -> bool {
        let Some(bucket) = &self.bucket else {
            return false;
        };
        bucket.strays.lock().is_some()
    }

    /// Notes that no object is left that the index has lost.
    pub(in crate::storage) async fn forget_strays(&self) -> Result<(), StorageError> {
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        bucket.set_strays(false);
        self.with_index(|index| match index.bucket_record()? {
            Some(record) if record.has_strays => index.set_bucket_record(&BucketRecord {
                has_strays: false,
                ..record
            }),
            _ => Ok(()),
        })
        .await
    }
}
