//! The command line: what can be asked for, and how it is spelled.

mod private;
mod store;

use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use walrus_core::{BlobId, ObjectId, quilt::QuiltPatchId};
use walrus_sui::reader::NodeRef;

use crate::commands::{
    aggregator::AggregatorArgs,
    attributes::{GetAttributeArgs, RemoveAttributeArgs, RemoveFieldsArgs, SetAttributeArgs},
    burn_blobs::BurnBlobsArgs,
    daemon::DaemonArgs,
    du::DuArgs,
    extend::ExtendArgs,
    find::FindArgs,
    fund_shared_blob::FundSharedBlobArgs,
    generate_sui_wallet::GenerateSuiWalletArgs,
    get_wal::GetWalArgs,
    json::JsonArgs,
    list_staked_wal::ListStakedWalArgs,
    ls::LsArgs,
    node_admin::NodeAdminArgs,
    publisher::PublisherArgs,
    read::ByteRange,
    renew::RenewArgs,
    request_withdraw_stake::RequestWithdrawArgs,
    share::ShareArgs,
    stake::StakeArgs,
    store_quilt::StoreQuiltArgs,
    withdraw_stake::WithdrawStakeArgs,
};
pub(crate) use private::{
    ApprovalArgs, DecryptArgs, EncryptArgs, EncryptionArgs, InspectEncryptedArgs, NewPolicy,
    PolicyArgs, PolicyCommand,
};
pub(crate) use store::{EncodingArgs, HowToStoreArgs, StoreArgs};
pub(crate) use walrus_terminal::{
    GlobalArgs, RpcArgs, completion::CompletionArgs, man::ManArgs, parse, table::TableArgs,
};

