//! The life of a proposal: its state in an epoch, and what happens next.

use walrus_contracts::types::voting::{Kind, Parameters, Proposal, ProposalState as State};
use walrus_core::Epoch;

use super::tally::Bar;

/// Epochs in which a proposal can be opened.
const OPENING_EPOCHS: u32 = 8;

/// What moves a proposal on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalStep {
    /// Anybody opens the vote.
    Open,
    /// Nodes and stakers vote; then anybody counts.
    Vote,
    /// Anybody counts the votes.
    Close,
    /// Anybody queues it.
    Queue,
    /// Anybody executes it.
    Execute,
    /// Anybody records that it expired, which settles its deposit.
    Expire,
    /// Nothing can happen any more.
    Over,
}

/// Where a proposal stands in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The state, whether it is recorded or not.
    pub state: State,
    /// What comes next.
    pub step: ProposalStep,
    /// First epoch in which the step can be done.
    pub from: Epoch,
    /// First epoch in which it cannot be done any more.
    pub until: Option<Epoch>,
}

impl Standing {
    /// Where `proposal` stands in `epoch`. `passes` tells whether the votes cast so far are enough;
    /// it only matters when the vote is over and not counted yet.
    pub fn of(proposal: &Proposal, epoch: Epoch, passes: bool) -> Self {
        let parameters = &proposal.parameters;
        let standing = |state, step, from, until| Self {
            state,
            step,
            from,
            until,
        };
        let over = |state| standing(state, ProposalStep::Over, epoch, None);
        let expired = |since| standing(State::Expired, ProposalStep::Expire, since, None);
        match proposal.state {
            State::Pending => {
                let from = proposal
                    .created_epoch
                    .saturating_add(parameters.discussion_epochs);
                let until = from.saturating_add(OPENING_EPOCHS);
                if epoch >= until {
                    return expired(until);
                }
                standing(State::Pending, ProposalStep::Open, from, Some(until))
            }
            State::Active => {
                let Some(ballot) = &proposal.ballot else {
                    return over(State::Active);
                };
                let end = ballot.end_epoch;
                if epoch < end {
                    return standing(
                        State::Active,
                        ProposalStep::Vote,
                        ballot.opened_epoch,
                        Some(end),
                    );
                }
                let queue_until = end.saturating_add(parameters.execution_epochs);
                match (passes, epoch >= queue_until) {
                    (true, true) => standing(State::Expired, ProposalStep::Close, end, None),
                    (true, false) => {
                        standing(State::Passed, ProposalStep::Close, end, Some(queue_until))
                    }
                    (false, _) => standing(State::Defeated, ProposalStep::Close, end, None),
                }
            }
            State::Passed => {
                let end = proposal
                    .ballot
                    .as_ref()
                    .map_or(epoch, |ballot| ballot.end_epoch);
                let until = end.saturating_add(parameters.execution_epochs);
                if epoch >= until {
                    return expired(until);
                }
                standing(State::Passed, ProposalStep::Queue, end, Some(until))
            }
            State::Queued => {
                let from = proposal.executable_epoch.unwrap_or(epoch);
                let until = from.saturating_add(parameters.execution_epochs);
                if epoch >= until {
                    return expired(until);
                }
                standing(State::Queued, ProposalStep::Execute, from, Some(until))
            }
            state @ (State::Defeated | State::Executed | State::Expired | State::Cancelled) => {
                over(state)
            }
        }
    }

    /// True if the step can be done in `epoch`.
    pub fn is_due(&self, epoch: Epoch) -> bool {
        self.step != ProposalStep::Over
            && epoch >= self.from
            && self.until.is_none_or(|until| epoch < until)
    }
}

/// What a proposal must reach.
pub fn bar(proposal: &Proposal) -> Bar {
    Bar::of(&proposal.kind, &proposal.parameters)
}

/// Name of a kind, in one or two words.
pub fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Upgrade { .. } => "upgrade",
        Kind::Slash { .. } => "slash",
        Kind::ParameterAdvice { .. } => "advice",
        Kind::GovernanceParameters { .. } => "rules",
        Kind::FreeText => "text",
    }
}

