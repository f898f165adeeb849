//! What comes out of a ceremony, and that all agree on it.

use fastcrypto::groups::{
    GroupElement as _,
    bls12381::{G2Element, Scalar},
};
use serde::{Deserialize, Serialize};
use sha3::{Digest as _, Sha3_256};

use super::{
    CommitteeError,
    deal::{Complaint, Deal, evaluate_commitments},
    plan::{CeremonyId, CeremonyPlan, MemberSecret, is_signed, signed_bytes},
};
use crate::{
    curve::{self, MemberSignature, PublicKey, SecretScalar},
    elgamal::lagrange_at_zero,
    ibe::MasterKey,
};

const DST_TRANSCRIPT: &[u8] = b"WALRUS-COMMITTEE-TRANSCRIPT-00";
const DST_APPROVAL: &[u8] = b"WALRUS-COMMITTEE-APPROVAL-00";

/// The public keys of a committee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonyOutcome {
    /// The key of the committee.
    pub public_key: PublicKey,
    /// Keys of its shares, by the number of the member.
    pub partial_keys: Vec<PublicKey>,
}

/// All deals of a ceremony, as far as everybody can check them.
#[derive(Debug, Clone)]
pub struct Transcript<'a> {
    plan: &'a CeremonyPlan,
    deals: Vec<Deal>,
    /// What each deal counts.
    weights: Vec<Scalar>,
    hash: [u8; 32],
    outcome: CeremonyOutcome,
}

impl<'a> Transcript<'a> {
    /// Checks that all dealers have dealt, once each, and nobody else.
    pub fn new(plan: &'a CeremonyPlan, mut deals: Vec<Deal>) -> Result<Self, CommitteeError> {
        deals.sort_by_key(|deal| deal.dealer);
        check_senders(deals.iter().map(|deal| deal.dealer), &plan.dealers())?;
        for deal in &deals {
            deal.check(plan)?;
        }
        let weights = weights(plan)?;
        let commitments = sum_of_commitments(plan, &deals, &weights)?;
        let partial_keys = (0..).zip(plan.members()).map(|(number, _)| {
            let key = evaluate_commitments(&commitments, number);
            public_key(&key)
        });
        let outcome = CeremonyOutcome {
            public_key: commitments[0],
            partial_keys: partial_keys.collect::<Result<_, _>>()?,
        };
        let is_other = |previous: &super::Previous| previous.public_key != outcome.public_key;
        if plan.previous().is_some_and(is_other) {
            return Err(CommitteeError::Nonsense);
        }
        let hash = Sha3_256::digest(signed_bytes(DST_TRANSCRIPT, &(plan.id(), &deals))).into();
        Ok(Self {
            plan,
            deals,
            weights,
            hash,
            outcome,
        })
    }

    /// What comes out.
    pub fn outcome(&self) -> &CeremonyOutcome {
        &self.outcome
    }

    /// The share of a member; or what shows that a dealer has dealt a wrong value.
    pub fn share(
        &self,
        secret: &MemberSecret,
    ) -> Result<MasterKey, (CommitteeError, Option<Box<Complaint>>)> {
        let number = self.plan.number_of(secret);
        let member = number.ok_or((CommitteeError::NotAMember, None))?;
        let mut sum = SecretScalar(Scalar::zero());
        for (deal, weight) in self.deals.iter().zip(&self.weights) {
            let shared = secret.shared(&deal.ephemeral.0);
            let Some(value) = deal.value(member, &shared) else {
                let dealer = deal.dealer;
                let complaint = Box::new(Complaint::new(deal, member, shared));
                return Err((
                    CommitteeError::WrongShare { dealer, member },
                    Some(complaint),
                ));
            };
            sum.0 += value.0 * *weight;
        }
        let share = MasterKey(sum);
        let registered = self.outcome.partial_keys.get(usize::from(member));
        if registered == Some(&share.public()) {
            Ok(share)
        } else {
            Err((CommitteeError::Nonsense, None))
        }
    }

