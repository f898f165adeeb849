//! Which calls move the epoch on, and when this node makes them: a pure function of the state of
//! the chain.
//!
//! Every node makes every call, each a little later than it could by an amount of its own, so that
//! usually one succeeds and the others see that nothing is left to do. Nothing has to be
//! remembered: a node that starts computes the same schedule from the chain again.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use walrus_core::Epoch;
use walrus_sui::{
    EpochInfo, EpochState,
    staking::{EpochStep, NextStep},
};

/// Longest time a call is put off so that not all nodes make it at once.
pub const JITTER_MAX_MS: u64 = 3 * 60 * 1_000;

/// The same as a part of an epoch.
const JITTER_PARTS_OF_EPOCH: u64 = 10;

/// How long before the end of an epoch subsidies are paid, at most.
const SUBSIDIES_LEAD_MAX_MS: u64 = 5 * 60 * 1_000;

/// The same as a part of an epoch.
const SUBSIDIES_LEAD_PARTS_OF_EPOCH: u64 = 10;

/// A call that moves the epoch on. Anybody may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EpochCall {
    /// Ends the voting, which selects the next committee.
    EndVoting,
    /// Starts the next epoch.
    ChangeEpoch,
    /// Pays the subsidies that are due to nodes.
    PaySubsidies,
}

/// When subsidies were paid last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsidiesState {
    /// Last epoch whose fixed subsidy is paid.
    pub paid_epoch: Epoch,
    /// When anything was paid last, in ms since 1970.
    pub paid_ms: u64,
}

/// The state of the chain at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Where the epoch stands.
    pub info: EpochInfo,
    /// The chain's own time, in ms since 1970: clocks of nodes may be wrong.
    pub now_ms: u64,
    /// `None` if no subsidies are configured.
    pub subsidies: Option<SubsidiesState>,
}

/// A call and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledCall {
    /// The call.
    pub call: EpochCall,
    /// The epoch in which it is made.
    pub epoch: Epoch,
    /// When, in ms since 1970 of the chain's clock. May be past.
    pub due_ms: u64,
}

/// The calls that the node with `seed` has to make as far as the present state tells, soonest
/// first.
pub fn schedule(moment: &Moment, seed: [u8; 32]) -> Vec<ScheduledCall> {
    let info = &moment.info;
    let mut calls = Vec::new();
    let mut add = |call, not_before_ms: u64| {
        calls.push(ScheduledCall {
            call,
            epoch: info.epoch,
            due_ms: not_before_ms.saturating_add(jitter_ms(info, call, seed)),
        });
    };
    let next = NextStep::of(info);
    if let Some(not_before_ms) = next.not_before_ms {
        match next.step {
            EpochStep::EndVoting => add(EpochCall::EndVoting, not_before_ms),
            EpochStep::ChangeEpoch => add(EpochCall::ChangeEpoch, not_before_ms),
            EpochStep::Sync { .. } => {}
        }
    }
    if let Some(not_before_ms) = subsidies_due_ms(moment) {
        add(EpochCall::PaySubsidies, not_before_ms);
    }
    calls.sort_by_key(|call| call.due_ms);
    calls
}

/// When subsidies are to be paid next: as soon as the epoch change is done if the fixed part of the
/// last epoch is open, and shortly before the end of the epoch for what was sold in it.
fn subsidies_due_ms(moment: &Moment) -> Option<u64> {
    let (info, subsidies) = (&moment.info, moment.subsidies?);
    let (EpochState::ChangeDone { since_ms } | EpochState::NextParamsSelected { since_ms }) =
        info.state
    else {
        return None;
    };
    if info.epoch > 0 && subsidies.paid_epoch < info.epoch - 1 {
        return Some(since_ms);
    }
    let lead = SUBSIDIES_LEAD_MAX_MS.min(info.epoch_duration_ms / SUBSIDIES_LEAD_PARTS_OF_EPOCH);
    let due = since_ms
        .saturating_add(info.epoch_duration_ms)
        .saturating_sub(lead);
    (info.epoch > 0 && subsidies.paid_ms < due).then_some(due)
}

/// By how much this node puts the call off: the same amount whenever it is asked, below 3 minutes
/// and a tenth of an epoch.
fn jitter_ms(info: &EpochInfo, call: EpochCall, seed: [u8; 32]) -> u64 {
    let max = JITTER_MAX_MS.min(info.epoch_duration_ms / JITTER_PARTS_OF_EPOCH);
    if max == 0 {
        return 0;
    }
    let mut seed = seed;
    let kind = match call {
        EpochCall::EndVoting => 1,
        EpochCall::ChangeEpoch => 2,
        EpochCall::PaySubsidies => 3,
    };
    let moment = [&info.epoch.to_le_bytes()[..], &[kind]].concat();
    for (byte, other) in seed.iter_mut().zip(moment) {
        *byte ^= other;
    }
    StdRng::from_seed(seed).gen_range(0..max)
}

