//! `walrus-node db`: looking at the storage of a node that is stopped.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use walrus_core::{BlobId, NShards};
use walrus_node::{
    NodeConfig, StartError,
    storage::{
        Inspection, Item, Storage, StorageError, StorageOptions, export_path, give_up_lost_index,
        rebuild,
    },
};

use super::Failure;

/// Exit code when a verification found damage.
const DAMAGE_FOUND: u8 = 1;

/// Exit code of a storage that cannot be used.
const STORAGE_FAILURE: u8 = 3;

/// Items listed at a time.
const BATCH: usize = 256;

/// Items after which progress is told.
const PROGRESS_INTERVAL: u64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what the storage holds
    Inspect(Place),
    /// Read everything; forget what is damaged, so that it can be stored again. Exit code 1 if
    /// there was any
    Verify(Place),
    /// Rewrite the index so that it takes no more space than it has to
    Compact(Place),
    /// Write metadata and slivers to a folder, one file each
    Export(Export),
    /// Give up the slivers that are only in the bucket; the other nodes give them back
    ForgetBucket(Place),
    /// Put a damaged index aside; the node builds another one from the chain, and takes the slivers
    /// back
    Rebuild(Place),
    /// Put every sliver file into quarantine and begin anew, after the index was lost
    Quarantine(Place),
    /// Delete the files in quarantine
    DeleteQuarantined(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// The configuration file of the node
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
}

#[derive(Debug, Args)]
struct Export {
    #[command(flatten)]
    place: Place,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only what belongs to this blob
    #[arg(long)]
    blob_id: Option<BlobId>,
}

impl Db {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        self.command.execute().await
    }
}

impl Command {
    async fn execute(self) -> Result<(), Failure> {
        let place = match &self {
            Self::Inspect(place)
            | Self::Verify(place)
            | Self::Compact(place)
            | Self::ForgetBucket(place)
            | Self::Rebuild(place)
            | Self::Quarantine(place)
            | Self::DeleteQuarantined(place) => place,
            Self::Export(export) => &export.place,
        };
        let mut options = place.options()?;
        options.without_bucket = matches!(self, Self::ForgetBucket(_));
        if matches!(self, Self::Rebuild(_)) {
            let rebuilt = rebuild(&options).map_err(failure)?;
            if let Some(index) = rebuilt.index {
                println!(
                    "the index is now {}; delete it when all is well",
                    index.display()
                );
            }
            println!("{} sliver files wait in quarantine", rebuilt.slivers);
            println!("start the node: it reads the chain again and takes back what is right");
            return Ok(());
        }
        if matches!(self, Self::Quarantine(_)) {
            let quarantine = give_up_lost_index(&options).map_err(failure)?;
            println!("{} files are in quarantine", quarantine.files);
            return Ok(());
        }
        let storage = Storage::open(&options).map_err(failure)?;
        // Whose the bucket is is known from the index: these commands do not claim one.
        if let Some(identity) = storage.index().identity().map_err(failure)?
            && self.reads_slivers()
        {
            let claimed = storage.claim_bucket(identity.system_object).await;
            claimed.map_err(failure)?;
        }
        let done = self.work(&storage).await;
        storage.close().await.map_err(failure)?;
        done
    }

    fn reads_slivers(&self) -> bool {
        matches!(self, Self::Verify(_) | Self::Export(_))
    }

    async fn work(self, storage: &Storage) -> Result<(), Failure> {
        match self {
            Self::Inspect(_) => print(&storage.inspect().await.map_err(failure)?),
            Self::Verify(_) => return verify(storage).await,
            Self::Compact(_) => storage.compact().await.map_err(failure)?,
            Self::Export(export) => return export.work(storage).await,
            Self::ForgetBucket(_) => {
                let slivers = storage.forget_bucket().await.map_err(failure)?;
                println!("{slivers} slivers are forgotten");
            }
            Self::DeleteQuarantined(_) => {
                let deleted = storage.delete_quarantined().await.map_err(failure)?;
                println!("deleted {} files, {} bytes", deleted.files, deleted.bytes);
            }
            Self::Rebuild(_) | Self::Quarantine(_) => {}
        }
        Ok(())
    }
}