/// Store and read blobs in a Walrus network.
#[derive(Debug, Parser)]
#[command(name = "walrus", version = VERSION, propagate_version = true, after_help = walrus_terminal::exit::HELP)]
pub(crate) struct Cli {
    /// Options that go with every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store files as blobs and certify their availability on chain
    #[command(
        visible_alias = "write",
        after_help = "Example:\n  walrus store report.pdf --epochs 5"
    )]
    Store(StoreArgs),
    /// Store many files together as one blob, a quilt
    #[command(
        visible_alias = "write-quilt",
        after_help = "Example:\n  walrus store-quilt --paths photos --epochs 5"
    )]
    StoreQuilt(StoreQuiltArgs),
    /// Read a blob; without --out its bytes go to stdout
    #[command(
        after_help = "Example:\n  walrus read GwF55d1m011cm40GMEdbKaHHs81M9k14vTsehyIlUeY --out report.pdf"
    )]
    Read(ReadArgs),
    /// Read files of a quilt, a blob that holds many
    #[command(
        after_help = "Example:\n  walrus read-quilt --quilt-id GwF55d1m011cm40GMEdbKaHHs81M9k14vTsehyIlUeY --out pictures"
    )]
    ReadQuilt(ReadQuiltArgs),
    /// List the files of a quilt
    #[command(
        visible_alias = "resolve-quilt",
        after_help = "Example:\n  walrus list-patches-in-quilt GwF55d1m011cm40GMEdbKaHHs81M9k14vTsehyIlUeY"
    )]
    ListPatchesInQuilt(ListPatchesArgs),
    /// Ask the storage nodes for the status of a blob
    #[command(after_help = "Example:\n  walrus blob-status --file report.pdf")]
    BlobStatus(BlobStatusArgs),
    /// Show epoch, sizes, prices and committee of the network
    #[command(after_help = "Example:\n  walrus info committee -o wide")]
    Info(InfoArgs),
    /// Compute the blob ID of a file without storing it
    #[command(after_help = "Example:\n  walrus blob-id report.pdf --n-shards 1000")]
    BlobId(BlobIdArgs),
    /// Convert a blob ID from the decimal form that Sui explorers show
    #[command(after_help = "Example:\n  walrus convert-blob-id 105118632188312")]
    ConvertBlobId(ConvertBlobIdArgs),
    /// List blobs of the wallet with their attributes
    #[command(after_help = "Example:\n  walrus ls --attribute project=atlas --expires-within 5")]
    Ls(LsArgs),
    /// Print the object IDs of blobs of the wallet, one a line, for other commands
    #[command(
        after_help = "Example:\n  walrus find --attribute 'name=*.log' | xargs walrus delete --object-ids"
    )]
    Find(FindArgs),
    /// Add up the sizes of blobs of the wallet
    #[command(after_help = "Example:\n  walrus du --by project")]
    Du(DuArgs),
    /// Show the attributes of a blob object
    #[command(after_help = "Example:\n  walrus get-blob-attribute 0x5f…")]
    GetBlobAttribute(GetAttributeArgs),
    /// Set attributes of a blob object of the wallet; others stay
    #[command(
        after_help = "Example:\n  walrus set-blob-attribute 0x5f… --attr content-type image/png"
    )]
    SetBlobAttribute(SetAttributeArgs),
    /// Remove some attributes of a blob object of the wallet
    #[command(
        after_help = "Example:\n  walrus remove-blob-attribute-fields 0x5f… --keys content-type"
    )]
    RemoveBlobAttributeFields(RemoveFieldsArgs),
    /// Remove all attributes of a blob object of the wallet
    #[command(after_help = "Example:\n  walrus remove-blob-attribute 0x5f…")]
    RemoveBlobAttribute(RemoveAttributeArgs),
    /// List the blobs owned by the wallet
    #[command(after_help = "Example:\n  walrus list-blobs --include-expired -o wide")]
    ListBlobs(ListBlobsArgs),
    /// Delete blobs of the wallet before they expire; their storage stays with the wallet
    #[command(after_help = "Example:\n  walrus delete --file report.pdf")]
    Delete(DeleteArgs),
    /// Extend the storage of a certified blob of the wallet, or of a shared blob
    #[command(after_help = "Example:\n  walrus extend --blob-obj-id 0x5f… --epochs-extended 10")]
    Extend(ExtendArgs),
    /// Extend blobs of the wallet that expire soon, once or as long as it runs
    #[command(
        after_help = "Example:\n  walrus renew --within 2 --epochs 10 --max-cost 5WAL --watch"
    )]
    Renew(RenewArgs),
    /// Put a blob of the wallet into a shared object, which anybody can extend
    #[command(after_help = "Example:\n  walrus share --blob-obj-id 0x5f… --amount 0.5WAL")]
    Share(ShareArgs),
    /// Add WAL to what a shared blob has for its extensions
    #[command(
        after_help = "Example:\n  walrus fund-shared-blob --shared-blob-obj-id 0x5f… --amount 0.5WAL"
    )]
    FundSharedBlob(FundSharedBlobArgs),
    /// Destroy blob objects of the wallet; the data stays until its storage ends, and nothing is refunded
    #[command(after_help = "Example:\n  walrus burn-blobs --all-expired")]
    BurnBlobs(BurnBlobsArgs),
    /// Stake WAL with storage nodes
    #[command(after_help = "Example:\n  walrus stake --node-ids harbour --amounts 100WAL")]
    Stake(StakeArgs),
    /// Announce that stake leaves
    #[command(after_help = "Example:\n  walrus request-withdraw-stake harbour")]
    RequestWithdrawStake(RequestWithdrawArgs),
    /// Pay out stake whose withdrawal is due
    #[command(after_help = "Example:\n  walrus withdraw-stake 0x5f…")]
    WithdrawStake(WithdrawStakeArgs),
    /// List the stake of an account
    #[command(after_help = "Example:\n  walrus list-staked-wal -o wide")]
    ListStakedWal(ListStakedWalArgs),
    /// Exchange SUI for WAL, on networks that have an exchange
    #[command(after_help = "Example:\n  walrus get-wal --amount 1000000000")]
    GetWal(GetWalArgs),
    /// Make a Sui wallet with a new key
    #[command(
        after_help = "Example:\n  walrus generate-sui-wallet --sui-network testnet --use-faucet"
    )]
    GenerateSuiWallet(GenerateSuiWalletArgs),
    /// Ask storage nodes how they are
    #[command(after_help = "Example:\n  walrus health --committee --sort-by status")]
    Health(HealthArgs),
    /// What operators do with their nodes; `walrus-admin` does more
    #[command(after_help = "Example:\n  walrus node-admin collect-commission --node-id harbour")]
    NodeAdmin(NodeAdminArgs),
    /// Run a command that is given as a JSON object
    #[command(
        after_help = "Example:\n  walrus json '{\"command\": {\"store\": {\"files\": [\"report.pdf\"], \"epochs\": 5}}}'"
    )]
    Json(JsonArgs),
    /// Serve blobs over HTTP, with a cache
    #[command(
        after_help = "Example:\n  walrus aggregator --bind-address 127.0.0.1:31415 --cache-dir /var/cache/walrus"
    )]
    Aggregator(AggregatorArgs),
    /// Store what is sent over HTTP, and pay for it
    #[command(
        after_help = "Example:\n  walrus publisher --sub-wallets-dir ~/.walrus/sub-wallets --jwt-decode-secret \"$SECRET\""
    )]
    Publisher(PublisherArgs),
    /// An aggregator and a publisher in one
    #[command(after_help = "Example:\n  walrus daemon --sub-wallets-dir ~/.walrus/sub-wallets")]
    Daemon(DaemonArgs),
    /// Encrypt a file for those whom a policy on chain lets in
    #[command(
        after_help = "Example:\n  walrus encrypt report.pdf --for 0x7a… --out report.pdf.seal"
    )]
    Encrypt(EncryptArgs),
    /// Decrypt a file as one of those whom its policy lets in
    #[command(after_help = "Example:\n  walrus decrypt report.pdf.seal --out report.pdf")]
    Decrypt(DecryptArgs),
    /// Show for whom a file is encrypted
    #[command(after_help = "Example:\n  walrus inspect-encrypted report.pdf.seal")]
    InspectEncrypted(InspectEncryptedArgs),
    /// Make and manage policies: who gets the keys of private data
    #[command(after_help = "Example:\n  walrus policy new allowlist")]
    Policy(PolicyArgs),
    /// Print a shell completion script
    #[command(
        after_help = "Example:\n  walrus completion --shell bash > ~/.local/share/bash-completion/completions/walrus"
    )]
    Completion(CompletionArgs),
    /// Print the manual as a man page, or write one page per command
    #[command(after_help = "Example:\n  walrus man --out ~/.local/share/man/man1")]
    Man(ManArgs),
}

