//! A disk that lies never costs more than what it damaged.

use std::{
    fs,
    path::{Path, PathBuf},
};

use reqwest::StatusCode;
use tokio::process::Command;
use walrus_core::{SliverType, node_api::paths};
use walrus_node::{
    StartError,
    storage::{Storage, StorageError, StorageOptions},
};

use crate::harness::{OWNED, TestBlob, TestNode, assert_refused, client, data, owned_slivers};

/// Large enough that slivers get files.
const FILE_BLOB: usize = 1_500_000;

/// Small enough that slivers stay in the index.
const INLINE_BLOB: usize = 60_000;

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

impl TestNode {
    fn storage_path(&self) -> PathBuf {
        self.directory.path().join("storage")
    }

    fn sliver_files(&self) -> Vec<PathBuf> {
        files_below(&self.storage_path().join("slivers"))
    }

    /// Moves what is in the journal of the index into its tables.
    pub(crate) async fn compact(&self) {
        compact(&self.storage_path()).await;
    }
}

/// Has the index of a node that does not run written into tables.
pub(crate) async fn compact(storage: &Path) {
    let storage = Storage::open(&StorageOptions::new(storage.to_owned())).unwrap();
    storage.compact().await.unwrap();
    storage.close().await.unwrap();
}

#[tokio::test]
async fn a_lost_index_stops_the_start_and_no_sliver_is_deleted() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    let before = test.sliver_files();
    let index = test.storage_path().join("index");
    let copy = test.directory.path().join("copy");
    // As a crash would leave it: a stop writes what is in the journal into tables.
    let crashed = test.directory.path().join("crashed");
    copy_folder(&index, &crashed);
    test.stop().await;
    fs::rename(&index, &copy).unwrap();
    let refuse = |error: StartError| {
        assert_eq!(error.exit_code(), 3);
        let expected = u64::try_from(before.len()).unwrap();
        let StartError::Storage(StorageError::IndexLost { files, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!(files, expected);
    };
    refuse(test.try_start().await.unwrap_err());
    // A journal whose beginning is damaged is a lost index, too.
    fs::remove_dir_all(&index).unwrap();
    copy_folder(&crashed, &index);
    let journal = index.join("0.jnl");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[0] ^= 0x80;
    fs::write(&journal, bytes).unwrap();
    refuse(test.try_start().await.unwrap_err());
    assert_eq!(test.sliver_files(), before);

    fs::remove_dir_all(&index).unwrap();
    fs::rename(&copy, &index).unwrap();
    test.try_start().await.unwrap();
    test.assert_serves(&blob).await;
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

#[tokio::test]
async fn a_lost_index_is_noticed_without_sliver_files_as_well() {
    let mut test = TestNode::start().await;
    test.store(&TestBlob::new(1, INLINE_BLOB), 10).await;
    test.stop().await;
    fs::remove_dir_all(test.storage_path().join("index")).unwrap();
    let error = test.try_start().await.unwrap_err();
    assert!(error.to_string().contains("in use before"), "{error}");
}

#[tokio::test]
async fn cleaning_up_takes_only_what_is_the_nodes_and_never_from_another_process() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    let note = test.storage_path().join("note");
    fs::write(&note, "mine").unwrap();
    // Trust begins anew, too: the chain may be another one.
    let validators = test.storage_path().join("validators.json");
    fs::write(&validators, "{}").unwrap();
    let options = StorageOptions {
        cleanup: true,
        ..StorageOptions::new(test.storage_path())
    };
    assert!(matches!(
        Storage::open(&options),
        Err(StorageError::Locked(_))
    ));
    test.assert_serves(&blob).await;
    test.config.cleanup_storage = true;
    test.restart().await;
    assert_eq!(fs::read_to_string(note).unwrap(), "mine");
    assert!(!validators.exists());
    assert!(test.sliver_files().is_empty());
    test.assert_holds_nothing(&blob).await;
}

#[tokio::test]
async fn every_damaged_part_of_the_index_can_be_uploaded_again() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, INLINE_BLOB);
    test.store(&blob, 10).await;
    test.stop().await;
    test.compact().await;
    // Tables of slivers and metadata hold their keys in the clear; what follows a key is damaged.
    let id = blob.id();
    let mut damaged = 0;
    for file in files_below(&test.storage_path().join("index/keyspaces")) {
        let mut bytes = fs::read(&file).unwrap();
        let body = blob.sliver_body(blob.pair_of(OWNED[0]), SliverType::Primary);
        let needles = [
            &body[body.len() / 2..][..16],
            &blob.metadata_body()[100..116],
        ];
        for needle in needles {
            if let Some(position) = find(&bytes, needle) {
                bytes[position] ^= 1;
                damaged += 1;
            }
        }
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!(damaged, 2, "one sliver and the metadata");
    test.try_start().await.unwrap();
    test.caught_up().await;
    let sliver = test.get_sliver(&blob, OWNED[0], SliverType::Primary).await;
    assert_refused(sliver, 404, "NOT_FOUND", "SLIVER_NOT_FOUND").await;
    let metadata = test.get(&paths::metadata(&id)).await;
    assert_refused(metadata, 404, "NOT_FOUND", "METADATA_NOT_FOUND").await;
    assert_eq!(test.metric("walrus_damaged_slivers_total").await, 1);
    assert!(test.metric("walrus_damaged_index_reads").await >= 2);
    let damage = data(test.get("/v1/health").await).await["damage"].clone();
    assert_eq!(damage["slivers"], 1);
    assert!(damage["indexReads"].as_u64() >= Some(2));
    let confirmation = paths::permanent_confirmation(&id);
    let refused = test.get(&confirmation).await;
    assert_refused(refused, 400, "FAILED_PRECONDITION", "MISSING_SLIVERS").await;

    assert_eq!(test.put_metadata(&blob).await.status(), StatusCode::CREATED);
    let again = test.put_sliver(&blob, OWNED[0], SliverType::Primary).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    test.assert_serves(&blob).await;
    assert_eq!(test.get(&confirmation).await.status(), StatusCode::OK);
    test.restart().await;
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn damage_is_found_before_anybody_asks() {
    let mut test = TestNode::start_with(|config| config.scrub_cycle_secs = 0).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    let id = hex::encode(blob.id().0);
    let file = test
        .storage_path()
        .join(format!("slivers/{}/{id}-{}-primary", &id[..2], OWNED[0]));
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_000] ^= 4;
    fs::write(&file, bytes).unwrap();
    test.config.scrub_cycle_secs = 1;
    test.restart().await;
    crate::harness::eventually(|| async { test.metric("walrus_damaged_slivers_total").await == 1 })
        .await;
    crate::harness::eventually(|| async { test.metric("walrus_scrub_cycles_total").await >= 2 })
        .await;
    assert_eq!(test.metric("walrus_damaged_slivers_total").await, 1);
    let path = paths::sliver_status(&blob.id(), blob.pair_of(OWNED[0]), SliverType::Primary);
    let status = data(test.get(&path).await).await;
    assert_eq!(status, "nonexistent");
}

pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Bit flips anywhere in the tables of the index: right bytes, a refusal, or a start that is
/// refused; never wrong bytes.
#[tokio::test]
async fn flipped_bits_in_the_index_never_give_wrong_bytes() {
    const FLIPS: usize = 24;
    let mut test = TestNode::start_with(|config| config.rebuild_damaged_index = false).await;
    let blobs = [TestBlob::new(1, INLINE_BLOB), TestBlob::new(2, 500)];
    for blob in &blobs {
        test.store(blob, 10).await;
    }
    test.stop().await;
    test.compact().await;
    let index = test.storage_path().join("index");
    let copy = test.directory.path().join("copy");
    copy_folder(&index, &copy);
    let tables = files_below(&copy.join("keyspaces"));
    let total: u64 = tables
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    let mut served = 0;
    for flip in 0..FLIPS {
        fs::remove_dir_all(&index).unwrap();
        copy_folder(&copy, &index);
        let mut position =
            total * u64::try_from(flip * 2 + 1).unwrap() / u64::try_from(FLIPS * 2).unwrap();
        for file in &tables {
            let length = fs::metadata(file).unwrap().len();
            if position < length {
                let target = index.join(file.strip_prefix(&copy).unwrap());
                let mut bytes = fs::read(&target).unwrap();
                bytes[usize::try_from(position).unwrap()] ^= 1 << (flip % 8);
                fs::write(&target, bytes).unwrap();
                break;
            }
            position -= length;
        }
        match test.try_start().await {
            Ok(()) => {
                served += serve_right_bytes_or_none(&test, &blobs).await;
                test.stop().await;
            }
            Err(error) => {
                let text = error.to_string();
                assert!(
                    !text.contains('\n') && !text.contains("FjallError"),
                    "{text}"
                );
                assert_eq!(error.exit_code(), 3, "{text}");
            }
        }
    }
    assert!(served > 0);
}

