//! One module per command.

pub(crate) mod aggregator;
pub(crate) mod attributes;
mod blob_id;
mod blob_status;
pub(crate) mod burn_blobs;
mod context;
pub(crate) mod daemon;
mod decrypt;
mod delete;
pub(crate) mod du;
pub(crate) mod encrypt;
pub(crate) mod extend;
pub(crate) mod find;
pub(crate) mod fund_shared_blob;
pub(crate) mod generate_sui_wallet;
pub(crate) mod get_wal;
mod health;
mod info;
mod inspect_encrypted;
pub(crate) mod json;
mod list_blobs;
pub(crate) mod list_staked_wal;
pub(crate) mod ls;
pub(crate) mod node_admin;
mod owned;
mod policy;
pub(crate) mod publisher;
mod quilt;
pub(crate) mod read;
pub(crate) mod renew;
pub(crate) mod request_withdraw_stake;
mod sent;
mod serving;
pub(crate) mod share;
pub(crate) mod stake;
mod staked;
mod store;
pub(crate) mod store_quilt;
pub(crate) mod withdraw_stake;

use clap::CommandFactory as _;

use crate::args::{Cli, Command};
use context::Context;

/// Runs the command the user asked for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let cli = match cli.command {
        Command::Json(args) => json::command(args)?,
        _ => cli,
    };
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
        Command::Json(_) => unreachable!("it is replaced by the command it holds"),
        Command::Aggregator(args) => aggregator::run(&context, args).await,
        Command::Publisher(args) => publisher::run(&context, args).await,
        Command::Daemon(args) => daemon::run(&context, args).await,
        Command::Encrypt(args) => encrypt::run(&context, args).await,
        Command::Decrypt(args) => decrypt::run(&context, args).await,
        Command::InspectEncrypted(args) => inspect_encrypted::run(&context, &args),
        Command::Policy(args) => policy::run(&context, args).await,
        Command::Completion(args) => walrus_terminal::completion::run(&args, Cli::command()),
        Command::Man(args) => walrus_terminal::man::run(&args, Cli::command()),
    }
}
