/// What a staking pool must know of the network it is in.
module walrus::walrus_context;

// === Structs ===

/// A snapshot, from the view of one node; lives within one transaction.
public struct WalrusContext has drop {
    epoch: u32,
    committee_selected: bool,
    in_committee: bool,
    in_next_committee: bool,
}

// === Package functions ===

public(package) fun new(
    epoch: u32,
    committee_selected: bool,
    in_committee: bool,
    in_next_committee: bool,
): WalrusContext {
    WalrusContext { epoch, committee_selected, in_committee, in_next_committee }
}

/// The current epoch.
public(package) fun epoch(self: &WalrusContext): u32 {
    self.epoch
}

/// Whether the next committee is chosen: stake added now counts one epoch later.
public(package) fun committee_selected(self: &WalrusContext): bool {
    self.committee_selected
}

/// Whether the node is in the current committee.
public(package) fun in_committee(self: &WalrusContext): bool {
    self.in_committee
}

/// Whether the node is in the next committee; false while there is none.
public(package) fun in_next_committee(self: &WalrusContext): bool {
    self.in_next_committee
}
