//! The committee of a local network. Its ceremony happens at one place, from secrets that everybody
//! knows, so that it can be repeated.

use anyhow::Context as _;
use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::ObjectId;
use walrus_seal::{
    MasterKey,
    committee::{CeremonyPlan, Deal, MemberCard, MemberSecret, Transcript},
};
use walrus_sui::{
    contract::{CommitteeMemberEntry, committee_registration},
    transaction::Program,
};

use crate::{
    accounts::{Account, Role},
    key_servers::of_role,
    state::{KeyServerRole, NetworkState},
};

/// How many members are needed.
const THRESHOLD: u16 = 2;
/// What the committee is called.
const NAME: &str = "committee";

/// A ceremony in which all have dealt.
struct Ceremony {
    secrets: Vec<MemberSecret>,
    plan: CeremonyPlan,
    deals: Vec<Deal>,
}

impl Ceremony {
    fn hold(state: &NetworkState) -> anyhow::Result<Self> {
        let mut rng = StdRng::from_seed(Account::of(Role::Committee).seed());
        let members: Vec<_> = of_role(state, KeyServerRole::Member).collect();
        let secrets: Vec<_> = members
            .iter()
            .map(|_| MemberSecret::generate(&mut rng))
            .collect();
        let cards = members.iter().zip(&secrets);
        let cards =
            cards.map(|(server, secret)| MemberCard::new(&server.name(), &server.url(), secret));
        let plan = CeremonyPlan::new(THRESHOLD, cards.collect(), None, &mut rng)?;
        let deals = secrets
            .iter()
            .map(|secret| Deal::new(&plan, secret, None, &mut rng));
        let deals = deals.collect::<Result<_, _>>()?;
        Ok(Self {
            secrets,
            plan,
            deals,
        })
    }
}

/// The share of a member.
pub(super) fn share(state: &NetworkState, member: u16) -> anyhow::Result<MasterKey> {
    let ceremony = Ceremony::hold(state)?;
    let transcript = Transcript::new(&ceremony.plan, ceremony.deals)?;
    let secret = ceremony.secrets.get(usize::from(member));
    let secret = secret.with_context(|| format!("there is no member {member}"))?;
    transcript.share(secret).map_err(|(error, _)| error.into())
}

/// The transaction that registers the committee. The first user gets the object, and can try what
/// its holder can do.
pub(super) fn registration(state: &NetworkState, seal: ObjectId) -> anyhow::Result<Program> {
    let ceremony = Ceremony::hold(state)?;
    let transcript = Transcript::new(&ceremony.plan, ceremony.deals)?;
    let outcome = transcript.outcome();
    let members = ceremony.plan.members().iter().zip(&outcome.partial_keys);
    let members: Vec<_> = members
        .map(|(card, key)| CommitteeMemberEntry {
            name: card.name.clone(),
            url: card.url.clone(),
            partial_public_key: key.to_bytes().to_vec(),
        })
        .collect();
    Ok(committee_registration(
        seal,
        NAME,
        THRESHOLD,
        &outcome.public_key.to_bytes(),
        &members,
        Account::of(Role::User(0)).signer().address(),
    ))
}
