//! The main job, end to end, the way a user would do it: store a file, lose nodes, read it back.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context as _, ensure};

use walrus_core::{NShards, params};
use walrus_terminal::format::Wal;

use crate::{
    cli::WalrusCli,
    network::{How, KeyServers, Network, Ports, UpOptions},
    report::NodeInfo,
    state::{NetworkOptions, StateDir},
};

/// How many epochs the demo pays for.
const EPOCHS: u32 = 1;

/// Runs the demo with `file` in a temporary network and prints what happened.
pub async fn run(file: &Path) -> anyhow::Result<()> {
    let original = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    ensure!(original.is_file(), "{} is not a file", file.display());

    let folder = tempfile::Builder::new()
        .prefix("walrus-demo-")
        .tempdir()
        .context("no temporary folder")?;
    let started = Instant::now();
    let network = Network::new(StateDir::new(folder.path()));
    let report = network
        .up(&UpOptions {
            options: shape_for(original.len())?,
            ports: Ports::ANY,
            packages: Vec::new(),
            services: Vec::new(),
            key_servers: KeyServers::default(),
            reset: false,
        })
        .await?
        .report;
    let outcome = store_lose_read(&network, &report, file, folder.path(), started);
    // The processes must not outlive the demo, whatever happened.
    network.down()?;
    outcome
}

/// The smallest of a few network shapes that a blob of `bytes` bytes fits into.
///
/// Three nodes share n = 3f + 1 shards so that two of them hold exactly f, as many as may be lost.
fn shape_for(bytes: u64) -> anyhow::Result<NetworkOptions> {
    const LARGER_SHAPES: [u16; 4] = [31, 100, 301, 1000];
    let default = NetworkOptions::default();
    let larger = LARGER_SHAPES.map(|shards| NetworkOptions {
        nodes: 3,
        shards,
        ..default.clone()
    });
    let fits = |options: &NetworkOptions| {
        NShards::new(options.shards).is_some_and(|shards| bytes <= params::max_blob_size(shards))
    };
    let mut shapes = std::iter::once(default).chain(larger);
    shapes
        .find(fits)
        .with_context(|| format!("{bytes} bytes do not fit into one blob of any network"))
}

fn store_lose_read(
    network: &Network,
    report: &crate::report::ReadyReport,
    file: &Path,
    folder: &Path,
    started: Instant,
) -> anyhow::Result<()> {
    let shards: usize = report.nodes.iter().map(|node| node.shards.len()).sum();
    let tolerated = (shards - 1) / 3;
    line(
        "Network",
        format!(
            "{} nodes, {shards} shards, chain {}",
            report.nodes.len(),
            report.chain_id
        ),
    );
    line(
        "",
        format!("ready in {:.1} s", started.elapsed().as_secs_f64()),
    );

    let cli = WalrusCli::beside_this_program(Path::new(&report.client_config))?;
    line(
        "File",
        format!("{} ({} bytes)", file.display(), fs::metadata(file)?.len()),
    );
    let stored = cli.store(file, EPOCHS)?;
    line(
        "Stored",
        format!("in {:.2} s", stored.elapsed.as_secs_f64()),
    );
    line("  blob ID", &stored.blob_id);
    line("  object ID", &stored.object_id);
    line(
        "  price",
        format!("{} for {EPOCHS} epoch", Wal(stored.cost_frost)),
    );
    line("  encoded size", format!("{} bytes", stored.encoded_size));
    for digest in &stored.transactions {
        line("  transaction", digest);
    }

    let stopped = nodes_to_stop(&report.nodes, tolerated);
    for node in &stopped {
        network.stop_node(&node.name, How::Ask)?;
    }
    let lost: usize = stopped.iter().map(|node| node.shards.len()).sum();
    let names: Vec<_> = stopped.iter().map(|node| node.name.as_str()).collect();
    line(
        "Stopped",
        format!(
            "{} with {lost} of {shards} shards ({tolerated} tolerated)",
            names.join(", ")
        ),
    );

    let copy = folder.join("read-back");
    let (elapsed, _) = cli.read(&stored.blob_id, &copy)?;
    ensure!(
        same_contents(file, &copy)?,
        "the file read back differs from {}",
        file.display()
    );
    line(
        "Read back",
        format!("in {:.2} s, identical", elapsed.as_secs_f64()),
    );
    Ok(())
}

