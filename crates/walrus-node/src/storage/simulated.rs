//! A disk in memory that forgets, when its power is cut, what was not synced.
//!
//! It keeps what a node sees apart from what a crash leaves. Batches of the index survive in the
//! order they were written, up to any one that was not synced, as a journal does; a file's new name
//! survives for certain once its directory is synced. Before that, chance decides.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard},
};

use rand::Rng;
use stdx::Mutex;

/// Free bytes unless a test says otherwise: more than any reserve.
const AVAILABLE_BYTES: u64 = 1 << 40;

/// Tables whose values a flipped bit may hit: the store of a real index has checksums for the
/// others.
const FLIPPED_TABLES: [&str; 2] = ["sliver_data", "metadata"];

/// Names a sliver file ends with.
const SLIVER_FILES: [&str; 2] = ["-primary", "-secondary"];

type Table = BTreeMap<Vec<u8>, Vec<u8>>;
type Tables = BTreeMap<&'static str, Table>;

/// A disk of a simulated machine. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// A disk as a process uses it, until the power is cut.
#[derive(Debug, Clone)]
pub struct Mount {
    disk: SimulatedDisk,
    generation: u64,
}

/// One write of a batch.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) table: &'static str,
    pub(super) key: Vec<u8>,
    /// `None` removes the key.
    pub(super) value: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    files: BTreeMap<PathBuf, Vec<u8>>,
    files_kept: BTreeMap<PathBuf, Vec<u8>>,
    /// Names whose directories are not synced: the content that is to be there, or nothing.
    names: Vec<(PathBuf, Option<Vec<u8>>)>,
    tables: Tables,
    tables_kept: Tables,
    /// Batches that are not synced.
    journal: Vec<Vec<Write>>,
    syncs_fail: bool,
    syncs_lie: bool,
    used_up: bool,
    /// Changes until the power is cut.
    changes_left: Option<u32>,
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The disk for a process that starts now. What earlier ones hold stops to work.
    pub fn mount(&self) -> Mount {
        let mut state = self.state.lock();
        state.generation += 1;
        state.changes_left = None;
        Mount {
            disk: self.clone(),
            generation: state.generation,
        }
    }

    /// Cuts the power: what is mounted stops to work, and `rng` decides what is left of changes
    /// that were not synced.
    pub fn cut_power(&self, rng: &mut impl Rng) {
        let mut state = self.state.lock();
        state.generation += 1;
        let survivors = rng.gen_range(0..=state.journal.len());
        let journal = std::mem::take(&mut state.journal);
        for batch in journal.into_iter().take(survivors) {
            apply(&mut state.tables_kept, batch);
        }
        for (path, content) in std::mem::take(&mut state.names) {
            if rng.gen_bool(0.5) {
                put(&mut state.files_kept, path, content);
            }
        }
        state.tables = state.tables_kept.clone();
        state.files = state.files_kept.clone();
    }

    /// Lets the disk stop in the middle of what it does: after so many more changes everything
    /// fails.
    pub fn stop_after(&self, changes: u32) {
        self.state.lock().changes_left = Some(changes);
    }

    /// Whether syncs fail from now on.
    pub fn set_syncs_fail(&self, fail: bool) {
        self.state.lock().syncs_fail = fail;
    }

    /// Whether syncs say that they are done, and are not: what no storage survives.
    pub fn set_syncs_lie(&self, lie: bool) {
        self.state.lock().syncs_lie = lie;
    }

    /// Takes back [`Self::stop_after`].
    pub fn keep_going(&self) {
        self.state.lock().changes_left = None;
    }

    /// Whether no space is left from now on.
    pub fn set_full(&self, full: bool) {
        self.state.lock().used_up = full;
    }

    /// Flips a bit of a stored sliver or of metadata, for good. `false` if nothing is stored.
    pub fn flip_bit(&self, rng: &mut impl Rng) -> bool {
        let mut state = self.state.lock();
        let mut places = Vec::new();
        for table in FLIPPED_TABLES {
            let keys = state
                .tables_kept
                .get(table)
                .into_iter()
                .flat_map(Table::keys);
            places.extend(keys.map(|key| Place::Value(table, key.clone())));
        }
        places.extend(
            state
                .files_kept
                .keys()
                .filter(|path| is_sliver(path))
                .cloned()
                .map(Place::File),
        );
        if places.is_empty() {
            return false;
        }
        let place = places.swap_remove(rng.gen_range(0..places.len()));
        let (position, bit) = (rng.gen_range(0..usize::MAX), rng.gen_range(0..8));
        let state = &mut *state;
        let values = match &place {
            Place::Value(table, key) => [&mut state.tables, &mut state.tables_kept]
                .map(|tables| tables.get_mut(table).and_then(|table| table.get_mut(key))),
            Place::File(path) => {
                [&mut state.files, &mut state.files_kept].map(|files| files.get_mut(path))
            }
        };
        for value in values.into_iter().flatten() {
            if !value.is_empty() {
                let position = position % value.len();
                value[position] ^= 1 << bit;
            }
        }
        true
    }

    /// Names of all files.
    pub fn files(&self) -> Vec<PathBuf> {
        self.state.lock().files.keys().cloned().collect()
    }
}

