//! `walrus info`.

mod receivers;

use std::fmt::Write as _;

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::{Args, Subcommand, ValueEnum};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use walrus_core::{NetworkPublicKey, text::printable};
use walrus_sui::{
    Committee, CommitteeMember, Committees, EpochInfo, Prices, SuiReader, reader::NodeRef,
};

use super::context::Context;
use crate::{
    args::RpcArgs,
    output::{
        format::{Size, Wal, thousands},
        info::{
            BftPart, CommitteePart, EpochPart, EpochStart, Info, NodePart, PricePart, SizePart,
            StoragePart, VotingPart,
        },
        print_json, print_text,
        table::{self, TableArgs, essential, useful, wide},
    },
};

/// Options of `info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// The part to show; epoch, storage, size and price without it
    #[command(subcommand)]
    pub part: Option<InfoPart>,
    /// How wide the table of nodes is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// The parts of `info`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum InfoPart {
    /// Everything
    All,
    /// Current epoch, its start, duration, how far ahead storage is sold
    Epoch,
    /// Numbers of shards and nodes
    Storage,
    /// Size limits
    Size,
    /// Prices, with examples
    Price,
    /// What the network tolerates
    Bft,
    /// Type of the WAL coin
    Coin,
    /// The storage nodes
    Committee(CommitteeArgs),
}

/// Options of `info committee`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CommitteeArgs {
    /// Order of the nodes; committee order without it
    #[arg(long, value_name = "KEY")]
    pub sort_by: Option<SortBy>,
    /// Descending order
    #[arg(long)]
    pub desc: bool,
    /// Only these nodes: names, IDs, or beginnings of them that fit one node only
    #[arg(long = "node", visible_alias = "node-id", num_args = 1.., value_name = "NODE")]
    pub nodes: Vec<NodeRef>,
    /// Only the table, without the keys and shards of each node
    #[arg(long)]
    pub hide_details: bool,
    /// Print who gets the commission of each node, as CSV
    #[arg(long)]
    pub commission_receivers: bool,
}

/// Keys to sort nodes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// Node ID
    Id,
    /// Name
    Name,
    /// Network address
    Url,
}

/// Staking pools read at the same time.
const CONCURRENT_POOL_READS: usize = 8;

/// `info coin`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CoinPart {
    coin_type: String,
}

/// One consistent view of the network.
struct View {
    epoch: EpochInfo,
    prices: Prices,
    committees: std::sync::Arc<Committees>,
}

impl View {
    async fn read(reader: &SuiReader) -> anyhow::Result<Self> {
        Ok(Self {
            epoch: reader.epoch_info().await?,
            prices: reader.prices().await?,
            committees: reader.committees().await?,
        })
    }
}

/// Shows facts of the network.
pub(crate) async fn run(context: &Context, args: InfoArgs) -> anyhow::Result<()> {
    let client = context.reading(&args.rpc)?.client;
    let reader = client.reader();
    let (json, table) = (context.json(), args.table);
    let view = || View::read(reader);
    match args.part {
        None => show(json, &view().await?.info(), |info| info_text(info, table)),
        Some(InfoPart::All) => {
            let view = view().await?;
            let mut info = view.info();
            info.committee_info = Some(committee(reader, &view, &CommitteeArgs::default()).await?);
            info.bft_info = Some(BftPart::new(&view.committees.current));
            show(json, &info, |info| info_text(info, table))
        }
        Some(InfoPart::Epoch) => show(json, &view().await?.info().epoch_info, epoch_text),
        Some(InfoPart::Storage) => show(json, &view().await?.info().storage_info, storage_text),
        Some(InfoPart::Size) => show(json, &view().await?.info().size_info, size_text),
        Some(InfoPart::Price) => show(json, &view().await?.info().price_info, price_text),
        Some(InfoPart::Bft) => show(
            json,
            &BftPart::new(&view().await?.committees.current),
            bft_text,
        ),
        Some(InfoPart::Committee(order)) if order.commission_receivers => {
            let receivers = receivers::read(reader, &view().await?.committees).await?;
            show(json, &receivers, |receivers| receivers::csv(receivers))
        }
        Some(InfoPart::Committee(order)) => {
            let part = committee(reader, &view().await?, &order).await?;
            show(json, &part, |part| {
                committee_text(part, !order.hide_details, table)
            })
        }
        Some(InfoPart::Coin) => {
            let coin_type = reader.wal_type().await?.to_string();
            show(json, &CoinPart { coin_type }, |coin| {
                format!("Coin type: {}", coin.coin_type)
            })
        }
    }
}

fn show<T: Serialize>(json: bool, part: &T, text: impl Fn(&T) -> String) -> anyhow::Result<()> {
    if json {
        print_json(part)
    } else {
        print_text(&text(part))
    }
}

impl View {
    fn info(&self) -> Info {
        let n = self.epoch.n_shards;
        Info {
            epoch_info: EpochPart::new(&self.epoch),
            storage_info: StoragePart {
                n_shards: n.get(),
                n_nodes: self.committees.current.members.len(),
            },
            size_info: SizePart::new(n),
            price_info: PricePart::new(n, &self.prices),
            committee_info: None,
            bft_info: None,
        }
    }
}

