//! `walrus-localnet fault`: what is asked for, and what is said about it.

use walrus_terminal::output::print_text;
use walrus_testbed::network::Network;

use crate::args::FaultCommand;

pub(crate) async fn run(network: &Network, command: FaultCommand) -> anyhow::Result<()> {
    match command {
        FaultCommand::List { json } => {
            let report = network.fault_report()?;
            if json {
                return print_text(&serde_json::to_string(&report)?);
            }
            print_text(report.to_string().trim_end())
        }
        FaultCommand::Kill { names } => names.iter().try_for_each(|name| network.kill(name)),
        FaultCommand::Pause { names } => names.iter().try_for_each(|name| network.pause(name)),
        FaultCommand::Resume { names } => names.iter().try_for_each(|name| network.resume(name)),
        FaultCommand::Link(args) => {
            let from = args.from.as_deref();
            network.set_link(&args.server, from, args.state()).await
        }
        FaultCommand::Partition { names } => network.partition(&names).await,
        FaultCommand::Lie { name, lie } => network.tell(&name, lie).await,
        FaultCommand::Rot {
            name,
            what,
            count,
            seed,
            json,
        } => {
            let flips = network.rot(&name, what, count, seed).await?;
            if json {
                return print_text(&serde_json::to_string(&flips)?);
            }
            for flip in flips {
                let path = flip.path.display();
                print_text(&format!(
                    "Flipped bit {} of byte {} of {path}",
                    flip.bit, flip.offset
                ))?;
            }
            Ok(())
        }
        FaultCommand::FullDisk { name } => network.set_disk_full(&name, true).await,
        FaultCommand::Heal => network.heal().await,
    }
}
