//! Runs the `walrus` command-line client like a user does, and reads its JSON.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// The `walrus` binary with the config it is given.
#[derive(Debug, Clone)]
pub struct WalrusCli {
    binary: PathBuf,
    config: PathBuf,
}

/// What a successful `walrus store` of one file reported.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Blob ID, base64url.
    pub blob_id: String,
    /// Object id of the blob object.
    pub object_id: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// Size of all slivers and metadata in bytes.
    pub encoded_size: u64,
    /// Price paid, in FROST.
    pub cost_frost: u64,
    /// Digests of the transactions sent, in order.
    pub transactions: Vec<String>,
    /// Wall-clock time of the whole command.
    pub elapsed: Duration,
    /// Largest resident memory of the command in bytes, where the system tells.
    pub peak_memory: Option<u64>,
}

impl WalrusCli {
    /// The `walrus` binary beside this program.
    pub fn beside_this_program(config: &Path) -> anyhow::Result<Self> {
        let this = std::env::current_exe().context("cannot tell where this program is")?;
        let binary = this.with_file_name("walrus");
        ensure!(
            binary.exists(),
            "{} is missing: build it with `cargo build -p walrus-cli`",
            binary.display()
        );
        Ok(Self {
            binary,
            config: config.to_owned(),
        })
    }

    /// Runs `walrus store` with JSON output.
    pub fn store(&self, file: &Path, epochs: u32) -> anyhow::Result<Stored> {
        let epochs = epochs.to_string();
        let file = file.to_str().context("the file name is not UTF-8")?;
        let run = self.run(&["store", file, "--epochs", &epochs, "--json"])?;
        let reply: Value =
            serde_json::from_slice(&run.output.stdout).context("walrus store printed no JSON")?;
        let entry = reply.get(0).context("walrus store printed no result")?;
        let created = entry
            .pointer("/blobStoreResult/newlyCreated")
            .with_context(|| format!("the blob was not newly stored: {entry}"))?;
        let text = |pointer: &str| -> anyhow::Result<String> {
            let value = created.pointer(pointer).and_then(Value::as_str);
            Ok(value
                .with_context(|| format!("{pointer} is missing in {created}"))?
                .to_owned())
        };
        let number = |pointer: &str| -> anyhow::Result<u64> {
            let value = created.pointer(pointer).and_then(Value::as_u64);
            value.with_context(|| format!("{pointer} is missing in {created}"))
        };
        let transactions = created
            .get("transactions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok(Stored {
            blob_id: text("/blobObject/blobId")?,
            object_id: text("/blobObject/id")?,
            size: number("/blobObject/size")?,
            encoded_size: number("/blobObject/storage/storageSize")?,
            cost_frost: number("/cost")?,
            transactions: transactions
                .filter_map(|digest| digest.as_str().map(str::to_owned))
                .collect(),
            elapsed: run.elapsed,
            peak_memory: run.peak_memory,
        })
    }

    /// Runs `walrus read --out`; returns how long it took and its peak memory.
    pub fn read(&self, blob_id: &str, out: &Path) -> anyhow::Result<(Duration, Option<u64>)> {
        let out = out.to_str().context("the file name is not UTF-8")?;
        let run = self.run(&["read", blob_id, "--out", out])?;
        Ok((run.elapsed, run.peak_memory))
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<Run> {
        let started = Instant::now();
        let mut child = Command::new(&self.binary)
            .arg("--config")
            .arg(&self.config)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        let watcher = MemoryWatcher::start(child.id());
        let output = collect(&mut child)?;
        let run = Run {
            output,
            elapsed: started.elapsed(),
            peak_memory: watcher.finish(),
        };
        if !run.output.status.success() {
            bail!(
                "walrus {} failed: {}",
                args.join(" "),
                String::from_utf8_lossy(&run.output.stderr).trim()
            );
        }
        Ok(run)
    }
}

struct Run {
    output: Output,
    elapsed: Duration,
    peak_memory: Option<u64>,
}

/// Reads both pipes to their end at once, so that neither can fill up and block the child.
fn collect(child: &mut std::process::Child) -> anyhow::Result<Output> {
    use std::io::Read as _;
    let mut stderr = child.stderr.take().context("stderr was not piped")?;
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr.read_to_end(&mut bytes).map(|_| bytes)
    });
    let mut stdout = Vec::new();
    child
        .stdout
        .take()
        .context("stdout was not piped")?
        .read_to_end(&mut stdout)?;
    let stderr = errors
        .join()
        .map_err(|_| anyhow::anyhow!("the reader of stderr panicked"))??;
    Ok(Output {
        status: child.wait()?,
        stdout,
        stderr,
    })
}

/// Samples the peak memory of a process until it ends.
struct MemoryWatcher {
    thread: std::thread::JoinHandle<Option<u64>>,
    stop: std::sync::mpsc::Sender<()>,
}

impl MemoryWatcher {
    const INTERVAL: Duration = Duration::from_millis(20);

    fn start(pid: u32) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut peak = None;
            loop {
                peak = peak.max(crate::process::peak_memory_bytes(pid));
                match stopped.recv_timeout(Self::INTERVAL) {
                    Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                    _ => return peak,
                }
            }
        });
        Self { thread, stop }
    }

    fn finish(self) -> Option<u64> {
        drop(self.stop);
        self.thread.join().ok().flatten()
    }
}
