//! What can happen to a network.

use std::{fmt, str::FromStr};

use rand::{rngs::StdRng, seq::SliceRandom as _};

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody stores, reads, extends or deletes a blob.
    Act,
    /// A node is killed.
    Crash,
    /// A disk stops in the middle of what it does.
    StopDisk,
    /// All nodes that do not run are started.
    Start,
    /// Nobody hears a host.
    Isolate,
    /// Two hosts do not hear each other.
    Cut,
    /// Everything a host sends and receives is late.
    Slow,
    /// Everybody hears everybody again.
    HealLinks,
    /// Nothing comes from the chain to a host.
    StallChain,
    /// Requests to the chain, and answers, are lost.
    LoseRequests,
    /// The full node of a host says again what it has said before.
    ReplayChain,
    /// The full node of a host stands still while the chain goes on.
    FallBehind,
    /// The full node of a host leaves out, repeats and delays checkpoints.
    GarbleEvents,
    /// Full nodes are as they should be.
    HealChain,
    /// Connections end in the middle.
    BreakConnections,
    /// A node lies.
    Lie,
    /// A bit flips on a disk.
    FlipBit,
    /// A disk is full.
    FillDisk,
    /// Syncs of a disk fail.
    FailSyncs,
    /// A disk takes its time.
    SlowDisk,
    /// Disks do what they should.
    MendDisk,
    /// All nodes lose power.
    PowerCut,
    /// A node loses all it has stored.
    LoseDisk,
    /// A user stops in the middle of something.
    CrashUser,
    /// Stake moves, and with it shards.
    MoveStake,
    /// A node joins.
    Join,
    /// The clock of the chain jumps.
    JumpClock,
    /// The clock of one node is wrong, and stays so.
    SkewClock,
    /// Three epochs pass in which nobody does anything, and who is away stays away.
    EmptyEpochs,
    /// A node gets another protocol key.
    RotateKey,
}

/// An event, its name, how often it happens beside the others, and whether it makes something well
/// again.
struct Row(Event, &'static str, u32, bool);

/// Weight of the one fault of a history that has no others.
const ONLY_WEIGHT: u32 = 14;

const ROWS: [Row; 30] = [
    Row(Event::Act, "act", 75, true),
    Row(Event::Crash, "crash", 6, false),
    Row(Event::StopDisk, "stop-disk", 3, false),
    Row(Event::Start, "start", 14, true),
    Row(Event::Isolate, "isolate", 2, false),
    Row(Event::Cut, "cut", 3, false),
    Row(Event::Slow, "slow", 3, false),
    Row(Event::HealLinks, "heal-links", 6, true),
    Row(Event::StallChain, "stall-chain", 3, false),
    Row(Event::LoseRequests, "lose-requests", 2, false),
    Row(Event::ReplayChain, "replay-chain", 2, false),
    Row(Event::FallBehind, "fall-behind", 2, false),
    Row(Event::GarbleEvents, "garble-events", 2, false),
    Row(Event::HealChain, "heal-chain", 8, true),
    Row(Event::BreakConnections, "break-connections", 2, false),
    Row(Event::Lie, "lie", 2, false),
    Row(Event::FlipBit, "flip-bit", 3, false),
    Row(Event::FillDisk, "fill-disk", 2, false),
    Row(Event::FailSyncs, "fail-syncs", 2, false),
    Row(Event::SlowDisk, "slow-disk", 2, false),
    Row(Event::MendDisk, "mend-disk", 6, true),
    Row(Event::PowerCut, "power-cut", 2, false),
    Row(Event::LoseDisk, "lose-disk", 1, false),
    Row(Event::CrashUser, "crash-user", 3, false),
    Row(Event::MoveStake, "move-stake", 2, false),
    Row(Event::Join, "join", 1, false),
    Row(Event::JumpClock, "jump-clock", 1, false),
    Row(Event::SkewClock, "skew-clock", 1, false),
    Row(Event::EmptyEpochs, "empty-epochs", 1, false),
    Row(Event::RotateKey, "rotate-key", 1, false),
];

impl Event {
    /// Everything that is a fault.
    pub fn faults() -> impl Iterator<Item = Self> {
        ROWS.iter()
            .filter(|Row(_, _, _, is_good)| !is_good)
            .map(|Row(event, ..)| *event)
    }

    /// What happens next; with `only`, that is the one fault there is.
    pub(crate) fn choose(rng: &mut StdRng, only: Option<Self>) -> Self {
        let weight = |row: &Row| {
            let Row(event, _, weight, is_good) = *row;
            match only {
                Some(only) if event == only => ONLY_WEIGHT,
                Some(_) if !is_good => 0,
                _ => weight,
            }
        };
        let Row(event, ..) = ROWS
            .choose_weighted(rng, weight)
            .expect("events have weights");
        *event
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = ROWS.iter().find(|Row(event, ..)| event == self);
        f.write_str(row.map_or("", |Row(_, name, ..)| name))
    }
}

/// No event has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault {0:?}; there are {known}", known = names())]
pub struct UnknownEvent(String);

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        Self::faults()
            .find(|event| event.to_string() == text)
            .ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

fn names() -> String {
    let names: Vec<_> = Event::faults().map(|event| event.to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn faults_have_names() {
        let faults: Vec<_> = Event::faults().collect();
        let names: BTreeSet<_> = faults.iter().map(Event::to_string).collect();
        assert_eq!(names.len(), faults.len());
        for fault in faults {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert!("act".parse::<Event>().is_err());
    }

    #[test]
    fn one_fault_may_be_the_only_one() {
        let mut rng = StdRng::seed_from_u64(1);
        let chosen: Vec<_> = (0..1_000)
            .map(|_| Event::choose(&mut rng, Some(Event::Lie)))
            .collect();
        assert!(chosen.contains(&Event::Lie));
        let others: Vec<_> = Event::faults()
            .filter(|fault| *fault != Event::Lie)
            .collect();
        assert!(chosen.iter().all(|event| !others.contains(event)));
    }
}
