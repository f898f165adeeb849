/// Upgrading this package, in public and with time to leave: whoever can upgrade a policy can let anybody read, so
/// an upgrade is announced, and made when the delay has passed at the earliest. Who does not trust it encrypts anew
/// under another policy until then.
///
/// Without this module the publisher's `UpgradeCap` upgrades at once; `lock` takes it for good.
module policies::upgrades;

use std::type_name;
use sui::clock::Clock;
use sui::event;
use sui::package::{UpgradeCap, UpgradeReceipt, UpgradeTicket};

// === Errors ===

/// The upgrade capability is of another package.
const EWrongPackage: u64 = 0;
/// The capability is of another lock.
const EWrongCap: u64 = 1;
/// A delay lasts 1 to 365 days.
const EInvalidDelay: u64 = 2;
/// A package digest has 32 bytes.
const EInvalidDigest: u64 = 3;
/// No upgrade is announced.
const ENothingAnnounced: u64 = 4;
/// The delay has not passed.
const ETooEarly: u64 = 5;
/// An upgrade is announced already; cancel it first.
const EAlreadyAnnounced: u64 = 6;

// === Constants ===

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const DELAY_MS_MAX: u64 = 365 * 24 * 60 * 60 * 1000;
const DIGEST_LEN: u64 = 32;

// === Structs ===

/// An upgrade that everybody can see coming.
public struct Announcement has copy, drop, store {
    digest: vector<u8>,
    /// In ms since 1970.
    possible_from_ms: u64,
}

/// Holds the right to upgrade this package, shared.
public struct UpgradeLock has key {
    id: UID,
    cap: UpgradeCap,
    delay_ms: u64,
    announced: Option<Announcement>,
}

/// Allows to announce upgrades.
public struct AnnounceCap has key, store {
    id: UID,
    lock_id: ID,
}

// === Events ===

/// An upgrade is announced.
public struct UpgradeAnnounced has copy, drop {
    digest: vector<u8>,
    possible_from_ms: u64,
}

/// An announcement is taken back.
public struct UpgradeCancelled has copy, drop {
    digest: vector<u8>,
}

/// This package was upgraded.
public struct Upgraded has copy, drop {
    package_id: ID,
}

// === Public functions ===

/// Takes the right to upgrade this package, for good.
public fun lock(cap: UpgradeCap, delay_ms: u64, ctx: &mut TxContext): AnnounceCap {
    let own = type_name::with_defining_ids<UpgradeLock>().address_string();
    assert!(own == cap.package().to_address().to_ascii_string(), EWrongPackage);
    assert!(delay_ms >= DAY_MS && delay_ms <= DELAY_MS_MAX, EInvalidDelay);
    share(cap, delay_ms, ctx)
}

/// Announces an upgrade to the package with a digest; the delay begins.
public fun announce(self: &mut UpgradeLock, cap: &AnnounceCap, digest: vector<u8>, clock: &Clock) {
    self.assert_cap(cap);
    assert!(digest.length() == DIGEST_LEN, EInvalidDigest);
    assert!(self.announced.is_none(), EAlreadyAnnounced);
    let possible_from_ms = clock.timestamp_ms() + self.delay_ms;
    self.announced.fill(Announcement { digest, possible_from_ms });
    event::emit(UpgradeAnnounced { digest, possible_from_ms });
}

/// Takes an announcement back.
public fun cancel(self: &mut UpgradeLock, cap: &AnnounceCap) {
    self.assert_cap(cap);
    assert!(self.announced.is_some(), ENothingAnnounced);
    let Announcement { digest, .. } = self.announced.extract();
    event::emit(UpgradeCancelled { digest });
}

/// Authorizes the upgrade that was announced, when the delay has passed.
public fun authorize(self: &mut UpgradeLock, cap: &AnnounceCap, clock: &Clock): UpgradeTicket {
    self.assert_cap(cap);
    assert!(self.announced.is_some(), ENothingAnnounced);
    let Announcement { digest, possible_from_ms } = self.announced.extract();
    assert!(clock.timestamp_ms() >= possible_from_ms, ETooEarly);
    let policy = self.cap.policy();
    self.cap.authorize(policy, digest)
}

/// Finishes an upgrade. Policies stay with the old package until they are migrated, which anybody may do.
public fun commit(self: &mut UpgradeLock, receipt: UpgradeReceipt) {
    event::emit(Upgraded { package_id: receipt.package() });
    self.cap.commit(receipt);
}

/// What is announced, and from when on it is possible, in ms since 1970.
public fun announced(self: &UpgradeLock): (Option<vector<u8>>, Option<u64>) {
    if (self.announced.is_none()) return (option::none(), option::none());
    let Announcement { digest, possible_from_ms } = *self.announced.borrow();
    (option::some(digest), option::some(possible_from_ms))
}

/// How long an upgrade is announced before it is made, in ms.
public fun delay_ms(self: &UpgradeLock): u64 {
    self.delay_ms
}

// === Private functions ===

fun share(cap: UpgradeCap, delay_ms: u64, ctx: &mut TxContext): AnnounceCap {
    let lock = UpgradeLock { id: object::new(ctx), cap, delay_ms, announced: option::none() };
    let announce_cap = AnnounceCap { id: object::new(ctx), lock_id: object::id(&lock) };
    transfer::share_object(lock);
    announce_cap
}

fun assert_cap(self: &UpgradeLock, cap: &AnnounceCap) {
    assert!(cap.lock_id == object::id(self), EWrongCap);
}

// === Test functions ===

#[test_only]
/// Locks the right to upgrade any package; that of the package itself, at 0x0, cannot be used in tests.
public(package) fun lock_any_for_testing(
    cap: UpgradeCap,
    delay_ms: u64,
    ctx: &mut TxContext,
): AnnounceCap {
    share(cap, delay_ms, ctx)
}
