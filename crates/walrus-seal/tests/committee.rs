//! Ceremonies: whoever is honest gets a share, whoever lies is named, and the key stays when shares
//! change.

#![allow(clippy::unwrap_used)] // helpers of tests

use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::ObjectId;
use walrus_seal::{
    EphemeralKey, Identity, MasterKey, PublicKey, UserSecretKey, WrappedKey,
    committee::{
        Approval, CeremonyOutcome, CeremonyPlan, CommitteeError, Deal, Dealer, MemberCard,
        MemberSecret, PlanError, PlanParts, Previous, Transcript, agreed,
    },
    elgamal::aggregate,
};

struct Ceremony {
    rng: StdRng,
    secrets: Vec<MemberSecret>,
    plan: CeremonyPlan,
}

/// What a ceremony leaves behind.
struct Made {
    outcome: CeremonyOutcome,
    shares: Vec<MasterKey>,
}

fn cards(secrets: &[MemberSecret]) -> Vec<MemberCard> {
    let card = |(number, secret)| {
        MemberCard::new(&format!("m{number}"), &format!("http://{number}"), secret)
    };
    secrets.iter().enumerate().map(card).collect()
}

impl Ceremony {
    fn first(seed: u64, threshold: u16, members: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let secrets: Vec<_> = (0..members)
            .map(|_| MemberSecret::generate(&mut rng))
            .collect();
        let plan = CeremonyPlan::new(threshold, cards(&secrets), None, &mut rng).unwrap();
        Self { rng, secrets, plan }
    }

    /// New shares of the key of `made`; the members at these places deal.
    fn later(made: &Made, old_threshold: u16, dealers: &[Dealer], to: (u16, usize)) -> Self {
        let mut rng = StdRng::seed_from_u64(99);
        let (threshold, members) = to;
        let secrets: Vec<_> = (0..members)
            .map(|_| MemberSecret::generate(&mut rng))
            .collect();
        let previous = Previous {
            server: ObjectId([9; 32]),
            version: 0,
            threshold: old_threshold,
            public_key: made.outcome.public_key,
            partial_keys: made.outcome.partial_keys.clone(),
            dealers: dealers.to_vec(),
        };
        let plan = CeremonyPlan::new(threshold, cards(&secrets), Some(previous), &mut rng).unwrap();
        Self { rng, secrets, plan }
    }

    fn deal(&mut self, member: usize, old: Option<&MasterKey>) -> Deal {
        Deal::new(&self.plan, &self.secrets[member], old, &mut self.rng).unwrap()
    }

    fn deals(&mut self) -> Vec<Deal> {
        (0..self.secrets.len())
            .map(|member| self.deal(member, None))
            .collect()
    }

    fn finish(&self, deals: &[Deal]) -> Result<Made, CommitteeError> {
        let transcript = Transcript::new(&self.plan, deals.to_vec())?;
        let share = |secret| transcript.share(secret).map_err(|(error, _)| error);
        let shares = self.secrets.iter().map(share).collect::<Result<_, _>>()?;
        let approvals = self.approvals(&transcript);
        // What is written down is what is read.
        let text = serde_json::to_string(&approvals).unwrap();
        let approvals: Vec<Approval> = serde_json::from_str(&text).unwrap();
        let outcome = agreed(&self.plan, approvals)?;
        Ok(Made { outcome, shares })
    }

    fn approvals(&self, transcript: &Transcript<'_>) -> Vec<Approval> {
        let secrets = self.secrets.iter();
        secrets
            .map(|secret| transcript.approve(secret).unwrap())
            .collect()
    }
}

fn identity() -> Identity {
    Identity {
        package: ObjectId([1; 32]),
        inner: vec![2; 48],
    }
}