/// Name of a state, in lower case.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Active => "active",
        State::Defeated => "defeated",
        State::Passed => "passed",
        State::Queued => "queued",
        State::Executed => "executed",
        State::Expired => "expired",
        State::Cancelled => "cancelled",
    }
}

/// The epochs of a proposal that is made in `epoch` and whose steps are all done at once: opening,
/// first epoch without votes, execution.
pub fn earliest_epochs(parameters: &Parameters, epoch: Epoch) -> [Epoch; 3] {
    let open = epoch.saturating_add(parameters.discussion_epochs);
    let end = open
        .saturating_add(parameters.voting_epochs)
        .saturating_add(1);
    [open, end, end.saturating_add(parameters.delay_epochs)]
}

#[cfg(test)]
mod tests {
    use walrus_contracts::types::{
        Balance, Collection, VecSet,
        voting::{Ballot, Body},
    };
    use walrus_core::{ObjectId, SuiAddress};

    use super::*;

    fn proposal(state: State) -> Proposal {
        let table = Collection {
            id: ObjectId([0; 32]),
            size: 0,
        };
        Proposal {
            number: 0,
            proposer: SuiAddress([0; 32]),
            title: String::new(),
            body: Body::Text(String::new()),
            kind: Kind::FreeText,
            parameters: Parameters {
                deposit: 0,
                discussion_epochs: 1,
                voting_epochs: 2,
                delay_epochs: 1,
                execution_epochs: 3,
                quorum_bps: 3334,
                threshold_bps: 5000,
                forfeit_bps: 6667,
            },
            deposit: Balance { value: 0 },
            state,
            created_epoch: 10,
            ballot: (state != State::Pending).then_some(Ballot {
                opened_epoch: 11,
                end_epoch: 14,
                total_weight: 10,
                nodes: Vec::new(),
                stake_votes: table,
                reasons: table,
            }),
            outcome: None,
            executable_epoch: (state == State::Queued).then_some(15),
            objections: VecSet {
                contents: Vec::new(),
            },
            objecting_weight: 0,
        }
    }

    fn at(state: State, epoch: Epoch, passes: bool) -> (State, ProposalStep, bool) {
        let standing = Standing::of(&proposal(state), epoch, passes);
        (standing.state, standing.step, standing.is_due(epoch))
    }

    #[test]
    fn states_follow_the_epochs() {
        use ProposalStep::{Close, Execute, Expire, Open, Over, Queue, Vote};
        for (state, epoch, passes, expected) in [
            (State::Pending, 10, false, (State::Pending, Open, false)),
            (State::Pending, 11, false, (State::Pending, Open, true)),
            (State::Pending, 18, false, (State::Pending, Open, true)),
            (State::Pending, 19, false, (State::Expired, Expire, true)),
            (State::Active, 11, true, (State::Active, Vote, true)),
            (State::Active, 13, true, (State::Active, Vote, true)),
            (State::Active, 14, true, (State::Passed, Close, true)),
            (State::Active, 14, false, (State::Defeated, Close, true)),
            (State::Active, 17, true, (State::Expired, Close, true)),
            (State::Passed, 16, true, (State::Passed, Queue, true)),
            (State::Passed, 17, true, (State::Expired, Expire, true)),
            (State::Queued, 14, true, (State::Queued, Execute, false)),
            (State::Queued, 15, true, (State::Queued, Execute, true)),
            (State::Queued, 18, true, (State::Expired, Expire, true)),
            (State::Executed, 99, true, (State::Executed, Over, false)),
        ] {
            assert_eq!(at(state, epoch, passes), expected, "{state:?} in {epoch}");
        }
    }

    #[test]
    fn the_fastest_life_is_known_beforehand() {
        let parameters = proposal(State::Pending).parameters;
        assert_eq!(earliest_epochs(&parameters, 10), [11, 14, 15]);
    }
}