/// Options of `read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Blob to read
    #[arg(value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub blob_id: BlobId,
    /// File, device or pipe to write, opened before anything is fetched; a new file appears only when it is complete
    #[arg(long, short, value_name = "FILE", value_parser = parse::path())]
    pub out: Option<PathBuf>,
    /// Encode the decoded blob again and compare the blob ID (the default)
    #[arg(long, conflicts_with = "skip_consistency_check")]
    pub strict_consistency_check: bool,
    /// Trust the writer of the blob: do not check that all slivers belong to one blob
    #[arg(long)]
    pub skip_consistency_check: bool,
    /// Read only these bytes: 0-99, 100- (from there to the end) or -50 (the last ones)
    #[arg(long, value_name = "FIRST-LAST", allow_hyphen_values = true, conflicts_with_all = ["strict_consistency_check", "skip_consistency_check"])]
    pub range: Option<ByteRange>,
    /// Decrypt the blob, as the active account of the wallet
    #[arg(long, conflicts_with = "range")]
    pub decrypt: bool,
    /// How its policy is asked.
    #[command(flatten)]
    pub approval: ApprovalArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `read-quilt`: which quilt, or which files of which quilts.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("quilt").required(true).args(["quilt_id", "quilt_patch_ids"]))]
pub(crate) struct ReadQuiltArgs {
    /// Quilt to read; all of it without --identifiers and --tag
    #[arg(long, value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub quilt_id: Option<BlobId>,
    /// Names of files in the quilt
    #[arg(long, alias = "identifier", num_args = 1.., value_name = "NAME", requires = "quilt_id")]
    pub identifiers: Vec<String>,
    /// Files with this tag
    #[arg(long, num_args = 2, value_names = ["KEY", "VALUE"], requires = "quilt_id", conflicts_with = "identifiers")]
    pub tag: Vec<String>,
    /// Files by their patch IDs, from any quilts. Write --quilt-patch-id=ID if an ID begins with -
    #[arg(long, aliases = ["quilt-patch-id", "patch-ids"], num_args = 1.., value_name = "PATCH_ID")]
    pub quilt_patch_ids: Vec<QuiltPatchId>,
    /// Folder to write the files to; made unless it is there, nothing in it is replaced
    #[arg(long, short, value_name = "FOLDER", value_parser = parse::path())]
    pub out: Option<PathBuf>,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `list-patches-in-quilt`.
#[derive(Debug, Args)]
pub(crate) struct ListPatchesArgs {
    /// Quilt whose files are listed
    #[arg(value_name = "QUILT_ID", allow_hyphen_values = true)]
    pub quilt_id: BlobId,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Options of `blob-status`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("blob").required(true).args(["file", "blob_id"]))]
