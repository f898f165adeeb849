//! Upgrades of the governance package itself: `walrus-admin proposals approvals` and
//! `approve-upgrade`.

use anyhow::{anyhow, bail, ensure};
use serde::Serialize;
use walrus_contracts::{
    packages::{LinkedPackage, ModuleChange},
    types::voting::Approval,
};
use walrus_core::ObjectId;
use walrus_sui::{
    contract::Call,
    governance::{APPROVAL_DELAY_MS, Approvals, Support},
};
use walrus_terminal::{
    format::Span,
    output::{print_json, print_text},
};

use super::{
    Forum, open,
    package::{self, Upgradable},
};
use crate::{
    args::{ApprovalsArgs, ApproveUpgradeArgs},
    context::{Context, title},
    send::{SendPlan, Sent},
    show::table,
};

/// `proposals approvals --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApprovalsReport {
    package: String,
    version: u64,
    needed: u16,
    needed_with_capability: u16,
    package_digest: String,
    upgrades: Vec<UpgradeReport>,
    nodes: Vec<NodeReport>,
}

/// An upgrade that somebody approves.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpgradeReport {
    digest: String,
    counting: u16,
    waiting: u16,
    is_enough: bool,
    enough_from_ms: Option<u64>,
}

/// A node that decides.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeReport {
    node: String,
    name: String,
    shards: u16,
    digest: Option<String>,
    counts_from_ms: Option<u64>,
}

/// `proposals approve-upgrade --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApprovedReport {
    node: String,
    digest: String,
    shards: u16,
    #[serde(flatten)]
    sent: Sent,
}

/// Shows who approves what.
pub(super) async fn show(
    context: &Context,
    governance: Option<ObjectId>,
    args: ApprovalsArgs,
) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let forum = Forum::read(context, governance, &reader).await?;
    let loaded = package::load(Upgradable::Governance, &args.package)?;
    let package = package::link(&reader, Upgradable::Governance, &loaded).await?;
    let approvals = reader.self_upgrade_approvals(&forum.state).await?;
    let report = report(&forum, &approvals, &package).await?;
    if context.json() {
        print_json(&report)
    } else {
        print_text(&text(&report, forum.moment.now_ms))
    }
}

async fn report(
    forum: &Forum,
    approvals: &Approvals,
    package: &LinkedPackage,
) -> anyhow::Result<ApprovalsReport> {
    let ids: Vec<ObjectId> = approvals.nodes.iter().map(|node| node.node_id).collect();
    let pools = forum.reader.staking_pools(&ids).await?;
    let upgrades = approvals.digests().into_iter().map(|digest| {
        let support = approvals.support(digest, forum.moment.now_ms);
        UpgradeReport {
            digest: hex::encode(digest),
            counting: support.counting,
            waiting: support.waiting,
            is_enough: support.is_enough(),
            enough_from_ms: support.enough_from_ms,
        }
    });
    let nodes = approvals.nodes.iter().map(|node| {
        let pool = pools.iter().find(|pool| pool.id == node.node_id);
        let approval = approvals.of(node.node_id);
        NodeReport {
            node: node.node_id.to_string(),
            name: pool.map_or_else(String::new, |pool| pool.node_info.name.clone()),
            shards: node.weight,
            digest: approval.map(|approval| hex::encode(&approval.digest)),
            counts_from_ms: approval.map(counts_from_ms),
        }
    });
    let mut upgrades: Vec<UpgradeReport> = upgrades.collect();
    upgrades.sort_by_key(|upgrade| std::cmp::Reverse(upgrade.counting + upgrade.waiting));
    let mut nodes: Vec<NodeReport> = nodes.collect();
    nodes.sort_by(|a, b| (&a.name, &a.node).cmp(&(&b.name, &b.node)));
    Ok(ApprovalsReport {
        package: forum.refs().package.to_string(),
        version: approvals.version,
        needed: approvals.needed(),
        needed_with_capability: approvals.needed_with_cap(),
        package_digest: hex::encode(package.digest),
        upgrades,
        nodes,
    })
}

fn counts_from_ms(approval: &Approval) -> u64 {
    approval.given_at_ms.saturating_add(APPROVAL_DELAY_MS)
}

fn text(report: &ApprovalsReport, now_ms: u64) -> String {
    let from = |from_ms: u64| match from_ms.saturating_sub(now_ms) {
        0 => "yes".to_owned(),
        wait => format!("in {}", Span(wait)),
    };
    let head = format!(
        "Package walrus_governance has version {} ({})\nDigest of the package to compare: {}",
        report.version, report.package, report.package_digest
    );
    if report.nodes.is_empty() {
        return format!(
            "{head}\nNo node has handed its authority over: whoever holds the bootstrap capability decides about upgrades"
        );
    }
    let nodes = report.nodes.iter().map(|node| {
        vec![
            node.name.clone(),
            node.node.clone(),
            node.shards.to_string(),
            node.digest.clone().unwrap_or_else(|| "-".to_owned()),
            node.counts_from_ms.map_or_else(|| "-".to_owned(), from),
        ]
    });
    let nodes = table(
        &["Node", "Node ID", "Shards", "Approves digest", "Counts"],
        &[2],
        nodes.collect(),
    );
    let mut lines = vec![head, String::new(), nodes, String::new()];
    for upgrade in &report.upgrades {
        let outlook = match upgrade.enough_from_ms {
            Some(from_ms) if from_ms <= now_ms => "it can be made".to_owned(),
            Some(from_ms) => format!("it can be made in {}", Span(from_ms - now_ms)),
            None => "more are needed".to_owned(),
        };
        lines.push(format!(
            "Upgrade to {}: {} shards count, {} wait for their day, {}; {outlook}",
            upgrade.digest,
            upgrade.counting,
            upgrade.waiting,
            needed(report.needed, report.needed_with_capability)
        ));
    }
    if report.upgrades.is_empty() {
        lines.push(format!(
            "No upgrade is approved; for one {}",
            needed(report.needed, report.needed_with_capability)
        ));
    }
    lines.join("\n")
}

