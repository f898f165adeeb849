//! One module per command.

mod blob_id;
mod blob_status;
mod context;
mod delete;
mod extend;
mod health;
mod info;
mod list_blobs;
mod quilt;
mod read;
mod store;

use clap::CommandFactory as _;

use crate::args::{Cli, Command};
use context::Context;

/// Runs the command the user asked for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.global);
    match cli.command {
        Command::Store(args) => store::run(&context, args).await,
        Command::Read(args) => read::run(&context, args).await,
        Command::ReadQuilt(args) => quilt::read(&context, args).await,
        Command::ListPatchesInQuilt(args) => quilt::list(&context, args).await,
        Command::BlobStatus(args) => blob_status::run(&context, args).await,
        Command::Info(args) => info::run(&context, args).await,
        Command::BlobId(args) => blob_id::run(&context, args).await,
        Command::ConvertBlobId(args) => blob_id::convert(&context, &args),
        Command::ListBlobs(args) => list_blobs::run(&context, args).await,
        Command::Delete(args) => delete::run(&context, args).await,
        Command::Extend(args) => extend::run(&context, args).await,
        Command::Health(args) => health::run(&context, args).await,
        Command::Completion(args) => walrus_terminal::completion::run(&args, Cli::command()),
        Command::Man(args) => walrus_terminal::man::run(&args, Cli::command()),
    }
}