/// A set of nodes whose shards add up to as many as possible, but to no more than `tolerated`.
fn nodes_to_stop(nodes: &[NodeInfo], tolerated: usize) -> Vec<NodeInfo> {
    // best[weight] = the nodes that together hold exactly `weight` shards.
    let mut best: Vec<Option<Vec<usize>>> = vec![None; tolerated + 1];
    best[0] = Some(Vec::new());
    for (index, node) in nodes.iter().enumerate() {
        for weight in (node.shards.len()..=tolerated).rev() {
            if best[weight].is_none()
                && let Some(mut chosen) = best[weight - node.shards.len()].clone()
            {
                chosen.push(index);
                best[weight] = Some(chosen);
            }
        }
    }
    let chosen = best.into_iter().rev().flatten().next().unwrap_or_default();
    chosen
        .into_iter()
        .map(|index| nodes[index].clone())
        .collect()
}

/// Compares two files piece by piece.
fn same_contents(left: &Path, right: &Path) -> anyhow::Result<bool> {
    use std::io::{BufRead as _, BufReader};
    let open = |path: &Path| {
        fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (mut left, mut right) = (BufReader::new(open(left)?), BufReader::new(open(right)?));
    loop {
        let (ours, theirs) = (left.fill_buf()?, right.fill_buf()?);
        let length = ours.len().min(theirs.len());
        if length == 0 {
            return Ok(ours.len() == theirs.len());
        }
        if ours[..length] != theirs[..length] {
            return Ok(false);
        }
        left.consume(length);
        right.consume(length);
    }
}

fn line(label: &str, text: impl AsRef<str>) {
    println!("{label:<15} {}", text.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(index: u16, shards: u16) -> NodeInfo {
        NodeInfo {
            name: format!("node-{index}"),
            id: String::new(),
            url: String::new(),
            shards: (0..shards).collect(),
            pid: None,
        }
    }

    fn weight(nodes: &[NodeInfo]) -> usize {
        nodes.iter().map(|node| node.shards.len()).sum()
    }

    #[test]
    fn as_many_shards_as_tolerated_are_stopped() {
        let nodes = [node(0, 3), node(1, 3), node(2, 2), node(3, 2)];
        assert_eq!(weight(&nodes_to_stop(&nodes, 3)), 3);
        assert_eq!(weight(&nodes_to_stop(&nodes, 5)), 5);
        assert_eq!(weight(&nodes_to_stop(&nodes, 1)), 0);
        let uneven = [node(0, 4), node(1, 4), node(2, 4), node(3, 4)];
        assert_eq!(weight(&nodes_to_stop(&uneven, 5)), 4);
    }

    #[test]
    fn the_network_is_as_large_as_the_file_needs() {
        assert_eq!(shape_for(0).unwrap().shards, 10);
        assert_eq!(shape_for(1_834_952).unwrap().shards, 10);
        assert_eq!(shape_for(1_834_953).unwrap().shards, 31);
        assert_eq!(shape_for(100 << 20).unwrap().shards, 100);
        assert_eq!(shape_for(1 << 30).unwrap().shards, 301);
        assert!(shape_for(u64::MAX).is_err());
    }

    #[test]
    fn different_files_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let long = vec![7_u8; 100_000];
        let a = path("a", &long);
        assert!(same_contents(&a, &path("b", &long)).unwrap());
        assert!(!same_contents(&a, &path("c", &long[1..])).unwrap());
        assert!(!same_contents(&a, &path("d", b"")).unwrap());
        assert!(same_contents(&path("e", b""), &path("f", b"")).unwrap());
    }
}
