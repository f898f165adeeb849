/// The rules that proposals can change, within bounds that keep the governance able to act.
module walrus_governance::parameters;

// === Errors ===

/// The deposit is outside its bounds: 1 to 1,000,000 WAL.
const EDepositOutOfBounds: u64 = 0;
/// A number of epochs is outside its bounds: discussion 0 to 8, voting 1 to 8, delay 1 to 8,
/// execution 1 to 16.
const EEpochsOutOfBounds: u64 = 1;
/// A share is outside its bounds, in hundredths of a percent: quorum 3334 to 6667, threshold 5000 to
/// 8000, forfeiture 5000 to 10000.
const EShareOutOfBounds: u64 = 2;

// === Constants ===

const FROST_PER_WAL: u64 = 1_000_000_000;
const DEPOSIT_MIN: u64 = FROST_PER_WAL;
/// Few enough WAL that somebody always has them.
const DEPOSIT_MAX: u64 = 1_000_000 * FROST_PER_WAL;
const DISCUSSION_EPOCHS_MAX: u32 = 8;
const VOTING_EPOCHS_MAX: u32 = 8;
const DELAY_EPOCHS_MAX: u32 = 8;
const ACTION_EPOCHS_MAX: u32 = 16;
/// A third: fewer shards could be faulty ones alone.
const QUORUM_BPS_MIN: u16 = 33_34;
/// Two thirds: more could be out of reach for the correct nodes alone.
const QUORUM_BPS_MAX: u16 = 66_67;
const THRESHOLD_BPS_MIN: u16 = 50_00;
const THRESHOLD_BPS_MAX: u16 = 80_00;
const FORFEIT_BPS_MIN: u16 = 50_00;
const FORFEIT_BPS_MAX: u16 = 100_00;

// === Structs ===

/// The rules. A proposal keeps those of its creation to its end.
public struct Parameters has copy, drop, store {
    /// What a proposer deposits, in FROST.
    deposit: u64,
    /// Epochs from creation until voting can open.
    discussion_epochs: u32,
    /// Whole epochs of voting.
    voting_epochs: u32,
    /// Epochs from queueing until execution.
    delay_epochs: u32,
    /// Epochs in which a decision can be queued, and later executed.
    execution_epochs: u32,
    /// Part of all shards that has to take part, in hundredths of a percent.
    quorum_bps: u16,
    /// Part of yes and no that has to be exceeded by yes, in hundredths of a percent.
    threshold_bps: u16,
    /// Part of yes and no above which no costs the deposit, in hundredths of a percent.
    forfeit_bps: u16,
}

// === Public functions ===

/// Rules within the bounds.
public fun new(
    deposit: u64,
    discussion_epochs: u32,
    voting_epochs: u32,
    delay_epochs: u32,
    execution_epochs: u32,
    quorum_bps: u16,
    threshold_bps: u16,
    forfeit_bps: u16,
): Parameters {
    assert!(deposit >= DEPOSIT_MIN && deposit <= DEPOSIT_MAX, EDepositOutOfBounds);
    assert!(discussion_epochs <= DISCUSSION_EPOCHS_MAX, EEpochsOutOfBounds);
    assert!(voting_epochs >= 1 && voting_epochs <= VOTING_EPOCHS_MAX, EEpochsOutOfBounds);
    assert!(delay_epochs >= 1 && delay_epochs <= DELAY_EPOCHS_MAX, EEpochsOutOfBounds);
    assert!(execution_epochs >= 1 && execution_epochs <= ACTION_EPOCHS_MAX, EEpochsOutOfBounds);
    assert!(quorum_bps >= QUORUM_BPS_MIN && quorum_bps <= QUORUM_BPS_MAX, EShareOutOfBounds);
    assert!(
        threshold_bps >= THRESHOLD_BPS_MIN && threshold_bps <= THRESHOLD_BPS_MAX,
        EShareOutOfBounds,
    );
    assert!(forfeit_bps >= FORFEIT_BPS_MIN && forfeit_bps <= FORFEIT_BPS_MAX, EShareOutOfBounds);
    Parameters {
        deposit,
        discussion_epochs,
        voting_epochs,
        delay_epochs,
        execution_epochs,
        quorum_bps,
        threshold_bps,
        forfeit_bps,
    }
}

/// What a proposer deposits, in FROST.
public fun deposit(self: &Parameters): u64 {
    self.deposit
}

/// Epochs from creation until voting can open.
public fun discussion_epochs(self: &Parameters): u32 {
    self.discussion_epochs
}

/// Whole epochs of voting.
public fun voting_epochs(self: &Parameters): u32 {
    self.voting_epochs
}

/// Epochs from queueing until execution.
public fun delay_epochs(self: &Parameters): u32 {
    self.delay_epochs
}

/// Epochs in which a decision can be queued, and later executed.
public fun execution_epochs(self: &Parameters): u32 {
    self.execution_epochs
}

/// Part of all shards that has to take part, in hundredths of a percent.
public fun quorum_bps(self: &Parameters): u16 {
    self.quorum_bps
}

/// Part of yes and no that has to be exceeded by yes, in hundredths of a percent.
public fun threshold_bps(self: &Parameters): u16 {
    self.threshold_bps
}

/// Part of yes and no above which no costs the deposit, in hundredths of a percent.
public fun forfeit_bps(self: &Parameters): u16 {
    self.forfeit_bps
}