    /// Says, in the name of a member, that this is what came out and that its share is the right
    /// one.
    pub fn approve(&self, secret: &MemberSecret) -> Result<Approval, CommitteeError> {
        let member = self.plan.number_of(secret);
        let member = member.ok_or(CommitteeError::NotAMember)?;
        let ceremony = self.plan.id();
        let transcript = CeremonyId(self.hash);
        let parts = (ceremony, member, transcript, &self.outcome);
        Ok(Approval {
            ceremony,
            member,
            transcript,
            outcome: self.outcome.clone(),
            signature: secret.sign(&signed_bytes(DST_APPROVAL, &parts)),
        })
    }
}

/// That each of these has sent something, once.
fn check_senders(
    senders: impl Iterator<Item = u16>,
    expected: &[u16],
) -> Result<(), CommitteeError> {
    let mut expected = expected.iter().copied().peekable();
    let mut last = None;
    for sender in senders {
        if last.replace(sender) == Some(sender) {
            return Err(CommitteeError::Duplicate(sender));
        }
        match expected.peek() {
            Some(next) if *next == sender => drop(expected.next()),
            Some(next) if *next < sender => return Err(CommitteeError::Missing(*next)),
            _ => return Err(CommitteeError::NotADealer(sender)),
        }
    }
    expected
        .next()
        .map_or(Ok(()), |next| Err(CommitteeError::Missing(next)))
}

/// What each deal counts, in the order of the new numbers of the dealers.
fn weights(plan: &CeremonyPlan) -> Result<Vec<Scalar>, CommitteeError> {
    let Some(previous) = plan.previous() else {
        return Ok(vec![Scalar::generator(); plan.members().len()]);
    };
    let mut dealers = previous.dealers.clone();
    dealers.sort_by_key(|dealer| dealer.new);
    let old: Vec<u16> = dealers.iter().map(|dealer| dealer.old).collect();
    lagrange_at_zero(&old).map_err(|_| CommitteeError::Nonsense)
}

fn sum_of_commitments(
    plan: &CeremonyPlan,
    deals: &[Deal],
    weights: &[Scalar],
) -> Result<Vec<PublicKey>, CommitteeError> {
    (0..usize::from(plan.threshold()))
        .map(|degree| {
            let sum = deals
                .iter()
                .zip(weights)
                .fold(G2Element::zero(), |sum, (deal, weight)| {
                    sum + deal.commitments[degree].0 * *weight
                });
            public_key(&sum)
        })
        .collect()
}

fn public_key(point: &G2Element) -> Result<PublicKey, CommitteeError> {
    let key = PublicKey(*point);
    // The neutral element is no key.
    curve::g2(&key.to_bytes())
        .map(PublicKey)
        .map_err(|_| CommitteeError::Nonsense)
}

/// A member's word that a ceremony came out like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The ceremony.
    pub ceremony: CeremonyId,
    /// Who says so.
    pub member: u16,
    /// A hash of all deals: members who have seen others do not agree.
    pub transcript: CeremonyId,
    /// What came out.
    pub outcome: CeremonyOutcome,
    /// Of all of this.
    pub signature: MemberSignature,
}

/// What all members agree on.
pub fn agreed(
    plan: &CeremonyPlan,
    mut approvals: Vec<Approval>,
) -> Result<CeremonyOutcome, CommitteeError> {
    approvals.sort_by_key(|approval| approval.member);
    let members: Vec<u16> = (0..)
        .zip(plan.members())
        .map(|(number, _)| number)
        .collect();
    check_senders(approvals.iter().map(|approval| approval.member), &members).map_err(|error| {
        match error {
            CommitteeError::NotADealer(_) => CommitteeError::NotAMember,
            other => other,
        }
    })?;
    for (approval, card) in approvals.iter().zip(plan.members()) {
        let Approval {
            ceremony,
            member,
            transcript,
            outcome,
            signature,
        } = approval;
        if *ceremony != plan.id() {
            return Err(CommitteeError::OtherCeremony(*ceremony));
        }
        let message = signed_bytes(DST_APPROVAL, &(ceremony, member, transcript, outcome));
        if !is_signed(signature, &message, &card.signing_key) {
            return Err(CommitteeError::NotSigned(*member));
        }
        let first = &approvals[0];
        if *transcript != first.transcript || *outcome != first.outcome {
            return Err(CommitteeError::OtherOutcome(*member));
        }
    }
    let outcome = approvals.swap_remove(0).outcome;
    if outcome.partial_keys.len() != plan.members().len() {
        return Err(CommitteeError::Nonsense);
    }
    Ok(outcome)
}