/// Something a bit of which may flip.
enum Place {
    Value(&'static str, Vec<u8>),
    File(PathBuf),
}

fn is_sliver(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    SLIVER_FILES.iter().any(|end| name.ends_with(end))
}

fn apply(tables: &mut Tables, batch: Vec<Write>) {
    for Write { table, key, value } in batch {
        put(tables.entry(table).or_default(), key, value);
    }
}

fn put<K: Ord>(map: &mut BTreeMap<K, Vec<u8>>, key: K, value: Option<Vec<u8>>) {
    match value {
        Some(value) => {
            map.insert(key, value);
        }
        None => {
            map.remove(&key);
        }
    }
}

/// Files.
impl Mount {
    /// Slivers up to this size are kept inside the index: few, so that small blobs are in files,
    /// too.
    pub(super) const INLINE_BYTES_MAX: usize = 128;

    pub(super) fn available_bytes(&self) -> io::Result<u64> {
        let used_up = self.state()?.used_up;
        Ok(if used_up { 0 } else { AVAILABLE_BYTES })
    }

    /// Writes a new file and syncs its content.
    pub(super) fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.change()?;
        if state.syncs_fail {
            return Err(sync_failure());
        }
        state.set_name(path, Some(bytes.to_vec()));
        Ok(())
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let content = state.files.get(from).cloned().ok_or_else(not_found)?;
        state.set_name(to, Some(content));
        state.set_name(from, None);
        Ok(())
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        if !state.files.contains_key(path) {
            return Err(not_found());
        }
        state.set_name(path, None);
        Ok(())
    }

    pub(super) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state()?;
        state.files.get(path).cloned().ok_or_else(not_found)
    }

    pub(super) fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state()?;
        let inside = |path: &&PathBuf| path.parent() == Some(directory);
        Ok(state.files.keys().filter(inside).cloned().collect())
    }

    /// Removes everything below `directory`.
    pub(super) fn remove_all(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let below: Vec<_> = state.files.keys().cloned().collect();
        for path in below.iter().filter(|path| path.starts_with(directory)) {
            state.set_name(path, None);
        }
        Ok(())
    }

    pub(super) fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        if state.syncs_fail {
            return Err(sync_failure());
        }
        if state.syncs_lie {
            return Ok(());
        }
        let names = std::mem::take(&mut state.names);
        for (path, content) in names {
            if path.parent() == Some(directory) {
                put(&mut state.files_kept, path, content);
            } else {
                state.names.push((path, content));
            }
        }
        Ok(())
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state.lock();
        if state.generation == self.generation {
            Ok(state)
        } else {
            Err(io::Error::other("the disk is gone"))
        }
    }

    /// The state, to be changed once.
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state()?;
        match &mut state.changes_left {
            None => return Ok(state),
            Some(0) => {}
            Some(left) => {
                *left -= 1;
                return Ok(state);
            }
        }
        state.generation += 1;
        Err(io::Error::other("the disk has stopped"))
    }
}

