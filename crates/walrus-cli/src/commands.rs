//! The command line: one module per command, with its arguments and what it does.

mod aggregator;
mod attributes;
mod blob_id;
mod blob_status;
mod burn_blobs;
mod context;
mod daemon;
mod decrypt;
mod delete;
mod du;
mod encrypt;
mod envelope;
mod extend;
mod find;
mod fund_shared_blob;
mod generate_sui_wallet;
mod get_wal;
mod health;
mod info;
mod inspect_encrypted;
mod json;
mod list_blobs;
mod list_staked_wal;
mod ls;
mod node_admin;
mod owned;
mod policy;
mod publisher;
mod quilt;
mod read;
mod relaying;
mod renew;
mod request_withdraw_stake;
mod s3;
mod sent;
mod serving;
mod share;
mod stake;
mod staked;
mod store;
mod store_quilt;
mod withdraw_stake;

use clap::{CommandFactory as _, Parser, Subcommand};
use walrus_terminal::{GlobalArgs, completion::CompletionArgs, exit, man::ManArgs};

use self::{
    aggregator::AggregatorArgs,
    attributes::{GetAttributeArgs, RemoveAttributeArgs, RemoveFieldsArgs, SetAttributeArgs},
    blob_id::{BlobIdArgs, ConvertBlobIdArgs},
    blob_status::BlobStatusArgs,
    burn_blobs::BurnBlobsArgs,
    context::Context,
    daemon::DaemonArgs,
    delete::DeleteArgs,
    du::DuArgs,
    extend::ExtendArgs,
    find::FindArgs,
    fund_shared_blob::FundSharedBlobArgs,
    generate_sui_wallet::GenerateSuiWalletArgs,
    get_wal::GetWalArgs,
    health::HealthArgs,
    info::InfoArgs,
    json::JsonArgs,
    list_blobs::ListBlobsArgs,
    list_staked_wal::ListStakedWalArgs,
    ls::LsArgs,
    node_admin::NodeAdminArgs,
    publisher::PublisherArgs,
    quilt::{ListPatchesArgs, ReadQuiltArgs},
    read::ReadArgs,
    renew::RenewArgs,
    request_withdraw_stake::RequestWithdrawArgs,
    s3::S3Args,
    share::ShareArgs,
    stake::StakeArgs,
    store_quilt::StoreQuiltArgs,
    withdraw_stake::WithdrawStakeArgs,
};
use crate::args::{DecryptArgs, EncryptArgs, InspectEncryptedArgs, PolicyArgs, StoreArgs};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Store and read blobs in a Walrus network.
#[derive(Debug, Parser)]
#[command(name = "walrus", version = VERSION, propagate_version = true)]
#[command(after_help = exit::HELP)]
pub(crate) struct Cli {
    /// Options that go with every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

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
    /// Destroy blob objects of the wallet; the data stays until its storage ends, and nothing is
    /// refunded
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
    /// Serve buckets and objects to S3 clients, and keep them as blobs
    #[command(
        after_help = "Example:\n  walrus s3 --credentials ~/.walrus/s3.keys --epochs 5 --ack journal"
    )]
    S3(S3Args),
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

/// Runs the command the user asked for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.global);
    match cli.command {
        Command::Store(args) => store::run(&context, args).await,
        Command::StoreQuilt(args) => store_quilt::run(&context, args).await,
        Command::Read(args) => read::run(&context, args).await,
        Command::ReadQuilt(args) => quilt::read(&context, args).await,
        Command::ListPatchesInQuilt(args) => quilt::list(&context, args).await,
        Command::BlobStatus(args) => blob_status::run(&context, args).await,
        Command::Info(args) => info::run(&context, args).await,
        Command::BlobId(args) => blob_id::run(&context, args).await,
        Command::ConvertBlobId(args) => blob_id::convert(&context, &args),
        Command::Ls(args) => ls::run(&context, args).await,
        Command::Find(args) => find::run(&context, args).await,
        Command::Du(args) => du::run(&context, args).await,
        Command::GetBlobAttribute(args) => attributes::get(&context, args).await,
        Command::SetBlobAttribute(args) => attributes::set(&context, args).await,
        Command::RemoveBlobAttributeFields(args) => attributes::remove_fields(&context, args).await,
        Command::RemoveBlobAttribute(args) => attributes::remove(&context, args).await,
        Command::ListBlobs(args) => list_blobs::run(&context, args).await,
        Command::Delete(args) => delete::run(&context, args).await,
        Command::Extend(args) => extend::run(&context, args).await,
        Command::Renew(args) => renew::run(&context, args).await,
        Command::Share(args) => share::run(&context, args).await,
        Command::FundSharedBlob(args) => fund_shared_blob::run(&context, args).await,
        Command::BurnBlobs(args) => burn_blobs::run(&context, args).await,
        Command::Stake(args) => stake::run(&context, args).await,
        Command::RequestWithdrawStake(args) => request_withdraw_stake::run(&context, args).await,
        Command::WithdrawStake(args) => withdraw_stake::run(&context, args).await,
        Command::ListStakedWal(args) => list_staked_wal::run(&context, args).await,
        Command::GetWal(args) => get_wal::run(&context, args).await,
        Command::GenerateSuiWallet(args) => generate_sui_wallet::run(&context, args).await,
        Command::Health(args) => health::run(&context, args).await,
        Command::NodeAdmin(args) => node_admin::run(&context, args).await,
        Command::Json(args) => Box::pin(run(json::command(args)?)).await,
        Command::Aggregator(args) => aggregator::run(&context, args).await,
        Command::Publisher(args) => publisher::run(&context, args).await,
        Command::Daemon(args) => daemon::run(&context, args).await,
        Command::S3(args) => s3::run(&context, args).await,
        Command::Encrypt(args) => encrypt::run(&context, args).await,
        Command::Decrypt(args) => decrypt::run(&context, args).await,
        Command::InspectEncrypted(args) => inspect_encrypted::run(&context, &args),
        Command::Policy(args) => policy::run(&context, args).await,
        Command::Completion(args) => walrus_terminal::completion::run(&args, Cli::command()),
        Command::Man(args) => walrus_terminal::man::run(&args, Cli::command()),
    }
}

#[cfg(test)]
mod tests;