/// The key that these members give together, if it is the one of `public_key`.
fn key_of(made: &Made, members: &[u16], public_key: &PublicKey) -> Option<UserSecretKey> {
    let mut rng = StdRng::seed_from_u64(5);
    let reader = EphemeralKey::generate(&mut rng);
    let point = identity().point();
    let parts: Vec<_> = members
        .iter()
        .map(|member| {
            let number = usize::from(*member);
            let key = made.shares[number].extract(&point);
            let part = WrappedKey::wrap(&key, &reader.encryption_key(), &mut rng);
            let (to, partial) = (
                reader.verification_key(),
                &made.outcome.partial_keys[number],
            );
            assert!(part.verify(&point, &to, partial));
            (*member, part)
        })
        .collect();
    let key = reader.unwrap_key(&aggregate(&parts).unwrap()).unwrap();
    key.verify(&point, public_key).then_some(key)
}

#[test]
fn as_many_as_the_threshold_act_for_all_and_fewer_do_not() {
    for (threshold, members) in [(2, 2), (2, 3), (3, 5)] {
        let mut ceremony = Ceremony::first(1, threshold, members);
        let deals = ceremony.deals();
        let made = ceremony.finish(&deals).unwrap();
        let all: Vec<u16> = (0..u16::try_from(members).unwrap()).collect();
        let (first, last) = (
            &all[..usize::from(threshold)],
            &all[members - usize::from(threshold)..],
        );
        let key = key_of(&made, first, &made.outcome.public_key).unwrap();
        assert!(key_of(&made, last, &made.outcome.public_key).unwrap() == key);
        assert!(key_of(&made, &first[1..], &made.outcome.public_key).is_none());
    }
}

#[test]
fn new_shares_keep_the_key_and_do_not_fit_the_old_ones() {
    let mut first = Ceremony::first(2, 2, 3);
    let deals = first.deals();
    let old = first.finish(&deals).unwrap();
    let public_key = old.outcome.public_key;
    let key = key_of(&old, &[0, 1], &public_key).unwrap();

    // From 2 of 3 to 3 of 4: old members 0 and 2 go on, with other numbers.
    let dealers = [Dealer { old: 2, new: 0 }, Dealer { old: 0, new: 3 }];
    let mut later = Ceremony::later(&old, 2, &dealers, (3, 4));
    let deals = vec![
        later.deal(0, Some(&old.shares[2])),
        later.deal(3, Some(&old.shares[0])),
    ];
    let new = later.finish(&deals).unwrap();
    assert_eq!(new.outcome.public_key, public_key);
    assert!(key_of(&new, &[1, 2, 3], &public_key).unwrap() == key);
    assert!(key_of(&new, &[1, 2], &public_key).is_none());
    // One old share and new ones are nothing together.
    let mut mixed = Made {
        outcome: new.outcome.clone(),
        shares: new.shares.clone(),
    };
    mixed.shares[0] = old.shares[0].clone();
    mixed.outcome.partial_keys[0] = old.outcome.partial_keys[0];
    assert!(key_of(&mixed, &[0, 1, 2], &public_key).is_none());

    // Whoever deals needs the old share, the right one.
    let secret = &later.secrets[0];
    let mut deal = |share| Deal::new(&later.plan, secret, share, &mut later.rng);
    assert_eq!(deal(None), Err(CommitteeError::OldShareMissing(0)));
    assert_eq!(
        deal(Some(&old.shares[1])),
        Err(CommitteeError::OldShareWrong(2))
    );
    let stranger = Deal::new(
        &later.plan,
        &later.secrets[1],
        Some(&old.shares[1]),
        &mut later.rng,
    );
    assert_eq!(stranger, Err(CommitteeError::NotADealer(1)));
}

