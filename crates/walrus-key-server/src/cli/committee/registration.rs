//! What one of the members, or somebody whom they need not trust, does for all.

use std::path::PathBuf;

use clap::Args;
use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::{ObjectId, text::printable};
use walrus_seal::{
    PublicKey,
    committee::{Approval, CeremonyOutcome, CeremonyPlan, Dealer, MemberCard, Previous, agreed},
};
use walrus_sui::{
    Executor, SuiRpc,
    access::KeyServerKind,
    contract::{CommitteeMemberEntry, committee_registration, committee_rotation},
};

use super::members::explain;
use crate::cli::{
    Failure,
    letters::{receive, send},
    payer::Payer,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct MakePlan {
    /// How many members are needed; at least 2
    #[arg(long, value_name = "MEMBERS")]
    threshold: u16,
    /// A committee that is registered, whose key gets new shares
    #[arg(long, value_name = "ID", requires = "rpc")]
    previous: Option<ObjectId>,
    /// A member that deals, by its name in both committees [default: the first ones that are in
    /// both]
    #[arg(long = "dealer", value_name = "NAME", requires = "previous")]
    dealers: Vec<String>,
    /// A full node of the network
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// The plan to write, for all members
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Cards of the members
    #[arg(value_name = "CARD", required = true)]
    cards: Vec<PathBuf>,
}

impl MakePlan {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let cards = self.cards.iter().map(|path| receive(path));
        let cards = cards.collect::<Result<Vec<MemberCard>, _>>()?;
        let previous = match (self.previous, &self.rpc) {
            (Some(server), Some(rpc)) => {
                let rpc = SuiRpc::new([rpc]).map_err(Failure::input)?;
                Some(previous(&rpc, server, &self.dealers, &cards).await?)
            }
            _ => None,
        };
        let mut rng = StdRng::from_entropy();
        let plan =
            CeremonyPlan::new(self.threshold, cards, previous, &mut rng).map_err(Failure::input)?;
        send(&self.out, &plan)?;
        for number in plan.dealers() {
            let member = &plan.members()[usize::from(number)];
            println!("{} deals", printable(&member.name));
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The plan
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

impl Show {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let plan: CeremonyPlan = receive(&self.plan)?;
        println!("Ceremony: {}", plan.id());
        let (threshold, members) = (plan.threshold(), plan.members().len());
        println!("Needed: {threshold} of {members}");
        if let Some(previous) = plan.previous() {
            let (server, version) = (previous.server, previous.version);
            println!("New shares for: {server} at version {version}");
        }
        let dealers = plan.dealers();
        for (number, member) in (0..).zip(plan.members()) {
            let (name, url) = (printable(&member.name), printable(&member.url));
            let deals = if dealers.contains(&number) {
                ", deals"
            } else {
                ""
            };
            println!(
                "{number}: {name} at {url}{deals}\n   {}",
                member.signing_key
            );
        }
        Ok(())
    }
}

/// The committee that is registered, and who deals.
async fn previous(
    rpc: &SuiRpc,
    server: ObjectId,
    chosen: &[String],
    cards: &[MemberCard],
) -> Result<Previous, Failure> {
    let info = rpc.key_server(server).await.map_err(Failure::running)?;
    let KeyServerKind::Committee {
        version,
        threshold,
        members,
    } = info.kind
    else {
        return Err(Failure::input(format!(
            "key server {server} is no committee"
        )));
    };
    let key = |bytes: &[u8]| {
        let key = PublicKey::from_bytes(bytes);
        key.map_err(|error| Failure::running(format!("a key of committee {server}: {error}")))
    };
    let partial_keys = members.iter().map(|member| key(&member.partial_pk));
    let in_both = members.iter().filter_map(|member| {
        let new = cards.iter().position(|card| card.name == member.name)?;
        let new = u16::try_from(new).ok()?;
        let old = member.party_id;
        Some((&member.name, Dealer { old, new }))
    });
    let dealers: Vec<Dealer> = if chosen.is_empty() {
        in_both
            .map(|(_, dealer)| dealer)
            .take(usize::from(threshold))
            .collect()
    } else {
        let known: Vec<_> = in_both.collect();
        let find = |name: &String| {
            let found = known.iter().find(|(known, _)| *known == name);
            found.map(|(_, dealer)| *dealer).ok_or_else(|| {
                Failure::input(format!(
                    "{} is not a member of both committees",
                    printable(name)
                ))
            })
        };
        chosen.iter().map(find).collect::<Result<_, _>>()?
    };
    Ok(Previous {
        server,
        version,
        threshold,
        public_key: key(&info.public_key)?,
        partial_keys: partial_keys.collect::<Result<_, _>>()?,
        dealers,
    })
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Register {
    /// The plan
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// What a new committee calls itself
    #[arg(long, default_value = "committee")]
    name: String,
    /// Where it is registered.
    #[command(flatten)]
    payer: Payer,
    /// The approvals of all members
    #[arg(value_name = "APPROVAL", required = true)]
    approvals: Vec<PathBuf>,
}

impl Register {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let plan: CeremonyPlan = receive(&self.plan)?;
        let approvals = self.approvals.iter().map(|path| receive(path));
        let approvals = approvals.collect::<Result<Vec<Approval>, _>>()?;
        let outcome = agreed(&plan, approvals).map_err(|error| explain(&plan, error))?;
        let (rpc, signer) = self.payer.open()?;
        if let Some(previous) = plan.previous() {
            check_present(&rpc, previous, &outcome).await?;
        }
        let members = entries(&plan, &outcome);
        let (package, threshold) = (self.payer.seal_package, plan.threshold());
        let program = match plan.previous() {
            None => committee_registration(
                package,
                &self.name,
                threshold,
                &outcome.public_key.to_bytes(),
                &members,
                signer.address(),
            ),
            Some(previous) => committee_rotation(package, previous.server, threshold, &members),
        };
        let executed = Executor::new(rpc, signer)
            .run(&program)
            .await
            .map_err(Failure::running)?;
        let server = match plan.previous() {
            None => executed
                .only_created("key_server", "KeyServer")
                .map_err(Failure::running)?,
            Some(previous) => previous.server,
        };
        if self.payer.json {
            let answer = serde_json::json!({
                "key_server_object_id": server.to_string(),
                "public_key": outcome.public_key.to_string(),
                "version": plan.previous().map_or(0, |previous| previous.version + 1),
                "digest": executed.digest.to_string(),
            });
            println!("{answer}");
        } else {
            println!("{server}");
        }
        Ok(())
    }
}

/// Members as they are registered.
fn entries(plan: &CeremonyPlan, outcome: &CeremonyOutcome) -> Vec<CommitteeMemberEntry> {
    let members = plan.members().iter().zip(&outcome.partial_keys);
    let entry = |(card, key): (&MemberCard, &PublicKey)| CommitteeMemberEntry {
        name: card.name.clone(),
        url: card.url.clone(),
        partial_public_key: key.to_bytes().to_vec(),
    };
    members.map(entry).collect()
}

/// Whether the committee is still the one that the plan was made for: shares of anything else would
/// be worth nothing.
async fn check_present(
    rpc: &SuiRpc,
    previous: &Previous,
    outcome: &CeremonyOutcome,
) -> Result<(), Failure> {
    let server = previous.server;
    let info = rpc.key_server(server).await.map_err(Failure::running)?;
    let version = match info.kind {
        KeyServerKind::Committee { version, .. } => version,
        KeyServerKind::Independent { .. } => {
            return Err(Failure::input(format!(
                "key server {server} is no committee"
            )));
        }
    };
    if info.public_key != outcome.public_key.to_bytes() {
        return Err(Failure::input(format!(
            "key server {server} has another key than the one that was shared anew"
        )));
    }
    if version != previous.version {
        return Err(Failure::input(format!(
            "the committee is at version {version} by now, and the plan is for what follows version {}",
            previous.version
        )));
    }
    Ok(())
}