impl Place {
    fn options(&self) -> Result<StorageOptions, Failure> {
        let config = NodeConfig::load(&self.config_path).map_err(|error| {
            let error = StartError::from(error);
            Failure::new(&error, error.exit_code())
        })?;
        if !config.storage_path.is_dir() {
            let path = config.storage_path.display();
            return Err(Failure::new(
                format!("there is no storage at {path}"),
                STORAGE_FAILURE,
            ));
        }
        let bucket = config.bucket_options().map_err(|error| {
            let error = StartError::from(error);
            Failure::new(&error, error.exit_code())
        })?;
        Ok(StorageOptions {
            bucket,
            ..StorageOptions::new(config.storage_path)
        })
    }
}

impl Export {
    async fn work(self, storage: &Storage) -> Result<(), Failure> {
        let write_failure = |path: &std::path::Path, error: std::io::Error| {
            let path = path.display();
            Failure::new(format!("cannot write {path}: {error}"), 1)
        };
        fs::create_dir_all(&self.out).map_err(|error| write_failure(&self.out, error))?;
        let (mut written, mut damaged) = (0_u64, 0_u64);
        let mut after = None;
        loop {
            let items = storage.items_after(after, BATCH).await.map_err(failure)?;
            let Some(last) = items.last().copied() else {
                break;
            };
            for item in items {
                let (Item::Metadata(blob_id)
                | Item::Sliver(walrus_node::storage::SliverKey { blob_id, .. })) = item;
                if self.blob_id.is_some_and(|wanted| wanted != blob_id) {
                    continue;
                }
                let Some(bytes) = storage.read_item(item).await.map_err(failure)? else {
                    damaged += 1;
                    continue;
                };
                let path = export_path(&self.out, item);
                fs::write(&path, bytes).map_err(|error| write_failure(&path, error))?;
                written += 1;
            }
            after = Some(last);
        }
        println!("wrote {written} files to {}", self.out.display());
        if damaged > 0 {
            return Err(Failure::new(
                format!("{damaged} items are damaged and were left out"),
                DAMAGE_FOUND,
            ));
        }
        Ok(())
    }
}

async fn verify(storage: &Storage) -> Result<(), Failure> {
    let n_shards = n_shards(storage)?;
    let progress = |items: u64| {
        if items > 0 && items.is_multiple_of(PROGRESS_INTERVAL) {
            eprintln!("{items} items are intact");
        }
    };
    let findings = storage.verify(n_shards, progress).await.map_err(failure)?;
    println!("intact: {}", findings.intact);
    println!("damaged: {}", findings.damaged.len());
    for item in &findings.damaged {
        match item {
            Item::Metadata(blob_id) => println!("  metadata of {blob_id}"),
            Item::Sliver(key) => println!(
                "  {} sliver of {} in shard {}",
                key.axis, key.blob_id, key.shard.0
            ),
        }
    }
    if findings.damaged.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        "what was damaged is forgotten; it can be stored again",
        DAMAGE_FOUND,
    ))
}

fn n_shards(storage: &Storage) -> Result<NShards, Failure> {
    let identity = storage.index().identity().map_err(failure)?;
    identity
        .map(|identity| identity.n_shards)
        .ok_or_else(|| Failure::new("the storage is new: nothing is stored", STORAGE_FAILURE))
}

fn print(inspection: &Inspection) {
    let Inspection {
        identity,
        cursor,
        epoch,
        shards,
        blobs,
        metadata,
        slivers,
        quarantine,
        bucket,
        pending_uploads,
    } = inspection;
    if let Some(identity) = identity {
        println!("layout: {}", identity.layout_version);
        println!("system object: {}", identity.system_object);
        println!("shards of the network: {}", identity.n_shards);
    } else {
        println!("new");
    }
    if let Some(epoch) = epoch {
        println!("epoch: {epoch}");
    }
    if let Some(checkpoint) = cursor.checkpoint {
        println!("checkpoint: {checkpoint}");
    }
    println!("shards: {}", shards.len());
    for (shard, record) in shards {
        println!(
            "  {}: {:?}, owned in epoch {}",
            shard.0, record.status, record.owned_in
        );
    }
    println!("blob records: {blobs}");
    println!("metadata: {metadata}");
    println!("slivers in the index: {}", slivers.inline);
    println!("slivers in files: {}", slivers.files);
    if let Some(bucket) = bucket {
        let (waiting, bytes) = pending_uploads;
        println!("slivers in {bucket}: {}", slivers.bucket);
        println!("of those in files, to be uploaded: {waiting}, {bytes} bytes");
    }
    println!(
        "in quarantine: {} files, {} bytes",
        quarantine.files, quarantine.bytes
    );
}

fn failure(error: StorageError) -> Failure {
    Failure::new(error, STORAGE_FAILURE)
}