async fn committee(
    reader: &SuiReader,
    view: &View,
    order: &CommitteeArgs,
) -> anyhow::Result<CommitteePart> {
    let current = nodes(reader, &view.committees.current, order).await?;
    let next = match &view.committees.next {
        Some(next) => nodes(reader, next, order).await?,
        None => Vec::new(),
    };
    Ok(CommitteePart::new(view.epoch.n_shards, current, next))
}

async fn nodes(
    reader: &SuiReader,
    committee: &Committee,
    order: &CommitteeArgs,
) -> anyhow::Result<Vec<NodePart>> {
    let mut members = committee.members.clone();
    if !order.nodes.is_empty() {
        let mut wanted = Vec::with_capacity(order.nodes.len());
        for node in &order.nodes {
            wanted.push(reader.node_id(node).await?);
        }
        members.retain(|member| wanted.contains(&member.node_id));
    }
    let mut nodes: Vec<NodePart> = stream::iter(members)
        .map(|member| node(reader, member))
        .buffered(CONCURRENT_POOL_READS)
        .try_collect()
        .await?;
    match order.sort_by {
        Some(SortBy::Id) => nodes.sort_by_key(|node| node.node_id),
        Some(SortBy::Name) => nodes.sort_by(|left, right| left.name.cmp(&right.name)),
        Some(SortBy::Url) => {
            nodes.sort_by(|left, right| left.network_address.cmp(&right.network_address));
        }
        None => {}
    }
    if order.desc {
        nodes.reverse();
    }
    Ok(nodes)
}

async fn node(reader: &SuiReader, member: CommitteeMember) -> anyhow::Result<NodePart> {
    let pool = reader.staking_pool(member.node_id).await?;
    let next_key = pool.node_info.next_epoch_public_key.as_ref();
    let next_key = next_key.and_then(walrus_contracts::types::GroupElement::to_compressed_g1);
    let mut shard_ids: Vec<u16> = member.shards.iter().map(|shard| shard.0).collect();
    shard_ids.sort_unstable();
    let tls_key = member
        .network_public_key
        .map(|NetworkPublicKey(bytes)| bytes);
    Ok(NodePart {
        name: member.name,
        network_address: member.network_address,
        public_key: BASE64_STANDARD.encode(member.public_key.0),
        next_epoch_public_key: next_key.map(|key| BASE64_STANDARD.encode(key)),
        network_public_key: tls_key.map_or_else(String::new, |key| BASE64_STANDARD.encode(key)),
        n_shards: shard_ids.len(),
        shard_ids,
        node_id: member.node_id,
        stake: member.stake,
        voting_params: Some(VotingPart {
            storage_price: pool.voting_params.storage_price,
            write_price: pool.voting_params.write_price,
            node_capacity: pool.voting_params.node_capacity,
        }),
    })
}

fn info_text(info: &Info, table: TableArgs) -> String {
    let mut parts = vec![
        epoch_text(&info.epoch_info),
        storage_text(&info.storage_info),
        size_text(&info.size_info),
        price_text(&info.price_info),
    ];
    parts.extend(info.bft_info.as_ref().map(bft_text));
    parts.extend(
        info.committee_info
            .as_ref()
            .map(|part| committee_text(part, true, table)),
    );
    parts.join("\n")
}

fn epoch_text(part: &EpochPart) -> String {
    let start = match &part.start_of_current_epoch {
        EpochStart::DateTime(time) => time.to_string(),
        EpochStart::Message(message) => message.clone(),
    };
    let duration = jiff::SignedDuration::try_from(part.epoch_duration)
        .map_or_else(|_| "unknown".to_owned(), |duration| format!("{duration:#}"));
    format!(
        "Current epoch: {}\nStart of current epoch: {start}\nEpoch duration: {duration}\n\
         Blobs can be stored for at most {} epochs ahead\n",
        part.current_epoch, part.max_epochs_ahead
    )
}

fn storage_text(part: &StoragePart) -> String {
    format!(
        "Number of storage nodes: {}\nNumber of shards: {}\n",
        part.n_nodes, part.n_shards
    )
}

fn size_text(part: &SizePart) -> String {
    format!(
        "Maximum blob size: {} ({} bytes)\nStorage unit: {}\n",
        Size(part.max_blob_size),
        thousands(part.max_blob_size),
        Size(part.storage_unit_size)
    )
}

