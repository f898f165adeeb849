//! `walrus-admin set-price` and `walrus-admin set-capacity`.

use walrus_core::Frost;
use walrus_sui::contract::{Call, VoteChanges};
use walrus_terminal::format::Capacity;

use crate::{
    args::{SetCapacityArgs, SetPriceArgs},
    context::{Context, Moment, OwnNode},
    send::SendPlan,
};

/// Changes the votes on prices.
pub(crate) async fn set_price(context: &Context, args: SetPriceArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.node.send).await?;
    let node = OwnNode::find(sending.reader(), sending.sender(), args.node.node.as_ref()).await?;
    let votes = node.pool.voting_params;
    let changes: Vec<String> = [
        ("storing", args.storage, votes.storage_price),
        ("writing", args.write, votes.write_price),
    ]
    .into_iter()
    .filter_map(|(what, new, old)| {
        let new = new?;
        Some(format!("{} for {what} a MiB (was {})", new, Frost(old)))
    })
    .collect();
    let effect = if args.apply {
        "The prices in force are computed anew at once"
    } else {
        "It counts when prices are computed next: with the next epoch, or with --apply"
    };
    let title = node.title();
    let plan = SendPlan::new(format!(
        "{title} votes for {}. {effect}.",
        changes.join(" and ")
    ));
    let mut call = Call::set_votes(
        node.cap.id,
        VoteChanges {
            storage_price: args.storage,
            write_price: args.write,
            node_capacity: None,
        },
    );
    if args.apply {
        call = call.then(Call::update_prices());
    }
    let success = format!("{title} votes for the new price");
    sending.send_and_report(&call, plan, &success).await
}

/// Sets the capacity of a node.
pub(crate) async fn set_capacity(context: &Context, args: SetCapacityArgs) -> anyhow::Result<()> {
    let sending = context.sending(&args.node.send).await?;
    let reader = sending.reader();
    let node = OwnNode::find(reader, sending.sender(), args.node.node.as_ref()).await?;
    let moment = Moment::read(reader).await?;
    let selected = reader
        .contract_state()
        .await?
        .staking_inner
        .next_committee
        .is_some();
    let first = moment.info.epoch + if selected { 2 } else { 1 };
    let title = node.title();
    let plan = SendPlan::new(format!(
        "The capacity of {title} becomes {} (was {}), counting from {} on.",
        Capacity(args.capacity),
        Capacity(node.pool.voting_params.node_capacity),
        moment.epoch(first)
    ));
    let votes = VoteChanges {
        node_capacity: Some(args.capacity),
        ..VoteChanges::default()
    };
    let call = Call::set_votes(node.cap.id, votes);
    let success = format!("{title} offers {}", Capacity(args.capacity));
    sending.send_and_report(&call, plan, &success).await
}