impl State {
    fn set_name(&mut self, path: &Path, content: Option<Vec<u8>>) {
        put(&mut self.files, path.to_owned(), content.clone());
        self.names.push((path.to_owned(), content));
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn sync_failure() -> io::Error {
    io::Error::other("input/output error")
}

/// The index.
impl Mount {
    pub(super) fn get(&self, table: &str, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let state = self.state()?;
        let found = state.tables.get(table).and_then(|table| table.get(key));
        Ok(found.cloned())
    }

    /// Entries within the bounds, ascending.
    pub(super) fn range(
        &self,
        table: &str,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
    ) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let state = self.state()?;
        let Some(table) = state.tables.get(table) else {
            return Ok(Vec::new());
        };
        let above = |key: &[u8]| match upper {
            Bound::Included(upper) => key > upper,
            Bound::Excluded(upper) => key >= upper,
            Bound::Unbounded => false,
        };
        let entries = table.range::<[u8], _>((lower, Bound::Unbounded));
        let entries = entries.take_while(|(key, _)| !above(key));
        Ok(entries
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    /// Writes a batch; with `sync`, it and all before it survive a crash.
    pub(super) fn commit(&self, batch: Vec<Write>, sync: bool) -> io::Result<()> {
        let mut state = self.change()?;
        apply(&mut state.tables, batch.clone());
        state.journal.push(batch);
        if sync { state.sync_journal() } else { Ok(()) }
    }

    /// Makes everything written to the index survive a crash.
    pub(super) fn persist(&self) -> io::Result<()> {
        self.change()?.sync_journal()
    }
}

impl State {
    fn sync_journal(&mut self) -> io::Result<()> {
        if self.syncs_fail {
            return Err(sync_failure());
        }
        if self.syncs_lie {
            return Ok(());
        }
        for batch in std::mem::take(&mut self.journal) {
            apply(&mut self.tables_kept, batch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn write(key: u8) -> Vec<Write> {
        vec![Write {
            table: "blobs",
            key: vec![key],
            value: Some(vec![key]),
        }]
    }

    #[test]
    fn a_crash_leaves_what_was_synced_and_a_beginning_of_the_rest() {
        let mut left = BTreeSet::new();
        for seed in 0..50 {
            let disk = SimulatedDisk::new();
            let mount = disk.mount();
            mount.commit(write(0), false).unwrap();
            mount.commit(write(1), true).unwrap();
            mount.commit(write(2), false).unwrap();
            mount.commit(write(3), false).unwrap();
            disk.cut_power(&mut StdRng::seed_from_u64(seed));
            assert!(mount.get("blobs", &[0]).is_err());
            let mount = disk.mount();
            let kept = mount.range("blobs", Bound::Unbounded, Bound::Unbounded);
            left.insert(kept.unwrap().len());
        }
        assert_eq!(left, BTreeSet::from([2, 3, 4]));
    }

    #[test]
    fn a_name_is_kept_once_its_directory_is_synced() {
        for seed in 0..20 {
            let disk = SimulatedDisk::new();
            let mount = disk.mount();
            let (from, to) = (Path::new("/tmp/1"), Path::new("/slivers/a"));
            mount.create(from, b"bytes").unwrap();
            mount.rename(from, to).unwrap();
            mount.sync_directory(Path::new("/slivers")).unwrap();
            disk.cut_power(&mut StdRng::seed_from_u64(seed));
            assert_eq!(disk.mount().read(to).unwrap(), b"bytes");
        }
    }

    #[test]
    fn a_disk_that_stops_changes_nothing_more() {
        let disk = SimulatedDisk::new();
        let mount = disk.mount();
        disk.stop_after(1);
        mount.commit(write(0), true).unwrap();
        assert!(mount.commit(write(1), true).is_err());
        assert!(mount.get("blobs", &[0]).is_err());
        let mount = disk.mount();
        assert!(mount.get("blobs", &[0]).unwrap().is_some());
        assert!(mount.get("blobs", &[1]).unwrap().is_none());
    }
}