pub(crate) struct BlobStatusArgs {
    /// File whose blob is asked for
    #[arg(long, value_name = "FILE", value_parser = parse::path())]
    pub file: Option<PathBuf>,
    /// Blob asked for
    #[arg(long, value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub blob_id: Option<BlobId>,
    /// Time for the nodes to answer, such as `500ms` or `5s`
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no duration; write it like 500ms, 5s or 1min");
    let signed: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    Duration::try_from(signed).map_err(|_| expected())
}

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

/// Options of `blob-id`.
#[derive(Debug, Args)]
pub(crate) struct BlobIdArgs {
    /// File to compute the blob ID of
    #[arg(value_name = "FILE", value_parser = parse::path())]
    pub file: PathBuf,
    /// Number of shards; asked from the network when absent
    #[arg(long, value_name = "N")]
    pub n_shards: Option<NonZeroU16>,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Options of `convert-blob-id`.
#[derive(Debug, Args)]
pub(crate) struct ConvertBlobIdArgs {
    /// Blob ID as a decimal number
    #[arg(value_name = "DECIMAL", value_parser = parse_decimal_blob_id)]
    pub blob_id: BlobId,
}

fn parse_decimal_blob_id(text: &str) -> Result<BlobId, String> {
    BlobId::from_u256_decimal(text.trim()).map_err(|error| error.to_string())
}

/// Options of `list-blobs`.
#[derive(Debug, Args)]
pub(crate) struct ListBlobsArgs {
    /// Also list blobs whose storage has run out
    #[arg(long)]
    pub include_expired: bool,
    /// Owner, instead of the active address of the wallet
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<ObjectId>,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Options of `delete`: what to delete is named in one of three ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["files", "blob_ids", "object_ids"]))]
pub(crate) struct DeleteArgs {
    /// Files whose blobs are deleted
    #[arg(long, alias = "file", num_args = 1.., value_name = "FILE", value_parser = parse::path())]
    pub files: Vec<PathBuf>,
    /// Blobs to delete: all deletable objects the wallet has of them. Write --blob-id=ID if an ID begins with -
    #[arg(long, alias = "blob-id", num_args = 1.., value_name = "BLOB_ID")]
    pub blob_ids: Vec<BlobId>,
    /// Blob objects to delete; these are not asked about again
    #[arg(long, alias = "object-id", num_args = 1.., value_name = "OBJECT_ID")]
    pub object_ids: Vec<ObjectId>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Do not ask the nodes for the status of the blobs afterwards
    #[arg(long)]
    pub no_status_check: bool,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Options of `health`: which nodes is said in one of four ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("nodes").required(true).args(["node_ids", "node_urls", "committee", "active_set"]))]
pub(crate) struct HealthArgs {
    /// Nodes by their names or IDs, or beginnings of them that fit one node only
    #[arg(long, visible_aliases = ["node-id", "nodes", "node"], num_args = 1.., value_name = "NODE")]
    pub node_ids: Vec<NodeRef>,
    /// Registered nodes by their addresses, as URLs or HOST:PORT
    #[arg(long, alias = "node-url", num_args = 1.., value_name = "URL")]
    pub node_urls: Vec<String>,
    /// The nodes of the current committee
    #[arg(long)]
    pub committee: bool,
    /// The nodes from which committees are chosen
    #[arg(long)]
    pub active_set: bool,
    /// Ask for every shard too; shown with --json
    #[arg(long)]
    pub detail: bool,
    /// Order of the nodes
    #[arg(long, value_name = "KEY")]
    pub sort_by: Option<HealthSort>,
    /// Descending order
    #[arg(long)]
    pub desc: bool,
    /// Nodes asked at the same time
    #[arg(long, value_name = "N", default_value = "60")]
    pub concurrent_requests: NonZeroUsize,
    /// How wide the table is.
    #[command(flatten)]
    pub table: TableArgs,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// Keys to sort nodes by in `health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HealthSort {
    /// What the node says it is doing
    Status,
    /// Node ID
    Id,
    /// Name
    Name,
    /// Network address
    Url,
}

#[cfg(test)]
mod tests;
