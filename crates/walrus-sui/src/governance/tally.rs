//! Counting votes: what a ballot amounts to, and whether anything can still change the outcome.

use stdx::SaturatingFrom as _;
use walrus_contracts::types::voting::{Ballot, Choice, Kind, NodeBallot, Parameters, Tally};

/// Micro-shards in one shard.
pub const MICRO: u64 = 1_000_000;
/// Hundredths of a percent in the whole.
const BPS: u128 = 10_000;

/// What a proposal must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Part of all weight that must vote, in hundredths of a percent.
    pub quorum_bps: u16,
    /// Part of yes and no that yes must exceed, in hundredths of a percent.
    pub threshold_bps: u16,
    /// Whether more than a third of all weight must say yes, too.
    pub needs_third: bool,
}

impl Bar {
    /// The bar of a proposal of this kind.
    pub fn of(kind: &Kind, parameters: &Parameters) -> Self {
        Self {
            quorum_bps: parameters.quorum_bps,
            threshold_bps: parameters.threshold_bps,
            needs_third: matches!(
                kind,
                Kind::Upgrade { .. } | Kind::Slash { .. } | Kind::GovernanceParameters { .. }
            ),
        }
    }

    /// Whether enough weight has voted.
    pub fn has_quorum(&self, tally: &Tally) -> bool {
        cast(tally) * BPS >= u128::from(self.quorum_bps) * u128::from(tally.total)
    }

    /// Whether the proposal would be accepted with these votes.
    pub fn passes(&self, tally: &Tally) -> bool {
        let (yes, no) = (u128::from(tally.yes), u128::from(tally.no));
        self.has_quorum(tally)
            && yes * BPS > u128::from(self.threshold_bps) * (yes + no)
            && (!self.needs_third || yes * 3 > u128::from(tally.total))
    }

    /// Weight that has to vote, whatever it says, for the quorum.
    pub fn missing_to_quorum(&self, tally: &Tally) -> u64 {
        let needed = (u128::from(self.quorum_bps) * u128::from(tally.total)).div_ceil(BPS);
        narrow(needed.saturating_sub(cast(tally)))
    }

    /// Weight that has to say yes, if nobody else votes no: for the threshold and, where it is
    /// asked for, the third.
    pub fn missing_yes(&self, tally: &Tally) -> u64 {
        let (yes, no) = (u128::from(tally.yes), u128::from(tally.no));
        let threshold = u128::from(self.threshold_bps);
        // yes·BPS > threshold·(yes + no), solved for yes. A threshold is below the whole.
        let by_threshold = (threshold * no)
            .checked_div(BPS.saturating_sub(threshold))
            .map_or(u128::MAX, |least| least + 1);
        let by_third = if self.needs_third {
            u128::from(tally.total) / 3 + 1
        } else {
            0
        };
        narrow(by_threshold.max(by_third).saturating_sub(yes))
    }

    /// What can still happen, if nobody changes a vote that is cast.
    pub fn outlook(&self, tally: &Tally) -> Outlook {
        let open = narrow(u128::from(tally.total).saturating_sub(cast(tally)));
        let with = |choice: Option<Choice>| {
            let mut tally = *tally;
            match choice {
                Some(Choice::Yes) => tally.yes = tally.yes.saturating_add(open),
                Some(Choice::No) => tally.no = tally.no.saturating_add(open),
                Some(Choice::Abstain) => tally.abstain = tally.abstain.saturating_add(open),
                None => {}
            }
            self.passes(&tally)
        };
        // More yes never harms. Against a proposal is whoever says no, or makes the quorum fail by
        // silence.
        if !with(Some(Choice::Yes)) {
            Outlook::WillFail
        } else if with(None) && with(Some(Choice::No)) {
            Outlook::WillPass
        } else {
            Outlook::Open
        }
    }
}

/// What can still happen to a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It is accepted whatever the rest says.
    WillPass,
    /// It is refused whatever the rest says.
    WillFail,
    /// The rest decides.
    Open,
}

