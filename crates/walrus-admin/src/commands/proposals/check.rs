//! `walrus-admin proposals check`.

use anyhow::bail;
use serde::Serialize;
use stdx::SaturatingFrom as _;
use walrus_contracts::{
    packages::{ComparedModule, LinkedPackage, ModuleChange},
    types::voting::Kind,
};
use walrus_core::ObjectId;
use walrus_sui::SuiReader;
use walrus_terminal::{
    format::Size,
    output::{print_json, print_text},
};

use super::{
    Forum,
    package::{self, Upgradable},
    words,
};
use crate::{
    args::{CheckArgs, PackageArgs},
    context::Context,
    show::{count, table},
};

/// Hex digits of a module's digest in the table: enough to tell two apart.
const DIGEST_DIGITS: usize = 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckReport {
    number: u64,
    matches: bool,
    proposed_digest: String,
    package_digest: String,
    published_package: String,
    published_version: u64,
    modules: Vec<ModuleReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleReport {
    name: String,
    change: &'static str,
    bytes: usize,
    digest: String,
    published_digest: Option<String>,
}

impl From<&ComparedModule> for ModuleReport {
    fn from(module: &ComparedModule) -> Self {
        Self {
            name: module.name.clone(),
            change: change(module.change),
            bytes: module.bytes,
            digest: hex::encode(module.digest),
            published_digest: module.published_digest.map(hex::encode),
        }
    }
}

fn change(change: ModuleChange) -> &'static str {
    match change {
        ModuleChange::Same => "same",
        ModuleChange::Changed => "changed",
        ModuleChange::Added => "added",
        ModuleChange::Removed => "removed",
    }
}

/// Compares the package of an upgrade with the proposal and with what is published. Fails if it is
/// another one.
pub(super) async fn run(
    context: &Context,
    governance: Option<ObjectId>,
    args: CheckArgs,
) -> anyhow::Result<()> {
    let reader = context.reader(&args.rpc)?;
    let forum = Forum::read(context, governance, &reader).await?;
    let view = forum.proposal(args.number).await?;
    let Kind::Upgrade { digest } = &view.proposal.kind else {
        bail!(
            "{} proposes no upgrade; there is no package to check",
            words::title(&view)
        )
    };
    let linked = linked(&reader, &args.package, digest).await?;
    let managers = context.managers(&reader).await?;
    let manager = reader.upgrade_manager(managers.upgrade).await?;
    let published = reader.rpc().package(manager.cap.package).await?;
    let modules = linked.compare(&published.modules, published.original_id.0)?;
    let report = CheckReport {
        number: args.number,
        matches: linked.digest == digest[..],
        proposed_digest: hex::encode(digest),
        package_digest: hex::encode(linked.digest),
        published_package: manager.cap.package.to_string(),
        published_version: manager.cap.version,
        modules: modules.iter().map(ModuleReport::from).collect(),
    };
    if context.json() {
        print_json(&report)?;
    } else {
        print_text(&text(&report))?;
    }
    if !report.matches {
        bail!(
            "this is not the package that {} is about: its digest is {}, not {}",
            words::title(&view),
            report.package_digest,
            report.proposed_digest
        );
    }
    Ok(())
}

/// The package that the options name; without one the version inside this program that is proposed,
/// else the newest.
async fn linked(
    reader: &SuiReader,
    args: &PackageArgs,
    digest: &[u8],
) -> anyhow::Result<LinkedPackage> {
    if args.package.is_none()
        && let Ok(found) = package::find(reader, args, digest).await
    {
        return Ok(found);
    }
    let loaded = package::load(Upgradable::Contracts, args)?;
    package::link(reader, Upgradable::Contracts, &loaded).await
}

fn text(report: &CheckReport) -> String {
    let short = |digest: &str| digest.chars().take(DIGEST_DIGITS).collect::<String>();
    let rows = report
        .modules
        .iter()
        .filter(|module| module.change != "same")
        .map(|module| {
            vec![
                module.name.clone(),
                module.change.to_owned(),
                Size(u64::saturating_from(module.bytes)).to_string(),
                module
                    .published_digest
                    .as_deref()
                    .map_or_else(String::new, short),
                if module.change == "removed" {
                    String::new()
                } else {
                    short(&module.digest)
                },
            ]
        })
        .collect::<Vec<_>>();
    let changed = rows.len();
    let table = match changed {
        0 => String::new(),
        _ => format!(
            "{}\n",
            table(
                &["Module", "Change", "Size", "Published digest", "New digest"],
                &[2],
                rows,
            )
        ),
    };
    let verdict = if report.matches {
        format!(
            "The package is exactly the one of proposal {}.",
            report.number
        )
    } else {
        format!("The package is NOT the one of proposal {}.", report.number)
    };
    format!(
        "{table}{} of {} differ from version {} ({})\nPackage digest:  {}\nProposal digest: {}\n{verdict}",
        changed,
        count(report.modules.len(), "module"),
        report.published_version,
        report.published_package,
        report.package_digest,
        report.proposed_digest
    )
}
