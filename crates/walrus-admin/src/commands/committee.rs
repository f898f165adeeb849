//! `walrus-admin committee`.

use anyhow::{Context as _, ensure};
use serde::Serialize;
use walrus_core::{Frost, bft};
use walrus_sui::{Committee, reader::NodePool};
use walrus_terminal::{
    format::Capacity,
    output::{print_json, print_text},
    table::{self, TableArgs, essential, useful},
};

use super::pools::{VotesReport, commission};
use crate::{args::CommitteeArgs, context::Context, show::count};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommitteeReport {
    epoch: u32,
    n_shards: u16,
    quorum: u16,
    storage_price: Frost,
    write_price: Frost,
    members: Vec<MemberReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberReport {
    node_id: String,
    name: String,
    network_address: String,
    shards: Vec<u16>,
    stake: Frost,
    commission_rate: u16,
    votes: VotesReport,
}

/// Lists a committee.
pub(crate) async fn run(context: &Context, args: CommitteeArgs) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let committees = reader.committees().await?;
    let committee = if args.next {
        committees.next.as_ref().context(
            "the next committee is not selected yet: that happens when the voting of this epoch ends \
             (`walrus-admin epoch`)",
        )?
    } else {
        ensure!(
            !committees.current.is_empty(),
            "there is no committee in epoch 0; `walrus-admin pools` lists the nodes"
        );
        &committees.current
    };
    let prices = reader.prices().await?;
    let pools = reader.node_pools(false).await?;
    let mut members: Vec<(&walrus_sui::CommitteeMember, &NodePool)> = committee
        .members
        .iter()
        .filter_map(|member| {
            let pool = pools.iter().find(|node| node.pool.id == member.node_id)?;
            Some((member, pool))
        })
        .collect();
    if !context.json() {
        // People look for weight and names; the order of the contracts is for certificates.
        members.sort_by_key(|(member, _)| (std::cmp::Reverse(member.shards.len()), &member.name));
        let in_force = format!(
            "Price of storing a MiB for one epoch: {}\nPrice of writing a MiB: {}",
            prices.storage_per_unit, prices.write_per_unit
        );
        return print_text(&format!(
            "{}\n{in_force}",
            text(committee, &members, args.table)
        ));
    }
    print_json(&CommitteeReport {
        epoch: committee.epoch,
        n_shards: committee.n_shards.get(),
        quorum: bft::min_correct(committee.n_shards),
        storage_price: prices.storage_per_unit,
        write_price: prices.write_per_unit,
        members: members
            .iter()
            .map(|(member, node)| MemberReport {
                node_id: member.node_id.to_string(),
                name: member.name.clone(),
                network_address: member.network_address.clone(),
                shards: member.shards.iter().map(|shard| shard.0).collect(),
                stake: Frost(node.pool.wal_balance),
                commission_rate: node.pool.commission_rate,
                votes: VotesReport::of(node),
            })
            .collect(),
    })
}

fn text(
    committee: &Committee,
    members: &[(&walrus_sui::CommitteeMember, &NodePool)],
    table: TableArgs,
) -> String {
    let columns = [
        essential("Node"),
        essential("Shards").number(),
        essential("Stake").number(),
        essential("Commission").number(),
        useful("Storage price").number(),
        useful("Write price").number(),
        useful("Capacity").number(),
        useful("Node ID"),
    ];
    let rows: Vec<Vec<String>> = members
        .iter()
        .map(|(member, node)| {
            let votes = node.pool.voting_params;
            vec![
                member.name.clone(),
                member.shards.len().to_string(),
                Frost(node.pool.wal_balance).to_string(),
                commission(node),
                Frost(votes.storage_price).to_string(),
                Frost(votes.write_price).to_string(),
                Capacity(votes.node_capacity).to_string(),
                member.node_id.to_string(),
            ]
        })
        .collect();
    format!(
        "Committee of epoch {}: {}, {} shards, quorum {}\n{}",
        committee.epoch,
        count(committee.members.len(), "node"),
        committee.n_shards,
        bft::min_correct(committee.n_shards),
        table::text(&columns, &rows, table)
    )
}