#[test]
fn a_dealer_of_another_secret_than_its_share_is_named() {
    let mut first = Ceremony::first(3, 2, 2);
    let deals = first.deals();
    let old = first.finish(&deals).unwrap();
    let dealers = [Dealer { old: 0, new: 0 }, Dealer { old: 1, new: 1 }];
    let mut later = Ceremony::later(&old, 2, &dealers, (2, 2));
    let good = later.deal(1, Some(&old.shares[1]));
    // The same ceremony for somebody who has other shares in mind.
    let mut parts = PlanParts::from(later.plan.clone());
    parts.previous.as_mut().unwrap().partial_keys[0] = old.shares[1].public();
    let other_plan = CeremonyPlan::try_from(parts).unwrap();
    let forged = Deal::new(
        &other_plan,
        &later.secrets[0],
        Some(&old.shares[1]),
        &mut later.rng,
    );
    let result = later.finish(&[forged.unwrap(), good]);
    assert!(matches!(result, Err(CommitteeError::OtherCeremony(_))));
}

#[test]
fn whoever_deals_wrong_values_is_shown_to_have_done_so() {
    let mut ceremony = Ceremony::first(4, 2, 3);
    let mut deals = ceremony.deals();
    // Dealer 1 gives member 2 the value of member 0: it signs a deal that nobody else can have
    // made.
    let liar = ceremony.secrets[1].clone();
    let mut other = Ceremony::first(4, 2, 3);
    other.plan = ceremony.plan.clone();
    let strange = Deal::new(&ceremony.plan, &liar, None, &mut StdRng::seed_from_u64(8)).unwrap();
    deals[1].values[2] = strange.values[2];
    let unsigned = Transcript::new(&ceremony.plan, deals.clone()).unwrap_err();
    assert_eq!(unsigned, CommitteeError::NotSigned(1));
    deals[1].sign(&liar);

    let transcript = Transcript::new(&ceremony.plan, deals.clone()).unwrap();
    assert!(transcript.share(&ceremony.secrets[0]).is_ok());
    let (error, complaint) = transcript.share(&ceremony.secrets[2]).unwrap_err();
    let wrong = CommitteeError::WrongShare {
        dealer: 1,
        member: 2,
    };
    assert_eq!(error, wrong);
    let complaint = complaint.unwrap();
    complaint.check(&ceremony.plan, &deals[1]).unwrap();

    // Nobody can be accused of a value that was right, nor with a secret that is none.
    let mut against_honest = complaint.clone();
    against_honest.dealer = 0;
    let is_false = Err(CommitteeError::FalseComplaint(2));
    assert_eq!(against_honest.check(&ceremony.plan, &deals[0]), is_false);
    assert_eq!(complaint.check(&ceremony.plan, &deals[0]), is_false);
    let mut invented = *complaint;
    invented.shared = deals[0].ephemeral;
    assert_eq!(invented.check(&ceremony.plan, &deals[1]), is_false);
}

#[test]
fn messages_that_are_missing_doubled_changed_or_of_strangers_stop_the_ceremony() {
    let mut ceremony = Ceremony::first(6, 2, 3);
    let deals = ceremony.deals();
    let error = |deals: &[Deal]| ceremony.finish(deals).err();
    assert_eq!(error(&deals[..2]), Some(CommitteeError::Missing(2)));
    assert_eq!(error(&deals[1..]), Some(CommitteeError::Missing(0)));
    let twice = [&deals[..], &deals[1..2]].concat();
    assert_eq!(error(&twice), Some(CommitteeError::Duplicate(1)));
    let mut changed = deals.clone();
    changed[0].commitments.swap(0, 1);
    assert_eq!(error(&changed), Some(CommitteeError::NotSigned(0)));
    let mut short = deals.clone();
    short[0].commitments.pop();
    assert_eq!(error(&short), Some(CommitteeError::WrongShape(0)));
    // Whoever copies what another has committed to cannot show that it knows it.
    let mut copied = deals.clone();
    copied[2].commitments[0] = deals[0].commitments[0];
    copied[2].sign(&ceremony.secrets[2]);
    assert_eq!(error(&copied), Some(CommitteeError::NotPossessed(2)));
    let other = Ceremony::first(7, 2, 3).deals();
    assert!(matches!(
        error(&other),
        Some(CommitteeError::OtherCeremony(_))
    ));
    let stranger = Deal::new(
        &ceremony.plan,
        &MemberSecret::generate(&mut StdRng::seed_from_u64(1)),
        None,
        &mut StdRng::seed_from_u64(1),
    );
    assert_eq!(stranger, Err(CommitteeError::NotAMember));
}