/// How many shards have to approve an upgrade.
fn needed(needed: u16, with_capability: u16) -> String {
    format!("{needed} are needed, or {with_capability} and the bootstrap capability")
}

/// Approves an upgrade for a node.
pub(super) async fn approve(
    context: &Context,
    governance: Option<ObjectId>,
    args: ApproveUpgradeArgs,
) -> anyhow::Result<()> {
    let (sending, forum) = open(context, governance, &args.node.send).await?;
    let digest = match args.digest {
        Some(digest) => digest,
        None => new_package(&forum, &args).await?.digest,
    };
    let approvals = forum.reader.self_upgrade_approvals(&forum.state).await?;
    let ids: Vec<ObjectId> = approvals.nodes.iter().map(|node| node.node_id).collect();
    let sender = sending.sender();
    let Some(node) = forum
        .choose_node(args.node.node.as_ref(), &ids, sender)
        .await?
    else {
        bail!(
            "account {sender} speaks for no node that has handed its authority over; only those decide about upgrades \
             of the governance (`walrus-admin delegate`)"
        )
    };
    let name = title(&node.pool);
    ensure!(
        forum.has_authority(&node.pool),
        "{name} has not handed its authority over; only nodes that have decide about upgrades of the governance \
         (`walrus-admin delegate`)"
    );
    let mut nodes = approvals.nodes.iter();
    let Some(known) = nodes.find(|known| known.node_id == node.pool.id) else {
        bail!(
            "{name} is not in the committee that the governance has seen last; its approval would not count"
        )
    };
    let weight = known.weight;
    let before = approvals.of(node.pool.id);
    if let Some(before) = before.filter(|before| before.digest == digest) {
        return Err(approved_already(&name, before, &forum));
    }
    let support = approvals.support(&digest, forum.moment.now_ms);
    let mut plan = SendPlan::new(sentence(&name, &digest, weight, &approvals, support));
    if let Some(before) = before {
        plan = plan.warn(format!(
            "This takes the place of its approval of digest {}.",
            hex::encode(&before.digest)
        ));
    }
    let call = Call::approve_self_upgrade(forum.refs(), node.pool.id, node.proof, digest);
    let Some(executed) = sending.send(&call, plan).await? else {
        return Ok(());
    };
    let report = ApprovedReport {
        node: node.pool.id.to_string(),
        digest: hex::encode(digest),
        shards: weight,
        sent: Sent::of(&executed),
    };
    sending.report(&report, || {
        format!(
            "Success: {name} approves the upgrade of package walrus_governance to {}\n{}",
            report.digest,
            report.sent.lines()
        )
    })
}

fn approved_already(name: &str, before: &Approval, forum: &Forum) -> anyhow::Error {
    let wait = counts_from_ms(before).saturating_sub(forum.moment.now_ms);
    let counts = match wait {
        0 => "and it counts".to_owned(),
        wait => format!("and it counts in {}", Span(wait)),
    };
    anyhow!(
        "{name} approves this digest already, {counts}; to approve it again would only begin its 24 hours anew"
    )
}

fn sentence(
    name: &str,
    digest: &[u8],
    weight: u16,
    approvals: &Approvals,
    support: Support,
) -> String {
    let approving = support.counting + support.waiting + weight;
    format!(
        "{name} approves with {weight} shards that package walrus_governance is upgraded from version {} to the package \
         with digest {}. Then {approving} shards approve it, and {}. The approval counts after 24 hours; until \
         the upgrade is made, approving another digest replaces it and `walrus-admin revoke` voids it.",
        approvals.version,
        hex::encode(digest),
        needed(support.needed, approvals.needed_with_cap())
    )
}

/// The package to approve. It must differ from the published one.
async fn new_package(forum: &Forum, args: &ApproveUpgradeArgs) -> anyhow::Result<LinkedPackage> {
    let reader = &forum.reader;
    let loaded = package::load(Upgradable::Governance, &args.package)?;
    let package = package::link(reader, Upgradable::Governance, &loaded).await?;
    let published = reader.rpc().package(forum.refs().package).await?;
    let modules = package.compare(&published.modules, published.original_id.0)?;
    let is_same_code = modules
        .iter()
        .all(|module| module.change == ModuleChange::Same);
    let is_same_link = package
        .dependencies
        .iter()
        .all(|id| published.dependencies.contains(&ObjectId(*id)));
    ensure!(
        !(is_same_code && is_same_link),
        "package walrus_governance is this very package already: the same modules, linked to the same packages; there is \
         nothing to approve"
    );
    Ok(package)
}
