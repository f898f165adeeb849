/// Counted votes, and what they decide. Weights are in micro-shards: a shard is 1,000,000 of them.
module walrus_governance::tally;

use walrus_governance::choice::Choice;
use walrus_governance::parameters::Parameters;

// === Constants ===

const MICRO_SHARDS_PER_SHARD: u64 = 1_000_000;
/// The whole, in hundredths of a percent.
const BPS: u64 = 100_00;

// === Structs ===

/// Counted votes. Their sum is never more than `total`.
public struct Tally has copy, drop, store {
    yes: u64,
    no: u64,
    abstain: u64,
    /// Weight of the whole committee.
    total: u64,
}

// === Public functions ===

/// Weight of yes.
public fun yes(self: &Tally): u64 {
    self.yes
}

/// Weight of no.
public fun no(self: &Tally): u64 {
    self.no
}

/// Weight of those who take part for neither side.
public fun abstain(self: &Tally): u64 {
    self.abstain
}

/// Weight of the whole committee.
public fun total(self: &Tally): u64 {
    self.total
}

// === Package functions ===

/// No votes of a committee with so many shards.
public(package) fun new(total_shards: u16): Tally {
    Tally { yes: 0, no: 0, abstain: 0, total: micro_shards(total_shards) }
}

/// Shards as weight.
public(package) fun micro_shards(shards: u16): u64 {
    (shards as u64) * MICRO_SHARDS_PER_SHARD
}

/// Adds weight to a choice.
public(package) fun add(self: &mut Tally, choice: Choice, weight: u64) {
    match (choice.to_u8()) {
        0 => self.yes = self.yes + weight,
        1 => self.no = self.no + weight,
        _ => self.abstain = self.abstain + weight,
    }
}

/// Whether enough weight takes part.
public(package) fun has_quorum(self: &Tally, parameters: &Parameters): bool {
    self.missing_to_quorum(parameters) == 0
}

/// Whether the proposal passes. A binding one, which makes nodes act, needs the yes of more than a
/// third of all shards whatever the parameters say: at least one honest node.
public(package) fun is_passed(self: &Tally, parameters: &Parameters, binding: bool): bool {
    self.has_quorum(parameters) && self.missing_to_yes(parameters, binding) == 0
}

/// Whether a proposal with these votes loses its deposit.
public(package) fun forfeits(self: &Tally, parameters: &Parameters): bool {
    !self.has_quorum(parameters) ||
    self.no * BPS > (self.yes + self.no) * (parameters.forfeit_bps() as u64)
}

/// Weight that has to take part, besides what does.
public(package) fun missing_to_quorum(self: &Tally, parameters: &Parameters): u64 {
    let needed = self.total * (parameters.quorum_bps() as u64);
    // Rounded up: a part of a unit does not do.
    let needed = (needed + BPS - 1) / BPS;
    needed - needed.min(self.yes + self.no + self.abstain)
}

/// Yes that is missing as long as no stays as it is.
public(package) fun missing_to_yes(self: &Tally, parameters: &Parameters, binding: bool): u64 {
    let threshold = parameters.threshold_bps() as u64;
    // yes · BPS > (yes + no) · threshold, solved for yes.
    let needed = self.no * threshold / (BPS - threshold) + 1;
    let needed = if (binding) needed.max(self.total / 3 + 1) else needed;
    needed - needed.min(self.yes)
}