fn cast(tally: &Tally) -> u128 {
    u128::from(tally.yes) + u128::from(tally.no) + u128::from(tally.abstain)
}

fn narrow(value: u128) -> u64 {
    u64::saturating_from(value)
}

/// The votes of a ballot so far.
pub fn tally(ballot: &Ballot) -> Tally {
    let mut sum = Tally {
        total: u64::from(ballot.total_weight).saturating_mul(MICRO),
        ..Tally::default()
    };
    for node in &ballot.nodes {
        let shares = node_shares(node);
        sum.yes += shares.yes;
        sum.no += shares.no;
        sum.abstain += shares.abstain;
    }
    sum
}

/// How the weight of one node is divided, in micro-shards.
pub fn node_shares(node: &NodeBallot) -> Tally {
    let weight = u64::from(node.weight).saturating_mul(MICRO);
    let spoken =
        u128::from(node.yes_stake) + u128::from(node.no_stake) + u128::from(node.abstain_stake);
    let whole = u128::from(node.stake).max(spoken);
    let part = |stake: u64| {
        let product = u128::from(weight) * u128::from(stake);
        narrow(product.checked_div(whole).unwrap_or(0))
    };
    let mut shares = Tally {
        yes: part(node.yes_stake),
        no: part(node.no_stake),
        abstain: part(node.abstain_stake),
        total: weight,
    };
    let rest = narrow(u128::from(weight).saturating_sub(cast(&shares)));
    match node.choice {
        Some(Choice::Yes) => shares.yes += rest,
        Some(Choice::No) => shares.no += rest,
        Some(Choice::Abstain) => shares.abstain += rest,
        None => {}
    }
    shares
}

