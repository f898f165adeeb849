//! Files of slivers that are in the bucket as well: those used last, up to a number of bytes.
//!
//! Nothing rests on them, so nothing here is synced, and what cannot be read is not there.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use stdx::Mutex;
use tracing::debug;

use crate::storage::{
    SliverKey, StorageError,
    files::{CACHE_DIRECTORY, TEMPORARY_DIRECTORY, file_name, parse_name},
};

pub(in crate::storage) struct Cache {
    directory: PathBuf,
    temporary: PathBuf,
    bytes_max: u64,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<SliverKey, (u64, u64)>,
    /// Keys by the turn in which they were used last.
    by_turn: BTreeMap<u64, SliverKey>,
    turn: u64,
    bytes: u64,
}

impl Entries {
    fn touch(&mut self, key: SliverKey) {
        if let Some((turn, _)) = self.by_key.get_mut(&key) {
            self.by_turn.remove(turn);
            self.turn += 1;
            *turn = self.turn;
            self.by_turn.insert(self.turn, key);
        }
    }

    fn insert(&mut self, key: SliverKey, len: u64) {
        self.remove(&key);
        self.turn += 1;
        self.by_key.insert(key, (self.turn, len));
        self.by_turn.insert(self.turn, key);
        self.bytes += len;
    }

    fn remove(&mut self, key: &SliverKey) {
        if let Some((turn, len)) = self.by_key.remove(key) {
            self.by_turn.remove(&turn);
            self.bytes -= len;
        }
    }
}

impl Cache {
    /// Looks at the files that are there, and removes those that are too many.
    pub(in crate::storage) fn open(root: &Path, bytes_max: u64) -> Result<Self, StorageError> {
        let directory = root.join(CACHE_DIRECTORY);
        let failed = |source| StorageError::io("look at", &directory, source);
        fs::create_dir_all(&directory).map_err(failed)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let key = entry.file_name().to_str().and_then(parse_name);
            if let (Some(key), Ok(data)) = (key, entry.metadata()) {
                found.push((
                    data.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    key,
                    data.len(),
                ));
            }
        }
        found.sort();
        let mut entries = Entries::default();
        for (_, key, len) in found {
            entries.insert(key, len);
        }
        let cache = Self {
            directory,
            temporary: root.join(TEMPORARY_DIRECTORY),
            bytes_max,
            entries: Mutex::new(entries),
        };
        cache.make_room(0);
        Ok(cache)
    }

    pub(in crate::storage) fn bytes(&self) -> u64 {
        self.entries.lock().bytes
    }

    pub(in crate::storage) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// The content of a file, if there is one. It is not compared with anything.
    pub(in crate::storage) fn read(&self, key: &SliverKey) -> Option<Vec<u8>> {
        self.entries.lock().touch(*key);
        fs::read(self.path(key)).ok()
    }

    /// Keeps a sliver.
    pub(in crate::storage) fn keep(&self, key: &SliverKey, number: u64, bytes: &[u8]) {
        let len = bytes.len() as u64;
        if len > self.bytes_max {
            return;
        }
        let temporary = self.temporary.join(format!("cached-{number:016x}"));
        let written = fs::write(&temporary, bytes);
        let kept = written.and_then(|()| fs::rename(&temporary, self.path(key)));
        if let Err(error) = kept {
            debug!(%error, "cannot cache a sliver");
            // Best effort: the next start empties the directory anyway.
            let _ = fs::remove_file(&temporary);
            return;
        }
        self.insert(*key, len);
    }

    /// Keeps the file of a sliver that has been uploaded.
    pub(in crate::storage) fn take_over(&self, key: &SliverKey, file: &Path, len: u64) {
        let moved = if len > self.bytes_max {
            fs::remove_file(file)
        } else {
            fs::rename(file, self.path(key)).inspect(|()| self.insert(*key, len))
        };
        if let Err(error) = moved {
            debug!(%error, "cannot cache a sliver that was uploaded");
        }
    }

    /// Forgets a sliver.
    pub(in crate::storage) fn remove(&self, key: &SliverKey) {
        self.entries.lock().remove(key);
        // It may not be there.
        let _ = fs::remove_file(self.path(key));
    }

    /// Removes files used longest ago until `needed` bytes less are there than now; returns whether
    /// there was anything.
    pub(in crate::storage) fn give_back(&self, needed: u64) -> bool {
        let goal = self.entries.lock().bytes.saturating_sub(needed);
        let mut gave = false;
        while self.entries.lock().bytes > goal {
            gave |= self.remove_oldest();
        }
        gave
    }

    fn insert(&self, key: SliverKey, len: u64) {
        self.entries.lock().insert(key, len);
        self.make_room(0);
    }

    fn make_room(&self, needed: u64) {
        while self.entries.lock().bytes.saturating_add(needed) > self.bytes_max {
            if !self.remove_oldest() {
                return;
            }
        }
    }

    fn remove_oldest(&self) -> bool {
        let oldest = self
            .entries
            .lock()
            .by_turn
            .first_key_value()
            .map(|(_, key)| *key);
        let Some(key) = oldest else {
            return false;
        };
        self.remove(&key);
        true
    }

    fn path(&self, key: &SliverKey) -> PathBuf {
        self.directory.join(file_name(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus_core::{BlobId, ShardIndex, SliverType};

    fn key(number: u8) -> SliverKey {
        SliverKey {
            shard: ShardIndex(0),
            axis: SliverType::Primary,
            blob_id: BlobId([number; 32]),
        }
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_and_the_bound_holds_over_a_restart() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(TEMPORARY_DIRECTORY)).unwrap();
        let cache = Cache::open(root.path(), 30).unwrap();
        for number in 0..3 {
            cache.keep(&key(number), u64::from(number), &[number; 10]);
        }
        assert_eq!(cache.read(&key(0)).unwrap(), [0; 10]);
        cache.keep(&key(3), 3, &[3; 10]);
        assert_eq!((cache.read(&key(1)), cache.bytes()), (None, 30));
        cache.keep(&key(4), 4, &[4; 31]);
        assert_eq!(cache.read(&key(4)), None);
        drop(cache);

        let cache = Cache::open(root.path(), 20).unwrap();
        assert_eq!(cache.bytes(), 20);
        assert!(cache.give_back(1));
        assert_eq!(cache.bytes(), 10);
        assert!(cache.give_back(10));
        assert!(!cache.give_back(1));
    }
}