fn price_text(part: &PricePart) -> String {
    let mut text = format!(
        "Price per encoded storage unit and epoch: {}\nPrice to write one encoded storage unit: {}\n",
        Wal(part.storage_price_per_unit_size.0),
        Wal(part.write_price_per_unit_size.0)
    );
    for prices in &part.encoding_dependent_price_info {
        let written = writeln!(
            text,
            "Storage of the metadata of any blob for one epoch: {}\nStorage of {} more of unencoded data for one epoch: {}",
            Wal(prices.metadata_price.0),
            Size(prices.marginal_size),
            Wal(prices.marginal_price.0)
        );
        written.expect("writing to a string cannot fail");
        for example in &prices.example_blobs {
            let line = format!(
                "  {} unencoded ({} encoded): {} per epoch\n",
                Size(example.unencoded_size),
                Size(example.encoded_size),
                Wal(example.price.0)
            );
            text.push_str(&line);
        }
    }
    text
}

fn bft_text(part: &BftPart) -> String {
    format!(
        "Tolerated faults (f): {} shards\nQuorum (2f+1): {} shards\nCorrect at least (n-f): {} shards\n\
         Fewest nodes with a quorum: {} nodes, with {} shards\n",
        part.max_faulty_shards,
        part.quorum_threshold,
        part.min_correct_shards,
        part.min_nodes_above,
        part.shards_above
    )
}

fn committee_text(part: &CommitteePart, details: bool, table: TableArgs) -> String {
    let mut text = format!(
        "Shards: {}\nPrimary slivers that decode a blob: {}\nSecondary slivers that decode a blob: {}\n\
         Maximum sliver size: {}\nMetadata per blob: {}\nMaximum encoded blob size: {}\n\n\
         Storage nodes of this epoch\n{}\n",
        part.n_shards,
        part.n_primary_source_symbols,
        part.n_secondary_source_symbols,
        Size(part.max_sliver_size),
        Size(part.metadata_storage_size),
        Size(part.max_encoded_blob_size),
        nodes_table(&part.current_storage_nodes, table)
    );
    if !part.next_storage_nodes.is_empty() {
        let next = nodes_table(&part.next_storage_nodes, table);
        writeln!(text, "\nStorage nodes of the next epoch\n{next}")
            .expect("writing to a string cannot fail");
    }
    if details {
        for node in &part.current_storage_nodes {
            text.push_str(&node_details(node));
        }
    }
    text
}

fn nodes_table(nodes: &[NodePart], table: TableArgs) -> String {
    let columns = [
        essential("Name"),
        essential("Shards").number(),
        useful("Stake").number(),
        useful("Address"),
        wide("Node ID"),
    ];
    let rows: Vec<Vec<String>> = nodes
        .iter()
        .map(|node| {
            vec![
                node.name.clone(),
                node.n_shards.to_string(),
                Wal(node.stake.0).to_string(),
                node.network_address.clone(),
                node.node_id.to_string(),
            ]
        })
        .collect();
    let shards: usize = nodes.iter().map(|node| node.n_shards).sum();
    let stake = nodes.iter().map(|node| node.stake.0);
    let stake = Wal(stake.fold(0, u64::saturating_add));
    format!(
        "{}\n\n{} nodes, {shards} shards, {stake} of stake",
        table::text(&columns, &rows, table),
        nodes.len()
    )
}

fn node_details(node: &NodePart) -> String {
    let shards: Vec<String> = node.shard_ids.iter().map(u16::to_string).collect();
    let votes = node
        .voting_params
        .as_ref()
        .map_or_else(String::new, |votes| {
            format!(
                "\n  Votes: storage {}, write {}, capacity {}",
                Wal(votes.storage_price),
                Wal(votes.write_price),
                Size(votes.node_capacity)
            )
        });
    format!(
        "\n{}\n  Node ID: {}\n  Address: {}\n  Public key: {}\n  Network public key: {}\n  Shards: {}{votes}\n",
        printable(&node.name),
        node.node_id,
        printable(&node.network_address),
        node.public_key,
        node.network_public_key,
        shards.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use walrus_core::{Frost, NShards, ObjectId};

    use super::*;

    #[test]
    fn names_of_nodes_forge_no_lines() {
        let node = NodePart {
            name: "harbour \x1b[31m\x07\nNode ID: fake".to_owned(),
            network_address: "h:1\u{202e}\r".to_owned(),
            public_key: String::new(),
            next_epoch_public_key: None,
            network_public_key: String::new(),
            n_shards: 1,
            shard_ids: vec![0],
            node_id: ObjectId([1; 32]),
            stake: Frost(1_500_000_000),
            voting_params: None,
        };
        let n_shards = NShards::new(10).unwrap();
        let part = CommitteePart::new(n_shards, vec![node.clone()], vec![node]);
        let text = committee_text(&part, true, TableArgs::default());
        assert!(
            !text.contains(|c: char| c != '\n' && c.is_control()),
            "{text:?}"
        );
        assert!(!text.contains('\u{202e}'), "{text:?}");
        assert!(
            !text
                .lines()
                .any(|line| line.trim().starts_with("Node ID: fake")),
            "{text}"
        );
        assert!(
            text.contains(r"harbour \u{1b}[31m\u{7}\nNode ID: fake"),
            "{text}"
        );
        assert!(
            text.contains("1 nodes, 1 shards, 1.5 WAL of stake"),
            "{text}"
        );
    }
}
