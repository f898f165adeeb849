//! One module per command.

pub(crate) mod attributes;
mod blob_id;
mod blob_status;
mod context;
mod delete;
pub(crate) mod du;
mod extend;
pub(crate) mod find;
mod health;
mod info;
mod list_blobs;
pub(crate) mod ls;
mod owned;
mod quilt;
mod read;
mod sent;
mod store;
pub(crate) mod store_quilt;

use clap::CommandFactory as _;

use crate::args::{Cli, Command};
use context::Context;

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
        Command::Health(args) => health::run(&context, args).await,
        Command::Completion(args) => walrus_terminal::completion::run(&args, Cli::command()),
        Command::Man(args) => walrus_terminal::man::run(&args, Cli::command()),
    }
}
