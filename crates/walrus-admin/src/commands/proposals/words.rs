//! Proposals in words: what they do, how their vote stands, what happens next.

use stdx::SaturatingFrom as _;
use walrus_contracts::types::voting::{Choice, Kind, Parameters, ProposalState, Tally};
use walrus_core::Frost;
use walrus_sui::{
    governance::{MICRO, Outlook, ProposalStep, state_name},
    reader::ProposalView,
};
use walrus_terminal::format::{Capacity, Rate};

use crate::context::Moment;

/// Hundredths of a percent in the whole.
const BPS: u128 = 10_000;

/// What a proposal does when it is executed.
pub(super) fn effect(kind: &Kind) -> String {
    match kind {
        Kind::Upgrade { digest } => format!(
            "upgrade package walrus to the package with digest {}",
            hex::encode(digest)
        ),
        Kind::Slash { node_id } => format!("burn the commission of node {node_id}"),
        Kind::ParameterAdvice {
            storage_price,
            write_price,
            total_capacity,
        } => {
            let price = |what: &str, price: &Option<u64>| {
                price.map(|price| format!("{} for {what} a MiB", Frost(price)))
            };
            let capacity =
                total_capacity.map(|bytes| format!("a capacity of {} in total", Capacity(bytes)));
            let values: Vec<String> = [
                price("storing", storage_price),
                price("writing", write_price),
                capacity,
            ]
            .into_iter()
            .flatten()
            .collect();
            format!("advise nodes to vote for {}", values.join(", "))
        }
        Kind::GovernanceParameters { parameters } => {
            format!("change the rules of proposals: {}", rules(parameters))
        }
        Kind::FreeText => "nothing but the text".to_owned(),
    }
}

/// Rules on one line.
pub(super) fn rules(parameters: &Parameters) -> String {
    format!(
        "deposit {}, {} epochs of discussion, {} of voting, {} of delay, {} for execution, quorum {}, threshold {}, \
         deposit lost above {} of no",
        Frost(parameters.deposit),
        parameters.discussion_epochs,
        parameters.voting_epochs,
        parameters.delay_epochs,
        parameters.execution_epochs,
        Rate(parameters.quorum_bps),
        Rate(parameters.threshold_bps),
        Rate(parameters.forfeit_bps),
    )
}

