//! One module per subject.

mod authorize;
mod commission;
mod committee;
mod epoch;
mod key;
mod metadata;
mod pools;
mod proposals;
mod register;
mod stake;
mod stakes;
mod submit;
mod unstake;
mod votes;

use clap::CommandFactory as _;
use serde::Serialize;
use walrus_sui::Executed;
use walrus_terminal::output::{print_json, print_text};

use crate::{
    args::{Cli, Command, EpochCommand},
    context::Context,
    send::Sent,
    unfinished::AlreadyDone,
};

/// Runs the command the user asked for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.global);
    let done = dispatch(&context, cli.command).await;
    let Some(unfinished) = context.unfinished() else {
        return done;
    };
    let Err(error) = done else {
        return Ok(());
    };
    match error.downcast::<AlreadyDone>() {
        Ok(AlreadyDone(executed)) => {
            already_done(&context, &executed)?;
            unfinished.forget_or_warn();
            Ok(())
        }
        Err(error) => Err(unfinished.explain(error)),
    }
}

/// `--json` of a command that an earlier run has done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlreadyDoneReport {
    by_earlier_run: bool,
    #[serde(flatten)]
    sent: Sent,
}

fn already_done(context: &Context, executed: &Executed) -> anyhow::Result<()> {
    let report = AlreadyDoneReport {
        by_earlier_run: true,
        sent: Sent::of(executed),
    };
    if context.json() {
        return print_json(&report);
    }
    print_text(&format!(
        "Success: it is done by the transaction of an earlier run of this command, which was cut off; no other was sent\n{}",
        report.sent.lines()
    ))
}

async fn dispatch(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Register(args) => register::run(context, args).await,
        Command::Stake(args) => stake::run(context, args).await,
        Command::Unstake(args) => unstake::unstake(context, args).await,
        Command::Withdraw(args) => unstake::withdraw(context, args).await,
        Command::Stakes(args) => stakes::run(context, args).await,
        Command::Pools(args) => pools::run(context, args).await,
        Command::Committee(args) => committee::run(context, args).await,
        Command::SetPrice(args) => votes::set_price(context, args).await,
        Command::SetCapacity(args) => votes::set_capacity(context, args).await,
        Command::SetCommission(args) => commission::set_rate(context, args).await,
        Command::SetMetadata(args) => metadata::run(context, args).await,
        Command::RotateKey(args) => key::run(context, args).await,
        Command::CollectCommission(args) => commission::collect(context, args).await,
        Command::Authorize(args) => authorize::run(context, args).await,
        Command::Epoch(args) => match args.command {
            None => epoch::show(context, &args.rpc).await,
            Some(EpochCommand::Advance(args)) => epoch::advance(context, args).await,
            Some(EpochCommand::SyncDone(args)) => epoch::sync_done(context, args).await,
        },
        Command::Proposals(args) => proposals::run(context, args).await,
        Command::Delegate(args) => proposals::delegate(context, args).await,
        Command::Revoke(args) => proposals::revoke(context, args).await,
        Command::Submit(args) => submit::run(context, args).await,
        Command::Completion(args) => walrus_terminal::completion::run(&args, Cli::command()),
        Command::Man(args) => walrus_terminal::man::run(&args, Cli::command()),
    }
}
