/// The version of this package. Every shared policy carries the version it works with and refuses all others, so
/// that code which was replaced gives out no keys any more: old versions of a package can be called for ever.
module policies::release;

// === Errors ===

/// The policy works with another version of this package.
const EWrongVersion: u64 = 0;
/// The policy works with this version already.
const EUpToDate: u64 = 1;

// === Constants ===

const VERSION: u64 = 1;

// === Package functions ===

/// What new policies carry.
public(package) fun version(): u64 {
    VERSION
}

/// Aborts unless a policy works with this version of the package.
public(package) fun assert_current(version: u64) {
    assert!(version == VERSION, EWrongVersion);
}

/// What a policy of an older version carries from now on.
public(package) fun migrated(version: u64): u64 {
    assert!(version < VERSION, EUpToDate);
    VERSION
}