/// Weight in shards, with as many decimals as it needs.
pub(super) fn shards(micro: u64) -> String {
    let (whole, fraction) = (micro / MICRO, micro % MICRO);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = format!("{fraction:06}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// A part of the whole, rounded down to hundredths of a percent.
pub(super) fn share(part: u64, whole: u64) -> Rate {
    let share = (u128::from(part) * BPS)
        .checked_div(u128::from(whole))
        .unwrap_or(0);
    Rate(u16::saturating_from(share))
}

/// `yes 5 (50%), no 2 (20%), abstain 0`.
pub(super) fn votes(tally: &Tally) -> String {
    let part = |name: &str, weight: u64| match weight {
        0 => format!("{name} 0"),
        _ => format!("{name} {} ({})", shards(weight), share(weight, tally.total)),
    };
    format!(
        "{}, {}, {}",
        part("yes", tally.yes),
        part("no", tally.no),
        part("abstain", tally.abstain)
    )
}

/// What is missing for the proposal to be accepted.
pub(super) fn missing(view: &ProposalView) -> String {
    let quorum = view.bar.missing_to_quorum(&view.tally);
    let yes = view.bar.missing_yes(&view.tally);
    match (quorum, yes) {
        (0, 0) => "nothing".to_owned(),
        (0, yes) => format!("{} shards of yes", shards(yes)),
        (quorum, 0) => format!("{} shards to the quorum", shards(quorum)),
        (quorum, yes) => format!(
            "{} shards to the quorum, {} of yes",
            shards(quorum),
            shards(yes)
        ),
    }
}

/// State of a proposal, with what the votes say so far.
pub(super) fn state(view: &ProposalView) -> String {
    let name = state_name(view.standing.state);
    if view.standing.state != ProposalState::Active {
        return name.to_owned();
    }
    match view.outlook() {
        Outlook::WillPass => format!("{name}, will pass as votes stand"),
        Outlook::WillFail => format!("{name}, will fail as votes stand"),
        Outlook::Open => name.to_owned(),
    }
}

/// What happens next, who does it, and when.
pub(super) fn next(view: &ProposalView, moment: &Moment) -> String {
    let number = view.proposal.number;
    let standing = &view.standing;
    let epoch = moment.info.epoch;
    let by = |command: &str| {
        let when = if standing.is_due(epoch) {
            "now".to_owned()
        } else {
            format!("from {} on", moment.epoch(standing.from))
        };
        let until = standing.until.map_or(String::new(), |until| {
            format!(", before {}", moment.epoch(until))
        });
        format!("{when}{until}, by anybody: walrus-admin proposals {command} {number}")
    };
    match standing.step {
        ProposalStep::Open => format!(
            "the vote opens {}, when nodes with more than a third of the shards have attested the stakes: walrus-admin \
             proposals open {number}",
            if standing.is_due(epoch) {
                "now".to_owned()
            } else {
                format!("in {}", moment.epoch(standing.from))
            }
        ),
        ProposalStep::Vote => format!(
            "voting until {}: walrus-admin proposals vote {number}",
            moment.epoch(standing.until.unwrap_or(epoch))
        ),
        ProposalStep::Close if standing.state == ProposalState::Passed => {
            format!("counting and queueing {}", by("queue"))
        }
        ProposalStep::Close => format!("counting {}", by("close")),
        ProposalStep::Queue => format!("queueing {}", by("queue")),
        ProposalStep::Execute => format!("execution {}", by("execute")),
        ProposalStep::Expire => format!("settling {}", by("close")),
        ProposalStep::Over => after(view),
    }
}

/// What is left to do when a proposal is over.
fn after(view: &ProposalView) -> String {
    if view.standing.state != ProposalState::Executed {
        return "nothing".to_owned();
    }
    let in_words = |price: Option<u64>, option: &str| {
        price.map_or_else(String::new, |price| format!(" --{option} {price}FROST"))
    };
    match &view.proposal.kind {
        Kind::Upgrade { .. } => {
            "by anybody: walrus-deploy migrate, without which the new version is not in use"
                .to_owned()
        }
        Kind::ParameterAdvice {
            storage_price,
            write_price,
            total_capacity,
        } => {
            let mut commands = Vec::new();
            if storage_price.is_some() || write_price.is_some() {
                commands.push(format!(
                    "walrus-admin set-price{}{}",
                    in_words(*storage_price, "storage"),
                    in_words(*write_price, "write")
                ));
            }
            if total_capacity.is_some() {
                commands.push("walrus-admin set-capacity".to_owned());
            }
            format!(
                "by every node that follows the advice: {}",
                commands.join(" and ")
            )
        }
        Kind::GovernanceParameters { .. } => {
            "nothing: the new rules are in force (walrus-admin proposals rules)".to_owned()
        }
        Kind::Slash { .. } | Kind::FreeText => "nothing".to_owned(),
    }
}

/// Time left for the next step.
pub(super) fn time_left(view: &ProposalView, moment: &Moment) -> String {
    let standing = &view.standing;
    let epoch = moment.info.epoch;
    match standing.until {
        _ if epoch < standing.from => format!("from {}", moment.epoch(standing.from)),
        Some(until) => format!("until {}", moment.epoch(until)),
        None => "-".to_owned(),
    }
}

/// A choice in lower case.
pub(super) fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Yes => "yes",
        Choice::No => "no",
        Choice::Abstain => "abstain",
    }
}

/// How a proposal is called in sentences.
pub(super) fn title(view: &ProposalView) -> String {
    format!(
        "proposal {} {:?}",
        view.proposal.number, view.proposal.title
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_exact() {
        assert_eq!(shards(0), "0");
        assert_eq!(shards(3_000_000), "3");
        assert_eq!(shards(2_500_000), "2.5");
        assert_eq!(shards(1), "0.000001");
    }

    #[test]
    fn votes_are_shares_of_all_weight() {
        let tally = Tally {
            yes: 5_000_000,
            no: 1_250_000,
            abstain: 0,
            total: 10_000_000,
        };
        assert_eq!(votes(&tally), "yes 5 (50%), no 1.25 (12.5%), abstain 0");
    }
}
