//! Data that other versions have written. `WALRUS_UPDATE_VECTORS=1` writes the golden storage anew;
//! a new layout gets another one beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use walrus_core::{Epoch, ObjectId};
use walrus_node::{
    StartError,
    storage::{Identity, Storage, StorageError, StorageOptions},
};

use crate::harness::{OWNED, Persistence, TestBlob, TestNode, certified, n_shards, object_id};

/// Storages of all layouts, as files and their parts that are not zero.
const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/node/data/storage-layout-"
);

/// The epoch in which the blobs of these storages end.
const END_EPOCH: Epoch = 20;

/// What is found or left out together.
const BLOCK_BYTES: usize = 512;

/// A file: its path below the storage, its length, and its blocks that are not zero.
type PackedFile = (String, u64, Vec<(u32, Vec<u8>)>);

/// One blob is kept in the index, the rows of the other one in files.
fn blobs() -> [TestBlob; 2] {
    [TestBlob::new(1, 500), TestBlob::new(2, 265_000)]
}

/// A node whose chain knows both blobs; its storage may be replaced by another one that does.
async fn stopped() -> TestNode {
    let mut test = TestNode::start().await;
    for blob in blobs() {
        test.store(&blob, END_EPOCH).await;
        let event = certified(blob.id(), blob.tag(), END_EPOCH, Persistence::Permanent);
        test.chain.emit(vec![event]);
    }
    test.caught_up().await;
    test.stop().await;
    test
}

fn storage(test: &TestNode) -> PathBuf {
    test.directory.path().join("storage")
}

fn pack(root: &Path, folder: &Path, packed: &mut Vec<PackedFile>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            pack(root, &path, packed);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let blocks = (0_u32..).zip(bytes.chunks(BLOCK_BYTES));
        let blocks = blocks.filter(|(_, block)| block.iter().any(|byte| *byte != 0));
        let blocks = blocks.map(|(number, block)| (number, block.to_vec()));
        let length = u64::try_from(bytes.len()).unwrap();
        packed.push((name.to_owned(), length, blocks.collect()));
    }
}

fn unpack(packed: &[PackedFile], root: &Path) {
    for (name, length, blocks) in packed {
        let mut bytes = vec![0; usize::try_from(*length).unwrap()];
        for (number, block) in blocks {
            let begin = usize::try_from(*number).unwrap() * BLOCK_BYTES;
            bytes[begin..begin + block.len()].copy_from_slice(block);
        }
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn golden(layout: u32) -> PathBuf {
    PathBuf::from(format!("{GOLDEN}{layout}"))
}

fn present_layout() -> u32 {
    Identity::new(ObjectId([0; 32]), n_shards()).layout_version
}

#[tokio::test]
async fn storages_of_all_layouts_are_used_on() {
    if std::env::var_os("WALRUS_UPDATE_VECTORS").is_some() {
        let test = stopped().await;
        let mut packed = Vec::new();
        pack(&storage(&test), &storage(&test), &mut packed);
        let path = golden(present_layout());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bcs::to_bytes(&packed).unwrap()).unwrap();
    }
    for layout in 1..=present_layout() {
        is_used_on(layout).await;
    }
}

async fn is_used_on(layout: u32) {
    let mut test = stopped().await;
    fs::remove_dir_all(storage(&test)).unwrap();
    let golden: Vec<PackedFile> = bcs::from_bytes(&fs::read(golden(layout)).unwrap()).unwrap();
    unpack(&golden, &storage(&test));
    test.try_start().await.unwrap();
    for blob in blobs() {
        test.assert_serves(&blob).await;
    }
    // It goes on with it, and finds it again.
    let new = TestBlob::new(3, 70_000);
    test.store(&new, END_EPOCH + 1).await;
    test.restart().await;
    for blob in blobs().iter().chain([&new]) {
        test.assert_serves(blob).await;
    }
    // What ends is found, whatever layout it was written in, and nothing else is.
    test.chain.begin_epoch(END_EPOCH, OWNED);
    test.caught_up().await;
    test.assert_serves(&new).await;
    test.stop().await;
    let storage = Storage::open(&StorageOptions::new(storage(&test))).unwrap();
    let has_ended = |blob: &TestBlob| {
        let object = storage.index().object(&object_id(blob.tag()));
        object.unwrap().is_none()
    };
    assert!(blobs().iter().all(has_ended), "layout {layout}");
    assert!(!has_ended(&new), "layout {layout}");
}

#[tokio::test]
async fn a_storage_of_a_layout_that_is_not_known_stops_the_start() {
    let mut test = stopped().await;
    // As a version to come would have left it.
    let mut newer = Identity::new(test.config.sui.system_object, n_shards());
    newer.layout_version += 1;
    test.config.storage_path = test.directory.path().join("newer");
    let storage = Storage::open(&StorageOptions::new(&test.config.storage_path)).unwrap();
    storage.claim(&newer).unwrap();
    storage.close().await.unwrap();
    drop(storage);
    let error = test.try_start().await.unwrap_err();
    assert!(
        matches!(&error, StartError::Storage(StorageError::Foreign(_))),
        "{error}"
    );
    assert!(error.to_string().contains("layout version"), "{error}");
    assert_eq!(error.exit_code(), 3);
}