#[cfg(test)]
mod tests {
    use walrus_core::NShards;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const T: u64 = 1_000 * HOUR_MS;
    const SEED: [u8; 32] = [7; 32];

    fn moment(epoch: Epoch, state: EpochState) -> Moment {
        Moment {
            info: EpochInfo {
                epoch,
                state,
                epoch_duration_ms: HOUR_MS,
                first_epoch_start_ms: T + 5,
                n_shards: NShards::new(10).unwrap(),
                max_epochs_ahead: 53,
            },
            now_ms: T,
            subsidies: None,
        }
    }

    /// The single call, and by how much it is put off.
    fn single(moment: &Moment, seed: [u8; 32], not_before_ms: u64) -> (EpochCall, u64) {
        let calls = schedule(moment, seed);
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0].epoch, moment.info.epoch);
        (calls[0].call, calls[0].due_ms - not_before_ms)
    }

    #[test]
    fn calls_follow_from_the_state_and_are_put_off_by_less_than_three_minutes() {
        let done = moment(3, EpochState::ChangeDone { since_ms: T });
        let selected = moment(3, EpochState::NextParamsSelected { since_ms: T });
        let zero = moment(0, EpochState::ChangeDone { since_ms: T });
        for (moment, call, not_before_ms) in [
            (done, EpochCall::EndVoting, T + HOUR_MS / 2),
            (selected, EpochCall::ChangeEpoch, T + HOUR_MS),
            (zero, EpochCall::EndVoting, T + 5),
        ] {
            let (made, jitter) = single(&moment, SEED, not_before_ms);
            assert_eq!(made, call);
            assert!(jitter < JITTER_MAX_MS);
            assert_eq!(schedule(&moment, SEED), schedule(&moment, SEED));
        }
        let sync = moment(3, EpochState::ChangeSync { attested: 1 });
        assert_eq!(schedule(&sync, SEED), []);
    }

    #[test]
    fn nodes_spread_over_the_whole_time_and_every_epoch_anew() {
        let delays = |epoch| -> Vec<u64> {
            let done = moment(epoch, EpochState::ChangeDone { since_ms: T });
            (0..100)
                .map(|node| single(&done, [node; 32], T + HOUR_MS / 2).1)
                .collect()
        };
        let delays_3 = delays(3);
        assert!(delays_3.iter().any(|delay| *delay < JITTER_MAX_MS / 10));
        assert!(delays_3.iter().any(|delay| *delay > JITTER_MAX_MS / 10 * 9));
        assert_ne!(delays_3, delays(4));
    }

    #[test]
    fn short_epochs_have_short_delays() {
        let mut short = moment(3, EpochState::ChangeDone { since_ms: T });
        short.info.epoch_duration_ms = 5_000;
        for node in 0..100 {
            assert!(single(&short, [node; 32], T + 2_500).1 < 500);
        }
        short.info.epoch_duration_ms = 1;
        assert_eq!(single(&short, SEED, T).1, 0);
    }

    #[test]
    fn subsidies_are_paid_before_the_end_and_made_up_for_at_the_beginning() {
        let due = T + HOUR_MS - SUBSIDIES_LEAD_MAX_MS;
        let times = |state, paid_epoch, paid_ms| {
            let mut moment = moment(3, state);
            moment.subsidies = Some(SubsidiesState {
                paid_epoch,
                paid_ms,
            });
            schedule(&moment, SEED)
                .into_iter()
                .filter(|call| call.call == EpochCall::PaySubsidies)
                .map(|call| call.due_ms)
                .collect::<Vec<_>>()
        };
        let done = EpochState::ChangeDone { since_ms: T };
        let sync = EpochState::ChangeSync { attested: 0 };
        let before_end = times(done, 2, T);
        assert!(before_end[0] >= due && before_end[0] < due + JITTER_MAX_MS);
        assert_eq!(times(done, 2, due), [0; 0], "paid since");
        let open = times(done, 1, T - HOUR_MS);
        assert!(open[0] >= T && open[0] < T + JITTER_MAX_MS);
        assert_eq!(times(sync, 1, T - HOUR_MS), [0; 0]);
    }
}