#[test]
fn different_messages_to_different_members_are_noticed() {
    let mut ceremony = Ceremony::first(10, 2, 3);
    let to_some = ceremony.deals();
    let mut to_others = to_some.clone();
    to_others[1] = ceremony.deal(1, None);
    let seen = |deals: &Vec<Deal>| {
        let transcript = Transcript::new(&ceremony.plan, deals.clone()).unwrap();
        ceremony.approvals(&transcript)
    };
    let (some, others) = (seen(&to_some), seen(&to_others));
    let mixed = vec![some[0].clone(), some[1].clone(), others[2].clone()];
    assert_eq!(
        agreed(&ceremony.plan, mixed),
        Err(CommitteeError::OtherOutcome(2))
    );
    let mut forged = some.clone();
    forged[1].outcome = others[1].outcome.clone();
    assert_eq!(
        agreed(&ceremony.plan, forged),
        Err(CommitteeError::NotSigned(1))
    );
    let missing = some[..2].to_vec();
    assert_eq!(
        agreed(&ceremony.plan, missing),
        Err(CommitteeError::Missing(2))
    );
    assert!(agreed(&ceremony.plan, some).is_ok());
}

#[test]
fn impossible_plans_are_refused() {
    let ceremony = Ceremony::first(11, 2, 3);
    let plan = |change: &dyn Fn(&mut PlanParts)| {
        let mut parts = PlanParts::from(ceremony.plan.clone());
        change(&mut parts);
        CeremonyPlan::try_from(parts).map(|plan| plan.id())
    };
    let same = plan(&|_| ()).unwrap();
    assert_eq!(same, ceremony.plan.id());
    assert_ne!(plan(&|it| it.threshold = 3).unwrap(), same);
    for threshold in [0, 1, 4] {
        let error = plan(&|it| it.threshold = threshold).unwrap_err();
        assert_eq!(
            error,
            PlanError::Threshold {
                threshold,
                members: 3
            }
        );
    }
    let renamed = plan(&|it| it.members[1].name = "other".to_owned());
    assert_eq!(renamed, Err(PlanError::Card(1)));
    let doubled = plan(&|it| it.members[1] = it.members[0].clone());
    assert_eq!(doubled, Err(PlanError::Duplicate(1)));
    let crowd = plan(&|it| it.members = vec![it.members[0].clone(); 101]);
    assert_eq!(crowd, Err(PlanError::TooManyMembers(101)));
    let nameless = plan(&|it| it.members[2].name.clear());
    assert_eq!(nameless, Err(PlanError::Text(2)));
    for dealers in [
        vec![(0, 0)],
        vec![(0, 0), (0, 1)],
        vec![(0, 0), (1, 0)],
        vec![(0, 0), (3, 1)],
    ] {
        let previous = Previous {
            server: ObjectId([1; 32]),
            version: 0,
            threshold: 2,
            public_key: ceremony.plan.members()[0].signing_key,
            partial_keys: vec![ceremony.plan.members()[0].signing_key; 3],
            dealers: dealers
                .iter()
                .map(|(old, new)| Dealer {
                    old: *old,
                    new: *new,
                })
                .collect(),
        };
        let error = plan(&|it| it.previous = Some(previous.clone())).unwrap_err();
        assert!(matches!(error, PlanError::Dealers(_)), "{dealers:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let ceremony = Ceremony::first(12, 2, 2);
    let secret = &ceremony.secrets[0];
    let hex = hex::encode(*secret.to_bytes());
    assert!(!format!("{secret:?}").contains(&hex));
    let read = MemberSecret::from_hex(&format!("0x{hex}\n")).unwrap();
    assert_eq!(read.signing_key(), secret.signing_key());
    assert!(MemberSecret::from_hex("abcd").is_err());
}
