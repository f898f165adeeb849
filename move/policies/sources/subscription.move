/// Whoever has paid for the present time reads. The price is in any coin.
///
/// Identity: address of the service (32), anything.
module policies::subscription;

use policies::prefix;
use policies::release;
use sui::balance::{Self, Balance};
use sui::clock::Clock;
use sui::coin::{Self, Coin};
use sui::table::{Self, Table};

// === Errors ===

/// The subscription is over or revoked, or of another service; or the identity is.
const ENoAccess: u64 = 0;
/// The capability is of another service.
const EWrongCap: u64 = 1;
/// The payment is not exactly the price.
const EWrongPayment: u64 = 2;
/// A period lasts 1 ms at least.
const ENoPeriod: u64 = 3;
/// The subscription is of another service.
const EWrongService: u64 = 4;
/// The subscription is revoked.
const ERevoked: u64 = 5;

// === Structs ===

/// What can be subscribed to, shared.
public struct Service<phantom C> has key {
    id: UID,
    version: u64,
    /// In the smallest unit of the coin, for one period.
    price: u64,
    period_ms: u64,
    income: Balance<C>,
    /// Subscriptions that do not count any more.
    revoked: Table<ID, bool>,
}

/// Allows to change a service and to take its income.
public struct ServiceCap has key, store {
    id: UID,
    service_id: ID,
}

/// A subscription. It has no `store`, so that no other package can share it, which would let everybody read.
public struct Subscription has key {
    id: UID,
    service_id: ID,
    /// First moment that is not paid for, in ms since 1970.
    ends_at_ms: u64,
}

// === Public functions: service ===

/// Shares a service.
public fun create<C>(price: u64, period_ms: u64, ctx: &mut TxContext): ServiceCap {
    assert!(period_ms > 0, ENoPeriod);
    let service = Service<C> {
        id: object::new(ctx),
        version: release::version(),
        price,
        period_ms,
        income: balance::zero(),
        revoked: table::new(ctx),
    };
    let cap = ServiceCap { id: object::new(ctx), service_id: object::id(&service) };
    transfer::share_object(service);
    cap
}

/// Sets the price of periods that are paid from now on.
public fun set_price<C>(self: &mut Service<C>, cap: &ServiceCap, price: u64) {
    self.assert_cap(cap);
    self.price = price;
}

/// Ends a subscription for good, without paying anything back. Keys that were fetched before are not taken back.
public fun revoke<C>(self: &mut Service<C>, cap: &ServiceCap, subscription_id: ID) {
    self.assert_cap(cap);
    assert!(!self.is_revoked(subscription_id), ERevoked);
    self.revoked.add(subscription_id, true);
}

/// Takes what was paid.
public fun withdraw<C>(self: &mut Service<C>, cap: &ServiceCap, ctx: &mut TxContext): Coin<C> {
    self.assert_cap(cap);
    coin::from_balance(self.income.withdraw_all(), ctx)
}

/// Moves the service to this version of the package; anybody may.
public fun migrate<C>(self: &mut Service<C>) {
    self.version = release::migrated(self.version);
}

/// What a period costs, in the smallest unit of the coin.
public fun price<C>(self: &Service<C>): u64 {
    self.price
}

/// How long a period lasts, in ms.
public fun period_ms<C>(self: &Service<C>): u64 {
    self.period_ms
}

/// Whether a subscription was revoked.
public fun is_revoked<C>(self: &Service<C>, subscription_id: ID): bool {
    self.revoked.contains(subscription_id)
}

// === Public functions: subscription ===

/// Subscribes for one period from now on; the sender gets the subscription.
public fun subscribe<C>(
    self: &mut Service<C>,
    payment: Coin<C>,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    self.pay(payment);
    let subscription = Subscription {
        id: object::new(ctx),
        service_id: object::id(self),
        ends_at_ms: clock.timestamp_ms() + self.period_ms,
    };
    transfer::transfer(subscription, ctx.sender());
}

/// Adds a period: to the end, or from now on if that has passed.
public fun renew<C>(
    self: &mut Service<C>,
    subscription: &mut Subscription,
    payment: Coin<C>,
    clock: &Clock,
) {
    assert!(subscription.service_id == object::id(self), EWrongService);
    assert!(!self.is_revoked(object::id(subscription)), ERevoked);
    self.pay(payment);
    let from_ms = subscription.ends_at_ms.max(clock.timestamp_ms());
    subscription.ends_at_ms = from_ms + self.period_ms;
}

/// Hands a subscription on.
public fun give(subscription: Subscription, to: address) {
    transfer::transfer(subscription, to);
}

/// First moment that is not paid for, in ms since 1970.
public fun ends_at_ms(subscription: &Subscription): u64 {
    subscription.ends_at_ms
}

// === Entry functions ===

/// Lets whoever has subscribed to the service read with whose address the identity begins.
entry fun seal_approve<C>(
    id: vector<u8>,
    subscription: &Subscription,
    service: &Service<C>,
    clock: &Clock,
) {
    release::assert_current(service.version);
    assert!(prefix::matches(&id, object::id_address(service)), ENoAccess);
    assert!(subscription.service_id == object::id(service), ENoAccess);
    assert!(!service.is_revoked(object::id(subscription)), ENoAccess);
    assert!(clock.timestamp_ms() < subscription.ends_at_ms, ENoAccess);
}

// === Private functions ===

fun pay<C>(self: &mut Service<C>, payment: Coin<C>) {
    release::assert_current(self.version);
    assert!(payment.value() == self.price, EWrongPayment);
    self.income.join(payment.into_balance());
}

fun assert_cap<C>(self: &Service<C>, cap: &ServiceCap) {
    release::assert_current(self.version);
    assert!(cap.service_id == object::id(self), EWrongCap);
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing<C>(
    id: vector<u8>,
    subscription: &Subscription,
    service: &Service<C>,
    clock: &Clock,
) {
    seal_approve(id, subscription, service, clock);
}

#[test_only]
public(package) fun set_version_for_testing<C>(self: &mut Service<C>, version: u64) {
    self.version = version;
}