/// The tally without some weight that says `choice`: what the others make of it.
#[must_use]
pub fn without(tally: &Tally, choice: Option<Choice>, weight: u64) -> Tally {
    let mut tally = *tally;
    let part = match choice {
        Some(Choice::Yes) => &mut tally.yes,
        Some(Choice::No) => &mut tally.no,
        Some(Choice::Abstain) => &mut tally.abstain,
        None => return tally,
    };
    *part = part.saturating_sub(weight);
    tally
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use walrus_core::ObjectId;

    use super::*;

    const PLAIN: Bar = Bar {
        quorum_bps: 3334,
        threshold_bps: 5000,
        needs_third: false,
    };
    const GRAVE: Bar = Bar {
        needs_third: true,
        ..PLAIN
    };

    fn votes(yes: u64, no: u64, abstain: u64, total: u64) -> Tally {
        Tally {
            yes,
            no,
            abstain,
            total,
        }
    }

    fn node(weight: u16, stake: u64, choice: Option<Choice>, stakes: [u64; 3]) -> NodeBallot {
        NodeBallot {
            node_id: ObjectId([1; 32]),
            weight,
            stake,
            choice,
            yes_stake: stakes[0],
            no_stake: stakes[1],
            abstain_stake: stakes[2],
        }
    }

    #[test]
    fn bars_are_exact() {
        assert!(!PLAIN.has_quorum(&votes(3333, 0, 0, 10_000)));
        assert!(PLAIN.has_quorum(&votes(3330, 0, 4, 10_000)));
        assert!(PLAIN.passes(&votes(3334, 0, 0, 10_000)));
        assert!(!PLAIN.passes(&votes(2000, 2000, 0, 10_000)));
        assert!(PLAIN.passes(&votes(2001, 2000, 0, 10_000)));
        // The third counts all weight, not only what voted.
        assert!(!GRAVE.passes(&votes(3333, 0, 1000, 9999)));
        assert!(GRAVE.passes(&votes(3334, 0, 1000, 9999)));
    }

    #[test]
    fn what_is_missing_suffices_and_less_does_not() {
        let tally = votes(1000, 2000, 0, 10_000);
        assert_eq!(PLAIN.missing_to_quorum(&tally), 334);
        assert_eq!(PLAIN.missing_yes(&tally), 1001);
        assert_eq!(GRAVE.missing_yes(&tally), 2334);
        assert_eq!(PLAIN.missing_yes(&votes(9000, 0, 0, 10_000)), 0);
    }

    #[test]
    fn delegators_speak_for_their_part() {
        let shares = node_shares(&node(10, 1000, Some(Choice::No), [250, 0, 0]));
        assert_eq!(shares, votes(2_500_000, 7_500_000, 0, 10_000_000));
        // Without the node's vote the rest is silent.
        let shares = node_shares(&node(10, 1000, None, [250, 0, 250]));
        assert_eq!(shares, votes(2_500_000, 0, 2_500_000, 10_000_000));
        // More stake than expected shares the weight; it does not exceed it.
        let shares = node_shares(&node(10, 1000, Some(Choice::No), [3000, 1000, 0]));
        assert_eq!(shares, votes(7_500_000, 2_500_000, 0, 10_000_000));
        assert_eq!(
            node_shares(&node(3, 0, Some(Choice::Yes), [0; 3])),
            votes(3_000_000, 0, 0, 3_000_000)
        );
    }

    proptest! {
        #[test]
        fn no_weight_is_made_or_lost(
            weight in 0..1000u16,
            stakes in prop::array::uniform3(0..u64::from(u32::MAX)),
            stake in any::<u64>(),
        ) {
            let shares = node_shares(&node(weight, stake, Some(Choice::Yes), stakes));
            prop_assert_eq!(shares.yes + shares.no + shares.abstain, shares.total);
            let silent = node_shares(&node(weight, stake, None, stakes));
            prop_assert!(silent.yes + silent.no + silent.abstain <= silent.total);
        }

        /// A decided outlook holds whatever the rest does; an open one can go both ways.
        #[test]
        fn outlooks_are_true(
            cast in prop::array::uniform3(0..60u64),
            rest in 0..60u64,
            split in prop::array::uniform3(0..=20u64),
            quorum_bps in 3334..=6667u16,
            threshold_bps in 5000..=8000u16,
            needs_third: bool,
        ) {
            let bar = Bar { quorum_bps, threshold_bps, needs_third };
            let total = cast.iter().sum::<u64>() + rest;
            prop_assume!(total > 0);
            let tally = votes(cast[0], cast[1], cast[2], total);
            let outlook = bar.outlook(&tally);
            let mut later = tally;
            let mut left = rest;
            let parts = [&mut later.yes, &mut later.no, &mut later.abstain];
            for (part, amount) in parts.into_iter().zip(split) {
                let amount = amount.min(left);
                *part += amount;
                left -= amount;
            }
            match outlook {
                Outlook::WillPass => prop_assert!(bar.passes(&later)),
                Outlook::WillFail => prop_assert!(!bar.passes(&later)),
                Outlook::Open => {
                    let yes = votes(tally.yes + rest, tally.no, tally.abstain, total);
                    prop_assert!(bar.passes(&yes));
                    let no = votes(tally.yes, tally.no + rest, tally.abstain, total);
                    prop_assert!(!bar.passes(&no) || !bar.passes(&tally));
                }
            }
        }

        #[test]
        fn missing_yes_is_the_least_that_suffices(
            yes in 0..100u64, no in 0..100u64, silent in 0..200u64, threshold_bps in 5000..=8000u16,
            needs_third: bool,
        ) {
            let bar = Bar { quorum_bps: 0, threshold_bps, needs_third };
            let tally = votes(yes, no, 0, yes + no + silent);
            prop_assume!(tally.total > 0);
            let missing = bar.missing_yes(&tally);
            let with = |more: u64| bar.passes(&votes(yes + more, no, 0, tally.total));
            prop_assert!(with(missing));
            prop_assert!(missing == 0 || !with(missing - 1));
        }
    }
}
