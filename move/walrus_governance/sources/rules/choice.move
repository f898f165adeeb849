/// What one can vote.
module walrus_governance::choice;

// === Errors ===

/// A choice is 0 (yes), 1 (no) or 2 (abstain).
const EInvalidChoice: u64 = 0;

// === Structs ===

/// A vote.
public enum Choice has copy, drop, store {
    Yes,
    No,
    /// Takes part, for neither side.
    Abstain,
}

// === Public functions ===

/// The choice with this number: 0 yes, 1 no, 2 abstain.
public fun from_u8(number: u8): Choice {
    match (number) {
        0 => Choice::Yes,
        1 => Choice::No,
        2 => Choice::Abstain,
        _ => abort EInvalidChoice,
    }
}

/// The number of the choice.
public fun to_u8(self: &Choice): u8 {
    match (self) {
        Choice::Yes => 0,
        Choice::No => 1,
        Choice::Abstain => 2,
    }
}