/// The store would ask for memory for all entries that a table of contents claims to have, and be
/// ended for it.
#[tokio::test]
async fn tables_of_contents_that_claim_too_much_stop_the_start() {
    let mut test = TestNode::start_with(|config| config.rebuild_damaged_index = false).await;
    test.store(&TestBlob::new(1, 500), 10).await;
    test.stop().await;
    test.compact().await;
    let tables = files_below(&test.storage_path().join("index/keyspaces"));
    let mut tried = 0;
    for file in tables {
        let sound = fs::read(&file).unwrap();
        let Some(begin) = find(&sound, b"TOC!") else {
            continue;
        };
        let mut bytes = sound.clone();
        bytes[begin + 7] ^= 1 << 6;
        fs::write(&file, bytes).unwrap();
        let error = test.try_start().await.unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        fs::write(&file, sound).unwrap();
        tried += 1;
    }
    assert!(tried > 3, "{tried}");
    test.try_start().await.unwrap();
    test.stop().await;
}

async fn serve_right_bytes_or_none(test: &TestNode, blobs: &[TestBlob]) -> usize {
    let mut served = 0;
    for blob in blobs {
        for (shard, axis) in owned_slivers() {
            let response = test.get_sliver(blob, shard, axis).await;
            if response.status() == StatusCode::OK {
                let body = blob.sliver_body(blob.pair_of(shard), axis);
                assert_eq!(response.bytes().await.unwrap(), body);
                served += 1;
            }
        }
        let metadata = test.get(&paths::metadata(&blob.id())).await;
        if metadata.status() == StatusCode::OK {
            assert_eq!(metadata.bytes().await.unwrap(), blob.metadata_wire());
            served += 1;
        }
    }
    served
}

/// The unit of `ulimit -f`.
const BLOCK_BYTES: usize = 512;

/// The real process, because its exit code is what an operator's supervisor sees. The file size
/// limit of the operating system plays the disk that is full.
#[tokio::test]
async fn an_index_that_cannot_be_written_ends_the_process() {
    let mut test = TestNode::start().await;
    let blobs: Vec<_> = (0..20).map(|seed| TestBlob::new(seed, 100)).collect();
    for blob in &blobs {
        test.chain.register(blob.id(), blob.tag(), 10);
    }
    test.caught_up().await;
    test.stop().await;
    let config_path = test.directory.path().join("node.yaml");
    let port = free_port();
    test.config.rest_api_address = ([127, 0, 0, 1], port).into();
    test.config.rest_graceful_shutdown_period_secs = Some(1);
    fs::write(&config_path, test.config.to_yaml().unwrap()).unwrap();
    // Room for what a start writes and for some metadata, but not for that of all blobs.
    let journal = fs::read(test.storage_path().join("index/0.jnl")).unwrap();
    let written = journal.iter().rposition(|byte| *byte != 0).unwrap();
    let blocks = (written + 8 * 1024) / BLOCK_BYTES;
    let node = env!("CARGO_BIN_EXE_walrus-node");
    let script = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec {node} run --config-path {}",
        config_path.display()
    );
    let mut process = Command::new("sh")
        .args(["-c", &script])
        .kill_on_drop(true)
        // The limit is one of every file the process writes to.
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let http = client();
    crate::harness::eventually(|| async { http.get(url("/v1/health")).send().await.is_ok() }).await;
    let mut answers = Vec::new();
    for blob in &blobs {
        let request = http.put(url(&paths::metadata(&blob.id())));
        let response = request.body(blob.metadata_body()).send().await.unwrap();
        answers.push(response.status());
        if response.status() != StatusCode::CREATED {
            assert_refused(response, 500, "INTERNAL", "INTERNAL_ERROR").await;
            // Until it ends, the process says why.
            let health = data(http.get(url("/v1/health")).send().await.unwrap()).await;
            assert_eq!(health["nodeStatus"], "StorageFailed");
            let reason = health["storageFailure"].as_str().unwrap();
            assert!(reason.contains("cannot be written"), "{reason}");
            break;
        }
    }
    assert!(
        answers.ends_with(&[StatusCode::INTERNAL_SERVER_ERROR]),
        "{answers:?}"
    );
    assert_eq!(process.wait().await.unwrap().code(), Some(1));
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
